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
 * @defgroup nflog_packet nflog_packet
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_PACKET_H_
#define NFLOG_PACKET_H_

typedef struct nflog_packet_t nflog_packet_t;
typedef struct nflog_record_t nflog_record_t;
typedef struct nflog_esp_key_t nflog_esp_key_t;
typedef struct nflog_ike_key_t nflog_ike_key_t;
typedef struct nflog_trace_t nflog_trace_t;

#include "logged.h"
#include "options/cfg.h"

/**
 * Record as written to a pcap file (pcap-savefile(5)).
 */
struct nflog_record_t {
	/** seconds since 1970, and microseconds */
	uint32_t sec, usec;
	/** bytes in data */
	uint32_t caplen;
	/** length of data, had the packet been copied as a whole */
	uint32_t len;
	/** IP packet, for LINK_NFLOG as the last attribute (LINKTYPE_NFLOG specification) */
	uint8_t data[];
};

/**
 * Entry that describes a captured packet on its way from the reader to the trace.
 *
 * It has all that decides where to write the packet, and in which order, as the record has
 * left the processor's caches by then.
 */
struct nflog_packet_t {
	/** trace, not owned, NULL if there is nothing to write (anymore) */
	nflog_trace_t *trace;
	/** next packet of the same trace, while packets are sorted */
	nflog_packet_t *next;
	/** record */
	nflog_record_t *record;
	/** order in which packets were logged, may wrap */
	uint32_t order;
	/** time and length, as in the record */
	uint32_t sec, usec, caplen;
	/** length of the IP packet, and bytes of it that were copied */
	uint32_t original, payload;
	/** bytes in the record's data before the IP packet, 0 for LINK_RAW */
	uint16_t offset;
	/** capture point, as nflog_point_t */
	uint8_t point;
	/** TRUE if the kernel stamped it, FALSE if it has the time of reception */
	bool stamped;
};

/**
 * Identifies the SA of an ESP or AH packet.
 */
struct nflog_esp_key_t {
	/** SPI, in network order */
	uint32_t spi;
	/** 1 if inbound, 0 if outbound */
	uint32_t inbound;
	/** destination address, the first four bytes if IPv4, others 0 */
	uint8_t dst[16];
};

/**
 * Hash a nflog_esp_key_t, for hashtables.
 *
 * @param key			key
 * @return				hash value
 */
u_int nflog_esp_key_hash(const void *key);

/**
 * Compare two nflog_esp_key_t, for hashtables.
 *
 * @param a				first key
 * @param b				second key
 * @return				TRUE if they are equal
 */
bool nflog_esp_key_equals(const void *a, const void *b);

/**
 * Find destination and SPI of an ESP, AH, or UDP-encapsulated ESP packet.
 *
 * @param logged		packet, fragment is set to FRAGMENT_FIRST if it is the first
 *						fragment, others are not logged
 * @param inbound		TRUE if it arrived
 * @param key			receives the key
 * @return				FALSE if it is no such packet
 */
bool nflog_packet_parse(nflog_logged_t *logged,
						bool inbound, nflog_esp_key_t *key);

/**
 * Identifies the IKE_SA of a message, without any padding.  Has the address, as initiators
 * choose their SPI, so two peers may have the same.
 */
struct nflog_ike_key_t {
	/** SPIs, in network order, the responder's is 0 in first messages */
	uint64_t spi_i, spi_r;
	/** address of the peer, the first four bytes if IPv4, others 0 */
	uint8_t peer[16];
};

/**
 * Hash a nflog_ike_key_t, with a seed that no sender can predict.
 */
u_int nflog_ike_key_hash(const void *key);

/**
 * Compare two nflog_ike_key_t.
 */
bool nflog_ike_key_equals(const void *a, const void *b);

/**
 * Find SPIs and peer of an IKE message.
 *
 * Recognizes the non-ESP marker by its zeros, as an initiator SPI is never zero.  A
 * reassembled packet has to look like an IKE message, as no rule checked its ports.
 *
 * @param logged		packet
 * @param inbound		TRUE if it was received
 * @param key			receives SPIs, and the address of the peer
 * @return				FALSE if it is no IKE message
 */
bool nflog_packet_parse_ike(nflog_logged_t *logged,
							bool inbound, nflog_ike_key_t *key);

/**
 * Find addresses and ports of a packet in the clear, for ICMP type and code are both ports.
 *
 * @param logged		packet
 * @param src			receives the source, owned by the caller
 * @param dst			receives the destination, owned by the caller
 * @param proto			receives the protocol
 * @return				FALSE if it is no IP packet, nothing is allocated then
 */
bool nflog_packet_parse_plain(nflog_logged_t *logged,
							  host_t **src, host_t **dst,
							  uint8_t *proto);

/**
 * Check if a packet in the clear is an IP packet within another one.
 *
 * @param logged		packet
 * @param dst			destination of the outer packet
 * @return				TRUE if it is
 */
bool nflog_packet_is_tunneled(nflog_logged_t *logged,
							  host_t *dst);

/** bytes of a record before the IP packet, at most */
#define NFLOG_HEADER_SIZE 2048

/**
 * Get the bytes that a record needs before the IP packet.
 *
 * @param logged		packet
 * @param link			link type of the trace
 * @param prefix		log prefix for the trace
 * @return				bytes, NFLOG_HEADER_SIZE at most
 */
size_t nflog_packet_header_len(nflog_logged_t *logged, nflog_link_t link, char *prefix);

/**
 * Build the record of a packet, and its entry, except for trace and capture point.
 *
 * The record may be built where the packet was received: its header, which has the same
 * parts, then replaces the kernel's, and the IP packet stays where it is.
 *
 * Completes checksums of TCP and UDP that were left to the hardware.
 *
 * @param packet		entry to fill in
 * @param logged		packet, not valid anymore if its memory is reused
 * @param link			link type of the trace
 * @param prefix		log prefix for the trace
 * @param record		where to build the record, has space for the IP packet, which is
 *						padded to four bytes
 * @param header		bytes of the record before the IP packet: a multiple of four,
 *						NFLOG_HEADER_SIZE at most, at least what is needed, for LINK_RAW
 *						exactly that
 */
void nflog_packet_build(nflog_packet_t *packet, nflog_logged_t *logged,
						nflog_link_t link, char *prefix, void *record, size_t header);

/**
 * Cut a packet.
 *
 * @param packet		packet, as built
 * @param link			link type of its trace
 * @param snaplen		bytes of the IP packet to keep
 */
void nflog_packet_cut(nflog_packet_t *packet, nflog_link_t link, uint32_t snaplen);

#endif /** NFLOG_PACKET_H_ @}*/
