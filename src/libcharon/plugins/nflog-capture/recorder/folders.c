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

#include "folders.h"
#include "folder.h"
#include "files/walk.h"
#include "options/notes.h"
#include "options/values.h"
#include "process/pulse.h"

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

/** names to try if folders have them already, as the clock was set back */
#define MAX_TAKEN 60

/** bytes below which there is no space for a folder */
#define MIN_BYTES 65536

/** part of the budget that folders may take while they are filled whose cause anybody can
 * bring about */
#define OPEN_PART 2

typedef struct private_nflog_folders_t private_nflog_folders_t;
typedef struct folder_t folder_t;

/**
 * Private data.
 */
struct private_nflog_folders_t {

	/**
	 * Public interface.
	 */
	nflog_folders_t public;

	/**
	 * Has the directories, not owned.
	 */
	nflog_store_t *store;

	/**
	 * Folders that are not complete, name => open_t.
	 */
	hashtable_t *open;

	/**
	 * Folders that are complete, as they were when they were listed last, name => folder_t.
	 */
	hashtable_t *known;

	/**
	 * Bytes in them, and in those that were completed since, valid once they were listed.
	 */
	uint64_t total;
	bool listed;

	/**
	 * TRUE once no folder is left that an earlier process did not complete.
	 */
	bool repaired;

	/**
	 * When it was logged that none can be created, that they get less than they could, and
	 * that they can't be repaired, monotonic.
	 */
	time_t logged, logged_less, logged_repair;
};

/**
 * Folder that is not complete.
 */
typedef struct {
	/** name */
	char *name;
	/** bytes that it may get */
	uint64_t bytes;
	/** TRUE if anybody can cause that */
	bool open;
} open_t;

/**
 * Folder that may be removed.
 */
struct folder_t {
	/** name */
	char *name;
	/** its time, in the name */
	char *time;
	/** TRUE if anybody can cause that */
	bool open;
	/** bytes that its files take */
	uint64_t bytes;
	/** when files were added or removed last */
	struct timespec changed;
};

/**
 * Destroy a folder.
 */
static void folder_destroy(folder_t *folder, const void *key)
{
	free(folder->name);
	free(folder);
}

/**
 * Destroy a folder that is not complete.
 */
static void open_destroy(open_t *open, const void *key)
{
	free(open->name);
	free(open);
}

/**
 * Order folders, the one that is removed first is the first one.
 */
static int folder_cmp(const void *a, const void *b, void *user)
{
	const folder_t *x = a, *y = b;

	return x->open != y->open ? y->open - x->open : strcmp(x->time, y->time);
}

/**
 * Get a folder, whose files are looked at only if some were added or removed since.
 *
 * @return				NULL if it is gone
 */
static folder_t *get_folder(private_nflog_folders_t *this, int dir, char *name, char *time,
							nflog_cause_t cause)
{
	folder_t *folder;
	struct stat st;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISDIR(st.st_mode))
	{
		return NULL;
	}
	folder = this->known->remove(this->known, name);
	if (!folder)
	{
		INIT(folder,
			.name = strdup(name),
			.open = nflog_cause_is_open(cause),
		);
		folder->time = folder->name + (time - name);
	}
	if (folder->changed.tv_sec != st.st_mtim.tv_sec ||
		folder->changed.tv_nsec != st.st_mtim.tv_nsec)
	{
		folder->bytes = nflog_folder_get_bytes(dir, name);
		folder->changed = st.st_mtim;
	}
	return folder;
}

/**
 * List the folders that are complete.
 *
 * @param total			receives the bytes in all of them
 * @return				folder_t, the one to remove first is the first one
 */
