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
 * @defgroup nflog_dir nflog_dir
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_DIR_H_
#define NFLOG_DIR_H_

typedef struct nflog_dir_t nflog_dir_t;

#include <sys/stat.h>

#include <library.h>

/**
 * Safely opens files and directories below a directory.
 *
 * Does not follow symbolic links, and refuses directories that anybody but charon's
 * user and root may write to, or replace.  Creates directories with mode 0700, and files with
 * 0600, regardless of the umask, and with the option "group_read" then lets that group list
 * and enter directories, and read files without secrets.
 *
 * Names must not contain slashes.  Methods that open something return a file
 * descriptor, or -1 with errno set.  Failures are logged with a remedy, and not again
 * until the operation has succeeded.  Errors that concern all files, such as a full
 * disk, are logged for one of them only, and at most once per NFLOG_LOG_AGAIN.
 *
 * Any thread may call the methods, which may block on the disk.  A lock of this object
 * guards its state, and is not held while accessing the disk.
 */
struct nflog_dir_t {

	/**
	 * Open a subdirectory.
	 *
	 * @param conn		name of the subdirectory, empty for the directory itself
	 * @param create	TRUE to create it, FALSE not to log it if it is missing
	 * @return			file descriptor
	 */
	int (*open_dir)(nflog_dir_t *this, char *conn, bool create);

	/**
	 * Open an existing file.
	 *
	 * @param conn		name of the subdirectory
	 * @param name		name of the file
	 * @param flags		flags for open(2), a missing file is not logged with O_RDONLY
	 * @param st		receives the status of the file
	 * @return			file descriptor
	 */
	int (*open_file)(nflog_dir_t *this, char *conn, char *name,
					 int flags, struct stat *st);

	/**
	 * Keep the subdirectory of the last opened file open, so that the next file in it is
	 * opened without checking again who may write to the subdirectory.
	 *
	 * @param keep		TRUE to begin, FALSE to end
	 */
	void (*keep_dir)(nflog_dir_t *this, bool keep);

	/**
	 * Create a file to append to, fails if it exists.
	 *
	 * @param dir		file descriptor of the subdirectory
	 * @param conn		name of the subdirectory
	 * @param name		name of the file
	 * @param secret	TRUE if the group of the option "group_read" must not read it
	 * @return			file descriptor
	 */
	int (*create_file)(nflog_dir_t *this, int dir, char *conn,
					   char *name, bool secret);

	/**
	 * Let the group of the option "group_read" use what was just created below a
	 * subdirectory.
	 *
	 * @param fd		file descriptor of a file, or of a directory
	 * @param is_dir	TRUE if it is a directory
	 * @param conn		name of the subdirectory, for log messages
	 * @param name		name of the file or directory, for log messages
	 */
	void (*share)(nflog_dir_t *this, int fd, bool is_dir, char *conn, char *name);

	/**
	 * Log that an operation failed, with the reason in errno, which is preserved.
	 *
	 * @param what		operation, such as "open file"
	 * @param conn		name of the subdirectory, or empty
	 * @param name		name of the file, or empty
	 * @param remedy	remedy, NULL to select one by errno
	 */
	void (*failed)(nflog_dir_t *this, char *what, char *conn,
				   char *name, char *remedy);

	/**
	 * Note that an operation succeeded, to log it if it fails again.
	 *
	 * @param what		operation
	 * @param conn		name of the subdirectory, or empty
	 * @param name		name of the file, or empty
	 */
	void (*worked)(nflog_dir_t *this, char *what, char *conn,
				   char *name);

	/**
	 * Forget the failures of a file that nobody uses anymore.
	 *
	 * @param conn		name of the subdirectory
	 * @param name		name of the file
	 */
	void (*forget)(nflog_dir_t *this, char *conn, char *name);

	/**
	 * Get the path of the directory.
	 *
	 * @return			path (internal data), empty if the option "dir" is invalid
	 */
	char *(*get_dir)(nflog_dir_t *this);

	/**
	 * Destroy a nflog_dir_t.
	 */
	void (*destroy)(nflog_dir_t *this);
};

/**
 * Create a nflog_dir_t instance for the directory in the option "dir", as soon as it
 * is valid.
 */
nflog_dir_t *nflog_dir_create();

#endif /** NFLOG_DIR_H_ @}*/
