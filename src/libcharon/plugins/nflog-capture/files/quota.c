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

#include "quota.h"
#include "trace_name.h"
#include "uses.h"
#include "usage.h"
#include "options/notes.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>

#include <collections/hashtable.h>
#include <collections/linked_list.h>
#include <threading/mutex.h>

/** seconds after which to look for files to remove again, and for which space that their
 * removal gains counts as free at most, as some file systems free it later */
#define RETRY 1
#define CREDIT 30

/** blocks of directories that creating a file may add */
#define DIR_BLOCKS 2

/** blocks of the budget that are left for a file that begins before the former one of a trace
 * is removed, and its directory */
#define HEADROOM 2

typedef struct private_nflog_quota_t private_nflog_quota_t;

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
	 * What is on the disk.
	 */
	nflog_usage_t *usage;

	/**
	 * Files that are in use, or wanted.
	 */
	nflog_uses_t *uses;

	/**
	 * Bytes in a block of the file system, as it was seen last.
	 */
	uint64_t block;

	/**
	 * Bytes that are reserved.
	 */
	uint64_t reserved;

	/**
	 * Bytes that were removed as the disk was full, until when they count as free,
	 * monotonic, and how many bytes were free before.
	 */
	uint64_t credit;
	time_t credit_until;
	uint64_t free_before;

	/**
	 * When files were removed as writing failed, monotonic, 0 once writing worked.
	 */
	time_t room_made;

	/**
	 * What there was not enough of the last time, and when that was logged, monotonic.
	 */
	nflog_lack_t lack;
	time_t logged;

	/**
	 * Number and bytes of removed files that were not logged yet, and when such files were
	 * last logged, monotonic.
	 */
	u_int removed;
	uint64_t removed_bytes;
	time_t removed_logged;

	/**
	 * Time before which not to look for files to remove, monotonic, 0 once one is complete.
	 */
	time_t retry;
};

/**
 * What is to be reserved.
 */
typedef struct {

	/** limits, and the file system */
	nflog_disk_limits_t *limits;
	nflog_space_t space;

	/** bytes to reserve, and those that stay free in the budget */
	uint64_t bytes, headroom;

	/** TRUE to create a file */
	bool create;

	/** directories of removed traces, char* => char* */
	hashtable_t *removed;
} request_t;

/**
 * Check what there is not enough of, mutex is locked.
 *
 * @param gain		bytes that removing files would gain
 * @param files		number of these
 */
static nflog_lack_t get_lack(private_nflog_quota_t *this, request_t *request, uint64_t gain,
							 uint64_t files)
{
	uint64_t used = this->usage->get(this->usage) + request->headroom;

	return nflog_space_get_lack(request->limits, &request->space, used,
								this->reserved + request->bytes, gain, files,
								this->credit, request->create);
}

/**
 * Look at the file system, mutex is locked.
 */
static void look(private_nflog_quota_t *this, request_t *request)
{
	nflog_space_get(this->dir->get_dir(this->dir), request->limits, &request->space);
	this->block = request->space.block;
	if (this->credit && (time_monotonic(NULL) >= this->credit_until ||
						 request->space.free >= this->free_before + this->credit / 2))
	{
		this->credit = 0;
	}
}

/**
 * Check if a file of a trace that was found stays, as it is in use and can't be released, or
 * has nothing to gain.  Mutex is locked.
 */
static bool skip(void *data, nflog_old_file_t *file)
{
	private_nflog_quota_t *this = data;

	nflog_release_cb_t release;
	void *unused;

	return this->uses->is_used(this->uses, file->conn, file->name) &&
		   (file->given <= this->block ||
			!this->uses->get_release(this->uses, file->conn, file->name, &release,
									 &unused));
}

/**
 * Look at all files, mutex is locked.
 *
 * @return			FALSE if that could not be done now
 */
