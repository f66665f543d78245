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

#include "tail.h"
#include "cli/text.h"
#include "read/capture_format.h"

#include <byteswap.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netfilter/nfnetlink_log.h>
#include <sys/stat.h>
#include <unistd.h>

/** bytes of the header of a pcap file, and of a packet in there (pcap-savefile(5)) */
#define FILE_LEN 24
#define RECORD_LEN 16

/** magic numbers of pcap files, with microseconds and nanoseconds */
#define MAGIC_MICRO 0xa1b2c3d4
#define MAGIC_NANO 0xa1b23c4d

/** bytes of the longest packet, as libpcap has it (MAXIMUM_SNAPLEN) */
#define MAX_LEN 262144

/** why a file can't be read if a length is more than that */
#define DAMAGED "it is damaged, a packet has an impossible length"

/** bytes before the attributes of a packet with link type NFLOG */
#define NFLOG_LEN 4

typedef struct private_tail_t private_tail_t;

/**
 * Private data.
 */
struct private_tail_t {

	/**
	 * Public interface.
	 */
	tail_t public;

	/**
	 * Path of the file.
	 */
	char *path;

	/**
	 * Bytes to read at once.
	 */
	size_t size;

	/**
	 * File descriptor, -1 while the file is closed.
	 */
	int fd;

	/**
	 * Status of the file when it was opened first, st_ino is 0 before that.
	 */
	struct stat st;

	/**
	 * Position of the next record in the file.
	 */
	off_t offset;

	/**
	 * Positions to read from, and up to, 0 for any.
	 */
	off_t begin, end;

	/**
	 * Bytes that were read, and how many of these are filled, and used.
	 */
	chunk_t buffer;
	size_t filled, used;

	/**
	 * TRUE if there is a part of the next record only.
	 */
	bool partial;

	/**
	 * Link type, 0 until the header of the file was read.
	 */
	uint16_t type;

	/**
	 * TRUE if the machine that wrote the file has another byte order.
	 */
	bool swapped;

	/**
	 * TRUE if records have nanoseconds.
	 */
	bool nano;

	/**
	 * TRUE once the file can't be read.
	 */
	bool failed;
};

/**
 * Print why the file can't be read, once.
 */
static tail_status_t fail(private_tail_t *this, const char *reason)
{
	if (!this->failed)
	{
		text_print(stderr, "unable to read %s: %s\n", this->path, reason);
	}
	this->failed = TRUE;
	return TAIL_ERROR;
}

/**
 * Read numbers in the byte order of the file.
 */
static uint16_t get16(private_tail_t *this, u_char *pos)
{
	return capture_format_get16(this->swapped, pos);
}

static uint32_t get32(private_tail_t *this, u_char *pos)
{
	return capture_format_get32(this->swapped, pos);
}

METHOD(tail_t, close_, void,
	private_tail_t *this)
{
	if (this->fd >= 0)
	{
		close(this->fd);
		this->fd = -1;
	}
	chunk_free(&this->buffer);
	this->filled = this->used = 0;
}

/**
 * Open the file, the first time or again.
 */
