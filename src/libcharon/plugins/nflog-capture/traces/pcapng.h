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
 * @defgroup nflog_pcapng nflog_pcapng
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_PCAPNG_H_
#define NFLOG_PCAPNG_H_

typedef struct nflog_pcapng_t nflog_pcapng_t;
typedef struct nflog_commented_t nflog_commented_t;

#include "queue.h"

#include <sys/uio.h>
#include <time.h>

/** bytes of an IP packet in a file, at most, as in an attribute */
#define NFLOG_PCAPNG_MAX 65000

/** bytes of a pcapng file without packets: the header of its section, and an interface, as
 * libpcap refuses files without any */
#define NFLOG_PCAPNG_HEADER 96

/** name of that interface, of packets that were seen in an unknown place */
#define NFLOG_PCAPNG_OTHER "other"

/**
 * A packet that gets a comment, for traces with LINK_PCAPNG.
 */
struct nflog_commented_t {
	/** when it was seen, since 1970 */
	struct timespec time;
	/** bytes of the IP packet, which may be cut, NFLOG_PCAPNG_MAX at most */
	chunk_t data;
	/** length of the IP packet before it was cut */
	uint32_t len;
	/** name of the interface, which is the place where it was seen, none that a sender of
	 * packets can choose: a file has as many as there are places */
	char *interface;
	/** why it went astray, to be counted, one of few, NULL not to count it; then all packets
	 * of the trace are added by one thread */
	char *reason;
	/** comment in words */
	char *comment;
};

/**
 * Add a packet for the trace of a capture point.
 *
 * Counts its reason, and it as received, and as overrun if memory is exhausted.  It has to
 * be published, as any other packet in the queue.
 *
 * @param queue		queue to add to
 * @param lane		number of the lane, which the caller has for itself
 * @param tap		capture point, of a trace with LINK_PCAPNG
 * @param packet	packet, copied
 */
void nflog_commented_add(nflog_queue_t *queue, u_int lane, nflog_tap_t *tap,
					  nflog_commented_t *packet);

/**
 * Cut a packet that has more bytes, the comment stays, see nflog_packet_cut().
 *
 * @param packet	packet in the queue, as added
 * @param snaplen	bytes of the IP packet to keep
 */
void nflog_commented_cut(nflog_packet_t *packet, uint32_t snaplen);

/**
 * Get the header of a file, with host byte order.
 *
 * @param buf		receives NFLOG_PCAPNG_HEADER bytes
 */
void nflog_pcapng_header(uint8_t buf[NFLOG_PCAPNG_HEADER]);

/**
 * Interfaces of a pcapng file (draft-ietf-opsawg-pcapng).
 *
 * The description of an interface is written with the first packet that has it.
 *
 * Used by one thread, nothing is locked.
 */
struct nflog_pcapng_t {

	/**
	 * Get what to write for some packets, one element for each.
	 *
	 * @param packets	packets, which get the numbers of their interfaces
	 * @param count		number of packets
	 * @param iov		receives count elements
	 */
	void (*get_vector)(nflog_pcapng_t *this, nflog_packet_t **packets, u_int count,
					   struct iovec *iov);

	/**
	 * Note how many packets of the last vector are in the file.
	 *
	 * @param count		number of packets that were written, from the first on
	 */
	void (*written)(nflog_pcapng_t *this, u_int count);

	/**
	 * Destroy a nflog_pcapng_t.
	 */
	void (*destroy)(nflog_pcapng_t *this);
};

/**
 * Create a nflog_pcapng_t instance, for a file without interfaces.
 */
nflog_pcapng_t *nflog_pcapng_create();

#endif /** NFLOG_PCAPNG_H_ @}*/
