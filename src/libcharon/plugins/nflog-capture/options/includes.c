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

#include "includes.h"
#include "values.h"
#include "process/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <collections/array.h>

/** hash of nothing (FNV-1a) */
#define HASH_INIT 0xcbf29ce484222325

typedef struct private_nflog_includes_t private_nflog_includes_t;
typedef struct file_t file_t;

/**
 * Private data.
 */
struct private_nflog_includes_t {

	/**
	 * Public interface.
	 */
	nflog_includes_t public;

	/**
	 * Watches what is read.
	 */
	nflog_watch_t *watch;

	/**
	 * Gets a line for each file that is skipped.
	 */
	nflog_notes_t *notes;

	/**
	 * TRUE to accept files that change.
	 */
	bool accept;

	/**
	 * Reading fails once this is TRUE.
	 */
	bool *stop;

	/**
	 * Stack of files, file_t, the first one just includes the outermost one.
	 */
	array_t *stack;

	/**
	 * Path of the outermost file, and its number of lines, once it was read.
	 */
	char *path;
	u_int lines;

	/**
	 * What is left of NFLOG_MAX_SIZE and NFLOG_MAX_FILES.
	 */
	size_t size;
	u_int files;
};

/**
 * A file that is read.
 */
struct file_t {

	/** its path, NULL for what includes the outermost file */
	char *path;

	/** its device and inode, to recognize it if it includes itself */
	dev_t dev;
	ino_t ino;

	/** its text, null-terminated, and what is left of it */
	chunk_t text;
	chunk_t rest;

	/** position up to which lines were counted, and the line it is in */
	u_char *counted;
	u_int line;

	/** paths that the current include statement refers to, char*, NULL if none */
	array_t *paths;
};

/**
 * Destroy what the current include statement of a file refers to.
 */
static void destroy_paths(file_t *file)
{
	array_destroy_function(file->paths, (void*)free, NULL);
	file->paths = NULL;
}

/**
 * Destroy a file, and wipe its text.
 */
static void file_destroy(file_t *file)
{
	destroy_paths(file);
	nflog_secret_clear(&file->text);
	free(file->path);
	free(file);
}

/**
 * Get the current file, NULL if there is none left.
 */
static file_t *current(private_nflog_includes_t *this)
{
	file_t *file = NULL;

	array_get(this->stack, ARRAY_TAIL, &file);
	return file;
}

/**
 * Get the current line of a file, counts on from the last time.
 */
static u_int get_line(file_t *file)
{
	for (; file->counted < file->rest.ptr; file->counted++)
	{
		file->line += *file->counted == '\n';
	}
	return file->line;
}

METHOD(nflog_includes_t, fail, bool,
	private_nflog_includes_t *this, const char *fmt, ...)
{
	file_t *file = current(this);
	char msg[PATH_MAX + 512], *path = this->path;
	u_int line = this->lines;
	va_list args;

	if (this->public.error)
	{
		return FALSE;
	}
	if (file)
	{
		path = file->path;
		line = get_line(file);
	}
	va_start(args, fmt);
	vsnprintf(msg, sizeof(msg), fmt, args);
	va_end(args);
	if ((path ? asprintf(&this->public.error, "%s:%u: %s", path, line, msg)
			  : asprintf(&this->public.error, "%s", msg)) < 0)
	{
		this->public.error = strdup(fmt);
	}
	return FALSE;
}

/**
 * Count an include statement, or a file.
 */
static bool count(private_nflog_includes_t *this)
{
	if (!this->files)
	{
		return fail(this, "more than %d files and patterns are included",
					NFLOG_MAX_FILES);
	}
	this->files--;
	return TRUE;
}

/**
 * Skip a file, unless it is the outermost one.
 */
static bool skip(private_nflog_includes_t *this, char *path, const char *reason)
{
	file_t *file = current(this);

	if (!file->path)
	{
		return fail(this, "unable to read '%s': %s", path, reason);
	}
	this->notes->add(this->notes, "%s:%u: skipping '%s': %s", file->path,
					 get_line(file), path, reason);
	return TRUE;
}

/**
 * Fail for a reason that may have gone the next time.
 */
static bool fail_transient(private_nflog_includes_t *this, char *path,
						   const char *reason)
{
	this->public.transient = TRUE;
	return fail(this, "unable to read '%s': %s", path, reason);
}

/**
 * Skip a file that can't be opened, or fail if the reason may have gone the next time.
 */
