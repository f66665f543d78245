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

#include <net/if.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/udp.h>
#include <stddef.h>

#include <libnftnl/chain.h>
#include <libnftnl/expr.h>
#include <libnftnl/rule.h>
#include <libnftnl/set.h>
#include <libnftnl/table.h>
#include <libnftnl/udata.h>
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

/** nft's numbers of the types of set keys, so that it can list them */
#define TYPE_IPV4_ADDR 7
#define TYPE_IPV6_ADDR 8
#define TYPE_MARK 19
#define CONCAT(a, b) ((a) << 6 | (b))

/** nft's number of the host's byte order */
#define BYTEORDER_HOST 1

/**
 * Create an expression with up to four numeric attributes, ended by a 0.
 */
static struct nftnl_expr *expr_create(char *name, ...)
{
	struct nftnl_expr *expr;
	uint16_t attr;
	va_list args;

	expr = nftnl_expr_alloc(name);
	va_start(args, name);
	while ((attr = va_arg(args, int)))
	{
		nftnl_expr_set_u32(expr, attr, va_arg(args, uint32_t));
	}
	va_end(args);
	return expr;
}

/**
 * Add an expression that compares a register.
 */
static void add_cmp(struct nftnl_rule *rule, const void *value, size_t len)
{
	struct nftnl_expr *expr;

	expr = expr_create("cmp", NFTNL_EXPR_CMP_SREG, NFT_REG_1,
					   NFTNL_EXPR_CMP_OP, NFT_CMP_EQ, 0);
	nftnl_expr_set(expr, NFTNL_EXPR_CMP_DATA, value, len);
	nftnl_rule_add_expr(rule, expr);
}

/**
 * Add expressions that compare a property of packets, of one byte.
 */
static void add_meta(struct nftnl_rule *rule, uint32_t key, uint8_t value)
{
	nftnl_rule_add_expr(rule, expr_create("meta",
						NFTNL_EXPR_META_KEY, key,
						NFTNL_EXPR_META_DREG, NFT_REG_1, 0));
	add_cmp(rule, &value, sizeof(value));
}

/**
 * Add an expression that loads bytes of a packet into a register.
 */
static void add_payload(struct nftnl_rule *rule, uint32_t base, uint32_t offset,
						uint32_t len, uint32_t reg)
{
	nftnl_rule_add_expr(rule, expr_create("payload",
						NFTNL_EXPR_PAYLOAD_BASE, base,
						NFTNL_EXPR_PAYLOAD_OFFSET, offset,
						NFTNL_EXPR_PAYLOAD_LEN, len,
						NFTNL_EXPR_PAYLOAD_DREG, reg, 0));
}

/**
 * Add an expression that logs packets.
 */
static void add_log(struct nftnl_rule *rule, char *prefix, uint16_t group)
{
	struct nftnl_expr *expr;

	expr = nftnl_expr_alloc("log");
	nftnl_expr_set_str(expr, NFTNL_EXPR_LOG_PREFIX, prefix);
	nftnl_expr_set_u16(expr, NFTNL_EXPR_LOG_GROUP, group);
	nftnl_rule_add_expr(rule, expr);
}

/**
 * Add an expression that brings an SPI in a register to host order, so that
 * nft lists keys as strongSwan and ip do.
 */
static void add_ntohl(struct nftnl_rule *rule, uint32_t reg)
{
	nftnl_rule_add_expr(rule, expr_create("byteorder",
					NFTNL_EXPR_BYTEORDER_SREG, reg,
					NFTNL_EXPR_BYTEORDER_DREG, reg,
					NFTNL_EXPR_BYTEORDER_OP, NFT_BYTEORDER_NTOH,
					NFTNL_EXPR_BYTEORDER_LEN, sizeof(uint32_t),
					NFTNL_EXPR_BYTEORDER_SIZE, sizeof(uint32_t), 0));
}

/**
 * Create a rule for a chain.
 */
static struct nftnl_rule *rule_create(char *chain)
{
	struct nftnl_rule *rule;

	rule = nftnl_rule_alloc();
	nftnl_rule_set_u32(rule, NFTNL_RULE_FAMILY, NFPROTO_INET);
	nftnl_rule_set_str(rule, NFTNL_RULE_TABLE, NFLOG_CAPTURE_TABLE);
	nftnl_rule_set_str(rule, NFTNL_RULE_CHAIN, chain);
	return rule;
}

/**
 * Add a rule to the transaction, and destroy it.
 */
