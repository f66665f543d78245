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

#include "dir.h"
#include "access.h"
#include "walk.h"
#include "options/notes.h"
#include "options/values.h"
#include "process/pulse.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include <collections/hashtable.h>
#include <threading/mutex.h>

#ifndef NFLOG_CAPTURE_DIR
#define NFLOG_CAPTURE_DIR "/var/lib/strongswan/captures"
#endif

typedef struct private_nflog_dir_t private_nflog_dir_t;
typedef struct failure_t failure_t;

/** errors that concern all files */
static const int common_errors[] = {
	ENOSPC, EDQUOT, EFBIG, EROFS, EIO, EMFILE, ENFILE, ENOMEM,
};

/**
 * Private data.
 */
struct private_nflog_dir_t {

	/**
	 * Public interface.
	 */
	nflog_dir_t public;

	/**
	 * Directory in the option "dir", NULL until that is valid.
	 */
	char *dir;

	/**
	 * Lets a group read what is not secret.
	 */
	nflog_access_t *access;

	/**
	 * TRUE to keep the subdirectory of the last opened file open, its file descriptor,
	 * -1 if there is none, and its name.
	 */
	bool keep;
	int kept;
	char *conn;

	/**
	 * Lock for dir until that is set, keep, kept, conn, failures and common.
	 */
	mutex_t *mutex;

	/**
	 * Operations that failed and did not succeed since, char* => failure_t.
	 */
	hashtable_t *failures;

	/**
	 * Number of these with each of common_errors, and when it was logged.
	 */
	struct {
		u_int count;
		time_t logged;
	} common[countof(common_errors)];
};

/**
 * An operation that failed.
 */
struct failure_t {

	/** operation and file, as in "open file conn/name" */
	char *key;

	/** the file in there, "conn/name" */
	char *file;

	/** last errno */
	int error;
};

/**
 * Get the remedy for an error.
 *
 * @param conn		name of the subdirectory, empty for the directory itself
 */
static char *get_remedy(int error, char *conn)
{
	if (!*conn && (error == EEXIST || error == ENOENT))
	{
		return "set dir to a directory, or to where one can be created";
	}
	switch (error)
	{
		case EACCES:
		case EPERM:
			return NFLOG_ACCESS_REMEDY;
		case ENOSPC:
			return "free some space, or lower max_total";
		case EDQUOT:
			return "raise the disk quota of charon's user, or lower max_total";
		case EFBIG:
			return "raise the file size limit of charon, LimitFSIZE of its service, "
				   "or set file_size below it";
		case EROFS:
			return "mount it writable, or set dir";
		case ELOOP:
			return "symbolic links are not followed, remove it";
		case ENOTDIR:
			return "it is no directory, and symbolic links are not followed, remove it";
		case EEXIST:
			return "remove it";
		case ENOENT:
			return "it was removed by someone else";
		case EMFILE:
			return "raise the limit of open files of charon, LimitNOFILE of its "
				   "service";
		case ENFILE:
			return "raise fs.file-max";
		default:
			return "check the file system, or set dir";
	}
}

/**
 * Get the index of a common error, -1 if it is none.
 */
static int get_common(int error)
{
	int i;

	for (i = 0; i < countof(common_errors); i++)
	{
		if (common_errors[i] == error)
		{
			return i;
		}
	}
	return -1;
}

/**
 * Set the error of a failure, 0 for none, mutex is locked.
 *
 * @return			TRUE to log it
 */
static bool set_error(private_nflog_dir_t *this, failure_t *failure,
					  int error)
{
	int former = get_common(failure->error), i = get_common(error);
	bool log = !failure->error;

	if (failure->error == error)
	{
		return FALSE;
	}
	failure->error = error;
	if (former >= 0)
	{
		this->common[former].count--;
	}
	if (i < 0)
	{	/* don't log another error that concerns this file only */
		return log;
	}
	log = !this->common[i].count &&
		  nflog_log_once(&this->common[i].logged, NFLOG_LOG_AGAIN);
	this->common[i].count++;
	return log;
}

/**
 * Destroy a failure.
 */
static void failure_destroy(failure_t *failure)
{
	free(failure->key);
	free(failure);
}

METHOD(nflog_dir_t, get_dir, char*,
	private_nflog_dir_t *this)
{
	char *dir;

	this->mutex->lock(this->mutex);
	if (!this->dir)
	{	/* nothing is captured while it is invalid */
		dir = lib->settings->get_str(lib->settings,
									 "%s.plugins.nflog-capture.dir",
									 NFLOG_CAPTURE_DIR, lib->ns);
		this->dir = path_absolute(dir) ? strdup(dir) : NULL;
	}
	dir = this->dir ?: "";
	this->mutex->unlock(this->mutex);
	return dir;
}

