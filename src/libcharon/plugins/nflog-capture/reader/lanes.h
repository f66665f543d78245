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
 * All lanes.  They are open while rules log to them, and until the packets logged are read.
 *
 * Rules log IKE messages and IPv6 fragments to the first lane only.
 *
 * Thread-safe, but only one thread each calls open(), get_progress() and destroy().
 */
struct nflog_lanes_t {

	/**
	 * Open the NFLOG groups by the option "group", and begin to read, unless that was done.
	 * They stay open until close() is called after unused().
	 *
	 * Called by one thread, the rules' thread, waits for close().
	 *
	 * @param group		receives the number of the first NFLOG group, each lane has two, and
	 *					one more follows for packets that leave without their SA
	 * @param count		receives the number of lanes
	 * @param reason	receives the reason of a failure, with its remedy
	 * @param len		size of reason
	 * @return			FALSE on failure
	 */
	bool (*open)(nflog_lanes_t *this, uint16_t *group, u_int *count,
				 char *reason, size_t len);

	/**
	 * Receive the connections of packets that leave without their SA.  A failure is logged,
	 * once until lanes are opened again.  Called by the rules' thread while lanes are open,
	 * before rules log these packets.
	 *
	 * @return			TRUE if they are received
	 */
	bool (*add_connections)(nflog_lanes_t *this);

	/**
	 * Note that no rules log to the lanes anymore.
	 */
	void (*unused)(nflog_lanes_t *this);

	/**
	 * Close the NFLOG groups, unless rules may log to them.  Waits for the threads, with
	 * nothing locked.
	 *
	 * @return			TRUE if they are closed
	 */
	bool (*close)(nflog_lanes_t *this);

	/**
	 * Keep all threads from reading until unlock() is called.  When this returns, all that
	 * they have read is published.
	 */
	void (*lock)(nflog_lanes_t *this);

	/**
	 * Continue reading.
	 */
	void (*unlock)(nflog_lanes_t *this);

	/**
	 * Check if nothing is left to read in any lane.
	 *
	 * @return			TRUE if nothing is left
	 */
	bool (*is_idle)(nflog_lanes_t *this);

	/**
	 * Get the progress in all lanes.  Called by the writer only.
	 *
	 * @return			progress
	 */
	nflog_progress_t (*get_progress)(nflog_lanes_t *this);

	/**
	 * Get the number of packets of the first lane that the kernel dropped, as its queue was
	 * full.
	 *
	 * @param way		which packets
	 * @return			packets missing in the sequences read so far, since creation
	 */
	uint64_t (*get_lost)(nflog_lanes_t *this, nflog_way_t way);

	/**
	 * Destroy a nflog_lanes_t, which has to be closed.
	 */
	void (*destroy)(nflog_lanes_t *this);
};

/**
 * Create a nflog_lanes_t instance.
 *
 * @param queue		where packets are published, has as many lanes, not owned
 * @param cb		callback for each packet
 * @param data		data to pass to cb
 */
nflog_lanes_t *nflog_lanes_create(nflog_queue_t *queue, nflog_lane_cb_t cb,
								  void *data);

/**
 * Get the number of lanes that suits the processors of this machine.
 *
 * @return			1, 2, or 4
 */
u_int nflog_lanes_number();

#endif /** NFLOG_LANES_H_ @}*/
