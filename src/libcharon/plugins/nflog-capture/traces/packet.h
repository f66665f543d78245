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
 * Record as it is written to a pcap file (pcap-savefile(5)).
 */
struct nflog_record_t {
	/** seconds since 1970, and microseconds */
	uint32_t sec, usec;
	/** bytes in data */
	uint32_t caplen;
	/** as caplen, had the packet been copied as a whole */
	uint32_t len;
	/** IP packet, for LINK_NFLOG the last attribute, as described in the LINKTYPE_NFLOG
	 *  specification */
	uint8_t data[];
};

/**
 * Captured packet on its way from the reader to the trace.
 *
 * Where it is written, and in which order, is decided by this alone.  Its record has left
 * the processor's caches by then.
 */
struct nflog_packet_t {
	/** trace it belongs to, NULL if it needs not be written (anymore) */
	nflog_trace_t *trace;
	/** next packet of the same trace, while it is put in order */
	nflog_packet_t *next;
	/** its record */
	nflog_record_t *record;
	/** order in which packets were logged, it may wrap */
	uint32_t order;
	/** time and lengths, as in the record */
	uint32_t sec, usec, caplen, len;
	/** bytes that the IP packet had before it was copied, and bytes that were copied */
	uint32_t original, payload;
	/** bytes in the record's data before the IP packet, 0 for LINK_RAW */
	uint16_t offset;
	/** capture point, as nflog_point_t */
	uint8_t point;
	/** TRUE if the kernel stamped it, else it has the time of reception */
	bool stamped;
};

/**
 * What identifies the SA of an ESP or AH packet.
 */
struct nflog_esp_key_t {
	/** SPI, in network order */
	uint32_t spi;
	/** 1 if inbound, 0 if outbound */
	uint32_t inbound;
	/** destination address, the first four bytes if it is IPv4 */
	uint8_t dst[16];
};

/**
 * Hash of a nflog_esp_key_t, for hashtables.
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
 * Find the destination and SPI in an ESP, AH, or UDP-encapsulated ESP packet.
 *
 * @param logged		packet, as logged, fragment is set to FRAGMENT_FIRST if it is
 *						one, the rules log no others
 * @param inbound		TRUE if it was logged as it arrived
 * @param key			key to fill in
 * @return				FALSE if it's no such packet
 */
bool nflog_packet_parse(nflog_logged_t *logged,
						bool inbound, nflog_esp_key_t *key);

/**
 * How IKE messages are found, without any padding: initiator SPIs are chosen by
 * the peer, so those of two peers may be the same.
 */
struct nflog_ike_key_t {
	/** SPIs, in network order, that of the responder is 0 in first messages */
	uint64_t spi_i, spi_r;
	/** address of the peer, the first four bytes if it is IPv4 */
	uint8_t peer[16];
};

/**
 * Hash of a nflog_ike_key_t, which no sender can predict.
 */
u_int nflog_ike_key_hash(const void *key);

/**
 * Compare two nflog_ike_key_t.
 */
bool nflog_ike_key_equals(const void *a, const void *b);

/**
 * Parse a logged packet to find the IKE_SA it belongs to.
 *
 * The packet shows if there is a non-ESP marker, as an initiator SPI is never
 * zero.  One that was put together from fragments has to look like an IKE message, as
 * its ports were not checked.
 *
 * @param logged		packet
 * @param inbound		TRUE if it was received
 * @param key			receives SPIs, and the address of the peer
 * @return				FALSE if it is no IKE message
 */
bool nflog_packet_parse_ike(nflog_logged_t *logged,
							bool inbound, nflog_ike_key_t *key);

/**
 * Find addresses and ports of a packet in the clear.
 *
 * @param logged		packet, as logged
 * @param src			receives the source, allocated
 * @param dst			receives the destination, allocated
 * @param proto			receives the protocol
 * @return				FALSE if it's no IP packet
 */
bool nflog_packet_parse_plain(nflog_logged_t *logged,
							  host_t **src, host_t **dst,
							  uint8_t *proto);

/**
 * Check if a packet in the clear is an IP packet in another one.
 *
 * @param logged		packet, as logged
 * @param dst			destination of the outer one
 * @return				TRUE if it is
 */
bool nflog_packet_is_tunneled(nflog_logged_t *logged,
							  host_t *dst);

/** bytes of a record in front of the IP packet, at most */
#define NFLOG_HEADER_SIZE 2048

/**
 * Get the bytes that a record needs in front of the IP packet.
 *
 * @param logged		packet, as logged
 * @param link			link type of the trace
 * @param prefix		log prefix to have in the trace
 * @return				bytes, NFLOG_HEADER_SIZE at most
 */
size_t nflog_packet_header_len(nflog_logged_t *logged, nflog_link_t link, char *prefix);

/**
 * Build the record of a packet, and describe it, except for its trace and capture point.
 *
 * This may be done where the packet was received: the header then takes the place of the
 * kernel's, which has the same parts, and the IP packet stays where it is.
 *
 * Checksums of TCP and UDP that are left to the hardware are finished.
 *
 * @param packet		packet to describe
 * @param logged		packet, as logged, not valid anymore if its memory is reused
 * @param link			link type of the trace
 * @param prefix		log prefix to have in the trace
 * @param record		where to build the record, with space for the IP packet, aligned
 *						to four bytes behind it
 * @param header		bytes of the record in front of the IP packet, at least those that
 *						are needed, for LINK_RAW just these, a multiple of four, and
 *						NFLOG_HEADER_SIZE at most
 */
void nflog_packet_build(nflog_packet_t *packet, nflog_logged_t *logged,
						nflog_link_t link, char *prefix, void *record, size_t header);

/**
 * Cut a packet.
 *
 * @param packet		packet, as built
 * @param snaplen		bytes of the IP packet to keep
 */
void nflog_packet_cut(nflog_packet_t *packet, uint32_t snaplen);

#endif /** NFLOG_PACKET_H_ @}*/
