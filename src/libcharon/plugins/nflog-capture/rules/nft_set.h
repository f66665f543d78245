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
 * Sets of our nftables table, whose elements identify SAs, and count their packets.
 */

#ifndef NFLOG_NFT_SET_H_
#define NFLOG_NFT_SET_H_

typedef enum nflog_nft_set_kind_t nflog_nft_set_kind_t;
typedef struct nflog_element_t nflog_element_t;

#include "nft_socket.h"
#include "sa.h"

/**
 * Keys of a set, with SPIs in network order.
 */
enum nflog_nft_set_kind_t {
	/** IPv4 destination and SPI of ESP or AH */
	SET_ESP_IPV4,
	/** IPv6 destination and SPI of ESP or AH */
	SET_ESP_IPV6,
	/** reqid, in host order, and SPI of an SA that decapsulated a packet */
	SET_PLAIN_IN,
	/** reqid, in host order, and SPI of an SA that is going to encapsulate a packet */
	SET_PLAIN_OUT,
	/** name of a device */
	SET_DEVICE,
	/** IPv4 and IPv6 network addresses of source and destination */
	SET_NETS_IPV4,
	SET_NETS_IPV6,
};

/**
 * Add a set to the transaction.
 *
 * Keys are described as typeof expressions, as integers have no named type.  The SPI is
 * described as raw payload, which nft lists in hexadecimal, as strongSwan and ip do.
 *
 * @param nft		socket that owns the table
 * @param name		name of the set
 * @param id		number of the set, unique in the transaction
 * @param kind		its keys
 */
void nflog_nft_set_add(nflog_nft_socket_t *nft, char *name, uint32_t id,
					   nflog_nft_set_kind_t kind);

/**
 * Remove a set in the transaction, after the rules that refer to it.
 *
 * @param nft		socket that owns the table
 * @param name		name of the set
 */
void nflog_nft_set_remove(nflog_nft_socket_t *nft, char *name);

/**
 * Element of a set.
 */
struct nflog_element_t {
	/** name of the set */
	char *set;
	/** key, see nflog_nft_set_kind_t */
	uint32_t key[8];
	/** length of the key, in bytes */
	size_t len;
	/** number of packets that matched the element, as last read */
	uint64_t packets;
};

/**
 * Get the element for the ESP side of an SA.
 *
 * @param sa		SA
 * @param match		its address and reqid
 * @return			element
 */
nflog_element_t nflog_element_esp(nflog_sa_t *sa, nflog_match_t *match);

/**
 * Get the element for the plain side of an SA.
 *
 * @param sa		SA
 * @param match		its address and reqid
 * @return			element
 */
nflog_element_t nflog_element_plain(nflog_sa_t *sa, nflog_match_t *match);

/**
 * Get the element that counts all packets on the TUN device of kernel-libipsec.
 *
 * @param inbound	TRUE for packets that charon decapsulated
 * @return			element
 */
nflog_element_t nflog_element_tun(bool inbound);

/**
 * Build the payload of a message about an element.
 *
 * @param hdr		message, of type NFT_MSG_*SETELEM
 * @param data		element
 */
void nflog_nft_set_build(struct nlmsghdr *hdr, void *data);

/**
 * Parse the response to a request for an element.
 *
 * @param hdr		message
 * @param data		element, receives the number of packets
 * @return			MNL_CB_OK
 */
int nflog_nft_set_parse(const struct nlmsghdr *hdr, void *data);

#endif /** NFLOG_NFT_SET_H_ @}*/
