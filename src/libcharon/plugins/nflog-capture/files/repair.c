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

#include "repair.h"
#include "usage.h"
#include "whole.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include <collections/hashtable.h>
#include <collections/linked_list.h>
#include <threading/thread.h>

typedef struct private_nflog_repair_t private_nflog_repair_t;
typedef struct last_t last_t;
typedef struct result_t result_t;

/**
 * Private data.
 */
struct private_nflog_repair_t {

	/**
	 * Public interface.
	 */
	nflog_repair_t public;

	/**
	 * Has the directories, not owned.
	 */
	nflog_store_t *store;

	/**
	 * Called for each directory, and its data.
	 */
	void (*cb)(void *data, char *conn);
	void *data;

	/**
	 * Thread, NULL if it was not started.
	 */
	thread_t *thread;

	/**
	 * Greater than 0 to stop the thread, only accessed with functions of refcount_t.
	 */
	refcount_t stop;
};

/**
 * Last file of a trace.
 */
struct last_t {

	/** name of the trace, and of the file */
	char *trace;
	char *file;

	/** number of the file */
	u_int number;
};

/**
 * What was done in a directory.
 */
struct result_t {

	/** traces that were cut, and bytes that these had in addition */
	u_int cut;
	uint64_t bytes;

	/** traces that were removed, and temporary files */
	u_int empty, temporary;

	/** what could not be repaired, and why */
	u_int failed;
	int error;
};

/**
 * Destroy the last file of a trace.
 */
static void last_destroy(void *value, const void *key)
{
	last_t *last = value;

	free(last->trace);
	free(last->file);
	free(last);
}

/**
 * Note a failure.
 */
static void set_failed(result_t *result)
{
	result->error = result->failed++ ? result->error : errno;
}

/**
 * Cut what follows the last whole record of a trace, or remove it if there is nothing before.
 */
