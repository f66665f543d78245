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
 * @defgroup nflog_nft_missed nflog_nft_missed
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_NFT_MISSED_H_
#define NFLOG_NFT_MISSED_H_

typedef struct nflog_nft_missed_t nflog_nft_missed_t;

#include "nets.h"
#include "nft_chains.h"

/**
 * Chains and sets of our table that log packets which leave without SA, although their
 * addresses are in the traffic selectors of one.  They exist only while they are needed:
 *
 *   missed         postrouting, srcnat+60: skips packets of SAs, then leads to the others
 *   missed-now     looks up the addresses that a packet leaves with
 *   missed-before  the same for the addresses before NAT, if connection tracking has others
 *   missed-log     logs what is found, but for what never counts as missed
 *
 * A set missed-ipv4-<n>-<m> or missed-ipv6-<n>-<m> contains pairs of subnets whose prefixes
 * have n and m bits.  missed-now and missed-before have a rule for each of these sets, as
 * selectors of different SAs overlap, which sets of intervals do not allow.  So the cost of
 * a packet depends on the number of different lengths of prefixes only.  Ports and protocols
 * are checked by the reader.
 *
 * A pair of all addresses, as with XFRM interfaces, does not say what should be in its SA,
 * that depends on the route.  So only what leaves by a device that requires a policy counts.
 *
 * What goes to the loopback device, what passes again with another device (VRF), and IKE
 * messages and ESP of the gateway itself never count as missed.
 *
 * Changes are made by the transaction of the table.  SAs with the same selectors share an
 * element, so these are counted.  Used by one thread.
 */
struct nflog_nft_missed_t {

	/**
	 * Log packets of pairs that one more SA has.
	 *
	 * @param nets		pairs
	 */
	void (*use)(nflog_nft_missed_t *this, nflog_nets_t *nets);

	/**
	 * Stop to do so, unless others have them.
	 *
	 * @param nets		pairs as passed to use()
	 */
	void (*release)(nflog_nft_missed_t *this, nflog_nets_t *nets);

	/**
	 * Add all changes to the transaction.
	 */
	void (*prepare)(nflog_nft_missed_t *this);

	/**
	 * Complete changes after the transaction.
	 *
	 * @param success	TRUE if it was carried out, FALSE to forget the changes
	 */
	void (*complete)(nflog_nft_missed_t *this, bool success);

	/**
	 * Destroy a nflog_nft_missed_t.
	 */
	void (*destroy)(nflog_nft_missed_t *this);
};

/**
 * Create a nflog_nft_missed_t instance.
 *
 * @param nft		socket that owns the table, not owned
 * @param layout	where to log packets, and which ports are charon's, not owned
 */
nflog_nft_missed_t *nflog_nft_missed_create(nflog_nft_socket_t *nft,
											nflog_layout_t *layout);

#endif /** NFLOG_NFT_MISSED_H_ @}*/
