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

#include "link_type.h"
#include "pcapng.h"

/** types of blocks and options (draft-ietf-opsawg-pcapng) */
#define SECTION_HEADER 0x0a0d0d0a
#define INTERFACE_DESCRIPTION 1
#define ENHANCED_PACKET 6
#define OPT_COMMENT 1
#define OPT_IF_NAME 2
#define OPT_USERAPPL 4

/** set for packets of the trace until their interface is known, with the link type */
#define OF_TRACE 0x10000

/** most interfaces of a file, all other link types share the last one */
#define MAX_INTERFACES 64

/** position in a block of its length, and of the interface */
#define POS_LEN 4
#define POS_INTERFACE 8

/** longest name or comment */
#define MAX_TEXT 1024

typedef struct private_pcapng_t private_pcapng_t;

/**
 * Private data.
 */
struct private_pcapng_t {

	/**
	 * Public interface.
	 */
	pcapng_t public;

	/**
	 * Output, not owned.
	 */
	output_t *output;

	/**
	 * Interfaces that were described, the trace's with their link type and OF_TRACE, and
	 * others with the number of layers.
	 */
	uint32_t interfaces[MAX_INTERFACES];

	/**
	 * Number of these.
	 */
	u_int count;
};

/**
 * Extend the used bytes, return the position of the new ones.
 */
static uint8_t *extend(blocks_t *blocks, size_t len)
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

/**
 * Copy bytes, return the position after them.
 */
static uint8_t *append(uint8_t *pos, chunk_t data)
{
	if (data.len)
	{
		memcpy(pos, data.ptr, data.len);
	}
	return pos + data.len;
}

/**
 * Add a block, in host order.
 *
 * @param fixed		fields of fixed length
 * @param data		data that follows these, gets padded
 * @param code		code of the option that follows the data
 * @param text		text of that option, NULL or empty for none
 */
static void add_block(blocks_t *blocks, uint32_t type, chunk_t fixed, chunk_t data,
					  uint16_t code, char *text)
{
	static uint8_t zeros[4] = {};
	size_t data_padding = -data.len & 3, padding = 0;
	struct {
		uint16_t code, len;
	} option = { .code = code };
	uint32_t total;
	uint8_t *pos;

	total = 12 + fixed.len + data.len + data_padding;
	if (text && *text)
	{
		option.len = min(strlen(text), MAX_TEXT);
		padding = -option.len & 3;
		/* followed by the end of options, all zero */
		total += sizeof(option) + option.len + padding + sizeof(option);
	}
	pos = extend(blocks, total);
	pos = append(pos, chunk_from_thing(type));
	pos = append(pos, chunk_from_thing(total));
	pos = append(pos, fixed);
	pos = append(pos, data);
	pos = append(pos, chunk_create(zeros, data_padding));
	if (option.len)
	{
		pos = append(pos, chunk_from_thing(option));
		pos = append(pos, chunk_create((u_char*)text, option.len));
		pos = append(pos, chunk_create(zeros, padding));
		pos = append(pos, chunk_from_thing(zeros));
	}
	append(pos, chunk_from_thing(total));
}

/*
 * Described in header
 */
void blocks_add_packet(blocks_t *blocks, u_int layers, uint16_t link,
					   struct timeval *time, chunk_t data, size_t len, char *comment)
{
	uint64_t usec = time->tv_sec * 1000000ULL + time->tv_usec;
	uint32_t fixed[] = {
		layers ?: OF_TRACE | link, usec >> 32, usec, data.len, len,
	};

	add_block(blocks, ENHANCED_PACKET, chunk_from_thing(fixed), data, OPT_COMMENT,
			  comment);
}

/*
 * Described in header
 */