METHOD(nflog_dir_t, failed, void,
	private_nflog_dir_t *this, char *what, char *conn, char *name,
	char *remedy)
{
	char key[PATH_MAX];
	failure_t *failure;
	int error = errno;
	bool log;

	this->mutex->lock(this->mutex);
	snprintf(key, sizeof(key), "%s %s/%s", what, conn, name);
	failure = this->failures->get(this->failures, key);
	if (!failure)
	{
		INIT(failure,
			.key = strdup(key),
		);
		failure->file = failure->key + min(strlen(what) + 1,
										   strlen(failure->key));
		this->failures->put(this->failures, failure->key, failure);
	}
	log = set_error(this, failure, error);
	this->mutex->unlock(this->mutex);
	if (log)
	{
		DBG1(DBG_CFG, "nflog-capture: unable to %s '%s%s%s%s%s': %s (%s)", what,
			 get_dir(this), *conn ? "/" : "", conn, *name ? "/" : "", name,
			 strerror(error), remedy ?: get_remedy(error, conn));
	}
	errno = error;
}

METHOD(nflog_dir_t, worked, void,
	private_nflog_dir_t *this, char *what, char *conn, char *name)
{
	char key[PATH_MAX];
	failure_t *failure;

	this->mutex->lock(this->mutex);
	if (this->failures->get_count(this->failures))
	{
		snprintf(key, sizeof(key), "%s %s/%s", what, conn, name);
		failure = this->failures->remove(this->failures, key);
		if (failure)
		{
			set_error(this, failure, 0);
			failure_destroy(failure);
		}
	}
	this->mutex->unlock(this->mutex);
}

METHOD(nflog_dir_t, forget, void,
	private_nflog_dir_t *this, char *conn, char *name)
{
	enumerator_t *enumerator;
	failure_t *failure;
	char file[PATH_MAX];

	snprintf(file, sizeof(file), "%s/%s", conn, name);
	this->mutex->lock(this->mutex);
	enumerator = this->failures->create_enumerator(this->failures);
	while (enumerator->enumerate(enumerator, NULL, &failure))
	{
		if (streq(failure->file, file))
		{
			this->failures->remove_at(this->failures, enumerator);
			set_error(this, failure, 0);
			failure_destroy(failure);
		}
	}
	enumerator->destroy(enumerator);
	this->mutex->unlock(this->mutex);
}

/**
 * Get the path of a file for log messages.
 */
static char *get_path(private_nflog_dir_t *this, char *conn, char *name,
					  char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, "%s%s%s%s%s", get_dir(this), *conn ? "/" : "", conn,
			 *name ? "/" : "", name);
	return path;
}

/**
 * Open the directory itself, which others may not replace.
 *
 * @param created	receives TRUE if it was created
 * @param remedy	receives the remedy, in the buffer, unchanged to select one by errno
 */
static int open_top(private_nflog_dir_t *this, bool create, bool *created,
					char **remedy, char *buf, size_t len)
{
	nflog_walk_t walk;
	char *dir;
	int fd, error;

	dir = get_dir(this);
	fd = nflog_walk_open(dir, create ? this->access : NULL, &walk);
	error = errno;
	*created = walk.created;
	if (walk.fault)
	{
		if (streq(walk.path, dir))
		{
			snprintf(buf, len, "it %s", walk.fault);
		}
		else
		{
			snprintf(buf, len, "'%s' %s", walk.path, walk.fault);
		}
		*remedy = buf;
	}
	errno = error;
	return fd;
}

/**
 * Open a subdirectory.
 *
 * @param created	receives TRUE if it was created
 * @param remedy	receives the remedy, unchanged to select one by errno
 */
static int open_sub(int parent, char *conn, bool create, bool *created, char **remedy)
{
	int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, fd;
	struct stat st;

	fd = openat(parent, conn, flags);
	if (fd < 0 && errno == ENOENT && create)
	{
		*created = nflog_walk_create(parent, conn);
		if (*created || errno == EEXIST)
		{
			fd = openat(parent, conn, flags);
		}
	}
	if (fd >= 0 && (fstat(fd, &st) != 0 || !nflog_walk_is_ours(&st)))
	{
		close(fd);
		fd = -1;
		errno = EPERM;
		*remedy = "others may write to it, use chown and chmod go-w";
	}
	return fd;
}

METHOD(nflog_dir_t, open_dir, int,
	private_nflog_dir_t *this, char *conn, bool create)
{
	char *what = "open directory", *remedy = NULL, path[PATH_MAX], buf[PATH_MAX + 128];
	bool created = FALSE;
	int parent, fd, error;

	/* there may be very many directories, and files in them */
	nflog_pulse_beat();
	if (!*conn)
	{
		fd = open_top(this, create, &created, &remedy, buf, sizeof(buf));
	}
	else
	{
		parent = open_dir(this, "", create);
		if (parent < 0)
		{
			return -1;
		}
		fd = open_sub(parent, conn, create, &created, &remedy);
		error = errno;
		close(parent);
		errno = error;
	}
	if (fd >= 0 && create)
	{
		this->access->share_dir(this->access, fd, created,
								get_path(this, conn, "", path));
	}
	if (fd >= 0)
	{
		worked(this, what, conn, "");
	}
	else if (create || errno != ENOENT)
	{
		failed(this, what, conn, "", remedy);
	}
	return fd;
}