static bool scan(private_nflog_quota_t *this, request_t *request)
{
	bool complete;
	char *conn;

	complete = this->usage->scan(this->usage, skip, this);
	while ((conn = this->usage->get_changed(this->usage)))
	{
		free(request->removed->put(request->removed, conn, conn));
	}
	this->retry = complete ? this->retry : time_monotonic(NULL) + RETRY;
	return complete;
}

/**
 * Log a removed file, and those before it that were not logged, but only now and then
 * as a ring of small files would flood the log, mutex is locked.
 */
static void log_removed(private_nflog_quota_t *this, request_t *request, nflog_lack_t lack,
						nflog_old_file_t *file, uint64_t given)
{
	bool budget = lack == NFLOG_LACK_BUDGET;

	this->removed++;
	this->removed_bytes += given;
	if (nflog_log_once(&this->removed_logged, NFLOG_LOG_AGAIN))
	{
		DBG1(DBG_CFG, "nflog-capture: removed %u files of traces, %" PRIu64 " bytes, to "
			 "keep %s = %" PRIu64 ", the last one is '%s/%s/%s'", this->removed,
			 this->removed_bytes, budget ? "max_total" : "min_free",
			 budget ? request->limits->max_total : request->space.min_free,
			 this->dir->get_dir(this->dir), file->conn, file->name);
		this->removed = 0;
		this->removed_bytes = 0;
	}
}

/**
 * Remove an old file, or leave it if it is not that old anymore, in use, or if that does not
 * gain what there is not enough of.  Mutex is locked, but not meanwhile.
 *
 * @param file		file, gets destroyed
 * @param lack		why it is to be removed
 * @return			bytes that are free now
 */
static uint64_t remove_old(private_nflog_quota_t *this, request_t *request,
						   nflog_old_file_t *file, nflog_lack_t lack)
{
	uint64_t given = 0, freed = 0, mtime = file->mtime;
	char *conn = file->conn, *name = file->name;
	bool in_use = this->uses->is_used(this->uses, conn, name), may_release, removed;
	nflog_release_cb_t release;
	void *data;

	may_release = this->uses->get_release(this->uses, conn, name, &release, &data);
	this->mutex->unlock(this->mutex);
	removed = (lack == NFLOG_LACK_BUDGET || !file->linked) &&
			  (!in_use || (may_release &&
						   nflog_usage_is_same(this->dir, conn, name, mtime) &&
						   release(data))) && !this->live->is_live(this->live, conn, name) &&
			  nflog_usage_remove(this->dir, conn, name, in_use ? 0 : mtime, &given, &freed);
	this->mutex->lock(this->mutex);
	if (removed)
	{
		this->usage->grow(this->usage, -given);
		this->usage->changed(this->usage, conn, name);
		log_removed(this, request, lack, file, given);
		if (lack != NFLOG_LACK_BUDGET)
		{
			this->free_before = this->credit ? this->free_before : request->space.free;
			this->credit += freed;
			this->credit_until = time_monotonic(NULL) + CREDIT;
		}
		if (!file->decrypted && !request->removed->get(request->removed, conn))
		{
			request->removed->put(request->removed, conn, conn);
			file->conn = NULL;
		}
	}
	nflog_old_file_destroy(file);
	return freed;
}

/**
 * Remove the oldest files until a request fits, unless there are not enough.  Mutex is locked.
 */
