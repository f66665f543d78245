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
 * @defgroup nflog_capture_watch nflog_capture_watch
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_CAPTURE_WATCH_H_
#define NFLOG_CAPTURE_WATCH_H_

typedef struct nflog_capture_watch_t nflog_capture_watch_t;

#include <library.h>
#include <collections/linked_list.h>

/**
 * Tells if a file in the format of strongswan.conf changed, or one that it
 * includes, or if there are other files that match an include statement.
 *
 * It compares the state of files when asked, there is no thread behind it.  Not
 * thread-safe.
 */
struct nflog_capture_watch_t {

	/**
	 * Start to watch a file, as it is now, instead of the one before.
	 *
	 * @param path		absolute path, the file does not have to exist
	 * @return			TRUE if something is different from the last time, FALSE
	 *					if just time stamps are
	 */
	bool (*start)(nflog_capture_watch_t *this, char *path);

	/**
	 * Check if the word that is looked for is in one of the files.
	 *
	 * @return			TRUE if so
	 */
	bool (*has_word)(nflog_capture_watch_t *this);

	/**
	 * Check if something could have changed since start() was called.
	 *
	 * @return			TRUE if so, or if not started
	 */
	bool (*has_changed)(nflog_capture_watch_t *this);

	/**
	 * Get what is checked for changes.
	 *
	 * @return			list of absolute paths, char*, owned by the caller
	 */
	linked_list_t *(*get_paths)(nflog_capture_watch_t *this);

	/**
	 * Have has_changed(), and then start(), return TRUE.
	 */
	void (*reset)(nflog_capture_watch_t *this);

	/**
	 * Destroy a nflog_capture_watch_t.
	 */
	void (*destroy)(nflog_capture_watch_t *this);
};

/**
 * Create a nflog_capture_watch_t instance.
 *
 * @param word		name of a section or key to look for
 */
nflog_capture_watch_t *nflog_capture_watch_create(char *word);

#endif /** NFLOG_CAPTURE_WATCH_H_ @}*/
