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

#include "nflog_capture_store.h"
#include "nflog_capture_budget.h"
#include "nflog_capture_files.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#ifndef NFLOG_CAPTURE_DIR
#define NFLOG_CAPTURE_DIR "/var/lib/strongswan/captures"
#endif

/** Bytes of a connection's or child's name in the name of a file */
#define NAME_LEN 100

/** Temporary name of a file that is to replace another */
#define TMP_FORMAT ".%s.tmp"

typedef struct private_nflog_capture_store_t private_nflog_capture_store_t;

/**
 * Private data.
 */
struct private_nflog_capture_store_t {

	/**
	 * Public interface.
	 */
	nflog_capture_store_t public;

	/**
	 * Opens and creates the files.
	 */
	nflog_capture_files_t *files;

	/**
	 * Keeps them within the disk budget.
	 */
	nflog_capture_budget_t *budget;
};

/*
 * Described in header
 */
char *nflog_capture_store_name(char *name, char *buf, size_t len)
{
	size_t i, end;

	snprintf(buf, min(len, NAME_LEN + 1), "%s", *name ? name : "_");
	/* don't cut an UTF-8 character in two */
	end = strlen(buf);
	if (name[0] && name[end])
	{
		while (end > 1 && (name[end] & 0xc0) == 0x80)
		{
			end--;
		}
		buf[end] = '\0';
	}
	for (i = 0; i < end; i++)
	{
		if ((u_char)buf[i] < ' ' || buf[i] == 0x7f || buf[i] == '/' ||
			(i == 0 && buf[i] == '.'))
		{
			buf[i] = '_';
		}
	}
	return buf;
}

METHOD(nflog_capture_store_t, create_file, int,
	private_nflog_capture_store_t *this, char *conn, char *name)
{
	char buf[NAME_LEN + 1];
	int dir, fd;

	conn = nflog_capture_store_name(conn, buf, sizeof(buf));
	dir = this->files->open_dir(this->files, conn, TRUE);
	if (dir < 0)
	{
		return -1;
	}
	fd = this->files->create_file(this->files, dir, conn, name);
	close(dir);
	return fd;
}

METHOD(nflog_capture_store_t, open_file, int,
	private_nflog_capture_store_t *this, char *conn, char *name)
{
	char buf[NAME_LEN + 1];

	conn = nflog_capture_store_name(conn, buf, sizeof(buf));
	return this->files->open_file(this->files, conn, name, O_WRONLY | O_APPEND);
}

METHOD(nflog_capture_store_t, keep_dir, void,
	private_nflog_capture_store_t *this, bool keep)
{
	this->files->keep_dir(this->files, keep);
}

METHOD(nflog_capture_store_t, read_file, bool,
	private_nflog_capture_store_t *this, char *conn, char *name,
	chunk_t *content)
{
	char buf[NAME_LEN + 1], *what = "reading file";
	bool success;
	int fd;

	*content = chunk_empty;
	conn = nflog_capture_store_name(conn, buf, sizeof(buf));
	fd = this->files->open_file(this->files, conn, name, O_RDONLY);
	if (fd < 0)
	{
		return errno == ENOENT;
	}
	success = chunk_from_fd(fd, content);
	if (success)
	{
		this->files->worked(this->files, what, conn, name);
	}
	else
	{
		this->files->failed(this->files, what, conn, name, NULL);
	}
	close(fd);
	return success;
}

/**
 * Write all of a chunk to a file.
 */
static bool write_all(int fd, chunk_t content)
{
	ssize_t len;

	while (content.len)
	{
		len = write(fd, content.ptr, content.len);
		if (len < 0 && errno != EINTR)
		{
			return FALSE;
		}
		content = chunk_skip(content, max(len, 0));
	}
	return TRUE;
}

