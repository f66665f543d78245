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
 * @defgroup nflog_roots roots
 * @{ @ingroup nflog_capture
 */

#ifndef ROOTS_H_
#define ROOTS_H_

#include <library.h>

typedef struct roots_t roots_t;

/**
 * Handle that a directory was created, maybe in place of one that was removed.
 *
 * @param data		data that was passed to roots_create()
 * @param path		its path
 * @return			FALSE to try again at the next event
 */
typedef bool (*roots_found_t)(void *data, char *path);

/**
 * Directories to follow by their paths: waits for those that don't exist, by watching the
 * directories above them.
 *
 * A directory that is removed while one of its files is open does not end for inotify(7),
 * so the directories above are watched from the beginning.
 */
struct roots_t {

	/**
	 * Add a directory, which may exist already.
	 *
	 * @param path		path
	 * @return			FALSE if it does not exist, and can't be waited for, see errno
	 */
	bool (*add)(roots_t *this, char *path);

	/**
	 * Look again for a directory that is gone, if it is one of these.
	 *
	 * @param path		path
	 */
	void (*gone)(roots_t *this, char *path);

	/**
	 * Handle all events that there are.
	 */
	void (*handle)(roots_t *this);

	/**
	 * Get the file descriptor to poll for events.
	 */
	int (*get_fd)(roots_t *this);

	/**
	 * Destroy a roots_t.
	 */
	void (*destroy)(roots_t *this);
};

/**
 * Create a roots_t instance.
 *
 * @param found		called for a directory that was created
 * @param data		data to pass to it
 * @return			NULL on failure, see errno
 */
roots_t *roots_create(roots_found_t found, void *data);

#endif /** ROOTS_H_ @}*/