static array_t *list(private_nflog_folders_t *this, int dir, uint64_t *total)
{
	array_t *folders = array_create(0, 0);
	hashtable_t *found;
	nflog_cause_t cause;
	struct dirent *entry;
	folder_t *folder;
	char *time;
	DIR *all;
	int fd;

	*total = 0;
	found = hashtable_create(hashtable_hash_str, hashtable_equals_str, 8);
	fd = nflog_folder_open(dir, ".");
	all = fd >= 0 ? fdopendir(fd) : NULL;
	while (all && (entry = readdir(all)))
	{
		nflog_pulse_beat();
		if (!nflog_folder_parse(entry->d_name, &time, &cause) ||
			this->open->get(this->open, entry->d_name))
		{
			continue;
		}
		folder = get_folder(this, dir, entry->d_name, time, cause);
		if (folder)
		{
			found->put(found, folder->name, folder);
			array_insert(folders, ARRAY_TAIL, folder);
			*total += folder->bytes;
		}
	}
	if (all)
	{
		closedir(all);
	}
	else if (fd >= 0)
	{
		close(fd);
	}
	this->known->destroy_function(this->known, (void*)folder_destroy);
	this->known = found;
	array_sort(folders, folder_cmp, NULL);
	return folders;
}

/**
 * Get the bytes that folders may get that are not complete.
 *
 * @param open			TRUE for those alone that anybody can cause
 */
static uint64_t get_open(private_nflog_folders_t *this, bool open)
{
	enumerator_t *enumerator;
	uint64_t bytes = 0;
	open_t *other;

	enumerator = this->open->create_enumerator(this->open);
	while (enumerator->enumerate(enumerator, NULL, &other))
	{
		bytes += !open || other->open ? other->bytes : 0;
	}
	enumerator->destroy(enumerator);
	return bytes;
}

/**
 * Remove folders until there is space for another one.
 *
 * @param open			TRUE if anybody can cause it, which makes no others go
 * @param keep			name of a folder that stays, NULL for none
 * @param bytes			bytes that it needs
 * @return				bytes that there are for it, fewer if there is not as much
 */
static uint64_t make_room(private_nflog_folders_t *this, int dir, bool open, char *keep,
						  uint64_t bytes)
{
	uint64_t max_total = nflog_values_recorder_total(), total, used, removed_bytes = 0;
	u_int removed = 0;
	folder_t *folder;
	array_t *folders;

	used = get_open(this, FALSE);
	if (!max_total || (this->listed && used + this->total + bytes <= max_total))
	{	/* there may be very many */
		return bytes;
	}
	bytes = min(bytes, max_total - min(max_total, used));
	folders = list(this, dir, &total);
	while (used + total + bytes > max_total &&
		   array_remove(folders, ARRAY_HEAD, &folder) && (folder->open || !open))
	{
		if (keep && streq(folder->name, keep))
		{
			continue;
		}
		total -= folder->bytes;
		if (nflog_folder_remove(dir, folder->name))
		{
			removed_bytes += folder->bytes;
			removed++;
			this->known->remove(this->known, folder->name);
			folder_destroy(folder, NULL);
		}
		else
		{	/* what could be removed is not there anymore */
			folder->bytes = nflog_folder_get_bytes(dir, folder->name);
			total += folder->bytes;
		}
	}
	array_destroy(folders);
	this->total = total;
	this->listed = TRUE;
	if (removed)
	{
		DBG1(DBG_CFG, "nflog-capture: removed %u folders of %" PRIu64 " bytes, as all "
			 "exceed recorder_total", removed, removed_bytes);
	}
	return min(bytes, max_total - min(max_total, used + total));
}

/**
 * Get the bytes that a new folder may get, after others had to go, 0 if there is no space.
 */
static uint64_t reserve(private_nflog_folders_t *this, int dir, bool open, uint64_t wanted)
{
	uint64_t max_total = nflog_values_recorder_total(), bytes = wanted;

	if (open && max_total)
	{
		bytes = min(bytes, max_total / OPEN_PART -
						   min(max_total / OPEN_PART, get_open(this, TRUE)));
	}
	bytes = bytes ? make_room(this, dir, open, NULL, bytes) : 0;
	return bytes < min(wanted, MIN_BYTES) ? 0 : bytes;
}

