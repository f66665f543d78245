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

#include "nft_table.h"
#include "element.h"
#include "nft_hook.h"
#include "nft_rule.h"
#include "nft_set.h"

#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/udp.h>
#include <stddef.h>

#include <libnftnl/table.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

/**
 * Add the rules of the ESP side, in one direction.
 */
static void add_wire_rules(nflog_nft_socket_t *nft, char *chain, char *prefix,
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
		/* register behind the address */
		uint32_t reg;
	} families[] = {
		{ NFPROTO_IPV4, ipv4, offsetof(struct iphdr, daddr), 4,
		  NFT_REG32_01 },
		{ NFPROTO_IPV6, ipv6, offsetof(struct ip6_hdr, ip6_dst), 16,
		  NFT_REG_2 },
	};
	struct nftnl_rule *rule;
	int i, j;

	for (i = 0; i < countof(protos); i++)
	{
		for (j = 0; j < countof(families); j++)
		{
			rule = nflog_nft_rule_create(chain);
			nflog_nft_rule_meta(rule, NFT_META_NFPROTO, families[j].family);
			nflog_nft_rule_meta(rule, NFT_META_L4PROTO, protos[i].proto);
			nflog_nft_rule_payload(rule, NFT_PAYLOAD_NETWORK_HEADER,
						families[j].offset, families[j].len, NFT_REG_1);
			nflog_nft_rule_payload(rule, NFT_PAYLOAD_TRANSPORT_HEADER,
						protos[i].offset, sizeof(uint32_t), families[j].reg);
			nflog_nft_rule_lookup(rule, NFT_REG_1, families[j].set);
			nflog_nft_rule_log(rule, prefix, group);
			nflog_nft_rule_commit(nft, rule);
		}
	}
}

/**
 * Create the description of our table.
 */
static struct nftnl_table *create_table()
{
	struct nftnl_table *table;

	table = nftnl_table_alloc();
	nftnl_table_set_u32(table, NFTNL_TABLE_FAMILY, NFPROTO_INET);
	nftnl_table_set_str(table, NFTNL_TABLE_NAME, NFLOG_NFT_TABLE_NAME);
	return table;
}

/**
 * Build a request for our table.
 */
static void build_get(struct nlmsghdr *hdr, void *data)
{
	struct nftnl_table *table = create_table();

	nftnl_table_nlmsg_build_payload(hdr, table);
	nftnl_table_free(table);
}

/**
 * Parse the answer, data is set to TRUE if the table has no owner.
 */
static int parse_get(const struct nlmsghdr *hdr, void *data)
{
	struct nftnl_table *table = nftnl_table_alloc();

	if (nftnl_table_nlmsg_parse(hdr, table) == 0)
	{
		*(bool*)data = !nftnl_table_is_set(table, NFTNL_TABLE_OWNER);
	}
	nftnl_table_free(table);
	return MNL_CB_OK;
}

/**
 * Remove a table that has our name but no owner: somebody loaded a listing of it.
 */
static void remove_leftover(nflog_nft_socket_t *nft)
{
	struct nftnl_table *table;
	bool leftover = FALSE;

	/* if there is none, that is an error as well */
	if (nft->request(nft, NFT_MSG_GETTABLE, build_get, parse_get, &leftover) ||
		!leftover)
	{
		return;
	}
	DBG1(DBG_KNL, "replacing nftables table 'inet " NFLOG_NFT_TABLE_NAME "' without "
		 "owner, remove it from the saved ruleset that it was loaded from");
	table = create_table();
	nftnl_table_nlmsg_build_payload(nft->add(nft, NFT_MSG_DELTABLE, 0), table);
	nftnl_table_free(table);
}

/*
 * Described in header
 */
void nflog_nft_table_add(nflog_nft_socket_t *nft)
{
	struct nftnl_table *table;

	remove_leftover(nft);
	table = create_table();
	nftnl_table_set_u32(table, NFTNL_TABLE_FLAGS, NFT_TABLE_F_OWNER);
	nftnl_table_nlmsg_build_payload(nft->add(nft, NFT_MSG_NEWTABLE,
											 NLM_F_CREATE | NLM_F_EXCL), table);
	nftnl_table_free(table);
}

/*
 * Described in header
 */
