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

#include "live.h"
#include "trace_name.h"
#include "options/notes.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include <collections/hashtable.h>
#include <threading/mutex.h>

/** name of the file with the locks */
#define LOCK_FILE ".lock"

/** its byte that all processes lock that use the directory */
#define LOCK_USED 0

/** the first of its bytes for files, and their number, which is limited as setting a lock
 * takes longer the more there are */
#define LOCK_FILES 1
#define LOCK_COUNT 4096

typedef struct private_nflog_live_t private_nflog_live_t;

/**
 * Private data.
 */
struct private_nflog_live_t {

	/**
	 * Public interface.
	 */
	nflog_live_t public;

	/**
	 * Opens the directory, not owned.
	 */
	nflog_dir_t *dir;

	/**
	 * Lock for all that follows.
	 */
	mutex_t *mutex;

	/**
	 * File with the locks, -1 if it is not open.
	 */
	int fd;

	/**
	 * When it was logged that another process uses the directory, monotonic.
	 */
	time_t logged;

	/**
	 * Files this process writes, "<conn>/<name>", char* => char*.
	 */
	hashtable_t *files;

	/**
	 * Number of these that share each byte.
	 */
	u_int counts[LOCK_COUNT];
};

/**
 * Get the byte to lock for a file, the same in all processes.
 */
static u_int get_byte(char *key)
{
	return nflog_trace_name_hash(key) % LOCK_COUNT;
}

/**
 * Lock or unlock a byte, mutex is locked.
 */
static void lock_byte(private_nflog_live_t *this, off_t byte, short type)
{
	struct flock lock = {
		.l_type = type,
		.l_whence = SEEK_SET,
		.l_start = byte,
		.l_len = 1,
	};

	if (fcntl(this->fd, F_OFD_SETLK, &lock) == 0)
	{
		this->dir->worked(this->dir, "lock", "", LOCK_FILE);
	}
	else
	{
		this->dir->failed(this->dir, "lock", "", LOCK_FILE, NULL);
	}
}

/**
 * Check if another process has locked a byte, mutex is locked.
 */
static bool is_locked(private_nflog_live_t *this, off_t byte)
{
	struct flock lock = {
		.l_type = F_WRLCK,
		.l_whence = SEEK_SET,
		.l_start = byte,
		.l_len = 1,
	};

	return fcntl(this->fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

/**
 * Lock the bytes this process needs, after the file was opened, mutex is locked.
 */
static void lock_all(private_nflog_live_t *this)
{
	u_int i;

	if (is_locked(this, LOCK_USED) && nflog_log_once(&this->logged, 0))
	{
		DBG1(DBG_CFG, "nflog-capture: another process captures to '%s' as well, "
			 "both share max_total, and key tables may lack rows: set dir to a "
			 "directory of its own for each charon", this->dir->get_dir(this->dir));
	}
	lock_byte(this, LOCK_USED, F_RDLCK);
	for (i = 0; i < LOCK_COUNT; i++)
	{
		if (this->counts[i])
		{
			lock_byte(this, LOCK_FILES + i, F_RDLCK);
		}
	}
}

/**
 * Open the file with the locks, unless it is open and was not replaced in the
 * directory, mutex is locked.
 *
 * @param create	TRUE to create the directory
 * @return			FALSE if the directory can't be opened
 */
static bool open_lock(private_nflog_live_t *this, bool create)
{
	struct stat ours, theirs;
	int dir, fd;

	dir = this->dir->open_dir(this->dir, "", create);
	if (dir < 0)
	{
		return FALSE;
	}
	if (this->fd < 0 || fstat(this->fd, &ours) != 0 ||
		fstatat(dir, LOCK_FILE, &theirs, AT_SYMLINK_NOFOLLOW) != 0 ||
		ours.st_dev != theirs.st_dev || ours.st_ino != theirs.st_ino)
	{
		/* not for writing, so that the file system can be remounted read-only */
		fd = openat(dir, LOCK_FILE, O_RDONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC |
					O_NONBLOCK, 0600);
		if (fd >= 0)
		{
			if (this->fd >= 0)
			{
				close(this->fd);
			}
			this->fd = fd;
			this->dir->worked(this->dir, "open file", "", LOCK_FILE);
			lock_all(this);
		}
		else
		{
			this->dir->failed(this->dir, "open file", "", LOCK_FILE, NULL);
		}
	}
	close(dir);
	return TRUE;
}

/**
 * Close the file with the locks if this process writes no files, so that the file system
 * can be unmounted, mutex is locked.
 */
static void close_unused(private_nflog_live_t *this)
{
	if (this->fd >= 0 && !this->files->get_count(this->files))
	{
		close(this->fd);
		this->fd = -1;
	}
}

METHOD(nflog_live_t, set, void,
	private_nflog_live_t *this, char *conn, char *name, bool live)
{
	char key[PATH_MAX], *former;
	u_int byte;

	snprintf(key, sizeof(key), "%s/%s", conn, name);
	byte = get_byte(key);
	this->mutex->lock(this->mutex);
	former = this->files->get(this->files, key);
	if (live && !former)
	{
		former = strdup(key);
		this->files->put(this->files, former, former);
		open_lock(this, TRUE);
		if (!this->counts[byte]++ && this->fd >= 0)
		{
			lock_byte(this, LOCK_FILES + byte, F_RDLCK);
		}
	}
	else if (!live && former)
	{
		this->files->remove(this->files, key);
		free(former);
		if (!--this->counts[byte] && this->fd >= 0)
		{
			lock_byte(this, LOCK_FILES + byte, F_UNLCK);
		}
		close_unused(this);
	}
	this->mutex->unlock(this->mutex);
}

METHOD(nflog_live_t, is_live, bool,
	private_nflog_live_t *this, char *conn, char *name)
{
	char key[PATH_MAX];
	bool live;

	snprintf(key, sizeof(key), "%s/%s", conn, name);
	this->mutex->lock(this->mutex);
	live = this->files->get(this->files, key) || !open_lock(this, FALSE) ||
		   (this->fd >= 0 && is_locked(this, LOCK_FILES + get_byte(key)));
	close_unused(this);
	this->mutex->unlock(this->mutex);
	return live;
}

METHOD(nflog_live_t, destroy, void,
	private_nflog_live_t *this)
{
	this->files->destroy_function(this->files, (void*)free);
	if (this->fd >= 0)
	{
		close(this->fd);
	}
	this->mutex->destroy(this->mutex);
	free(this);
}

/*
 * Described in header
 */
nflog_live_t *nflog_live_create(nflog_dir_t *dir)
{
	private_nflog_live_t *this;

	INIT(this,
		.public = {
			.set = _set,
			.is_live = _is_live,
			.destroy = _destroy,
		},
		.dir = dir,
		.mutex = mutex_create(MUTEX_TYPE_DEFAULT),
		.fd = -1,
		.files = hashtable_create(hashtable_hash_str, hashtable_equals_str, 8),
	);
	return &this->public;
}
