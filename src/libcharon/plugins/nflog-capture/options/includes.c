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
#include "pattern.h"
#include "settings.h"
#include "text.h"

#include <errno.h>
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
	 * Knows what is read.
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
	 * Reading ends once this is TRUE.
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
	 * Bytes that may still be read.
	 */
	size_t size;

	/**
	 * Files and patterns that may still be included.
	 */
	u_int count;

	/**
	 * Entries of directories that may still be compared with patterns.
	 */
	u_int entries;

	/**
	 * Path of a file that was changed while it was read, NULL if there was none.
	 */
	char *changing;

	/**
	 * Hash of what was read.
	 */
	uint64_t hash;

	/**
	 * What failed, NULL if nothing.
	 */
	char *error;

	/**
	 * TRUE if that might not fail the next time.
	 */
	bool passing;
};

/**
 * A file that is read.
 */
struct file_t {

	/** its path, NULL for what includes the outermost file */
	char *path;

	/** its device and number, to recognize it if it includes itself */
	dev_t dev;
	ino_t ino;

	/** all of its text, null-terminated */
	chunk_t text;

	/** what has not been read of it */
	chunk_t rest;

	/** where lines were counted up to, and the line that this is in */
	u_char *counted;
	u_int line;

	/** what its last include statement matches */
	glob_t matches;

	/** index of the match to include next */
	size_t next;
};

/**
 * Destroy a file_t, wipe what might be a secret.
 */
static void file_destroy(file_t *this)
{
	globfree(&this->matches);
	chunk_clear(&this->text);
	free(this->path);
	free(this);
}

/**
 * Get the file that is read.
 */
static file_t *current(private_nflog_includes_t *this)
{
	file_t *file = NULL;

	array_get(this->stack, ARRAY_TAIL, &file);
	return file;
}

/**
 * Get the number of the line of a file that is read, going on from the last time.
 */
static u_int get_line(file_t *file)
{
	for (; file->counted < file->rest.ptr; file->counted++)
	{
		file->line += *file->counted == '\n';
	}
	return file->line;
}

METHOD(nflog_includes_t, fail, void,
	private_nflog_includes_t *this, const char *fmt, ...)
{
	file_t *file = current(this);
	char msg[PATH_MAX + 512], *path = this->path;
	u_int line = this->lines;
	va_list args;

	if (this->error)
	{
		return;
	}
	if (file)
	{
		path = file->path;
		line = get_line(file);
	}
	va_start(args, fmt);
	vsnprintf(msg, sizeof(msg), fmt, args);
	va_end(args);
	if ((path ? asprintf(&this->error, "%s:%u: %s", path, line, msg)
			  : asprintf(&this->error, "%s", msg)) < 0)
	{
		this->error = strdup(fmt);
	}
}

/**
 * Count a file or a pattern.
 */
static bool count(private_nflog_includes_t *this)
{
	if (!this->count)
	{
		fail(this, "more than %d files and patterns are included",
			 NFLOG_MAX_FILES);
		return FALSE;
	}
	this->count--;
	return TRUE;
}

/**
 * Fail because of the state that the system is in.
 */
static bool fail_passing(private_nflog_includes_t *this, char *path,
						 const char *reason)
{
	this->passing = TRUE;
	fail(this, "unable to read '%s': %s", path, reason);
	return FALSE;
}

/**
 * Skip a file, which the outermost one must not be.
 */
static bool skip(private_nflog_includes_t *this, char *path,
				 const char *reason)
{
	file_t *file = current(this);

	if (!file->path)
	{
		fail(this, "unable to read '%s': %s", path, reason);
		return FALSE;
	}
	this->notes->add(this->notes, "%s:%u: skipping '%s': %s", file->path,
					 get_line(file), path, reason);
	return TRUE;
}

/**
 * Is a file read already, in which it is to be included?
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
 * Note that a file was changed while it was read, use its complete lines if that
 * is accepted.
 *
 * @return			FALSE if it is not
 */
