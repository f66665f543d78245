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

#include "pcapng_block.h"

/**
 * Extend the used bytes, return the position of the new ones.
 */
static uint8_t *extend(nflog_pcapng_blocks_t *blocks, size_t len)
{
	size_t used = blocks->used;

	blocks->used += len;
	if (blocks->used > blocks->data.len)
	{
		blocks->data.len = max(blocks->used, 2 * blocks->data.len);
		blocks->data.ptr = realloc(blocks->data.ptr, blocks->data.len);
	}
	return blocks->data.ptr + used;
}

/*
 * Described in header
 */
void nflog_pcapng_append(nflog_pcapng_blocks_t *blocks, chunk_t data)
{
	uint8_t *pos = extend(blocks, data.len);

	if (data.len)
	{
		memcpy(pos, data.ptr, data.len);
	}
}

/*
 * Described in header
 */
void nflog_pcapng_add(nflog_pcapng_blocks_t *blocks, chunk_t data)
{
	static uint8_t zeros[4];

	nflog_pcapng_append(blocks, data);
	nflog_pcapng_append(blocks, chunk_create(zeros, -data.len & 3));
}

/*
 * Described in header
 */
void nflog_pcapng_begin(nflog_pcapng_blocks_t *blocks, uint32_t type)
{
	uint32_t header[] = { type, 0 };

	blocks->begin = blocks->used;
	blocks->options = FALSE;
	nflog_pcapng_add(blocks, chunk_from_thing(header));
}

/*
 * Described in header
 */
void nflog_pcapng_option(nflog_pcapng_blocks_t *blocks, uint16_t code, chunk_t value)
{
	uint16_t header[] = { code, min(value.len, UINT16_MAX) };

	if (value.len)
	{
		nflog_pcapng_add(blocks, chunk_from_thing(header));
		nflog_pcapng_add(blocks, chunk_create(value.ptr, header[1]));
		blocks->options = TRUE;
	}
}

/*
 * Described in header
 */
void nflog_pcapng_option_time(nflog_pcapng_blocks_t *blocks, uint16_t code,
						struct timeval *time)
{
	uint64_t usec = nflog_pcapng_usec(time);
	uint32_t value[] = { usec >> 32, usec };

	nflog_pcapng_option(blocks, code, chunk_from_thing(value));
}

/*
 * Described in header
 */
void nflog_pcapng_end(nflog_pcapng_blocks_t *blocks)
{
	uint32_t end = 0, len;

	if (blocks->options)
	{
		nflog_pcapng_add(blocks, chunk_from_thing(end));
	}
	len = blocks->used + sizeof(len) - blocks->begin;
	nflog_pcapng_add(blocks, chunk_from_thing(len));
	memcpy(blocks->data.ptr + blocks->begin + 4, &len, sizeof(len));
}

/*
 * Described in header
 */
void nflog_pcapng_section(nflog_pcapng_blocks_t *blocks, char *program, char *comment)
{
	struct {
		uint32_t magic;
		uint16_t major, minor;
		int64_t len;
	} __attribute__((packed)) fields = { 0x1a2b3c4d, 1, 0, -1 };

	nflog_pcapng_begin(blocks, PCAPNG_SECTION_HEADER);
	nflog_pcapng_add(blocks, chunk_from_thing(fields));
	nflog_pcapng_option(blocks, PCAPNG_SHB_USERAPPL, chunk_from_str(program));
	nflog_pcapng_option(blocks, PCAPNG_COMMENT, chunk_from_str(comment));
	nflog_pcapng_end(blocks);
}

/*
 * Described in header
 */
void nflog_pcapng_interface(nflog_pcapng_blocks_t *blocks, uint16_t type,
							uint8_t resolution, char *name, char *description)
{
	struct {
		uint16_t type, reserved;
		uint32_t snaplen;
	} fields = { .type = type };

	nflog_pcapng_begin(blocks, PCAPNG_INTERFACE_DESCRIPTION);
	nflog_pcapng_add(blocks, chunk_from_thing(fields));
	nflog_pcapng_option(blocks, PCAPNG_IF_NAME, chunk_from_str(name));
	nflog_pcapng_option(blocks, PCAPNG_IF_DESCRIPTION, chunk_from_str(description));
	if (resolution != PCAPNG_MICROSECONDS)
	{	/* the default */
		nflog_pcapng_option(blocks, PCAPNG_IF_TSRESOL, chunk_from_thing(resolution));
	}
	nflog_pcapng_end(blocks);
}

/*
 * Described in header
 */
void nflog_pcapng_packet(nflog_pcapng_blocks_t *blocks, uint32_t interface,
						 uint64_t time, chunk_t data, size_t len)
{
	uint32_t fields[] = { interface, time >> 32, time, data.len, len };

	nflog_pcapng_begin(blocks, PCAPNG_ENHANCED_PACKET);
	nflog_pcapng_add(blocks, chunk_from_thing(fields));
	nflog_pcapng_add(blocks, data);
}

/*
 * Described in header
 */
void nflog_pcapng_clear(nflog_pcapng_blocks_t *blocks)
{
	blocks->used = 0;
}