/**
 * Create the file that a folder has until it is complete.
 */
static bool mark(int folder)
{
	int fd = openat(folder, NFLOG_FOLDER_INCOMPLETE,
					O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd >= 0)
	{
		close(fd);
	}
	return fd >= 0;
}

/**
 * Create a folder with a name that none has.
 */
static int create_folder(private_nflog_folders_t *this, int dir, char *conn,
						 nflog_cause_t cause, time_t when, char **name)
{
	char start[32], path[NAME_MAX + 1];
	struct tm tm;
	int i, fd, error;

	for (i = 0; i < MAX_TAKEN; i++, when++)
	{
		strftime(start, sizeof(start), "%Y%m%dT%H%M%SZ", gmtime_r(&when, &tm));
		snprintf(path, sizeof(path), "%s.%s.%s", conn, start,
				 enum_to_name(nflog_cause_names, cause));
		if (nflog_walk_create(dir, path))
		{
			fd = nflog_folder_open(dir, path);
			if (fd >= 0 && mark(fd))
			{
				this->store->share(this->store, fd, TRUE, NFLOG_SAVED_DIR, path);
				*name = strdup(path);
				return fd;
			}
			error = errno;
			if (fd >= 0)
			{
				close(fd);
			}
			unlinkat(dir, path, AT_REMOVEDIR);
			errno = error;
			return -1;
		}
		if (errno != EEXIST)
		{
			break;
		}
	}
	return -1;
}

/**
 * Complete a folder of an earlier process, if it is not.
 *
 * @param count			increased if it was completed
 * @return				FALSE if it can't be completed
 */