/**
 * Keep a subdirectory instead of the former one, or close it.
 */
static void put_dir(private_nflog_dir_t *this, char *conn, int dir)
{
	char *name = NULL;
	int old = dir;

	this->mutex->lock(this->mutex);
	if (this->keep || dir < 0)
	{
		old = this->kept;
		name = this->conn;
		this->kept = dir;
		this->conn = conn ? strdup(conn) : NULL;
	}
	this->mutex->unlock(this->mutex);
	if (old >= 0)
	{
		close(old);
	}
	free(name);
}

/**
 * Get the kept subdirectory if it is the same, otherwise open it.
 */
static int take_dir(private_nflog_dir_t *this, char *conn)
{
	int dir = -1;

	this->mutex->lock(this->mutex);
	if (this->kept >= 0 && streq(this->conn, conn))
	{
		dir = this->kept;
		this->kept = -1;
	}
	this->mutex->unlock(this->mutex);
	return dir >= 0 ? dir : open_dir(this, conn, FALSE);
}

METHOD(nflog_dir_t, keep_dir, void,
	private_nflog_dir_t *this, bool keep)
{
	this->mutex->lock(this->mutex);
	this->keep = keep;
	this->mutex->unlock(this->mutex);
	if (!keep)
	{
		put_dir(this, NULL, -1);
	}
}

METHOD(nflog_dir_t, open_file, int,
	private_nflog_dir_t *this, char *conn, char *name, int flags,
	struct stat *st)
{
	char *what = "open file";
	int dir, fd, error;

	dir = take_dir(this, conn);
	if (dir < 0)
	{
		return -1;
	}
	/* don't block on a FIFO */
	fd = openat(dir, name, flags | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	error = errno;
	if (fd < 0 && error == ENOENT)
	{	/* the directory that is kept open may have been removed */
		close(dir);
	}
	else
	{
		put_dir(this, conn, dir);
	}
	errno = error;
	if (fd >= 0 && (fstat(fd, st) != 0 || !S_ISREG(st->st_mode)))
	{
		close(fd);
		fd = -1;
		errno = ELOOP;
	}
	if (fd >= 0)
	{
		worked(this, what, conn, name);
	}
	else if ((flags & O_ACCMODE) != O_RDONLY || errno != ENOENT)
	{
		failed(this, what, conn, name, NULL);
	}
	return fd;
}

METHOD(nflog_dir_t, share, void,
	private_nflog_dir_t *this, int fd, bool is_dir, char *conn, char *name)
{
	char path[PATH_MAX];

	get_path(this, conn, name, path);
	if (is_dir)
	{
		this->access->share_dir(this->access, fd, TRUE, path);
	}
	else
	{
		this->access->share_trace(this->access, fd, path);
	}
}

METHOD(nflog_dir_t, create_file, int,
	private_nflog_dir_t *this, int dir, char *conn, char *name, bool secret)
{
	char *what = "create a file in";
	int fd, error;

	fd = openat(dir, name, O_WRONLY | O_APPEND | O_CREAT | O_EXCL | O_NOFOLLOW |
				O_CLOEXEC, 0600);
	/* 0600 regardless of the umask */
	if (fd >= 0 && fchmod(fd, 0600) == 0)
	{
		if (!secret)
		{
			share(this, fd, FALSE, conn, name);
		}
		worked(this, what, conn, "");
		return fd;
	}
	if (fd >= 0 || errno != EEXIST)
	{
		failed(this, what, conn, "", NULL);
	}
	if (fd >= 0)
	{
		error = errno;
		unlinkat(dir, name, 0);
		close(fd);
		errno = error;
	}
	return -1;
}

METHOD(nflog_dir_t, destroy, void,
	private_nflog_dir_t *this)
{
	this->failures->destroy_function(this->failures, (void*)failure_destroy);
	this->access->destroy(this->access);
	this->mutex->destroy(this->mutex);
	free(this->dir);
	free(this);
}

/*
 * Described in header
 */
nflog_dir_t *nflog_dir_create()
{
	private_nflog_dir_t *this;

	INIT(this,
		.public = {
			.open_dir = _open_dir,
			.open_file = _open_file,
			.keep_dir = _keep_dir,
			.create_file = _create_file,
			.share = _share,
			.failed = _failed,
			.worked = _worked,
			.forget = _forget,
			.get_dir = _get_dir,
			.destroy = _destroy,
		},
		.access = nflog_access_create(),
		.kept = -1,
		.mutex = mutex_create(MUTEX_TYPE_DEFAULT),
		.failures = hashtable_create(hashtable_hash_str, hashtable_equals_str,
									 4),
	);
	get_dir(this);
	return &this->public;
}
