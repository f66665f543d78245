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
 * @defgroup nflog_lanes nflog_lanes
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_LANES_H_
#define NFLOG_LANES_H_

typedef struct nflog_lanes_t nflog_lanes_t;

#include "lane.h"

/**
 * All lanes.  They are open while rules log to them, and until the packets that these
 * logged have been read.
 *
 * Rules log IKE messages, and IPv6 fragments, to the first lane only.
 */
struct nflog_lanes_t {

	/**
	 * Open the NFLOG groups that the option "group" sets, and begin to read, unless
	 * that was done.  They stay open until unused() and close() are called.
	 *
	 * Called by one thread, waits for close().
	 *
	 * @param group		receives the number of the first NFLOG group, there are two
	 *					for each lane
	 * @param count		receives the number of lanes
	 * @param reason	receives the reason if not possible, with its remedy
	 * @param len		size of reason
	 * @return			FALSE if not possible
	 */
	bool (*open)(nflog_lanes_t *this, uint16_t *group, u_int *count,
				 char *reason, size_t len);

	/**
	 * There are no rules anymore that log to them.
	 */
	void (*unused)(nflog_lanes_t *this);

	/**
	 * Close the NFLOG groups, unless rules may log to them.  Waits for the threads,
	 * with nothing locked.
	 *
	 * @return			TRUE if they are closed
	 */
	bool (*close)(nflog_lanes_t *this);

	/**
	 * Keep all threads from reading until unlock() is called.  All that they have read
	 * is published when this returns.
	 */
	void (*lock)(nflog_lanes_t *this);

	/**
	 * Let the threads read on.
	 */
	void (*unlock)(nflog_lanes_t *this);

	/**
	 * Is there nothing to read in any lane?
	 *
	 * @return			TRUE if so
	 */
	bool (*is_idle)(nflog_lanes_t *this);

	/**
	 * Get how far the packets of all lanes have been read, called by one thread.
	 *
	 * @return			progress
	 */
	nflog_progress_t (*get_progress)(nflog_lanes_t *this);

	/**
	 * Get the number of packets of the first lane that the kernel dropped, as it
	 * had no space.
	 *
	 * @param in		TRUE for those that arrive, FALSE for those that leave
	 * @return			packets missing in all sequences read so far
	 */
	uint64_t (*get_lost)(nflog_lanes_t *this, bool in);

	/**
	 * Destroy a nflog_lanes_t, that is closed.
	 */
	void (*destroy)(nflog_lanes_t *this);
};

/**
 * Create a nflog_lanes_t instance.
 *
 * @param queue		queue to publish packets in, has as many lanes
 * @param cb		called for each packet
 * @param data		data to pass to cb
 */
nflog_lanes_t *nflog_lanes_create(nflog_queue_t *queue, nflog_lane_cb_t cb,
								  void *data);

/**
 * Get the number of lanes that this machine has processors for.
 *
 * @return			1, 2, or 4
 */
u_int nflog_lanes_number();

#endif /** NFLOG_LANES_H_ @}*/