void nflog_nft_table_add_fragments(nflog_nft_socket_t *nft, uint16_t group)
{
	static const uint8_t exists = 1;
	struct nftnl_rule *rule;
	struct nftnl_expr *expr;

	nflog_nft_rule_add_chain(nft, NFLOG_FRAG_IN, NF_INET_LOCAL_IN,
							 NF_IP_PRI_RAW);
	rule = nflog_nft_rule_create(NFLOG_FRAG_IN);
	nflog_nft_rule_meta(rule, NFT_META_NFPROTO, NFPROTO_IPV6);
	expr = nflog_nft_rule_expr("exthdr",
						NFTNL_EXPR_EXTHDR_DREG, NFT_REG_1,
						NFTNL_EXPR_EXTHDR_OFFSET, 0,
						NFTNL_EXPR_EXTHDR_LEN, sizeof(exists),
						NFTNL_EXPR_EXTHDR_FLAGS, NFT_EXTHDR_F_PRESENT,
						NFTNL_EXPR_EXTHDR_OP, NFT_EXTHDR_OP_IPV6, 0);
	nftnl_expr_set_u8(expr, NFTNL_EXPR_EXTHDR_TYPE, IPPROTO_FRAGMENT);
	nftnl_rule_add_expr(rule, expr);
	nflog_nft_rule_cmp(rule, &exists, sizeof(exists));
	nflog_nft_rule_log(rule, NFLOG_FRAG_IN, NFLOG_GROUP_IN(group, 0));
	nflog_nft_rule_commit(nft, rule);
}

/*
 * Described in header
 */
void nflog_nft_table_remove_fragments(nflog_nft_socket_t *nft)
{
	nflog_nft_rule_remove_chain(nft, NFLOG_FRAG_IN);
}

/*
 * Described in header
 */
void nflog_nft_table_add_wire(nflog_nft_socket_t *nft, uint16_t group,
							  u_int lanes)
{
	char buf[NFLOG_CHAIN_LEN];
	u_int i;

	nflog_nft_set_add(nft, "esp-in-ipv4", 1, SET_WIRE_IPV4);
	nflog_nft_set_add(nft, "esp-in-ipv6", 2, SET_WIRE_IPV6);
	nflog_nft_set_add(nft, "esp-out-ipv4", 3, SET_WIRE_IPV4);
	nflog_nft_set_add(nft, "esp-out-ipv6", 4, SET_WIRE_IPV6);

	nflog_nft_rule_add_chain(nft, NFLOG_WIRE_IN, NF_INET_LOCAL_IN,
							 NF_IP_PRI_RAW);
	nflog_nft_hook_spread(nft, NFLOG_WIRE_IN, lanes);
	nflog_nft_rule_add_chain(nft, NFLOG_WIRE_OUT, NF_INET_LOCAL_OUT,
							 NF_IP_PRI_RAW);
	nflog_nft_hook_skip_vrf(nft, NFLOG_WIRE_OUT);
	nflog_nft_hook_spread(nft, NFLOG_WIRE_OUT, lanes);
	for (i = 0; i < lanes; i++)
	{
		add_wire_rules(nft, nflog_nft_hook_get_chain(buf, NFLOG_WIRE_IN, lanes, i),
					   NFLOG_WIRE_IN, NFLOG_GROUP_IN(group, i), "esp-in-ipv4",
					   "esp-in-ipv6");
		add_wire_rules(nft, nflog_nft_hook_get_chain(buf, NFLOG_WIRE_OUT, lanes, i),
					   NFLOG_WIRE_OUT, NFLOG_GROUP_OUT(group, i),
					   "esp-out-ipv4", "esp-out-ipv6");
	}
}

/*
 * Described in header
 */
void nflog_nft_table_remove_wire(nflog_nft_socket_t *nft, u_int lanes)
{
	nflog_nft_hook_remove(nft, NFLOG_WIRE_IN, lanes);
	nflog_nft_hook_remove(nft, NFLOG_WIRE_OUT, lanes);
	nflog_nft_set_remove(nft, "esp-in-ipv4");
	nflog_nft_set_remove(nft, "esp-in-ipv6");
	nflog_nft_set_remove(nft, "esp-out-ipv4");
	nflog_nft_set_remove(nft, "esp-out-ipv6");
}

/**
 * Add a chain that logs, and counts, what passes the TUN device in one direction.
 *
 * @param key			NFT_META_IIFNAME or NFT_META_OIFNAME
 */
static void add_tun_chain(nflog_nft_socket_t *nft, char *chain, int hook, int prio,
						  uint32_t key, nflog_element_t device, uint32_t id,
						  uint16_t group)
{
	struct nftnl_rule *rule;

	nflog_nft_set_add(nft, device.set, id, SET_DEVICE);
	nflog_element_build(nft->add(nft, NFT_MSG_NEWSETELEM,
						NLM_F_CREATE | NLM_F_EXCL), &device);
	nflog_nft_rule_add_chain(nft, chain, hook, prio);
	rule = nflog_nft_rule_create(chain);
	nftnl_rule_add_expr(rule, nflog_nft_rule_expr("meta",
						NFTNL_EXPR_META_KEY, key,
						NFTNL_EXPR_META_DREG, NFT_REG_1, 0));
	nflog_nft_rule_lookup(rule, NFT_REG_1, device.set);
	nflog_nft_rule_log(rule, chain, group);
	nflog_nft_rule_commit(nft, rule);
}

/*
 * Described in header
 */
