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
#include "tap.h"

/** batch worth writing, in bytes: small enough to be in the processor's caches still */
#define NFLOG_QUEUE_BATCH (1024 * 1024)

/** bytes that a lane can receive at once */
#define NFLOG_QUEUE_SPACE (256 * 1024)

/**
 * Bounded memory for packets, between reader threads and one writer thread.
 *
 * Each reader has a lane, which takes memory in blocks.  The reader receives the kernel's
 * messages into a block, where they become records, adds packets, and publishes them in
 * batches.  The writer peeks at all published packets, and releases them, from the oldest
 * on.
 *
 * The readers' methods may be called for different lanes at the same time, but not for the
 * same one.
 */
struct nflog_queue_t {

	/**
	 * Get memory to receive messages, called by a reader.
	 *
	 * What is not added as a packet is used again.
	 *
	 * @param lane		number of the reader's lane
	 * @return			NFLOG_QUEUE_SPACE bytes, valid until the next call for the lane, NULL
	 *					if memory is exhausted
	 */
	uint8_t *(*get_space)(nflog_queue_t *this, u_int lane);

	/**
	 * Add a packet, called by a reader.
	 *
	 * @param lane		number of the reader's lane
	 * @param len		bytes of its record
	 * @return			entry, with memory for its record, to be filled in, NULL if memory is
	 *					exhausted
	 */
	nflog_packet_t *(*add)(nflog_queue_t *this, u_int lane,
						   size_t len);

	/**
	 * Add a logged packet for the trace of a capture point, called by a reader.
	 *
	 * If it was received into this lane, it stays where it is, and logged is not valid anymore.
	 * Counts it as received, and as overrun if memory is exhausted.
	 *
	 * @param lane		number of the reader's lane
	 * @param tap		capture point
	 * @param logged	packet
	 */
	void (*add_logged)(nflog_queue_t *this, u_int lane,
					   nflog_tap_t *tap, nflog_logged_t *logged);

	/**
	 * Publish all added packets, called by a reader.  Packets may be published earlier, as
	 * soon as another one is added, so they have to be filled in before that.
	 *
	 * @param lane		number of the reader's lane
	 */
	void (*publish)(nflog_queue_t *this, u_int lane);

	/**
	 * Get the number of lanes of readers.
	 *
	 * There are two other lanes, which have this number and the next one: for packets that
	 * were kept, and for those that the kernel dropped.  Their callers have to exclude each
	 * other.
	 *
	 * @return			number of lanes
	 */
	u_int (*get_lanes)(nflog_queue_t *this);

	/**
	 * Wait until there are packets, or wake() is called.  Called by the writer.
	 *
	 * Then waits on for a batch worth writing, but returns without delay if there is one, if
	 * three quarters of the memory are used, or wake() asks for haste.
	 *
	 * @param delay		time to wait for a batch, in ms
	 * @param bytes		size of a batch worth writing without delay, at least
	 *					NFLOG_QUEUE_BATCH
	 * @param timeout	time to wait if there are no packets, in ms, 0 for no limit
	 * @return			TRUE if it returned without delay
	 */
	bool (*wait)(nflog_queue_t *this, u_int delay, size_t bytes,
				 u_int timeout);

	/**
	 * Wake up the writer, or keep it from waiting the next time.  Thread-safe.
	 *
	 * @param haste		TRUE to do so without delay
	 */
	void (*wake)(nflog_queue_t *this, bool haste);

	/**
	 * Get all published packets, called by the writer.
	 *
	 * @param packets	receives an internal array of the packets that have a trace, one
	 *					lane after the other, in the order of arrival in each, valid
	 *					until the next call
	 * @param used		receives the memory in use, in percent
	 * @return			number of packets
	 */
	u_int (*peek)(nflog_queue_t *this,
				  nflog_packet_t ***packets, u_int *used);

	/**
	 * Release the memory of packets, in each lane up to the first one that still has a trace.
	 * Called by the writer.
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
 * @param lanes		number of readers, one lane for each
 * @param size		bytes of memory for all lanes together, the system provides it as it
 *					is used
 * @return			queue, NULL if there is no memory
 */
nflog_queue_t *nflog_queue_create(u_int lanes, size_t size);

#endif /** NFLOG_QUEUE_H_ @}*/