static void make_it_fit(private_nflog_quota_t *this, request_t *request)
{
	nflog_old_file_t *file;
	bool scanned = FALSE, budget;
	uint64_t removable, files;
	nflog_lack_t lack;

	while ((lack = get_lack(this, request, 0, 0)))
	{
		budget = lack == NFLOG_LACK_BUDGET;
		removable = this->usage->get_removable(this->usage, budget, &files);
		file = files && !get_lack(this, request, removable, files) ?
								this->usage->get_oldest(this->usage) : NULL;
		if (file)
		{
			remove_old(this, request, file, lack);
		}
		else if (scanned)
		{	/* looking at all files is slow */
			this->retry = time_monotonic(NULL) + RETRY;
			return;
		}
		else
		{
			scanned = time_monotonic(NULL) >= this->retry && scan(this, request);
			if (!scanned)
			{
				return;
			}
		}
		look(this, request);
	}
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
 * Note what there is not enough of, and log it, mutex is locked.
 */
static void set_lack(private_nflog_quota_t *this, request_t *request, nflog_lack_t lack)
{
	bool log = lack && lack != this->lack && nflog_log_once(&this->logged, NFLOG_LOG_AGAIN);
	char *dir = this->dir->get_dir(this->dir);

	if (log || !lack)
	{	/* one that was not logged is logged later */
		this->lack = lack;
	}
	if (log && lack == NFLOG_LACK_BUDGET)
	{
		DBG1(DBG_CFG, "nflog-capture: traces are incomplete, the disk budget of '%s' is "
			 "exhausted and there is no trace to remove, raise max_total = %" PRIu64
			 " or remove other files", dir, request->limits->max_total);
	}
	else if (log)
	{
		DBG1(DBG_CFG, "nflog-capture: traces are incomplete, the disk of '%s' has %"
			 PRIu64 " bytes and %" PRIu64 " inodes left, of which min_free keeps %" PRIu64
			 " and %" PRIu64 ", and there is no trace to remove, remove other files", dir,
			 request->space.free, request->space.inodes, request->space.min_free,
			 request->space.min_inodes);
	}
}

METHOD(nflog_quota_t, reserve, bool,
	private_nflog_quota_t *this, nflog_disk_limits_t *limits, uint64_t given,
	uint64_t size, uint64_t *reserved)
{
	request_t request = {
		.limits = limits,
		.create = !given,
		.removed = hashtable_create(hashtable_hash_str, hashtable_equals_str, 1),
	};
	nflog_lack_t lack;

	this->mutex->lock(this->mutex);
	look(this, &request);
	request.bytes = nflog_space_get_growth(&request.space, given, size) +
					(given ? 0 : DIR_BLOCKS * request.space.block);
	request.headroom = HEADROOM * request.space.block;
	if (time_monotonic(NULL) >= this->retry && this->usage->is_due(this->usage))
	{
		scan(this, &request);
	}
	make_it_fit(this, &request);
	lack = get_lack(this, &request, 0, 0);
	set_lack(this, &request, lack);
	*reserved = 0;
	if (!lack)
	{
		*reserved = request.bytes;
		this->reserved += request.bytes;
	}
	this->mutex->unlock(this->mutex);
	report_removed(this, request.removed);
	return !lack;
}

METHOD(nflog_quota_t, settle, void,
	private_nflog_quota_t *this, uint64_t reserved, int64_t given)
{
	this->mutex->lock(this->mutex);
	this->reserved -= reserved;
	this->usage->grow(this->usage, given);
	if (given > 0)
	{
		this->room_made = 0;
	}
	this->mutex->unlock(this->mutex);
}

METHOD(nflog_quota_t, make_room, bool,
	private_nflog_quota_t *this, nflog_disk_limits_t *limits, uint64_t bytes)
{
	request_t request = {
		.limits = limits,
		.removed = hashtable_create(hashtable_hash_str, hashtable_equals_str, 1),
	};
	nflog_old_file_t *file;
	uint64_t removed = 0;
	bool scanned = FALSE;

	this->mutex->lock(this->mutex);
	look(this, &request);
	if (this->room_made && time_monotonic(NULL) - this->room_made < CREDIT)
	{	/* that did not help */
		bytes = 0;
	}
	while (removed < bytes)
	{
		file = this->usage->get_oldest(this->usage);
		if (file)
		{
			removed += remove_old(this, &request, file, NFLOG_LACK_BYTES);
		}
		else if (scanned || !scan(this, &request))
		{
			break;
		}
		else
		{
			scanned = TRUE;
		}
	}
	if (removed)
	{
		this->room_made = max(time_monotonic(NULL), 1);
	}
	this->mutex->unlock(this->mutex);
	report_removed(this, request.removed);
	return removed > 0;
}

METHOD(nflog_quota_t, get_piece, uint64_t,
	private_nflog_quota_t *this, nflog_disk_limits_t *limits, uint64_t wanted)
{
	nflog_space_t space;

	nflog_space_get(this->dir->get_dir(this->dir), limits, &space);
	return nflog_space_get_piece(limits, &space, wanted);
}

METHOD(nflog_quota_t, set_used, void,
	private_nflog_quota_t *this, char *conn, char *name,
	nflog_trace_state_t state)
{
	nflog_trace_state_t former;

	this->live->set(this->live, conn, name, state == TRACE_USED);
	this->mutex->lock(this->mutex);
	former = this->uses->set(this->uses, conn, name, state);
	if (state == TRACE_COMPLETE)
	{
		this->retry = 0;
	}
	this->mutex->unlock(this->mutex);
	if (former == TRACE_WANTED && state == TRACE_COMPLETE && this->cb)
	{	/* it never got a file, so its keys are of no use */
		this->cb(this->data, conn);
	}
}

METHOD(nflog_quota_t, set_release, void,
	private_nflog_quota_t *this, char *conn, char *name,
	nflog_release_cb_t cb, void *data)
{
	this->mutex->lock(this->mutex);
	this->uses->set_release(this->uses, conn, name, cb, data);
	this->mutex->unlock(this->mutex);
}

METHOD(nflog_quota_t, created, void,
	private_nflog_quota_t *this, char *conn, char *name, int dir)
{
	struct stat st;

	this->mutex->lock(this->mutex);
	if (fstat(dir, &st) == 0)
	{
		this->usage->set_dir(this->usage, conn, nflog_usage_given(&st));
	}
	if (fstatat(dir, "..", &st, 0) == 0)
	{	/* the directory itself may be new */
		this->usage->set_dir(this->usage, "", nflog_usage_given(&st));
	}
	this->usage->changed(this->usage, conn, name);
	this->mutex->unlock(this->mutex);
}

METHOD(nflog_quota_t, remove_, bool,
	private_nflog_quota_t *this, char *conn, char *name)
{
	uint64_t given = 0, freed;

	if (!nflog_usage_remove(this->dir, conn, name, 0, &given, &freed))
	{
		return errno == ENOENT;
	}
	this->mutex->lock(this->mutex);
	this->usage->grow(this->usage, -given);
	this->usage->changed(this->usage, conn, name);
	this->retry = 0;
	this->mutex->unlock(this->mutex);
	if (this->cb && nflog_trace_name_parse(name, NULL))
	{
		this->cb(this->data, conn);
	}
	return TRUE;
}

/**
 * Destroy the list of a trace enumerator.
 */
static void names_destroy(void *list)
{
	linked_list_t *names = list;

	names->destroy_function(names, free);
}

METHOD(nflog_quota_t, create_enumerator, enumerator_t*,
	private_nflog_quota_t *this, char *conn)
{
	linked_list_t *names;

	names = nflog_usage_list(this->dir, conn);
	this->mutex->lock(this->mutex);
	this->uses->list(this->uses, conn, names);
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
	this->uses->destroy(this->uses);
	this->usage->destroy(this->usage);
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
			.settle = _settle,
			.make_room = _make_room,
			.get_piece = _get_piece,
			.set_used = _set_used,
			.set_release = _set_release,
			.created = _created,
			.remove = _remove_,
			.create_enumerator = _create_enumerator,
			.set_removed_cb = _set_removed_cb,
			.destroy = _destroy,
		},
		.dir = dir,
		.live = live,
		.usage = nflog_usage_create(dir, live),
		.uses = nflog_uses_create(),
		.mutex = mutex_create(MUTEX_TYPE_DEFAULT),
	);
	return &this->public;
}
