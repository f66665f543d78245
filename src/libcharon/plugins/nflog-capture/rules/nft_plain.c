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

#include "nft_plain.h"
#include "nft_rule.h"
#include "nft_set.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

/** sets of SAs */
#define SET_IN "plain-in-sas"
#define SET_OUT "plain-out-sas"

/** chain of packets that were in several SAs */
#define NESTED_IN "nested-in"

/** most SAs that a packet may have been in, XFRM_MAX_DEPTH in the kernel's xfrm.h */
#define MAX_DEPTH 6

/** what the kernel's jhash() begins with, JHASH_INITVAL in linux/jhash.h */
#define HASH_INIT 0xdeadbeef

/** any that nft lists, it leaves out 0, and the kernel then chooses one */
#define HASH_SEED 1

/** hashes are from 1 to 0xfffffffe: a packet with the mark 0 is logged without */
#define HASH_MODULUS 0xfffffffe
#define HASH_OFFSET 1

/** first SPI that is not a CPI, in network order */
static const uint8_t first_spi[] = { 0, 1, 0, 0 };

static const uint32_t zero = 0;

/**
 * Load what identifies an SA of a packet, for a set or the hash.
 *
 * @param reg1, reg2	registers, as nft would use them
 */
static void load_sa(struct nftnl_rule *rule, uint8_t dir, uint32_t spnum,
					uint32_t reg1, uint32_t reg2)
{
	nflog_nft_rule_xfrm(rule, dir, NFT_XFRM_KEY_REQID, spnum, reg1);
	nflog_nft_rule_xfrm(rule, dir, NFT_XFRM_KEY_SPI, spnum, reg2);
}

/**
 * Finish a rule that logs packets of an SA.
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
						NFTNL_EXPR_HASH_OFFSET, HASH_OFFSET, 0);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_HASH_SEED, HASH_SEED);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_HASH_TYPE, NFT_HASH_JENKINS);
	nftnl_rule_add_expr(rule, expr);
	nftnl_rule_add_expr(rule, nflog_nft_rule_expr("meta",
						NFTNL_EXPR_META_KEY, NFT_META_MARK,
						NFTNL_EXPR_META_DREG, NFT_REG_3, 0));
	nflog_nft_rule_set_mark(rule, NFT_REG_1);
	nflog_nft_rule_log(rule, prefix, group);
	nflog_nft_rule_set_mark(rule, NFT_REG_3);
	nflog_nft_rule_commit(nft, rule);
}

/**
 * Add a rule that logs packets of an SA.
 */
static void add_sa(nflog_nft_socket_t *nft, char *chain, nflog_prefix_t prefix,
				   uint8_t dir, uint32_t spnum, uint16_t group)
{
	log_sa(nft, nflog_nft_rule_create(chain), prefix, dir, spnum, group);
}

/**
 * Add the rules for packets that arrived in any number of SAs.
 */
static void add_nested(nflog_nft_socket_t *nft, char *chain,
					   nflog_prefix_t prefix, uint16_t group)
{
	struct nftnl_rule *rule;
	uint32_t spnum;

	nflog_nft_chain_add(nft, chain, -1, 0);
	for (spnum = MAX_DEPTH - 1; spnum > 0; spnum--)
	{
		add_sa(nft, chain, prefix, NFLOG_XFRM_SA_IN, spnum, group);
		/* it was that one, unless that is of IPComp */
		rule = nflog_nft_rule_create(chain);
		nflog_nft_rule_xfrm(rule, NFLOG_XFRM_SA_IN, NFT_XFRM_KEY_SPI,
							spnum, NFT_REG_1);
		nflog_nft_rule_cmp_op(rule, NFT_CMP_GTE, first_spi,
							  sizeof(first_spi));
		nflog_nft_rule_xfrm(rule, NFLOG_XFRM_SA_IN, NFT_XFRM_KEY_REQID,
							spnum, NFT_REG_1);
		nflog_nft_rule_cmp_op(rule, NFT_CMP_NEQ, &zero, sizeof(zero));
		nflog_nft_rule_return(rule);
		nflog_nft_rule_commit(nft, rule);
	}
	add_sa(nft, chain, prefix, NFLOG_XFRM_SA_IN, 0, group);
}