static bool accept_changed(private_nflog_includes_t *this, char *path,
						   chunk_t *text)
{
	u_char *end;
	size_t len;

	free(this->changing);
	this->changing = strdup(path);
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
 * Read a file, and put it on the stack.
 */
static bool push(private_nflog_includes_t *this, char *path)
{
	struct stat st;
	file_t *file;
	size_t i;
	int fd, err;

	if (!count(this))
	{
		return FALSE;
	}
	this->watch->add(this->watch, path);
	fd = nflog_text_open(path, &st);
	err = fd == -1 ? errno : 0;
	if (*this->stop)
	{
		if (fd != -1)
		{
			close(fd);
		}
		return FALSE;
	}
	switch (err)
	{
		case 0:
			break;
		case ENOENT:
		case ENOTDIR:
			if (!current(this)->path && !nflog_settings_is_default(path))
			{
				this->notes->add(this->notes, "unable to read '%s', so no child has "
								 "options of its own: %s, set swanctl_conf to the "
								 "file that swanctl loads", path, strerror(err));
			}
			return TRUE;
		case EINVAL:
			return skip(this, path, "not a regular file");
		case EISDIR:
			/* patterns match these easily, that is not worth a line */
			return current(this)->path || skip(this, path, strerror(err));
		case EACCES:
		case EPERM:
		case ELOOP:
			return skip(this, path, strerror(err));
		default:
			return fail_passing(this, path, strerror(err));
	}
	if (is_open(this, &st))
	{
		close(fd);
		return skip(this, path, "it includes itself");
	}
	if (array_count(this->stack) > NFLOG_MAX_DEPTH)
	{
		close(fd);
		fail(this, "more than %d files include each other",
			 NFLOG_MAX_DEPTH);
		return FALSE;
	}
	if (st.st_size > this->size)
	{
		close(fd);
		fail(this, "unable to read '%s': it and all other files have more than "
			 "%d bytes", path, NFLOG_MAX_SIZE);
		return FALSE;
	}
	INIT(file,
		.path = strdup(path),
		.dev = st.st_dev,
		.ino = st.st_ino,
	);
	err = nflog_text_read(fd, &st, &file->text);
	close(fd);
	if (*this->stop)
	{
		file_destroy(file);
		return FALSE;
	}
	if (err && (err != EBUSY || !accept_changed(this, path, &file->text)))
	{
		file_destroy(file);
		return fail_passing(this, path, err == EBUSY ? "it changes meanwhile"
													 : strerror(err));
	}
	this->size -= file->text.len - 1;
	for (i = 0; i < file->text.len; i++)
	{	/* with the null byte, so that it matters where files end */
		this->hash = (this->hash ^ file->text.ptr[i]) * 0x100000001b3;
	}
	file->rest = chunk_create(file->text.ptr, file->text.len - 1);
	file->counted = file->rest.ptr;
	file->line = 1;
	array_insert(this->stack, ARRAY_TAIL, file);
	return TRUE;
}

/**
 * Push the next file of those that an include statement matches, if there is
 * one.
 */
static bool push_match(private_nflog_includes_t *this)
{
	file_t *file = current(this);

	while (file->next < file->matches.gl_pathc)
	{
		if (!push(this, file->matches.gl_pathv[file->next++]))
		{
			return FALSE;
		}
		if (file != current(this))
		{
			return TRUE;
		}
	}
	return TRUE;
}

METHOD(nflog_includes_t, include, bool,
	private_nflog_includes_t *this, char *pattern)
{
	file_t *file = current(this);
	char path[PATH_MAX], *dir;
	int len, status, err;

	globfree(&file->matches);
	memset(&file->matches, 0, sizeof(file->matches));
	file->next = 0;
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
	if (nflog_pattern_is_deep(path))
	{
		return skip(this, pattern, "the pattern matches too many directories");
	}
	nflog_pattern_watch(path, this->watch, this->stop, &this->entries,
						&this->count);
	status = nflog_pattern_find(path, GLOB_ERR, this->stop, &this->entries,
								&file->matches);
	err = errno;
	if (*this->stop)
	{
		return FALSE;
	}
	if (!this->entries)
	{
		fail(this, "more than %d entries of directories are looked at for patterns",
			 NFLOG_MAX_ENTRIES);
		return FALSE;
	}
	switch (status)
	{
		case 0:
			return push_match(this);
		case GLOB_NOMATCH:
			return TRUE;
		case GLOB_NOSPACE:
			return fail_passing(this, path, strerror(ENOMEM));
		default:
			return skip(this, path, strerror(err));
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
	return !array_count(this->stack) || push_match(this);
}

METHOD(nflog_includes_t, get_text, chunk_t*,
	private_nflog_includes_t *this)
{
	file_t *file = current(this);

	return file ? &file->rest : NULL;
}

METHOD(nflog_includes_t, get_error, char*,
	private_nflog_includes_t *this, bool *passing)
{
	*passing = this->passing;
	return this->error;
}

METHOD(nflog_includes_t, get_changing, char*,
	private_nflog_includes_t *this)
{
	return this->changing;
}

METHOD(nflog_includes_t, get_hash, uint64_t,
	private_nflog_includes_t *this)
{
	return this->hash;
}

METHOD(nflog_includes_t, destroy, void,
	private_nflog_includes_t *this)
{
	array_destroy_function(this->stack, (void*)file_destroy, NULL);
	free(this->path);
	free(this->error);
	free(this->changing);
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
			.next = _next,
			.fail = _fail,
			.get_error = _get_error,
			.get_changing = _get_changing,
			.get_hash = _get_hash,
			.destroy = _destroy,
		},
		.watch = watch,
		.notes = notes,
		.accept = changing,
		.stop = stop,
		.stack = array_create(0, 0),
		.size = NFLOG_MAX_SIZE,
		.count = NFLOG_MAX_FILES,
		.entries = NFLOG_MAX_ENTRIES,
		.hash = HASH_INIT,
	);
	INIT(file);
	array_insert(this->stack, ARRAY_TAIL, file);
	return &this->public;
}
