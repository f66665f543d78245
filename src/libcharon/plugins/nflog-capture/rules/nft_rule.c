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

#include "nft_rule.h"

#include <net/if.h>

#include <libnftnl/chain.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

/*
 * Described in header
 */
struct nftnl_expr *nflog_nft_rule_expr(char *name, ...)
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

/*
 * Described in header
 */
void nflog_nft_rule_cmp(struct nftnl_rule *rule, uint32_t op, const void *value,
						size_t len)
{
	struct nftnl_expr *expr;

	expr = nflog_nft_rule_expr("cmp",
						NFTNL_EXPR_CMP_SREG, NFT_REG_1,
						NFTNL_EXPR_CMP_OP, op, 0);
	nftnl_expr_set(expr, NFTNL_EXPR_CMP_DATA, value, len);
	nftnl_rule_add_expr(rule, expr);
}

/*
 * Described in header
 */
void nflog_nft_rule_load_meta(struct nftnl_rule *rule, uint32_t key, uint32_t reg)
{
	nftnl_rule_add_expr(rule, nflog_nft_rule_expr("meta",
						NFTNL_EXPR_META_KEY, key,
						NFTNL_EXPR_META_DREG, reg, 0));
}

/*
 * Described in header
 */
void nflog_nft_rule_meta(struct nftnl_rule *rule, uint32_t key, uint8_t value)
{
	nflog_nft_rule_load_meta(rule, key, NFT_REG_1);
	nflog_nft_rule_cmp(rule, NFT_CMP_EQ, &value, sizeof(value));
}

/*
 * Described in header
 */
void nflog_nft_rule_payload(struct nftnl_rule *rule, uint32_t base,
							uint32_t offset, uint32_t len, uint32_t reg)
{
	nftnl_rule_add_expr(rule, nflog_nft_rule_expr("payload",
						NFTNL_EXPR_PAYLOAD_BASE, base,
						NFTNL_EXPR_PAYLOAD_OFFSET, offset,
						NFTNL_EXPR_PAYLOAD_LEN, len,
						NFTNL_EXPR_PAYLOAD_DREG, reg, 0));
}

/*
 * Described in header
 */
void nflog_nft_rule_log(struct nftnl_rule *rule, nflog_prefix_t prefix,
						uint16_t group)
{
	struct nftnl_expr *expr;

	expr = nftnl_expr_alloc("log");
	nftnl_expr_set_str(expr, NFTNL_EXPR_LOG_PREFIX,
					   nflog_prefix_get(prefix));
	nftnl_expr_set_u16(expr, NFTNL_EXPR_LOG_GROUP, group);
	nftnl_rule_add_expr(rule, expr);
}

/*
 * Described in header
 */
void nflog_nft_rule_xfrm(struct nftnl_rule *rule, uint8_t dir, uint32_t key,
						 uint32_t spnum, uint32_t reg)
{
	struct nftnl_expr *expr;

	expr = nflog_nft_rule_expr("xfrm",
						NFTNL_EXPR_XFRM_KEY, key,
						NFTNL_EXPR_XFRM_DREG, reg,
						NFTNL_EXPR_XFRM_SPNUM, spnum, 0);
	nftnl_expr_set_u8(expr, NFTNL_EXPR_XFRM_DIR, dir);
	nftnl_rule_add_expr(rule, expr);
}

/*
 * Described in header
 */
void nflog_nft_rule_mask(struct nftnl_rule *rule, uint32_t reg, const void *mask,
						 size_t len)
{
	static const uint8_t none[16] = {};
	struct nftnl_expr *expr;

	expr = nflog_nft_rule_expr("bitwise",
						NFTNL_EXPR_BITWISE_SREG, reg,
						NFTNL_EXPR_BITWISE_DREG, reg,
						NFTNL_EXPR_BITWISE_LEN, len, 0);
	nftnl_expr_set(expr, NFTNL_EXPR_BITWISE_MASK, mask, len);
	nftnl_expr_set(expr, NFTNL_EXPR_BITWISE_XOR, none, len);
	nftnl_rule_add_expr(rule, expr);
}

/*
 * Described in header
 */
void nflog_nft_rule_device(struct nftnl_rule *rule, uint32_t key, char *value)
{
	char name[IFNAMSIZ] = {};

	snprintf(name, sizeof(name), "%s", value);
	nflog_nft_rule_load_meta(rule, key, NFT_REG_1);
	nflog_nft_rule_cmp(rule, NFT_CMP_EQ, name, sizeof(name));
}

/*
 * Described in header
 */
void nflog_nft_rule_lookup(struct nftnl_rule *rule, uint32_t reg, char *set)
{
	struct nftnl_expr *expr;

	expr = nflog_nft_rule_expr("lookup", NFTNL_EXPR_LOOKUP_SREG, reg, 0);
	nftnl_expr_set_str(expr, NFTNL_EXPR_LOOKUP_SET, set);
	nftnl_rule_add_expr(rule, expr);
}

/*
 * Described in header
 */
void nflog_nft_rule_set_mark(struct nftnl_rule *rule, uint32_t reg)
{
	nftnl_rule_add_expr(rule, nflog_nft_rule_expr("meta",
						NFTNL_EXPR_META_KEY, NFT_META_MARK,
						NFTNL_EXPR_META_SREG, reg, 0));
}

/*
 * Described in header
 */
struct nftnl_rule *nflog_nft_rule_create(char *chain)
{
	struct nftnl_rule *rule;

	rule = nftnl_rule_alloc();
	nftnl_rule_set_u32(rule, NFTNL_RULE_FAMILY, NFPROTO_INET);
	nftnl_rule_set_str(rule, NFTNL_RULE_TABLE, NFLOG_NFT_TABLE_NAME);
	nftnl_rule_set_str(rule, NFTNL_RULE_CHAIN, chain);
	return rule;
}

