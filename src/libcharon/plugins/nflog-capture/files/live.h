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
 * Knows which files are being written, by this process or others.
 *
 * Several processes may use the directory: charons in network namespaces that share
 * /var, or one that was restarted while its predecessor hangs.  None of them may remove
 * what another one is writing.  So each process locks a byte of the file ".lock" in the
 * directory for each file it writes, selected by a hash of the file's name.  Some files
 * that are complete share one of the 4096 bytes with others, and so are kept for longer.
 * The kernel releases the locks when the process ends for whatever reason, as they
 * belong to the open file (F_OFD_SETLK, fcntl(2)), which is only open while something
 * is being written.  If the file system has no locks, which is logged, only the files
 * of this process are known.
 *
 * Logs once if another process uses the directory.
 *
 * Any thread may call the methods, which may block on the disk.  A lock of this object
 * guards its state, and is held while accessing the disk.
 */
struct nflog_live_t {

	/**
	 * Note that a file is about to be written, or is complete.
	 *
	 * @param conn		name of the subdirectory
	 * @param name		name of the file
	 * @param live		TRUE before it is created, FALSE once it is complete
	 */
	void (*set)(nflog_live_t *this, char *conn, char *name, bool live);

	/**
	 * Check if a file is being written, and thus must not be removed.
	 *
	 * @param conn		name of the subdirectory
	 * @param name		name of the file
	 * @return			TRUE if so, or if unknown as the directory can't be opened
	 */
	bool (*is_live)(nflog_live_t *this, char *conn, char *name);

	/**
	 * Destroy a nflog_live_t, after all files are complete.
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
