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

#include "whole.h"

#include <unistd.h>

/** magic number of pcap files with time stamps in microseconds, length of their header, and
 * the longest record, pcap-savefile(5) */
#define PCAP_MAGIC 0xa1b2c3d4
#define PCAP_HEADER 24
#define PCAP_RECORD_HEADER 16
#define PCAP_RECORD_MAX 262144

/** type of the first block of pcapng files, their magic number, the shortest block, and the
 * longest one that we write, draft-ietf-opsawg-pcapng */
#define PCAPNG_SECTION 0x0a0d0d0a
#define PCAPNG_MAGIC 0x1a2b3c4d
#define PCAPNG_BLOCK_MIN 12
#define PCAPNG_BLOCK_MAX (1 << 20)

/** bytes to read at once */
#define BUFFER 65536

/**
 * A file that is read from its begin to its end.
 */
typedef struct {

	/** file descriptor, and bytes in the file */
	int fd;
	off_t size;

	/** part of the file, where it is, and its bytes */
	u_char *buf;
	off_t pos;
	ssize_t len;

	/** greater than 0 to stop */
	refcount_t *stop;

	/** TRUE if something was not read */
	bool failed;
} reader_t;

/**
 * Read bytes of a file, which are valid until the next call.
 *
 * @return			NULL if they are not there
 */
static u_char *get_bytes(reader_t *reader, off_t pos, size_t len)
{
	if (pos + (off_t)len > reader->size)
	{
		return NULL;
	}
	if (pos < reader->pos || pos + (off_t)len > reader->pos + reader->len)
	{
		reader->pos = pos;
		reader->len = ref_cur(reader->stop) ? -1 :
								pread(reader->fd, reader->buf, BUFFER, pos);
		if (reader->len < (ssize_t)len)
		{	/* a fault of the disk, or it was cut meanwhile */
			reader->failed = TRUE;
			reader->len = 0;
			return NULL;
		}
	}
	return reader->buf + (pos - reader->pos);
}

/**
 * Get a number of a file.
 *
 * @return			FALSE if it is not there
 */
static bool get_number(reader_t *reader, off_t pos, uint32_t *number)
{
	u_char *bytes = get_bytes(reader, pos, sizeof(*number));

	if (bytes)
	{
		memcpy(number, bytes, sizeof(*number));
	}
	return bytes != NULL;
}

/**
 * Check if there are only zeros from a position on.
 */
static bool is_zero(reader_t *reader, off_t pos)
{
	u_char *byte;

	for (; pos < reader->size; pos++)
	{
		byte = get_bytes(reader, pos, 1);
		if (!byte || *byte)
		{
			return FALSE;
		}
	}
	return TRUE;
}

/**
 * Get the end of the last whole record of a pcap file, or -1 if what follows is no part of
 * a record.
 */
static off_t get_pcap(reader_t *reader)
{
	off_t pos = PCAP_HEADER;
	uint32_t len;

	while (get_number(reader, pos + 8, &len) && pos + PCAP_RECORD_HEADER <= reader->size)
	{
		/* no packet is empty, but zeros are */
		if (!len || len > PCAP_RECORD_MAX)
		{
			return is_zero(reader, pos) ? pos : -1;
		}
		if (pos + PCAP_RECORD_HEADER + len > reader->size)
		{
			break;
		}
		pos += PCAP_RECORD_HEADER + len;
	}
	return pos;
}

/**
 * Get the end of the last whole block of a pcapng file, or -1 if what follows is no part of
 * a block.
 */
static off_t get_pcapng(reader_t *reader)
{
	uint32_t len, again;
	off_t pos = 0;

	while (get_number(reader, pos + 4, &len))
	{
		if (len < PCAPNG_BLOCK_MIN || len > PCAPNG_BLOCK_MAX || len % 4)
		{
			return is_zero(reader, pos) ? pos : -1;
		}
		if (pos + len > reader->size)
		{
			break;
		}
		if (!get_number(reader, pos + len - sizeof(again), &again) || again != len)
		{
			return -1;
		}
		pos += len;
	}
	return pos;
}

/*
 * Described in header
 */
off_t nflog_whole_get(int fd, off_t size, refcount_t *stop)
{
	reader_t reader = {
		.fd = fd,
		.size = size,
		.stop = stop,
	};
	uint32_t magic = 0, order = 0;
	off_t end = -1;

	if (size < PCAP_HEADER)
	{
		return 0;
	}
	reader.buf = malloc(BUFFER);
	if (get_number(&reader, 0, &magic) && get_number(&reader, 8, &order))
	{
		if (magic == PCAP_MAGIC)
		{
			end = get_pcap(&reader);
		}
		else if (magic == PCAPNG_SECTION && order == PCAPNG_MAGIC)
		{
			end = get_pcapng(&reader);
		}
		else if (is_zero(&reader, 0))
		{
			end = 0;
		}
	}
	free(reader.buf);
	return reader.failed ? -1 : end;
}
