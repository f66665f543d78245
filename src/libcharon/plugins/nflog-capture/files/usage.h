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
 * @defgroup nflog_usage nflog_usage
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_USAGE_H_
#define NFLOG_USAGE_H_

typedef struct nflog_usage_t nflog_usage_t;

#include "dir.h"
#include "live.h"
#include "old_file.h"

#include <collections/linked_list.h>

/**
 * Knows how much of the disk the directory uses: the blocks of all files and directories, as
 * du(1) counts them, whoever wrote them.  It looks at all of them from time to time, and
 * follows what this process does in between.
 *
 * Remembers the oldest files of traces, up to 4096, and which directories lost traces by others.
 * Removes stale temporary files when it sees them.
 *
 * For one thread at a time, scan() blocks on the disk.
 */
struct nflog_usage_t {

	/**
	 * Look at all files, and forget what was known.  On failure, the bytes do not decrease.
	 *
	 * @param skip		called for each file of a trace, returns TRUE if it can't be removed
	 * @param data		data to pass to skip
	 * @return			FALSE if a directory could not be opened for a lack of resources
	 */
	bool (*scan)(nflog_usage_t *this,
				 bool (*skip)(void *data, nflog_old_file_t *file), void *data);

	/**
	 * Check if it is time to look at all files: if that was never done, or some time ago,
	 * which is a hundred times as long as it took, at least ten seconds.
	 *
	 * @return			TRUE if so
	 */
	bool (*is_due)(nflog_usage_t *this);

	/**
	 * Get the bytes that the disk has given, as far as known.
	 */
	uint64_t (*get)(nflog_usage_t *this);

	/**
	 * Note that the disk has given more, or less.
	 *
	 * @param bytes		bytes, negative for less
	 */
	void (*grow)(nflog_usage_t *this, int64_t bytes);

	/**
	 * Note the bytes of a directory, after a file in it was created.
	 *
	 * @param conn		name of the directory
	 * @param bytes		bytes that the disk has given to it
	 */
	void (*set_dir)(nflog_usage_t *this, char *conn, uint64_t bytes);

	/**
	 * Note that this process created or removed a file of a trace.
	 *
	 * @param conn		name of the directory
	 * @param name		name of the file
	 */
	void (*changed)(nflog_usage_t *this, char *conn, char *name);

	/**
	 * Get the bytes of files that could be removed, as far as known.
	 *
	 * @param linked	TRUE to include files with other names
	 * @param files		receives their number
	 */
	uint64_t (*get_removable)(nflog_usage_t *this, bool linked, uint64_t *files);

	/**
	 * Get the oldest file that could be removed, and forget it.
	 *
	 * @return			file, to be freed with nflog_old_file_destroy(), NULL if none is known
	 */
	nflog_old_file_t *(*get_oldest)(nflog_usage_t *this);

	/**
	 * Get a directory whose traces were not as this process left them, and forget that.
	 *
	 * @return			name of the directory (allocated), NULL if there is none
	 */
	char *(*get_changed)(nflog_usage_t *this);

	/**
	 * Destroy a nflog_usage_t.
	 */
	void (*destroy)(nflog_usage_t *this);
};

/**
 * Remove a file, and what was decrypted from it.
 *
 * @param dirs		opens the directories
 * @param conn		name of the directory
 * @param name		name of the file
 * @param mtime		time it was last written to if it is to stay otherwise, or 0
 * @param given		receives the bytes that the disk had given to both
 * @param freed		receives those of them that have no other name, and are free now
 * @return			FALSE on failure, with errno set
 */
bool nflog_usage_remove(nflog_dir_t *dirs, char *conn, char *name, uint64_t mtime,
						uint64_t *given, uint64_t *freed);

/**
 * Check if a file was not written to since some time.
 *
 * @param dirs		opens the directories
 * @param conn		name of the directory
 * @param name		name of the file
 * @param mtime		time it was last written to
 * @return			TRUE if so
 */
bool nflog_usage_is_same(nflog_dir_t *dirs, char *conn, char *name, uint64_t mtime);

/**
 * List the traces in a directory.
 *
 * @param dirs		opens the directories
 * @param conn		name of the directory
 * @return			names of files, char*, all owned by the caller
 */
linked_list_t *nflog_usage_list(nflog_dir_t *dirs, char *conn);

/**
 * Remove a temporary file that a process left which died before it renamed it.
 *
 * @param dir		directory
 * @param name		name of a file
 * @return			FALSE if it is none, or something else than a file has its name
 */
bool nflog_usage_remove_tmp(int dir, char *name);

/**
 * Get the bytes that the disk has given to a file or directory.
 */
static inline uint64_t nflog_usage_given(struct stat *st)
{
	return (uint64_t)st->st_blocks * 512;
}

/**
 * Get the time a file was last written to, in ns since 1970.
 */
static inline uint64_t nflog_usage_mtime(struct stat *st)
{
	return st->st_mtim.tv_sec * 1000000000ULL + st->st_mtim.tv_nsec;
}

/**
 * Create a nflog_usage_t instance.
 *
 * @param dir			opens the directories, not owned
 * @param live			knows which files are being written, not owned
 */
nflog_usage_t *nflog_usage_create(nflog_dir_t *dir, nflog_live_t *live);

#endif /** NFLOG_USAGE_H_ @}*/
