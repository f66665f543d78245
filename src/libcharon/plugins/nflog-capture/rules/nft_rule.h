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
 * What rules of our nftables table are made of.
 *
 * Administrators save their firewall with nft list ruleset, and our table with it
 * while SAs are captured.  So expressions are put together only as nft would do, in
 * its order and with its registers, for what it lists to be something it loads.
 */

#ifndef NFLOG_NFT_RULE_H_
#define NFLOG_NFT_RULE_H_

#include "nft_socket.h"
#include "traces/logged.h"

#include <libnftnl/expr.h>
#include <libnftnl/rule.h>
#include <linux/netfilter_ipv4.h>

/** name of the table, its family is inet */
#define NFLOG_NFT_TABLE_NAME "nflog-capture"

/** directions of the kernel's xfrm.h, which does not go with strongSwan's */
#define NFLOG_XFRM_SA_IN 0
#define NFLOG_XFRM_SA_OUT 1

/**
 * Priority of what leaves in the clear: behind source NAT, which may be what
 * gets packets into an SA (nf_xfrm_me_harder() in the kernel's nf_nat_core.c),
 * and so with the addresses that are encapsulated.
 */
#define NFLOG_NFT_PLAIN_OUT_PRIO (NF_IP_PRI_NAT_SRC + 50)

/** longest name of a chain, with the number of a lane */
#define NFLOG_CHAIN_LEN 32

/** NFLOG groups of a lane: packets that arrive, and that leave */
#define NFLOG_GROUP_IN(group, lane) ((group) + 2 * (lane))
#define NFLOG_GROUP_OUT(group, lane) \
									(NFLOG_GROUP_IN(group, lane) + 1)

/**
 * Create an expression with numeric attributes.
 *
 * @param name		name of the expression
 * @param ...		attributes, NFTNL_EXPR_*, each with its value, ended by a 0
 * @return			expression, to be added to a rule
 */
struct nftnl_expr *nflog_nft_rule_expr(char *name, ...);

/**
 * Create a rule.
 *
 * @param chain		name of its chain
 * @return			rule, for nflog_nft_rule_commit()
 */
struct nftnl_rule *nflog_nft_rule_create(char *chain);

/**
 * Compare NFT_REG_1.
 *
 * @param rule		rule to add that to
 * @param value		value that it must have
 * @param len		length of value, in bytes
 */
void nflog_nft_rule_cmp(struct nftnl_rule *rule, const void *value,
						size_t len);

/**
 * Compare NFT_REG_1 in other ways, byte by byte as memcmp(3) does.
 *
 * @param rule		rule to add that to
 * @param op		one of NFT_CMP_*
 * @param value		value to compare it with
 * @param len		length of value, in bytes
 */
void nflog_nft_rule_cmp_op(struct nftnl_rule *rule, uint32_t op,
						   const void *value, size_t len);

/**
 * Compare a property of packets, of one byte.
 *
 * @param rule		rule to add that to
 * @param key		one of NFT_META_*
 * @param value		value that it must have
 */
void nflog_nft_rule_meta(struct nftnl_rule *rule, uint32_t key, uint8_t value);

/**
 * Load bytes of a packet into a register.
 *
 * @param rule		rule to add that to
 * @param base		header, one of NFT_PAYLOAD_*
 * @param offset	offset in that header
 * @param len		number of bytes
 * @param reg		register
 */
void nflog_nft_rule_payload(struct nftnl_rule *rule, uint32_t base,
							uint32_t offset, uint32_t len, uint32_t reg);

/**
 * Load what identifies an SA of a packet.  If the packet was not in that many SAs, the
 * rule does not match.
 *
 * @param rule		rule to add that to
 * @param dir		NFLOG_XFRM_SA_IN or NFLOG_XFRM_SA_OUT
 * @param key		one of NFT_XFRM_KEY_*
 * @param spnum		number of the SA, the first one that was or will be applied is 0
 * @param reg		register
 */
void nflog_nft_rule_xfrm(struct nftnl_rule *rule, uint8_t dir, uint32_t key,
						 uint32_t spnum, uint32_t reg);