static void repair_file(private_nflog_repair_t *this, int dir, char *conn, char *name,
						result_t *result)
{
	struct timespec times[2] = {};
	struct stat st;
	off_t end = -1;
	int fd;

	if (this->store->is_used(this->store, conn, name))
	{
		return;
	}
	fd = openat(dir, name, O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
	{
		if (errno != ENOENT && errno != ELOOP)
		{
			set_failed(result);
		}
		return;
	}
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
	{
		end = nflog_whole_get(fd, st.st_size, &this->stop);
	}
	/* it is as old as before */
	times[0] = st.st_atim;
	times[1] = st.st_mtim;
	if (end == 0)
	{
		if (this->store->remove_file(this->store, conn, name))
		{
			result->empty++;
		}
	}
	else if (end > 0 && end < st.st_size)
	{
		if (ftruncate(fd, end) == 0)
		{
			result->cut++;
			result->bytes += st.st_size - end;
			futimens(fd, times);
			fdatasync(fd);
		}
		else
		{
			set_failed(result);
		}
	}
	close(fd);
}

/**
 * Note a file of a trace, if none with a higher number is known.  Those before were complete
 * when it began.
 */
static void add_last(hashtable_t *lasts, char *name)
{
	last_t *last, *former;
	u_int number;
	size_t len;

	len = nflog_trace_name_stem(name, &number);
	INIT(last,
		.trace = strndup(name, len),
		.file = strdup(name),
		.number = number,
	);
	former = lasts->get(lasts, last->trace);
	if (former && former->number > number)
	{
		last_destroy(last, NULL);
		return;
	}
	lasts->put(lasts, last->trace, last);
	if (former)
	{
		last_destroy(former, NULL);
	}
}

/**
 * Find the last files of traces in a directory, and remove temporary files.
 */
static hashtable_t *find(private_nflog_repair_t *this, DIR *dir, char *conn,
						 result_t *result)
{
	struct dirent *file;
	hashtable_t *lasts;

	lasts = hashtable_create(hashtable_hash_str, hashtable_equals_str, 32);
	while (!ref_cur(&this->stop) && (file = readdir(dir)))
	{
		if (nflog_trace_name_parse(file->d_name, NULL))
		{
			add_last(lasts, file->d_name);
		}
		else if (nflog_trace_name_is_tmp(file->d_name) &&
				 !this->store->is_used(this->store, conn, file->d_name) &&
				 nflog_usage_remove_tmp(dirfd(dir), file->d_name))
		{
			result->temporary++;
		}
	}
	return lasts;
}

/**
 * Log what was done in a directory, if anything was.
 */
static void report(private_nflog_repair_t *this, char *conn, result_t *result)
{
	char path[PATH_MAX];

	this->store->get_path(this->store, conn, path, sizeof(path));
	if (result->cut || result->empty || result->temporary)
	{
		DBG1(DBG_CFG, "nflog-capture: put '%s' in order, as charon was killed or power was "
			 "lost: cut parts of records of %llu bytes from %u traces, removed %u empty "
			 "traces and %u temporary files", path, (unsigned long long)result->bytes,
			 result->cut, result->empty, result->temporary);
	}
	if (result->failed)
	{
		DBG1(DBG_CFG, "nflog-capture: unable to put %u traces in '%s' in order: %s (repair "
			 "them with 'nflog-capture check --repair')", result->failed, path,
			 strerror(result->error));
	}
}

/**
 * Put a directory in order.
 */
static void repair_dir(private_nflog_repair_t *this, char *conn)
{
	result_t result = {};
	enumerator_t *enumerator;
	hashtable_t *lasts;
	last_t *last;
	DIR *dir;
	int fd;

	fd = this->store->open_dir(this->store, conn, FALSE);
	dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir)
	{
		if (fd >= 0)
		{
			close(fd);
		}
		return;
	}
	lasts = find(this, dir, conn, &result);
	enumerator = lasts->create_enumerator(lasts);
	while (!ref_cur(&this->stop) && enumerator->enumerate(enumerator, NULL, &last))
	{
		repair_file(this, fd, conn, last->file, &result);
	}
	enumerator->destroy(enumerator);
	lasts->destroy_function(lasts, last_destroy);
	closedir(dir);
	report(this, conn, &result);
	this->cb(this->data, conn);
}

/**
 * Thread that puts all directories in order.
 */
static void *run(private_nflog_repair_t *this)
{
	struct dirent *conn;
	DIR *all = NULL;
	int fd;

	fd = this->store->open_dir(this->store, "", FALSE);
	if (fd >= 0)
	{
		all = fdopendir(fd);
		if (!all)
		{
			close(fd);
		}
	}
	while (all && !ref_cur(&this->stop) && (conn = readdir(all)))
	{
		/* names of our directories don't begin with a dot */
		if (conn->d_name[0] != '.' &&
			(conn->d_type == DT_DIR || conn->d_type == DT_UNKNOWN))
		{
			repair_dir(this, conn->d_name);
		}
	}
	if (all)
	{
		closedir(all);
	}
	return NULL;
}

METHOD(nflog_repair_t, start, bool,
	private_nflog_repair_t *this)
{
	if (!this->thread)
	{
		this->thread = thread_create((thread_main_t)run, this);
		if (!this->thread)
		{
			DBG1(DBG_CFG, "nflog-capture: unable to create the thread that puts directories "
				 "in order, which charon does when it is started again");
		}
	}
	return this->thread != NULL;
}

METHOD(nflog_repair_t, destroy, void,
	private_nflog_repair_t *this)
{
	ref_get(&this->stop);
	if (this->thread)
	{
		this->thread->join(this->thread);
	}
	free(this);
}

/*
 * Described in header
 */
nflog_repair_t *nflog_repair_create(nflog_store_t *store, void (*cb)(void *data, char *conn),
									void *data)
{
	private_nflog_repair_t *this;

	INIT(this,
		.public = {
			.start = _start,
			.destroy = _destroy,
		},
		.store = store,
		.cb = cb,
		.data = data,
	);
	return &this->public;
}