void nflog_nft_table_add_tun(nflog_nft_socket_t *nft, uint16_t group)
{
	add_tun_chain(nft, NFLOG_TUN_IN, NF_INET_PRE_ROUTING, NF_IP_PRI_MANGLE,
				  NFT_META_IIFNAME, nflog_element_tun(TRUE), 7,
				  NFLOG_GROUP_IN(group, 0));
	add_tun_chain(nft, NFLOG_TUN_OUT, NF_INET_POST_ROUTING,
				  NFLOG_NFT_PLAIN_OUT_PRIO, NFT_META_OIFNAME,
				  nflog_element_tun(FALSE), 8, NFLOG_GROUP_OUT(group, 0));
}

/*
 * Described in header
 */
void nflog_nft_table_remove_tun(nflog_nft_socket_t *nft)
{
	nflog_nft_rule_remove_chain(nft, NFLOG_TUN_IN);
	nflog_nft_rule_remove_chain(nft, NFLOG_TUN_OUT);
	nflog_nft_set_remove(nft, nflog_element_tun(TRUE).set);
	nflog_nft_set_remove(nft, nflog_element_tun(FALSE).set);
}

/*
 * Described in header
 */
void nflog_nft_table_add_vti(nflog_nft_socket_t *nft, uint16_t group,
							 u_int lanes)
{
	static char *kinds[] = { "vti", "vti6" };
	struct nftnl_rule *rule;
	char buf[NFLOG_CHAIN_LEN];
	u_int i, j;

	nflog_nft_rule_add_chain(nft, NFLOG_VTI_IN, NF_INET_PRE_ROUTING,
							 NF_IP_PRI_MANGLE);
	nflog_nft_hook_spread(nft, NFLOG_VTI_IN, lanes);
	for (i = 0; i < lanes; i++)
	{
		for (j = 0; j < countof(kinds); j++)
		{
			rule = nflog_nft_rule_create(nflog_nft_hook_get_chain(buf,
												NFLOG_VTI_IN, lanes, i));
			nflog_nft_rule_device(rule, NFT_META_IIFKIND, kinds[j]);
			nflog_nft_rule_log(rule, NFLOG_VTI_IN, NFLOG_GROUP_IN(group, i));
			nflog_nft_rule_commit(nft, rule);
		}
	}
}

/*
 * Described in header
 */
void nflog_nft_table_remove_vti(nflog_nft_socket_t *nft, u_int lanes)
{
	nflog_nft_hook_remove(nft, NFLOG_VTI_IN, lanes);
}

/**
 * Add a rule that logs IKE messages.
 */
static void add_ike_rule(nflog_nft_socket_t *nft, char *chain, uint16_t group,
						 uint32_t offset, uint16_t port, bool marker)
{
	static const uint32_t non_esp = 0;
	struct nftnl_rule *rule;

	if (!port)
	{
		return;
	}
	port = htons(port);
	rule = nflog_nft_rule_create(chain);
	nflog_nft_rule_meta(rule, NFT_META_L4PROTO, IPPROTO_UDP);
	nflog_nft_rule_payload(rule, NFT_PAYLOAD_TRANSPORT_HEADER, offset,
						   sizeof(port), NFT_REG_1);
	nflog_nft_rule_cmp(rule, &port, sizeof(port));
	if (marker)
	{
		nflog_nft_rule_payload(rule, NFT_PAYLOAD_TRANSPORT_HEADER,
							   sizeof(struct udphdr), sizeof(non_esp),
							   NFT_REG_1);
		nflog_nft_rule_cmp(rule, &non_esp, sizeof(non_esp));
	}
	nflog_nft_rule_log(rule, chain, group);
	nflog_nft_rule_commit(nft, rule);
}

/*
 * Described in header
 */
void nflog_nft_table_add_ike(nflog_nft_socket_t *nft, uint16_t group,
							 uint16_t port, uint16_t nat_t)
{
	const struct {
		char *name;
		int hook;
		uint16_t group;
		uint32_t offset;
	} chains[] = {
		{ NFLOG_IKE_IN, NF_INET_LOCAL_IN, NFLOG_GROUP_IN(group, 0),
		  offsetof(struct udphdr, dest) },
		{ NFLOG_IKE_OUT, NF_INET_LOCAL_OUT, NFLOG_GROUP_OUT(group, 0),
		  offsetof(struct udphdr, source) },
	};
	int i;

	for (i = 0; i < countof(chains); i++)
	{
		nflog_nft_rule_add_chain(nft, chains[i].name, chains[i].hook,
								 NF_IP_PRI_RAW);
		if (chains[i].hook == NF_INET_LOCAL_OUT)
		{
			nflog_nft_hook_skip_vrf(nft, chains[i].name);
		}
		add_ike_rule(nft, chains[i].name, chains[i].group, chains[i].offset,
					 port, FALSE);
		add_ike_rule(nft, chains[i].name, chains[i].group, chains[i].offset,
					 nat_t, TRUE);
	}
}

/*
 * Described in header
 */
void nflog_nft_table_remove_ike(nflog_nft_socket_t *nft)
{
	nflog_nft_rule_remove_chain(nft, NFLOG_IKE_IN);
	nflog_nft_rule_remove_chain(nft, NFLOG_IKE_OUT);
}
