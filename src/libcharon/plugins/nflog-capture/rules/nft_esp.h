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
 * @defgroup nflog_nft_esp nflog_nft_esp
 * @{ @ingroup nflog_capture
 *
 * Rules of our nftables table for packets on the wire: ESP, AH, and IKE messages.
 *
 * What arrives is seen at the input hook, where IPv4 packets are reassembled: only the
 * first fragment of a packet shows the SPI.  IPv6 packets are not until they have left
 * that hook, so all fragments are logged.
 */

#ifndef NFLOG_NFT_ESP_H_
#define NFLOG_NFT_ESP_H_

#include "nft_socket.h"

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
void nflog_nft_esp_add(nflog_nft_socket_t *nft, uint16_t group, u_int lanes);

/**
 * Remove what captures SAs on the wire in a transaction.
 *
 * @param nft		socket that owns the table
 * @param lanes		number of lanes
 */
void nflog_nft_esp_remove(nflog_nft_socket_t *nft, u_int lanes);

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
void nflog_nft_esp_add_fragments(nflog_nft_socket_t *nft, uint16_t group);

/**
 * Remove what captures fragments of IPv6 packets in a transaction.
 *
 * @param nft		socket that owns the table
 */
void nflog_nft_esp_remove_fragments(nflog_nft_socket_t *nft);

/**
 * Add chains that log IKE messages to a transaction.
 *
 * They are at the same hooks as those of the ESP side.  On the port for NAT
 * traversal a marker distinguishes IKE from ESP (RFC 3948, section 2.2).
 *
 * @param nft		socket that owns the table
 * @param group		first NFLOG group
 * @param port		local port, in host order
 * @param nat_t		local port for NAT traversal, in host order
 */
void nflog_nft_esp_add_ike(nflog_nft_socket_t *nft, uint16_t group,
						   uint16_t port, uint16_t nat_t);

/**
 * Remove the chains that log IKE messages in a transaction.
 *
 * @param nft		socket that owns the table
 */
void nflog_nft_esp_remove_ike(nflog_nft_socket_t *nft);

#endif /** NFLOG_NFT_ESP_H_ @}*/
