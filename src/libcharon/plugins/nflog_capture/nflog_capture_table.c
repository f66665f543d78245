/*
 * Copyright (C) 2026 The nflog-capture authors
 *
 * This program is free software; you can redistribute it and/or modify it
 * under the terms of the GNU General Public License as published by the
 * Free Software Foundation; either version 2 of the License, or (at your
 * option) any later version.  See <http://www.fsf.org/copyleft/gpl.txt>.
 *
 * This program is distributed in the hope that it will be useful, but
 * WITHOUT ANY WARRANTY; without even the implied warranty of MERCHANTABILITY
 * or FITNESS FOR A PARTICULAR PURPOSE.  See the GNU General Public License
 * for more details.
 */

#include "nflog_capture_table.h"
#include "nflog_capture_rule.h"

#include <net/if.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/udp.h>
#include <stddef.h>

#include <libnftnl/table.h>
#include <linux/netfilter.h>
#include <linux/netfilter_ipv4.h>
#include <linux/netfilter/nf_tables.h>

/**
 * Priority of what leaves in the clear: behind source NAT, which may be what
 * gets packets into an SA (nf_xfrm_me_harder() in the kernel's nf_nat_core.c),
 * and so with the addresses that are encapsulated.
 */
#define PLAIN_OUT_PRIO (NF_IP_PRI_NAT_SRC + 50)

/** directions of the kernel's xfrm.h, which does not go with strongSwan's */
#define XFRM_POLICY_IN 0
#define XFRM_POLICY_OUT 1

/** types of set keys */
#define KEY_IPV4 (NFLOG_CAPTURE_TYPE_IPV4_ADDR << 6 | NFLOG_CAPTURE_TYPE_MARK)
#define KEY_IPV6 (NFLOG_CAPTURE_TYPE_IPV6_ADDR << 6 | NFLOG_CAPTURE_TYPE_MARK)
#define KEY_REQID (NFLOG_CAPTURE_TYPE_MARK << 6 | NFLOG_CAPTURE_TYPE_MARK)

/** longest name of a chain, with the number of a lane */
#define CHAIN_LEN 32

/** NFLOG groups of a lane: packets that arrive, and that leave */
#define GROUP_IN(group, lane) ((group) + 2 * (lane))
#define GROUP_OUT(group, lane) (GROUP_IN(group, lane) + 1)

/**
 * Get the name of the chain with the rules of a lane.
 */
static char *get_chain(char buf[CHAIN_LEN], char *name, u_int lanes, u_int lane)
{
	if (lanes == 1)
	{
		return name;
	}
	snprintf(buf, CHAIN_LEN, "%s-%u", name, lane);
	return buf;
}

/**
 * Add a chain at a hook.  If there are several lanes, each has a chain of its own,
 * and the first one leads there.
 */
static void add_hook(nflog_capture_nft_t *nft, u_int lanes, char *name, int hook,
					 int prio)
{
	struct nftnl_rule *rule;
	char chain[CHAIN_LEN];
	u_int i;

	nflog_capture_rule_add_chain(nft, name, hook, prio);
	for (i = 0; lanes > 1 && i < lanes; i++)
	{
		get_chain(chain, name, lanes, i);
		nflog_capture_rule_add_chain(nft, chain, -1, 0);
		rule = nflog_capture_rule_create(name);
		if (i < lanes - 1)
		{
			nflog_capture_rule_processor(rule, lanes - 1, i);
		}
		nflog_capture_rule_goto(rule, chain);
		nflog_capture_rule_commit(nft, rule);
	}
}

/**
 * Remove the chains of a hook.
 */
static void remove_hook(nflog_capture_nft_t *nft, u_int lanes, char *name)
{
	char chain[CHAIN_LEN];
	u_int i;

	nflog_capture_rule_remove_chain(nft, name);
	for (i = 0; lanes > 1 && i < lanes; i++)
	{
		nflog_capture_rule_remove_chain(nft, get_chain(chain, name, lanes, i));
	}
}

/**
 * Add the rules of the wire side, in one direction.
 */
