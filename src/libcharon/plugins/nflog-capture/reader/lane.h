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

#include "traces/order.h"
#include "traces/queue.h"

/**
 * Callback for each packet that is read, the lane is locked.
 *
 * @param data			data, as passed to nflog_lane_create()
 * @param lane			number of the lane
 * @param logged		packet
 */
typedef void (*nflog_lane_cb_t)(void *data, u_int lane,
								nflog_logged_t *logged);

/**
 * Reads the packets that some of the processors log, from two NFLOG groups: one
 * for packets that arrive, which the kernel stamps with the time, and one for
 * packets that leave, which it does not.
 */
struct nflog_lane_t {

	/**
	 * Begin to read, in a thread of its own.
	 *
	 * @return			FALSE if it can't be created, which is logged
	 */
	bool (*start)(nflog_lane_t *this);

	/**
	 * Stop reading, once the thread has read what is there, up to a limit.
	 *
	 * Waits for the thread, so the caller must not have the lane locked.  Others may
	 * lock it meanwhile.
	 */
	void (*stop)(nflog_lane_t *this);

	/**
	 * Keep the thread from reading until unlock() is called.  All that it has read is
	 * published when this returns.
	 */
	void (*lock)(nflog_lane_t *this);

	/**
	 * Let the thread read on.
	 */
	void (*unlock)(nflog_lane_t *this);

	/**
	 * Get the order of the packet that was read last, the lane is locked.
	 *
	 * @param order		receives the order, see nflog_logged_t
	 * @return			FALSE if there was none yet
	 */
	bool (*get_order)(nflog_lane_t *this, uint32_t *order);

	/**
	 * Get how far the packets of both groups have been read, the lane is locked.
	 *
	 * @param settled	order of a packet that the kernel passed on, with all that
	 *					were logged before it, NULL if unknown
	 * @return			progress
	 */
	nflog_progress_t (*get_progress)(nflog_lane_t *this,
									 uint32_t *settled);

	/**
	 * Get the number of packets that the kernel dropped, as it had no space, the
	 * lane is locked.
	 *
	 * @param in		TRUE for those that arrive, FALSE for those that leave
	 * @return			packets missing in the sequence read so far
	 */
	uint64_t (*get_lost)(nflog_lane_t *this, bool in);

	/**
	 * Destroy a nflog_lane_t, that was stopped.
	 */
	void (*destroy)(nflog_lane_t *this);
};

/**
 * Create a nflog_lane_t instance.
 *
 * @param number	number of the lane
 * @param group		number of the NFLOG group for packets that arrive, those that
 *					leave have the next one
 * @param queue		queue to publish packets in
 * @param cb		called for each packet
 * @param data		data to pass to cb
 * @return			NULL with errno set if not possible, as by
 *					nflog_group_create()
 */
nflog_lane_t *nflog_lane_create(u_int number, uint16_t group,
										nflog_queue_t *queue,
										nflog_lane_cb_t cb, void *data);

#endif /** NFLOG_LANE_H_ @}*/