static bool skip_errno(private_nflog_includes_t *this, char *path, int err)
{
	bool outermost = !current(this)->path;

	switch (err)
	{
		case ENOENT:
		case ENOTDIR:
			if (outermost && !nflog_values_is_swanctl_default(path))
			{
				this->notes->add(this->notes, "unable to read '%s', so no child has "
								 "options of its own: %s, set swanctl_conf to the "
								 "file that swanctl loads", path, strerror(err));
			}
			return TRUE;
		case EINVAL:
			return skip(this, path, "not a regular file");
		case EISDIR:
			/* patterns easily match directories, don't log these */
			return !outermost || skip(this, path, strerror(err));
		case EACCES:
			return skip(this, path, "Permission denied (" NFLOG_ACCESS_REMEDY ")");
		case EPERM:
		case ELOOP:
		case ENAMETOOLONG:
			return skip(this, path, strerror(err));
		default:
			return fail_transient(this, path, strerror(err));
	}
}

/**
 * Open a regular file.
 *
 * @param st		receives its state
 * @return			file descriptor, -1 on errors, with EISDIR or EINVAL in errno
 *					if it is not a regular file
 */
static int open_regular(char *path, struct stat *st)
{
	int fd;

	/* opening a device may have side effects */
	if (stat(path, st) == -1)
	{
		return -1;
	}
	if (!S_ISREG(st->st_mode))
	{
		errno = S_ISDIR(st->st_mode) ? EISDIR : EINVAL;
		return -1;
	}
	/* don't block on a FIFO that replaced it meanwhile, or on a file in procfs */
	fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd != -1 && (fstat(fd, st) == -1 || !S_ISREG(st->st_mode)))
	{
		close(fd);
		errno = EINVAL;
		return -1;
	}
	return fd;
}

/**
 * Read all of a regular file.
 *
 * @param st		its state when it was opened
 * @param text		receives the text, null-terminated, empty only if there is no memory, to
 *					be freed with nflog_secret_clear(), also on errors
 * @return			0, or an error number, EBUSY if the file changed meanwhile
 */
static int read_text(int fd, struct stat *st, chunk_t *text)
{
	struct stat after;
	size_t len = 0;
	ssize_t got;

	/* one more byte, to notice if the file grows, and to terminate the text */
	*text = chunk_create(nflog_secret_alloc(st->st_size + 1), st->st_size + 1);
	if (!text->ptr)
	{
		*text = chunk_empty;
		return ENOMEM;
	}
	do
	{
		got = read(fd, text->ptr + len, text->len - len);
		len += max(got, 0);
	}
	while (len < text->len && (got > 0 || (got == -1 && errno == EINTR)));

	if (got == -1 || fstat(fd, &after) == -1)
	{
		return errno;
	}
	text->len = min(len, st->st_size) + 1;
	text->ptr[text->len - 1] = '\0';
	return len != st->st_size || after.st_size != st->st_size ||
		   after.st_mtim.tv_sec != st->st_mtim.tv_sec ||
		   after.st_mtim.tv_nsec != st->st_mtim.tv_nsec ? EBUSY : 0;
}

/**
 * Check if a file is being read already.
 */
static bool is_open(private_nflog_includes_t *this, struct stat *st)
{
	file_t *file;
	int i;

	for (i = 1; i < array_count(this->stack); i++)
	{
		array_get(this->stack, i, &file);
		if (file->dev == st->st_dev && file->ino == st->st_ino)
		{
			return TRUE;
		}
	}
	return FALSE;
}

/**
 * Note that a file changed while it was read, and cut its text to complete lines if
 * that is accepted.
 */
static bool accept_changed(private_nflog_includes_t *this, char *path, chunk_t *text)
{
	u_char *end;
	size_t len;

	free(this->public.changing);
	this->public.changing = strdup(path);
	if (!this->accept)
	{
		return FALSE;
	}
	end = memrchr(text->ptr, '\n', text->len);
	len = end ? end - text->ptr + 1 : 0;
	memwipe(text->ptr + len, text->len - len);
	text->len = len + 1;
	return TRUE;
}

/**
 * Read an open file, and push it on the stack.
 */
static bool push_open(private_nflog_includes_t *this, char *path, int fd,
					  struct stat *st)
{
	file_t *file;
	char *name;
	size_t i;
	int err;

	if (is_open(this, st))
	{
		return skip(this, path, "it includes itself");
	}
	if (array_count(this->stack) > NFLOG_MAX_DEPTH)
	{
		return fail(this, "more than %d files include each other", NFLOG_MAX_DEPTH);
	}
	if (st->st_size > this->size)
	{
		return fail(this, "unable to read '%s': it and all other files have more than "
					"%d bytes", path, NFLOG_MAX_SIZE);
	}
	INIT(file,
		.path = strdup(path),
		.dev = st->st_dev,
		.ino = st->st_ino,
		.line = 1,
	);
	err = read_text(fd, st, &file->text);
	if (err && (err != EBUSY || !accept_changed(this, path, &file->text)))
	{
		file_destroy(file);
		return fail_transient(this, path, err == EBUSY ? "it changed meanwhile"
													   : strerror(err));
	}
	this->size -= file->text.len - 1;
	for (i = 0; i < file->text.len; i++)
	{	/* including the null byte, as the hash depends on where files end */
		this->public.hash = (this->public.hash ^ file->text.ptr[i]) * 0x100000001b3;
	}
	if (!this->public.files->get(this->public.files, path))
	{
		name = strdup(path);
		this->public.files->put(this->public.files, name, name);
	}
	file->rest = chunk_create(file->text.ptr, file->text.len - 1);
	file->counted = file->rest.ptr;
	array_insert(this->stack, ARRAY_TAIL, file);
	return TRUE;
}

