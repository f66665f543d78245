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
 * @defgroup nflog_options nflog_options
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_OPTIONS_H_
#define NFLOG_OPTIONS_H_

typedef struct nflog_options_t nflog_options_t;

#include "requests.h"

/** ms that destroy() waits for the thread, which may be blocked by a file system */
#define NFLOG_OPTIONS_STOP 400

/**
 * Callback for changes.
 *
 * @param data		data, as passed to the constructor
 */
typedef void (*nflog_options_cb_t)(void *data);

/**
 * Looks up the options that apply to a CHILD_SA.
 *
 * Each option has the value that is set first in
 *  - swanctl.conf, connections.<conn>.children.<child>.nflog-capture
 *  - strongswan.conf, the same path below charon.plugins.nflog-capture
 *  - strongswan.conf, charon.plugins.nflog-capture itself
 *
 * Before these come those of the last request that matches.
 *
 * Neither vici nor strongSwan's configs pass on the first of these sections, so a
 * thread of this object reads swanctl.conf, once per change.  Look-ups only access
 * memory: the last snapshot that was read without an error.  If changes have yet to be
 * read, look-ups wait for that, but no longer than nflog_values_max_wait() after the
 * changes were noticed, however many look-ups there are.  Those that come later use
 * the last snapshot at once.
 *
 * All methods may be called by any thread.
 *
 * Locks: the mutex guards what the thread shares with look-ups, and is held for
 * moments only.  The thread holds the gate while it uses what strongSwan frees when
 * it stops (lib->settings, the logger), and may lock the mutex then.  Neither is held
 * while accessing a file.
 */
struct nflog_options_t {

	/**
	 * Start the thread that reads swanctl.conf, otherwise the first look-up does.
	 */
	void (*start)(nflog_options_t *this);

	/**
	 * Get the options of a CHILD_SA, or those that a child has for its IKE_SA.
	 *
	 * If any of them is unknown or invalid the CHILD_SA is not captured, each is logged
	 * when the options are read.  A request overrides them.
	 *
	 * @param candidate	CHILD_SA or IKE_SA, receives the request that decided
	 * @param captured	TRUE if it is captured, which goes on if options are invalid
	 * @param quiet		TRUE not to log that options could not be read yet
	 * @return			configuration, to be destroyed with nflog_cfg_destroy(),
	 *					NULL if it is not captured
	 */
	nflog_cfg_t *(*get)(nflog_options_t *this, nflog_candidate_t *candidate,
						bool captured, bool quiet);

	/**
	 * Check if children may be captured at some capture points.
	 *
	 * Considers the children with options, and one without any, as others are unknown
	 * here.
	 *
	 * @param conn		name of the connection, NULL for children of all connections
	 * @param points	capture points, a bit (1 << nflog_point_t) for each, or
	 *					NFLOG_RECORDER_POINT
	 * @return			FALSE if no child is captured at any of them
	 */
	bool (*has_point)(nflog_options_t *this, char *conn, u_int points);

	/**
	 * Check if get() was called before options were read for the first time, since this
	 * method was called last.
	 *
	 * @return			TRUE if so, calls with quiet set don't count
	 */
	bool (*get_missed)(nflog_options_t *this);

	/**
	 * Apply changes of strongswan.conf, and read swanctl.conf again even if it seems
	 * unchanged.  Does not wait.
	 */
	void (*reload)(nflog_options_t *this);

	/**
	 * Wait until all changes made so far have been read.
	 *
	 * @param timeout	ms to wait after the changes were noticed
	 * @return			FALSE if they have not been read
	 */
	bool (*update)(nflog_options_t *this, u_int timeout);

	/**
	 * Stop the thread, and destroy a nflog_options_t.
	 *
	 * If the thread is blocked for longer than NFLOG_OPTIONS_STOP, logs that and leaves
	 * it behind with its own data, it uses nothing else from then on.
	 */
	void (*destroy)(nflog_options_t *this);
};

/**
 * Create a nflog_options_t instance.
 *
 * @param requests	requests to start and stop captures, not owned, NULL for none
 * @param cb		called by the thread after options changed, must not block, may be
 *					NULL
 * @param data		data to pass to cb
 */
nflog_options_t *nflog_options_create(nflog_requests_t *requests,
									  nflog_options_cb_t cb, void *data);

#endif /** NFLOG_OPTIONS_H_ @}*/
