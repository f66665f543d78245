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
 * @defgroup nflog_nft_set nflog_nft_set
 * @{ @ingroup nflog_capture
 *
 * Sets of our nftables table, by which the kernel finds SAs.
 */

#ifndef NFLOG_NFT_SET_H_
#define NFLOG_NFT_SET_H_

typedef enum nflog_nft_set_kind_t nflog_nft_set_kind_t;

#include "nft_socket.h"

/**
 * What the keys of a set consist of, all SPIs are in network order.
 */
enum nflog_nft_set_kind_t {
	/** IPv4 destination and SPI of a packet in ESP or AH */
	SET_WIRE_IPV4,
	/** IPv6 destination and SPI of a packet in ESP or AH */
	SET_WIRE_IPV6,
	/** reqid, in host order, and SPI of an SA that a packet came out of */
	SET_PLAIN_IN,
	/** reqid, in host order, and SPI of an SA that a packet is for */
	SET_PLAIN_OUT,
	/** name of a device */
	SET_DEVICE,
};

/**
 * Add a set, the elements of which count packets, to a transaction.
 *
 * nft lists the keys as typeof expressions, as integers have no type of their own,
 * and the SPI as one in a raw payload, so that it is hexadecimal, as strongSwan and
 * ip have it.
 *
 * @param nft		socket that owns the table
 * @param name		name of the set
 * @param id		number of the set, unique in the transaction
 * @param kind		what its keys consist of
 */
void nflog_nft_set_add(nflog_nft_socket_t *nft, char *name, uint32_t id,
					   nflog_nft_set_kind_t kind);

/**
 * Remove a set, after the rules that refer to it, in a transaction.
 *
 * @param nft		socket that owns the table
 * @param name		name of the set
 */
void nflog_nft_set_remove(nflog_nft_socket_t *nft, char *name);

#endif /** NFLOG_NFT_SET_H_ @}*/
