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

#include "watch.h"

#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <collections/hashtable.h>
#include <threading/mutex.h>

/** events that change the result of reading or finding files in a directory, and those
 * of the directory itself */
#define DIRECTORY_EVENTS (IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_ATTRIB | \
						  IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE_SELF | \
						  IN_MOVE_SELF | IN_ONLYDIR | IN_MASK_ADD)

/** events of a file that a symbolic link leads to */
#define FILE_EVENTS (IN_CLOSE_WRITE | IN_ATTRIB | IN_DELETE_SELF | \
					 IN_MOVE_SELF | IN_MASK_ADD)

/** limit for the patterns in a directory, with more of them any name matches */
#define MAX_PATTERNS 64

/** limit for the directories in a path, from the first pattern on */
#define MAX_DEPTH 64

/** entries that listing a directory counts as at least */
#define LISTING 16

/** characters that make a pattern of a name, see glob(7) */
#define MAGIC "*?[\\"

typedef struct private_nflog_watch_t private_nflog_watch_t;
typedef struct watch_t watch_t;
typedef struct target_t target_t;

/**
 * Private data.
 */
struct private_nflog_watch_t {

	/**
	 * Public interface.
	 */
	nflog_watch_t public;

	/**
	 * Gets a line if the kernel can't report all changes.
	 */
	nflog_notes_t *notes;

	/**
	 * Methods end early once this is TRUE.
	 */
	bool *stop;

	/**
	 * Files and directories to compare, char *path => watch_t.
	 */
	hashtable_t *watches;

	/**
	 * What the kernel reports changes of, by its watch descriptor, target_t.
	 */
	hashtable_t *targets;

	/**
	 * What is left of NFLOG_MAX_ENTRIES.
	 */
	u_int entries;

	/**
	 * TRUE if a file was so young that a change might not change its time stamp.
	 */
	bool young;

	/**
	 * TRUE if the kernel does not report all changes.
	 */
	bool incomplete;

	/**
	 * Lock for replacing fd, and for its use by has_events().
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
 * A directory, or the target of a symbolic link, that the kernel watches.
 */
struct target_t {

	/** names and patterns that matter in a directory, char* => itself */
	hashtable_t *names;

