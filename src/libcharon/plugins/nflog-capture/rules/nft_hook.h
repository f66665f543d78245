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
 * @defgroup nflog_nft_hook nflog_nft_hook
 * @{ @ingroup nflog_capture
 *
 * Chains of our nftables table at netfilter's hooks, and those of the lanes.
 */

#ifndef NFLOG_NFT_HOOK_H_
#define NFLOG_NFT_HOOK_H_

#include "nft_socket.h"

#include <linux/netfilter_ipv4.h>

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
 * Add a rule to a transaction, by which a chain ignores the first pass in a VRF.
 *
 * There, what the host sends passes output and postrouting twice, first with the VRF
 * for its device, and then with the one that it leaves by (vrf_l3_out() in the
 * kernel's drivers/net/vrf.c).
 *
 * @param nft		socket that owns the table
 * @param name		name of the chain
 */
void nflog_nft_hook_skip_vrf(nflog_nft_socket_t *nft, char *name);

/**
 * If there are several lanes, add a chain for each of them to a transaction, and
 * lead there by the number of the processor that handles a packet.
 *
 * @param nft		socket that owns the table
 * @param name		name of the chain at the hook
 * @param lanes		number of lanes
 */
void nflog_nft_hook_spread(nflog_nft_socket_t *nft, char *name,
						   u_int lanes);

/**
 * Get the name of the chain that a lane has.
 *
 * @param buf		receives the name, if there are several lanes
 * @param name		name of the chain if there is one lane
 * @param lanes		number of lanes
 * @param lane		number of the lane
 * @return			name of the chain
 */
char *nflog_nft_hook_get_chain(char buf[NFLOG_CHAIN_LEN], char *name,
							   u_int lanes, u_int lane);

/**
 * Remove a chain at a hook, and those of the lanes, in a transaction.
 *
 * @param nft		socket that owns the table
 * @param name		name of the chain
 * @param lanes		number of lanes
 */
void nflog_nft_hook_remove(nflog_nft_socket_t *nft, char *name,
						   u_int lanes);

#endif /** NFLOG_NFT_HOOK_H_ @}*/
