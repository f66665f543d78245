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

#include "input.h"
#include "cli/text.h"
#include "gunzip.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/** bytes that are read at once */
#define BUFFER_LEN (256 * 1024)

typedef struct private_input_t private_input_t;

/**
 * Private data.
 */
struct private_input_t {

	/**
	 * Public interface.
	 */
	input_t public;

	/**
	 * Path of the file.
	 */
	char *path;

	/**
	 * File descriptor of stdin, or of the copy of a pipe, -1 for other files.
	 */
	int copy;

	/**
	 * Status of the file when the input was created.
	 */
	struct stat st;

	/**
	 * The open file, -1 while it is closed.
	 */
	int fd;

	/**
	 * Bytes of the file that were not read yet.
	 */
	off_t left;

	/**
	 * Decompresses the file, NULL if it is not compressed.
	 */
	gunzip_t *gunzip;

	/**
	 * Buffer.
	 */
	chunk_t buffer;

	/**
	 * Position of the next byte in there, and the end of the bytes that were read.
	 */
	size_t pos, used;

	/**
	 * Bytes that were skipped.
	 */
	uint64_t skipped;

	/**
	 * Error that ended reading (errno), 0 for none.
	 */
	int error;
};

/**
 * Read bytes of the file, implements gunzip_read_t.
 */
static ssize_t read_file(private_input_t *this, void *buf, size_t len)
{
	ssize_t done;

	do
	{	/* a file that grows while it is read might have no end */
		done = read(this->fd, buf, min(len, this->left));
	}
	while (done < 0 && errno == EINTR);
	this->left -= max(done, 0);
	return done;
}

/**
 * Read until there are so many bytes in the buffer, or the file ends.
 */
static void fill(private_input_t *this, size_t len)
{
	ssize_t done = 1;
	uint8_t *end;
	size_t space;

	if (this->buffer.len < len)
	{
		this->buffer.len = max(BUFFER_LEN, len);
		this->buffer.ptr = realloc(this->buffer.ptr, this->buffer.len);
	}
	if (this->pos)
	{
		memmove(this->buffer.ptr, this->buffer.ptr + this->pos, this->used - this->pos);
		this->used -= this->pos;
		this->pos = 0;
	}
	while (done > 0 && this->used < len)
	{
		end = this->buffer.ptr + this->used;
		space = this->buffer.len - this->used;
		done = this->gunzip ? this->gunzip->read(this->gunzip, end, space)
							: read_file(this, end, space);
		this->used += max(done, 0);
	}
	if (done < 0)
	{
		this->error = errno;
	}
}

METHOD(input_t, peek, chunk_t,
	private_input_t *this, size_t len)
{
	if (this->used - this->pos < len && this->fd >= 0 && !this->error)
	{
		fill(this, min(len, INPUT_MAX_PEEK));
	}
	return chunk_create(this->buffer.ptr + this->pos, min(len, this->used - this->pos));
}

METHOD(input_t, skip, bool,
	private_input_t *this, uint64_t len)
{
	chunk_t data;

	while (len)
	{
		data = peek(this, min(len, BUFFER_LEN));
		if (!data.len)
		{
			return FALSE;
		}
		this->pos += data.len;
		this->skipped += data.len;
		len -= data.len;
	}
	return TRUE;
}

METHOD(input_t, is_compressed, bool,
	private_input_t *this)
{
	return this->gunzip != NULL;
}

METHOD(input_t, get_position, uint64_t,
	private_input_t *this)
{
	return this->skipped;
}

METHOD(input_t, close_, void,
	private_input_t *this)
{
	DESTROY_IF(this->gunzip);
	this->gunzip = NULL;
	if (this->fd >= 0)
	{
		close(this->fd);
		this->fd = -1;
	}
	this->pos = this->used = 0;
	/* those of many files that are closed would be large */
	chunk_free(&this->buffer);
}

/*
 * Described in header
 */
bool input_refuse(char *path, const char *reason)
{
	text_print(stderr, "unable to open %s: %s\n", streq(path, "-") ? "stdin" : path,
			   reason);
	return FALSE;
}

/**
 * Open the file once more.
 */
