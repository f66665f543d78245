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

/** types of blocks and options, as the specification of pcapng has them */
#define SECTION_HEADER 0x0a0d0d0a
#define INTERFACE_DESCRIPTION 1
#define ENHANCED_PACKET 6
#define OPT_COMMENT 1
#define OPT_IF_NAME 2
#define OPT_USERAPPL 4

#define LINKTYPE_RAW 101

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
	 * What is written to.
	 */
	output_t *output;

	/**
	 * Link type of the packets of the trace.
	 */
	uint16_t type;

	/**
	 * Number of interfaces that were described.
	 */
	u_int interfaces;
};

/**
 * Add an option with text, and the end of options.  All is in host order.
 *
 * @return			bytes used
 */
static size_t add_option(uint8_t *buf, uint16_t code, char *text)
{
	uint16_t len = min(strlen(text), MAX_TEXT);
	size_t padded = (len + 3) & ~3;

	memset(buf, 0, padded + 8);
	memcpy(buf, &code, sizeof(code));
	memcpy(buf + 2, &len, sizeof(len));
	memcpy(buf + 4, text, len);
	return padded + 8;
}

/**
 * Write a block.
 */
static bool write_block(private_pcapng_t *this, uint32_t type, chunk_t fixed,
						chunk_t data, uint16_t code, char *text)
{
	uint8_t option[MAX_TEXT + 12], zeros[4] = {};
	size_t len = 0, padding = -data.len & 3;
	uint32_t total;

	if (text)
	{
		len = add_option(option, code, text);
	}
	total = 12 + fixed.len + data.len + padding + len;
	return this->output->write(this->output, chunk_from_thing(type)) &&
		   this->output->write(this->output, chunk_from_thing(total)) &&
		   this->output->write(this->output, fixed) &&
		   this->output->write(this->output, data) &&
		   this->output->write(this->output, chunk_create(zeros, padding)) &&
		   this->output->write(this->output, chunk_create(option, len)) &&
		   this->output->write(this->output, chunk_from_thing(total));
}

/**
 * Describe the next interface.
 */
static bool write_interface(private_pcapng_t *this)
{
	struct {
		uint16_t type, reserved;
		uint32_t snaplen;
	} fixed = { .type = this->interfaces ? LINKTYPE_RAW : this->type };
	char name[32] = "trace";

	if (this->interfaces == 1)
	{
		snprintf(name, sizeof(name), "decrypted");
	}
	else if (this->interfaces)
	{
		snprintf(name, sizeof(name), "decrypted %u", this->interfaces);
	}
	this->interfaces++;
	return write_block(this, INTERFACE_DESCRIPTION, chunk_from_thing(fixed),
					   chunk_empty, OPT_IF_NAME, name);
}

METHOD(pcapng_t, write_, bool,
	private_pcapng_t *this, u_int layers, struct timeval *time, chunk_t data,
	size_t len, char *comment)
{
	uint64_t usec = time->tv_sec * 1000000ULL + time->tv_usec;
	uint32_t fixed[] = { layers, usec >> 32, usec, data.len, len };

	/* many layers are rare, there is no need to describe them all */
	while (this->interfaces <= layers)
	{
		if (!write_interface(this))
		{
			return FALSE;
		}
	}
	return write_block(this, ENHANCED_PACKET, chunk_from_thing(fixed), data,
					   OPT_COMMENT, comment);
}

/**
 * Write the header of the file, and those of the first two interfaces.
 */
static void write_header(private_pcapng_t *this)
{
	struct {
		uint32_t magic;
		uint16_t major, minor;
		int64_t len;
	} __attribute__((packed)) section = { 0x1a2b3c4d, 1, 0, -1 };

	write_block(this, SECTION_HEADER, chunk_from_thing(section), chunk_empty,
				OPT_USERAPPL, "nflog-capture decrypt");
	write_interface(this);
	write_interface(this);
}

METHOD(pcapng_t, destroy, void,
	private_pcapng_t *this)
{
	free(this);
}

/*
 * Described in header
 */
pcapng_t *pcapng_create(output_t *output, uint16_t type)
{
	private_pcapng_t *this;

	INIT(this,
		.public = {
			.write = _write_,
			.destroy = _destroy,
		},
		.output = output,
		.type = type,
	);
	write_header(this);
	return &this->public;
}