static void add_wire_rules(nflog_capture_nft_t *nft, char *chain, char *prefix,
						   uint16_t group, char *ipv4, char *ipv6)
{
	static const struct {
		uint8_t proto;
		/* offset of the SPI, in UDP it is 0 for IKE, RFC 3948, section 2.2 */
		uint32_t offset;
	} protos[] = {
		{ IPPROTO_ESP, 0 },
		{ IPPROTO_UDP, 8 },
		{ IPPROTO_AH, 4 },
	};
	const struct {
		uint8_t family;
		char *set;
		uint32_t offset;
		uint32_t len;
	} families[] = {
		{ NFPROTO_IPV4, ipv4, offsetof(struct iphdr, daddr), 4 },
		{ NFPROTO_IPV6, ipv6, offsetof(struct ip6_hdr, ip6_dst), 16 },
	};
	struct nftnl_rule *rule;
	struct nftnl_expr *expr;
	uint32_t reg;
	int i, j;

	for (i = 0; i < countof(protos); i++)
	{
		for (j = 0; j < countof(families); j++)
		{
			reg = NFT_REG32_00 + families[j].len / sizeof(uint32_t);
			rule = nflog_capture_rule_create(chain);
			nflog_capture_rule_meta(rule, NFT_META_L4PROTO, protos[i].proto);
			nflog_capture_rule_meta(rule, NFT_META_NFPROTO, families[j].family);
			nflog_capture_rule_payload(rule, NFT_PAYLOAD_NETWORK_HEADER,
						families[j].offset, families[j].len, NFT_REG32_00);
			nflog_capture_rule_payload(rule, NFT_PAYLOAD_TRANSPORT_HEADER,
						protos[i].offset, sizeof(uint32_t), reg);
			nflog_capture_rule_ntohl(rule, reg);
			expr = nflog_capture_rule_expr("lookup",
						NFTNL_EXPR_LOOKUP_SREG, NFT_REG32_00, 0);
			nftnl_expr_set_str(expr, NFTNL_EXPR_LOOKUP_SET, families[j].set);
			nftnl_rule_add_expr(rule, expr);
			nflog_capture_rule_log(rule, prefix, group);
			nflog_capture_rule_commit(nft, rule);
		}
	}
}

/**
 * Add a rule of the plain side, in one direction.
 *
 * @param spnum			which of a packet's SAs to look at
 */
static void add_plain_rule(nflog_capture_nft_t *nft, char *chain, char *prefix,
						   char *map, uint8_t dir, uint32_t spnum,
						   uint16_t group)
{
	static const uint32_t keys[] = { NFT_XFRM_KEY_REQID, NFT_XFRM_KEY_SPI };
	struct nftnl_rule *rule;
	struct nftnl_expr *expr;
	int i;

	rule = nflog_capture_rule_create(chain);
	for (i = 0; i < countof(keys); i++)
	{
		expr = nflog_capture_rule_expr("xfrm",
						NFTNL_EXPR_XFRM_KEY, keys[i],
						NFTNL_EXPR_XFRM_DREG, NFT_REG32_00 + i,
						NFTNL_EXPR_XFRM_SPNUM, spnum, 0);
		nftnl_expr_set_u8(expr, NFTNL_EXPR_XFRM_DIR, dir);
		nftnl_rule_add_expr(rule, expr);
	}
	nflog_capture_rule_ntohl(rule, NFT_REG32_01);
	expr = nflog_capture_rule_expr("lookup",
						NFTNL_EXPR_LOOKUP_SREG, NFT_REG32_00,
						NFTNL_EXPR_LOOKUP_DREG, NFT_REG32_02, 0);
	nftnl_expr_set_str(expr, NFTNL_EXPR_LOOKUP_SET, map);
	nftnl_rule_add_expr(rule, expr);
	nftnl_rule_add_expr(rule, nflog_capture_rule_expr("meta",
						NFTNL_EXPR_META_KEY, NFT_META_MARK,
						NFTNL_EXPR_META_DREG, NFT_REG32_03, 0));
	nflog_capture_rule_set_mark(rule, NFT_REG32_02);
	nflog_capture_rule_log(rule, prefix, group);
	nflog_capture_rule_set_mark(rule, NFT_REG32_03);
	nflog_capture_rule_commit(nft, rule);
}

/**
 * Add the chain that logs fragments of IPv6 packets.
 */
