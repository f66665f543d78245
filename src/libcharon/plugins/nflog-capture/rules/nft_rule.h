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


/**
 * @defgroup nflog_nft_rule nflog_nft_rule
 * @{ @ingroup nflog_capture
 *
 * Builds the rules and chains of our nftables table.
 *
 * Administrators save their firewall with nft list ruleset, including our table while
 * SAs are captured.  For nft to load what it lists, expressions follow the order and use
 * the registers that nft itself would use.
 *
 * Functions that take a rule append an expression to it.
 */

#ifndef NFLOG_NFT_RULE_H_
#define NFLOG_NFT_RULE_H_

#include "nft_socket.h"
#include "traces/logged.h"

#include <libnftnl/expr.h>
#include <libnftnl/rule.h>

/** name of the table, its family is inet */
#define NFLOG_NFT_TABLE_NAME "nflog-capture"

/** directions in the kernel's xfrm.h, which conflicts with strongSwan's headers */
#define NFLOG_XFRM_SA_IN 0
#define NFLOG_XFRM_SA_OUT 1

/** longest name of a chain, including the number of a lane */
#define NFLOG_CHAIN_LEN 32

/**
 * Create an expression with numeric attributes.
 *
 * @param name		name of the expression
 * @param ...		attributes, NFTNL_EXPR_*, each followed by its value, ended by 0
 * @return			expression, to be added to a rule
 */
struct nftnl_expr *nflog_nft_rule_expr(char *name, ...);

/**
 * Create a rule.
 *
 * @param chain		name of its chain
 * @return			rule, to be passed to nflog_nft_rule_commit()
 */
struct nftnl_rule *nflog_nft_rule_create(char *chain);

/**
 * Compare NFT_REG_1 with a value, byte by byte as memcmp(3).
 *
 * @param rule		rule
 * @param op		comparison, one of NFT_CMP_*
 * @param value		value
 * @param len		length of value, in bytes
 */
void nflog_nft_rule_cmp(struct nftnl_rule *rule, uint32_t op, const void *value,
						size_t len);

/**
 * Load metadata of a packet.
 *
 * @param rule		rule
 * @param key		metadata, one of NFT_META_*
 * @param reg		register to load
 */
void nflog_nft_rule_load_meta(struct nftnl_rule *rule, uint32_t key, uint32_t reg);

/**
 * Match metadata of one byte.
 *
 * @param rule		rule
 * @param key		metadata, one of NFT_META_*
 * @param value		value to match
 */
void nflog_nft_rule_meta(struct nftnl_rule *rule, uint32_t key, uint8_t value);

/**
 * Load bytes of a packet.
 *
 * @param rule		rule
 * @param base		header, one of NFT_PAYLOAD_*
 * @param offset	offset in the header, in bytes
 * @param len		number of bytes
 * @param reg		register to load
 */
void nflog_nft_rule_payload(struct nftnl_rule *rule, uint32_t base,
							uint32_t offset, uint32_t len, uint32_t reg);

/**
 * Load a property of an SA.  If the packet has fewer SAs, the rule does not match.
 *
 * @param rule		rule
 * @param dir		NFLOG_XFRM_SA_IN or NFLOG_XFRM_SA_OUT
 * @param key		property, one of NFT_XFRM_KEY_*
 * @param spnum		number of the SA, 0 for the one that was or will be applied first
 * @param reg		register to load
 */
void nflog_nft_rule_xfrm(struct nftnl_rule *rule, uint8_t dir, uint32_t key,
						 uint32_t spnum, uint32_t reg);

/**
 * Clear bits of a register, and of those that follow it.
 *
 * @param rule		rule
 * @param reg		first register
 * @param mask		bits to keep
 * @param len		bytes of the mask, at most 16
 */
void nflog_nft_rule_mask(struct nftnl_rule *rule, uint32_t reg, const void *mask,
						 size_t len);

/**
 * Match the name or the kind of a device.
 *
 * @param rule		rule
 * @param key		one of NFT_META_*NAME and NFT_META_*KIND
 * @param value		value to match
 */
void nflog_nft_rule_device(struct nftnl_rule *rule, uint32_t key, char *value);

