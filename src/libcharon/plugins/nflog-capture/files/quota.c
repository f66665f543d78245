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

#include "quota.h"
#include "trace_name.h"
#include "options/notes.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <collections/array.h>
#include <collections/hashtable.h>
#include <collections/linked_list.h>
#include <threading/mutex.h>

/** seconds after which to look for traces to remove again */
#define RETRY 1

typedef struct private_nflog_quota_t private_nflog_quota_t;
typedef struct trace_t trace_t;

/**
 * Private data.
 */
struct private_nflog_quota_t {

	/**
	 * Public interface.
	 */
	nflog_quota_t public;

	/**
	 * Opens the directories, not owned.
	 */
	nflog_dir_t *dir;

	/**
	 * Knows which files are being written, not owned.
	 */
	nflog_live_t *live;

	/**
	 * Called after traces were removed, and its data, set before any thread uses this.
	 */
	void (*cb)(void *data, char *conn);
	void *data;

	/**
	 * Lock for all that follows.
	 */
	mutex_t *mutex;

	/**
	 * Bytes in all files, as far as known.
	 */
	uint64_t total;

	/**
	 * TRUE if total was determined.
	 */
	bool scanned;

	/**
	 * TRUE if total exceeds the budget, and when that was logged, monotonic.
	 */
	bool exhausted;
	time_t logged;

	/**
	 * Number and bytes of removed traces that were not logged yet, and when such traces
	 * were last logged, monotonic.
	 */
	u_int removed;
	uint64_t removed_bytes;
	time_t removed_logged;

	/**
	 * Time before which not to look for traces to remove, monotonic, 0 once a trace is
	 * complete.
	 */
	time_t retry;

	/**
	 * Traces in TRACE_WANTED, "<conn>/<name>", char* => char*.
	 */
	hashtable_t *wanted;
};

/**
 * A trace that may be removed.
 */
struct trace_t {

	/** name of the directory, and of the file in it */
	char *conn;
	char *name;

	/** bytes in it */
	uint64_t size;

	/** time it was last written to, in ns since 1970 */
	uint64_t mtime;
};

/**
 * Destroy a trace.
 */
static void trace_destroy(trace_t *trace)
{
	free(trace->conn);
	free(trace->name);
	free(trace);
}

/**
 * Order traces by age, the oldest one is first.
 */
static int trace_cmp(const void *a, const void *b, void *user)
{
	const trace_t *x = a, *y = b;

	return x->mtime < y->mtime ? -1 : x->mtime > y->mtime;
}

/**
 * Add the size of a file, and the file itself if it is a trace.
 */
static void scan_file(private_nflog_quota_t *this, int dir, char *conn,
					  char *name, array_t *traces)
{
	struct stat st;
	trace_t *trace;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
		!S_ISREG(st.st_mode))
	{
		return;
	}
	if (nflog_trace_name_is_tmp(name) &&
		!this->live->is_live(this->live, conn, name) &&
		unlinkat(dir, name, 0) == 0)
	{	/* left by a process that died before it renamed the file */
		return;
	}
	this->total += st.st_size;
	if (nflog_trace_name_parse(name, NULL))
	{
		INIT(trace,
			.conn = strdup(conn),
			.name = strdup(name),
			.size = st.st_size,
			.mtime = st.st_mtim.tv_sec * 1000000000ULL + st.st_mtim.tv_nsec,
		);
		array_insert(traces, ARRAY_TAIL, trace);
	}
}

/**
 * Open a directory to list it.
 *
 * @return			NULL on failure, with errno set
 */
