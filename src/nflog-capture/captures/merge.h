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
 * @defgroup nflog_merge merge
 * @{ @ingroup nflog_capture
 */

#ifndef MERGE_H_
#define MERGE_H_

#include "captures.h"
#include "tail.h"

typedef struct merge_t merge_t;
typedef struct merged_packet_t merged_packet_t;

/**
 * Packet, and where it was captured.
 */
struct merged_packet_t {
	/** the packet, its data is valid until the next one is read */
	tail_packet_t packet;
	/** trace that it is from */
	capture_t *capture;
	/** link type of its file */
	uint16_t type;
	/** capture point */
	capture_point_t point;
};

/**
 * Find out where a packet was captured: from its prefix, or from the SPI in it.
 *
 * @param merged	packet, its point is set
 */
void merge_set_point(merged_packet_t *merged);

/**
 * Compare packets: by time, then by the order in which a packet passes capture points.
 *
 * @param a			packet
 * @param b			another packet
 * @return			below 0 if a is before b, above 0 if it is after it, 0 otherwise
 */
int merge_compare(merged_packet_t *a, merged_packet_t *b);

/**
 * Reads the packets of several traces as one, in the order of time.
 *
 * The plugin writes files in that order, so of each trace one packet is compared at a
 * time.  Memory is bounded, but for a buffer per trace that overlaps with others.
 */
struct merge_t {

	/**
	 * Read the next packet.
	 *
	 * @param packet	receives the packet
	 * @return			FALSE if there are no more
	 */
	bool (*read)(merge_t *this, merged_packet_t *packet);

	/**
	 * Check if files could not be read to their end, which was printed.
	 *
	 * @return			TRUE if so
	 */
	bool (*is_torn)(merge_t *this);

	/**
	 * Destroy a merge_t.
	 */
	void (*destroy)(merge_t *this);
};

/**
 * Create a merge_t instance.
 *
 * @param captures	enumerator over capture_t*, which have to outlive the instance; gets
 *					destroyed
 */
merge_t *merge_create(enumerator_t *captures);

#endif /** MERGE_H_ @}*/
