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

#include "inputs.h"

#include "secrets.h"

/**
 * Add the files of a trace.
 */
static void add_files(array_t *paths, capture_t *capture)
{
	enumerator_t *enumerator;
	char *file, *path;

	enumerator = array_create_enumerator(capture->files);
	while (enumerator->enumerate(enumerator, &file))
	{
		if (asprintf(&path, "%s/%s", capture->dir, file) > 0)
		{
			array_insert(paths, ARRAY_TAIL, path);
		}
	}
	enumerator->destroy(enumerator);
}

/*
 * Described in header
 */
char **inputs_create(captures_t *captures, array_t *named)
{
	array_t *paths = array_create(0, 0);
	enumerator_t *enumerator;
	capture_t *capture;
	char **inputs, *path, *dir = NULL;
	int i = 0;

	enumerator = array_create_enumerator(named);
	while (enumerator->enumerate(enumerator, &path))
	{
		array_insert(paths, ARRAY_TAIL, strdup(path));
	}
	enumerator->destroy(enumerator);
	/* those of a directory follow each other */
	enumerator = captures->create_enumerator(captures);
	while (enumerator->enumerate(enumerator, &capture))
	{
		if (!dir || !streq(dir, capture->dir))
		{
			dir = capture->dir;
			secrets_add_paths(dir, paths);
		}
		add_files(paths, capture);
	}
	enumerator->destroy(enumerator);
	inputs = calloc(array_count(paths) + 1, sizeof(char*));
	while (array_remove(paths, ARRAY_HEAD, &path))
	{
		inputs[i++] = path;
	}
	array_destroy(paths);
	return inputs;
}

/*
 * Described in header
 */
void inputs_destroy(char **inputs)
{
	int i;

	for (i = 0; inputs && inputs[i]; i++)
	{
		free(inputs[i]);
	}
	free(inputs);
}
