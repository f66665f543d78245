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

#include "nft_esp.h"
#include "nft_rule.h"
#include "nft_set.h"

#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/udp.h>
#include <stddef.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

/**
 * Add the rules of the ESP side, in one direction.
 */
static void add_rules(nflog_nft_socket_t *nft, char *chain,
					  nflog_prefix_t prefix, uint16_t group, char *ipv4,
					  char *ipv6)
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

/*
 * Described in header
 */
void nflog_nft_esp_add(nflog_nft_socket_t *nft, uint16_t group, u_int lanes)
{
	char buf[NFLOG_CHAIN_LEN], *in, *out, *chain;
	u_int i;

	nflog_nft_set_add(nft, "esp-in-ipv4", 1, SET_ESP_IPV4);
	nflog_nft_set_add(nft, "esp-in-ipv6", 2, SET_ESP_IPV6);
	nflog_nft_set_add(nft, "esp-out-ipv4", 3, SET_ESP_IPV4);
	nflog_nft_set_add(nft, "esp-out-ipv6", 4, SET_ESP_IPV6);

	in = nflog_prefix_get(PREFIX_ESP_IN);
	nflog_nft_chain_add(nft, in, NF_INET_LOCAL_IN, NF_IP_PRI_RAW);
	nflog_nft_chain_spread(nft, in, lanes);
	out = nflog_prefix_get(PREFIX_ESP_OUT);
	nflog_nft_chain_add(nft, out, NF_INET_LOCAL_OUT, NF_IP_PRI_RAW);
	nflog_nft_chain_skip_vrf(nft, out);
	nflog_nft_chain_spread(nft, out, lanes);
	for (i = 0; i < lanes; i++)
	{
		chain = nflog_nft_chain_get(buf, in, lanes, i);
		add_rules(nft, chain, PREFIX_ESP_IN, NFLOG_GROUP_IN(group, i),
				  "esp-in-ipv4", "esp-in-ipv6");
		chain = nflog_nft_chain_get(buf, out, lanes, i);
		add_rules(nft, chain, PREFIX_ESP_OUT, NFLOG_GROUP_OUT(group, i),
				  "esp-out-ipv4", "esp-out-ipv6");
	}
}

/*
 * Described in header
 */
void nflog_nft_esp_remove(nflog_nft_socket_t *nft, u_int lanes)
{
	nflog_nft_chain_remove(nft, nflog_prefix_get(PREFIX_ESP_IN), lanes);
	nflog_nft_chain_remove(nft, nflog_prefix_get(PREFIX_ESP_OUT), lanes);
	nflog_nft_set_remove(nft, "esp-in-ipv4");
	nflog_nft_set_remove(nft, "esp-in-ipv6");
	nflog_nft_set_remove(nft, "esp-out-ipv4");
	nflog_nft_set_remove(nft, "esp-out-ipv6");
}

/*
 * Described in header
 */
void nflog_nft_esp_add_fragments(nflog_nft_socket_t *nft, uint16_t group)
{
	static const uint8_t exists = 1;
	struct nftnl_rule *rule;
	struct nftnl_expr *expr;

	nflog_nft_chain_add(nft, nflog_prefix_get(PREFIX_FRAG_IN),
						NF_INET_LOCAL_IN, NF_IP_PRI_RAW);
	rule = nflog_nft_rule_create(nflog_prefix_get(PREFIX_FRAG_IN));
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
	nflog_nft_rule_log(rule, PREFIX_FRAG_IN, NFLOG_GROUP_IN(group, 0));
	nflog_nft_rule_commit(nft, rule);
}

/*
 * Described in header
 */
void nflog_nft_esp_remove_fragments(nflog_nft_socket_t *nft)
{
	nflog_nft_chain_delete(nft, nflog_prefix_get(PREFIX_FRAG_IN));
}

/**
 * Add a rule that logs IKE messages.
 */
static void add_ike_rule(nflog_nft_socket_t *nft, nflog_prefix_t prefix,
						 uint16_t group, uint32_t offset, uint16_t port,
						 bool marker)
{
	static const uint32_t non_esp = 0;
	struct nftnl_rule *rule;

	if (!port)
	{
		return;
	}
	port = htons(port);
	rule = nflog_nft_rule_create(nflog_prefix_get(prefix));
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
	nflog_nft_rule_log(rule, prefix, group);
	nflog_nft_rule_commit(nft, rule);
}

/*
 * Described in header
 */
void nflog_nft_esp_add_ike(nflog_nft_socket_t *nft, uint16_t group,
						   uint16_t port, uint16_t nat_t)
{
	const struct {
		nflog_prefix_t prefix;
		int hook;
		uint16_t group;
		uint32_t offset;
	} chains[] = {
		{ PREFIX_IKE_IN, NF_INET_LOCAL_IN, NFLOG_GROUP_IN(group, 0),
		  offsetof(struct udphdr, dest) },
		{ PREFIX_IKE_OUT, NF_INET_LOCAL_OUT, NFLOG_GROUP_OUT(group, 0),
		  offsetof(struct udphdr, source) },
	};
	char *name;
	int i;

	for (i = 0; i < countof(chains); i++)
	{
		name = nflog_prefix_get(chains[i].prefix);
		nflog_nft_chain_add(nft, name, chains[i].hook, NF_IP_PRI_RAW);
		if (chains[i].hook == NF_INET_LOCAL_OUT)
		{
			nflog_nft_chain_skip_vrf(nft, name);
		}
		add_ike_rule(nft, chains[i].prefix, chains[i].group, chains[i].offset,
					 port, FALSE);
		add_ike_rule(nft, chains[i].prefix, chains[i].group, chains[i].offset,
					 nat_t, TRUE);
	}
}

/*
 * Described in header
 */
void nflog_nft_esp_remove_ike(nflog_nft_socket_t *nft)
{
	nflog_nft_chain_delete(nft, nflog_prefix_get(PREFIX_IKE_IN));
	nflog_nft_chain_delete(nft, nflog_prefix_get(PREFIX_IKE_OUT));
}
