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
 * the folder as well.  The folder gets the keys of its SAs when files are linked, and what
 * is missing, and a summary, when the recording is complete.
 *
 * All is done by the writer's thread, nothing is locked.
 */
struct nflog_recording_t {

	/**
	 * Add another trigger, for the summary.  The first one that not anybody can cause gives
	 * its name to the folder, which goes on as long after it.
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
	 * Complete the recording.  If that fails, it has another end, and is to be completed then.
	 * From the first time on nothing is added to it.
	 *
	 * @param last		TRUE if this is the last time, charon ends
	 * @param path		receives the path of the folder (allocated), NULL if it is not complete
	 * @return			FALSE to try that again at its end
	 */
	bool (*complete)(nflog_recording_t *this, bool last, char **path);

	/**
	 * Check if nothing is added to the recording anymore.
	 *
	 * @return			TRUE if so
	 */
	bool (*is_closed)(nflog_recording_t *this);

	/**
	 * Check if anybody can cause what the recording is for.
	 *
	 * @return			TRUE if so
	 */
	bool (*is_open)(nflog_recording_t *this);

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
