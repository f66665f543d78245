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

#include <sys/stat.h>
#include <sys/uio.h>

/**
 * Stores traces and key tables as <dir>/<connection>/<file>.
 *
 * Directories are created with mode 0700, and files with 0600, from the start.  With the
 * option "group_read", that group may then list directories and read traces, but not files
 * that replace_file() writes.  Symbolic links are not followed, neither above <dir> nor below
 * it.  The store keeps <dir> within its disk budget, the option "max_total", for which it
 * removes only traces, recognized by file name.
 *
 * Connections are identified by the names of their directories, to which
 * nflog_trace_name_label() converts the configured names.
 *
 * Any thread may call the methods, but as they may block on the disk charon's threads
 * must call none but get_path().  Errors are logged with the path and a remedy, and not
 * again until the operation has succeeded.
 */
struct nflog_store_t {

	/**
	 * Create a trace, fails if it exists.  Nothing is left of the file on failure.
	 *
	 * @param conn		directory of the connection, created if necessary
	 * @param name		name of the file
	 * @param header	first bytes of the file, may be empty
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
	 * @param st		receives the status of the file
	 * @return			file descriptor, -1 on failure, with errno set
	 */
	int (*open_file)(nflog_store_t *this, char *conn, char *name,
					 struct stat *st);

	/**
	 * Write as much as possible to a file.
	 *
	 * Exceeding the limit for the size of files (RLIMIT_FSIZE) results in EFBIG, but does not
	 * raise SIGXFSZ, which would end charon.
	 *
	 * @param fd		file descriptor
	 * @param iov		data to write, modified
	 * @param count		number of elements in iov
	 * @return			bytes written, if these are not all the reason is in errno
	 */
	size_t (*write)(nflog_store_t *this, int fd, struct iovec *iov, u_int count);

	/**
	 * Keep a file open that is appended to, as in nflog_open_files_t.  Called by the writer,
	 * while it keeps directories.
	 *
	 * @param fd		file descriptor, gets another number; set to -1 when keep_dir() closes
	 *					the file, so this must exist until it is closed
	 * @return			FALSE if it is not kept, and has to be closed
	 */
	bool (*keep_file)(nflog_store_t *this, int *fd);

	/**
	 * Close a file that was appended to, whether it is kept or not.  Called by the writer.
	 *
	 * @param fd		file descriptor, set to -1; nothing is done if it already is
	 * @return			FALSE on failure, with errno set
	 */
	bool (*close_file)(nflog_store_t *this, int *fd);

	/**
	 * Note that appending to a file succeeded, or log that it failed.
	 *
	 * @param conn		directory of the connection
	 * @param name		name of the file
	 * @param success	TRUE if it succeeded, FALSE if not, with the reason in errno
	 */
	void (*report)(nflog_store_t *this, char *conn, char *name,
				   bool success);

	/**
	 * Keep the directory of the last opened file open, the disk budget as it is set, and
	 * the signal for large files blocked, while writing many files in a row.  Closes files
	 * that were kept open for long enough.
	 *
	 * @param keep		TRUE to begin, FALSE to end
	 */
	void (*keep_dir)(nflog_store_t *this, bool keep);

	/**
	 * Get the name for a trace that begins, or continues in a new file, as in
	 * nflog_starts_t.  Called by the writer.
	 *
	 * @param conn		directory of the connection
	 * @param name		name of the trace
	 * @param start		its start, seconds since 1970
	 * @return			name with that start, or a later one (allocated)
	 */
	char *(*take_name)(nflog_store_t *this, char *conn, char *name, time_t start);

	/**
	 * Get the time until keep_dir() has to close files that are kept open.
	 *
	 * @return			time in ms, 0 if there are none
	 */
	u_int (*get_delay)(nflog_store_t *this);

	/**
	 * Read a whole file.
	 *
	 * @param conn		directory of the connection
	 * @param name		name of the file
	 * @param content	receives the content, to be freed with nflog_secret_clear(), empty if
	 *					there is no such file
	 * @return			FALSE if there is one that can't be read
	 */
	bool (*read_file)(nflog_store_t *this, char *conn, char *name,
					  chunk_t *content);

	/**
	 * Replace a whole file atomically, readers see the old or the new one.  Only charon's user
	 * and root can read it.
	 *
	 * @param conn		directory of the connection, created if necessary
	 * @param name		name of the file
	 * @param content	new content
	 * @return			FALSE if that failed, the old file is kept then
	 */
	bool (*replace_file)(nflog_store_t *this, char *conn, char *name,
						 chunk_t content);

	/**
	 * Remove a file, such as the oldest one of a ring.
	 *
	 * @param conn		directory of the connection
	 * @param name		name of the file
	 * @return			TRUE if there is no such file anymore
	 */
	bool (*remove_file)(nflog_store_t *this, char *conn, char *name);

	/**
	 * Enumerate the traces of a connection, including those in TRACE_WANTED.
	 *
	 * @param conn		directory of the connection
	 * @return			enumerator over names of files (char *name)
	 */
	enumerator_t *(*create_trace_enumerator)(nflog_store_t *this,
											 char *conn);

	/**
	 * Reserve space before writing to a trace.
	 *
	 * If the disk budget is exhausted, this removes the oldest traces of all connections
	 * that no process writes to.  As finding them takes time, it removes more than
	 * necessary, up to a hundredth of the budget.
	 *
	 * @param bytes		bytes about to be written
	 * @return			FALSE if the disk budget does not allow it
	 */
	bool (*reserve)(nflog_store_t *this, size_t bytes);

	/**
	 * Release space that was reserved, but not written to.
	 *
	 * @param bytes		bytes that were not written
	 */
	void (*unreserve)(nflog_store_t *this, size_t bytes);

	/**
	 * Set the state of a file of a trace.
	 *
	 * @param conn		directory of the connection
	 * @param name		name of the file
	 * @param state		state
	 */
	void (*set_used)(nflog_store_t *this, char *conn, char *name,
					 nflog_trace_state_t state);

	/**
	 * Check if a process writes to a file of a trace.
	 *
	 * @param conn		directory of the connection
	 * @param name		name of the file
	 * @return			TRUE if so, or if that is not known
	 */
	bool (*is_used)(nflog_store_t *this, char *conn, char *name);

	/**
	 * Open the directory of a connection.
	 *
	 * @param conn		directory of the connection
	 * @param create	TRUE to create it, FALSE not to log it if it is missing
	 * @return			file descriptor, -1 on failure, with errno set
	 */
	int (*open_dir)(nflog_store_t *this, char *conn, bool create);

	/**
	 * Get the path of a connection's directory, for log messages.
	 *
	 * @param conn		directory of the connection
	 * @param buf		buffer for the path
	 * @param len		size of buf, in bytes
	 * @return			buf
	 */
	char *(*get_path)(nflog_store_t *this, char *conn, char *buf,
					  size_t len);

	/**
	 * Set a callback for connections whose traces were removed, before any thread uses
	 * the store.
	 *
	 * The thread that calls reserve() or remove_file() invokes it, without lock.
	 *
	 * @param cb		callback, gets data and the directory of the connection, may
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
 * Reads the option "dir" now, and "max_total" when it is needed.  Accesses no file yet.
 */
nflog_store_t *nflog_store_create();


#endif /** NFLOG_STORE_H_ @}*/
