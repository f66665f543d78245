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
 * @defgroup nflog_recorder nflog_recorder
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_RECORDER_H_
#define NFLOG_RECORDER_H_

typedef struct nflog_recorder_t nflog_recorder_t;

#include "cause.h"
#include "log_lines.h"
#include "tape.h"

/** folders that are filled at the same time, half of them at most for what anybody can
 * cause */
#define NFLOG_RECORDER_FOLDERS 16

/**
 * Holds the newest packets of connections with the option "recorder", and saves them when
 * something happens.
 *
 * A connection gets a folder at most once in recorder_interval, and ten times more rarely
 * for what anybody can cause, without credentials, which delays nothing else.  Triggers in
 * between are counted.  If too many folders are being filled, others follow.
 *
 * All but request(), trigger(), wait() and get_lines() are for the writer's thread.
 */
struct nflog_recorder_t {

	/**
	 * Save what the recorder of a connection holds, or count that.  Thread-safe, does not
	 * wait.  The callback is called for the writer's thread to do it.
	 *
	 * @param trigger	trigger, copied
	 */
	void (*trigger)(nflog_recorder_t *this, nflog_trigger_t *trigger);

	/**
	 * Save what the recorders of connections hold, whatever recorder_interval is.  As with
	 * trigger(), but for a thread that waits for it.
	 *
	 * @param conn		name of the connection, NULL for all with a recorder
	 * @param detail	why, in words, NULL for no reason
	 * @return			number of the request for wait()
	 */
	uint64_t (*request)(nflog_recorder_t *this, char *conn, char *detail);

	/**
	 * Wait for the result of a request.
	 *
	 * @param number	number of the request
	 * @param timeout	ms to wait at most
	 * @param paths		receives paths of folders, separated by newlines (allocated)
	 * @return			FALSE if there is no result yet
	 */
	bool (*wait)(nflog_recorder_t *this, uint64_t number, u_int timeout, char **paths);

	/**
	 * Set a callback that is called after trigger() and request(), before any thread calls
	 * these.
	 *
	 * @param cb		callback, must not block
	 * @param data		data to pass to cb
	 */
	void (*set_cb)(nflog_recorder_t *this, void (*cb)(void *data), void *data);

	/**
	 * Get the lines that charon logged.
	 *
	 * @return			lines, owned by the recorder
	 */
	nflog_log_lines_t *(*get_lines)(nflog_recorder_t *this);

	/**
	 * Get the tape of a connection, whose options are those of the trace that began last.
	 *
	 * @param conn		name of the connection
	 * @param size		bytes to hold
	 * @param after		seconds after a trigger that are saved as well
	 * @return			tape, valid as long as the recorder
	 */
	nflog_tape_t *(*get_tape)(nflog_recorder_t *this, char *conn, uint64_t size,
							  u_int after);

	/**
	 * Begin to save what triggers since the last call are about.
	 */
	void (*work)(nflog_recorder_t *this);

	/**
	 * Get the time of the first folder that has to be completed.
	 *
	 * @param until		receives the time, monotonic
	 * @return			FALSE if that is in the future, or there is none
	 */
	bool (*get_mark)(nflog_recorder_t *this, timeval_t *until);

	/**
	 * Complete folders.
	 *
	 * @param until		all packets logged until then are written, monotonic time
	 */
	void (*handle)(nflog_recorder_t *this, timeval_t *until);

	/**
	 * Get the time until a folder has to be completed.
	 *
	 * @return			time in ms, 0 if there is none
	 */
	u_int (*get_delay)(nflog_recorder_t *this);

	/**
	 * Check if there is something to do, now or later.
	 *
	 * @return			TRUE if so
	 */
	bool (*is_busy)(nflog_recorder_t *this);

	/**
	 * Destroy a nflog_recorder_t, after all traces ended, completes all folders.
	 */
	void (*destroy)(nflog_recorder_t *this);
};

/**
 * Create a nflog_recorder_t instance.
 *
 * @param store		has the files, not owned
 */
nflog_recorder_t *nflog_recorder_create(nflog_store_t *store);

#endif /** NFLOG_RECORDER_H_ @}*/
