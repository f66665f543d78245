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

#include "nft_missed_rules.h"
#include "nft_rule.h"
#include "nft_set.h"

#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/udp.h>
#include <stddef.h>
#include <sys/socket.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tuple_common.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter_ipv4.h>
#include <linux/rtnetlink.h>

/** chains, the first one has the name of its prefix */
#define NOW "missed-now"
#define BEFORE "missed-before"
#define LOG "missed-log"
#define OWN "missed-own"

/** after source NAT, and after the chain for packets of SAs */
#define MISSED_PRIO (NF_IP_PRI_NAT_SRC + 60)

/**
 * Append a verdict to a rule, and the rule to the transaction.
 */
static void commit_accept(nflog_nft_socket_t *nft, struct nftnl_rule *rule)
{
	nflog_nft_rule_accept(rule);
	nflog_nft_rule_commit(nft, rule);
}

/**
 * Add a rule that accepts what leaves by a device.
 *
 * @param key			NFT_META_OIFNAME or NFT_META_OIFKIND
 */
static void accept_device(nflog_nft_socket_t *nft, uint32_t key, char *value)
{
	struct nftnl_rule *rule;

	rule = nflog_nft_rule_create(LOG);
	nflog_nft_rule_device(rule, key, value);
	commit_accept(nft, rule);
}

/**
 * Match the direction of a packet in its connection.
 */
static void match_direction(struct nftnl_rule *rule, uint8_t dir)
{
	nftnl_rule_add_expr(rule, nflog_nft_rule_expr("ct",
						NFTNL_EXPR_CT_KEY, NFT_CT_DIRECTION,
						NFTNL_EXPR_CT_DREG, NFT_REG_1, 0));
	nflog_nft_rule_cmp(rule, NFT_CMP_EQ, &dir, sizeof(dir));
}

/**
 * Load an address or port of a connection.
 */
static void load_ct(struct nftnl_rule *rule, uint32_t key, uint8_t dir, uint32_t reg)
{
	struct nftnl_expr *expr;

	expr = nflog_nft_rule_expr("ct", NFTNL_EXPR_CT_KEY, key,
							   NFTNL_EXPR_CT_DREG, reg, 0);
	nftnl_expr_set_u8(expr, NFTNL_EXPR_CT_DIR, dir);
	nftnl_rule_add_expr(rule, expr);
}

/**
 * Match UDP packets by the source port they had before NAT.
 *
 * @param dir			direction in their connection
 * @param port			port, in network order
 */
static struct nftnl_rule *match_port_before(uint8_t dir, uint16_t port)
{
	struct nftnl_rule *rule;

	rule = nflog_nft_rule_create(LOG);
	nflog_nft_rule_meta(rule, NFT_META_L4PROTO, IPPROTO_UDP);
	match_direction(rule, dir);
	load_ct(rule, NFT_CT_PROTO_SRC, dir, NFT_REG_1);
	nflog_nft_rule_cmp(rule, NFT_CMP_EQ, &port, sizeof(port));
	return rule;
}

/**
 * Let packets pass the chain that accepts what the gateway itself sent.
 */
static void commit_own(nflog_nft_socket_t *nft, struct nftnl_rule *rule)
{
	nflog_nft_rule_jump(rule, OWN);
	nflog_nft_rule_commit(nft, rule);
}

/**
 * Add rules for packets from a port of charon, as they leave, or before NAT.
 *
 * @param port			port, in host order, 0 for none
 */
static void add_port(nflog_nft_socket_t *nft, uint16_t port)
{
	struct nftnl_rule *rule;

	if (!port)
	{
		return;
	}
	port = htons(port);
	rule = nflog_nft_rule_create(LOG);
	nflog_nft_rule_meta(rule, NFT_META_L4PROTO, IPPROTO_UDP);
	nflog_nft_rule_payload(rule, NFT_PAYLOAD_TRANSPORT_HEADER,
						   offsetof(struct udphdr, source), sizeof(port), NFT_REG_1);
	nflog_nft_rule_cmp(rule, NFT_CMP_EQ, &port, sizeof(port));
	commit_own(nft, rule);
	commit_own(nft, match_port_before(IP_CT_DIR_ORIGINAL, port));
	commit_own(nft, match_port_before(IP_CT_DIR_REPLY, port));
}

/**
 * Add rules for packets of a protocol of SAs.
 */
