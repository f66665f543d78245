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
 * Thread that writes everything to the disk: packets from the queue to their traces, in the
 * order of time, and key tables.
 *
 * The thread runs only while there are traces, or keys to write.  All methods but destroy()
 * are thread-safe.
 */
struct nflog_writer_t {

	/**
	 * Set a callback that returns the progress of the readers.  All that they read up to there
	 * is published.
	 *
	 * @param cb		callback, NULL if nothing is read; not called anymore after this returns
	 * @param data		data to pass to cb
	 */
	void (*set_progress_cb)(nflog_writer_t *this,
							nflog_progress_t (*cb)(void *data), void *data);

	/**
	 * Set a callback for traces that have as many packets as requested, before any begins.
	 *
	 * @param cb		called by the thread after some got full, must not block
	 * @param data		data to pass to cb
	 */
	void (*set_full_cb)(nflog_writer_t *this, void (*cb)(void *data), void *data);

	/**
	 * Begin a trace, from then on its packets are written.
	 *
	 * @param trace		trace, the writer destroys it after its last reference is released
	 */
	void (*start)(nflog_writer_t *this, nflog_trace_t *trace);

	/**
	 * Release a reference to a trace.  After the last one, the trace ends, once all packets
	 * published before are written.
	 *
	 * @param trace		trace, NULL to do nothing
	 */
	void (*release)(nflog_writer_t *this, nflog_trace_t *trace);

	/**
	 * Write the keys that were queued.
	 */
	void (*write_keys)(nflog_writer_t *this);

	/**
	 * Handle the traces that are marked in the registry, as soon as they have all packets that
	 * were logged before.  Does not wait for that.
	 */
	void (*handle)(nflog_writer_t *this);

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
 * @param store		contains the traces, not owned
 * @param registry	has listings of the traces, not owned
 * @param recorder	saves what it holds of connections, not owned
 */
nflog_writer_t *nflog_writer_create(
							nflog_queue_t *queue,
							nflog_keys_t *keys,
							nflog_store_t *store,
							nflog_registry_t *registry,
							nflog_recorder_t *recorder);

#endif /** NFLOG_WRITER_H_ @}*/
