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
 * @defgroup nflog_nft_plain nflog_nft_plain
 * @{ @ingroup nflog_capture
 *
 * Rules of our nftables table for packets in the clear.
 */

#ifndef NFLOG_NFT_PLAIN_H_
#define NFLOG_NFT_PLAIN_H_

#include "nft_socket.h"

/**
 * Add what captures SAs in the clear to a transaction.
 *
 * Nothing in these packets shows the SA.  So there are sets of (reqid, SPI),
 * plain-in-sas and plain-out-sas.  While a packet of an SA in these sets is logged, its
 * mark is replaced by a hash of both, see nflog_nft_plain_number().  The cost of a
 * packet does not depend on the number of SAs.  A map from the SA to a number would do
 * as well, but nft lists it in a form that it does not load.  With a verdict map and a
 * chain for each SA, the kernel would check all chains whenever an SA is added.
 *
 * A packet that arrives may have been in several SAs, a tunnel in a tunnel.  It
 * belongs to the one that it came out of last.  What IPComp adds does not count: the
 * SA of IPComp, with a CPI for an SPI, and the one of IPIP for packets too small to
 * be compressed, which the kernel creates with no reqid (ipcomp_tunnel_create() in
 * net/ipv4/ipcomp.c).  These chains are
 *
 *   plain-in    leads to the other two, and has the rule for packets of one SA
 *   nested-in   for packets that were in several SAs
 *   vrf-in      for packets with a VRF for their device
 *
 * What arrives in a VRF passes prerouting twice, see nflog_passes_t.
 *
 * A packet that leaves belongs to the SA that is applied first, or after IPComp.
 *
 * @param nft		socket that owns the table
 * @param group		first NFLOG group
 * @param lanes		number of lanes
 */
void nflog_nft_plain_add(nflog_nft_socket_t *nft, uint16_t group, u_int lanes);

/**
 * Remove what captures SAs in the clear in a transaction.
 *
 * @param nft		socket that owns the table
 * @param lanes		number of lanes
 */
void nflog_nft_plain_remove(nflog_nft_socket_t *nft, u_int lanes);

/**
 * Get the number that packets of an SA have instead of their mark.
 *
 * @param reqid		reqid of the SA
 * @param spi		its SPI, in network order
 * @return			hash of both, never 0
 */
uint32_t nflog_nft_plain_number(uint32_t reqid, uint32_t spi);

/**
 * Add what captures packets in the clear to a transaction, if charon does ESP
 * itself (kernel-libipsec): all packets that pass its TUN device, which is in the
 * sets tun-in-devices and tun-out-devices, to count them.
 *
 * @param nft		socket that owns the table
 * @param group		first NFLOG group
 */
void nflog_nft_plain_add_tun(nflog_nft_socket_t *nft, uint16_t group);

/**
 * Remove what captures the TUN device in a transaction.
 *
 * @param nft		socket that owns the table
 */
void nflog_nft_plain_remove_tun(nflog_nft_socket_t *nft);

/**
 * Add what captures packets that arrive through any VTI device: it takes from
 * them what identifies the SA (vti_rcv_cb() in net/ipv4/ip_vti.c).
 *
 * @param nft		socket that owns the table
 * @param group		first NFLOG group
 * @param lanes		number of lanes
 */
void nflog_nft_plain_add_vti(nflog_nft_socket_t *nft, uint16_t group,
							 u_int lanes);

/**
 * Remove what captures VTI devices in a transaction.
 *
 * @param nft		socket that owns the table
 * @param lanes		number of lanes
 */
void nflog_nft_plain_remove_vti(nflog_nft_socket_t *nft, u_int lanes);

#endif /** NFLOG_NFT_PLAIN_H_ @}*/
