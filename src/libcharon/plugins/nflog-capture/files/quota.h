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
 * @defgroup nflog_quota nflog_quota
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_QUOTA_H_
#define NFLOG_QUOTA_H_

typedef struct nflog_quota_t nflog_quota_t;
typedef enum nflog_trace_state_t nflog_trace_state_t;

#include "dir.h"
#include "live.h"

/**
 * States of a trace.
 */
enum nflog_trace_state_t {
	/** this process does not write to it anymore, so it may be removed */
	TRACE_COMPLETE = 0,
	/** this process writes to it, so it must not be removed */
	TRACE_USED,
	/** it could not be created yet, but its keys have to be kept */
	TRACE_WANTED,
};

/**
 * Keeps the files of all connections within the disk budget, the option "max_total".
 *
 * Only traces, recognized by file name, are removed to free space, and stale temporary
 * files.  Neither is removed while a process writes to it.
 *
 * For the methods see those of nflog_store_t.  Any thread may call them, they may block
 * on the disk.  A lock of this object guards its state, reserve() holds it while it
 * looks for traces and removes them.
 */
struct nflog_quota_t {

	/**
	 * Reserve space, removes traces if necessary.
	 *
	 * @param bytes		bytes about to be written
	 * @param max_total	disk budget in bytes, 0 if there is none
	 * @return			FALSE if the disk budget does not allow it
	 */
	bool (*reserve)(nflog_quota_t *this, size_t bytes, uint64_t max_total);

	/**
	 * Release space that was reserved, but not written to.
	 *
	 * @param bytes		bytes that were not written
	 */
	void (*unreserve)(nflog_quota_t *this, size_t bytes);

	/**
	 * Set the state of a trace.
	 *
	 * @param conn		name of the directory
	 * @param name		name of the file
	 * @param state		state
	 */
	void (*set_used)(nflog_quota_t *this, char *conn, char *name,
					 nflog_trace_state_t state);

	/**
	 * Remove a file.
	 *
	 * @param conn		name of the directory
	 * @param name		name of the file
	 * @return			TRUE if there is no such file anymore
	 */
	bool (*remove)(nflog_quota_t *this, char *conn, char *name);

	/**
	 * Enumerate the traces in a directory, including those in TRACE_WANTED.
	 *
	 * @param conn		name of the directory
	 * @return			enumerator over (char *name)
	 */
	enumerator_t *(*create_enumerator)(nflog_quota_t *this, char *conn);

	/**
	 * Set a callback for directories whose traces were removed.
	 *
	 * @param cb		callback, gets data and the name of the directory
	 * @param data		data to pass to cb
	 */
	void (*set_removed_cb)(nflog_quota_t *this,
						   void (*cb)(void *data, char *conn), void *data);

	/**
	 * Destroy a nflog_quota_t.
	 */
	void (*destroy)(nflog_quota_t *this);
};

/**
 * Create a nflog_quota_t instance.
 *
 * @param dir			opens the directories, not owned
 * @param live			knows which files are being written, not owned
 */
nflog_quota_t *nflog_quota_create(nflog_dir_t *dir, nflog_live_t *live);

#endif /** NFLOG_QUOTA_H_ @}*/
