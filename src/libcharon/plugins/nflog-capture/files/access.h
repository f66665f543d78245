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
 * @defgroup nflog_access nflog_access
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_ACCESS_H_
#define NFLOG_ACCESS_H_

typedef struct nflog_access_t nflog_access_t;

#include <library.h>

/**
 * Lets the group of the option "group_read" read traces, and list and enter the directories
 * that they are in.
 *
 * Files and directories are created for charon's user only, then they get an entry for the
 * group in their access control list, as charon drops the capability to change their group.
 * If that fails they stay as they were, which is logged once, with a remedy, until it works,
 * or the option changes.
 *
 * Thread-safe.  As looking up a group may block, as may the disk, charon's threads must not
 * call these methods.
 */
struct nflog_access_t {

	/**
	 * Let the group list and enter a directory, unless it may already.
	 *
	 * @param fd		file descriptor of the directory
	 * @param fresh		TRUE if it was just created
	 * @param path		its path, for log messages
	 */
	void (*share_dir)(nflog_access_t *this, int fd, bool fresh, char *path);

	/**
	 * Let the group read a trace that was just created.
	 *
	 * @param fd		file descriptor of the trace
	 * @param path		its path, for log messages
	 */
	void (*share_trace)(nflog_access_t *this, int fd, char *path);

	/**
	 * Destroy a nflog_access_t.
	 */
	void (*destroy)(nflog_access_t *this);
};

/**
 * Create a nflog_access_t instance.
 */
nflog_access_t *nflog_access_create();

#endif /** NFLOG_ACCESS_H_ @}*/
