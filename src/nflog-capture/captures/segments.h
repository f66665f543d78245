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
 * @defgroup nflog_segments segments
 * @{ @ingroup nflog_capture
 */

#ifndef SEGMENTS_H_
#define SEGMENTS_H_

#include "ties.h"

typedef struct segments_t segments_t;

/**
 * Finds the packet that a segment of TCP was a part of: packets in the clear may be larger
 * than the MTU, and are only split when they are encrypted (generic segmentation offload).
 *
 * The last packets of the last connections are remembered.
 */
struct segments_t {

	/**
	 * Remember a packet in the clear, if it is one of TCP with data.
	 *
	 * @param ip		IP packet
	 * @param spis		SPIs of the CHILD_SA
	 * @param tie		what is known about it
	 */
	void (*add)(segments_t *this, chunk_t ip, uint64_t spis[2], tie_t *tie);

	/**
	 * Find the packet that has the data of a segment.
	 *
	 * @param ip		IP packet, decrypted
	 * @param spis		SPIs of the CHILD_SA
	 * @param tie		receives what is known about the packet
	 * @return			FALSE if there is none
	 */
	bool (*find)(segments_t *this, chunk_t ip, uint64_t spis[2], tie_t *tie);

	/**
	 * Destroy a segments_t.
	 */
	void (*destroy)(segments_t *this);
};

/**
 * Create a segments_t instance.
 */
segments_t *segments_create();

#endif /** SEGMENTS_H_ @}*/