/**
 * Compare the name, or the kind, of a device.
 *
 * @param rule		rule to add that to
 * @param key		one of NFT_META_*NAME and NFT_META_*KIND
 * @param value		what it must be
 */
void nflog_nft_rule_device(struct nftnl_rule *rule, uint32_t key, char *value);

/**
 * Check if a register, and those that follow it, are in a set.
 *
 * @param rule		rule to add that to
 * @param reg		first register
 * @param set		name of the set
 */
void nflog_nft_rule_lookup(struct nftnl_rule *rule, uint32_t reg, char *set);

/**
 * Set the mark of packets.
 *
 * @param rule		rule to add that to
 * @param reg		register with the mark
 */
void nflog_nft_rule_set_mark(struct nftnl_rule *rule, uint32_t reg);

/**
 * Compare the number of the processor that handles a packet.
 *
 * @param rule		rule to add that to
 * @param mask		bits of that number to look at
 * @param value		value that these must have
 */
void nflog_nft_rule_processor(struct nftnl_rule *rule, uint32_t mask,
							  uint32_t value);

/**
 * Go on with another chain.
 *
 * @param rule		rule to add that to
 * @param chain		name of the chain
 */
void nflog_nft_rule_goto(struct nftnl_rule *rule, char *chain);

/**
 * Go back to the chain from which rules led here, or accept the packet.
 *
 * @param rule		rule to add that to
 */
void nflog_nft_rule_return(struct nftnl_rule *rule);

/**
 * Log packets.
 *
 * @param rule		rule to add that to
 * @param prefix	log prefix
 * @param group		NFLOG group
 */
void nflog_nft_rule_log(struct nftnl_rule *rule, nflog_prefix_t prefix,
						uint16_t group);

/**
 * Add a rule to a transaction, and destroy it.
 *
 * @param nft		socket that owns the table
 * @param rule		rule
 */
void nflog_nft_rule_commit(nflog_nft_socket_t *nft, struct nftnl_rule *rule);

/**
 * Add a chain to a transaction.
 *
 * @param nft		socket that owns the table
 * @param name		name of the chain
 * @param hook		hook, one of NF_INET_*, -1 for a chain that rules go to
 * @param prio		priority at this hook
 */
void nflog_nft_chain_add(nflog_nft_socket_t *nft, char *name, int hook,
						 int prio);

/**
 * Remove a chain, and its rules, in a transaction.
 *
 * @param nft		socket that owns the table
 * @param name		name of the chain
 */
void nflog_nft_chain_delete(nflog_nft_socket_t *nft, char *name);

/**
 * Add a rule to a transaction, by which a chain ignores the first pass in a VRF.
 *
 * There, what the host sends passes output and postrouting twice, first with the VRF
 * for its device, and then with the one that it leaves by (vrf_l3_out() in the
 * kernel's drivers/net/vrf.c).
 *
 * @param nft		socket that owns the table
 * @param name		name of the chain
 */
void nflog_nft_chain_skip_vrf(nflog_nft_socket_t *nft, char *name);

/**
 * If there are several lanes, add a chain for each of them to a transaction, and
 * lead there by the number of the processor that handles a packet.
 *
 * @param nft		socket that owns the table
 * @param name		name of the chain at the hook
 * @param lanes		number of lanes
 */
void nflog_nft_chain_spread(nflog_nft_socket_t *nft, char *name, u_int lanes);

/**
 * Get the name of the chain that a lane has.
 *
 * @param buf		receives the name, if there are several lanes
 * @param name		name of the chain if there is one lane
 * @param lanes		number of lanes
 * @param lane		number of the lane
 * @return			name of the chain
 */
char *nflog_nft_chain_get(char buf[NFLOG_CHAIN_LEN], char *name, u_int lanes,
						  u_int lane);

/**
 * Remove a chain at a hook, and those of the lanes, in a transaction.
 *
 * @param nft		socket that owns the table
 * @param name		name of the chain
 * @param lanes		number of lanes
 */
void nflog_nft_chain_remove(nflog_nft_socket_t *nft, char *name, u_int lanes);

#endif /** NFLOG_NFT_RULE_H_ @}*/
