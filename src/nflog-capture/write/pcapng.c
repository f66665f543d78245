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

#include "pcapng.h"
#include "cli/text.h"
#include "read/link_type.h"

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

/*
 * Described in header
 */
void pcapng_option_text(nflog_pcapng_blocks_t *blocks, uint16_t code, const char *text)
{
	char *escaped = text_escape(text);

	nflog_pcapng_option(blocks, code, chunk_from_str(escaped));
	free(escaped);
}

/**
 * Add the block of a packet.
 *
 * @param interface	what its interface is for
 */
static void add_packet(nflog_pcapng_blocks_t *blocks, uint32_t interface,
					   struct timeval *time, chunk_t data, size_t len, char *comment)
{
	nflog_pcapng_packet(blocks, interface, nflog_pcapng_usec(time), data, len);
	nflog_pcapng_option(blocks, PCAPNG_COMMENT,
				  chunk_create((u_char*)comment, strnlen(comment, MAX_TEXT)));
	nflog_pcapng_end(blocks);
}

/*
 * Described in header
 */
void blocks_add_packet(nflog_pcapng_blocks_t *blocks, u_int layers, uint16_t link,
					   struct timeval *time, chunk_t data, size_t len, char *comment)
{
	add_packet(blocks, layers ?: OF_TRACE | link, time, data, len, comment);
}

/*
 * Described in header
 */
size_t blocks_copy_packet(nflog_pcapng_blocks_t *blocks, nflog_pcapng_blocks_t *from,
						  size_t pos, const char *text)
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
	{	/* the only option is the comment, as add_packet() puts it there */
		memcpy(&len, option + 2, sizeof(len));
		memcpy(comment, option + 4, min(len, MAX_TEXT));
	}
	snprintf(comment + len, sizeof(comment) - len, "%s", text);
	nflog_pcapng_begin(blocks, PCAPNG_ENHANCED_PACKET);
	nflog_pcapng_add(blocks, chunk_from_thing(fixed));
	nflog_pcapng_add(blocks, data);
	nflog_pcapng_option(blocks, PCAPNG_COMMENT,
				  chunk_create((u_char*)comment, strnlen(comment, MAX_TEXT)));
	nflog_pcapng_end(blocks);
	return total;
}

/**
 * Write the description of the next interface.
 */
static bool write_interface(private_pcapng_t *this, uint32_t interface)
{
	bool of_trace = interface & OF_TRACE;
	u_int number = of_trace ? 1 : interface, i;
	nflog_pcapng_blocks_t blocks = {};
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
	nflog_pcapng_interface(&blocks, of_trace ? interface : LINKTYPE_RAW,
						   PCAPNG_MICROSECONDS, name, "");
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
	private_pcapng_t *this, nflog_pcapng_blocks_t *blocks, size_t begin, size_t end)
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
	nflog_pcapng_blocks_t blocks = {};

	nflog_pcapng_section(&blocks, "nflog-capture decrypt", "");
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
