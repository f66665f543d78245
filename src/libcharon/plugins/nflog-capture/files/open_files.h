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
 * @defgroup nflog_open_files nflog_open_files
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_OPEN_FILES_H_
#define NFLOG_OPEN_FILES_H_

typedef struct nflog_open_files_t nflog_open_files_t;

#include <library.h>

/** seconds after which files that are kept open are closed */
#define NFLOG_OPEN_FILES_TIME 30

/** number of files that were not kept in so many seconds, for which the limit is raised */
#define NFLOG_OPEN_FILES_BUSY 10000

/** limit of open files that is set then, unless the hard limit is lower */
#define NFLOG_OPEN_FILES_LIMIT 65536

/**
 * Files that are kept open between the times they are written to, as opening and closing
 * one takes longer than appending a few packets.
 *
 * Their descriptors have numbers from FD_SETSIZE on, as libraries in charon may use
 * select(2) with those below, and take up to half of what RLIMIT_NOFILE allows there.  So
 * with a limit of 1024, as systemd sets it, no file is kept at first.  Once opening files
 * takes a noticeable share of a processor, the limit is raised, as far as the hard limit
 * allows (524288 with systemd).  Descriptors below FD_SETSIZE are left to charon even so.
 *
 * All of them are closed half a minute after the first one was kept, so that files that
 * another process renamed or removed don't stay open for longer, and files that are written
 * to take the place of others.
 *
 * Used by one thread, nothing is locked.
 */
struct nflog_open_files_t {

	/**
	 * Read the limit, and close all files if it is time to, before any of them is written
	 * to.
	 */
	void (*begin)(nflog_open_files_t *this);

	/**
	 * Keep a file open, if the limit read last allows it.
	 *
	 * @param fd		file descriptor, gets another number; set to -1 when the file is
	 *					closed, so this must exist until then
	 * @return			FALSE if it is not kept, the descriptor stays the same then
	 */
	bool (*keep)(nflog_open_files_t *this, int *fd);

	/**
	 * Close a file, whether it is kept or not.
	 *
	 * @param fd		file descriptor, set to -1; nothing is done if it already is
	 * @return			FALSE on failure, with errno set
	 */
	bool (*close)(nflog_open_files_t *this, int *fd);

	/**
	 * Get the time until begin() has to be called even if nothing is written.
	 *
	 * @return			time in ms, 0 if no file is kept
	 */
	u_int (*get_delay)(nflog_open_files_t *this);

	/**
	 * Destroy a nflog_open_files_t, after all files are closed.
	 */
	void (*destroy)(nflog_open_files_t *this);
};

/**
 * Check if a file may be kept open: if it is on a local file system, whose write() fails if
 * there is no space.  Others, such as NFS, may report that as late as with close().
 *
 * @param fd		file descriptor
 * @return			FALSE if not, or if that is unknown
 */
bool nflog_open_files_is_local(int fd);

/**
 * Create a nflog_open_files_t instance.
 */
nflog_open_files_t *nflog_open_files_create();

#endif /** NFLOG_OPEN_FILES_H_ @}*/
