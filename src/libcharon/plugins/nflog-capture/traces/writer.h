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
 * @defgroup nflog_writer nflog_writer
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_WRITER_H_
#define NFLOG_WRITER_H_

typedef struct nflog_writer_t nflog_writer_t;

#include "keys/keys.h"
#include "order.h"
#include "queue.h"
#include "trace.h"

/**
 * Thread that writes everything to the disk: packets from the queue to their
 * traces, in the order of their time stamps, and key tables.
 *
 * The thread runs only while there are traces, or keys to write.
 */
struct nflog_writer_t {

	/**
	 * Set a callback that returns how far the readers got.  What they read up to
	 * there is published.
	 *
	 * @param cb		callback, with its data, NULL if there is nothing to read
	 * @param data		data to pass to cb
	 */
	void (*set_progress_cb)(nflog_writer_t *this,
							nflog_progress_t (*cb)(void *data), void *data);

	/**
	 * Begin a trace, its packets are written from then on.
	 *
	 * @param trace		trace, destroyed when its last reference is released
	 */
	void (*start)(nflog_writer_t *this, nflog_trace_t *trace);

	/**
	 * Release a trace, if it was the last reference the trace ends, after all
	 * packets that were published before are written.
	 *
	 * @param trace		trace to release, NULL if there is none
	 */
	void (*release)(nflog_writer_t *this, nflog_trace_t *trace);

	/**
	 * Get keys written that were queued.
	 */
	void (*write_keys)(nflog_writer_t *this);

	/**
	 * Destroy a nflog_writer_t, after everything is written.
	 */
	void (*destroy)(nflog_writer_t *this);
};

/**
 * Create a nflog_writer_t instance.
 *
 * @param queue		packets to write, not owned
 * @param keys		key tables to write, not owned
 * @param store		where traces are, not owned
 */
nflog_writer_t *nflog_writer_create(
							nflog_queue_t *queue,
							nflog_keys_t *keys,
							nflog_store_t *store);

#endif /** NFLOG_WRITER_H_ @}*/
