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

#include "checker.h"
#include "keyring/key_import.h"
#include "read/line.h"

#include <errno.h>
#include <inttypes.h>

typedef struct sink_t sink_t;

/**
 * Collects SPIs.
 */
struct sink_t {
	/** public interface */
	key_import_sink_t public;
	/** where to put them */
	hashtable_t *spis;
};

/**
 * Add an SPI.
 */
static void add_spi(sink_t *this, uint64_t spi, int digits)
{
	char *name;

	if (asprintf(&name, "%.*" PRIx64, digits, spi) < 0)
	{
		return;
	}
	if (this->spis->get(this->spis, name))
	{
		free(name);
		return;
	}
	this->spis->put(this->spis, name, name);
}

METHOD(key_import_sink_t, add_sa, void,
	sink_t *this, nflog_key_sa_t *sa)
{
	if (!sa->any_spi)
	{
		add_spi(this, sa->spi, NFLOG_ESP_DIGITS);
	}
	nflog_key_sa_destroy(sa);
}

METHOD(key_import_sink_t, add_ike, void,
	sink_t *this, nflog_key_ike_t *ike)
{
	add_spi(this, ike->spi_i, NFLOG_IKE_DIGITS);
	nflog_key_ike_destroy(ike);
}

/*
 * Described in header
 */
bool check_keys(FILE *file, check_keys_t *result)
{
	sink_t sink = {
		.public = {
			.add_sa = _add_sa,
			.add_ike = _add_ike,
		},
		.spis = hashtable_create(hashtable_hash_str, hashtable_equals_str, 32),
	};
	key_import_t *import = key_import_create(&sink.public);
	/* our own buffers, so that they can be wiped */
	uint8_t buf[4096], content[NFLOG_KEY_FILE_MAX_LINE];
	chunk_t line = chunk_from_thing(content);
	const char *reason;
	u_int number = 0;
	int error;

	*result = (check_keys_t){ .spis = sink.spis };
	setvbuf(file, (char*)buf, _IOFBF, sizeof(buf));
	errno = 0;
	while (line_read(file, &line))
	{
		number++;
		/* fails if the line fills the buffer, and so may be truncated */
		if (!import->parse(import, line, &reason))
		{
			result->line = result->line ?: number;
			result->wrong++;
		}
		line.len = sizeof(content);
	}
	error = ferror(file) ? errno : 0;
	if (!import->finish(import, &reason))
	{
		result->line = result->line ?: number;
		result->wrong++;
	}
	import->destroy(import);
	memwipe(content, sizeof(content));
	fclose(file);
	memwipe(buf, sizeof(buf));
	errno = error;
	return !error;
}

/**
 * Free an SPI.
 */
static void spi_destroy(void *value, const void *key)
{
	free(value);
}

/*
 * Described in header
 */
void check_keys_clear(check_keys_t *result)
{
	if (result->spis)
	{
		result->spis->destroy_function(result->spis, spi_destroy);
		result->spis = NULL;
	}
}
