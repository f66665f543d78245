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

#include "store.h"
#include "dir.h"
#include "open_files.h"
#include "starts.h"
#include "usage.h"
#include "process/pulse.h"
#include "process/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

/** name of appending to a file, or replacing it, in log messages */
#define WRITING "write to file"

typedef struct private_nflog_store_t private_nflog_store_t;

/**
 * Private data.
 */
struct private_nflog_store_t {

	/**
	 * Public interface.
	 */
	nflog_store_t public;

	/**
	 * Opens and creates files.
	 */
	nflog_dir_t *dir;

	/**
	 * Knows which files are being written.
	 */
	nflog_live_t *live;

	/**
	 * Keeps files within the disk budget.
	 */
	nflog_quota_t *quota;

	/**
	 * Files that are kept open, the writer's.
	 */
	nflog_open_files_t *open_files;

	/**
	 * Starts in the names of traces, the writer's.
	 */
	nflog_starts_t *starts;

	/**
	 * Files whose keys have to stay, the writer's.
	 */
	nflog_pins_t *pins;

	/**
	 * Limits on the use of the disk, and signals that were blocked before, while directories
	 * are kept open, if they are, the writer's.
	 */
	nflog_disk_limits_t limits;
	sigset_t former;
	bool keep;
};

/**
 * Block SIGXFSZ for this thread, which ends the process if a file reaches a limit on its
 * size.
 */
static void block_signal(sigset_t *former)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGXFSZ);
	pthread_sigmask(SIG_BLOCK, &set, former);
}

/**
 * Remove SIGXFSZ, which is pending for this thread.
 */
static void remove_signal()
{
	struct timespec no_wait = {};
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGXFSZ);
	while (sigtimedwait(&set, NULL, &no_wait) < 0 && errno == EINTR);
}

METHOD(nflog_store_t, write_, size_t,
	private_nflog_store_t *this, int fd, struct iovec *iov, u_int count)
{
	size_t written = 0;
	sigset_t former;
	ssize_t len = 0;
	int error = 0;

	if (!this->keep)
	{
		block_signal(&former);
	}
	while (count && !error)
	{
		nflog_pulse_beat();
		len = writev(fd, iov, count);
		if (len < 0)
		{
			error = errno == EINTR ? 0 : errno;
			continue;
		}
		written += len;
		while (count && len >= iov->iov_len)
		{
			len -= iov->iov_len;
			iov++;
			count--;
		}
		if (count)
		{	/* if this was short because of an error, the next attempt sets errno */
			iov->iov_base += len;
			iov->iov_len -= len;
		}
	}
	if (error == EFBIG)
	{
		remove_signal();
	}
	if (!this->keep)
	{
		pthread_sigmask(SIG_SETMASK, &former, NULL);
	}
	errno = error;
	return written;
}

/**
 * Write all of a chunk to a file.
 */
static bool write_all(private_nflog_store_t *this, int fd, chunk_t content)
{
	struct iovec iov = {
		.iov_base = content.ptr,
		.iov_len = content.len,
	};

	return !content.len || write_(this, fd, &iov, 1) == content.len;
}

/**
 * Have the disk write a file or directory, which may take long.
 */
static bool sync_(int fd)
{
	nflog_pulse_beat();
	return fsync(fd) == 0;
}

METHOD(nflog_store_t, create_file, int,
	private_nflog_store_t *this, char *conn, char *name,
	chunk_t header)
{
	int dir, fd, error;

	dir = this->dir->open_dir(this->dir, conn, TRUE);
	if (dir < 0)
	{
		return -1;
	}
	fd = this->dir->create_file(this->dir, dir, conn, name, FALSE);
	if (fd >= 0 && write_all(this, fd, header))
	{
		this->quota->created(this->quota, conn, name, dir);
		DBG2(DBG_CFG, "nflog-capture: created file '%s/%s/%s'",
			 this->dir->get_dir(this->dir), conn, name);
	}
	else if (fd >= 0)
	{
		this->dir->failed(this->dir, WRITING, conn, name, NULL);
		error = errno;
		unlinkat(dir, name, 0);
		close(fd);
		fd = -1;
		errno = error;
	}
	error = errno;
	close(dir);
	errno = error;
	return fd;
}