/**
 * Add the rules of a lane for packets that arrive.
 */
static void add_in(nflog_nft_socket_t *nft, uint16_t group, u_int lanes,
				   u_int lane)
{
	char in_buf[NFLOG_CHAIN_LEN], nested_buf[NFLOG_CHAIN_LEN];
	char vrf_buf[NFLOG_CHAIN_LEN], *in, *nested, *vrf;
	struct nftnl_rule *rule;

	in = nflog_nft_chain_get(in_buf, nflog_prefix_get(PREFIX_PLAIN_IN),
							 lanes, lane);
	nested = nflog_nft_chain_get(nested_buf, NESTED_IN, lanes, lane);
	vrf = nflog_nft_chain_get(vrf_buf, nflog_prefix_get(PREFIX_VRF_IN),
							  lanes, lane);
	group = NFLOG_GROUP_IN(group, lane);

	add_nested(nft, nested, PREFIX_PLAIN_IN, group);
	add_nested(nft, vrf, PREFIX_VRF_IN, group);

	rule = nflog_nft_rule_create(in);
	nflog_nft_rule_device(rule, NFT_META_IIFKIND, "vrf");
	nflog_nft_rule_goto(rule, vrf);
	nflog_nft_rule_commit(nft, rule);

	rule = nflog_nft_rule_create(in);
	nflog_nft_rule_xfrm(rule, NFLOG_XFRM_SA_IN, NFT_XFRM_KEY_SPI, 1,
						NFT_REG_1);
	nflog_nft_rule_cmp_op(rule, NFT_CMP_NEQ, &zero, sizeof(zero));
	nflog_nft_rule_goto(rule, nested);
	nflog_nft_rule_commit(nft, rule);

	add_sa(nft, in, PREFIX_PLAIN_IN, NFLOG_XFRM_SA_IN, 0, group);
}

/**
 * Add the rules of a lane for packets that leave.
 */
static void add_out(nflog_nft_socket_t *nft, uint16_t group, u_int lanes,
					u_int lane)
{
	char buf[NFLOG_CHAIN_LEN], *chain;
	struct nftnl_rule *rule;
	uint32_t spnum;

	chain = nflog_nft_chain_get(buf, nflog_prefix_get(PREFIX_PLAIN_OUT),
								lanes, lane);
	group = NFLOG_GROUP_OUT(group, lane);
	for (spnum = 0; spnum <= 1; spnum++)
	{
		rule = nflog_nft_rule_create(chain);
		nflog_nft_rule_xfrm(rule, NFLOG_XFRM_SA_OUT, NFT_XFRM_KEY_SPI,
							0, NFT_REG_1);
		nflog_nft_rule_cmp_op(rule, spnum ? NFT_CMP_LT : NFT_CMP_GTE,
							  first_spi, sizeof(first_spi));
		log_sa(nft, rule, PREFIX_PLAIN_OUT, NFLOG_XFRM_SA_OUT, spnum,
			   group);
	}
}

/**
 * Add a rule that is done with packets of no SA, most of them maybe.
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
	nflog_nft_rule_cmp(rule, &none, sizeof(none));
	nflog_nft_rule_return(rule);
	nflog_nft_rule_commit(nft, rule);
}

/*
 * Described in header
 */
void nflog_nft_plain_add(nflog_nft_socket_t *nft, uint16_t group, u_int lanes)
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
	nflog_nft_chain_spread(nft, chain, lanes);

	chain = nflog_prefix_get(PREFIX_PLAIN_OUT);
	nflog_nft_chain_add(nft, chain, NF_INET_POST_ROUTING,
						NFLOG_NFT_PLAIN_OUT_PRIO);
	return_if_none(nft, chain,
				   nflog_nft_rule_expr("rt",
						NFTNL_EXPR_RT_KEY, NFT_RT_XFRM,
						NFTNL_EXPR_RT_DREG, NFT_REG_1, 0));
	nflog_nft_chain_skip_vrf(nft, chain);
	nflog_nft_chain_spread(nft, chain, lanes);

	for (i = 0; i < lanes; i++)
	{
		add_in(nft, group, lanes, i);
		add_out(nft, group, lanes, i);
	}
}

