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

/*
 * Key tables that are in a directory when a capture begins, and names of files there: the
 * first byte selects the table.
 */

#include "lib/fuzz.h"

#include "files/trace_name.h"
#include "keys/keytable.h"
#include "process/secret.h"

static chunk_t content;

/*
 * A store with this content of each file, and to write to no file.
 */

static bool read_file(nflog_store_t *this, char *conn, char *name, chunk_t *read)
{
	*read = nflog_secret_clone(content);
	return TRUE;
}

static bool replace_file(nflog_store_t *this, char *conn, char *name, chunk_t written)
{
	return TRUE;
}

static nflog_store_t store = {
	.read_file = (void*)read_file,
	.replace_file = (void*)replace_file,
};

/**
 * Keep every other row.
 */
static bool keep(void *data, chunk_t spi)
{
	u_int *count = data;

	return (*count)++ & 1;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	fuzz_init();
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char spis[2][NFLOG_IKE_DIGITS + 1], *name;
	nflog_keytable_t *table;
	u_int count = 0;

	if (!size)
	{
		return 0;
	}
	content = chunk_create((u_char*)data + 1, size - 1);
	table = nflog_keytable_create(&store, "gw", data[0] % TABLE_MAX);
	table->keep(table, keep, &count);
	table->write(table);
	table->destroy(table);

	name = strndup((char*)data + 1, size - 1);
	nflog_trace_name_parse(name, spis);
	nflog_trace_name_get_start(name);
	nflog_trace_name_is_tmp(name);
	free(name);
	return 0;
}