	/** patterns among these, char* */
	array_t *patterns;
};

/**
 * Destroy a watch.
 */
static void watch_destroy(watch_t *watch)
{
	free(watch->path);
	free(watch);
}

/**
 * Destroy a target.
 */
static void target_destroy(target_t *target)
{
	target->names->destroy_function(target->names, (void*)free);
	array_destroy(target->patterns);
	free(target);
}

/**
 * Destroy all watches and targets.
 */
static void clear(private_nflog_watch_t *this)
{
	this->watches->destroy_function(this->watches, (void*)watch_destroy);
	this->targets->destroy_function(this->targets, (void*)target_destroy);
}

/**
 * Begin without watches and targets.
 */
static void init(private_nflog_watch_t *this)
{
	this->watches = hashtable_create(hashtable_hash_str, hashtable_equals_str, 8);
	this->targets = hashtable_create(hashtable_hash_ptr, hashtable_equals_ptr, 8);
	this->entries = NFLOG_MAX_ENTRIES;
}

/**
 * Get the state of a file, zero if it does not exist.
 */
static void get_state(char *path, struct stat *st)
{
	if (stat(path, st) != 0)
	{
		memset(st, 0, sizeof(*st));
	}
}

/**
 * Check if a file is what it was.
 */
static bool is_unchanged(watch_t *watch)
{
	struct stat *former = &watch->st, st;

	get_state(watch->path, &st);
	return st.st_dev == former->st_dev && st.st_ino == former->st_ino &&
		   st.st_size == former->st_size &&
		   st.st_mtim.tv_sec == former->st_mtim.tv_sec &&
		   st.st_mtim.tv_nsec == former->st_mtim.tv_nsec &&
		   st.st_ctim.tv_sec == former->st_ctim.tv_sec &&
		   st.st_ctim.tv_nsec == former->st_ctim.tv_nsec;
}

/**
 * Note that the kernel can't report all changes.
 */
static void note_incomplete(private_nflog_watch_t *this, int err)
{
	this->notes->add(this->notes, "unable to watch swanctl.conf for changes: %s, "
					 "changes apply once the next SA is established",
					 strerror(err));
	this->incomplete = TRUE;
}

METHOD(nflog_watch_t, reset, void,
	private_nflog_watch_t *this)
{
	int fd, old;

	clear(this);
	init(this);
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
	{	/* takes a while, as it removes all watches */
		close(old);
	}
}

/**
 * Let the kernel report changes.
 *
 * @param name		name in a directory, or a pattern for names, NULL for a file
 * @return			FALSE if there is no such file or directory
 */
static bool add_target(private_nflog_watch_t *this, char *path, char *name)
{
	target_t *target;
	int wd;

	wd = inotify_add_watch(this->fd, path, name ? DIRECTORY_EVENTS : FILE_EVENTS);
	if (wd == -1)
	{
		if (errno == ENOENT || errno == ENOTDIR || errno == EACCES)
		{
			return FALSE;
		}
		note_incomplete(this, errno);
		return TRUE;
	}
	target = this->targets->get(this->targets, (void*)(uintptr_t)wd);
	if (!target)
	{
		INIT(target,
			.names = hashtable_create(hashtable_hash_str, hashtable_equals_str, 1),
		);
		this->targets->put(this->targets, (void*)(uintptr_t)wd, target);
	}
	if (name && !target->names->get(target->names, name))
	{
		name = strdup(name);
		target->names->put(target->names, name, name);
		if (name[strcspn(name, MAGIC)] &&
			array_count(target->patterns) <= MAX_PATTERNS)
		{
			array_insert_create(&target->patterns, ARRAY_TAIL, name);
		}
	}
	return TRUE;
}

/**
 * Let the kernel report changes in the directory of a file, or in the last one on its
 * path that exists.
 */
static void watch_directory(private_nflog_watch_t *this, char *path)
{
	uint16_t ends[PATH_MAX] = {};
	char dir[PATH_MAX], *name;
	struct stat st;
	int low = 0, high = -1, mid, i;

	for (i = 0; i < PATH_MAX - 1 && path[i]; i++)
	{
		dir[i] = path[i];
		if (path[i] == '/' && path[i + 1] && path[i + 1] != '/')
		{
			ends[++high] = i;
		}
	}
	dir[i] = '\0';
	/* usually the file's own directory, otherwise a binary search finds it */
	for (mid = high; low < high; mid = (low + high + 1) / 2)
	{
		dir[ends[mid]] = '\0';
		if (stat(dir, &st) == 0 && S_ISDIR(st.st_mode))
		{
			low = mid;
		}
		else
		{
			high = mid - 1;
		}
		dir[ends[mid]] = '/';
	}
	for (; high >= 0 && !*this->stop; high--)
	{
		name = dir + ends[high] + 1;
		name[strcspn(name, "/")] = '\0';
		name[-1] = '\0';
		if (add_target(this, *dir ? dir : "/", name))
		{
			break;
		}
	}
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
		if (lstat(path, &st) == 0 && S_ISLNK(st.st_mode))
		{
			add_target(this, path, NULL);
		}
	}
	INIT(watch,
		.path = strdup(path),
	);
	get_state(path, &watch->st);
	this->watches->put(this->watches, watch->path, watch);
	/* time stamps are as coarse as the kernel's clock ticks, or as seconds */
	this->young |= labs(time(NULL) - watch->st.st_ctim.tv_sec) <= 1;
}

/**
 * Watch a directory for names that match a pattern, and add the paths of these.
 *
 * @param pattern	pattern, empty for the directory itself
 * @param last		FALSE for directories only
 * @param paths		gets the paths, char*
 * @return			0, or an error number, E2BIG if NFLOG_MAX_ENTRIES is exceeded
 */
static int match_names(private_nflog_watch_t *this, char *dir, char *pattern,
					   bool last, array_t *paths)
{
	struct dirent *entry;
	char *path;
	DIR *d;

	if (!*pattern)
	{
		array_insert(paths, ARRAY_TAIL, strdup(dir));
		return 0;
	}
	path = *dir ? dir : "/";
	add(this, path);
	if (this->fd != -1)
	{
		add_target(this, path, pattern);
	}
	d = opendir(path);
	if (!d)
	{
		return errno;
	}
	this->entries -= min(this->entries, LISTING);
	while (!*this->stop && this->entries && (entry = readdir(d)))
	{
		this->entries--;
		if ((last || entry->d_type == DT_DIR || entry->d_type == DT_LNK ||
			 entry->d_type == DT_UNKNOWN) &&
			fnmatch(pattern, entry->d_name, FNM_PERIOD) == 0 &&
			asprintf(&path, "%s/%s", dir, entry->d_name) >= 0)
		{
			array_insert(paths, ARRAY_TAIL, path);
		}
	}
	closedir(d);
	return this->entries ? 0 : E2BIG;
}

