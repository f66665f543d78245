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
 * @defgroup nflog_folders nflog_folders
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_FOLDERS_H_
#define NFLOG_FOLDERS_H_

typedef struct nflog_folders_t nflog_folders_t;

#include "cause.h"
#include "files/store.h"

/**
 * Folders in which recorders save what they hold, "<connection>.<time>.<cause>", and their
 * budget, the option "recorder_total".
 *
 * If the budget requires it, folders are removed: first those of causes for which nobody
 * needs credentials, which do not make others go, then the oldest ones.
 *
 * A folder has a file NFLOG_FOLDER_INCOMPLETE until it is complete.
 *
 * All is done by the writer's thread, nothing is locked.
 */
struct nflog_folders_t {

	/**
	 * Complete the folders that an earlier process left incomplete, with what there is, unless
	 * that was done.
	 */
	void (*repair)(nflog_folders_t *this);

	/**
	 * Create a folder, for which others may have to go.
	 *
	 * @param conn		directory of the connection
	 * @param cause		cause
	 * @param time		when that happened, seconds since 1970
	 * @param bytes		bytes that the folder may get, receives fewer if there is not as much
	 * @param name		receives its name (allocated)
	 * @return			file descriptor, -1 on failure, which is logged
	 */
	int (*create)(nflog_folders_t *this, char *conn, nflog_cause_t cause, time_t time,
				  uint64_t *bytes, char **name);

	/**
	 * Note that nothing is added to a folder anymore, it may be removed from now on.  If it is
	 * still marked as incomplete, repair() completes it before the next one is created.
	 *
	 * @param name		its name, freed
	 * @param cause		cause, which becomes part of the name
	 * @return			its new name (allocated)
	 */
	char *(*complete)(nflog_folders_t *this, char *name, nflog_cause_t cause);

	/**
	 * Get the path of a folder.
	 *
	 * @param name		its name
	 * @param buf		buffer for the path
	 * @param len		size of buf, in bytes
	 * @return			buf
	 */
	char *(*get_path)(nflog_folders_t *this, char *name, char *buf, size_t len);

	/**
	 * Destroy a nflog_folders_t.
	 */
	void (*destroy)(nflog_folders_t *this);
};

/**
 * Create a nflog_folders_t instance.
 *
 * @param store		has the directories, not owned
 */
nflog_folders_t *nflog_folders_create(nflog_store_t *store);

#endif /** NFLOG_FOLDERS_H_ @}*/
