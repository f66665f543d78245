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

#include "usage.h"
#include "trace_name.h"
#include "process/pulse.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>
#include <unistd.h>

#include <collections/hashtable.h>

/** time after which to look at all files again, in ms, and how many times as long as that
 * takes it is at least */
#define SCAN_INTERVAL 10000
#define SCAN_FACTOR 100

/** oldest files that are remembered at most, until they are removed */
#define MAX_OLDEST 4096

typedef struct private_nflog_usage_t private_nflog_usage_t;
typedef struct sub_t sub_t;

/**
 * Private data.
 */
struct private_nflog_usage_t {

	/**
	 * Public interface.
	 */
	nflog_usage_t public;

	/**
	 * Opens the directories, not owned.
	 */
	nflog_dir_t *dir;

	/**
	 * Knows which files are being written, not owned.
	 */
	nflog_live_t *live;

	/**
	 * Bytes that the disk has given.
	 */
	uint64_t total;

	/**
	 * TRUE if total was determined.
	 */
	bool known;

	/**
	 * When to look at all files again, monotonic.
	 */
	timeval_t due;

	/**
	 * Directories, by name, char* => sub_t.
	 */
	hashtable_t *subs;

	/**
	 * Oldest files, nflog_old_file_t, the oldest one first, and the bytes and number of all
	 * that could be removed, without and with other names.
	 */
	array_t *oldest;
	uint64_t removable[2];
	uint64_t files[2];

	/**
	 * Directories whose traces others changed, char*.
	 */
	linked_list_t *changed;
};

/**
 * Directory.
 */
struct sub_t {

	/** its name */
	char *name;

	/** bytes that the disk has given to it, without those of files */
	uint64_t given;

	/** hashes of the names of its traces, XORed */
	uint64_t traces;
};

/**
 * Destroy a directory.
 */
static void sub_destroy(void *value, const void *key)
{
	sub_t *sub = value;

	free(sub->name);
	free(sub);
}

/**
 * Destroy a file in an array.
 */
static void file_destroy(void *file, int idx, void *user)
{
	nflog_old_file_destroy(file);
}

/**
 * Open a directory to list it.
 *
 * @return			NULL on failure, with errno set
 */
static DIR *read_dir(nflog_dir_t *dirs, char *conn)
{
	DIR *dir = NULL;
	int fd;

	fd = dirs->open_dir(dirs, conn, FALSE);
	if (fd >= 0)
	{
		dir = fdopendir(fd);
		if (!dir)
		{
			close(fd);
		}
	}
	return dir;
}

/**
 * Check if a directory could not be opened for a lack of resources, which is transient
 * and leaves its contents unknown.
 */
static bool lacks_resources(DIR *dir)
{
	return !dir && (errno == EMFILE || errno == ENFILE || errno == ENOMEM);
}

/*
 * Described in header
 */
bool nflog_usage_remove(nflog_dir_t *dirs, char *conn, char *name, uint64_t mtime,
						uint64_t *given, uint64_t *freed)
{
	char *what = "remove file", *decrypted;
	struct stat st, other;
	bool success;
	int dir, error;

	dir = dirs->open_dir(dirs, conn, FALSE);
	if (dir < 0)
	{
		return FALSE;
	}
	success = fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
	if (success && mtime && nflog_usage_mtime(&st) != mtime)
	{	/* written to meanwhile, so it is not that old */
		close(dir);
		errno = EAGAIN;
		return FALSE;
	}
	success = success && unlinkat(dir, name, 0) == 0;
	if (success)
	{
		*given = nflog_usage_given(&st);
		*freed = st.st_nlink > 1 ? 0 : *given;
		dirs->worked(dirs, what, conn, name);
		decrypted = nflog_trace_name_decrypted(name);
		if (fstatat(dir, decrypted, &other, AT_SYMLINK_NOFOLLOW) == 0 &&
			S_ISREG(other.st_mode) && unlinkat(dir, decrypted, 0) == 0)
		{
			*given += nflog_usage_given(&other);
			*freed += other.st_nlink > 1 ? 0 : nflog_usage_given(&other);
		}
		free(decrypted);
	}
	else if (errno != ENOENT)
	{
		dirs->failed(dirs, what, conn, name, NULL);
	}
	error = errno;
	close(dir);
	errno = error;
	return success;
}

/*
 * Described in header
 */
bool nflog_usage_is_same(nflog_dir_t *dirs, char *conn, char *name, uint64_t mtime)
{
	struct stat st;
	bool same;
	int dir;

	dir = dirs->open_dir(dirs, conn, FALSE);
	if (dir < 0)
	{
		return FALSE;
	}
	same = fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		   nflog_usage_mtime(&st) == mtime;
	close(dir);
	return same;
}