/**
 * Match if a register, and those that follow it, are an element of a set.
 *
 * @param rule		rule
 * @param reg		first register
 * @param set		name of the set
 */
void nflog_nft_rule_lookup(struct nftnl_rule *rule, uint32_t reg, char *set);

/**
 * Set the mark of packets.
 *
 * @param rule		rule
 * @param reg		register that contains the mark
 */
void nflog_nft_rule_set_mark(struct nftnl_rule *rule, uint32_t reg);

/**
 * Continue in another chain.
 *
 * @param rule		rule
 * @param chain		name of the chain
 */
void nflog_nft_rule_goto(struct nftnl_rule *rule, char *chain);

/**
 * Continue in another chain, and return from there.
 *
 * @param rule		rule
 * @param chain		name of the chain
 */
void nflog_nft_rule_jump(struct nftnl_rule *rule, char *chain);

/**
 * Accept the packet, so no other chain that our hook leads to handles it.
 *
 * @param rule		rule
 */
void nflog_nft_rule_accept(struct nftnl_rule *rule);

/**
 * Return to the calling chain, or accept the packet if there is none.
 *
 * @param rule		rule
 */
void nflog_nft_rule_return(struct nftnl_rule *rule);

/**
 * Log packets.
 *
 * @param rule		rule
 * @param prefix	log prefix
 * @param group		NFLOG group
 */
void nflog_nft_rule_log(struct nftnl_rule *rule, nflog_prefix_t prefix,
						uint16_t group);

/**
 * Add a rule to the transaction, and destroy it.
 *
 * @param nft		socket that owns the table
 * @param rule		rule
 */
void nflog_nft_rule_commit(nflog_nft_socket_t *nft, struct nftnl_rule *rule);

/**
 * Add a chain to the transaction.
 *
 * @param nft		socket that owns the table
 * @param name		name of the chain
 * @param hook		hook, one of NF_INET_*, -1 for a chain that only rules lead to
 * @param prio		priority at the hook
 */
void nflog_nft_chain_add(nflog_nft_socket_t *nft, char *name, int hook,
						 int prio);

/**
 * Add a rule to the transaction that makes a chain ignore the first pass in a VRF.
 *
 * There, what the host sends passes output and postrouting twice, first with the VRF
 * as its device, then with the device that it leaves by (vrf_l3_out() in the
 * kernel's drivers/net/vrf.c).
 *
 * @param nft		socket that owns the table
 * @param name		name of the chain
 */
void nflog_nft_chain_skip_vrf(nflog_nft_socket_t *nft, char *name);

/**
 * Add a chain for each of several lanes to the transaction, and rules that select one
 * by the number of the processor that handles a packet.
 *
 * @param nft		socket that owns the table
 * @param name		name of the chain at the hook
 * @param lanes		number of lanes, a power of two, nothing is added for 1
 */
void nflog_nft_chain_spread(nflog_nft_socket_t *nft, char *name, u_int lanes);

/**
 * Get the name of a lane's chain.
 *
 * @param buf		receives the name if there are several lanes
 * @param name		name of the chain, which a single lane uses itself
 * @param lanes		number of lanes
 * @param lane		number of the lane
 * @return			name of the lane's chain
 */
char *nflog_nft_chain_get(char buf[NFLOG_CHAIN_LEN], char *name, u_int lanes,
						  u_int lane);

/**
 * Remove the rules of a chain in the transaction.
 *
 * @param nft		socket that owns the table
 * @param name		name of the chain
 */
void nflog_nft_chain_flush(nflog_nft_socket_t *nft, char *name);

/**
 * Remove a chain and its rules in the transaction.
 *
 * @param nft		socket that owns the table
 * @param name		name of the chain
 */
void nflog_nft_chain_delete(nflog_nft_socket_t *nft, char *name);

/**
 * Remove a chain at a hook, and those of the lanes, in the transaction.
 *
 * @param nft		socket that owns the table
 * @param name		name of the chain
 * @param lanes		number of lanes
 */
void nflog_nft_chain_remove(nflog_nft_socket_t *nft, char *name, u_int lanes);

#endif /** NFLOG_NFT_RULE_H_ @}*/