size_t blocks_copy_packet(blocks_t *blocks, blocks_t *from, size_t pos,
						  const char *text)
{
	uint8_t *block = from->data.ptr + pos, *option;
	char comment[MAX_TEXT + 1] = "";
	uint32_t total, fixed[5];
	uint16_t len = 0;
	chunk_t data;

	memcpy(&total, block + POS_LEN, sizeof(total));
	memcpy(fixed, block + POS_INTERFACE, sizeof(fixed));
	data = chunk_create(block + POS_INTERFACE + sizeof(fixed), fixed[3]);
	option = data.ptr + data.len + (-data.len & 3);
	if (option + 4 < block + total)
	{	/* the only option is the comment, as add_block() puts it there */
		memcpy(&len, option + 2, sizeof(len));
		memcpy(comment, option + 4, min(len, MAX_TEXT));
	}
	snprintf(comment + len, sizeof(comment) - len, "%s", text);
	add_block(blocks, ENHANCED_PACKET, chunk_from_thing(fixed), data, OPT_COMMENT,
			  comment);
	return total;
}

/**
 * Write the description of the next interface.
 */
static bool write_interface(private_pcapng_t *this, uint32_t interface)
{
	bool of_trace = interface & OF_TRACE;
	struct {
		uint16_t type, reserved;
		uint32_t snaplen;
	} fixed = { .type = of_trace ? interface : LINKTYPE_RAW };
	u_int number = of_trace ? 1 : interface, i;
	blocks_t blocks = {};
	bool success;
	char name[32];

	for (i = 0; of_trace && i < this->count; i++)
	{
		number += (this->interfaces[i] & OF_TRACE) != 0;
	}
	snprintf(name, sizeof(name), "%s", of_trace ? "trace" : "decrypted");
	if (number > 1)
	{
		snprintf(name + strlen(name), sizeof(name) - strlen(name), " %u", number);
	}
	add_block(&blocks, INTERFACE_DESCRIPTION, chunk_from_thing(fixed), chunk_empty,
			  OPT_IF_NAME, name);
	success = this->output->write(this->output,
								  chunk_create(blocks.data.ptr, blocks.used));
	free(blocks.data.ptr);
	return success;
}

/**
 * Get the number of an interface.
 *
 * @return			number, that of the next one if it was not described yet
 */
static u_int find_interface(private_pcapng_t *this, uint32_t interface)
{
	u_int i;

	for (i = 0; i < this->count && this->interfaces[i] != interface; i++)
	{
		/* there are few */
	}
	return i;
}

METHOD(pcapng_t, write_, bool,
	private_pcapng_t *this, blocks_t *blocks, size_t begin, size_t end)
{
	uint32_t interface, number, len;
	size_t pos;

	for (pos = begin; pos < end; pos += len)
	{
		memcpy(&len, blocks->data.ptr + pos + POS_LEN, sizeof(len));
		memcpy(&interface, blocks->data.ptr + pos + POS_INTERFACE, sizeof(interface));
		number = find_interface(this, interface);
		if (number == MAX_INTERFACES)
		{
			number--;
		}
		else if (number == this->count)
		{	/* described when needed, before the first packet of it */
			if (!this->output->write(this->output, chunk_create(
									blocks->data.ptr + begin, pos - begin)) ||
				!write_interface(this, interface))
			{
				return FALSE;
			}
			this->interfaces[this->count++] = interface;
			begin = pos;
		}
		memcpy(blocks->data.ptr + pos + POS_INTERFACE, &number, sizeof(number));
	}
	return this->output->write(this->output, chunk_create(blocks->data.ptr + begin,
														  end - begin));
}

/**
 * Write the header of the file.
 */
static void write_header(private_pcapng_t *this)
{
	struct {
		uint32_t magic;
		uint16_t major, minor;
		int64_t len;
	} __attribute__((packed)) section = { 0x1a2b3c4d, 1, 0, -1 };
	blocks_t blocks = {};

	add_block(&blocks, SECTION_HEADER, chunk_from_thing(section), chunk_empty,
			  OPT_USERAPPL, "nflog-capture decrypt");
	this->output->write(this->output, chunk_create(blocks.data.ptr, blocks.used));
	free(blocks.data.ptr);
}

METHOD(pcapng_t, destroy, void,
	private_pcapng_t *this)
{
	free(this);
}

/*
 * Described in header
 */
pcapng_t *pcapng_create(output_t *output)
{
	private_pcapng_t *this;

	INIT(this,
		.public = {
			.write = _write_,
			.destroy = _destroy,
		},
		.output = output,
	);
	write_header(this);
	return &this->public;
}