/**
 * Read a file, and push it on the stack, unless it is skipped.
 */
static bool push(private_nflog_includes_t *this, char *path)
{
	struct stat st;
	bool success;
	int fd;

	if (!count(this))
	{
		return FALSE;
	}
	this->watch->add(this->watch, path);
	fd = open_regular(path, &st);
	if (fd == -1)
	{
		return !*this->stop && skip_errno(this, path, errno);
	}
	success = !*this->stop && push_open(this, path, fd, &st);
	close(fd);
	return success && !*this->stop;
}

/**
 * Push the next file that the current include statement refers to, if any.
 */
static bool push_next(private_nflog_includes_t *this)
{
	file_t *file = current(this);
	bool success = TRUE;
	char *path;

	while (success && file == current(this) &&
		   array_remove(file->paths, ARRAY_HEAD, &path))
	{
		success = push(this, path);
		free(path);
	}
	return success;
}

METHOD(nflog_includes_t, include, bool,
	private_nflog_includes_t *this, char *pattern)
{
	file_t *file = current(this);
	char path[PATH_MAX], *dir;
	int len, err;

	if (!count(this))
	{
		return FALSE;
	}
	if (!file->path || path_absolute(pattern))
	{
		len = snprintf(path, sizeof(path), "%s", pattern);
	}
	else
	{
		dir = path_dirname(file->path);
		len = snprintf(path, sizeof(path), "%s/%s", dir, pattern);
		free(dir);
	}
	if (len >= sizeof(path))
	{	/* as strongSwan's parser does */
		return skip(this, pattern, "the path is too long");
	}
	destroy_paths(file);
	err = this->watch->find(this->watch, path, &file->paths);
	if (*this->stop)
	{
		return FALSE;
	}
	switch (err)
	{
		case 0:
			return push_next(this);
		case E2BIG:
			return fail(this, "more than %d entries of directories are looked at for "
						"patterns", NFLOG_MAX_ENTRIES);
		case ERANGE:
			return skip(this, pattern, "the pattern matches too many directories");
		case ENOENT:
			return skip(this, path, strerror(err));
		default:
			return skip_errno(this, path, err);
	}
}

METHOD(nflog_includes_t, next, bool,
	private_nflog_includes_t *this)
{
	file_t *file;

	array_remove(this->stack, ARRAY_TAIL, &file);
	if (file->path && array_count(this->stack) == 1)
	{
		free(this->path);
		this->path = strdup(file->path);
		this->lines = get_line(file);
	}
	file_destroy(file);
	return !array_count(this->stack) || push_next(this);
}

METHOD(nflog_includes_t, get_text, chunk_t*,
	private_nflog_includes_t *this)
{
	file_t *file = current(this);

	return file ? &file->rest : NULL;
}

METHOD(nflog_includes_t, get_path, char*,
	private_nflog_includes_t *this)
{
	file_t *file = current(this);

	return file ? file->path : NULL;
}

METHOD(nflog_includes_t, destroy, void,
	private_nflog_includes_t *this)
{
	array_destroy_function(this->stack, (void*)file_destroy, NULL);
	free(this->path);
	this->public.files->destroy_function(this->public.files, (void*)free);
	free(this->public.error);
	free(this->public.changing);
	free(this);
}

/*
 * Described in header
 */
nflog_includes_t *nflog_includes_create(nflog_watch_t *watch,
										nflog_notes_t *notes, bool changing,
										bool *stop)
{
	private_nflog_includes_t *this;
	file_t *file;

	INIT(this,
		.public = {
			.include = _include,
			.get_text = _get_text,
			.get_path = _get_path,
			.next = _next,
			.fail = _fail,
			.destroy = _destroy,
			.files = hashtable_create(hashtable_hash_str, hashtable_equals_str, 8),
			.hash = HASH_INIT,
		},
		.watch = watch,
		.notes = notes,
		.accept = changing,
		.stop = stop,
		.stack = array_create(0, 0),
		.size = NFLOG_MAX_SIZE,
		.files = NFLOG_MAX_FILES,
	);
	INIT(file);
	array_insert(this->stack, ARRAY_TAIL, file);
	return &this->public;
}