static void commit_rule(nflog_capture_nft_t *nft, struct nftnl_rule *rule)
{
	nftnl_rule_nlmsg_build_payload(nft->add(nft, NFT_MSG_NEWRULE,
											NLM_F_CREATE | NLM_F_APPEND), rule);
	nftnl_rule_free(rule);
}

/**
 * Add a chain to, or delete it in the transaction.
 */
static void handle_chain(nflog_capture_nft_t *nft, uint16_t type, char *name,
						 int hook, int prio)
{
	struct nftnl_chain *chain;

	chain = nftnl_chain_alloc();
	nftnl_chain_set_u32(chain, NFTNL_CHAIN_FAMILY, NFPROTO_INET);
	nftnl_chain_set_str(chain, NFTNL_CHAIN_TABLE, NFLOG_CAPTURE_TABLE);
	nftnl_chain_set_str(chain, NFTNL_CHAIN_NAME, name);
	if (hook >= 0)
	{
		nftnl_chain_set_str(chain, NFTNL_CHAIN_TYPE, "filter");
		nftnl_chain_set_u32(chain, NFTNL_CHAIN_HOOKNUM, hook);
		nftnl_chain_set_s32(chain, NFTNL_CHAIN_PRIO, prio);
		nftnl_chain_set_u32(chain, NFTNL_CHAIN_POLICY, NF_ACCEPT);
	}
	nftnl_chain_nlmsg_build_payload(nft->add(nft, type,
							type == NFT_MSG_NEWCHAIN ? NLM_F_CREATE : 0), chain);
	nftnl_chain_free(chain);
}

/**
 * Remove a chain, and its rules.
 */
static void remove_chain(nflog_capture_nft_t *nft, char *name)
{
	struct nftnl_rule *rule;

	rule = rule_create(name);
	nftnl_rule_nlmsg_build_payload(nft->add(nft, NFT_MSG_DELRULE, 0), rule);
	nftnl_rule_free(rule);
	handle_chain(nft, NFT_MSG_DELCHAIN, name, -1, 0);
}

/**
 * Add a set, or a map to marks, the elements of which count packets.
 */
static void add_set(nflog_capture_nft_t *nft, char *name, uint32_t id,
					uint32_t type, size_t len, bool map)
{
	struct nftnl_udata_buf *udata;
	struct nftnl_set *set;

	set = nftnl_set_alloc();
	nftnl_set_set_u32(set, NFTNL_SET_FAMILY, NFPROTO_INET);
	nftnl_set_set_str(set, NFTNL_SET_TABLE, NFLOG_CAPTURE_TABLE);
	nftnl_set_set_str(set, NFTNL_SET_NAME, name);
	nftnl_set_set_u32(set, NFTNL_SET_ID, id);
	nftnl_set_set_u32(set, NFTNL_SET_KEY_TYPE, type);
	nftnl_set_set_u32(set, NFTNL_SET_KEY_LEN, len);
	if (map)
	{
		nftnl_set_set_u32(set, NFTNL_SET_FLAGS, NFT_SET_MAP);
		nftnl_set_set_u32(set, NFTNL_SET_DATA_TYPE, TYPE_MARK);
		nftnl_set_set_u32(set, NFTNL_SET_DATA_LEN, sizeof(uint32_t));
		/* so that nft lists marks as others do */
		udata = nftnl_udata_buf_alloc(NFT_USERDATA_MAXLEN);
		nftnl_udata_put_u32(udata, NFTNL_UDATA_SET_DATABYTEORDER,
							BYTEORDER_HOST);
		nftnl_set_set_data(set, NFTNL_SET_USERDATA, nftnl_udata_buf_data(udata),
						   nftnl_udata_buf_len(udata));
		nftnl_udata_buf_free(udata);
	}
	nftnl_set_add_expr(set, nftnl_expr_alloc("counter"));
	nftnl_set_nlmsg_build_payload(nft->add(nft, NFT_MSG_NEWSET, NLM_F_CREATE),
								  set);
	nftnl_set_free(set);
}

/**
 * Remove a set, after the rules that refer to it.
 */
static void remove_set(nflog_capture_nft_t *nft, char *name)
{
	struct nftnl_set *set;

	set = nftnl_set_alloc();
	nftnl_set_set_u32(set, NFTNL_SET_FAMILY, NFPROTO_INET);
	nftnl_set_set_str(set, NFTNL_SET_TABLE, NFLOG_CAPTURE_TABLE);
	nftnl_set_set_str(set, NFTNL_SET_NAME, name);
	nftnl_set_nlmsg_build_payload(nft->add(nft, NFT_MSG_DELSET, 0), set);
	nftnl_set_free(set);
}

/**
 * Add the rules of the wire side, in one direction.
 */
