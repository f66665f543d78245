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
 * @defgroup nflog_dir_watch dir_watch
 * @{ @ingroup nflog_capture
 */

#ifndef DIR_WATCH_H_
#define DIR_WATCH_H_

#include <library.h>

typedef struct dir_watch_t dir_watch_t;
typedef struct dir_event_t dir_event_t;
typedef enum dir_event_type_t dir_event_type_t;

/**
 * What happened.
 */
enum dir_event_type_t {
	/** a file was created, or renamed to its name */
	DIR_FILE_CREATED,
	/** a file was written to */
	DIR_FILE_CHANGED,
	/** a directory was created in there, or renamed to its name */
	DIR_CREATED,
	/** the directory was renamed, DIR_GONE follows */
	DIR_MOVED,
	/** the directory is gone, and not watched anymore */
	DIR_GONE,
	/** events were lost, so anything may have changed in any directory */
	DIR_LOST,
};

/**
 * Event.
 */
struct dir_event_t {
	/** what happened */
	dir_event_type_t type;
	/** directory, NULL for DIR_LOST */
	char *dir;
	/** name of the file or directory in there, valid until the next event */
	char *name;
};

/**
 * Watches directories (inotify(7)).
 */
struct dir_watch_t {

	/**
	 * Watch a directory.
	 *
	 * @param dir		path
	 * @return			FALSE on failure, see errno, EEXIST if it is watched by another path
	 */
	bool (*add)(dir_watch_t *this, char *dir);

	/**
	 * Get the next event, if there is one.
	 *
	 * @param event		receives the event
	 * @return			FALSE if there is none
	 */
	bool (*next)(dir_watch_t *this, dir_event_t *event);

	/**
	 * Get the file descriptor to poll for events.
	 */
	int (*get_fd)(dir_watch_t *this);

	/**
	 * Destroy a dir_watch_t.
	 */
	void (*destroy)(dir_watch_t *this);
};

/**
 * Create a dir_watch_t instance.
 *
 * @param changes	TRUE for events of files that are written to
 * @return			NULL on failure, see errno
 */
dir_watch_t *dir_watch_create(bool changes);

#endif /** DIR_WATCH_H_ @}*/
