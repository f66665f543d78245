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
 * @defgroup nflog_nft_table nflog_nft_table
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_NFT_TABLE_H_
#define NFLOG_NFT_TABLE_H_

typedef struct nflog_nft_table_t nflog_nft_table_t;
typedef enum nflog_need_t nflog_need_t;

#include "nft_set.h"

/**
 * Chains that the capture of an SA, or of IKE messages, needs, besides elements.
 */
enum nflog_need_t {
	/** what captures SAs on the wire */
	NEED_ESP = 1 << 0,
	/** what captures SAs in the clear */
	NEED_PLAIN = 1 << 1,
	/** what captures the TUN device of kernel-libipsec */
	NEED_TUN = 1 << 2,
	/** what captures VTI devices */
	NEED_VTI = 1 << 3,
	/** what captures IKE messages */
	NEED_IKE = 1 << 4,
	/** what captures fragments of IPv6 packets that arrive on the wire */
	NEED_FRAGMENTS = 1 << 5,
};

/** number of values of nflog_need_t */
#define NFLOG_NEEDS 6

/**
 * Our nftables table in the kernel, with those chains that its SAs need.
 *
 * It belongs to the netlink socket (NFT_TABLE_F_OWNER, since Linux 5.12), so the
 * kernel removes it if charon dies, and nobody else can change it, not even with nft
 * flush ruleset.  One with our name, but without owner, was loaded from a listing, it is
 * replaced, which is logged.
 *
 * These are the chains:
 *
 *   chain      hook         priority   logs
 *   frag-in    input        raw        fragments of IPv6 packets
 *   esp-in     input        raw        ESP, AH, UDP-encapsulated ESP as it arrives
 *   esp-out    output       raw        the same as it leaves
 *   plain-in   prerouting   mangle     packets after decapsulation, and vrf-in
 *   plain-out  postrouting  srcnat+50  packets before encapsulation
 *   tun-in     prerouting   mangle     packets that charon decapsulated itself
 *   tun-out    postrouting  srcnat+50  packets that charon encapsulates itself
 *   vti-in     prerouting   mangle     packets after decapsulation by a VTI device
 *   ike-in     input        raw        IKE messages as they arrive
 *   ike-out    output       raw        IKE messages as they leave
 *
 * If there are several lanes, each of esp-*, plain-*, and vti-in has a chain for each
 * of them, <chain>-<lane>, with its rules, and leads there by the number of the
 * processor that handles a packet.  So processors don't wait for each other to log
 * packets, and what one of them logs stays in order.
 *
 * Each lane has two NFLOG groups, one for packets that arrive, and the next one for
 * packets that leave.  All other packets are in the first lane.
 *
 * Changes are collected in one transaction until commit() is called.  As the
 * kernel handles it while it is sent, all methods may take as long as another
 * process keeps nf_tables busy.  Used by one thread.
 */
struct nflog_nft_table_t {

	/**
	 * Add the chains that one more SA needs, if they are not there.
	 *
	 * @param needs		nflog_need_t, several may be set
	 */
	void (*use)(nflog_nft_table_t *this, u_int needs);

	/**
	 * Remove the chains that an SA needed, if no other one needs them.
	 *
	 * @param needs		as passed to use()
	 */
	void (*release)(nflog_nft_table_t *this, u_int needs);

	/**
	 * Add an element.
	 *
	 * @param element	element
	 */
	void (*add)(nflog_nft_table_t *this, nflog_element_t *element);

	/**
	 * Remove an element.
	 *
	 * @param element	element
	 */
	void (*remove)(nflog_nft_table_t *this,
				   nflog_element_t *element);

	/**
	 * Read the counter of an element, before it is removed.
	 *
	 * @param element	element, receives the number of packets
	 * @return			0 if successful, an errno otherwise
	 */
	int (*count)(nflog_nft_table_t *this, nflog_element_t *element);

	/**
	 * Have all changes carried out, or none of them.
	 *
	 * @return			0 if successful, an errno otherwise, see nflog_nft_socket_t
	 */
	int (*commit)(nflog_nft_table_t *this);

	/**
	 * Destroy a nflog_nft_table_t, and with it the table.
	 */
	void (*destroy)(nflog_nft_table_t *this);
};

/**
 * Create a nflog_nft_table_t instance, and with it the table.
 *
 * @param group		first NFLOG group, see above
 * @param lanes		number of lanes, a power of two, each has two groups
 * @param port		local port of IKE, in host order
 * @param nat_t		local port of IKE for NAT traversal, in host order
 * @return			NULL with errno set if that is not possible
 */
nflog_nft_table_t *nflog_nft_table_create(uint16_t group, u_int lanes,
										  uint16_t port, uint16_t nat_t);

/**
 * Describe an error, with its remedy.
 *
 * @param err		errno, as by create() and commit()
 * @return			text
 */
const char *nflog_nft_table_describe(int err);

#endif /** NFLOG_NFT_TABLE_H_ @}*/