static void add_wire_rules(nflog_capture_nft_t *nft, char *chain,
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
			rule = rule_create(chain);
			add_meta(rule, NFT_META_L4PROTO, protos[i].proto);
			add_meta(rule, NFT_META_NFPROTO, families[j].family);
			add_payload(rule, NFT_PAYLOAD_NETWORK_HEADER, families[j].offset,
						families[j].len, NFT_REG32_00);
			add_payload(rule, NFT_PAYLOAD_TRANSPORT_HEADER, protos[i].offset,
						sizeof(uint32_t), reg);
			add_ntohl(rule, reg);
			expr = expr_create("lookup",
						NFTNL_EXPR_LOOKUP_SREG, NFT_REG32_00, 0);
			nftnl_expr_set_str(expr, NFTNL_EXPR_LOOKUP_SET, families[j].set);
			nftnl_rule_add_expr(rule, expr);
			add_log(rule, chain, group);
			commit_rule(nft, rule);
		}
	}
}

/**
 * Add an expression that sets the mark of packets.
 */
static void add_set_mark(struct nftnl_rule *rule, uint32_t reg)
{
	nftnl_rule_add_expr(rule, expr_create("meta",
						NFTNL_EXPR_META_KEY, NFT_META_MARK,
						NFTNL_EXPR_META_SREG, reg, 0));
}

/**
 * Add a rule of the plain side, in one direction.
 *
 * @param spnum			which of a packet's SAs to look at
 */
static void add_plain_rule(nflog_capture_nft_t *nft, char *chain, char *map,
						   uint8_t dir, uint32_t spnum, uint16_t group)
{
	static const uint32_t keys[] = { NFT_XFRM_KEY_REQID, NFT_XFRM_KEY_SPI };
	struct nftnl_rule *rule;
	struct nftnl_expr *expr;
	int i;

	rule = rule_create(chain);
	for (i = 0; i < countof(keys); i++)
	{
		expr = expr_create("xfrm", NFTNL_EXPR_XFRM_KEY, keys[i],
						   NFTNL_EXPR_XFRM_DREG, NFT_REG32_00 + i,
						   NFTNL_EXPR_XFRM_SPNUM, spnum, 0);
		nftnl_expr_set_u8(expr, NFTNL_EXPR_XFRM_DIR, dir);
		nftnl_rule_add_expr(rule, expr);
	}
	add_ntohl(rule, NFT_REG32_01);
	expr = expr_create("lookup", NFTNL_EXPR_LOOKUP_SREG, NFT_REG32_00,
					   NFTNL_EXPR_LOOKUP_DREG, NFT_REG32_02, 0);
	nftnl_expr_set_str(expr, NFTNL_EXPR_LOOKUP_SET, map);
	nftnl_rule_add_expr(rule, expr);
	nftnl_rule_add_expr(rule, expr_create("meta",
						NFTNL_EXPR_META_KEY, NFT_META_MARK,
						NFTNL_EXPR_META_DREG, NFT_REG32_03, 0));
	add_set_mark(rule, NFT_REG32_02);
	add_log(rule, chain, group);
	add_set_mark(rule, NFT_REG32_03);
	commit_rule(nft, rule);
}

/**
 * Add the chain that logs fragments of IPv6 packets.
 */
static void add_fragments(nflog_capture_nft_t *nft, uint16_t in)
{
	static const uint8_t protos[] = { IPPROTO_ESP, IPPROTO_AH, IPPROTO_UDP };
	struct nftnl_rule *rule;
	struct nftnl_expr *expr;
	int i;

	handle_chain(nft, NFT_MSG_NEWCHAIN, NFLOG_CAPTURE_FRAG_IN,
				 NF_INET_LOCAL_IN, NF_IP_PRI_RAW);
	for (i = 0; i < countof(protos); i++)
	{
		rule = rule_create(NFLOG_CAPTURE_FRAG_IN);
		add_meta(rule, NFT_META_NFPROTO, NFPROTO_IPV6);
		expr = expr_create("exthdr",
						NFTNL_EXPR_EXTHDR_DREG, NFT_REG_1,
						NFTNL_EXPR_EXTHDR_OFFSET,
						offsetof(struct ip6_frag, ip6f_nxt),
						NFTNL_EXPR_EXTHDR_LEN, sizeof(protos[i]),
						NFTNL_EXPR_EXTHDR_OP, NFT_EXTHDR_OP_IPV6, 0);
		nftnl_expr_set_u8(expr, NFTNL_EXPR_EXTHDR_TYPE, IPPROTO_FRAGMENT);
		nftnl_rule_add_expr(rule, expr);
		add_cmp(rule, &protos[i], sizeof(protos[i]));
		add_log(rule, NFLOG_CAPTURE_FRAG_IN, in);
		commit_rule(nft, rule);
	}
}