METHOD(nflog_watch_t, find, int,
	private_nflog_watch_t *this, char *pattern, array_t **paths)
{
	char *base, *dir, *name, *rest = pattern + strcspn(pattern, MAGIC);
	bool matched = FALSE;
	array_t *bases;
	int len, depth, err = 0;

	for (depth = 0; (rest = strchr(rest, '/')); rest++)
	{
		if (++depth > MAX_DEPTH)
		{
			return ERANGE;
		}
	}
	array_insert_create(paths, ARRAY_TAIL, strdup(""));
	for (; *pattern; pattern = rest)
	{
		/* up to the next name with a pattern, or to the end */
		len = strcspn(pattern, MAGIC);
		while (pattern[len] && pattern[len] != '/')
		{
			len--;
		}
		rest = pattern + len + (pattern[len] == '/');
		name = strndup(rest, strcspn(rest, "/"));
		rest += strlen(name);
		bases = *paths;
		*paths = array_create(0, 0);
		while (array_remove(bases, ARRAY_HEAD, &base))
		{
			if (!err && asprintf(&dir, "%s%.*s", base, len, pattern) >= 0)
			{
				err = match_names(this, dir, name, !*rest, *paths);
				if (err == ENOTDIR || (err == ENOENT && matched))
				{
					err = 0;
				}
				free(dir);
			}
			free(base);
		}
		array_destroy(bases);
		free(name);
		matched = TRUE;
	}
	if (err)
	{
		array_destroy_function(*paths, (void*)free, NULL);
		*paths = NULL;
	}
	array_sort(*paths, (void*)strcoll, NULL);
	return err;
}

METHOD(nflog_watch_t, get_fd, int,
	private_nflog_watch_t *this)
{
	return this->fd;
}

METHOD(nflog_watch_t, has_events, bool,
	private_nflog_watch_t *this)
{
	bool pending;
	int len;

	this->mutex->lock(this->mutex);
	pending = this->fd != -1 && ioctl(this->fd, FIONREAD, &len) == 0 && len > 0;
	this->mutex->unlock(this->mutex);
	return pending;
}

/**
 * Check if an event is a change of what is watched.
 */
static bool is_change(private_nflog_watch_t *this, struct inotify_event *event)
{
	target_t *target;
	char *pattern;
	int i;

	if (event->mask & IN_Q_OVERFLOW)
	{
		return TRUE;
	}
	target = this->targets->get(this->targets, (void*)(uintptr_t)event->wd);
	if (!target || event->mask & IN_IGNORED)
	{
		return FALSE;
	}
	if (!event->len || array_count(target->patterns) > MAX_PATTERNS ||
		target->names->get(target->names, event->name))
	{
		return TRUE;
	}
	for (i = 0; i < array_count(target->patterns); i++)
	{
		array_get(target->patterns, i, &pattern);
		if (fnmatch(pattern, event->name, FNM_PERIOD) == 0)
		{
			return TRUE;
		}
	}
	return FALSE;
}

METHOD(nflog_watch_t, take_events, bool,
	private_nflog_watch_t *this)
{
	char buf[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
	struct inotify_event *event;
	ssize_t len, pos;
	int pending = 0;

	/* ignore events that are added meanwhile, there may be no end of them */
	if (this->fd == -1 || ioctl(this->fd, FIONREAD, &pending) == -1)
	{
		return FALSE;
	}
	for (; pending > 0 && !*this->stop &&
		   (len = read(this->fd, buf, sizeof(buf))) > 0; pending -= len)
	{
		for (pos = 0; pos < len; pos += sizeof(*event) + event->len)
		{
			event = (struct inotify_event*)(buf + pos);
			if (is_change(this, event))
			{	/* all is read and watched anew */
				return TRUE;
			}
		}
	}
	return FALSE;
}

METHOD(nflog_watch_t, has_changed, bool,
	private_nflog_watch_t *this)
{
	enumerator_t *enumerator;
	bool changed = this->young;
	watch_t *watch;

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
	clear(this);
	free(this);
}

/*
 * Described in header
 */
nflog_watch_t *nflog_watch_create(nflog_notes_t *notes, bool *stop)
{
	private_nflog_watch_t *this;

	INIT(this,
		.public = {
			.reset = _reset,
			.add = _add,
			.find = _find,
			.get_fd = _get_fd,
			.has_events = _has_events,
			.take_events = _take_events,
			.has_changed = _has_changed,
			.is_complete = _is_complete,
			.destroy = _destroy,
		},
		.notes = notes,
		.stop = stop,
		.mutex = mutex_create(MUTEX_TYPE_DEFAULT),
		.fd = -1,
	);
	init(this);
	return &this->public;
}
