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
#include "options/notes.h"
#include "options/values.h"

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
	 * When it was logged that none can be created, monotonic.
	 */
	time_t logged;
};

/**
 * Folder that is not complete.
 */
typedef struct {
	/** name */
	char *name;
	/** bytes that it may get */
	uint64_t bytes;
} open_t;

/**
 * Folder that may be removed.
 */
struct folder_t {
	/** name */
	char *name;
	/** its time and cause as in the name, owned by that */
	char *time, *cause;
	/** TRUE if anybody can cause that */
	bool open;
	/** bytes in its files */
	uint64_t bytes;
};

/**
 * Destroy a folder.
 */
static void folder_destroy(folder_t *folder)
{
	free(folder->name);
	free(folder);
}

/**
 * Get the begin of the time in the name of a folder, NULL if it is not ours.
 */
static char *find_time(char *name)
{
	static char template[] = ".00000000T000000Z.";
	char *cause = strrchr(name, '.'), *time;
	nflog_cause_t found;
	int i;

	if (!cause || cause - name < (int)strlen(template) ||
		!enum_from_name(nflog_cause_names, cause + 1, &found))
	{
		return NULL;
	}
	time = cause + 1 - strlen(template);
	for (i = 0; template[i]; i++)
	{
		if (template[i] == '0' ? time[i] < '0' || time[i] > '9' : time[i] != template[i])
		{
			return NULL;
		}
	}
	return time + 1;
}

/**
 * Open a folder.
 */
