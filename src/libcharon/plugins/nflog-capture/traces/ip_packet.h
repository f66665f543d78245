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
 * @defgroup nflog_ip_packet nflog_ip_packet
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_IP_PACKET_H_
#define NFLOG_IP_PACKET_H_

typedef struct nflog_ip_packet_t nflog_ip_packet_t;

#include <library.h>

/**
 * IP packet whose headers were walked: the IP header, and those that extend it in
 * IPv6 (RFC 8200, section 4), but not AH, which is the header of an SA.
 *
 * The packet is not owned.  The program links this too, so it needs libstrongswan
 * only.
 */
struct nflog_ip_packet_t {
	/** the packet, without what follows its end (padding of Ethernet) */
	chunk_t data;
	/** bytes of the packet as by its IP header, more than data has if it was cut */
	size_t len;
	/** source and destination address, in data, 4 or 16 bytes */
	chunk_t src, dst;
	/** protocol behind the headers, i.e. of the payload */
	uint8_t proto;
	/** position of the field that contains this protocol */
	size_t proto_pos;
	/** position of the payload, data.len at most */
	size_t payload;
	/** position of the fragment header of IPv6, 0 if there is none, and of the field
	 *  before that contains its protocol */
	size_t fragment_pos, fragment_proto_pos;
	/** identification of the packet that this is a fragment of, as in the header */
	uint32_t id;
	/** position of the payload in that packet, for IPv6 of what follows the fragment
	 *  header, in bytes */
	size_t offset;
	/** TRUE if more fragments follow */
	bool more;
};

/**
 * Walk the headers of an IP packet.
 *
 * Only the first fragment of a packet has more headers behind the fragment header,
 * those of others are not walked, their proto need not be that of the packet.
 *
 * @param packet	receives what was found
 * @param data		data that begins with an IP header, may be cut anywhere
 * @return			FALSE if the headers are malformed, or cut if data.len is less
 *					than len; what precedes that is valid, other positions are 0
 */
bool nflog_ip_packet_parse(nflog_ip_packet_t *packet, chunk_t data);

/**
 * Check if this is not a whole packet, but one of several fragments.
 *
 * @param packet	packet as parsed
 * @return			TRUE if it is
 */
static inline bool nflog_ip_packet_is_fragment(nflog_ip_packet_t *packet)
{	/* with neither, a fragment header has the whole packet, RFC 6946 */
	return packet->offset || packet->more;
}

/**
 * Get the position of the checksum in a header of TCP or UDP.
 *
 * @param proto		protocol
 * @return			offset of the checksum of two bytes, 0 for other protocols
 */
size_t nflog_ip_checksum_offset(uint8_t proto);

/**
 * Calculate the checksum of the pseudo header of TCP and UDP (RFC 9293, section
 * 3.1, RFC 8200, section 8.1).
 *
 * @param src		source address of the packet
 * @param dst		its destination address
 * @param proto		protocol
 * @param len		bytes of its header and data
 * @return			checksum, as chunk_internet_checksum() returns it
 */
uint16_t nflog_ip_pseudo_checksum(chunk_t src, chunk_t dst, uint8_t proto,
								  size_t len);

/**
 * Set the checksum of TCP or UDP.
 *
 * @param src		source address of the packet
 * @param dst		its destination address
 * @param proto		protocol
 * @param payload	its header and data, changed if it has the field
 */
void nflog_ip_set_checksum(chunk_t src, chunk_t dst, uint8_t proto,
						   chunk_t payload);

#endif /** NFLOG_IP_PACKET_H_ @}*/