static void add_fragments(nflog_capture_nft_t *nft, uint16_t group)
{
	static const uint8_t protos[] = { IPPROTO_ESP, IPPROTO_AH, IPPROTO_UDP };
	struct nftnl_rule *rule;
	struct nftnl_expr *expr;
	int i;

	nflog_capture_rule_add_chain(nft, NFLOG_CAPTURE_FRAG_IN, NF_INET_LOCAL_IN,
								 NF_IP_PRI_RAW);
	for (i = 0; i < countof(protos); i++)
	{
		rule = nflog_capture_rule_create(NFLOG_CAPTURE_FRAG_IN);
		nflog_capture_rule_meta(rule, NFT_META_NFPROTO, NFPROTO_IPV6);
		expr = nflog_capture_rule_expr("exthdr",
						NFTNL_EXPR_EXTHDR_DREG, NFT_REG_1,
						NFTNL_EXPR_EXTHDR_OFFSET,
						offsetof(struct ip6_frag, ip6f_nxt),
						NFTNL_EXPR_EXTHDR_LEN, sizeof(protos[i]),
						NFTNL_EXPR_EXTHDR_OP, NFT_EXTHDR_OP_IPV6, 0);
		nftnl_expr_set_u8(expr, NFTNL_EXPR_EXTHDR_TYPE, IPPROTO_FRAGMENT);
		nftnl_rule_add_expr(rule, expr);
		nflog_capture_rule_cmp(rule, &protos[i], sizeof(protos[i]));
		nflog_capture_rule_log(rule, NFLOG_CAPTURE_FRAG_IN, GROUP_IN(group, 0));
		nflog_capture_rule_commit(nft, rule);
	}
}

/*
 * Described in header
 */
void nflog_capture_table_add(nflog_capture_nft_t *nft, uint16_t group)
{
	struct nftnl_table *table;

	table = nftnl_table_alloc();
	nftnl_table_set_u32(table, NFTNL_TABLE_FAMILY, NFPROTO_INET);
	nftnl_table_set_str(table, NFTNL_TABLE_NAME, NFLOG_CAPTURE_TABLE);
	nftnl_table_set_u32(table, NFTNL_TABLE_FLAGS, NFT_TABLE_F_OWNER);
	nftnl_table_nlmsg_build_payload(nft->add(nft, NFT_MSG_NEWTABLE,
											 NLM_F_CREATE | NLM_F_EXCL), table);
	nftnl_table_free(table);
	add_fragments(nft, group);
}

/*
 * Described in header
 */
void nflog_capture_table_add_wire(nflog_capture_nft_t *nft, uint16_t group,
								  u_int lanes)
{
	char buf[CHAIN_LEN];
	u_int i;

	nflog_capture_rule_add_set(nft, "esp-in-ipv4", 1, KEY_IPV4, 8, FALSE);
	nflog_capture_rule_add_set(nft, "esp-in-ipv6", 2, KEY_IPV6, 20, FALSE);
	nflog_capture_rule_add_set(nft, "esp-out-ipv4", 3, KEY_IPV4, 8, FALSE);
	nflog_capture_rule_add_set(nft, "esp-out-ipv6", 4, KEY_IPV6, 20, FALSE);

	add_hook(nft, lanes, NFLOG_CAPTURE_WIRE_IN, NF_INET_LOCAL_IN,
			 NF_IP_PRI_RAW);
	add_hook(nft, lanes, NFLOG_CAPTURE_WIRE_OUT, NF_INET_LOCAL_OUT,
			 NF_IP_PRI_RAW);
	for (i = 0; i < lanes; i++)
	{
		add_wire_rules(nft, get_chain(buf, NFLOG_CAPTURE_WIRE_IN, lanes, i),
					   NFLOG_CAPTURE_WIRE_IN, GROUP_IN(group, i), "esp-in-ipv4",
					   "esp-in-ipv6");
		add_wire_rules(nft, get_chain(buf, NFLOG_CAPTURE_WIRE_OUT, lanes, i),
					   NFLOG_CAPTURE_WIRE_OUT, GROUP_OUT(group, i),
					   "esp-out-ipv4", "esp-out-ipv6");
	}
}

/*
 * Described in header
 */