static int open_folder(int dir, char *name)
{
	return openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/**
 * List a folder.
 */
static DIR *list_folder(int dir, char *name)
{
	int fd = open_folder(dir, name);
	DIR *files = fd >= 0 ? fdopendir(fd) : NULL;

	if (!files && fd >= 0)
	{
		close(fd);
	}
	return files;
}

/**
 * Get the bytes in the files of a folder.
 */
static uint64_t get_bytes(int dir, char *name)
{
	DIR *files = list_folder(dir, name);
	struct dirent *file;
	uint64_t bytes = 0;
	struct stat st;

	while (files && (file = readdir(files)))
	{
		if (fstatat(dirfd(files), file->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
			S_ISREG(st.st_mode))
		{
			bytes += st.st_size;
		}
	}
	if (files)
	{
		closedir(files);
	}
	return bytes;
}

/**
 * Remove a folder with its files.
 */
static bool remove_folder(int dir, char *name)
{
	DIR *files = list_folder(dir, name);
	struct dirent *file;

	while (files && (file = readdir(files)))
	{
		if (!streq(file->d_name, ".") && !streq(file->d_name, ".."))
		{
			unlinkat(dirfd(files), file->d_name, 0);
		}
	}
	if (files)
	{
		closedir(files);
	}
	return unlinkat(dir, name, AT_REMOVEDIR) == 0;
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
 * List the folders that are complete.
 *
 * @param total			receives the bytes in all of them
 * @return				folder_t, the one to remove first is the first one
 */
static array_t *list(private_nflog_folders_t *this, int dir, uint64_t *total)
{
	array_t *folders = array_create(0, 0);
	nflog_cause_t cause;
	struct dirent *entry;
	folder_t *folder;
	char *time;
	DIR *all = list_folder(dir, ".");

	*total = 0;
	while (all && (entry = readdir(all)))
	{
		time = find_time(entry->d_name);
		if (time && !this->open->get(this->open, entry->d_name))
		{
			INIT(folder,
				.name = strdup(entry->d_name),
				.bytes = get_bytes(dir, entry->d_name),
			);
			folder->time = folder->name + (time - entry->d_name);
			folder->cause = strrchr(folder->name, '.') + 1;
			folder->open = enum_from_name(nflog_cause_names, folder->cause, &cause) &&
						   nflog_cause_is_open(cause);
			array_insert(folders, ARRAY_TAIL, folder);
			*total += folder->bytes;
		}
	}
	if (all)
	{
		closedir(all);
	}
	array_sort(folders, folder_cmp, NULL);
	return folders;
}

/**
 * Get the bytes that folders may get that are not complete.
 */
static uint64_t get_open(private_nflog_folders_t *this)
{
	enumerator_t *enumerator;
	uint64_t bytes = 0;
	open_t *open;

	enumerator = this->open->create_enumerator(this->open);
	while (enumerator->enumerate(enumerator, NULL, &open))
	{
		bytes += open->bytes;
	}
	enumerator->destroy(enumerator);
	return bytes;
}

/**
 * Remove folders until there is space for another one.
 *
 * @param bytes			bytes that this may get, receives fewer if there is not as much
 * @return				FALSE if there is none
 */
static bool make_room(private_nflog_folders_t *this, int dir, uint64_t *bytes)
{
	uint64_t max_total = nflog_values_recorder_total(), total, used, removed_bytes = 0;
	u_int removed = 0;
	folder_t *folder;
	array_t *folders;

	if (!max_total)
	{
		return TRUE;
	}
	used = get_open(this);
	*bytes = min(*bytes, max_total - min(max_total, used));
	folders = list(this, dir, &total);
	while (*bytes && used + total + *bytes > max_total &&
		   array_remove(folders, ARRAY_HEAD, &folder))
	{
		if (remove_folder(dir, folder->name))
		{
			total -= folder->bytes;
			removed_bytes += folder->bytes;
			removed++;
		}
		folder_destroy(folder);
	}
	array_destroy_function(folders, (void*)folder_destroy, NULL);
	if (removed)
	{
		DBG1(DBG_CFG, "nflog-capture: removed %u folders of %" PRIu64 " bytes, as all "
			 "exceed recorder_total", removed, removed_bytes);
	}
	*bytes = min(*bytes, max_total - min(max_total, used + total));
	return *bytes > 0;
}

/**
 * Create a folder with a name that none has.
 */
static int create_folder(int dir, char *conn, nflog_cause_t cause, time_t when, char **name)
{
	char start[32], path[NAME_MAX + 1];
	struct tm tm;
	int i, fd;

	for (i = 0; i < MAX_TAKEN; i++, when++)
	{
		strftime(start, sizeof(start), "%Y%m%dT%H%M%SZ", gmtime_r(&when, &tm));
		snprintf(path, sizeof(path), "%s.%s.%s", conn, start,
				 enum_to_name(nflog_cause_names, cause));
		if (mkdirat(dir, path, 0700) == 0)
		{
			fd = open_folder(dir, path);
			if (fd >= 0)
			{
				*name = strdup(path);
			}
			return fd;
		}
		if (errno != EEXIST)
		{
			break;
		}
	}
	return -1;
}

METHOD(nflog_folders_t, create_, int,
	private_nflog_folders_t *this, char *conn, nflog_cause_t cause, time_t time,
	uint64_t *bytes, char **name)
{
	open_t *open;
	int dir, fd;

	dir = this->store->open_dir(this->store, NFLOG_SAVED_DIR, TRUE);
	if (dir < 0)
	{
		return -1;
	}
	if (!make_room(this, dir, bytes))
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
	fd = create_folder(dir, conn, cause, time, name);
	if (fd >= 0)
	{
		INIT(open,
			.name = strdup(*name),
			.bytes = *bytes,
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

METHOD(nflog_folders_t, complete, char*,
	private_nflog_folders_t *this, char *name, nflog_cause_t cause)
{
	open_t *open = this->open->remove(this->open, name);
	char *new;
	int dir;

	free(open->name);
	free(open);
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
	this->open->destroy(this->open);
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
			.create = _create_,
			.complete = _complete,
			.get_path = _get_path,
			.destroy = _destroy,
		},
		.store = store,
		.open = hashtable_create(hashtable_hash_str, hashtable_equals_str, 8),
	);
	return &this->public;
}
