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
 * @defgroup nflog_queue nflog_queue
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_QUEUE_H_
#define NFLOG_QUEUE_H_

typedef struct nflog_queue_t nflog_queue_t;

#include "packet.h"
#include "trace.h"

/** bytes for packets that wait to be written, at most, used only as needed */
#define NFLOG_QUEUE_SIZE (64 * 1024 * 1024)

/** bytes that are worth writing, as they are still in the processor's caches */
#define NFLOG_QUEUE_BATCH (1024 * 1024)

/** bytes that can be received into a lane at once */
#define NFLOG_QUEUE_SPACE (256 * 1024)

/**
 * Bounded memory for packets, between reader threads and one writer thread.
 *
 * Each reader has a lane of its own, which takes memory in blocks.  It receives the
 * kernel's messages into a block, where they become records, adds packets and publishes
 * them in batches.  The writer looks at all packets that are published, and releases them
 * from the oldest on.
 */
struct nflog_queue_t {

	/**
	 * Get memory to receive messages, called by a reader.
	 *
	 * What is not added as a packet is used again.
	 *
	 * @param lane		number of the reader's lane
	 * @return			NFLOG_QUEUE_SPACE bytes, NULL if memory is exhausted
	 */
	uint8_t *(*get_space)(nflog_queue_t *this, u_int lane);

	/**
	 * Get memory for a packet, called by a reader.
	 *
	 * @param lane		number of the reader's lane
	 * @param len		bytes needed for its record
	 * @return			packet with its record, NULL if memory is exhausted
	 */
	nflog_packet_t *(*add)(nflog_queue_t *this, u_int lane,
						   size_t len);

	/**
	 * Add a logged packet for the trace of a capture point, called by a reader.
	 *
	 * If it was received into this lane it stays there, and logged is not valid anymore.
	 * It counts as received, and as overrun if memory is exhausted.
	 *
	 * @param lane		number of the reader's lane
	 * @param tap		capture point
	 * @param logged	packet, as logged
	 */
	void (*add_logged)(nflog_queue_t *this, u_int lane,
					   nflog_tap_t *tap, nflog_logged_t *logged);

	/**
	 * Publish all added packets, called by a reader.  Those that it filled in before
	 * it added another one may be published already.
	 *
	 * @param lane		number of the reader's lane
	 */
	void (*publish)(nflog_queue_t *this, u_int lane);

	/**
	 * Get the number of lanes.
	 *
	 * There is one more lane, which has this number, for packets that were kept
	 * before.  Whoever adds packets there has to keep all others from doing so.
	 *
	 * @return			number of readers there may be
	 */
	u_int (*get_lanes)(nflog_queue_t *this);

	/**
	 * Wait until there are packets or wake() is called, called by the writer.
	 *
	 * Returns a while later, to gather a batch that is worth writing, but
	 * without delay if there are many, or wake() calls for haste.
	 *
	 * @param delay		how long to gather a batch, in ms
	 * @param bytes		size of a batch that is worth writing without delay,
	 *					NFLOG_QUEUE_BATCH at least, and half of the memory at most
	 * @param timeout	how long to wait at most if there are no packets, in ms, 0
	 *					for no limit
	 * @return			TRUE if there is such a batch
	 */
	bool (*wait)(nflog_queue_t *this, u_int delay, size_t bytes,
				 u_int timeout);

	/**
	 * Wake up the writer, or keep it from waiting the next time.
	 *
	 * @param haste		TRUE to do so without delay
	 */
	void (*wake)(nflog_queue_t *this, bool haste);

	/**
	 * Get all published packets, called by the writer.
	 *
	 * @param packets	set to an internal array of the packets that have a trace,
	 *					in the order of arrival in each lane, one lane after the
	 *					other, valid until the next call
	 * @param used		set to how much of the memory is used, in percent
	 * @return			number of packets
	 */
	u_int (*peek)(nflog_queue_t *this,
				  nflog_packet_t ***packets, u_int *used);

	/**
	 * Release the memory of packets, in each lane up to the first that has a
	 * trace.
	 */
	void (*release)(nflog_queue_t *this);

	/**
	 * Destroy a nflog_queue_t.
	 */
	void (*destroy)(nflog_queue_t *this);
};

/**
 * Create a nflog_queue_t instance.
 *
 * @param lanes		number of lanes, one for each reader
 * @param size		bytes to use at most in all lanes together, taken from the
 *					system as needed
 * @return			queue, NULL if there is no memory
 */
nflog_queue_t *nflog_queue_create(u_int lanes, size_t size);

#endif /** NFLOG_QUEUE_H_ @}*/
