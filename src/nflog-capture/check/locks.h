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
 * @defgroup nflog_locks locks
 * @{ @ingroup nflog_capture
 */

#ifndef LOCKS_H_
#define LOCKS_H_

#include <library.h>

typedef struct locks_t locks_t;

/**
 * Knows which files charon writes, by the locks of nflog_live_t (files/live.h), whose
 * file ".lock" is in the directory above those of connections.
 */
struct locks_t {

	/**
	 * Get the reason why the file with the locks can't be opened.
	 *
	 * @return			errno, 0 if it is open, or not there
	 */
	int (*get_error)(locks_t *this);

	/**
	 * Check if any charon uses the directory.
	 */
	bool (*is_used)(locks_t *this);

	/**
	 * Lock a file, so that no charon takes it for one that nobody uses.  Those who may not
	 * write to the file with the locks may look only, which this does then.
	 *
	 * @param conn		name of the subdirectory
	 * @param name		name of the file
	 * @return			FALSE if a charon writes to it, or this can't be known
	 */
	bool (*lock)(locks_t *this, char *conn, char *name);

	/**
	 * Unlock the file that was locked last.
	 */
	void (*unlock)(locks_t *this);

	/**
	 * Destroy a locks_t.
	 */
	void (*destroy)(locks_t *this);
};

/**
 * Create a locks_t instance.
 *
 * @param dir		directory that has those of connections
 */
locks_t *locks_create(char *dir);

#endif /** LOCKS_H_ @}*/
