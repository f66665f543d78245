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
 * @defgroup nflog_ties ties
 * @{ @ingroup nflog_capture
 */

#ifndef TIES_H_
#define TIES_H_

#include <library.h>

typedef struct ties_t ties_t;
typedef struct tie_t tie_t;

/** copies that wait for the other one */
#define TIES_MAX 65536

/**
 * What is known about a copy of a packet.
 */
struct tie_t {
	/** identifies the packet in all copies */
	uint64_t id;
	/** TRUE for the copy in the clear, FALSE for the one in ESP or AH */
	bool clear;
	/** length of the copy */
	size_t len;
	/** SPI and sequence number, if there is any, of the copy in ESP or AH */
	uint32_t spi, seq;
	/** TRUE if it arrived, if that is known */
	bool inbound;
	bool directed;
};

/**
 * Ties the two copies of a packet, the one in the clear and the one in ESP or AH,
 * in whichever order they are captured.
 *
 * The oldest of more than TIES_MAX copies without another one are forgotten.
 */
struct ties_t {

	/**
	 * Find the other copy of a packet, which is forgotten then, or remember this one.
	 *
	 * If there are several, as packets are equal, the oldest one is found.
	 *
	 * @param key		key of the packet, as returned by ties_hash()
	 * @param tie		this copy, receives an id: that of the other one, or a new one
	 * @param other		receives the other copy
	 * @return			TRUE if there is another copy
	 */
	bool (*tie)(ties_t *this, uint64_t key, tie_t *tie, tie_t *other);

	/**
	 * Destroy a ties_t.
	 */
	void (*destroy)(ties_t *this);
};

/**
 * Create a ties_t instance.
 */
ties_t *ties_create();

/**
 * Hash an IP packet as it is in the clear on both sides of an SA: without what may differ
 * there, the TTL, DSCP, ECN and flow label, and checksums that the hardware calculates.
 *
 * @param ip		IP packet
 * @param spis		SPIs of the CHILD_SA
 * @return			key
 */
uint64_t ties_hash(chunk_t ip, uint64_t spis[2]);

/**
 * Hash bytes, in a way that a sender can't predict.
 *
 * @param data		bytes
 * @param spis		SPIs of the CHILD_SA
 * @return			key
 */
uint64_t ties_hash_bytes(chunk_t data, uint64_t spis[2]);

/**
 * Hash a packet of an SA by its position, if nothing else is known about it.
 *
 * @param position	number of packets of this SA that were captured before
 * @param inbound	TRUE if it arrived
 * @param spis		SPIs of the CHILD_SA
 * @return			key
 */
uint64_t ties_hash_position(uint64_t position, bool inbound, uint64_t spis[2]);

#endif /** TIES_H_ @}*/
