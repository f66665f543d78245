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
 * @defgroup nflog_interfaces interfaces
 * @{ @ingroup nflog_capture
 */

#ifndef INTERFACES_H_
#define INTERFACES_H_

#include "captures/merge.h"
#include "traces/pcapng_block.h"

typedef struct interfaces_t interfaces_t;

/**
 * The interfaces of a pcapng file, one per capture point of a child, or of the IKE_SAs of a
 * connection, and their statistics.
 */
struct interfaces_t {

	/**
	 * Get the interface of a packet, add its description if it is new.
	 *
	 * @param merged	packet
	 * @param layers	number of layers of encryption that were removed
	 * @param blocks	blocks to add to
	 * @return			number of the interface
	 */
	uint32_t (*get)(interfaces_t *this, merged_packet_t *merged, u_int layers,
					nflog_pcapng_blocks_t *blocks);

	/**
	 * Count a packet of a trace.
	 *
	 * @param merged	packet
	 * @param written	TRUE if it is written, FALSE if a filter drops it
	 * @param blocks	blocks to add to
	 */
	void (*count)(interfaces_t *this, merged_packet_t *merged, bool written,
				  nflog_pcapng_blocks_t *blocks);

	/**
	 * Add what the log says about a capture point of a trace.
	 *
	 * @param capture	trace
	 * @param point		capture point
	 * @param lost		packets that were lost
	 * @param line		line of the log, for a comment
	 * @param blocks	blocks to add to
	 */
	void (*add_lost)(interfaces_t *this, capture_t *capture,
					 capture_point_t point, uint64_t lost, char *line,
					 nflog_pcapng_blocks_t *blocks);

	/**
	 * Add blocks with the statistics of all interfaces.
	 *
	 * @param blocks	blocks to add to
	 */
	void (*add_statistics)(interfaces_t *this, nflog_pcapng_blocks_t *blocks);

	/**
	 * Destroy an interfaces_t.
	 */
	void (*destroy)(interfaces_t *this);
};

/**
 * Create an interfaces_t instance.
 */
interfaces_t *interfaces_create();

#endif /** INTERFACES_H_ @}*/
