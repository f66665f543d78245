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

#include <collections/array.h>

/** types of blocks (draft-ietf-opsawg-pcapng) */
#define SECTION_HEADER 0x0a0d0d0a
#define INTERFACE_DESCRIPTION 1
#define OBSOLETE_PACKET 2
#define SIMPLE_PACKET 3
#define ENHANCED_PACKET 6

/** options of any block, and of an interface */
#define OPT_END 0
#define OPT_COMMENT 1
#define OPT_IF_TSRESOL 9
#define OPT_IF_TSOFFSET 14

/** value of the byte-order magic */
#define ORDER_MAGIC 0x1a2b3c4d

/** bytes of a block: type and length before its body, and the length after it */
#define BLOCK_LEN 12
#define BLOCK_HEADER_LEN 8

/** bytes of fields before what varies, from the begin of the block on */
#define SECTION_LEN 28
#define INTERFACE_LEN 16
#define ENHANCED_LEN 28
#define SIMPLE_LEN 12

/** interfaces of a section, more are refused */
#define MAX_INTERFACES 65536

/** bytes of the description of an interface that are read */
#define MAX_DESCRIPTION 65536

typedef struct private_pcapng_format_t private_pcapng_format_t;
typedef struct interface_t interface_t;

/**
 * Private data.
 */
struct private_pcapng_format_t {

	/**
	 * Public interface.
	 */
	capture_format_t public;

	/**
	 * TRUE if the machine that wrote the section has the other byte order.
	 */
	bool swapped;

	/**
	 * Interfaces of the section, interface_t.
	 */
	array_t *interfaces;
};

/**
 * Interface.
 */
struct interface_t {
	/** link type */
	uint16_t link;
	/** number of bytes that are captured of a packet, 0 for all */
	uint32_t snaplen;
	/** resolution of times: units per second are a power of two or ten, as in the file */
	uint8_t resolution;
	/** seconds to add to times */
	int64_t offset;
};

/**
 * Get a field of 16 bits.
 */
static uint16_t get16(private_pcapng_format_t *this, chunk_t data, size_t pos)
{
	return capture_format_get16(this->swapped, data.ptr + pos);
}

/**
 * Get a field of 32 bits.
 */
static uint32_t get32(private_pcapng_format_t *this, chunk_t data, size_t pos)
{
	return capture_format_get32(this->swapped, data.ptr + pos);
}

/**
 * Get the next option.
 *
 * @param options	options, what follows it afterwards
 * @param code		receives its type
 * @param value		receives its value
 * @return			FALSE if there are no more, or if it is not complete
 */
static bool next_option(private_pcapng_format_t *this, chunk_t *options, uint16_t *code,
						chunk_t *value)
{
	uint16_t len;

	if (options->len < 4)
	{
		return FALSE;
	}
	*code = get16(this, *options, 0);
	len = get16(this, *options, 2);
	if (*code == OPT_END || 4 + len > options->len)
	{
		return FALSE;
	}
	*value = chunk_create(options->ptr + 4, len);
	*options = chunk_skip(*options, 4 + round_up(len, 4));
	return TRUE;
}

/**
 * Parse the options of an interface.
 */
static void parse_options(private_pcapng_format_t *this, chunk_t options,
						  interface_t *interface)
{
	uint64_t offset;
	uint16_t code;
	chunk_t value;

	while (next_option(this, &options, &code, &value))
	{
		if (code == OPT_IF_TSRESOL && value.len == 1)
		{
			interface->resolution = *value.ptr;
		}
		if (code == OPT_IF_TSOFFSET && value.len == sizeof(offset))
		{
			memcpy(&offset, value.ptr, sizeof(offset));
			interface->offset = this->swapped ? __builtin_bswap64(offset) : offset;
		}
	}
}

/**
 * Find the first comment, empty if there is none.
 */
static chunk_t find_comment(private_pcapng_format_t *this, chunk_t options)
{
	uint16_t code;
	chunk_t value;

	while (next_option(this, &options, &code, &value))
	{
		if (code == OPT_COMMENT)
		{
			return value;
		}
	}
	return chunk_empty;
}

