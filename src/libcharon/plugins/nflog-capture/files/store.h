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

#include "pins.h"
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
 * it.  The store keeps <dir> within the limits of the options "max_total" and "min_free", for
 * which it removes only traces, and what was decrypted from them, recognized by file name.
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
	 * Keep the directory of the last opened file open, the limits on the disk as they are set, and
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
	 * and root can read it.  If there is no space for both, one that does not grow is written
	 * over instead.
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
	 * Reserve space before a file is created or grows.
	 *
	 * If the limits on the use of the disk would be exceeded, this removes the oldest files of
	 * traces of all connections.  Those that the calling thread writes are released first, with
	 * the callbacks of set_release().
	 *
	 * @param given		bytes that the disk has given to the file, 0 if it is to be created
	 * @param size		size of the file then, in bytes
	 * @param reserved	receives the bytes that are reserved, for settle()
	 * @return			FALSE if the limits do not allow it
	 */
	bool (*reserve)(nflog_store_t *this, uint64_t given, uint64_t size,
					uint64_t *reserved);

	/**
	 * Note what the disk has given after space was reserved.
	 *
	 * @param reserved	bytes that were reserved
	 * @param given		bytes given since then, negative if it has less
	 */
	void (*settle)(nflog_store_t *this, uint64_t reserved, int64_t given);

	/**
	 * Remove the oldest files of traces, as writing failed because the disk is full.
	 *
	 * @param bytes		bytes to gain
	 * @return			FALSE if there are none
	 */
	bool (*make_room)(nflog_store_t *this, uint64_t bytes);

	/**
	 * Get the bytes that a file of a trace should have at most, before it continues in
	 * another one, so that little is lost if its oldest file is removed.
	 *
	 * @param wanted	bytes that are wanted, which is fine unless there is only space for a
	 *					few of such files, 0 for any
	 * @return			bytes
	 */
	uint64_t (*get_piece)(nflog_store_t *this, uint64_t wanted);

	/**
	 * Check if a file exists.
	 *
	 * @param conn		directory of the connection
	 * @param name		name of the file
	 * @return			FALSE if it does not
	 */
	bool (*has_file)(nflog_store_t *this, char *conn, char *name);

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
	 * Let the group of the option "group_read" use what was just created below a directory,
	 * and has no secrets.
	 *
	 * @param fd		file descriptor of a file, or of a directory
	 * @param is_dir	TRUE if it is a directory
	 * @param conn		the directory it is in, for log messages
	 * @param name		its name, for log messages
	 */
	void (*share)(nflog_store_t *this, int fd, bool is_dir, char *conn, char *name);

	/**
	 * Set how to release a file in TRACE_USED, so that it can be removed.
	 *
	 * @param conn		directory of the connection
	 * @param name		name of the file
	 * @param cb		callback, for the same thread
	 * @param data		data to pass to cb
	 */
	void (*set_release)(nflog_store_t *this, char *conn, char *name,
						nflog_release_cb_t cb, void *data);

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
	 * Get the files whose keys have to stay, the writer's.
	 *
	 * @return			files, owned by the store
	 */
	nflog_pins_t *(*get_pins)(nflog_store_t *this);

	/**
	 * Set a callback for connections whose traces were removed, before any thread uses
	 * the store.
	 *
	 * The thread that removed them, or noticed, invokes it, without lock.
	 *
	 * @param cb		callback, gets data and the directory of the connection, may
	 *					call all methods but those that remove files
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
 * Reads the option "dir" now, "max_total" and "min_free" when they are needed.  Accesses no file yet.
 */
nflog_store_t *nflog_store_create();


#endif /** NFLOG_STORE_H_ @}*/