static bool repair_folder(private_nflog_folders_t *this, int dir, char *name, u_int *count)
{
	nflog_cause_t cause;
	bool success = TRUE;
	char *time;
	int fd;

	if (!nflog_folder_parse(name, &time, &cause) || this->open->get(this->open, name))
	{
		return TRUE;
	}
	fd = nflog_folder_open(dir, name);
	if (fd < 0)
	{
		return TRUE;
	}
	if (faccessat(fd, NFLOG_FOLDER_INCOMPLETE, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
	{
		success = nflog_folder_repair(this->store, name, fd);
		*count += success;
		if (!success && nflog_log_once(&this->logged_repair, NFLOG_LOG_AGAIN))
		{
			DBG1(DBG_CFG, "nflog-capture: unable to complete folder %s, which was not "
				 "completed before: %s (free some space), trying again with the next folder", name, strerror(errno));
		}
	}
	close(fd);
	return success;
}

METHOD(nflog_folders_t, repair, void,
	private_nflog_folders_t *this)
{
	struct dirent *entry;
	bool success = TRUE;
	u_int count = 0;
	DIR *all;
	int dir;

	if (this->repaired)
	{
		return;
	}
	dir = this->store->open_dir(this->store, NFLOG_SAVED_DIR, FALSE);
	all = dir >= 0 ? fdopendir(dir) : NULL;
	while (all && (entry = readdir(all)))
	{
		nflog_pulse_beat();
		success = repair_folder(this, dirfd(all), entry->d_name, &count) && success;
	}
	if (all)
	{
		closedir(all);
	}
	else if (dir >= 0)
	{
		close(dir);
	}
	this->repaired = success;
	if (count)
	{
		DBG1(DBG_CFG, "nflog-capture: completed %u folders that were left incomplete, with "
			 "what there is", count);
	}
}

METHOD(nflog_folders_t, create_, int,
	private_nflog_folders_t *this, char *conn, nflog_cause_t cause, time_t time,
	uint64_t *bytes, char **name)
{
	uint64_t wanted = *bytes;
	open_t *open;
	int dir, fd;

	repair(this);
	dir = this->store->open_dir(this->store, NFLOG_SAVED_DIR, TRUE);
	if (dir < 0)
	{
		return -1;
	}
	*bytes = reserve(this, dir, nflog_cause_is_open(cause), wanted);
	if (!*bytes)
	{
		if (nflog_log_once(&this->logged, NFLOG_LOG_AGAIN))
		{
			DBG1(DBG_CFG, "nflog-capture: unable to save what the recorder of connection "
				 "'%s' holds, what is being saved takes all space, raise recorder_total",
				 conn);
		}
		close(dir);
		return -1;
	}
	if (*bytes < wanted && nflog_log_once(&this->logged_less, NFLOG_LOG_AGAIN))
	{
		DBG1(DBG_CFG, "nflog-capture: saving at most %" PRIu64 " of %" PRIu64 " bytes of "
			 "connection '%s', raise recorder_total", *bytes, wanted, conn);
	}
	fd = create_folder(this, dir, conn, cause, time, name);
	if (fd >= 0)
	{
		INIT(open,
			.name = strdup(*name),
			.bytes = *bytes,
			.open = nflog_cause_is_open(cause),
		);
		this->open->put(this->open, open->name, open);
		this->logged = 0;
	}
	else if (nflog_log_once(&this->logged, NFLOG_LOG_AGAIN))
	{
		DBG1(DBG_CFG, "nflog-capture: unable to create a folder for what the recorder of "
			 "connection '%s' holds: %s (free some space, and check the permissions of the "
			 "directory '" NFLOG_SAVED_DIR "' in dir)", conn, strerror(errno));
	}
	close(dir);
	return fd;
}

/**
 * Check if a folder is marked as incomplete.
 */
static bool is_incomplete(int dir, char *name)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/" NFLOG_FOLDER_INCOMPLETE, name);
	return faccessat(dir, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

METHOD(nflog_folders_t, complete, char*,
	private_nflog_folders_t *this, char *name, nflog_cause_t cause)
{
	open_t *open = this->open->remove(this->open, name);
	char *new;
	int dir;

	open_destroy(open, NULL);
	dir = this->store->open_dir(this->store, NFLOG_SAVED_DIR, FALSE);
	if (dir < 0 || asprintf(&new, "%.*s.%s", (int)(strrchr(name, '.') - name), name,
							enum_to_name(nflog_cause_names, cause)) < 0)
	{
		new = strdup(name);
	}
	if (!streq(name, new) && renameat(dir, name, dir, new) != 0)
	{	/* there is one already, or the folder is gone */
		free(new);
		new = strdup(name);
	}
	if (dir >= 0)
	{
		this->repaired = this->repaired && !is_incomplete(dir, new);
		this->total += nflog_folder_get_bytes(dir, new);
		/* its key tables may have taken more than was reserved for these */
		make_room(this, dir, nflog_cause_is_open(cause), new, 0);
		close(dir);
	}
	free(name);
	return new;
}

METHOD(nflog_folders_t, get_path, char*,
	private_nflog_folders_t *this, char *name, char *buf, size_t len)
{
	char path[PATH_MAX];

	snprintf(buf, len, "%s/%s", this->store->get_path(this->store, NFLOG_SAVED_DIR, path,
													  sizeof(path)), name);
	return buf;
}

METHOD(nflog_folders_t, destroy, void,
	private_nflog_folders_t *this)
{
	this->open->destroy_function(this->open, (void*)open_destroy);
	this->known->destroy_function(this->known, (void*)folder_destroy);
	free(this);
}

/*
 * Described in header
 */
nflog_folders_t *nflog_folders_create(nflog_store_t *store)
{
	private_nflog_folders_t *this;

	INIT(this,
		.public = {
			.repair = _repair,
			.create = _create_,
			.complete = _complete,
			.get_path = _get_path,
			.destroy = _destroy,
		},
		.store = store,
		.open = hashtable_create(hashtable_hash_str, hashtable_equals_str, 8),
		.known = hashtable_create(hashtable_hash_str, hashtable_equals_str, 8),
	);
	return &this->public;
}
