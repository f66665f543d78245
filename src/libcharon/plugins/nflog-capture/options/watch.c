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

#include "watch.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <collections/hashtable.h>
#include <threading/mutex.h>

/** what may change the result of reading a file, or of looking for files, in a
 * directory, and what may happen to the directory itself */
#define DIRECTORY_EVENTS (IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_ATTRIB | \
						  IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE_SELF | \
						  IN_MOVE_SELF | IN_ONLYDIR)

/** what may happen to a file that a symbolic link leads to */
#define FILE_EVENTS (IN_CLOSE_WRITE | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF)

typedef struct private_nflog_watch_t private_nflog_watch_t;
typedef struct watch_t watch_t;

/**
 * Private data.
 */
struct private_nflog_watch_t {

	/**
	 * Public interface.
	 */
	nflog_watch_t public;

	/**
	 * Nothing more is looked at once this is TRUE.
	 */
	bool *stop;

	/**
	 * What is compared, char *path => watch_t.
	 */
	hashtable_t *watches;

	/**
	 * Directories of which the kernel reports changes, char *path => itself.
	 */
	hashtable_t *directories;

	/**
	 * TRUE if a file was so young that a change might not change its time.
	 */
	bool young;

	/**
	 * TRUE if the kernel does not report all changes.
	 */
	bool incomplete;

	/**
	 * Error that was logged for that, 0 if none was.
	 */
	int err;

	/**
	 * Lock for replacing the file descriptor.
	 */
	mutex_t *mutex;

	/**
	 * File descriptor of inotify(7), -1 if there is none.
	 */
	int fd;
};

/**
 * A file or directory.
 */
struct watch_t {

	/** its path */
	char *path;

	/** its state before it was read, zero if it did not exist */
	struct stat st;
};

/**
 * Destroy a watch, as a value of a hashtable.
 */
static void watch_destroy(void *value, const void *key)
{
	watch_t *watch = value;

	free(watch->path);
	free(watch);
}

/**
 * Free a path, as a value of a hashtable.
 */
static void path_destroy(void *value, const void *key)
{
	free(value);
}

/**
 * Get the state of a file, zero if there is none.
 */
static void get_state(char *path, struct stat *st)
{
	if (stat(path, st) != 0)
	{
		memset(st, 0, sizeof(*st));
	}
}

/**
 * Compare points in time.
 */