void nflog_capture_table_remove_wire(nflog_capture_nft_t *nft, u_int lanes)
{
	remove_hook(nft, lanes, NFLOG_CAPTURE_WIRE_IN);
	remove_hook(nft, lanes, NFLOG_CAPTURE_WIRE_OUT);
	nflog_capture_rule_remove_set(nft, "esp-in-ipv4");
	nflog_capture_rule_remove_set(nft, "esp-in-ipv6");
	nflog_capture_rule_remove_set(nft, "esp-out-ipv4");
	nflog_capture_rule_remove_set(nft, "esp-out-ipv6");
}

/*
 * Described in header
 */
void nflog_capture_table_add_plain(nflog_capture_nft_t *nft, uint16_t group,
								   u_int lanes)
{
	char buf[CHAIN_LEN], *chain;
	u_int i;

	nflog_capture_rule_add_set(nft, "plain-in-sas", 5, KEY_REQID, 8, TRUE);
	nflog_capture_rule_add_set(nft, "plain-out-sas", 6, KEY_REQID, 8, TRUE);

	add_hook(nft, lanes, NFLOG_CAPTURE_PLAIN_IN, NF_INET_PRE_ROUTING,
			 NF_IP_PRI_MANGLE);
	add_hook(nft, lanes, NFLOG_CAPTURE_PLAIN_OUT, NF_INET_POST_ROUTING,
			 PLAIN_OUT_PRIO);
	for (i = 0; i < lanes; i++)
	{
		chain = get_chain(buf, NFLOG_CAPTURE_PLAIN_IN, lanes, i);
		add_plain_rule(nft, chain, NFLOG_CAPTURE_PLAIN_IN, "plain-in-sas",
					   XFRM_POLICY_IN, 0, GROUP_IN(group, i));
		chain = get_chain(buf, NFLOG_CAPTURE_PLAIN_OUT, lanes, i);
		add_plain_rule(nft, chain, NFLOG_CAPTURE_PLAIN_OUT, "plain-out-sas",
					   XFRM_POLICY_OUT, 0, GROUP_OUT(group, i));
		/* with IPComp, that is the first SA of packets that leave */
		add_plain_rule(nft, chain, NFLOG_CAPTURE_PLAIN_OUT, "plain-out-sas",
					   XFRM_POLICY_OUT, 1, GROUP_OUT(group, i));
	}
}

/*
 * Described in header
 */
void nflog_capture_table_remove_plain(nflog_capture_nft_t *nft, u_int lanes)
{
	remove_hook(nft, lanes, NFLOG_CAPTURE_PLAIN_IN);
	remove_hook(nft, lanes, NFLOG_CAPTURE_PLAIN_OUT);
	nflog_capture_rule_remove_set(nft, "plain-in-sas");
	nflog_capture_rule_remove_set(nft, "plain-out-sas");
}

/**
 * Add a rule that logs what passes a device, or devices of a kind.
 *
 * @param key			what to compare, one of NFT_META_*NAME and NFT_META_*KIND
 */
static void add_device_rule(nflog_capture_nft_t *nft, char *chain, char *prefix,
							uint32_t key, char *value, uint16_t group)
{
	struct nftnl_rule *rule;
	char name[IFNAMSIZ] = {};

	snprintf(name, sizeof(name), "%s", value);
	rule = nflog_capture_rule_create(chain);
	nftnl_rule_add_expr(rule, nflog_capture_rule_expr("meta",
						NFTNL_EXPR_META_KEY, key,
						NFTNL_EXPR_META_DREG, NFT_REG_1, 0));
	nflog_capture_rule_cmp(rule, name, sizeof(name));
	nflog_capture_rule_log(rule, prefix, group);
	nflog_capture_rule_commit(nft, rule);
}

/*
 * Described in header
 */
void nflog_capture_table_add_tun(nflog_capture_nft_t *nft, uint16_t group,
								 char *device)
{
	nflog_capture_rule_add_chain(nft, NFLOG_CAPTURE_TUN_IN, NF_INET_PRE_ROUTING,
								 NF_IP_PRI_MANGLE);
	nflog_capture_rule_add_chain(nft, NFLOG_CAPTURE_TUN_OUT,
								 NF_INET_POST_ROUTING, PLAIN_OUT_PRIO);
	add_device_rule(nft, NFLOG_CAPTURE_TUN_IN, NFLOG_CAPTURE_TUN_IN,
					NFT_META_IIFNAME, device, GROUP_IN(group, 0));
	add_device_rule(nft, NFLOG_CAPTURE_TUN_OUT, NFLOG_CAPTURE_TUN_OUT,
					NFT_META_OIFNAME, device, GROUP_OUT(group, 0));
}

