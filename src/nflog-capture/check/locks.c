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

#include "locks.h"
#include "files/trace_name.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

/** as in files/live.c: name of the file, its byte for all that use the directory, the first
 * one for files, and the number of these */
#define LOCK_FILE ".lock"
#define LOCK_USED 0
#define LOCK_FILES 1
#define LOCK_COUNT 4096

typedef struct private_locks_t private_locks_t;

/**
 * Private data.
 */
struct private_locks_t {

	/**
	 * Public interface.
	 */
	locks_t public;

	/**
	 * File with the locks, -1 if there is none.
	 */
	int fd;

	/**
	 * TRUE if it is open for reading only.
	 */
	bool readonly;

	/**
	 * Why it can't be opened (errno), 0 if it is open, or not there.
	 */
	int error;

	/**
	 * Byte that is locked, 0 for none.
	 */
	off_t byte;
};

/**
 * Set or get a lock of another byte.
 */
static bool control(private_locks_t *this, int cmd, off_t byte, struct flock *lock,
					short type)
{
	*lock = (struct flock){
		.l_type = type,
		.l_whence = SEEK_SET,
		.l_start = byte,
		.l_len = 1,
	};
	return fcntl(this->fd, cmd, lock) == 0;
}

METHOD(locks_t, get_error, int,
	private_locks_t *this)
{
	return this->error;
}

METHOD(locks_t, is_used, bool,
	private_locks_t *this)
{
	struct flock lock;

	return this->error ||
		   (this->fd >= 0 && (!control(this, F_OFD_GETLK, LOCK_USED, &lock, F_WRLCK) ||
							  lock.l_type != F_UNLCK));
}

METHOD(locks_t, unlock, void,
	private_locks_t *this)
{
	struct flock lock;

	if (this->byte)
	{
		control(this, F_OFD_SETLK, this->byte, &lock, F_UNLCK);
		this->byte = 0;
	}
}

METHOD(locks_t, lock_, bool,
	private_locks_t *this, char *conn, char *name)
{
	struct flock lock;
	char key[PATH_MAX];
	off_t byte;

	unlock(this);
	if (this->fd < 0)
	{
		return !this->error;
	}
	snprintf(key, sizeof(key), "%s/%s", conn, name);
	byte = LOCK_FILES + nflog_trace_name_hash(key) % LOCK_COUNT;
	if (this->readonly)
	{
		return control(this, F_OFD_GETLK, byte, &lock, F_WRLCK) &&
			   lock.l_type == F_UNLCK;
	}
	if (!control(this, F_OFD_SETLK, byte, &lock, F_WRLCK))
	{
		return FALSE;
	}
	this->byte = byte;
	return TRUE;
}

METHOD(locks_t, destroy, void,
	private_locks_t *this)
{
	if (this->fd >= 0)
	{
		close(this->fd);
	}
	free(this);
}

/*
 * Described in header
 */
locks_t *locks_create(char *dir)
{
	private_locks_t *this;
	char path[PATH_MAX];

	INIT(this,
		.public = {
			.get_error = _get_error,
			.is_used = _is_used,
			.lock = _lock_,
			.unlock = _unlock,
			.destroy = _destroy,
		},
	);
	snprintf(path, sizeof(path), "%s/" LOCK_FILE, dir);
	/* for writing, which an exclusive lock needs */
	this->fd = open(path, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (this->fd < 0 && errno != ENOENT)
	{
		this->fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
		this->readonly = this->fd >= 0;
		this->error = this->readonly ? 0 : errno;
	}
	return &this->public;
}