static bool same_time(struct timespec *a, struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

/**
 * Check if a file is what it was.
 */
static bool is_unchanged(watch_t *watch)
{
	struct stat st;

	get_state(watch->path, &st);
	return st.st_dev == watch->st.st_dev && st.st_ino == watch->st.st_ino &&
		   st.st_size == watch->st.st_size &&
		   same_time(&st.st_mtim, &watch->st.st_mtim) &&
		   same_time(&st.st_ctim, &watch->st.st_ctim);
}

/**
 * Note that the kernel does not report all changes, the reason is logged once.
 */
static void note_incomplete(private_nflog_watch_t *this, int err)
{
	if (err != this->err && !*this->stop)
	{
		DBG1(DBG_CFG, "unable to watch swanctl.conf for changes: %s, they are "
			 "noticed when the next SA is established only", strerror(err));
		this->err = err;
	}
	this->incomplete = TRUE;
}

METHOD(nflog_watch_t, reset, void,
	private_nflog_watch_t *this)
{
	int fd, old;

	this->watches->destroy_function(this->watches, watch_destroy);
	this->directories->destroy_function(this->directories, path_destroy);
	this->watches = hashtable_create(hashtable_hash_str, hashtable_equals_str,
									 8);
	this->directories = hashtable_create(hashtable_hash_str,
										 hashtable_equals_str, 8);
	this->young = this->incomplete = FALSE;
	fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (fd == -1)
	{
		note_incomplete(this, errno);
	}
	this->mutex->lock(this->mutex);
	old = this->fd;
	this->fd = fd;
	this->mutex->unlock(this->mutex);
	if (old != -1)
	{	/* removes all watches, which takes a while */
		close(old);
	}
}

/**
 * Have the kernel report changes in the directory of a file, or in the next one
 * above that there is.
 */
static void watch_directory(private_nflog_watch_t *this, char *path)
{
	char *directory, *above;
	int err = ENOENT;

	directory = path_dirname(path);
	while (err && !*this->stop && !this->directories->get(this->directories,
														  directory))
	{
		err = inotify_add_watch(this->fd, directory, DIRECTORY_EVENTS) == -1 ?
																	errno : 0;
		if (err && err != ENOENT && err != ENOTDIR && err != EACCES)
		{
			note_incomplete(this, err);
			break;
		}
		above = path_dirname(directory);
		free(this->directories->put(this->directories, directory, directory));
		if (streq(above, directory))
		{
			free(above);
			return;
		}
		directory = above;
	}
	free(directory);
}

METHOD(nflog_watch_t, add, void,
	private_nflog_watch_t *this, char *path)
{
	struct stat st;
	watch_t *watch;

	if (this->watches->get(this->watches, path))
	{
		return;
	}
	if (this->fd != -1)
	{
		watch_directory(this, path);
		if (lstat(path, &st) == 0 && (S_ISLNK(st.st_mode) ||
									  S_ISDIR(st.st_mode)) &&
			inotify_add_watch(this->fd, path, S_ISDIR(st.st_mode) ?
									DIRECTORY_EVENTS : FILE_EVENTS) == -1 &&
			errno != ENOENT && errno != EACCES)
		{
			note_incomplete(this, errno);
		}
	}
	INIT(watch,
		.path = strdup(path),
	);
	get_state(watch->path, &watch->st);
	this->watches->put(this->watches, watch->path, watch);
	/* time stamps are as coarse as the kernel's clock ticks, or as seconds */
	if (labs(time(NULL) - watch->st.st_ctim.tv_sec) <= 1)
	{
		this->young = TRUE;
	}
}

METHOD(nflog_watch_t, get_fd, int,
	private_nflog_watch_t *this)
{
	return this->fd;
}

METHOD(nflog_watch_t, has_events, bool,
	private_nflog_watch_t *this)
{
	int len = 0;

	this->mutex->lock(this->mutex);
	if (this->fd == -1 || ioctl(this->fd, FIONREAD, &len) == -1)
	{
		len = 0;
	}
	this->mutex->unlock(this->mutex);
	return len > 0;
}

METHOD(nflog_watch_t, drain, void,
	private_nflog_watch_t *this)
{
	char buf[4096];

	/* what changed does not matter */
	while (this->fd != -1 && read(this->fd, buf, sizeof(buf)) > 0)
	{
		continue;
	}
}

METHOD(nflog_watch_t, has_changed, bool,
	private_nflog_watch_t *this)
{
	enumerator_t *enumerator;
	watch_t *watch;
	bool changed = this->young;

	enumerator = this->watches->create_enumerator(this->watches);
	while (!changed && !*this->stop &&
		   enumerator->enumerate(enumerator, NULL, &watch))
	{
		changed = !is_unchanged(watch);
	}
	enumerator->destroy(enumerator);
	return changed;
}

METHOD(nflog_watch_t, is_complete, bool,
	private_nflog_watch_t *this)
{
	return !this->incomplete;
}

METHOD(nflog_watch_t, destroy, void,
	private_nflog_watch_t *this)
{
	if (this->fd != -1)
	{
		close(this->fd);
	}
	this->mutex->destroy(this->mutex);
	this->watches->destroy_function(this->watches, watch_destroy);
	this->directories->destroy_function(this->directories, path_destroy);
	free(this);
}

/*
 * Described in header
 */
nflog_watch_t *nflog_watch_create(bool *stop)
{
	private_nflog_watch_t *this;

	INIT(this,
		.public = {
			.reset = _reset,
			.add = _add,
			.get_fd = _get_fd,
			.has_events = _has_events,
			.drain = _drain,
			.has_changed = _has_changed,
			.is_complete = _is_complete,
			.destroy = _destroy,
		},
		.stop = stop,
		.watches = hashtable_create(hashtable_hash_str, hashtable_equals_str,
									8),
		.directories = hashtable_create(hashtable_hash_str,
										hashtable_equals_str, 8),
		.mutex = mutex_create(MUTEX_TYPE_DEFAULT),
		.fd = -1,
	);
	return &this->public;
}
