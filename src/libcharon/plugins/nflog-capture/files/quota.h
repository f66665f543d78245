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
#include "space.h"

/**
 * States of a trace.
 */
enum nflog_trace_state_t {
	/** this process does not write to it anymore, so it may be removed */
	TRACE_COMPLETE = 0,
	/** this process writes to it, so it can only be removed if its owner releases it */
	TRACE_USED,
	/** it could not be created yet, but its keys have to be kept */
	TRACE_WANTED,
};

/**
 * Callback to complete a file that is in use, so that it can be removed, and to continue in
 * another one, which has at most one block.
 *
 * Called by the thread that set it, during nflog_quota_t.reserve().  It may call all methods
 * but reserve() and make_room().
 *
 * @param data		data, as passed to set_release()
 * @return			FALSE if it stays in use
 */
typedef bool (*nflog_release_cb_t)(void *data);

/**
 * Keeps the files of all connections within the limits on the use of the disk, the options
 * "max_total" and "min_free".
 *
 * If these would be exceeded, the oldest files of traces are removed, recognized by name,
 * with those that nflog-capture(1) decrypted from them.  One that is written has to be
 * released first by its owner; one that another process writes to stays.  If even all of
 * them were not enough, none is removed.
 *
 * For the methods see those of nflog_store_t.  Any thread may call them, they may block
 * on the disk.  A lock of this object guards its state, and is held while all files are
 * looked at, but not while some are removed.
 */
struct nflog_quota_t {

	/**
	 * Reserve what the disk may give to a file that grows, removes the oldest files if
	 * necessary.
	 *
	 * @param limits	limits
	 * @param given		bytes that the disk has given to it, 0 if it is to be created
	 * @param size		size of the file then, in bytes
	 * @param reserved	receives the bytes that are reserved, for settle()
	 * @return			FALSE if the limits do not allow it
	 */
	bool (*reserve)(nflog_quota_t *this, nflog_disk_limits_t *limits, uint64_t given,
					uint64_t size, uint64_t *reserved);

	/**
	 * Note what the disk has given after all.
	 *
	 * @param reserved	bytes that were reserved
	 * @param given		bytes given since then, negative if it has less
	 */
	void (*settle)(nflog_quota_t *this, uint64_t reserved, int64_t given);

	/**
	 * Remove the oldest files, as the disk is full although the limits allow more.  Does nothing
	 * if that did not help half a minute ago.
	 *
	 * @param limits	limits, for a line in the log
	 * @param bytes		bytes to remove at least
	 * @return			FALSE if none were removed
	 */
	bool (*make_room)(nflog_quota_t *this, nflog_disk_limits_t *limits, uint64_t bytes);

	/**
	 * Get the bytes that a file should have at most.
	 *
	 * @param limits	limits
	 * @param wanted	bytes that are wanted, 0 for any
	 */
	uint64_t (*get_piece)(nflog_quota_t *this, nflog_disk_limits_t *limits,
						  uint64_t wanted);

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
	 * Set how to release a file in TRACE_USED, until it gets another state.
	 *
	 * @param conn		name of the directory
	 * @param name		name of the file
	 * @param cb		callback
	 * @param data		data to pass to cb
	 */
	void (*set_release)(nflog_quota_t *this, char *conn, char *name,
						nflog_release_cb_t cb, void *data);

	/**
	 * Note that a file was created.
	 *
	 * @param conn		name of the directory
	 * @param name		name of the file
	 * @param dir		file descriptor of the directory
	 */
	void (*created)(nflog_quota_t *this, char *conn, char *name, int dir);

	/**
	 * Remove a file, and what was decrypted from it.
	 *
	 * @param conn		name of the directory
	 * @param name		name of the file
	 * @return			TRUE if there is no such file anymore
	 */
	bool (*remove)(nflog_quota_t *this, char *conn, char *name);

	/**
	 * Enumerate the traces in a directory, including those in TRACE_USED and TRACE_WANTED,
	 * which need not exist.
	 *
	 * @param conn		name of the directory
	 * @return			enumerator over (char *name)
	 */
	enumerator_t *(*create_enumerator)(nflog_quota_t *this, char *conn);

	/**
	 * Set a callback for directories whose traces were removed, by this process or others.
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