static void add_proto(nflog_nft_socket_t *nft, uint8_t proto)
{
	struct nftnl_rule *rule;

	rule = nflog_nft_rule_create(LOG);
	nflog_nft_rule_meta(rule, NFT_META_L4PROTO, proto);
	commit_own(nft, rule);
}

/**
 * Add the chain that accepts packets with addresses of the gateway.
 */
static void add_own(nflog_nft_socket_t *nft)
{
	/* without device, those of VRFs are not found (inet_addr_type() in fib_frontend.c), with
	 * it only those of that device are */
	static const uint32_t local = RTN_LOCAL, flags[] = {
		NFTA_FIB_F_SADDR, NFTA_FIB_F_SADDR | NFTA_FIB_F_OIF,
	};
	struct nftnl_rule *rule;
	u_int i;

	nflog_nft_chain_add(nft, OWN, -1, 0);
	for (i = 0; i < countof(flags); i++)
	{
		rule = nflog_nft_rule_create(OWN);
		nftnl_rule_add_expr(rule, nflog_nft_rule_expr("fib",
							NFTNL_EXPR_FIB_DREG, NFT_REG_1,
							NFTNL_EXPR_FIB_RESULT, NFT_FIB_RESULT_ADDRTYPE,
							NFTNL_EXPR_FIB_FLAGS, flags[i], 0));
		nflog_nft_rule_cmp(rule, NFT_CMP_EQ, &local, sizeof(local));
		commit_accept(nft, rule);
	}
}

/**
 * Add the chain that logs.
 */
static void add_log(nflog_nft_socket_t *nft, nflog_layout_t *layout)
{
	struct nftnl_rule *rule;
	nflog_element_t tun;

	add_own(nft);
	nflog_nft_chain_add(nft, LOG, -1, 0);
	accept_device(nft, NFT_META_OIFNAME, "lo");
	accept_device(nft, NFT_META_OIFKIND, "vrf");
	if (nflog_sa_is_userland())
	{	/* charon gets what leaves by this device */
		tun = nflog_element_tun(FALSE);
		accept_device(nft, NFT_META_OIFNAME, (char*)tun.key);
	}
	add_proto(nft, IPPROTO_ESP);
	add_proto(nft, IPPROTO_AH);
	add_port(nft, layout->port);
	add_port(nft, layout->nat_t);
	rule = nflog_nft_rule_create(LOG);
	nflog_nft_rule_log(rule, PREFIX_MISSED, layout->missed);
	commit_accept(nft, rule);
}

/*
 * Described in header
 */
void nflog_nft_missed_add_chains(nflog_nft_socket_t *nft, nflog_layout_t *layout)
{
	static const uint32_t none = 0, nat = IPS_SRC_NAT | IPS_DST_NAT;
	char *chain = nflog_prefix_get(PREFIX_MISSED);
	struct nftnl_rule *rule;

	add_log(nft, layout);
	nflog_nft_chain_add(nft, NOW, -1, 0);
	nflog_nft_chain_add(nft, BEFORE, -1, 0);
	nflog_nft_chain_add(nft, chain, NF_INET_POST_ROUTING, MISSED_PRIO);

	rule = nflog_nft_rule_create(chain);
	nftnl_rule_add_expr(rule, nflog_nft_rule_expr("rt",
						NFTNL_EXPR_RT_KEY, NFT_RT_XFRM,
						NFTNL_EXPR_RT_DREG, NFT_REG_1, 0));
	nflog_nft_rule_cmp(rule, NFT_CMP_EQ, &(uint8_t){ 1 }, sizeof(uint8_t));
	commit_accept(nft, rule);

	rule = nflog_nft_rule_create(chain);
	nflog_nft_rule_jump(rule, NOW);
	nflog_nft_rule_commit(nft, rule);

	/* packets without connection don't match */
	rule = nflog_nft_rule_create(chain);
	nftnl_rule_add_expr(rule, nflog_nft_rule_expr("ct",
						NFTNL_EXPR_CT_KEY, NFT_CT_STATUS,
						NFTNL_EXPR_CT_DREG, NFT_REG_1, 0));
	nflog_nft_rule_mask(rule, NFT_REG_1, &nat, sizeof(nat));
	nflog_nft_rule_cmp(rule, NFT_CMP_NEQ, &none, sizeof(none));
	nflog_nft_rule_goto(rule, BEFORE);
	nflog_nft_rule_commit(nft, rule);
}

/*
 * Described in header
 */