/*
 * Described in header
 */
void nflog_nft_plain_remove(nflog_nft_socket_t *nft, u_int lanes)
{
	char buf[NFLOG_CHAIN_LEN], *vrf = nflog_prefix_get(PREFIX_VRF_IN);
	u_int i;

	nflog_nft_chain_remove(nft, nflog_prefix_get(PREFIX_PLAIN_IN), lanes);
	nflog_nft_chain_remove(nft, nflog_prefix_get(PREFIX_PLAIN_OUT), lanes);
	for (i = 0; i < lanes; i++)
	{
		nflog_nft_chain_delete(nft,
						nflog_nft_chain_get(buf, NESTED_IN, lanes, i));
		nflog_nft_chain_delete(nft,
						nflog_nft_chain_get(buf, vrf, lanes, i));
	}
	nflog_nft_set_remove(nft, SET_IN);
	nflog_nft_set_remove(nft, SET_OUT);
}

/**
 * Add a chain that logs, and counts, what passes the TUN device in one direction.
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
	nftnl_rule_add_expr(rule, nflog_nft_rule_expr("meta",
						NFTNL_EXPR_META_KEY, key,
						NFTNL_EXPR_META_DREG, NFT_REG_1, 0));
	nflog_nft_rule_lookup(rule, NFT_REG_1, device.set);
	nflog_nft_rule_log(rule, prefix, group);
	nflog_nft_rule_commit(nft, rule);
}

/*
 * Described in header
 */
void nflog_nft_plain_add_tun(nflog_nft_socket_t *nft, uint16_t group)
{
	add_tun_chain(nft, PREFIX_TUN_IN, NF_INET_PRE_ROUTING, NF_IP_PRI_MANGLE,
				  NFT_META_IIFNAME, nflog_element_tun(TRUE), 7,
				  NFLOG_GROUP_IN(group, 0));
	add_tun_chain(nft, PREFIX_TUN_OUT, NF_INET_POST_ROUTING,
				  NFLOG_NFT_PLAIN_OUT_PRIO, NFT_META_OIFNAME,
				  nflog_element_tun(FALSE), 8, NFLOG_GROUP_OUT(group, 0));
}

/*
 * Described in header
 */
void nflog_nft_plain_remove_tun(nflog_nft_socket_t *nft)
{
	nflog_nft_chain_delete(nft, nflog_prefix_get(PREFIX_TUN_IN));
	nflog_nft_chain_delete(nft, nflog_prefix_get(PREFIX_TUN_OUT));
	nflog_nft_set_remove(nft, nflog_element_tun(TRUE).set);
	nflog_nft_set_remove(nft, nflog_element_tun(FALSE).set);
}

/*
 * Described in header
 */
void nflog_nft_plain_add_vti(nflog_nft_socket_t *nft, uint16_t group,
							 u_int lanes)
{
	static char *kinds[] = { "vti", "vti6" };
	char buf[NFLOG_CHAIN_LEN], *chain = nflog_prefix_get(PREFIX_VTI_IN);
	struct nftnl_rule *rule;
	u_int i, j;

	nflog_nft_chain_add(nft, chain, NF_INET_PRE_ROUTING, NF_IP_PRI_MANGLE);
	nflog_nft_chain_spread(nft, chain, lanes);
	for (i = 0; i < lanes; i++)
	{
		for (j = 0; j < countof(kinds); j++)
		{
			rule = nflog_nft_rule_create(
								nflog_nft_chain_get(buf, chain, lanes, i));
			nflog_nft_rule_device(rule, NFT_META_IIFKIND, kinds[j]);
			nflog_nft_rule_log(rule, PREFIX_VTI_IN, NFLOG_GROUP_IN(group, i));
			nflog_nft_rule_commit(nft, rule);
		}
	}
}

/*
 * Described in header
 */
void nflog_nft_plain_remove_vti(nflog_nft_socket_t *nft, u_int lanes)
{
	nflog_nft_chain_remove(nft, nflog_prefix_get(PREFIX_VTI_IN), lanes);
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