METHOD(nflog_store_t, open_file, int,
	private_nflog_store_t *this, char *conn, char *name, struct stat *st)
{
	return this->dir->open_file(this->dir, conn, name, O_WRONLY | O_APPEND, st);
}

METHOD(nflog_store_t, keep_file, bool,
	private_nflog_store_t *this, int *fd)
{
	return this->open_files->keep(this->open_files, fd);
}

METHOD(nflog_store_t, close_file, bool,
	private_nflog_store_t *this, int *fd)
{
	return this->open_files->close(this->open_files, fd);
}

METHOD(nflog_store_t, report, void,
	private_nflog_store_t *this, char *conn, char *name, bool success)
{
	if (success)
	{
		this->dir->worked(this->dir, WRITING, conn, name);
	}
	else
	{
		this->dir->failed(this->dir, WRITING, conn, name, NULL);
	}
}

METHOD(nflog_store_t, keep_dir, void,
	private_nflog_store_t *this, bool keep)
{
	if (keep)
	{
		block_signal(&this->former);
		this->open_files->begin(this->open_files);
	}
	else
	{
		pthread_sigmask(SIG_SETMASK, &this->former, NULL);
	}
	this->keep = keep;
	nflog_space_get_limits(&this->limits);
	this->dir->keep_dir(this->dir, keep);
}

METHOD(nflog_store_t, get_delay, u_int,
	private_nflog_store_t *this)
{
	return this->open_files->get_delay(this->open_files);
}

METHOD(nflog_store_t, read_file, bool,
	private_nflog_store_t *this, char *conn, char *name,
	chunk_t *content)
{
	char *what = "read file";
	struct stat st;
	bool success;
	int fd;

	*content = chunk_empty;
	fd = this->dir->open_file(this->dir, conn, name, O_RDONLY, &st);
	if (fd < 0)
	{
		return errno == ENOENT;
	}
	success = nflog_secret_read(fd, content);
	if (success)
	{
		this->dir->worked(this->dir, what, conn, name);
	}
	else
	{
		this->dir->failed(this->dir, what, conn, name, NULL);
	}
	close(fd);
	return success;
}

/**
 * Get the limits on the use of the disk.
 *
 * @param limits	buffer for them
 */
static nflog_disk_limits_t *get_limits(private_nflog_store_t *this, nflog_disk_limits_t *limits)
{
	if (this->keep)
	{
		return &this->limits;
	}
	nflog_space_get_limits(limits);
	return limits;
}

METHOD(nflog_store_t, reserve, bool,
	private_nflog_store_t *this, uint64_t given, uint64_t size, uint64_t *reserved)
{
	nflog_disk_limits_t limits;

	return this->quota->reserve(this->quota, get_limits(this, &limits), given, size,
								reserved);
}

/**
 * Write a new file, and let it replace an old one.
 *
 * @param dir		file descriptor of the directory
 * @param given		receives the bytes that the disk has given in addition
 * @return			FALSE if that failed, it was logged
 */