/*
 * Described in header
 */
linked_list_t *nflog_usage_list(nflog_dir_t *dirs, char *conn)
{
	struct dirent *file;
	linked_list_t *names;
	DIR *dir;

	names = linked_list_create();
	dir = read_dir(dirs, conn);
	while (dir && (file = readdir(dir)))
	{
		nflog_pulse_beat();
		if (nflog_trace_name_parse(file->d_name, NULL))
		{
			names->insert_last(names, strdup(file->d_name));
		}
	}
	if (dir)
	{
		closedir(dir);
	}
	return names;
}

/*
 * Described in header
 */
bool nflog_usage_remove_tmp(int dir, char *name)
{
	struct stat st;

	return nflog_trace_name_is_tmp(name) &&
		   fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) &&
		   unlinkat(dir, name, 0) == 0;
}

/**
 * Add the bytes of a file, and the file itself if it may be removed.
 */
static void scan_file(private_nflog_usage_t *this, int dir, sub_t *sub, char *name,
					  bool (*skip)(void *data, nflog_old_file_t *file), void *data)
{
	nflog_old_file_t *file;
	struct stat st;
	bool decrypted;
	u_int number;
	size_t stem;

	if (*sub->name && nflog_trace_name_is_tmp(name) &&
		!this->live->is_live(this->live, sub->name, name) &&
		nflog_usage_remove_tmp(dir, name))
	{
		return;
	}
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0 || S_ISDIR(st.st_mode))
	{
		return;
	}
	this->total += nflog_usage_given(&st);
	if (!*sub->name || !S_ISREG(st.st_mode) ||
		!nflog_trace_name_split(name, &stem, &number, &decrypted))
	{
		return;
	}
	if (!decrypted)
	{
		sub->traces ^= nflog_trace_name_hash(name);
	}
	INIT(file,
		.conn = strdup(sub->name),
		.name = strdup(name),
		.given = nflog_usage_given(&st),
		.mtime = nflog_usage_mtime(&st),
		.time = nflog_usage_mtime(&st),
		.stem = stem,
		.number = number,
		.decrypted = decrypted,
		.linked = st.st_nlink > 1,
	);
	file->stays = skip(data, file);
	if (!file->stays)
	{
		this->removable[file->linked] += file->given;
		this->files[file->linked]++;
	}
	array_insert(this->oldest, ARRAY_TAIL, file);
}

/**
 * Look at all files of a directory.
 *
 * @param conn		name of the directory, empty for the one of all of them
 * @param former	directories as they were known, NULL if none was
 * @return			FALSE if it could not be opened for a lack of resources
 */
static bool scan_dir(private_nflog_usage_t *this, char *conn, hashtable_t *former,
					 bool (*skip)(void *data, nflog_old_file_t *file), void *data)
{
	struct dirent *file;
	struct stat st;
	sub_t *sub, *old;
	DIR *dir;

	dir = read_dir(this->dir, conn);
	if (!dir)
	{
		return !lacks_resources(dir);
	}
	INIT(sub,
		.name = strdup(conn),
	);
	if (fstat(dirfd(dir), &st) == 0)
	{
		sub->given = nflog_usage_given(&st);
		this->total += sub->given;
	}
	while ((file = readdir(dir)))
	{
		nflog_pulse_beat();
		scan_file(this, dirfd(dir), sub, file->d_name, skip, data);
	}
	closedir(dir);
	old = former ? former->get(former, conn) : NULL;
	if (old && old->traces != sub->traces)
	{
		this->changed->insert_last(this->changed, strdup(conn));
	}
	this->subs->put(this->subs, sub->name, sub);
	return TRUE;
}

/**
 * Forget what is known of files.
 */
static void clear(private_nflog_usage_t *this)
{
	array_destroy_function(this->oldest, file_destroy, NULL);
	this->oldest = array_create(0, 0);
	memset(this->removable, 0, sizeof(this->removable));
	memset(this->files, 0, sizeof(this->files));
}

/**
 * Look at all directories.
 *
 * @return			FALSE if one could not be opened for a lack of resources
 */
static bool scan_all(private_nflog_usage_t *this, hashtable_t *former,
					 bool (*skip)(void *data, nflog_old_file_t *file), void *data)
{
	struct dirent *conn;
	bool complete = TRUE;
	DIR *all;

	all = read_dir(this->dir, "");
	if (!all)
	{
		return !lacks_resources(all);
	}
	while ((conn = readdir(all)))
	{
		/* names of our directories don't begin with a dot */
		if (conn->d_name[0] != '.' &&
			(conn->d_type == DT_DIR || conn->d_type == DT_UNKNOWN))
		{
			complete &= scan_dir(this, conn->d_name, former, skip, data);
		}
	}
	closedir(all);
	return scan_dir(this, "", former, skip, data) && complete;
}

