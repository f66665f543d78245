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
 * @defgroup nflog_swanctl nflog_swanctl
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_SWANCTL_H_
#define NFLOG_SWANCTL_H_

typedef struct nflog_swanctl_t nflog_swanctl_t;
typedef enum nflog_read_t nflog_read_t;

#include "snapshot.h"
#include "watch.h"

/** reads in a row during which a file was changed, until that is accepted */
#define NFLOG_MAX_CHANGING 3

/**
 * What was done about changes.
 */
enum nflog_read_t {
	/** there were none */
	READ_UNCHANGED,
	/** all files were read */
	READ_DONE,
	/** there are changes, which are read later */
	READ_LATER,
};

/**
 * Reads swanctl.conf, and all files that it includes, when they change.
 *
 * Files that change all the time are not read all the time: reading takes a tenth
 * of a processor at most, and waits for a file system half of the time, after a
 * second of the one, or ten of the other.  What changes after that is read later.
 *
 * All methods but has_events() are called by one thread, which might be left behind:
 * nothing in here uses what strongSwan frees when it stops, as its settings and its
 * logger.
 */
struct nflog_swanctl_t {

	/**
	 * Wait until there might be something to read.
	 *
	 * @param fd		file descriptor to wait for as well
	 */
	void (*await)(nflog_swanctl_t *this, int fd);

	/**
	 * Read all files, if any of them changed.
	 *
	 * @param path		path of swanctl.conf
	 * @param settings	settings in strongswan.conf
	 * @param compare	TRUE to look for changes that the kernel does not report
	 * @param force		TRUE to read them even if they did not change
	 * @param snapshot	receives the options, NULL if they could not be read, or
	 *					did not change
	 * @return			if files were read
	 */
	nflog_read_t (*read)(nflog_swanctl_t *this, char *path,
						 nflog_source_t *settings, bool compare, bool force,
						 nflog_snapshot_t **snapshot);

	/**
	 * Check if the kernel reported changes, any thread may call this.
	 *
	 * @return			TRUE if so
	 */
	bool (*has_events)(nflog_swanctl_t *this);

	/**
	 * Check if the kernel reports changes of all files.
	 *
	 * @return			FALSE if they have to be compared
	 */
	bool (*is_complete)(nflog_swanctl_t *this);

	/**
	 * Destroy a nflog_swanctl_t.
	 */
	void (*destroy)(nflog_swanctl_t *this);
};

/**
 * Create a nflog_swanctl_t instance.
 *
 * @param notes		gets lines to log
 * @param stop		reading ends once this is TRUE
 */
nflog_swanctl_t *nflog_swanctl_create(nflog_notes_t *notes, bool *stop);

#endif /** NFLOG_SWANCTL_H_ @}*/
