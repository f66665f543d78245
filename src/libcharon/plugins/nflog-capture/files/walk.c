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

#define _GNU_SOURCE

#include "walk.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/** what may be wrong with a directory, and the remedy */
#define IS_LINK "is a symbolic link, which is not followed, set dir to where it points"
#define IS_NO_DIR "is no directory, set dir to one, or to where one can be created"
#define IS_OTHERS "belongs to another user, use chown, or set dir"
#define IS_WRITABLE "can be written by others, use chmod go-w, or set dir"

/*
 * Described in header
 */
bool nflog_walk_is_owned(struct stat *st)
{
	return st->st_uid == geteuid() || !st->st_uid;
}

/*
 * Described in header
 */
bool nflog_walk_is_ours(struct stat *st)
{
	return nflog_walk_is_owned(st) && !(st->st_mode & (S_IWGRP | S_IWOTH));
}

/*
 * Described in header
 */
bool nflog_walk_create(int parent, char *name)
{
	/* not by its descriptor, as with some umasks it can't be opened before */
	return mkdirat(parent, name, 0700) == 0 && fchmodat(parent, name, 0700, 0) == 0;
}

/**
 * Set which directory is at fault.
 *
 * @param path		path of the directory
 * @param len		length of path
 * @return			-1, with errno set
 */
static int set_fault(nflog_walk_t *walk, char *path, size_t len, char *fault, int error)
{
	snprintf(walk->path, sizeof(walk->path), "%.*s", (int)max(len, 1), path);
	walk->fault = fault;
	errno = error;
	return -1;
}

/**
 * Explain why a component could not be opened as a directory, errno is set.
 *
 * @param len		length of its path
 * @return			-1, with errno set
 */
static int explain(int parent, char *name, char *path, size_t len, nflog_walk_t *walk)
{
	int error = errno;
	struct stat st;

	if ((error == ELOOP || error == ENOTDIR) &&
		fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
	{
		return S_ISLNK(st.st_mode) ? set_fault(walk, path, len, IS_LINK, ELOOP)
								   : set_fault(walk, path, len, IS_NO_DIR, ENOTDIR);
	}
	errno = error;
	return -1;
}

/**
 * Check that nobody else decides what a component is: who may write to the directory it is
 * in, or if that is sticky, whose the component is.
 *
 * @param above		status of the directory that the component is in
 * @param st		status of the component
 * @return			what is wrong with the directory, NULL if nothing
 */
static char *check_above(struct stat *above, struct stat *st)
{
	if (!nflog_walk_is_owned(above))
	{
		return IS_OTHERS;
	}
	if (nflog_walk_is_ours(above) ||
		(above->st_mode & S_ISVTX && nflog_walk_is_owned(st)))
	{
		return NULL;
	}
	return IS_WRITABLE;
}

/**
 * Open a component of the path.
 *
 * @param parent	descriptor of the directory that it is in
 * @param above		status of that directory, receives that of the component
 * @param name		name of the component
 * @param path		path
 * @param pos		position of the component in there
 * @return			descriptor, -1 on failure, with errno set
 */
static int open_component(int parent, struct stat *above, char *name, char *path,
						  char *pos, nflog_access_t *access, nflog_walk_t *walk)
{
	bool last = !pos[strlen(name) + strspn(pos + strlen(name), "/")];
	/* what is above need not be readable */
	int flags = O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC | (last ? O_RDONLY : O_PATH), fd;
	size_t len = pos - path + strlen(name);
	bool created = FALSE;
	struct stat st;
	char *fault;

	fd = openat(parent, name, flags);
	if (fd < 0 && errno == ENOENT && access)
	{
		created = nflog_walk_create(parent, name);
		if (created || errno == EEXIST)
		{
			fd = openat(parent, name, created ? flags & ~O_PATH : flags);
		}
	}
	if (fd < 0)
	{
		return explain(parent, name, path, len, walk);
	}
	if (fstat(fd, &st) != 0)
	{
		close(fd);
		return -1;
	}
	fault = check_above(above, &st);
	if (fault)
	{
		close(fd);
		return set_fault(walk, path, pos - path - (pos - path > 1), fault, EPERM);
	}
	if (created && !last)
	{
		access->share_dir(access, fd, TRUE, path);
	}
	walk->created = created;
	*above = st;
	return fd;
}

/*
 * Described in header
 */
int nflog_walk_open(char *path, nflog_access_t *access, nflog_walk_t *walk)
{
	char name[NAME_MAX + 1], *pos = path;
	struct stat st;
	size_t len;
	int fd, parent, error;

	memset(walk, 0, sizeof(*walk));
	fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0 && fstat(fd, &st) != 0)
	{
		close(fd);
		return -1;
	}
	while (fd >= 0 && *(pos += strspn(pos, "/")))
	{
		parent = fd;
		len = strcspn(pos, "/");
		if (len < sizeof(name))
		{
			snprintf(name, sizeof(name), "%.*s", (int)len, pos);
			fd = open_component(parent, &st, name, path, pos, access, walk);
		}
		else
		{
			fd = -1;
			errno = ENAMETOOLONG;
		}
		error = errno;
		close(parent);
		errno = error;
		pos += len;
	}
	if (fd >= 0 && !nflog_walk_is_ours(&st))
	{
		close(fd);
		return set_fault(walk, path, strlen(path), nflog_walk_is_owned(&st) ?
						 IS_WRITABLE : IS_OTHERS, EPERM);
	}
	return fd;
}
