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
 * @defgroup nflog_element nflog_element
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_ELEMENT_H_
#define NFLOG_ELEMENT_H_

typedef struct nflog_element_t nflog_element_t;

#include "sa.h"

#include <linux/netlink.h>

/**
 * Element of a set in our table, by which the kernel finds an SA.
 */
struct nflog_element_t {
	/** name of the set */
	char *set;
	/** key: destination and SPI, or reqid, in host order, and SPI, or name of a device */
	uint32_t key[5];
	/** length of the key, in bytes */
	size_t len;
	/** number of packets that matched the element */
	uint64_t packets;
};

/**
 * Get the element for the ESP side of an SA.
 *
 * @param sa		SA
 * @param match		its address and reqid
 * @return			element of one of the sets
 */
nflog_element_t nflog_element_wire(nflog_sa_t *sa,
												nflog_match_t *match);

/**
 * Get the element for the plain side of an SA.
 *
 * @param sa		SA
 * @param match		its address and reqid
 * @return			element of one of the sets
 */
nflog_element_t nflog_element_plain(nflog_sa_t *sa,
												nflog_match_t *match);

/**
 * Get the element that counts the packets of all SAs on kernel-libipsec's TUN device.
 *
 * @param inbound	TRUE for packets that arrive, as they are decrypted
 * @return			element of one of the sets
 */
nflog_element_t nflog_element_tun(bool inbound);

/**
 * Build the payload of a message about an element.
 *
 * @param hdr		message, of type NFT_MSG_*SETELEM
 * @param data		element
 */
void nflog_element_build(struct nlmsghdr *hdr, void *data);

/**
 * Parse the counter of an element in a response.
 *
 * @param hdr		message
 * @param data		element, receives the number of packets
 * @return			MNL_CB_OK
 */
int nflog_element_parse(const struct nlmsghdr *hdr, void *data);

#endif /** NFLOG_ELEMENT_H_ @}*/