/**
 * Convert a time, which may have any value.
 */
static void convert_time(interface_t *interface, uint64_t units, struct timeval *time)
{
	u_int exponent = interface->resolution & 0x7f;
	uint64_t seconds = units, rest = 0, second = 1, i;

	if (interface->resolution & 0x80)
	{	/* more than 63 bits of a fraction leave no second */
		seconds = exponent < 64 ? units >> exponent : 0;
		rest = exponent && exponent < 64 ? units << (64 - exponent) : 0;
		rest = ((unsigned __int128)rest * 1000000) >> 64;
	}
	else if (exponent < 20)
	{
		for (i = 0; i < exponent; i++)
		{
			second *= 10;
		}
		seconds = units / second;
		rest = ((unsigned __int128)(units % second) * 1000000) / second;
	}
	else
	{
		seconds = 0;
	}
	time->tv_sec = seconds + (uint64_t)interface->offset;
	time->tv_usec = rest;
}

/**
 * Begin a section, its byte order decides how to read the length of the block.
 */
static bool begin_section(private_pcapng_format_t *this, chunk_t block)
{
	uint32_t magic;

	if (block.len < SECTION_LEN)
	{
		return FALSE;
	}
	memcpy(&magic, block.ptr + BLOCK_HEADER_LEN, sizeof(magic));
	if (magic != ORDER_MAGIC && __builtin_bswap32(magic) != ORDER_MAGIC)
	{
		return FALSE;
	}
	this->swapped = magic != ORDER_MAGIC;
	array_destroy(this->interfaces);
	this->interfaces = array_create(sizeof(interface_t), 0);
	return TRUE;
}

/**
 * Add an interface to the section.
 *
 * @return			FALSE if there are too many
 */
static bool add_interface(private_pcapng_format_t *this, chunk_t block)
{
	interface_t interface = {
		.link = get16(this, block, 8),
		.snaplen = get32(this, block, 12),
		.resolution = 6,
	};

	if (array_count(this->interfaces) >= MAX_INTERFACES)
	{
		return FALSE;
	}
	block.len -= 4;
	parse_options(this, chunk_skip(block, INTERFACE_LEN), &interface);
	array_insert(this->interfaces, ARRAY_TAIL, &interface);
	return TRUE;
}

/**
 * Parse the block of a packet.
 *
 * @return			FALSE if it is malformed
 */
static bool parse_packet(private_pcapng_format_t *this, uint32_t type, chunk_t block,
						 trace_packet_t *packet)
{
	interface_t interface = {};
	size_t pos = ENHANCED_LEN, len = 0;
	uint64_t units = 0;
	uint32_t id = 0;

	block.len -= 4;
	if (type == SIMPLE_PACKET)
	{
		pos = SIMPLE_LEN;
	}
	else if (block.len >= pos)
	{
		id = type == OBSOLETE_PACKET ? get16(this, block, 8) : get32(this, block, 8);
		units = (uint64_t)get32(this, block, 12) << 32 | get32(this, block, 16);
		len = get32(this, block, 20);
	}
	if (block.len < pos || id > MAX_INTERFACES ||
		!array_get(this->interfaces, id, &interface))
	{
		return FALSE;
	}
	packet->len = get32(this, block, pos - 4);
	if (type == SIMPLE_PACKET)
	{
		len = min(packet->len, interface.snaplen ?: packet->len);
	}
	block = chunk_skip(block, pos);
	if (len > block.len)
	{
		return FALSE;
	}
	packet->data = chunk_create(block.ptr, len);
	packet->time = (struct timeval){};
	packet->comment = chunk_empty;
	if (type != SIMPLE_PACKET)
	{
		convert_time(&interface, units, &packet->time);
		packet->comment = find_comment(this, chunk_skip(block, round_up(len, 4)));
	}
	packet->link = interface.link;
	packet->ip = link_type_get_ip(interface.link, this->swapped, packet->data);
	return TRUE;
}

