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
 * @defgroup nflog_recording nflog_recording
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_RECORDING_H_
#define NFLOG_RECORDING_H_

typedef struct nflog_recording_t nflog_recording_t;

#include "folders.h"
#include "log_lines.h"
#include "tape.h"

/**
 * What is needed to save what a recorder holds, nothing is owned.
 */
typedef struct {
	/** directories of connections */
	nflog_store_t *store;
	/** folders */
	nflog_folders_t *folders;
	/** lines that charon logged */
	nflog_log_lines_t *lines;
	/** name of the connection, and of its directory */
	char *conn, *dir;
	/** tape of the connection */
	nflog_tape_t *tape;
	/** triggers before that were not saved, and when the first one was, seconds since 1970 */
	u_int skipped;
	time_t skipped_since;
} nflog_recording_args_t;

/**
 * Saves what the recorder of a connection holds, and what follows for a while, in a folder.
 *
 * Files are linked there, so that nothing is copied, and those that are written to go on in
 * the folder as well.  When the recording is complete, these end, and the folder gets the
 * keys of its SAs, and a summary.
 *
 * All is done by the writer's thread, nothing is locked.
 */
struct nflog_recording_t {

	/**
	 * Add another trigger, for the summary.
	 *
	 * @param trigger	trigger, copied
	 */
	void (*add)(nflog_recording_t *this, nflog_trigger_t *trigger);

	/**
	 * Get when the recording has to be completed.
	 *
	 * @param end		receives the time, monotonic
	 */
	void (*get_end)(nflog_recording_t *this, timeval_t *end);

	/**
	 * Complete the recording.
	 *
	 * @return			path of the folder (allocated)
	 */
	char *(*complete)(nflog_recording_t *this);

	/**
	 * Destroy a nflog_recording_t, after it was completed.
	 */
	void (*destroy)(nflog_recording_t *this);
};

/**
 * Begin a recording.
 *
 * @param args		what is needed, copied
 * @param trigger	trigger, copied
 * @param size		bytes that what follows may take
 * @param after		for how long to go on, in s
 * @return			NULL if there can be no folder, which is logged
 */
nflog_recording_t *nflog_recording_create(nflog_recording_args_t *args,
										  nflog_trigger_t *trigger, uint64_t size,
										  u_int after);

#endif /** NFLOG_RECORDING_H_ @}*/
