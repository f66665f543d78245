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

#include "nft_socket.h"

/** chains of the ESP side, and their log prefixes, packets show their SA */
#define NFLOG_WIRE_IN "esp-in"
#define NFLOG_WIRE_OUT "esp-out"

/** chains of the clear side, and their log prefixes, marks tell the SA */
#define NFLOG_NFT_PLAIN_IN "plain-in"
#define NFLOG_NFT_PLAIN_OUT "plain-out"

/** log prefix of the clear side of packets that arrive with a VRF for device */
#define NFLOG_VRF_IN "vrf-in"

/** chain of fragments that arrive, and their log prefix */
#define NFLOG_FRAG_IN "frag-in"

/** chains of a TUN device, and their log prefixes */
#define NFLOG_TUN_IN "tun-in"
#define NFLOG_TUN_OUT "tun-out"

/** chain of VTI devices, and its log prefix */
#define NFLOG_VTI_IN "vti-in"

/** chains of IKE messages, and their log prefixes */
#define NFLOG_IKE_IN "ike-in"
#define NFLOG_IKE_OUT "ike-out"

/**
 * Add our nftables table to a transaction, without any chain.
 *
 * The table belongs to the netlink socket (NFT_TABLE_F_OWNER, since Linux 5.12),
 * so the kernel removes it if charon dies, and nobody else can change it, not even
 * with nft flush ruleset.  One with our name, but without owner, was loaded from a
 * listing, it is replaced, which is logged.
 *
 * These are the chains, which are added as they are needed:
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
 * What arrives on the wire is seen at the input hook, where IPv4 packets are
 * reassembled: only the first fragment of a packet shows the SPI.  IPv6 packets
 * are not until they have left that hook, so all fragments are logged.
 *
 * @param nft		socket that gets to own the table
 */
void nflog_nft_table_add(nflog_nft_socket_t *nft);

/**
 * Add what captures fragments of IPv6 packets for this host to a transaction.
 *
 * The fragments of a packet need not agree in their Next Header, the first one's
 * counts (RFC 8200, section 4.5), and extension headers may follow the fragment
 * header.  So only the whole packet shows whether it belongs to an SA, and all
 * fragments are logged, whatever they carry.
 *
 * @param nft		socket that owns the table
 * @param group		first NFLOG group
 */
void nflog_nft_table_add_fragments(nflog_nft_socket_t *nft, uint16_t group);

/**
 * Remove what captures fragments of IPv6 packets in a transaction.
 *
 * @param nft		socket that owns the table
 */
void nflog_nft_table_remove_fragments(nflog_nft_socket_t *nft);

/**
 * Add what captures SAs on the wire to a transaction.
 *
 * One rule logs the packets of all SAs that are in a set of (destination, SPI),
 * esp-in-ipv4, esp-in-ipv6, esp-out-ipv4, and esp-out-ipv6.  Each
 * element counts the packets that match it.  The cost of a packet does not depend
 * on the number of SAs.
 *
 * @param nft		socket that owns the table
 * @param group		first NFLOG group
 * @param lanes		number of lanes
 */
void nflog_nft_table_add_wire(nflog_nft_socket_t *nft, uint16_t group,
							  u_int lanes);

/**
 * Remove what captures SAs on the wire in a transaction.
 *
 * @param nft		socket that owns the table
 * @param lanes		number of lanes
 */
void nflog_nft_table_remove_wire(nflog_nft_socket_t *nft, u_int lanes);

/**
 * Add what captures packets in the clear to a transaction, if charon does ESP
 * itself (kernel-libipsec): all packets that pass its TUN device, which is in the
 * sets tun-in-devices and tun-out-devices, to count them.
 *
 * @param nft		socket that owns the table
 * @param group		first NFLOG group
 */
void nflog_nft_table_add_tun(nflog_nft_socket_t *nft, uint16_t group);

/**
 * Remove what captures the TUN device in a transaction.
 *
 * @param nft		socket that owns the table
 */
void nflog_nft_table_remove_tun(nflog_nft_socket_t *nft);

/**
 * Add what captures packets that arrive through any VTI device: it takes from
 * them what tells the SA (vti_rcv_cb() in net/ipv4/ip_vti.c).
 *
 * @param nft		socket that owns the table
 * @param group		first NFLOG group
 * @param lanes		number of lanes
 */
void nflog_nft_table_add_vti(nflog_nft_socket_t *nft, uint16_t group,
							 u_int lanes);

/**
 * Remove what captures VTI devices in a transaction.
 *
 * @param nft		socket that owns the table
 * @param lanes		number of lanes
 */
void nflog_nft_table_remove_vti(nflog_nft_socket_t *nft, u_int lanes);

/**
 * Add chains that log IKE messages to a transaction.
 *
 * They are at the same hooks as those of the ESP side.  On the port for NAT
 * traversal ESP is told from IKE by a marker (RFC 3948, section 2.2).
 *
 * @param nft		socket that owns the table
 * @param group		first NFLOG group
 * @param port		local port, in host order
 * @param nat_t		local port for NAT traversal, in host order
 */
void nflog_nft_table_add_ike(nflog_nft_socket_t *nft, uint16_t group,
							 uint16_t port, uint16_t nat_t);

/**
 * Remove the chains that log IKE messages in a transaction.
 *
 * @param nft		socket that owns the table
 */
void nflog_nft_table_remove_ike(nflog_nft_socket_t *nft);

#endif /** NFLOG_NFT_TABLE_H_ @}*/