static DIR *read_dir(private_nflog_quota_t *this, char *conn)
{
	DIR *dir = NULL;
	int fd;

	fd = this->dir->open_dir(this->dir, conn, FALSE);
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
 * Destroy the list of a trace enumerator.
 */
static void names_destroy(void *list)
{
	linked_list_t *names = list;

	names->destroy_function(names, free);
}

/**
 * Check if a directory could not be opened for a lack of resources, which is transient
 * and leaves its contents unknown.
 */
static bool lacks_resources(DIR *dir)
{
	return !dir && (errno == EMFILE || errno == ENFILE || errno == ENOMEM);
}

/**
 * Determine the size of all files, and find all traces, mutex is locked.  On failure,
 * the size does not decrease.
 *
 * @return			traces, trace_t
 */
static array_t *scan(private_nflog_quota_t *this)
{
	uint64_t former = this->total;
	struct dirent *conn, *file;
	array_t *traces;
	DIR *all, *dir;

	this->total = 0;
	traces = array_create(0, 0);
	all = read_dir(this, "");
	this->scanned = !lacks_resources(all);
	while (all && (conn = readdir(all)))
	{
		/* names of our directories don't begin with a dot */
		if (conn->d_name[0] != '.' &&
			(conn->d_type == DT_DIR || conn->d_type == DT_UNKNOWN))
		{
			dir = read_dir(this, conn->d_name);
			this->scanned = this->scanned && !lacks_resources(dir);
			while (dir && (file = readdir(dir)))
			{
				scan_file(this, dirfd(dir), conn->d_name, file->d_name, traces);
			}
			if (dir)
			{
				closedir(dir);
			}
		}
	}
	if (all)
	{
		closedir(all);
	}
	if (!this->scanned)
	{
		this->total = max(this->total, former);
	}
	DBG2(DBG_CFG, "nflog-capture: '%s' contains %" PRIu64 " bytes, %d traces",
		 this->dir->get_dir(this->dir), this->total, array_count(traces));
	return traces;
}

/**
 * Remove a file.
 *
 * @param size		receives its size, in bytes
 * @return			FALSE on failure, with errno set
 */
static bool unlink_file(private_nflog_quota_t *this, char *conn,
						char *name, uint64_t *size)
{
	char *what = "remove file";
	struct stat st;
	bool success;
	int dir, error;

	dir = this->dir->open_dir(this->dir, conn, FALSE);
	if (dir < 0)
	{
		return FALSE;
	}
	success = fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
			  unlinkat(dir, name, 0) == 0;
	if (success)
	{
		*size = st.st_size;
		this->dir->worked(this->dir, what, conn, name);
	}
	else if (errno != ENOENT)
	{
		this->dir->failed(this->dir, what, conn, name, NULL);
	}
	error = errno;
	close(dir);
	errno = error;
	return success;
}

/**
 * Log a removed trace, and those before it that were not logged, but only now and then
 * as a ring of small files would flood the log, mutex is locked.
 */
static void log_removed(private_nflog_quota_t *this, trace_t *trace,
						uint64_t max_total)
{
	this->removed++;
	this->removed_bytes += trace->size;
	if (nflog_log_once(&this->removed_logged, NFLOG_LOG_AGAIN))
	{
		DBG1(DBG_CFG, "nflog-capture: removed %u traces of %" PRIu64 " bytes to stay "
			 "within max_total = %" PRIu64 ", the last one is '%s/%s/%s'",
			 this->removed, this->removed_bytes, max_total,
			 this->dir->get_dir(this->dir), trace->conn, trace->name);
		this->removed = 0;
		this->removed_bytes = 0;
	}
}

/**
 * Remove the oldest traces if bytes do not fit, mutex is locked.
 *
 * @param removed	receives the names of their directories
 */
static void make_room(private_nflog_quota_t *this, uint64_t max_total,
					  size_t bytes, hashtable_t *removed)
{
	uint64_t limit = max_total;
	array_t *traces;
	trace_t *trace;

	/* the known size is not exact */
	traces = scan(this);
	array_sort(traces, trace_cmp, NULL);
	while (this->total + bytes > limit &&
		   array_remove(traces, ARRAY_HEAD, &trace))
	{
		if (!this->live->is_live(this->live, trace->conn, trace->name) &&
			unlink_file(this, trace->conn, trace->name, &trace->size))
		{
			log_removed(this, trace, max_total);
			this->total -= min(this->total, trace->size);
			limit = max_total - max_total / 100;
			if (!removed->get(removed, trace->conn))
			{
				removed->put(removed, trace->conn, trace->conn);
				trace->conn = NULL;
			}
		}
		trace_destroy(trace);
	}
	array_destroy_function(traces, (void*)trace_destroy, NULL);
}

/**
 * Report the directories of removed traces, and destroy the table.
 */
static void report_removed(private_nflog_quota_t *this,
						   hashtable_t *removed)
{
	enumerator_t *enumerator;
	char *conn;

	enumerator = removed->create_enumerator(removed);
	while (this->cb && enumerator->enumerate(enumerator, NULL, &conn))
	{
		this->cb(this->data, conn);
	}
	enumerator->destroy(enumerator);
	removed->destroy_function(removed, (void*)free);
}

/**
 * Set if the disk budget is exhausted, and log if so, mutex is locked.
 */
static void set_exhausted(private_nflog_quota_t *this,
						  uint64_t max_total, bool exhausted)
{
	if (exhausted && !this->exhausted &&
		nflog_log_once(&this->logged, NFLOG_LOG_AGAIN))
	{
		DBG1(DBG_CFG, "nflog-capture: traces are incomplete, the disk budget of "
			 "'%s' is exhausted and there is no trace to remove, raise max_total = "
			 "%" PRIu64 " or remove other files",
			 this->dir->get_dir(this->dir), max_total);
	}
	this->exhausted = exhausted;
}

METHOD(nflog_quota_t, reserve, bool,
	private_nflog_quota_t *this, size_t bytes, uint64_t max_total)
{
	time_t now = time_monotonic(NULL);
	hashtable_t *removed = NULL;
	bool success;

	this->mutex->lock(this->mutex);
	if (!this->scanned && now >= this->retry)
	{
		array_destroy_function(scan(this), (void*)trace_destroy, NULL);
		this->retry = this->scanned ? this->retry : now + RETRY;
	}
	if (max_total && this->total + bytes > max_total && now >= this->retry)
	{
		removed = hashtable_create(hashtable_hash_str, hashtable_equals_str, 1);
		make_room(this, max_total, bytes, removed);
	}
	success = !max_total || this->total + bytes <= max_total;
	set_exhausted(this, max_total, !success);
	if (success)
	{
		this->total += bytes;
	}
	else if (now >= this->retry)
	{	/* listing all files is slow */
		this->retry = now + RETRY;
	}
	this->mutex->unlock(this->mutex);

	if (removed)
	{
		report_removed(this, removed);
	}
	return success;
}

METHOD(nflog_quota_t, unreserve, void,
	private_nflog_quota_t *this, size_t bytes)
{
	this->mutex->lock(this->mutex);
	this->total -= min(this->total, bytes);
	this->mutex->unlock(this->mutex);
}

METHOD(nflog_quota_t, set_used, void,
	private_nflog_quota_t *this, char *conn, char *name,
	nflog_trace_state_t state)
{
	char key[PATH_MAX], *copy;

	snprintf(key, sizeof(key), "%s/%s", conn, name);
	this->live->set(this->live, conn, name, state == TRACE_USED);
	this->mutex->lock(this->mutex);
	free(this->wanted->remove(this->wanted, key));
	if (state == TRACE_WANTED)
	{
		copy = strdup(key);
		this->wanted->put(this->wanted, copy, copy);
	}
	if (state == TRACE_COMPLETE)
	{
		this->retry = 0;
	}
	this->mutex->unlock(this->mutex);
}

METHOD(nflog_quota_t, remove_, bool,
	private_nflog_quota_t *this, char *conn, char *name)
{
	uint64_t size;

	if (!unlink_file(this, conn, name, &size))
	{
		return errno == ENOENT;
	}
	this->mutex->lock(this->mutex);
	this->total -= min(this->total, size);
	this->retry = 0;
	this->mutex->unlock(this->mutex);
	if (this->cb && nflog_trace_name_parse(name, NULL))
	{
		this->cb(this->data, conn);
	}
	return TRUE;
}

METHOD(nflog_quota_t, create_enumerator, enumerator_t*,
	private_nflog_quota_t *this, char *conn)
{
	enumerator_t *enumerator;
	linked_list_t *names;
	struct dirent *file;
	char *key;
	DIR *dir;

	names = linked_list_create();
	dir = read_dir(this, conn);
	if (dir)
	{
		while ((file = readdir(dir)))
		{
			if (nflog_trace_name_parse(file->d_name, NULL))
			{
				names->insert_last(names, strdup(file->d_name));
			}
		}
		closedir(dir);
	}
	this->mutex->lock(this->mutex);
	enumerator = this->wanted->create_enumerator(this->wanted);
	while (enumerator->enumerate(enumerator, NULL, &key))
	{
		if (strpfx(key, conn) && key[strlen(conn)] == '/')
		{
			names->insert_last(names, strdup(key + strlen(conn) + 1));
		}
	}
	enumerator->destroy(enumerator);
	this->mutex->unlock(this->mutex);
	return enumerator_create_cleaner(names->create_enumerator(names),
									 names_destroy, names);
}

METHOD(nflog_quota_t, set_removed_cb, void,
	private_nflog_quota_t *this, void (*cb)(void *data, char *conn),
	void *data)
{
	this->cb = cb;
	this->data = data;
}

METHOD(nflog_quota_t, destroy, void,
	private_nflog_quota_t *this)
{
	this->wanted->destroy_function(this->wanted, (void*)free);
	this->mutex->destroy(this->mutex);
	free(this);
}

/*
 * Described in header
 */
nflog_quota_t *nflog_quota_create(nflog_dir_t *dir, nflog_live_t *live)
{
	private_nflog_quota_t *this;

	INIT(this,
		.public = {
			.reserve = _reserve,
			.unreserve = _unreserve,
			.set_used = _set_used,
			.remove = _remove_,
			.create_enumerator = _create_enumerator,
			.set_removed_cb = _set_removed_cb,
			.destroy = _destroy,
		},
		.dir = dir,
		.live = live,
		.mutex = mutex_create(MUTEX_TYPE_DEFAULT),
		.wanted = hashtable_create(hashtable_hash_str, hashtable_equals_str, 8),
	);
	return &this->public;
}