void nflog_nft_missed_remove_chains(nflog_nft_socket_t *nft)
{
	nflog_nft_chain_delete(nft, nflog_prefix_get(PREFIX_MISSED));
	nflog_nft_chain_delete(nft, NOW);
	nflog_nft_chain_delete(nft, BEFORE);
	nflog_nft_chain_delete(nft, LOG);
	nflog_nft_chain_delete(nft, OWN);
}

/**
 * Cut an address in a register to a prefix.
 */
static void mask(struct nftnl_rule *rule, uint32_t reg, size_t len, uint8_t prefix)
{
	uint8_t bits[16];

	if (prefix < 8 * len)
	{
		memset(bits, 0xff, sizeof(bits));
		nflog_net_mask(bits, len, prefix);
		nflog_nft_rule_mask(rule, reg, bits, len);
	}
}

/**
 * Complete the rule of a class, which loaded addresses.
 *
 * @param dst			register of the destination
 */
static void commit_lookup(nflog_nft_socket_t *nft, struct nftnl_rule *rule,
						  nflog_net_class_t *class, char *set, uint32_t dst)
{
	size_t len = nflog_net_len(class->family);

	mask(rule, NFT_REG_1, len, class->prefix[NFLOG_NET_SRC]);
	mask(rule, dst, len, class->prefix[NFLOG_NET_DST]);
	nflog_nft_rule_lookup(rule, NFT_REG_1, set);
	nflog_nft_rule_goto(rule, LOG);
	nflog_nft_rule_commit(nft, rule);
}

/**
 * Add a rule that looks up the addresses that packets leave with.
 *
 * @param kind			kind of devices that they leave by, NULL for any
 */
static void add_now(nflog_nft_socket_t *nft, nflog_net_class_t *class, char *set,
					uint32_t dst, char *kind)
{
	bool ipv4 = class->family == AF_INET;
	size_t len = nflog_net_len(class->family);
	struct nftnl_rule *rule;

	rule = nflog_nft_rule_create(NOW);
	nflog_nft_rule_meta(rule, NFT_META_NFPROTO, ipv4 ? NFPROTO_IPV4 : NFPROTO_IPV6);
	if (kind)
	{
		nflog_nft_rule_device(rule, NFT_META_OIFKIND, kind);
	}
	nflog_nft_rule_payload(rule, NFT_PAYLOAD_NETWORK_HEADER,
						   ipv4 ? offsetof(struct iphdr, saddr)
								: offsetof(struct ip6_hdr, ip6_src), len, NFT_REG_1);
	nflog_nft_rule_payload(rule, NFT_PAYLOAD_NETWORK_HEADER,
						   ipv4 ? offsetof(struct iphdr, daddr)
								: offsetof(struct ip6_hdr, ip6_dst), len, dst);
	commit_lookup(nft, rule, class, set, dst);
}

/**
 * Add rules that look up the addresses of packets before NAT: those of the connection in
 * the direction of the packet.
 */
static void add_before(nflog_nft_socket_t *nft, nflog_net_class_t *class, char *set,
					   uint32_t dst)
{
	bool ipv4 = class->family == AF_INET;
	struct nftnl_rule *rule;
	uint8_t dir;

	for (dir = IP_CT_DIR_ORIGINAL; dir <= IP_CT_DIR_REPLY; dir++)
	{
		rule = nflog_nft_rule_create(BEFORE);
		match_direction(rule, dir);
		load_ct(rule, ipv4 ? NFT_CT_SRC_IP : NFT_CT_SRC_IP6, dir, NFT_REG_1);
		load_ct(rule, ipv4 ? NFT_CT_DST_IP : NFT_CT_DST_IP6, dir, dst);
		commit_lookup(nft, rule, class, set, dst);
	}
}

/*
 * Described in header
 */
void nflog_nft_missed_add_class(nflog_nft_socket_t *nft, nflog_net_class_t *class,
								char *set)
{
	static char *kinds[] = { "xfrm", "vti", "vti6" };
	uint32_t dst = class->family == AF_INET ? NFT_REG32_01 : NFT_REG_2;
	u_int i;

	if (!class->any)
	{
		add_now(nft, class, set, dst, NULL);
		add_before(nft, class, set, dst);
		return;
	}
	for (i = 0; i < countof(kinds); i++)
	{
		add_now(nft, class, set, dst, kinds[i]);
	}
}

/*
 * Described in header
 */
void nflog_nft_missed_flush(nflog_nft_socket_t *nft)
{
	nflog_nft_chain_flush(nft, NOW);
	nflog_nft_chain_flush(nft, BEFORE);
}
