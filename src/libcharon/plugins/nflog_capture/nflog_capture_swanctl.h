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
 * @defgroup nflog_capture_swanctl nflog_capture_swanctl
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_CAPTURE_SWANCTL_H_
#define NFLOG_CAPTURE_SWANCTL_H_

typedef struct nflog_capture_swanctl_t nflog_capture_swanctl_t;

#include <library.h>
#include <collections/linked_list.h>

/**
 * Reads the sections connections.<conn>.children.<child>.nflog-capture of
 * swanctl.conf.
 *
 * Neither vici nor strongSwan's configs hand them on.  The file is read again
 * when it, a file that it includes, or the result of a pattern in an include
 * statement changed.  Nothing but our own sections is kept of it.
 */
struct nflog_capture_swanctl_t {

	/**
	 * Enumerate the options of a child.
	 *
	 * A section in our section is enumerated with a value of NULL.
	 *
	 * If the file can't be parsed, what was read of it before is used.
	 *
	 * @param conn		name of the connection
	 * @param child		name of the child
	 * @return			enumerator over (char *key, char *value), NULL if the
	 *					file could never be parsed
	 */
	enumerator_t *(*create_enumerator)(nflog_capture_swanctl_t *this,
									   char *conn, char *child);

	/**
	 * Get the names of all children that have our section.
	 *
	 * @return			list of char*, in turn the name of the connection, and of
	 *					the child, all of it is owned by the caller
	 */
	linked_list_t *(*get_children)(nflog_capture_swanctl_t *this);

	/**
	 * Get the path of the file, as configured.
	 *
	 * @return			path, valid as long as strongSwan's settings
	 */
	char *(*get_path)(nflog_capture_swanctl_t *this);

	/**
	 * Get the files that were read, and the directories that were searched.
	 *
	 * @return			list of absolute paths, char*, owned by the caller
	 */
	linked_list_t *(*get_paths)(nflog_capture_swanctl_t *this);

	/**
	 * Read the file again the next time, even if it does not seem changed.
	 */
	void (*reload)(nflog_capture_swanctl_t *this);

	/**
	 * Destroy a nflog_capture_swanctl_t.
	 */
	void (*destroy)(nflog_capture_swanctl_t *this);
};

/**
 * Create a nflog_capture_swanctl_t instance.
 */
nflog_capture_swanctl_t *nflog_capture_swanctl_create();

#endif /** NFLOG_CAPTURE_SWANCTL_H_ @}*/
