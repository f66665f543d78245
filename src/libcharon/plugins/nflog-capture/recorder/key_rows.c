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

#include "key_rows.h"
#include "process/secret.h"

#include <ctype.h>

/** digits of an SPI at most, and the size of a buffer for them */
#define MAX_DIGITS 16
#define SPI_SIZE (MAX_DIGITS + 1)

/**
 * Check if a word is one of the SPIs.
 */
static bool is_spi(hashtable_t *spis, char *word, size_t len)
{
	char spi[SPI_SIZE];
	size_t i;

	if (len > 2 && word[0] == '0' && tolower(word[1]) == 'x')
	{
		word += 2;
		len -= 2;
	}
	if (len > MAX_DIGITS)
	{
		return FALSE;
	}
	for (i = 0; i < len; i++)
	{
		spi[i] = tolower(word[i]);
	}
	spi[len] = '\0';
	return spis->get(spis, spi) != NULL;
}

/**
 * Check if a row has one of the SPIs as a word.
 */
static bool has_spi(hashtable_t *spis, char *row, size_t len)
{
	size_t i, begin = 0;

	for (i = 0; i <= len; i++)
	{
		if (i < len && isalnum((u_char)row[i]))
		{
			continue;
		}
		if (i > begin && is_spi(spis, row + begin, i - begin))
		{
			return TRUE;
		}
		begin = i + 1;
	}
	return FALSE;
}

/*
 * Described in header
 */
chunk_t nflog_key_rows_select(chunk_t content, hashtable_t *spis)
{
	char *pos = (char*)content.ptr, *end = pos + content.len, *newline;
	chunk_t rows = chunk_create(nflog_secret_alloc(content.len), 0);
	size_t len;

	while (rows.ptr && pos < end)
	{
		newline = memchr(pos, '\n', end - pos);
		len = (newline ? newline + 1 : end) - pos;
		if (*pos == '#' || has_spi(spis, pos, len))
		{
			nflog_secret_copy(rows.ptr + rows.len, pos, len);
			rows.len += len;
		}
		pos += len;
	}
	return rows;
}

/**
 * A row in a hashtable, which does not own it.
 */
static u_int row_hash(const void *key)
{
	return chunk_hash(*(chunk_t*)key);
}

static bool row_equals(const void *key, const void *other_key)
{
	return chunk_equals(*(chunk_t*)key, *(chunk_t*)other_key);
}

/**
 * Take the next row, with its newline, from the begin of others.
 */
static chunk_t take_row(chunk_t *rows)
{
	u_char *newline = memchr(rows->ptr, '\n', rows->len);
	chunk_t row = chunk_create(rows->ptr, newline ? newline + 1 - rows->ptr : rows->len);

	*rows = chunk_skip(*rows, row.len);
	return row;
}

/*
 * Described in header
 */
chunk_t nflog_key_rows_merge(chunk_t rows, chunk_t old)
{
	chunk_t all, rest = old, row, *known;
	hashtable_t *table;

	all = chunk_create(nflog_secret_alloc(rows.len + old.len), 0);
	if (!all.ptr)
	{
		return chunk_empty;
	}
	table = hashtable_create(row_hash, row_equals, 32);
	while (rest.len)
	{
		known = malloc_thing(chunk_t);
		*known = take_row(&rest);
		known = table->put(table, known, known);
		free(known);
	}
	while (rows.len)
	{
		row = take_row(&rows);
		if (!table->get(table, &row))
		{
			nflog_secret_copy(all.ptr + all.len, row.ptr, row.len);
			all.len += row.len;
		}
	}
	nflog_secret_copy(all.ptr + all.len, old.ptr, old.len);
	all.len += old.len;
	table->destroy_function(table, (void*)free);
	return all;
}
