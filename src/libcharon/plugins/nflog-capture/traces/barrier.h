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
 * @defgroup nflog_barrier nflog_barrier
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_BARRIER_H_
#define NFLOG_BARRIER_H_

typedef struct nflog_barrier_t nflog_barrier_t;

#include "order.h"

/**
 * Finds out when all packets are written that were logged until some time, by what is known
 * after each pass of the writer.
 *
 * First, all of these packets have to be read.  That is so if nothing was left to read after
 * the kernel has passed on what it had then.  If packets arrive without end, it is so if one
 * was read, and all logged before it, that the kernel stamped later.
 *
 * Then, those that were read have to be written.  The writer holds packets back for a while,
 * as older ones may arrive, so none of those it still has may be as old.
 *
 * Used by the writer's thread only.
 */
struct nflog_barrier_t {

	/**
	 * Begin a pass, before the progress of the readers is known.
	 *
	 * @param until		time until which packets were logged that have to be written,
	 *					monotonic, NULL if there is none to find out about
	 */
	void (*begin)(nflog_barrier_t *this, timeval_t *until);

	/**
	 * Note what was read, before any of that is written.
	 *
	 * @param progress	progress of the readers, after begin()
	 * @param packets	packets that were read, and not written
	 * @param count		number of packets
	 */
	void (*read)(nflog_barrier_t *this, nflog_progress_t *progress,
				 nflog_packet_t **packets, u_int count);

	/**
	 * Note a packet that is not written in this pass, the oldest one of its trace.
	 *
	 * @param packet	packet
	 */
	void (*hold)(nflog_barrier_t *this, nflog_packet_t *packet);

	/**
	 * End the pass.
	 *
	 * @param until		receives the time until which all packets logged are written,
	 *					monotonic, at least that of begin()
	 * @return			FALSE if they are not yet
	 */
	bool (*end)(nflog_barrier_t *this, timeval_t *until);

	/**
	 * Destroy a nflog_barrier_t.
	 */
	void (*destroy)(nflog_barrier_t *this);
};

/**
 * Create a nflog_barrier_t instance.
 */
nflog_barrier_t *nflog_barrier_create();

#endif /** NFLOG_BARRIER_H_ @}*/
