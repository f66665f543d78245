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
 * All lanes: the first is read by the owner of this, each other one by a thread of
 * its own.
 */
struct nflog_lanes_t {

	/**
	 * Start the threads of all lanes but the first one.
	 *
	 * @return			FALSE if they can't be created
	 */
	bool (*start)(nflog_lanes_t *this);

	/**
	 * Read what there is in the first lane, but not without end.
	 */
	void (*read)(nflog_lanes_t *this);

	/**
	 * Get the file descriptors to poll for the first lane.
	 *
	 * @param in		receives that for packets that arrive
	 * @param out		receives that for packets that leave
	 */
	void (*get_fds)(nflog_lanes_t *this, int *in, int *out);

	/**
	 * Wait until all that was read in any lane is published, and read nothing
	 * until unlock() is called.
	 */
	void (*lock)(nflog_lanes_t *this);

	/**
	 * Go on to read.
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
	 * had no space, called by the thread that reads it.
	 *
	 * @param in		TRUE for those that arrive, FALSE for those that leave
	 * @return			packets missing in the sequence read so far
	 */
	uint64_t (*get_lost)(nflog_lanes_t *this, bool in);

	/**
	 * Get the number of packets of all lanes that the kernel dropped, which locks
	 * them.
	 *
	 * @return			packets missing in the sequences read so far
	 */
	uint64_t (*get_all_lost)(nflog_lanes_t *this);

	/**
	 * Destroy a nflog_lanes_t.
	 */
	void (*destroy)(nflog_lanes_t *this);
};

/**
 * Create a nflog_lanes_t instance.
 *
 * @param group		number of the first NFLOG group, there are two for each lane
 * @param count		number of lanes
 * @param queue		queue to publish packets in
 * @param cb		called for each packet
 * @param data		data to pass to cb
 * @return			NULL with errno set if not possible, as by
 *					nflog_group_create()
 */
nflog_lanes_t *nflog_lanes_create(uint16_t group, u_int count,
										nflog_queue_t *queue,
										nflog_lane_cb_t cb, void *data);

/**
 * Create lanes for the NFLOG groups that the option "group" tells.
 *
 * @param queue		queue to publish packets in, there are as many lanes
 * @param cb		called for each packet
 * @param data		data to pass to cb
 * @param group		receives the number of the first NFLOG group
 * @param count		receives the number of lanes
 * @param reason	receives the reason if not possible, with its remedy
 * @param len		size of reason
 * @return			NULL if not possible
 */
nflog_lanes_t *nflog_lanes_open(nflog_queue_t *queue,
										nflog_lane_cb_t cb, void *data,
										uint16_t *group, u_int *count,
										char *reason, size_t len);

/**
 * Get the number of lanes that this machine has processors for.
 *
 * @return			1, 2, or 4
 */
u_int nflog_lanes_number();

#endif /** NFLOG_LANES_H_ @}*/
