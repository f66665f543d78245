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

#include "cfg.h"

/** ms that destroy() waits for the thread, which a file may keep waiting */
#define NFLOG_OPTIONS_STOP 2000

/**
 * Callback for changes.
 *
 * @param data		data, as passed to the constructor
 */
typedef void (*nflog_options_cb_t)(void *data);

/**
 * Looks up the options that apply to a CHILD_SA.
 *
 * They are, the first one that is set wins, in
 *  - swanctl.conf, connections.<conn>.children.<child>.nflog-capture
 *  - strongswan.conf, the same path below charon.plugins.nflog-capture
 *  - strongswan.conf, charon.plugins.nflog-capture itself
 *
 * Neither vici nor strongSwan's configs pass on the first of these, so
 * swanctl.conf is read by a thread of its own, once per change.  All look-ups are
 * in memory, in what was read last without an error.  If changes have not been
 * read yet, look-ups wait for that, nflog_values_max_wait() at most after the
 * changes were noticed, all that wait for the same changes together: those that
 * come later use what there is at once.
 *
 * Locks: the mutex guards what the thread shares with look-ups, and is held for
 * moments only.  The thread holds the gate while it uses what strongSwan frees when
 * it stops, as settings and the logger, and may take the mutex then.  Nothing that
 * may wait for a file is done with either of them.
 */
struct nflog_options_t {

	/**
	 * Start the thread that reads swanctl.conf, which the first look-up does else.
	 */
	void (*start)(nflog_options_t *this);

	/**
	 * Get the options of a CHILD_SA.
	 *
	 * If any of them is unknown, or its value is not valid, the CHILD_SA is not
	 * captured.  That is logged when options are read, a line for each.
	 *
	 * @param conn		name of the connection
	 * @param child		name of the child
	 * @param quiet		TRUE not to log that options could not be read yet
	 * @return			configuration, to be destroyed with nflog_cfg_destroy(),
	 *					NULL if not to be captured
	 */
	nflog_cfg_t *(*get)(nflog_options_t *this, char *conn,
						char *child, bool quiet);

	/**
	 * Check if children may be captured at some capture points.
	 *
	 * Considers the children with options, and one without any, as others are unknown
	 * here.
	 *
	 * @param conn		name of the connection, NULL for children of all connections
	 * @param points	capture points, a bit (1 << nflog_point_t) for each
	 * @return			FALSE if no child is captured at any of them
	 */
	bool (*has_point)(nflog_options_t *this, char *conn, u_int points);

	/**
	 * Check if any child is to be captured that may be up already.
	 *
	 * @return			TRUE if any child has the option
	 */
	bool (*has_running)(nflog_options_t *this);

	/**
	 * Check if options of a CHILD_SA were looked up before they were read for the
	 * first time, since this was called last.
	 *
	 * @return			TRUE if so
	 */
	bool (*get_missed)(nflog_options_t *this);

	/**
	 * Apply what changed in strongswan.conf, and read swanctl.conf again, even if it
	 * does not seem changed.  Does not wait for that.
	 */
	void (*reload)(nflog_options_t *this);

	/**
	 * Wait until all changes have been read that were made before.
	 *
	 * @param timeout	ms to wait at most after the changes were noticed
	 * @return			FALSE if they have not been read
	 */
	bool (*update)(nflog_options_t *this, u_int timeout);

	/**
	 * Stop the thread, and destroy a nflog_options_t.
	 *
	 * A thread that a file keeps waiting for more than NFLOG_OPTIONS_STOP is left
	 * behind, which is logged.  It won't use anything but its own data then.
	 */
	void (*destroy)(nflog_options_t *this);
};

/**
 * Create a nflog_options_t instance.
 *
 * @param cb		called by the thread after options changed, must not wait,
 *					may be NULL
 * @param data		data to pass to it
 */
nflog_options_t *nflog_options_create(
									nflog_options_cb_t cb, void *data);

#endif /** NFLOG_OPTIONS_H_ @}*/