/**
 * Get the next block, as far as it is needed.
 *
 * @param type		receives its type
 * @param len		receives its length
 * @return			block, empty at the end or on errors
 */
static chunk_t get_block(private_pcapng_format_t *this, input_t *input, uint32_t *type,
						 size_t *len, const char **error)
{
	static const char *truncated = "truncated within a block";
	chunk_t block;
	size_t needed;

	block = input->peek(input, BLOCK_LEN);
	if (block.len < BLOCK_LEN)
	{
		*error = block.len ? truncated : NULL;
		return chunk_empty;
	}
	*type = get32(this, block, 0);
	if (*type == SECTION_HEADER && !begin_section(this, input->peek(input, SECTION_LEN)))
	{
		*error = "the header of a section is damaged";
		return chunk_empty;
	}
	block = input->peek(input, BLOCK_LEN);
	*len = get32(this, block, 4);
	if (*len < BLOCK_LEN || *len % 4)
	{
		*error = "a block has an impossible length, the file is damaged";
		return chunk_empty;
	}
	switch (*type)
	{
		case INTERFACE_DESCRIPTION:
			needed = min(*len, MAX_DESCRIPTION);
			break;
		case ENHANCED_PACKET:
		case OBSOLETE_PACKET:
		case SIMPLE_PACKET:
			needed = *len;
			break;
		default:
			needed = BLOCK_LEN;
			break;
	}
	if (needed > CAPTURE_FORMAT_MAX_LEN)
	{
		*error = "a packet has an impossible length, the file is damaged";
		return chunk_empty;
	}
	block = input->peek(input, needed);
	if (block.len < needed)
	{
		*error = truncated;
		return chunk_empty;
	}
	return block;
}

METHOD(capture_format_t, read_, bool,
	private_pcapng_format_t *this, input_t *input, trace_packet_t *packet,
	const char **error)
{
	bool found, valid = TRUE;
	uint32_t type = 0;
	chunk_t block;
	size_t len = 0;

	while ((block = get_block(this, input, &type, &len, error)).len)
	{
		found = FALSE;
		switch (type)
		{
			case INTERFACE_DESCRIPTION:
				valid = block.len >= INTERFACE_LEN + 4 && add_interface(this, block);
				break;
			case ENHANCED_PACKET:
			case OBSOLETE_PACKET:
			case SIMPLE_PACKET:
				found = valid = parse_packet(this, type, block, packet);
				break;
		}
		if (!valid)
		{
			*error = "a block is malformed, or of an unknown interface";
			return FALSE;
		}
		if (!input->skip(input, len))
		{
			*error = "truncated within a block";
			return FALSE;
		}
		if (found)
		{	/* skipping keeps what is in the buffer, which has the whole block */
			return TRUE;
		}
	}
	return FALSE;
}

METHOD(capture_format_t, destroy, void,
	private_pcapng_format_t *this)
{
	array_destroy(this->interfaces);
	free(this);
}

/*
 * Described in header
 */
capture_format_t *pcapng_format_create(input_t *input, const char **reason)
{
	private_pcapng_format_t *this;

	INIT(this,
		.public = {
			.read = _read_,
			.destroy = _destroy,
		},
	);
	if (get32(this, input->peek(input, BLOCK_LEN), 0) != SECTION_HEADER ||
		!begin_section(this, input->peek(input, SECTION_LEN)))
	{
		*reason = "the header of its first section is damaged";
		destroy(this);
		return NULL;
	}
	return &this->public;
}

/*
 * Described in header
 */
capture_format_t *capture_format_create(input_t *input, const char **reason)
{
	/* the same in any byte order */
	uint32_t begin = SECTION_HEADER;

	if (chunk_equals(input->peek(input, sizeof(begin)), chunk_from_thing(begin)))
	{
		return pcapng_format_create(input, reason);
	}
	return pcap_format_create(input, reason);
}
