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

/**
 * Notices when files change that were read, or others appear where files were
 * looked up.
 *
 * The kernel reports changes by inotify(7).  What it can't report, as a change
 * of a file on another host, or of a symbolic link in the middle of a path, is
 * noticed by comparing the state of files, which takes a while and may block.
 *
 * All methods are called by one thread, but for has_events().  Nothing in here uses
 * what strongSwan frees when it stops.
 */
struct nflog_watch_t {

	/**
	 * Forget all files, before they are read again.
	 */
	void (*reset)(nflog_watch_t *this);

	/**
	 * Watch a file, from before it is read, so that what changes meanwhile is not
	 * missed.
	 *
	 * @param path		absolute path, there does not have to be anything
	 */
	void (*add)(nflog_watch_t *this, char *path);

	/**
	 * Watch a directory for names that match a pattern, from before they are looked
	 * up.
	 *
	 * @param path		absolute path, there does not have to be anything
	 * @param pattern	pattern as for glob(3), without slashes
	 */
	void (*add_names)(nflog_watch_t *this, char *path, char *pattern);

	/**
	 * Get a file descriptor that is readable after changes.
	 *
	 * @return			file descriptor, -1 if inotify is not available
	 */
	int (*get_fd)(nflog_watch_t *this);

	/**
	 * Check if the kernel reported anything, maybe of other names in the same
	 * directories, without waiting.
	 *
	 * Any thread may call this.
	 *
	 * @return			TRUE if so
	 */
	bool (*has_events)(nflog_watch_t *this);

	/**
	 * Take what the kernel reported.
	 *
	 * @return			TRUE if any of it is a change of what is watched
	 */
	bool (*take_events)(nflog_watch_t *this);

	/**
	 * Compare the state of all files with what it was when they were added.
	 *
	 * @return			TRUE if anything could have changed since
	 */
	bool (*has_changed)(nflog_watch_t *this);

	/**
	 * Check if the kernel reports changes of all files.
	 *
	 * @return			FALSE if has_changed() has to be called to know
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
 * @param stop		nothing more is looked at once this is TRUE
 */
nflog_watch_t *nflog_watch_create(nflog_notes_t *notes, bool *stop);

#endif /** NFLOG_WATCH_H_ @}*/
