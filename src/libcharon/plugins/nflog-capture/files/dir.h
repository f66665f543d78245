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

#include <library.h>

/**
 * Opens files and directories below a directory in a safe way.
 *
 * Does not follow symbolic links, and refuses directories to which anybody but
 * charon's user and root may write.  Creates directories with mode 0700, and files
 * with 0600, whatever the umask is.
 *
 * Names don't contain slashes.  Methods that open something return a file
 * descriptor, or -1 with errno set.  A failure is logged with its remedy, and not
 * again until the operation worked in between.  Errors that concern all files, such
 * as a full disk, are logged for one of them only, and at most once a minute.
 *
 * Any thread may call the methods, which may block on the disk.  A lock of this
 * object guards its state, and is not held meanwhile.
 */
struct nflog_dir_t {

	/**
	 * Open a subdirectory.
	 *
	 * @param conn		its name, empty for the directory itself
	 * @param create	TRUE to create it, FALSE to log nothing if it is missing
	 * @return			file descriptor
	 */
	int (*open_dir)(nflog_dir_t *this, char *conn, bool create);

	/**
	 * Open an existing file.
	 *
	 * @param conn		name of the subdirectory
	 * @param name		name of the file
	 * @param flags		flags for open(), a missing file is not logged with
	 *					O_RDONLY
	 * @return			file descriptor
	 */
	int (*open_file)(nflog_dir_t *this, char *conn, char *name,
					 int flags);

	/**
	 * Keep the directory open in which a file was opened last, so that the next one
	 * in there is opened without checking again who may write to the directory.
	 *
	 * @param keep		TRUE to do so from now on, FALSE to end that
	 */
	void (*keep_dir)(nflog_dir_t *this, bool keep);

	/**
	 * Create a file, which must not exist, to append to it.
	 *
	 * @param dir		file descriptor of the subdirectory
	 * @param conn		name of the subdirectory
	 * @param name		name of the file
	 * @return			file descriptor
	 */
	int (*create_file)(nflog_dir_t *this, int dir, char *conn,
					   char *name);

	/**
	 * Log that something failed, with the reason in errno, which is kept.
	 *
	 * @param what		what failed, as in "open file"
	 * @param conn		name of the subdirectory, or empty
	 * @param name		name of the file, or empty
	 * @param remedy	what can be done, NULL to choose that by errno
	 */
	void (*failed)(nflog_dir_t *this, char *what, char *conn,
				   char *name, char *remedy);

	/**
	 * Note that something worked, so that it's logged if it fails again.
	 *
	 * @param what		what worked
	 * @param conn		name of the subdirectory, or empty
	 * @param name		name of the file, or empty
	 */
	void (*worked)(nflog_dir_t *this, char *what, char *conn,
				   char *name);

	/**
	 * Forget what failed with a file, as nobody will try it again.
	 *
	 * @param conn		name of the subdirectory
	 * @param name		name of the file
	 */
	void (*forget)(nflog_dir_t *this, char *conn, char *name);

	/**
	 * Get the path of the directory.
	 *
	 * @return			path, internal data
	 */
	char *(*get_dir)(nflog_dir_t *this);

	/**
	 * Destroy a nflog_dir_t.
	 */
	void (*destroy)(nflog_dir_t *this);
};

/**
 * Create a nflog_dir_t instance for the directory that the option "dir" names, now
 * or, if it is not valid now, as soon as it is.
 */
nflog_dir_t *nflog_dir_create();

#endif /** NFLOG_DIR_H_ @}*/
