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

#define _GNU_SOURCE

#include "pcapng.h"

#include <errno.h>
#include <unistd.h>

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
	 * Path of the file.
	 */
	char *path;

	/**
	 * Path while it is written, NULL for stdout.
	 */
	char *temp;

	/**
	 * File that is written.
	 */
	FILE *file;
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
static void write_block(private_pcapng_t *this, uint32_t type, chunk_t fixed,
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
	fwrite(&type, sizeof(type), 1, this->file);
	fwrite(&total, sizeof(total), 1, this->file);
	fwrite(fixed.ptr, fixed.len, 1, this->file);
	if (data.len)
	{
		fwrite(data.ptr, data.len, 1, this->file);
	}
	fwrite(zeros, padding, 1, this->file);
	fwrite(option, len, 1, this->file);
	fwrite(&total, sizeof(total), 1, this->file);
}

METHOD(pcapng_t, write_, void,
	private_pcapng_t *this, bool plain, struct timeval *time, chunk_t data,
	size_t len, char *comment)
{
	uint64_t usec = time->tv_sec * 1000000ULL + time->tv_usec;
	uint32_t fixed[] = { plain, usec >> 32, usec, data.len, len };

	write_block(this, ENHANCED_PACKET, chunk_from_thing(fixed), data,
				OPT_COMMENT, comment);
}

/**
 * Write the header of the file.
 */
static void write_header(private_pcapng_t *this, uint16_t type)
{
	struct {
		uint32_t magic;
		uint16_t major, minor;
		int64_t len;
	} __attribute__((packed)) section = { 0x1a2b3c4d, 1, 0, -1 };
	struct {
		uint16_t type, reserved;
		uint32_t snaplen;
	} wire = { .type = type }, plain = { .type = LINKTYPE_RAW };

	write_block(this, SECTION_HEADER, chunk_from_thing(section), chunk_empty,
				OPT_USERAPPL, "nflog-capture decrypt");
	write_block(this, INTERFACE_DESCRIPTION, chunk_from_thing(wire),
				chunk_empty, OPT_IF_NAME, "trace");
	write_block(this, INTERFACE_DESCRIPTION, chunk_from_thing(plain),
				chunk_empty, OPT_IF_NAME, "decrypted");
}

METHOD(pcapng_t, finish, bool,
	private_pcapng_t *this)
{
	bool failed;

	failed = ferror(this->file) || fflush(this->file) != 0;
	if (this->temp && !failed)
	{
		failed = rename(this->temp, this->path) != 0;
		if (!failed)
		{
			free(this->temp);
			this->temp = NULL;
		}
	}
	if (failed)
	{
		fprintf(stderr, "writing %s failed: %s\n", this->path, strerror(errno));
	}
	return !failed;
}

METHOD(pcapng_t, destroy, void,
	private_pcapng_t *this)
{
	if (this->temp)
	{
		unlink(this->temp);
	}
	fclose(this->file);
	free(this->temp);
	free(this);
}

/*
 * Described in header
 */
pcapng_t *pcapng_create(char *path, uint16_t type)
{
	private_pcapng_t *this;
	int fd;

	INIT(this,
		.public = {
			.write = _write_,
			.finish = _finish,
			.destroy = _destroy,
		},
		.path = path,
	);
	if (streq(path, "-"))
	{
		fd = dup(STDOUT_FILENO);
	}
	else
	{
		fd = asprintf(&this->temp, "%s.XXXXXX", path) < 0 ? -1
														 : mkstemp(this->temp);
	}
	this->file = fd < 0 ? NULL : fdopen(fd, "w");
	if (!this->file)
	{
		fprintf(stderr, "creating %s failed: %s\n", path, strerror(errno));
		if (fd >= 0)
		{
			close(fd);
			unlink(this->temp ?: "");
		}
		free(this->temp);
		free(this);
		return NULL;
	}
	write_header(this, type);
	return &this->public;
}