METHOD(nflog_usage_t, scan, bool,
	private_nflog_usage_t *this, bool (*skip)(void *data, nflog_old_file_t *file),
	void *data)
{
	hashtable_t *former = this->subs;
	uint64_t total = this->total;
	timeval_t begin, end;
	bool complete;
	u_int took;

	time_monotonic(&begin);
	clear(this);
	this->total = 0;
	this->subs = hashtable_create(hashtable_hash_str, hashtable_equals_str, 8);
	complete = scan_all(this, this->known ? former : NULL, skip, data);
	if (!complete)
	{
		this->total = max(this->total, total);
	}
	this->known = complete;
	former->destroy_function(former, sub_destroy);
	DBG2(DBG_CFG, "nflog-capture: '%s' contains %" PRIu64 " bytes, %d files of traces",
		 this->dir->get_dir(this->dir), this->total, array_count(this->oldest));
	this->oldest = nflog_old_file_select(this->oldest, MAX_OLDEST);
	time_monotonic(&end);
	this->due = end;
	timersub(&end, &begin, &end);
	took = end.tv_sec * 1000 + end.tv_usec / 1000;
	timeval_add_ms(&this->due, max(SCAN_INTERVAL, took * SCAN_FACTOR));
	return complete;
}

METHOD(nflog_usage_t, is_due, bool,
	private_nflog_usage_t *this)
{
	timeval_t now;

	time_monotonic(&now);
	return !this->known || timercmp(&now, &this->due, >=);
}

METHOD(nflog_usage_t, get, uint64_t,
	private_nflog_usage_t *this)
{
	return this->total;
}

METHOD(nflog_usage_t, grow, void,
	private_nflog_usage_t *this, int64_t bytes)
{
	this->total -= bytes < 0 ? min(this->total, (uint64_t)-bytes) : 0;
	this->total += bytes > 0 ? bytes : 0;
}

METHOD(nflog_usage_t, set_dir, void,
	private_nflog_usage_t *this, char *conn, uint64_t bytes)
{
	sub_t *sub = this->subs->get(this->subs, conn);

	if (!sub)
	{
		INIT(sub,
			.name = strdup(conn),
		);
		this->subs->put(this->subs, sub->name, sub);
	}
	grow(this, bytes - sub->given);
	sub->given = bytes;
}

METHOD(nflog_usage_t, changed, void,
	private_nflog_usage_t *this, char *conn, char *name)
{
	sub_t *sub = this->subs->get(this->subs, conn);

	if (sub && nflog_trace_name_parse(name, NULL))
	{
		sub->traces ^= nflog_trace_name_hash(name);
	}
}

METHOD(nflog_usage_t, get_removable, uint64_t,
	private_nflog_usage_t *this, bool linked, uint64_t *files)
{
	*files = this->files[FALSE] + (linked ? this->files[TRUE] : 0);
	return this->removable[FALSE] + (linked ? this->removable[TRUE] : 0);
}

METHOD(nflog_usage_t, get_oldest, nflog_old_file_t*,
	private_nflog_usage_t *this)
{
	nflog_old_file_t *file = NULL;

	if (array_remove(this->oldest, ARRAY_HEAD, &file) && !file->stays)
	{
		this->removable[file->linked] -= min(this->removable[file->linked], file->given);
		this->files[file->linked] -= min(this->files[file->linked], 1);
	}
	return file;
}

METHOD(nflog_usage_t, get_changed, char*,
	private_nflog_usage_t *this)
{
	char *conn = NULL;

	this->changed->remove_first(this->changed, (void**)&conn);
	return conn;
}

METHOD(nflog_usage_t, destroy, void,
	private_nflog_usage_t *this)
{
	array_destroy_function(this->oldest, file_destroy, NULL);
	this->subs->destroy_function(this->subs, sub_destroy);
	this->changed->destroy_function(this->changed, free);
	free(this);
}

/*
 * Described in header
 */
nflog_usage_t *nflog_usage_create(nflog_dir_t *dir, nflog_live_t *live)
{
	private_nflog_usage_t *this;

	INIT(this,
		.public = {
			.scan = _scan,
			.is_due = _is_due,
			.get = _get,
			.grow = _grow,
			.set_dir = _set_dir,
			.changed = _changed,
			.get_removable = _get_removable,
			.get_oldest = _get_oldest,
			.get_changed = _get_changed,
			.destroy = _destroy,
		},
		.dir = dir,
		.live = live,
		.subs = hashtable_create(hashtable_hash_str, hashtable_equals_str, 8),
		.oldest = array_create(0, 0),
		.changed = linked_list_create(),
	);
	return &this->public;
}
