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
 * @defgroup decrypt_wire_packet wire_packet
 * @{ @ingroup nflog_capture
 */

#ifndef WIRE_PACKET_H_
#define WIRE_PACKET_H_

#include <library.h>

typedef struct wire_packet_t wire_packet_t;
typedef enum wire_packet_kind_t wire_packet_kind_t;

/**
 * Content of an IP packet.
 */
enum wire_packet_kind_t {
	/** something else */
	PACKET_OTHER,
	/** ESP, or anything in UDP that may be ESP */
	PACKET_ESP,
	PACKET_AH,
	PACKET_IKE,
	PACKET_IPCOMP,
	/** IP fragment */
	PACKET_FRAGMENT,
	/** truncated when captured */
	PACKET_PART,
	PACKET_MALFORMED,
};

/**
 * An IP packet, which is not owned.
 */
struct wire_packet_t {
	/** content */
	wire_packet_kind_t kind;
	/** the packet */
	chunk_t data;
	/** source and destination address, in there */
	chunk_t src, dst;
	/** position of the IP header's field with the protocol */
	size_t proto;
	/** position of the UDP header, or of what follows the IP headers */
	size_t transport;
	/** position of the ESP, AH, IPComp, or IKE header */
	size_t payload;
	/** TRUE if encapsulated in UDP */
	bool udp;
	/** TRUE if encapsulated in UDP, but not on port 4500, so this may not be ESP */
	bool doubtful;
};

/**
 * Parse an IP packet.
 *
 * @param packet	receives the result, points into data
 * @param data		data that begins with an IP header
 */
void wire_packet_parse(wire_packet_t *packet, chunk_t data);

/**
 * Get the content of a packet, from the ESP, AH, IPComp or IKE header on.
 *
 * @param packet	packet
 * @return			points into the packet
 */
chunk_t wire_packet_payload(wire_packet_t *packet);

/**
 * Create a packet with the IP header of another one, and another payload.
 *
 * @param packet	packet
 * @param proto		protocol of the payload
 * @param payload	payload, that of UDP gets a checksum
 * @return			allocated packet
 */
chunk_t wire_packet_replace(wire_packet_t *packet, uint8_t proto,
							chunk_t payload);

#endif /** WIRE_PACKET_H_ @}*/