/*
 * Described in header
 */
void nflog_capture_table_add(nflog_capture_nft_t *nft, uint16_t in)
{
	struct nftnl_table *table;

	table = nftnl_table_alloc();
	nftnl_table_set_u32(table, NFTNL_TABLE_FAMILY, NFPROTO_INET);
	nftnl_table_set_str(table, NFTNL_TABLE_NAME, NFLOG_CAPTURE_TABLE);
	nftnl_table_set_u32(table, NFTNL_TABLE_FLAGS, NFT_TABLE_F_OWNER);
	nftnl_table_nlmsg_build_payload(nft->add(nft, NFT_MSG_NEWTABLE,
											 NLM_F_CREATE | NLM_F_EXCL), table);
	nftnl_table_free(table);
	add_fragments(nft, in);
}

/*
 * Described in header
 */
void nflog_capture_table_add_wire(nflog_capture_nft_t *nft, uint16_t in,
								  uint16_t out)
{
	add_set(nft, "esp-in-ipv4", 1, CONCAT(TYPE_IPV4_ADDR, TYPE_MARK), 8, FALSE);
	add_set(nft, "esp-in-ipv6", 2, CONCAT(TYPE_IPV6_ADDR, TYPE_MARK), 20, FALSE);
	add_set(nft, "esp-out-ipv4", 3, CONCAT(TYPE_IPV4_ADDR, TYPE_MARK), 8, FALSE);
	add_set(nft, "esp-out-ipv6", 4, CONCAT(TYPE_IPV6_ADDR, TYPE_MARK), 20, FALSE);

	handle_chain(nft, NFT_MSG_NEWCHAIN, NFLOG_CAPTURE_WIRE_IN,
				 NF_INET_LOCAL_IN, NF_IP_PRI_RAW);
	handle_chain(nft, NFT_MSG_NEWCHAIN, NFLOG_CAPTURE_WIRE_OUT,
				 NF_INET_LOCAL_OUT, NF_IP_PRI_RAW);

	add_wire_rules(nft, NFLOG_CAPTURE_WIRE_IN, in, "esp-in-ipv4",
				   "esp-in-ipv6");
	add_wire_rules(nft, NFLOG_CAPTURE_WIRE_OUT, out, "esp-out-ipv4",
				   "esp-out-ipv6");
}

/*
 * Described in header
 */
void nflog_capture_table_remove_wire(nflog_capture_nft_t *nft)
{
	remove_chain(nft, NFLOG_CAPTURE_WIRE_IN);
	remove_chain(nft, NFLOG_CAPTURE_WIRE_OUT);
	remove_set(nft, "esp-in-ipv4");
	remove_set(nft, "esp-in-ipv6");
	remove_set(nft, "esp-out-ipv4");
	remove_set(nft, "esp-out-ipv6");
}

/*
 * Described in header
 */
void nflog_capture_table_add_plain(nflog_capture_nft_t *nft, uint16_t in,
								   uint16_t out)
{
	add_set(nft, "plain-in-sas", 5, CONCAT(TYPE_MARK, TYPE_MARK), 8, TRUE);
	add_set(nft, "plain-out-sas", 6, CONCAT(TYPE_MARK, TYPE_MARK), 8, TRUE);

	handle_chain(nft, NFT_MSG_NEWCHAIN, NFLOG_CAPTURE_PLAIN_IN,
				 NF_INET_PRE_ROUTING, NF_IP_PRI_MANGLE);
	handle_chain(nft, NFT_MSG_NEWCHAIN, NFLOG_CAPTURE_PLAIN_OUT,
				 NF_INET_POST_ROUTING, PLAIN_OUT_PRIO);

	add_plain_rule(nft, NFLOG_CAPTURE_PLAIN_IN, "plain-in-sas",
				   XFRM_POLICY_IN, 0, in);
	add_plain_rule(nft, NFLOG_CAPTURE_PLAIN_OUT, "plain-out-sas",
				   XFRM_POLICY_OUT, 0, out);
	/* with IPComp, that is the first SA of packets that leave */
	add_plain_rule(nft, NFLOG_CAPTURE_PLAIN_OUT, "plain-out-sas",
				   XFRM_POLICY_OUT, 1, out);
}

/*
 * Described in header
 */