/*
 * Described in header
 */
void nflog_capture_table_remove_tun(nflog_capture_nft_t *nft)
{
	nflog_capture_rule_remove_chain(nft, NFLOG_CAPTURE_TUN_IN);
	nflog_capture_rule_remove_chain(nft, NFLOG_CAPTURE_TUN_OUT);
}

/*
 * Described in header
 */
void nflog_capture_table_add_vti(nflog_capture_nft_t *nft, uint16_t group,
								 u_int lanes)
{
	static char *kinds[] = { "vti", "vti6" };
	char buf[CHAIN_LEN];
	u_int i, j;

	add_hook(nft, lanes, NFLOG_CAPTURE_VTI_IN, NF_INET_PRE_ROUTING,
			 NF_IP_PRI_MANGLE);
	for (i = 0; i < lanes; i++)
	{
		for (j = 0; j < countof(kinds); j++)
		{
			add_device_rule(nft, get_chain(buf, NFLOG_CAPTURE_VTI_IN, lanes, i),
							NFLOG_CAPTURE_VTI_IN, NFT_META_IIFKIND, kinds[j],
							GROUP_IN(group, i));
		}
	}
}

/*
 * Described in header
 */
void nflog_capture_table_remove_vti(nflog_capture_nft_t *nft, u_int lanes)
{
	remove_hook(nft, lanes, NFLOG_CAPTURE_VTI_IN);
}

/**
 * Add a rule that logs IKE messages.
 */
static void add_ike_rule(nflog_capture_nft_t *nft, char *chain, uint16_t group,
						 uint32_t offset, uint16_t port, bool marker)
{
	static const uint32_t non_esp = 0;
	struct nftnl_rule *rule;

	if (!port)
	{
		return;
	}
	port = htons(port);
	rule = nflog_capture_rule_create(chain);
	nflog_capture_rule_meta(rule, NFT_META_L4PROTO, IPPROTO_UDP);
	nflog_capture_rule_payload(rule, NFT_PAYLOAD_TRANSPORT_HEADER, offset,
							   sizeof(port), NFT_REG_1);
	nflog_capture_rule_cmp(rule, &port, sizeof(port));
	if (marker)
	{
		nflog_capture_rule_payload(rule, NFT_PAYLOAD_TRANSPORT_HEADER,
								   sizeof(struct udphdr), sizeof(non_esp),
								   NFT_REG_1);
		nflog_capture_rule_cmp(rule, &non_esp, sizeof(non_esp));
	}
	nflog_capture_rule_log(rule, chain, group);
	nflog_capture_rule_commit(nft, rule);
}

/*
 * Described in header
 */
void nflog_capture_table_add_ike(nflog_capture_nft_t *nft, uint16_t group,
								 uint16_t port, uint16_t nat_t)
{
	const struct {
		char *name;
		int hook;
		uint16_t group;
		uint32_t offset;
	} chains[] = {
		{ NFLOG_CAPTURE_IKE_IN, NF_INET_LOCAL_IN, GROUP_IN(group, 0),
		  offsetof(struct udphdr, dest) },
		{ NFLOG_CAPTURE_IKE_OUT, NF_INET_LOCAL_OUT, GROUP_OUT(group, 0),
		  offsetof(struct udphdr, source) },
	};
	int i;

	for (i = 0; i < countof(chains); i++)
	{
		nflog_capture_rule_add_chain(nft, chains[i].name, chains[i].hook,
									 NF_IP_PRI_RAW);
		add_ike_rule(nft, chains[i].name, chains[i].group, chains[i].offset,
					 port, FALSE);
		add_ike_rule(nft, chains[i].name, chains[i].group, chains[i].offset,
					 nat_t, TRUE);
	}
}

/*
 * Described in header
 */
void nflog_capture_table_remove_ike(nflog_capture_nft_t *nft)
{
	nflog_capture_rule_remove_chain(nft, NFLOG_CAPTURE_IKE_IN);
	nflog_capture_rule_remove_chain(nft, NFLOG_CAPTURE_IKE_OUT);
}
