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

#include "capture_format.h"
#include "link_type.h"

/** first bytes of a file, as the machine wrote it that captured: times in microseconds,
 * in nanoseconds, and with more fields in the header of a packet (libpcap's sf-pcap.c) */
#define MAGIC_MICRO 0xa1b2c3d4
#define MAGIC_NANO 0xa1b23c4d
#define MAGIC_MODIFIED 0xa1b2cd34

/** bytes of the headers of a file, and of a packet */
#define FILE_LEN 24
#define RECORD_LEN 16
#define MODIFIED_RECORD_LEN 24

typedef struct private_pcap_format_t private_pcap_format_t;

/**
 * Private data.
 */
struct private_pcap_format_t {

	/**
	 * Public interface.
	 */
	capture_format_t public;

	/**
	 * TRUE if the machine that captured has the other byte order.
	 */
	bool swapped;

	/**
	 * TRUE if times are in nanoseconds.
	 */
	bool nano;

	/**
	 * Bytes of the header of a packet.
	 */
	size_t record_len;

	/**
	 * Link type.
	 */
	uint16_t link;
};

/**
 * Get a field of a header.
 */
static uint32_t get_field(private_pcap_format_t *this, chunk_t data, size_t pos)
{
	return capture_format_get32(this->swapped, data.ptr + pos);
}

METHOD(capture_format_t, read_, bool,
	private_pcap_format_t *this, input_t *input, trace_packet_t *packet,
	const char **error)
{
	chunk_t data;
	size_t len;

	data = input->peek(input, this->record_len);
	if (data.len < this->record_len)
	{
		*error = data.len ? "truncated within the header of a packet" : NULL;
		return FALSE;
	}
	packet->time.tv_sec = get_field(this, data, 0);
	packet->time.tv_usec = get_field(this, data, 4) / (this->nano ? 1000 : 1);
	len = get_field(this, data, 8);
	packet->len = get_field(this, data, 12);
	if (len > CAPTURE_FORMAT_MAX_LEN)
	{
		*error = "a packet has an impossible length, the file is damaged";
		return FALSE;
	}
	data = input->peek(input, this->record_len + len);
	if (data.len < this->record_len + len)
	{
		*error = "truncated within a packet";
		return FALSE;
	}
	input->skip(input, data.len);
	packet->data = chunk_skip(data, this->record_len);
	packet->link = this->link;
	packet->comment = chunk_empty;
	packet->ip = link_type_get_ip(this->link, this->swapped, packet->data);
	return TRUE;
}

METHOD(capture_format_t, destroy, void,
	private_pcap_format_t *this)
{
	free(this);
}

/**
 * Parse the first bytes of a file.
 */
static bool parse_magic(private_pcap_format_t *this, uint32_t magic)
{
	this->record_len = RECORD_LEN;
	switch (magic)
	{
		case MAGIC_MICRO:
			return TRUE;
		case MAGIC_NANO:
			this->nano = TRUE;
			return TRUE;
		case MAGIC_MODIFIED:
			this->record_len = MODIFIED_RECORD_LEN;
			return TRUE;
		default:
			return FALSE;
	}
}

/*
 * Described in header
 */
capture_format_t *pcap_format_create(input_t *input, const char **reason)
{
	private_pcap_format_t *this;
	chunk_t data;
	uint32_t magic;

	INIT(this,
		.public = {
			.read = _read_,
			.destroy = _destroy,
		},
	);
	data = input->peek(input, FILE_LEN);
	*reason = "it is neither a pcap nor a pcapng file, nor one of these compressed by "
			  "gzip";
	if (data.len >= sizeof(magic))
	{
		magic = get_field(this, data, 0);
		this->swapped = !parse_magic(this, magic);
		if (!this->swapped || parse_magic(this, __builtin_bswap32(magic)))
		{
			*reason = data.len < FILE_LEN ? "it ends within the header" : NULL;
		}
	}
	if (*reason)
	{
		free(this);
		return NULL;
	}
	/* the other bits say if there are check sums */
	this->link = get_field(this, data, 20);
	input->skip(input, FILE_LEN);
	return &this->public;
}