static bool write_new(private_nflog_store_t *this, int dir, char *conn, char *name,
					  chunk_t content, int64_t *given)
{
	char tmp[NAME_MAX];
	struct stat st, old = {};
	bool success = FALSE;
	int fd, error;

	nflog_trace_name_tmp(name, tmp, sizeof(tmp));
	this->live->set(this->live, conn, tmp, TRUE);
	fd = this->dir->create_file(this->dir, dir, conn, tmp, TRUE);
	if (fd >= 0)
	{
		fstatat(dir, name, &old, AT_SYMLINK_NOFOLLOW);
		/* the directory as well, so that keys are on the disk before packets */
		success = write_all(this, fd, content) && sync_(fd) &&
				  fstat(fd, &st) == 0 && renameat(dir, tmp, dir, name) == 0 &&
				  sync_(dir);
		if (success)
		{
			*given = nflog_usage_given(&st) - nflog_usage_given(&old);
			this->dir->worked(this->dir, WRITING, conn, name);
		}
		else
		{
			this->dir->failed(this->dir, WRITING, conn, name, NULL);
			error = errno;
			unlinkat(dir, tmp, 0);
			errno = error;
		}
		close(fd);
	}
	else if (errno == EEXIST)
	{
		this->dir->failed(this->dir, WRITING, conn, tmp, NULL);
	}
	error = errno;
	this->live->set(this->live, conn, tmp, FALSE);
	errno = error;
	return success;
}

