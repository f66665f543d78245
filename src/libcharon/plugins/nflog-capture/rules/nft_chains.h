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
 * @defgroup nflog_nft_chains nflog_nft_chains
 * @{ @ingroup nflog_capture
 *
 * Chains, rules and sets of our nftables table.  They exist only while they are needed.
 *
 *   chain      hook         priority   logs
 *   frag-in    input        raw        fragments of IPv6 packets
 *   esp-in     input        raw        ESP, AH, UDP-encapsulated ESP as it arrives
 *   esp-out    output       raw        the same as it leaves
 *   plain-in   prerouting   mangle     packets after decapsulation
 *   plain-out  postrouting  srcnat+50  packets before encapsulation
 *   tun-in     prerouting   mangle     packets that charon decapsulated itself
 *   tun-out    postrouting  srcnat+50  packets that charon encapsulates itself
 *   vti-in     prerouting   mangle     packets after decapsulation by a VTI device
 *   ike-in     input        raw        IKE messages as they arrive
 *   ike-out    output       raw        IKE messages as they leave
 *   missed     postrouting  srcnat+60  packets that leave without their SA, see
 *                                      nflog_nft_missed_t
 *
 * With several lanes, esp-*, plain-*, and vti-in lead to a chain for each of them,
 * <chain>-<lane>, selected by the number of the processor that handles a packet.  So
 * processors don't wait for each other to log packets, and what one of them logs stays
 * in order.  All other packets are logged to the first lane.
 *
 * The sets esp-in-ipv4, esp-in-ipv6, esp-out-ipv4, and esp-out-ipv6 contain (destination,
 * SPI), plain-in-sas and plain-out-sas contain (reqid, SPI).  Each element counts the
 * packets that match it.  The cost of a packet does not depend on the number of SAs.
 *
 * ESP that arrives is logged at the input hook, where IPv4 packets are reassembled, as
 * only the first fragment contains the SPI.  IPv6 packets are reassembled after that hook,
 * so all fragments are logged: those of a packet may differ in Next Header, the first
 * one's counts (RFC 8200, section 4.5), and extension headers may follow the fragment
 * header, so only the whole packet shows whether it belongs to an SA.
 *
 * Packets in the clear don't show their SA.  While they are logged, their mark is
 * replaced by a hash of reqid and SPI, see nflog_nft_plain_number().  A map from the SA
 * to a number would do as well, but nft lists it in a form that it does not load.  With a
 * verdict map and a chain for each SA, the kernel would check all chains whenever an SA is
 * added.
 *
 * A packet that arrives may come from several SAs, a tunnel in a tunnel.  It belongs to
 * the SA that it left last.  What IPComp adds does not count: the SA of IPComp, which has
 * a CPI as its SPI, and the one of IPIP for packets too small to be compressed, which the
 * kernel creates without reqid (ipcomp_tunnel_create() in net/ipv4/ipcomp.c).  plain-in
 * has the rule for packets of one SA, and leads to these chains:
 *
 *   nested-in   packets of several SAs
 *   vrf-in      packets with a VRF as their device; what arrives in a VRF passes
 *               prerouting twice, see nflog_passes_t
 *
 * A packet that leaves belongs to the SA that is applied first, or after IPComp.
 */

#ifndef NFLOG_NFT_CHAINS_H_
#define NFLOG_NFT_CHAINS_H_

typedef enum nflog_need_t nflog_need_t;
typedef struct nflog_layout_t nflog_layout_t;

#include "nft_socket.h"

/**
 * Chains and sets that a side of an SA, or IKE messages, may need.
 */
enum nflog_need_t {
	/** ESP of SAs: esp-in, esp-out, and their sets */
	NEED_ESP,
	/** SAs in the clear: plain-in, plain-out, and their sets */
	NEED_PLAIN,
	/** all packets on the TUN device of kernel-libipsec: tun-in, tun-out, and sets with
	 *  the name of the device, whose elements count packets */
	NEED_TUN,
	/** all packets from VTI devices, which remove what identifies the SA (vti_rcv_cb() in
	 *  net/ipv4/ip_vti.c): vti-in */
	NEED_VTI,
	/** IKE messages: ike-in, ike-out; on the port for NAT traversal a marker
	 *  distinguishes them from ESP (RFC 3948, section 2.2) */
	NEED_IKE,
	/** all fragments of IPv6 packets to this host: frag-in */
	NEED_FRAGMENTS,
};

/** number of values of nflog_need_t */
#define NFLOG_NEEDS (NEED_FRAGMENTS + 1)

/**
 * Where to log packets, and which ones are IKE messages.
 */
struct nflog_layout_t {
	/** first NFLOG group; each lane has two, for packets that arrive and that leave */
	uint16_t group;
	/** number of lanes, a power of two */
	u_int lanes;
	/** NFLOG group for packets that leave without their SA */
	uint16_t missed;
	/** local port of IKE, and that for NAT traversal, in host order, 0 if not used */
	uint16_t port, nat_t;
};

/**
 * Add chains, rules and sets to the transaction.
 *
 * @param nft		socket that owns the table
 * @param need		what to add
 * @param layout	where to log packets
 */
void nflog_nft_chains_add(nflog_nft_socket_t *nft, nflog_need_t need,
						  nflog_layout_t *layout);

/**
 * Remove chains, rules and sets in the transaction.
 *
 * @param nft		socket that owns the table
 * @param need		what to remove
 * @param layout	as they were added
 */
void nflog_nft_chains_remove(nflog_nft_socket_t *nft, nflog_need_t need,
							 nflog_layout_t *layout);

/**
 * Get the number that replaces the mark of an SA's packets in the clear.
 *
 * @param reqid		reqid of the SA
 * @param spi		its SPI, in network order
 * @return			hash of both, never 0
 */
uint32_t nflog_nft_plain_number(uint32_t reqid, uint32_t spi);

#endif /** NFLOG_NFT_CHAINS_H_ @}*/