static bool open_file(private_tail_t *this)
{
	struct stat st;

	if (this->fd >= 0)
	{
		return TRUE;
	}
	/* not blocked by a FIFO */
	this->fd = open(this->path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (this->fd < 0 || fstat(this->fd, &st) != 0)
	{
		fail(this, strerror(errno));
		return FALSE;
	}
	if (!S_ISREG(st.st_mode))
	{
		fail(this, "it is no regular file");
		return FALSE;
	}
	if (this->st.st_ino &&
		(st.st_dev != this->st.st_dev || st.st_ino != this->st.st_ino))
	{
		fail(this, "it was replaced while it was read");
		return FALSE;
	}
	this->st = st;
	this->buffer = chunk_alloc(this->size);
	return TRUE;
}

/**
 * Have a number of bytes in the buffer.
 *
 * @return			TAIL_PACKET if they are there
 */
static tail_status_t fill(private_tail_t *this, size_t needed)
{
	struct stat st;
	ssize_t len;

	this->partial = FALSE;
	if (this->filled - this->used >= needed)
	{
		return TAIL_PACKET;
	}
	/* what is there of an incomplete record is read again, as it may have been cut off, and
	 * replaced, meanwhile */
	this->filled = this->used = 0;
	if (needed > this->buffer.len)
	{
		chunk_free(&this->buffer);
		this->buffer = chunk_alloc(needed);
	}
	do
	{
		len = pread(this->fd, this->buffer.ptr + this->filled,
					this->buffer.len - this->filled, this->offset + this->filled);
		this->filled += max(len, 0);
	}
	while ((len > 0 && this->filled < needed) || (len < 0 && errno == EINTR));
	if (len < 0)
	{
		this->filled = 0;
		return fail(this, strerror(errno));
	}
	if (this->filled >= needed)
	{
		return TAIL_PACKET;
	}
	this->partial = this->filled;
	this->filled = 0;
	if (fstat(this->fd, &st) == 0 && st.st_size < this->offset)
	{
		return fail(this, "it was truncated while it was read");
	}
	return TAIL_WAIT;
}

/**
 * Read the header of the file.
 */
static tail_status_t read_header(private_tail_t *this)
{
	tail_status_t status;
	uint32_t magic;
	u_char *pos;

	status = fill(this, FILE_LEN);
	if (status != TAIL_PACKET)
	{
		return status;
	}
	pos = this->buffer.ptr + this->used;
	memcpy(&magic, pos, sizeof(magic));
	this->swapped = magic == bswap_32(MAGIC_MICRO) || magic == bswap_32(MAGIC_NANO);
	magic = get32(this, pos);
	this->nano = magic == MAGIC_NANO;
	this->type = get32(this, pos + 20);
	if (magic != MAGIC_MICRO && magic != MAGIC_NANO)
	{
		this->type = 0;
		return fail(this, "it is no pcap file, as the plugin writes them");
	}
	if (this->type != LINKTYPE_RAW && this->type != LINKTYPE_NFLOG)
	{
		return fail(this, "its link type is neither NFLOG nor raw");
	}
	this->used += FILE_LEN;
	this->offset += FILE_LEN;
	return TAIL_PACKET;
}

/**
 * Find the payload and the prefix in the attributes, whose headers are in host order.
 */
static void parse_attributes(private_tail_t *this, tail_packet_t *packet)
{
	chunk_t data = packet->data, value;
	uint16_t len;

	data = chunk_skip(data, NFLOG_LEN);
	while (data.len >= 4)
	{
		len = get16(this, data.ptr);
		if (len < 4 || len > data.len)
		{
			break;
		}
		value = chunk_create(data.ptr + 4, len - 4);
		switch (get16(this, data.ptr + 2))
		{
			case NFULA_PAYLOAD:
				packet->ip = value;
				return;
			case NFULA_PREFIX:
				packet->prefix = chunk_create(value.ptr,
									strnlen((char*)value.ptr, value.len));
				break;
		}
		data = chunk_skip(data, min(data.len, (len + 3) & ~3));
	}
}

/**
 * Skip records before the position to read from, mostly without reading them.
 */
static tail_status_t skip_records(private_tail_t *this)
{
	tail_status_t status;
	size_t len;

	while (this->offset < this->begin)
	{
		status = fill(this, RECORD_LEN);
		if (status != TAIL_PACKET)
		{
			return status;
		}
		len = get32(this, this->buffer.ptr + this->used + 8);
		if (len > MAX_LEN)
		{
			return fail(this, DAMAGED);
		}
		len += RECORD_LEN;
		if (this->offset + (off_t)len > this->begin)
		{	/* it was not whole */
			break;
		}
		this->offset += len;
		if (len <= this->filled - this->used)
		{
			this->used += len;
		}
		else
		{
			this->used = this->filled = 0;
		}
	}
	this->begin = 0;
	return TAIL_PACKET;
}

METHOD(tail_t, read_, tail_status_t,
	private_tail_t *this, tail_packet_t *packet)
{
	tail_status_t status;
	u_char *pos;
	size_t len;

	if (this->failed || !open_file(this))
	{
		return TAIL_ERROR;
	}
	if (!this->type)
	{
		status = read_header(this);
		if (status != TAIL_PACKET)
		{
			return status;
		}
	}
	if (this->begin)
	{
		status = skip_records(this);
		if (status != TAIL_PACKET)
		{
			return status;
		}
	}
	if (this->end && this->offset >= this->end)
	{
		return TAIL_WAIT;
	}
	do
	{
		status = fill(this, RECORD_LEN);
		if (status != TAIL_PACKET)
		{
			return status;
		}
		len = get32(this, this->buffer.ptr + this->used + 8);
		if (len > MAX_LEN)
		{
			return fail(this, DAMAGED);
		}
		status = fill(this, RECORD_LEN + len);
		if (status != TAIL_PACKET)
		{
			return status;
		}
	}	/* both may have been replaced before all was read */
	while (get32(this, this->buffer.ptr + this->used + 8) != len);
	pos = this->buffer.ptr + this->used;
	*packet = (tail_packet_t){
		.time = {
			.tv_sec = get32(this, pos),
			.tv_usec = get32(this, pos + 4) / (this->nano ? 1000 : 1),
		},
		.data = chunk_create(pos + RECORD_LEN, len),
		.len = get32(this, pos + 12),
	};
	if (this->type == LINKTYPE_RAW)
	{
		packet->ip = packet->data;
	}
	else
	{
		parse_attributes(this, packet);
	}
	this->used += RECORD_LEN + len;
	this->offset += RECORD_LEN + len;
	return TAIL_PACKET;
}

/**
 * Get the size of the file, at least 1.
 */
static off_t get_size(private_tail_t *this)
{
	struct stat st;

	return stat(this->path, &st) == 0 ? max(st.st_size, 1) : 1;
}

METHOD(tail_t, skip, void,
	private_tail_t *this)
{
	this->begin = get_size(this);
}

METHOD(tail_t, freeze, void,
	private_tail_t *this)
{
	this->end = get_size(this);
}

METHOD(tail_t, is_replaced, bool,
	private_tail_t *this)
{
	struct stat st;

	return this->st.st_ino && stat(this->path, &st) == 0 &&
		   (st.st_dev != this->st.st_dev || st.st_ino != this->st.st_ino);
}

METHOD(tail_t, get_link_type, uint16_t,
	private_tail_t *this)
{
	return this->type;
}

METHOD(tail_t, is_torn, bool,
	private_tail_t *this)
{
	/* with nothing to read, there is not even a header */
	return this->partial || !this->type;
}

METHOD(tail_t, destroy, void,
	private_tail_t *this)
{
	close_(this);
	free(this->path);
	free(this);
}

/*
 * Described in header
 */
tail_t *tail_create(char *path, size_t buffer)
{
	private_tail_t *this;

	INIT(this,
		.public = {
			.read = _read_,
			.skip = _skip,
			.freeze = _freeze,
			.is_replaced = _is_replaced,
			.get_link_type = _get_link_type,
			.is_torn = _is_torn,
			.close = _close_,
			.destroy = _destroy,
		},
		.path = strdup(path),
		.size = max(buffer, FILE_LEN),
		.fd = -1,
	);
	return &this->public;
}