METHOD(nflog_store_t, has_file, bool,
	private_nflog_store_t *this, char *conn, char *name)
{
	bool exists;
	int dir;

	dir = this->dir->open_dir(this->dir, conn, FALSE);
	if (dir < 0)
	{
		return errno != ENOENT;
	}
	exists = faccessat(dir, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0 || errno != ENOENT;
	close(dir);
	return exists;
}

/**
 * Write over an old file that is not smaller, which needs no space.  Readers may see parts of
 * both for a moment, but keys that are to go don't have to wait for space.
 *
 * @return			FALSE if that is not possible
 */
static bool write_over(private_nflog_store_t *this, char *conn, char *name,
					   chunk_t content)
{
	bool success = FALSE;
	struct stat st;
	int fd;

	if (!has_file(this, conn, name))
	{
		return FALSE;
	}
	fd = this->dir->open_file(this->dir, conn, name, O_RDWR, &st);
	if (fd >= 0)
	{	/* not what somebody copied as a link */
		success = st.st_size >= content.len && st.st_nlink == 1 &&
				  write_all(this, fd, content) && ftruncate(fd, content.len) == 0 &&
				  sync_(fd);
		close(fd);
	}
	if (success)
	{
		this->dir->worked(this->dir, WRITING, conn, name);
	}
	return success;
}

METHOD(nflog_store_t, replace_file, bool,
	private_nflog_store_t *this, char *conn, char *name,
	chunk_t content)
{
	bool success = FALSE, full;
	uint64_t reserved;
	int64_t given = 0;
	int dir;

	/* what there is not enough of was logged */
	full = !reserve(this, 0, content.len, &reserved);
	if (!full)
	{
		dir = this->dir->open_dir(this->dir, conn, TRUE);
		success = dir >= 0 && write_new(this, dir, conn, name, content, &given);
		full = !success && (errno == ENOSPC || errno == EDQUOT);
		this->quota->settle(this->quota, reserved, given);
		if (dir >= 0)
		{
			this->quota->created(this->quota, conn, name, dir);
			close(dir);
		}
	}
	return success || (full && write_over(this, conn, name, content));
}

METHOD(nflog_store_t, remove_file, bool,
	private_nflog_store_t *this, char *conn, char *name)
{
	return this->quota->remove(this->quota, conn, name);
}

METHOD(nflog_store_t, create_trace_enumerator, enumerator_t*,
	private_nflog_store_t *this, char *conn)
{
	return this->quota->create_enumerator(this->quota, conn);
}

METHOD(nflog_store_t, settle, void,
	private_nflog_store_t *this, uint64_t reserved, int64_t given)
{
	this->quota->settle(this->quota, reserved, given);
}

METHOD(nflog_store_t, make_room, bool,
	private_nflog_store_t *this, uint64_t bytes)
{
	nflog_disk_limits_t limits;

	return this->quota->make_room(this->quota, get_limits(this, &limits), bytes);
}

METHOD(nflog_store_t, get_piece, uint64_t,
	private_nflog_store_t *this, uint64_t wanted)
{
	nflog_disk_limits_t limits;

	return this->quota->get_piece(this->quota, get_limits(this, &limits), wanted);
}

METHOD(nflog_store_t, set_release, void,
	private_nflog_store_t *this, char *conn, char *name, nflog_release_cb_t cb,
	void *data)
{
	this->quota->set_release(this->quota, conn, name, cb, data);
}

METHOD(nflog_store_t, set_used, void,
	private_nflog_store_t *this, char *conn, char *name,
	nflog_trace_state_t state)
{
	this->quota->set_used(this->quota, conn, name, state);
	if (state == TRACE_COMPLETE)
	{	/* nobody uses it anymore */
		this->dir->forget(this->dir, conn, name);
	}
}

METHOD(nflog_store_t, is_used, bool,
	private_nflog_store_t *this, char *conn, char *name)
{
	return this->live->is_live(this->live, conn, name);
}

METHOD(nflog_store_t, open_dir, int,
	private_nflog_store_t *this, char *conn, bool create)
{
	return this->dir->open_dir(this->dir, conn, create);
}

METHOD(nflog_store_t, share, void,
	private_nflog_store_t *this, int fd, bool is_dir, char *conn, char *name)
{
	this->dir->share(this->dir, fd, is_dir, conn, name);
}

METHOD(nflog_store_t, get_path, char*,
	private_nflog_store_t *this, char *conn, char *buf, size_t len)
{
	snprintf(buf, len, "%s/%s", this->dir->get_dir(this->dir), conn);
	return buf;
}

METHOD(nflog_store_t, set_removed_cb, void,
	private_nflog_store_t *this, void (*cb)(void *data, char *conn),
	void *data)
{
	this->quota->set_removed_cb(this->quota, cb, data);
}

METHOD(nflog_store_t, get_pins, nflog_pins_t*,
	private_nflog_store_t *this)
{
	return this->pins;
}

METHOD(nflog_store_t, take_name, char*,
	private_nflog_store_t *this, char *conn, char *name, time_t start)
{
	return this->starts->take(this->starts, conn, name, start);
}

METHOD(nflog_store_t, destroy, void,
	private_nflog_store_t *this)
{
	this->quota->destroy(this->quota);
	this->live->destroy(this->live);
	this->open_files->destroy(this->open_files);
	this->starts->destroy(this->starts);
	this->pins->destroy(this->pins);
	this->dir->destroy(this->dir);
	free(this);
}

/*
 * Described in header
 */
nflog_store_t *nflog_store_create()
{
	private_nflog_store_t *this;

	INIT(this,
		.public = {
			.create_file = _create_file,
			.open_file = _open_file,
			.write = _write_,
			.keep_file = _keep_file,
			.close_file = _close_file,
			.report = _report,
			.keep_dir = _keep_dir,
			.take_name = _take_name,
			.get_delay = _get_delay,
			.read_file = _read_file,
			.replace_file = _replace_file,
			.remove_file = _remove_file,
			.create_trace_enumerator = _create_trace_enumerator,
			.reserve = _reserve,
			.settle = _settle,
			.make_room = _make_room,
			.get_piece = _get_piece,
			.has_file = _has_file,
			.set_used = _set_used,
			.is_used = _is_used,
			.open_dir = _open_dir,
			.share = _share,
			.set_release = _set_release,
			.get_path = _get_path,
			.get_pins = _get_pins,
			.set_removed_cb = _set_removed_cb,
			.destroy = _destroy,
		},
		.dir = nflog_dir_create(),
		.open_files = nflog_open_files_create(),
		.starts = nflog_starts_create(),
		.pins = nflog_pins_create(),
	);
	this->live = nflog_live_create(this->dir);
	this->quota = nflog_quota_create(this->dir, this->live);
	return &this->public;
}
