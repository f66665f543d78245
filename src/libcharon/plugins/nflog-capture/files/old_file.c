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

#include "old_file.h"

/*
 * Described in header
 */
void nflog_old_file_destroy(nflog_old_file_t *file)
{
	free(file->conn);
	free(file->name);
	free(file);
}

/**
 * Order files by trace, and in each of them those with later packets first, and what was
 * decrypted last.
 */
static int compare_traces(const void *a, const void *b, void *user)
{
	const nflog_old_file_t *x = a, *y = b;
	int diff = strcmp(x->conn, y->conn);

	if (!diff)
	{
		diff = strncmp(x->name, y->name, max(x->stem, y->stem));
	}
	if (!diff && x->number != y->number)
	{
		diff = x->number < y->number ? 1 : -1;
	}
	return diff ?: x->decrypted - y->decrypted;
}

/**
 * Order files by age, the oldest one first, what was decrypted from it before it.
 */
static int compare_ages(const void *a, const void *b, void *user)
{
	const nflog_old_file_t *x = a, *y = b;

	if (x->time != y->time)
	{
		return x->time < y->time ? -1 : 1;
	}
	return -compare_traces(a, b, user);
}

/**
 * Check if two files are of the same trace.
 */
static bool is_same_trace(nflog_old_file_t *a, nflog_old_file_t *b)
{
	return a->stem == b->stem && streq(a->conn, b->conn) &&
		   strneq(a->name, b->name, a->stem);
}

/**
 * Sort files by age.
 */
static void sort(array_t *files)
{
	nflog_old_file_t *file, *later = NULL;
	enumerator_t *enumerator;

	array_sort(files, compare_traces, NULL);
	enumerator = array_create_enumerator(files);
	while (enumerator->enumerate(enumerator, &file))
	{
		if (later && is_same_trace(later, file))
		{
			file->time = min(file->time, later->time);
		}
		later = file;
	}
	enumerator->destroy(enumerator);
	array_sort(files, compare_ages, NULL);
}

/*
 * Described in header
 */
array_t *nflog_old_file_select(array_t *files, u_int count)
{
	nflog_old_file_t *file;
	array_t *kept;

	sort(files);
	kept = array_create(0, 0);
	while (array_remove(files, ARRAY_HEAD, &file))
	{
		if (file->stays || array_count(kept) >= count)
		{
			nflog_old_file_destroy(file);
		}
		else
		{
			array_insert(kept, ARRAY_TAIL, file);
		}
	}
	array_destroy(files);
	return kept;
}