void nflog_capture_table_remove_plain(nflog_capture_nft_t *nft)
{
	remove_chain(nft, NFLOG_CAPTURE_PLAIN_IN);
	remove_chain(nft, NFLOG_CAPTURE_PLAIN_OUT);
	remove_set(nft, "plain-in-sas");
	remove_set(nft, "plain-out-sas");
}

/**
 * Add a rule that logs what passes a device, or devices of a kind.
 *
 * @param key			what to compare, one of NFT_META_*NAME and NFT_META_*KIND
 */
static void add_device_rule(nflog_capture_nft_t *nft, char *chain,
							uint32_t key, char *value, uint16_t group)
{
	struct nftnl_rule *rule;
	char name[IFNAMSIZ] = {};

	snprintf(name, sizeof(name), "%s", value);
	rule = rule_create(chain);
	nftnl_rule_add_expr(rule, expr_create("meta",
						NFTNL_EXPR_META_KEY, key,
						NFTNL_EXPR_META_DREG, NFT_REG_1, 0));
	add_cmp(rule, name, sizeof(name));
	add_log(rule, chain, group);
	commit_rule(nft, rule);
}

/*
 * Described in header
 */
void nflog_capture_table_add_tun(nflog_capture_nft_t *nft, uint16_t in,
								 uint16_t out, char *device)
{
	handle_chain(nft, NFT_MSG_NEWCHAIN, NFLOG_CAPTURE_TUN_IN,
				 NF_INET_PRE_ROUTING, NF_IP_PRI_MANGLE);
	handle_chain(nft, NFT_MSG_NEWCHAIN, NFLOG_CAPTURE_TUN_OUT,
				 NF_INET_POST_ROUTING, PLAIN_OUT_PRIO);
	add_device_rule(nft, NFLOG_CAPTURE_TUN_IN, NFT_META_IIFNAME, device, in);
	add_device_rule(nft, NFLOG_CAPTURE_TUN_OUT, NFT_META_OIFNAME, device, out);
}

/*
 * Described in header
 */
void nflog_capture_table_remove_tun(nflog_capture_nft_t *nft)
{
	remove_chain(nft, NFLOG_CAPTURE_TUN_IN);
	remove_chain(nft, NFLOG_CAPTURE_TUN_OUT);
}

/*
 * Described in header
 */
void nflog_capture_table_add_vti(nflog_capture_nft_t *nft, uint16_t in)
{
	handle_chain(nft, NFT_MSG_NEWCHAIN, NFLOG_CAPTURE_VTI_IN,
				 NF_INET_PRE_ROUTING, NF_IP_PRI_MANGLE);
	add_device_rule(nft, NFLOG_CAPTURE_VTI_IN, NFT_META_IIFKIND, "vti", in);
	add_device_rule(nft, NFLOG_CAPTURE_VTI_IN, NFT_META_IIFKIND, "vti6", in);
}

/*
 * Described in header
 */
void nflog_capture_table_remove_vti(nflog_capture_nft_t *nft)
{
	remove_chain(nft, NFLOG_CAPTURE_VTI_IN);
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
	rule = rule_create(chain);
	add_meta(rule, NFT_META_L4PROTO, IPPROTO_UDP);
	add_payload(rule, NFT_PAYLOAD_TRANSPORT_HEADER, offset, sizeof(port),
				NFT_REG_1);
	add_cmp(rule, &port, sizeof(port));
	if (marker)
	{
		add_payload(rule, NFT_PAYLOAD_TRANSPORT_HEADER, sizeof(struct udphdr),
					sizeof(non_esp), NFT_REG_1);
		add_cmp(rule, &non_esp, sizeof(non_esp));
	}
	add_log(rule, chain, group);
	commit_rule(nft, rule);
}

/*
 * Described in header
 */
void nflog_capture_table_add_ike(nflog_capture_nft_t *nft, uint16_t in,
								 uint16_t out, uint16_t port, uint16_t nat_t)
{
	const struct {
		char *name;
		int hook;
		uint16_t group;
		uint32_t offset;
	} chains[] = {
		{ NFLOG_CAPTURE_IKE_IN, NF_INET_LOCAL_IN, in,
		  offsetof(struct udphdr, dest) },
		{ NFLOG_CAPTURE_IKE_OUT, NF_INET_LOCAL_OUT, out,
		  offsetof(struct udphdr, source) },
	};
	int i;

	for (i = 0; i < countof(chains); i++)
	{
		handle_chain(nft, NFT_MSG_NEWCHAIN, chains[i].name, chains[i].hook,
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
	remove_chain(nft, NFLOG_CAPTURE_IKE_IN);
	remove_chain(nft, NFLOG_CAPTURE_IKE_OUT);
}
