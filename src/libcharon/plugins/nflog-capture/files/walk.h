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
 * @defgroup nflog_walk nflog_walk
 * @{ @ingroup nflog_capture
 *
 * Opens a directory only if nobody but charon's user and root decides which one it is.
 */

#ifndef NFLOG_WALK_H_
#define NFLOG_WALK_H_

typedef struct nflog_walk_t nflog_walk_t;

#include "access.h"

#include <limits.h>
#include <sys/stat.h>

/**
 * How a directory was opened, or why it was not.
 */
struct nflog_walk_t {
	/** TRUE if the directory itself was created */
	bool created;
	/** directory that is at fault, empty if the errno says it all */
	char path[PATH_MAX];
	/** what is wrong with it, and the remedy, NULL with an empty path */
	char *fault;
};

/**
 * Open a directory component by component, as openat2(2) does with RESOLVE_NO_SYMLINKS.
 *
 * No symbolic link is followed.  All directories on the way belong to root or charon's user,
 * and nobody else may write to them, so nobody else can replace one that follows.  A sticky
 * one such as /tmp is accepted above a directory of root or charon's user, which others can't
 * rename or remove there (unlink(2), EPERM).
 *
 * @param path		absolute path
 * @param access	NULL, or to create what is missing, with mode 0700 regardless of the umask,
 *					and to let a group enter the directories above the last one
 * @param walk		receives what was done
 * @return			file descriptor, -1 on failure, with errno set
 */
int nflog_walk_open(char *path, nflog_access_t *access, nflog_walk_t *walk);

/**
 * Create a subdirectory with mode 0700, regardless of the umask.
 *
 * @param parent	file descriptor of a directory that nobody else may write to
 * @param name		name
 * @return			FALSE on failure, with errno set, EEXIST if there is something
 */
bool nflog_walk_create(int parent, char *name);

/**
 * Check that a directory belongs to charon's user or root.
 */
bool nflog_walk_is_owned(struct stat *st);

/**
 * Check that nobody but charon's user and root may write to a directory.
 */
bool nflog_walk_is_ours(struct stat *st);

#endif /** NFLOG_WALK_H_ @}*/
