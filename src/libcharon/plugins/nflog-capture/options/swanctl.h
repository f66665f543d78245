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

/** consecutive reads during which a file changed, after which that is accepted */
#define NFLOG_MAX_CHANGING 3

/**
 * Result of looking for changes.
 */
enum nflog_read_t {
	/** there are none */
	READ_UNCHANGED,
	/** all files were read */
	READ_DONE,
	/** there are some, to be read later */
	READ_LATER,
};

/**
 * Reads swanctl.conf, and all files that it includes, when they change.
 *
 * Tied to strongSwan: vici ignores sections in a child that it does not know, swanctl
 * sends ours with the others, but nothing in charon passes it on to plugins, nor
 * reports that connections were loaded again.  So we read the file as swanctl does.
 *
 * Files that change constantly are not read constantly: in the long run, reading takes
 * a tenth of a processor's time, and waits for file systems half of the time.  A second
 * of the former, or ten seconds of the latter, may be taken at once.  Further changes
 * are read later.
 *
 * All methods but has_events() are called by one thread, which may be left behind, see
 * nflog_options_t.  Uses nothing that strongSwan frees when it stops.
 */
struct nflog_swanctl_t {

	/**
	 * Wait until there may be changes.
	 *
	 * @param fd		file descriptor to wait for as well
	 */
	void (*await)(nflog_swanctl_t *this, int fd);

	/**
	 * Read all files if any of them changed.
	 *
	 * @param path		path of swanctl.conf
	 * @param settings	settings in strongswan.conf
	 * @param compare	TRUE to look for changes the kernel does not report
	 * @param force		TRUE to read all files even if they are unchanged
	 * @param snapshot	receives the options, NULL if they could not be read, or
	 *					did not change
	 * @return			READ_DONE if files were read, successfully or not
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
 * @param stop		set to TRUE by any thread to end reading
 */
nflog_swanctl_t *nflog_swanctl_create(nflog_notes_t *notes, bool *stop);

#endif /** NFLOG_SWANCTL_H_ @}*/
