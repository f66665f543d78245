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
 * @defgroup nflog_live nflog_live
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_LIVE_H_
#define NFLOG_LIVE_H_

typedef struct nflog_live_t nflog_live_t;

#include "dir.h"

/**
 * Knows which files are being written, by this process or another one.
 *
 * Several processes may use a directory: charons in network namespaces that share
 * /var, or one that was restarted while its predecessor hangs.  None of them may
 * remove what another one is writing.  So each locks a byte of the file ".lock" in
 * the directory for each file that it writes, which one depends on a hash of its
 * name.  With 4096 bytes some files that nobody writes have the same one, and so
 * stay longer than others.  The locks belong to the open file (F_OFD_SETLK,
 * fcntl(2)), the kernel releases them when the process ends, however it ends.  It is
 * open only while something is being written.  Where the file system has no locks,
 * which is logged, only the files of this process are known.
 *
 * That another process uses the directory is logged once, as soon as it is noticed.
 *
 * All methods may block on the disk.  They may be called by any thread, a lock of
 * this object guards its state, and is held while accessing the disk.
 */
struct nflog_live_t {

	/**
	 * Note that a file is about to be written, or complete.
	 *
	 * @param conn		name of the directory
	 * @param name		name of the file
	 * @param live		TRUE before it is created, FALSE if it is complete
	 */
	void (*set)(nflog_live_t *this, char *conn, char *name, bool live);

	/**
	 * Check if a file is being written, so that it must not be removed.
	 *
	 * @param conn		name of the directory
	 * @param name		name of the file
	 * @return			TRUE if so, or if that can't be found out for now
	 */
	bool (*is_live)(nflog_live_t *this, char *conn, char *name);

	/**
	 * Destroy a nflog_live_t, nothing is being written then.
	 */
	void (*destroy)(nflog_live_t *this);
};

/**
 * Create a nflog_live_t instance.
 *
 * @param dir			opens the directory, not owned
 */
nflog_live_t *nflog_live_create(nflog_dir_t *dir);

#endif /** NFLOG_LIVE_H_ @}*/