METHOD(nflog_capture_store_t, replace_file, bool,
	private_nflog_capture_store_t *this, char *conn, char *name,
	chunk_t content)
{
	char buf[NAME_LEN + 1], tmp[NAME_MAX], *what = "writing file";
	bool success = FALSE;
	int dir, fd;

	conn = nflog_capture_store_name(conn, buf, sizeof(buf));
	dir = this->files->open_dir(this->files, conn, TRUE);
	if (dir < 0)
	{
		return FALSE;
	}
	snprintf(tmp, sizeof(tmp), TMP_FORMAT, name);
	/* a crash may have left it */
	unlinkat(dir, tmp, 0);
	fd = this->files->create_file(this->files, dir, conn, tmp);
	if (fd >= 0)
	{
		success = write_all(fd, content) && fsync(fd) == 0 &&
				  renameat(dir, tmp, dir, name) == 0;
		if (success)
		{
			this->files->worked(this->files, what, conn, name);
		}
		else
		{
			this->files->failed(this->files, what, conn, name, NULL);
			unlinkat(dir, tmp, 0);
		}
		close(fd);
	}
	close(dir);
	return success;
}

METHOD(nflog_capture_store_t, remove_file, void,
	private_nflog_capture_store_t *this, char *conn, char *name)
{
	char buf[NAME_LEN + 1];

	conn = nflog_capture_store_name(conn, buf, sizeof(buf));
	this->budget->remove(this->budget, conn, name);
}

METHOD(nflog_capture_store_t, create_trace_enumerator, enumerator_t*,
	private_nflog_capture_store_t *this, char *conn)
{
	char buf[NAME_LEN + 1];

	conn = nflog_capture_store_name(conn, buf, sizeof(buf));
	return this->budget->create_enumerator(this->budget, conn);
}

METHOD(nflog_capture_store_t, reserve, bool,
	private_nflog_capture_store_t *this, size_t bytes)
{
	return this->budget->reserve(this->budget, bytes);
}

METHOD(nflog_capture_store_t, set_used, void,
	private_nflog_capture_store_t *this, char *conn, char *name, bool used)
{
	char buf[NAME_LEN + 1];

	conn = nflog_capture_store_name(conn, buf, sizeof(buf));
	this->budget->set_used(this->budget, conn, name, used);
}

METHOD(nflog_capture_store_t, get_path, char*,
	private_nflog_capture_store_t *this, char *conn, char *buf, size_t len)
{
	char safe[NAME_LEN + 1];

	snprintf(buf, len, "%s/%s", this->files->get_dir(this->files),
			 nflog_capture_store_name(conn, safe, sizeof(safe)));
	return buf;
}

METHOD(nflog_capture_store_t, set_removed_cb, void,
	private_nflog_capture_store_t *this, void (*cb)(void *data, char *conn),
	void *data)
{
	this->budget->set_removed_cb(this->budget, cb, data);
}

METHOD(nflog_capture_store_t, destroy, void,
	private_nflog_capture_store_t *this)
{
	this->budget->destroy(this->budget);
	this->files->destroy(this->files);
	free(this);
}

/*
 * Described in header
 */
nflog_capture_store_t *nflog_capture_store_create()
{
	private_nflog_capture_store_t *this;
	char *dir;

	dir = lib->settings->get_str(lib->settings, "%s.plugins.nflog-capture.dir",
								 NFLOG_CAPTURE_DIR, lib->ns);
	INIT(this,
		.public = {
			.create_file = _create_file,
			.open_file = _open_file,
			.keep_dir = _keep_dir,
			.read_file = _read_file,
			.replace_file = _replace_file,
			.remove_file = _remove_file,
			.create_trace_enumerator = _create_trace_enumerator,
			.reserve = _reserve,
			.set_used = _set_used,
			.get_path = _get_path,
			.set_removed_cb = _set_removed_cb,
			.destroy = _destroy,
		},
		.files = nflog_capture_files_create(dir),
	);
	this->budget = nflog_capture_budget_create(this->files);
	return &this->public;
}