/*
 * Described in header
 */
void nflog_nft_rule_commit(nflog_nft_socket_t *nft, struct nftnl_rule *rule)
{
	nftnl_rule_nlmsg_build_payload(nft->add(nft, NFT_MSG_NEWRULE,
											NLM_F_CREATE | NLM_F_APPEND), rule);
	nftnl_rule_free(rule);
}

/**
 * Append a verdict.
 *
 * @param chain			name of the chain to go to, NULL if none
 */
static void add_verdict(struct nftnl_rule *rule, int verdict, char *chain)
{
	struct nftnl_expr *expr;

	expr = nftnl_expr_alloc("immediate");
	nftnl_expr_set_u32(expr, NFTNL_EXPR_IMM_DREG, NFT_REG_VERDICT);
	nftnl_expr_set_u32(expr, NFTNL_EXPR_IMM_VERDICT, verdict);
	if (chain)
	{
		nftnl_expr_set_str(expr, NFTNL_EXPR_IMM_CHAIN, chain);
	}
	nftnl_rule_add_expr(rule, expr);
}

/*
 * Described in header
 */
void nflog_nft_rule_goto(struct nftnl_rule *rule, char *chain)
{
	add_verdict(rule, NFT_GOTO, chain);
}

/*
 * Described in header
 */
void nflog_nft_rule_jump(struct nftnl_rule *rule, char *chain)
{
	add_verdict(rule, NFT_JUMP, chain);
}

/*
 * Described in header
 */
void nflog_nft_rule_accept(struct nftnl_rule *rule)
{
	add_verdict(rule, NF_ACCEPT, NULL);
}

/*
 * Described in header
 */
void nflog_nft_rule_return(struct nftnl_rule *rule)
{
	add_verdict(rule, NFT_RETURN, NULL);
}

/**
 * Add a chain to the transaction, or delete it there.
 */
static void handle_chain(nflog_nft_socket_t *nft, uint16_t type, char *name,
						 int hook, int prio)
{
	struct nftnl_chain *chain;

	chain = nftnl_chain_alloc();
	nftnl_chain_set_u32(chain, NFTNL_CHAIN_FAMILY, NFPROTO_INET);
	nftnl_chain_set_str(chain, NFTNL_CHAIN_TABLE, NFLOG_NFT_TABLE_NAME);
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

/*
 * Described in header
 */
void nflog_nft_chain_add(nflog_nft_socket_t *nft, char *name, int hook,
						 int prio)
{
	handle_chain(nft, NFT_MSG_NEWCHAIN, name, hook, prio);
}

/*
 * Described in header
 */
void nflog_nft_chain_flush(nflog_nft_socket_t *nft, char *name)
{
	struct nftnl_rule *rule;

	rule = nflog_nft_rule_create(name);
	nftnl_rule_nlmsg_build_payload(nft->add(nft, NFT_MSG_DELRULE, 0), rule);
	nftnl_rule_free(rule);
}

/*
 * Described in header
 */
void nflog_nft_chain_delete(nflog_nft_socket_t *nft, char *name)
{
	nflog_nft_chain_flush(nft, name);
	handle_chain(nft, NFT_MSG_DELCHAIN, name, -1, 0);
}

/*
 * Described in header
 */
char *nflog_nft_chain_get(char buf[NFLOG_CHAIN_LEN], char *name, u_int lanes,
						  u_int lane)
{
	if (lanes == 1)
	{
		return name;
	}
	snprintf(buf, NFLOG_CHAIN_LEN, "%s-%u", name, lane);
	return buf;
}

/*
 * Described in header
 */
void nflog_nft_chain_skip_vrf(nflog_nft_socket_t *nft, char *name)
{
	struct nftnl_rule *rule;

	rule = nflog_nft_rule_create(name);
	nflog_nft_rule_device(rule, NFT_META_OIFKIND, "vrf");
	nflog_nft_rule_return(rule);
	nflog_nft_rule_commit(nft, rule);
}

/**
 * Match some bits of the number of the processor that handles a packet.
 */
static void match_processor(struct nftnl_rule *rule, uint32_t mask,
							uint32_t value)
{
	nflog_nft_rule_load_meta(rule, NFT_META_CPU, NFT_REG_1);
	nflog_nft_rule_mask(rule, NFT_REG_1, &mask, sizeof(mask));
	nflog_nft_rule_cmp(rule, NFT_CMP_EQ, &value, sizeof(value));
}

/*
 * Described in header
 */
void nflog_nft_chain_spread(nflog_nft_socket_t *nft, char *name, u_int lanes)
{
	struct nftnl_rule *rule;
	char chain[NFLOG_CHAIN_LEN];
	u_int i;

	for (i = 0; lanes > 1 && i < lanes; i++)
	{
		nflog_nft_chain_get(chain, name, lanes, i);
		nflog_nft_chain_add(nft, chain, -1, 0);
		rule = nflog_nft_rule_create(name);
		if (i < lanes - 1)
		{
			match_processor(rule, lanes - 1, i);
		}
		nflog_nft_rule_goto(rule, chain);
		nflog_nft_rule_commit(nft, rule);
	}
}

/*
 * Described in header
 */
void nflog_nft_chain_remove(nflog_nft_socket_t *nft, char *name, u_int lanes)
{
	char chain[NFLOG_CHAIN_LEN];
	u_int i;

	nflog_nft_chain_delete(nft, name);
	for (i = 0; lanes > 1 && i < lanes; i++)
	{
		nflog_nft_chain_delete(nft,
						nflog_nft_chain_get(chain, name, lanes, i));
	}
}
