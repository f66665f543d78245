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

#include "gunzip.h"

#include <errno.h>

#ifdef HAVE_ZLIB

#include <zlib.h>

/** compressed bytes that are read at once */
#define BUFFER_LEN (64 * 1024)

/** have inflateInit2() expect the header of gzip, with the largest window */
#define WINDOW_BITS (16 + MAX_WBITS)

typedef struct private_gunzip_t private_gunzip_t;

/**
 * Private data.
 */
struct private_gunzip_t {

	/**
	 * Public interface.
	 */
	gunzip_t public;

	/**
	 * Reads compressed bytes.
	 */
	gunzip_read_t read;

	/**
	 * Data to pass to it.
	 */
	void *data;

	/**
	 * State of zlib.
	 */
	z_stream stream;

	/**
	 * TRUE between two files that were concatenated.
	 */
	bool ended;

	/**
	 * Compressed bytes.
	 */
	uint8_t buf[BUFFER_LEN];
};

/**
 * Read compressed bytes if there are none.
 *
 * @return			as of gunzip_read_t
 */
static ssize_t fill(private_gunzip_t *this)
{
	ssize_t len = this->stream.avail_in;

	if (!len)
	{
		len = this->read(this->data, this->buf, sizeof(this->buf));
		this->stream.next_in = this->buf;
		this->stream.avail_in = max(len, 0);
	}
	return len;
}

METHOD(gunzip_t, read_, ssize_t,
	private_gunzip_t *this, void *buf, size_t len)
{
	ssize_t filled;

	this->stream.next_out = buf;
	this->stream.avail_out = len;
	while (this->stream.avail_out == len)
	{
		filled = fill(this);
		if (filled < 0)
		{
			return -1;
		}
		if (this->ended)
		{
			if (!filled || *this->stream.next_in != 0x1f)
			{	/* what follows is padding, which gzip(1) ignores, too */
				return 0;
			}
			inflateReset(&this->stream);
			this->ended = FALSE;
		}
		switch (filled ? inflate(&this->stream, Z_NO_FLUSH) : Z_BUF_ERROR)
		{
			case Z_OK:
				break;
			case Z_STREAM_END:
				this->ended = TRUE;
				break;
			default:
				if (this->stream.avail_out != len)
				{	/* return what there is first, fails again next time */
					break;
				}
				errno = EBADMSG;
				return -1;
		}
	}
	return len - this->stream.avail_out;
}

METHOD(gunzip_t, destroy, void,
	private_gunzip_t *this)
{
	inflateEnd(&this->stream);
	free(this);
}

/*
 * Described in header
 */
gunzip_t *gunzip_create(gunzip_read_t read, void *data)
{
	private_gunzip_t *this;

	INIT(this,
		.public = {
			.read = _read_,
			.destroy = _destroy,
		},
		.read = read,
		.data = data,
	);
	if (inflateInit2(&this->stream, WINDOW_BITS) != Z_OK)
	{
		free(this);
		return NULL;
	}
	return &this->public;
}

#else /* !HAVE_ZLIB */

/*
 * Described in header
 */
gunzip_t *gunzip_create(gunzip_read_t read, void *data)
{
	return NULL;
}

#endif /* HAVE_ZLIB */

/*
 * Described in header
 */
bool gunzip_is_gzip(chunk_t begin)
{
	return begin.len >= 2 && begin.ptr[0] == 0x1f && begin.ptr[1] == 0x8b;
}
