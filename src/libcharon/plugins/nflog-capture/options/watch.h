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
 * @defgroup nflog_watch nflog_watch
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_WATCH_H_
#define NFLOG_WATCH_H_

typedef struct nflog_watch_t nflog_watch_t;

#include "notes.h"

#include <collections/array.h>

/** limit for the entries of directories that are compared with patterns, until
 * reset() */
#define NFLOG_MAX_ENTRIES 1000000

/**
 * Finds files by patterns, and notices changes of what was found, or could be later.
 *
 * The kernel reports changes by inotify(7).  Those that it can't report, as of a file
 * on another host, or of a symbolic link in the middle of a path, are noticed by
 * comparing the state of files, which takes a while and may block.
 *
 * All methods but has_events() are called by one thread, and may block on file
 * systems.  Uses nothing that strongSwan frees when it stops.
 */
struct nflog_watch_t {

	/**
	 * Forget all files, before they are read again.
	 */
	void (*reset)(nflog_watch_t *this);

	/**
	 * Watch a file, from before it is read, so that no change is missed.
	 *
	 * @param path		absolute path, need not exist
	 */
	void (*add)(nflog_watch_t *this, char *path);

	/**
	 * Find paths by a pattern, and watch the directories for names that match.
	 *
	 * The paths are those that glob(3) finds, in the same order, but files need not
	 * exist if their names have no pattern.  Each directory is listed once.
	 *
	 * @param pattern	absolute path, or pattern as for glob(3)
	 * @param paths		receives paths, char* (allocated), NULL on errors
	 * @return			0, or an error number if a directory can't be read,
	 *					ERANGE if there are too many directories in the pattern,
	 *					E2BIG if NFLOG_MAX_ENTRIES is exceeded
	 */
	int (*find)(nflog_watch_t *this, char *pattern, array_t **paths);

	/**
	 * Get a file descriptor that is readable after changes.
	 *
	 * @return			file descriptor, -1 if inotify is not available
	 */
	int (*get_fd)(nflog_watch_t *this);

	/**
	 * Check, without blocking, if the kernel reported anything, possibly of other
	 * names in the same directories.  Any thread may call this.
	 *
	 * @return			TRUE if so
	 */
	bool (*has_events)(nflog_watch_t *this);

	/**
	 * Process what the kernel reported.
	 *
	 * @return			TRUE if something that is watched changed
	 */
	bool (*take_events)(nflog_watch_t *this);

	/**
	 * Compare the state of all files with that when they were added.
	 *
	 * @return			TRUE if something may have changed since
	 */
	bool (*has_changed)(nflog_watch_t *this);

	/**
	 * Check if the kernel reports changes of all files.
	 *
	 * @return			FALSE if has_changed() has to be called to notice some
	 */
	bool (*is_complete)(nflog_watch_t *this);

	/**
	 * Destroy a nflog_watch_t.
	 */
	void (*destroy)(nflog_watch_t *this);
};

/**
 * Create a nflog_watch_t instance.
 *
 * @param notes		gets a line if the kernel can't report all changes
 * @param stop		set to TRUE by any thread to end methods early
 */
nflog_watch_t *nflog_watch_create(nflog_notes_t *notes, bool *stop);

#endif /** NFLOG_WATCH_H_ @}*/
