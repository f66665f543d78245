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
#include <networking/host.h>

/**
 * IP packet with its headers parsed: the IP header, and the extension headers of IPv6
 * (RFC 8200, section 4), but not AH, which is the header of an SA.
 *
 * Points into the packet, which is not owned.  The program links this too, so it uses
 * libstrongswan only.
 */
struct nflog_ip_packet_t {
	/** packet, without what follows its end (padding of Ethernet) */
	chunk_t data;
	/** length by the IP header, in bytes, more than data.len if the packet was cut */
	size_t len;
	/** source and destination address, 4 or 16 bytes in data */
	chunk_t src, dst;
	/** protocol of the payload, which follows all headers */
	uint8_t proto;
	/** position of the field that contains proto */
	size_t proto_pos;
	/** position of the payload, data.len at most */
	size_t payload;
	/** position of the IPv6 fragment header, and of the field before it that contains its
	 *  protocol, 0 if there is none */
	size_t fragment_pos, fragment_proto_pos;
	/** identification of the fragmented packet, as in the header */
	uint32_t id;
	/** position in the fragmented packet of the payload, for IPv6 of what follows the
	 *  fragment header, in bytes */
	size_t offset;
	/** TRUE if more fragments follow */
	bool more;
};

/**
 * Parse the headers of an IP packet.
 *
 * The headers behind a fragment header are parsed in the first fragment only.  In others,
 * proto may differ from that of the packet.
 *
 * @param packet	receives the result
 * @param data		data that begins with an IP header, may be cut anywhere
 * @return			FALSE if headers are malformed, or cut (data.len is less than len),
 *					fields before that are valid, later positions are 0
 */
bool nflog_ip_packet_parse(nflog_ip_packet_t *packet, chunk_t data);

/**
 * Check if this is one of several fragments.
 *
 * @param packet	packet as parsed
 * @return			TRUE if it is a fragment, FALSE if it is a whole packet
 */
static inline bool nflog_ip_packet_is_fragment(nflog_ip_packet_t *packet)
{	/* an atomic fragment has a fragment header, but contains the whole packet, RFC 6946 */
	return packet->offset || packet->more;
}

/**
 * Get addresses and ports of an IP packet, for ICMP type and code are both ports.
 *
 * @param packet	packet as parsed, ports of later fragments are 0
 * @param src		receives the source, owned by the caller
 * @param dst		receives the destination, owned by the caller
 */
void nflog_ip_packet_get_hosts(nflog_ip_packet_t *packet, host_t **src,
							   host_t **dst);

/**
 * Get the position of the checksum in a TCP or UDP header.
 *
 * @param proto		protocol
 * @return			offset of the checksum (2 bytes), 0 for other protocols
 */
size_t nflog_ip_checksum_offset(uint8_t proto);

/**
 * Calculate the checksum of the pseudo header of TCP or UDP (RFC 9293, section
 * 3.1, RFC 8200, section 8.1).
 *
 * @param src		source address of the packet
 * @param dst		its destination address
 * @param proto		protocol
 * @param len		bytes of the TCP or UDP header and data
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
 * @param payload	header and data, changed if it is complete enough to have the field
 */
void nflog_ip_set_checksum(chunk_t src, chunk_t dst, uint8_t proto,
						   chunk_t payload);

#endif /** NFLOG_IP_PACKET_H_ @}*/
