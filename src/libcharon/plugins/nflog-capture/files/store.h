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
 * @defgroup nflog_store nflog_store
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_STORE_H_
#define NFLOG_STORE_H_

typedef struct nflog_store_t nflog_store_t;

#include "quota.h"
#include "trace_name.h"

#include <library.h>

#include <sys/uio.h>

/**
 * Where traces and key tables lie: <dir>/<connection>/<file>.
 *
 * Directories are created with mode 0700, files with 0600 from the start, and
 * neither is ever reached through a symbolic link below <dir>.  The store keeps
 * <dir> within its disk budget, "max_total".  Only traces, recognized by file name,
 * are removed to free space.
 *
 * Connections are given by the name of their directory, which
 * nflog_trace_name_label() makes of that in the configuration.
 *
 * All methods may block on the disk, none but get_path() is for charon's
 * threads.  They log errors themselves, with the path and the remedy, and don't
 * repeat that until it worked in between.
 */
struct nflog_store_t {

	/**
	 * Create a new file, exclusively.  Nothing is left of it if that fails.
	 *
	 * @param conn		directory of the connection, which is created
	 * @param name		name of the file
	 * @param header	what the file begins with, may be empty
	 * @return			file descriptor to append to it, -1 on failure, with errno
	 *					set
	 */
	int (*create_file)(nflog_store_t *this, char *conn, char *name,
					   chunk_t header);

	/**
	 * Open an existing file to append to it.
	 *
	 * @param conn		directory of the connection
	 * @param name		name of the file
	 * @return			file descriptor, -1 on failure, with errno set
	 */
	int (*open_file)(nflog_store_t *this, char *conn, char *name);

	/**
	 * Note that appending to a file worked, or log that it failed.
	 *
	 * @param conn		directory of the connection
	 * @param name		name of the file
	 * @param success	TRUE if it worked, FALSE if not, with the reason in errno
	 */
	void (*report)(nflog_store_t *this, char *conn, char *name,
				   bool success);

	/**
	 * Keep directories open from one file to the next, as many are opened in a row.
	 *
	 * @param keep		TRUE at the beginning, FALSE at the end
	 */
	void (*keep_dir)(nflog_store_t *this, bool keep);

	/**
	 * Read a whole file.
	 *
	 * @param conn		directory of the connection
	 * @param name		name of the file
	 * @param content	receives allocated content, empty if there is no such file
	 * @return			FALSE if there is one, but it can't be read
	 */
	bool (*read_file)(nflog_store_t *this, char *conn, char *name,
					  chunk_t *content);

	/**
	 * Replace a whole file atomically, a reader sees the old or the new one.
	 *
	 * @param conn		directory of the connection, which is created
	 * @param name		name of the file
	 * @param content	new content
	 * @return			TRUE if the new file is in place
	 */
	bool (*replace_file)(nflog_store_t *this, char *conn, char *name,
						 chunk_t content);

	/**
	 * Remove a file, such as the oldest one of a ring.
	 *
	 * @param conn		directory of the connection
	 * @param name		name of the file
	 * @return			TRUE if there is no such file now
	 */
	bool (*remove_file)(nflog_store_t *this, char *conn, char *name);

	/**
	 * Enumerate the traces of a connection, also those that are wanted.
	 *
	 * @param conn		directory of the connection
	 * @return			enumerator over (char *name)
	 */
	enumerator_t *(*create_trace_enumerator)(nflog_store_t *this,
											 char *conn);

	/**
	 * Reserve space before writing to a trace.
	 *
	 * If the disk budget is exhausted, this removes the oldest traces to which nobody
	 * writes, of whatever connection.  As finding them takes time, it removes some
	 * more than necessary, up to a hundredth of the budget.
	 *
	 * @param bytes		bytes about to be written
	 * @return			FALSE if the disk budget does not allow it
	 */
	bool (*reserve)(nflog_store_t *this, size_t bytes);

	/**
	 * Give back space that was reserved, but not written to.
	 *
	 * @param bytes		bytes that were not written
	 */
	void (*unreserve)(nflog_store_t *this, size_t bytes);

	/**
	 * Set the state of a trace.
	 *
	 * @param conn		directory of the connection
	 * @param name		name of the file
	 * @param state		state
	 */
	void (*set_used)(nflog_store_t *this, char *conn, char *name,
					 nflog_trace_state_t state);

	/**
	 * Get the path of a connection's directory, for log messages.
	 *
	 * @param conn		directory of the connection
	 * @param buf		buffer for the path
	 * @param len		size of buf
	 * @return			buf
	 */
	char *(*get_path)(nflog_store_t *this, char *conn, char *buf,
					  size_t len);

	/**
	 * Set a callback for connections of which traces were removed.
	 *
	 * It is called on the thread that called reserve() or remove_file().
	 *
	 * @param cb		callback, with its data and the name of the directory, may
	 *					call all methods but reserve() and remove_file()
	 * @param data		data to pass to cb
	 */
	void (*set_removed_cb)(nflog_store_t *this,
						   void (*cb)(void *data, char *conn), void *data);

	/**
	 * Destroy a nflog_store_t.
	 */
	void (*destroy)(nflog_store_t *this);
};

/**
 * Create a nflog_store_t instance.
 *
 * Reads the option "dir", and "max_total" when it is needed. Touches no file
 * yet.
 */
nflog_store_t *nflog_store_create();

/**
 * Write to a file, as much as possible.
 *
 * Exceeding a limit on the size of files (RLIMIT_FSIZE) is an error as any other,
 * EFBIG, and does not raise SIGXFSZ, which would end charon.
 *
 * @param fd		file descriptor
 * @param iov		what to write, changed by this
 * @param count		number of elements in iov
 * @return			bytes written, if that is not all the reason is in errno
 */
size_t nflog_store_write(int fd, struct iovec *iov, u_int count);

#endif /** NFLOG_STORE_H_ @}*/
