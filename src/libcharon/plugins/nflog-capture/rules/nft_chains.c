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


#include "nft_chains.h"
#include "nft_rule.h"
#include "nft_set.h"

#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/udp.h>
#include <stddef.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter_ipv4.h>

/** sets of SAs in the clear */
#define SET_IN "plain-in-sas"
#define SET_OUT "plain-out-sas"

/** chain for packets of several SAs */
#define NESTED_IN "nested-in"

/** NFLOG groups of a lane */
#define GROUP_IN(layout, lane) ((layout)->group + 2 * (lane))
#define GROUP_OUT(layout, lane) (GROUP_IN(layout, lane) + 1)

/**
 * Priority of what leaves in the clear: after source NAT, which may be what gets
 * packets into an SA (nf_xfrm_me_harder() in the kernel's nf_nat_core.c), so that
 * packets have the addresses that are encapsulated.
 */
#define PLAIN_OUT_PRIO (NF_IP_PRI_NAT_SRC + 50)

/** most SAs that a packet may come from, XFRM_MAX_DEPTH in the kernel's xfrm.h */
#define MAX_DEPTH 6

/** initial value of the kernel's jhash(), JHASH_INITVAL in linux/jhash.h */
#define HASH_INIT 0xdeadbeef

/** any seed that nft lists, it omits 0, for which the kernel then chooses one */
#define HASH_SEED 1

/** hashes are from 1 to 0xfffffffe: a packet with mark 0 is logged without mark */
#define HASH_MODULUS 0xfffffffe
#define HASH_OFFSET 1

/** first SPI that is not a CPI, in network order */
static const uint8_t first_spi[] = { 0, 1, 0, 0 };

static const uint32_t zero = 0;

/**
 * Add the rules for ESP of one direction.
 */
