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
 * @defgroup nflog_lane nflog_lane
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_LANE_H_
#define NFLOG_LANE_H_

typedef struct nflog_lane_t nflog_lane_t;
typedef enum nflog_way_t nflog_way_t;

#include "traces/order.h"
#include "traces/queue.h"

/**
 * Which packets a group is for.
 */
enum nflog_way_t {
	/** those that leave */
	WAY_OUT,
	/** those that arrive */
	WAY_IN,
	/** those that leave without their SA */
	WAY_MISSED,
};

/** number of values of nflog_way_t */
#define NFLOG_WAYS (WAY_MISSED + 1)

/**
 * Callback for a packet that was read, the lane is locked.
 *
 * @param data			data, as passed to nflog_lane_create()
 * @param lane			number of the lane
 * @param logged		packet, valid during the callback
 */
typedef void (*nflog_lane_cb_t)(void *data, u_int lane,
								nflog_logged_t *logged);

/**
 * Reads the packets that some of the processors log, from two NFLOG groups: one for arriving
 * packets, which the kernel stamps with the time, and one for leaving packets, which it does
 * not stamp.  The first lane has another one for packets that leave without their SA, of all
 * processors.
 */
struct nflog_lane_t {

	/**
	 * Begin to read, in a thread.
	 *
	 * @return			FALSE if the thread can't be created, not logged
	 */
	bool (*start)(nflog_lane_t *this);

	/**
	 * Stop reading, after the thread has read what is there, up to a limit.
	 *
	 * Waits for the thread, so the caller must not have locked the lane, but others may lock it
	 * meanwhile.
	 */
	void (*stop)(nflog_lane_t *this);

	/**
	 * Keep the thread from reading until unlock() is called.  When this returns, all that it
	 * has read is published.
	 */
	void (*lock)(nflog_lane_t *this);

	/**
	 * Continue reading.
	 */
	void (*unlock)(nflog_lane_t *this);

	/**
	 * Get the order of the packet that was read last.  The lane has to be locked.
	 *
	 * @param order		receives the order, see nflog_logged_t
	 * @return			FALSE if none was read yet
	 */
	bool (*get_order)(nflog_lane_t *this, uint32_t *order);

	/**
	 * Get the progress in all groups.  The lane has to be locked.
	 *
	 * @param settled	order of a packet that the kernel has passed on, with all packets
	 *					logged before, NULL if unknown
	 * @return			progress
	 */
	nflog_progress_t (*get_progress)(nflog_lane_t *this,
									 uint32_t *settled);

	/**
	 * Get the number of packets that the kernel dropped, as its queue was full.  The lane has
	 * to be locked.
	 *
	 * @param way		which packets
	 * @return			packets missing in the sequence read so far
	 */
	uint64_t (*get_lost)(nflog_lane_t *this, nflog_way_t way);

	/**
	 * Receive the connections of packets that leave without their SA, see nflog_group_t.  The
	 * lane has to be the first one, and locked.
	 *
	 * @return			0 if successful, an errno otherwise
	 */
	int (*add_connections)(nflog_lane_t *this);

	/**
	 * Destroy a nflog_lane_t, which has to be stopped.
	 */
	void (*destroy)(nflog_lane_t *this);
};

/**
 * Create a nflog_lane_t instance.
 *
 * @param number	number of the lane
 * @param group		number of the NFLOG group for arriving packets, leaving packets have
 *					the next one
 * @param missed	number of the group for packets that leave without their SA, NULL if
 *					the lane has none
 * @param queue		where packets are published, not owned
 * @param cb		callback for each packet
 * @param data		data to pass to cb
 * @return			NULL with errno set on failure, see nflog_group_create()
 */
nflog_lane_t *nflog_lane_create(u_int number, uint16_t group, uint16_t *missed,
								nflog_queue_t *queue, nflog_lane_cb_t cb, void *data);

#endif /** NFLOG_LANE_H_ @}*/