static int open_file(private_input_t *this)
{
	if (this->copy >= 0)
	{
		return lseek(this->copy, 0, SEEK_SET) == 0 ? dup(this->copy) : -1;
	}
	return open(this->path, O_RDONLY | O_NOCTTY | O_CLOEXEC);
}

METHOD(input_t, rewind_, bool,
	private_input_t *this)
{
	struct stat st;

	close_(this);
	this->error = 0;
	this->skipped = 0;
	this->left = this->st.st_size;
	this->fd = open_file(this);
	if (this->fd < 0 || fstat(this->fd, &st) != 0)
	{
		input_refuse(this->path, strerror(errno));
		close_(this);
		return FALSE;
	}
	if (st.st_dev != this->st.st_dev || st.st_ino != this->st.st_ino)
	{
		close_(this);
		return input_refuse(this->path, "it was replaced while it was read");
	}
	if (gunzip_is_gzip(peek(this, 2)))
	{	/* from the first byte on */
		this->pos = this->used = 0;
		this->left = this->st.st_size;
		this->gunzip = lseek(this->fd, 0, SEEK_SET) == 0
							? gunzip_create((gunzip_read_t)read_file, this) : NULL;
		if (!this->gunzip)
		{
			close_(this);
			return input_refuse(this->path, "it is compressed, which this program was "
								 "built without, decompress it with gunzip(1) first");
		}
	}
	return TRUE;
}

METHOD(input_t, get_error, const char*,
	private_input_t *this)
{
	if (this->error == EBADMSG)
	{
		return "the compressed data is damaged, or truncated";
	}
	return this->error ? strerror(this->error) : NULL;
}

METHOD(input_t, destroy, void,
	private_input_t *this)
{
	close_(this);
	if (this->copy >= 0)
	{
		close(this->copy);
	}
	free(this);
}

/**
 * Copy a pipe to a file without a name.
 *
 * @return			file descriptor, -1 on errors, see errno
 */
static int copy_pipe(int from)
{
	char buf[65536];
	FILE *file;
	ssize_t len;
	int fd = -1;

	file = tmpfile();
	if (!file)
	{
		return -1;
	}
	while ((len = read(from, buf, sizeof(buf))) > 0 &&
		   fwrite(buf, len, 1, file) == 1)
	{
		/* go on */
	}
	if (len == 0 && fflush(file) == 0)
	{
		fd = dup(fileno(file));
	}
	fclose(file);
	return fd;
}

/**
 * Check the file, and keep a descriptor if it can't be opened by its path again.
 */
static bool open_first(private_input_t *this)
{
	bool is_stdin = streq(this->path, "-");
	const char *reason = NULL;
	char buf[128];
	int fd;

	fd = is_stdin ? dup(STDIN_FILENO) : open_file(this);
	if (fd < 0 || fstat(fd, &this->st) != 0)
	{
		reason = strerror(errno);
	}
	else if (S_ISFIFO(this->st.st_mode) || S_ISSOCK(this->st.st_mode))
	{
		this->copy = copy_pipe(fd);
		if (this->copy < 0 || fstat(this->copy, &this->st) != 0)
		{
			snprintf(buf, sizeof(buf), "copying it to a temporary file failed: %s",
					 strerror(errno));
			reason = buf;
		}
	}
	else if (S_ISDIR(this->st.st_mode))
	{
		reason = "it is a directory, use the name of a trace";
	}
	else if (!S_ISREG(this->st.st_mode))
	{
		reason = "it is neither a regular file nor a pipe";
	}
	else if (is_stdin)
	{
		this->copy = dup(fd);
	}
	if (!reason && !this->st.st_size)
	{
		reason = "it is empty, there is not even a header";
	}
	if (fd >= 0)
	{
		close(fd);
	}
	return !reason || input_refuse(this->path, reason);
}

/*
 * Described in header
 */
input_t *input_create(char *path)
{
	private_input_t *this;

	INIT(this,
		.public = {
			.peek = _peek,
			.skip = _skip,
			.is_compressed = _is_compressed,
			.get_position = _get_position,
			.rewind = _rewind_,
			.close = _close_,
			.get_error = _get_error,
			.destroy = _destroy,
		},
		.path = path,
		.copy = -1,
		.fd = -1,
	);
	if (!open_first(this) || !rewind_(this))
	{
		destroy(this);
		return NULL;
	}
	return &this->public;
}