static void add_esp_rules(nflog_nft_socket_t *nft, char *chain,
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
		/* register after the address */
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
 * Add chains for NEED_ESP.
 */
static void add_esp(nflog_nft_socket_t *nft, nflog_layout_t *layout)
{
	char buf[NFLOG_CHAIN_LEN], *in, *out, *chain;
	u_int i;

	nflog_nft_set_add(nft, "esp-in-ipv4", 1, SET_ESP_IPV4);
	nflog_nft_set_add(nft, "esp-in-ipv6", 2, SET_ESP_IPV6);
	nflog_nft_set_add(nft, "esp-out-ipv4", 3, SET_ESP_IPV4);
	nflog_nft_set_add(nft, "esp-out-ipv6", 4, SET_ESP_IPV6);

	in = nflog_prefix_get(PREFIX_ESP_IN);
	nflog_nft_chain_add(nft, in, NF_INET_LOCAL_IN, NF_IP_PRI_RAW);
	nflog_nft_chain_spread(nft, in, layout->lanes);
	out = nflog_prefix_get(PREFIX_ESP_OUT);
	nflog_nft_chain_add(nft, out, NF_INET_LOCAL_OUT, NF_IP_PRI_RAW);
	nflog_nft_chain_skip_vrf(nft, out);
	nflog_nft_chain_spread(nft, out, layout->lanes);
	for (i = 0; i < layout->lanes; i++)
	{
		chain = nflog_nft_chain_get(buf, in, layout->lanes, i);
		add_esp_rules(nft, chain, PREFIX_ESP_IN, GROUP_IN(layout, i),
					  "esp-in-ipv4", "esp-in-ipv6");
		chain = nflog_nft_chain_get(buf, out, layout->lanes, i);
		add_esp_rules(nft, chain, PREFIX_ESP_OUT, GROUP_OUT(layout, i),
					  "esp-out-ipv4", "esp-out-ipv6");
	}
}

/**
 * Add chains for NEED_FRAGMENTS.
 */
static void add_fragments(nflog_nft_socket_t *nft, nflog_layout_t *layout)
{
	static const uint8_t exists = 1;
	char *chain = nflog_prefix_get(PREFIX_FRAG_IN);
	struct nftnl_rule *rule;
	struct nftnl_expr *expr;

	nflog_nft_chain_add(nft, chain, NF_INET_LOCAL_IN, NF_IP_PRI_RAW);
	rule = nflog_nft_rule_create(chain);
	nflog_nft_rule_meta(rule, NFT_META_NFPROTO, NFPROTO_IPV6);
	expr = nflog_nft_rule_expr("exthdr",
						NFTNL_EXPR_EXTHDR_DREG, NFT_REG_1,
						NFTNL_EXPR_EXTHDR_OFFSET, 0,
						NFTNL_EXPR_EXTHDR_LEN, sizeof(exists),
						NFTNL_EXPR_EXTHDR_FLAGS, NFT_EXTHDR_F_PRESENT,
						NFTNL_EXPR_EXTHDR_OP, NFT_EXTHDR_OP_IPV6, 0);
	nftnl_expr_set_u8(expr, NFTNL_EXPR_EXTHDR_TYPE, IPPROTO_FRAGMENT);
	nftnl_rule_add_expr(rule, expr);
	nflog_nft_rule_cmp(rule, NFT_CMP_EQ, &exists, sizeof(exists));
	nflog_nft_rule_log(rule, PREFIX_FRAG_IN, GROUP_IN(layout, 0));
	nflog_nft_rule_commit(nft, rule);
}

/**
 * Add a rule that logs IKE messages.
 *
 * @param offset		offset of the local port in the UDP header, in bytes
 * @param port			local port, in host order, 0 to add no rule
 * @param marker		TRUE if a marker precedes the message
 */
static void add_ike_rule(nflog_nft_socket_t *nft, nflog_prefix_t prefix,
						 uint16_t group, uint32_t offset, uint16_t port,
						 bool marker)
{
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
	nflog_nft_rule_cmp(rule, NFT_CMP_EQ, &port, sizeof(port));
	if (marker)
	{
		nflog_nft_rule_payload(rule, NFT_PAYLOAD_TRANSPORT_HEADER,
							   sizeof(struct udphdr), sizeof(zero),
							   NFT_REG_1);
		nflog_nft_rule_cmp(rule, NFT_CMP_EQ, &zero, sizeof(zero));
	}
	nflog_nft_rule_log(rule, prefix, group);
	nflog_nft_rule_commit(nft, rule);
}

/**
 * Add the chain for IKE messages of one direction.
 */
static void add_ike_chain(nflog_nft_socket_t *nft, nflog_layout_t *layout,
						  nflog_prefix_t prefix, bool inbound)
{
	char *chain = nflog_prefix_get(prefix);
	uint16_t group;
	uint32_t offset;

	if (inbound)
	{
		nflog_nft_chain_add(nft, chain, NF_INET_LOCAL_IN, NF_IP_PRI_RAW);
		group = GROUP_IN(layout, 0);
		offset = offsetof(struct udphdr, dest);
	}
	else
	{
		nflog_nft_chain_add(nft, chain, NF_INET_LOCAL_OUT, NF_IP_PRI_RAW);
		nflog_nft_chain_skip_vrf(nft, chain);
		group = GROUP_OUT(layout, 0);
		offset = offsetof(struct udphdr, source);
	}
	add_ike_rule(nft, prefix, group, offset, layout->port, FALSE);
	add_ike_rule(nft, prefix, group, offset, layout->nat_t, TRUE);
}

/**
 * Add chains for NEED_IKE.
 */
static void add_ike(nflog_nft_socket_t *nft, nflog_layout_t *layout)
{
	add_ike_chain(nft, layout, PREFIX_IKE_IN, TRUE);
	add_ike_chain(nft, layout, PREFIX_IKE_OUT, FALSE);
}

/**
 * Load what identifies an SA of a packet, for a set or the hash.
 *
 * @param reg1, reg2	registers that nft would use
 */
static void load_sa(struct nftnl_rule *rule, uint8_t dir, uint32_t spnum,
					uint32_t reg1, uint32_t reg2)
{
	nflog_nft_rule_xfrm(rule, dir, NFT_XFRM_KEY_REQID, spnum, reg1);
	nflog_nft_rule_xfrm(rule, dir, NFT_XFRM_KEY_SPI, spnum, reg2);
}

/**
 * Complete a rule that logs packets of an SA.
 *
 * @param spnum			which of a packet's SAs to look at
 */
static void log_sa(nflog_nft_socket_t *nft, struct nftnl_rule *rule,
				   nflog_prefix_t prefix, uint8_t dir, uint32_t spnum,
				   uint16_t group)
{
	struct nftnl_expr *expr;

	load_sa(rule, dir, spnum, NFT_REG_1, NFT_REG32_01);
	nflog_nft_rule_lookup(rule, NFT_REG_1,
						  dir == NFLOG_XFRM_SA_IN ? SET_IN : SET_OUT);
	load_sa(rule, dir, spnum, NFT_REG_2, NFT_REG32_05);
	expr = nflog_nft_rule_expr("hash",
						NFTNL_EXPR_HASH_SREG, NFT_REG_2,
						NFTNL_EXPR_HASH_DREG, NFT_REG_1,
						NFTNL_EXPR_HASH_LEN, 2 * sizeof(uint32_t),
						NFTNL_EXPR_HASH_MODULUS, HASH_MODULUS,
						NFTNL_EXPR_HASH_OFFSET, HASH_OFFSET,
						NFTNL_EXPR_HASH_SEED, HASH_SEED,
						NFTNL_EXPR_HASH_TYPE, NFT_HASH_JENKINS, 0);
	nftnl_rule_add_expr(rule, expr);
	nflog_nft_rule_load_meta(rule, NFT_META_MARK, NFT_REG_3);
	nflog_nft_rule_set_mark(rule, NFT_REG_1);
	nflog_nft_rule_log(rule, prefix, group);
	nflog_nft_rule_set_mark(rule, NFT_REG_3);
	nflog_nft_rule_commit(nft, rule);
}

/**
 * Add a rule that logs packets that arrive in an SA.
 */
static void add_sa_in(nflog_nft_socket_t *nft, char *chain, nflog_prefix_t prefix,
					  uint32_t spnum, uint16_t group)
{
	log_sa(nft, nflog_nft_rule_create(chain), prefix, NFLOG_XFRM_SA_IN, spnum,
		   group);
}

/**
 * Add a chain for packets that arrive in any number of SAs.
 */
static void add_nested(nflog_nft_socket_t *nft, char *chain,
					   nflog_prefix_t prefix, uint16_t group)
{
	struct nftnl_rule *rule;
	uint32_t spnum;

	nflog_nft_chain_add(nft, chain, -1, 0);
	for (spnum = MAX_DEPTH - 1; spnum > 0; spnum--)
	{
		add_sa_in(nft, chain, prefix, spnum, group);
		/* the packet left this one last, unless it belongs to IPComp */
		rule = nflog_nft_rule_create(chain);
		nflog_nft_rule_xfrm(rule, NFLOG_XFRM_SA_IN, NFT_XFRM_KEY_SPI,
							spnum, NFT_REG_1);
		nflog_nft_rule_cmp(rule, NFT_CMP_GTE, first_spi, sizeof(first_spi));
		nflog_nft_rule_xfrm(rule, NFLOG_XFRM_SA_IN, NFT_XFRM_KEY_REQID,
							spnum, NFT_REG_1);
		nflog_nft_rule_cmp(rule, NFT_CMP_NEQ, &zero, sizeof(zero));
		nflog_nft_rule_return(rule);
		nflog_nft_rule_commit(nft, rule);
	}
	add_sa_in(nft, chain, prefix, 0, group);
}

/**
 * Add the chains of a lane for packets that arrive.
 */
static void add_plain_in(nflog_nft_socket_t *nft, nflog_layout_t *layout, u_int lane)
{
	char in_buf[NFLOG_CHAIN_LEN], nested_buf[NFLOG_CHAIN_LEN];
	char vrf_buf[NFLOG_CHAIN_LEN], *in, *nested, *vrf;
	uint16_t group = GROUP_IN(layout, lane);
	struct nftnl_rule *rule;

	in = nflog_nft_chain_get(in_buf, nflog_prefix_get(PREFIX_PLAIN_IN),
							 layout->lanes, lane);
	nested = nflog_nft_chain_get(nested_buf, NESTED_IN, layout->lanes, lane);
	vrf = nflog_nft_chain_get(vrf_buf, nflog_prefix_get(PREFIX_VRF_IN),
							  layout->lanes, lane);

	add_nested(nft, nested, PREFIX_PLAIN_IN, group);
	add_nested(nft, vrf, PREFIX_VRF_IN, group);

	rule = nflog_nft_rule_create(in);
	nflog_nft_rule_device(rule, NFT_META_IIFKIND, "vrf");
	nflog_nft_rule_goto(rule, vrf);
	nflog_nft_rule_commit(nft, rule);

	rule = nflog_nft_rule_create(in);
	nflog_nft_rule_xfrm(rule, NFLOG_XFRM_SA_IN, NFT_XFRM_KEY_SPI, 1,
						NFT_REG_1);
	nflog_nft_rule_cmp(rule, NFT_CMP_NEQ, &zero, sizeof(zero));
	nflog_nft_rule_goto(rule, nested);
	nflog_nft_rule_commit(nft, rule);

	add_sa_in(nft, in, PREFIX_PLAIN_IN, 0, group);
}

/**
 * Add the rules of a lane for packets that leave.
 */
static void add_plain_out(nflog_nft_socket_t *nft, nflog_layout_t *layout, u_int lane)
{
	char buf[NFLOG_CHAIN_LEN], *chain;
	struct nftnl_rule *rule;
	uint32_t spnum;

	chain = nflog_nft_chain_get(buf, nflog_prefix_get(PREFIX_PLAIN_OUT),
								layout->lanes, lane);
	for (spnum = 0; spnum <= 1; spnum++)
	{	/* the second SA if the first one is that of IPComp */
		rule = nflog_nft_rule_create(chain);
		nflog_nft_rule_xfrm(rule, NFLOG_XFRM_SA_OUT, NFT_XFRM_KEY_SPI,
							0, NFT_REG_1);
		nflog_nft_rule_cmp(rule, spnum ? NFT_CMP_LT : NFT_CMP_GTE,
						   first_spi, sizeof(first_spi));
		log_sa(nft, rule, PREFIX_PLAIN_OUT, NFLOG_XFRM_SA_OUT, spnum,
			   GROUP_OUT(layout, lane));
	}
}

/**
 * Add a rule that skips packets without SA, which may be most of them.
 *
 * @param expr			loads a byte that is 0 for these
 */
static void return_if_none(nflog_nft_socket_t *nft, char *chain,
						   struct nftnl_expr *expr)
{
	static const uint8_t none = 0;
	struct nftnl_rule *rule;

	rule = nflog_nft_rule_create(chain);
	nftnl_rule_add_expr(rule, expr);
	nflog_nft_rule_cmp(rule, NFT_CMP_EQ, &none, sizeof(none));
	nflog_nft_rule_return(rule);
	nflog_nft_rule_commit(nft, rule);
}

/**
 * Add chains for NEED_PLAIN.
 */
static void add_plain(nflog_nft_socket_t *nft, nflog_layout_t *layout)
{
	char *chain;
	u_int i;

	nflog_nft_set_add(nft, SET_IN, 5, SET_PLAIN_IN);
	nflog_nft_set_add(nft, SET_OUT, 6, SET_PLAIN_OUT);

	chain = nflog_prefix_get(PREFIX_PLAIN_IN);
	nflog_nft_chain_add(nft, chain, NF_INET_PRE_ROUTING, NF_IP_PRI_MANGLE);
	return_if_none(nft, chain,
				   nflog_nft_rule_expr("meta",
						NFTNL_EXPR_META_KEY, NFT_META_SECPATH,
						NFTNL_EXPR_META_DREG, NFT_REG_1, 0));
	nflog_nft_chain_spread(nft, chain, layout->lanes);

	chain = nflog_prefix_get(PREFIX_PLAIN_OUT);
	nflog_nft_chain_add(nft, chain, NF_INET_POST_ROUTING, PLAIN_OUT_PRIO);
	return_if_none(nft, chain,
				   nflog_nft_rule_expr("rt",
						NFTNL_EXPR_RT_KEY, NFT_RT_XFRM,
						NFTNL_EXPR_RT_DREG, NFT_REG_1, 0));
	nflog_nft_chain_skip_vrf(nft, chain);
	nflog_nft_chain_spread(nft, chain, layout->lanes);

	for (i = 0; i < layout->lanes; i++)
	{
		add_plain_in(nft, layout, i);
		add_plain_out(nft, layout, i);
	}
}

/**
 * Add a chain that logs and counts what passes the TUN device in one direction.
 *
 * @param key			NFT_META_IIFNAME or NFT_META_OIFNAME
 */
static void add_tun_chain(nflog_nft_socket_t *nft, nflog_prefix_t prefix,
						  int hook, int prio, uint32_t key,
						  nflog_element_t device, uint32_t id, uint16_t group)
{
	char *chain = nflog_prefix_get(prefix);
	struct nftnl_rule *rule;

	nflog_nft_set_add(nft, device.set, id, SET_DEVICE);
	nflog_nft_set_build(nft->add(nft, NFT_MSG_NEWSETELEM,
						NLM_F_CREATE | NLM_F_EXCL), &device);
	nflog_nft_chain_add(nft, chain, hook, prio);
	rule = nflog_nft_rule_create(chain);
	nflog_nft_rule_load_meta(rule, key, NFT_REG_1);
	nflog_nft_rule_lookup(rule, NFT_REG_1, device.set);
	nflog_nft_rule_log(rule, prefix, group);
	nflog_nft_rule_commit(nft, rule);
}

/**
 * Add chains for NEED_TUN.
 */
static void add_tun(nflog_nft_socket_t *nft, nflog_layout_t *layout)
{
	add_tun_chain(nft, PREFIX_TUN_IN, NF_INET_PRE_ROUTING, NF_IP_PRI_MANGLE,
				  NFT_META_IIFNAME, nflog_element_tun(TRUE), 7,
				  GROUP_IN(layout, 0));
	add_tun_chain(nft, PREFIX_TUN_OUT, NF_INET_POST_ROUTING, PLAIN_OUT_PRIO,
				  NFT_META_OIFNAME, nflog_element_tun(FALSE), 8,
				  GROUP_OUT(layout, 0));
}

/**
 * Add chains for NEED_VTI.
 */
static void add_vti(nflog_nft_socket_t *nft, nflog_layout_t *layout)
{
	static char *kinds[] = { "vti", "vti6" };
	char buf[NFLOG_CHAIN_LEN], *chain = nflog_prefix_get(PREFIX_VTI_IN);
	struct nftnl_rule *rule;
	u_int i, j;

	nflog_nft_chain_add(nft, chain, NF_INET_PRE_ROUTING, NF_IP_PRI_MANGLE);
	nflog_nft_chain_spread(nft, chain, layout->lanes);
	for (i = 0; i < layout->lanes; i++)
	{
		for (j = 0; j < countof(kinds); j++)
		{
			rule = nflog_nft_rule_create(
							nflog_nft_chain_get(buf, chain, layout->lanes, i));
			nflog_nft_rule_device(rule, NFT_META_IIFKIND, kinds[j]);
			nflog_nft_rule_log(rule, PREFIX_VTI_IN, GROUP_IN(layout, i));
			nflog_nft_rule_commit(nft, rule);
		}
	}
}

/**
 * Chains and sets for each need.
 */
static const struct {
	/** adds them to the transaction */
	void (*add)(nflog_nft_socket_t *nft, nflog_layout_t *layout);
	/** TRUE if each lane has chains of its own */
	bool spread;
	/** sets */
	char *sets[4];
	/** chains at hooks, which have the name of their prefix, and their number */
	nflog_prefix_t hooks[2];
	u_int count;
} needs[NFLOG_NEEDS] = {
	[NEED_ESP] = { add_esp, TRUE,
		{ "esp-in-ipv4", "esp-in-ipv6", "esp-out-ipv4", "esp-out-ipv6" },
		{ PREFIX_ESP_IN, PREFIX_ESP_OUT }, 2 },
	[NEED_PLAIN] = { add_plain, TRUE, { SET_IN, SET_OUT },
		{ PREFIX_PLAIN_IN, PREFIX_PLAIN_OUT }, 2 },
	[NEED_TUN] = { add_tun, FALSE, { "tun-in-devices", "tun-out-devices" },
		{ PREFIX_TUN_IN, PREFIX_TUN_OUT }, 2 },
	[NEED_VTI] = { add_vti, TRUE, {}, { PREFIX_VTI_IN }, 1 },
	[NEED_IKE] = { add_ike, FALSE, {}, { PREFIX_IKE_IN, PREFIX_IKE_OUT }, 2 },
	[NEED_FRAGMENTS] = { add_fragments, FALSE, {}, { PREFIX_FRAG_IN }, 1 },
};

/*
 * Described in header
 */
void nflog_nft_chains_add(nflog_nft_socket_t *nft, nflog_need_t need,
						  nflog_layout_t *layout)
{
	needs[need].add(nft, layout);
}

/*
 * Described in header
 */
void nflog_nft_chains_remove(nflog_nft_socket_t *nft, nflog_need_t need,
							 nflog_layout_t *layout)
{
	char buf[NFLOG_CHAIN_LEN], *inner[] = { NESTED_IN, nflog_prefix_get(PREFIX_VRF_IN) };
	u_int i, lanes = needs[need].spread ? layout->lanes : 1;

	for (i = 0; i < needs[need].count; i++)
	{
		nflog_nft_chain_remove(nft, nflog_prefix_get(needs[need].hooks[i]), lanes);
	}
	for (i = 0; need == NEED_PLAIN && i < countof(inner) * lanes; i++)
	{	/* after the rules that lead to them */
		nflog_nft_chain_delete(nft, nflog_nft_chain_get(buf, inner[i / lanes], lanes,
														i % lanes));
	}
	for (i = 0; i < countof(needs[need].sets) && needs[need].sets[i]; i++)
	{
		nflog_nft_set_remove(nft, needs[need].sets[i]);
	}
}

/**
 * Rotate bits to the left.
 */
static uint32_t rotate(uint32_t value, u_int bits)
{
	return value << bits | value >> (32 - bits);
}

/**
 * Read a word as jhash() does, whatever the byte order of the host.
 */
static uint32_t get_word(const uint8_t *bytes)
{
	return bytes[0] | bytes[1] << 8 | bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

/*
 * Described in header
 */
uint32_t nflog_nft_plain_number(uint32_t reqid, uint32_t spi)
{
	uint32_t a, b, c;

	/* Jenkins' lookup3 of these eight bytes, as the kernel has it */
	a = b = c = HASH_INIT + sizeof(reqid) + sizeof(spi) + HASH_SEED;
	a += get_word((uint8_t*)&reqid);
	b += get_word((uint8_t*)&spi);
	c = (c ^ b) - rotate(b, 14);
	a = (a ^ c) - rotate(c, 11);
	b = (b ^ a) - rotate(a, 25);
	c = (c ^ b) - rotate(b, 16);
	a = (a ^ c) - rotate(c, 4);
	b = (b ^ a) - rotate(a, 14);
	c = (c ^ b) - rotate(b, 24);
	/* scaled as by reciprocal_scale() in linux/kernel.h */
	return HASH_OFFSET + (uint32_t)(((uint64_t)c * HASH_MODULUS) >> 32);
}
