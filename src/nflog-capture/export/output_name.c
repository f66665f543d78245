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

#include "output_name.h"

#include <libgen.h>
#include <sys/stat.h>

/*
 * Described in header
 */
char *output_name_replace(char *path, char *suffix)
{
	char *copy = strdup(path), *dot, *result;
	size_t len = strlen(copy);

	while (len > 1 && copy[len - 1] == '/')
	{
		copy[--len] = '\0';
	}
	dot = strrchr(copy, '.');
	if (dot && (streq(dot, ".pcapng") || streq(dot, ".pcap")))
	{
		*dot = '\0';
	}
	if (asprintf(&result, "%s%s", copy, suffix) < 0)
	{
		abort();
	}
	free(copy);
	return result;
}

/*
 * Described in header
 */
char *output_name_create(char *what, char *suffix)
{
	char *name, *path;
	struct stat st;

	/* that of "." is not its last component */
	name = stat(what, &st) == 0 && S_ISDIR(st.st_mode) ? realpath(what, NULL) : NULL;
	name = name ?: strdup(what);
	path = output_name_replace(streq(name, "/") ? "root" : basename(name), suffix);
	free(name);
	return path;
}

/*
 * Described in header
 */
char *output_name_choose(hashtable_t *names, capture_t *capture)
{
	char *name = strdup(capture->name);
	int i;

	for (i = 1; names->get(names, name); i++)
	{
		free(name);
		if ((i == 1 ? asprintf(&name, "%s.%s", capture->conn, capture->name)
					: asprintf(&name, "%s.%d.%s", capture->conn, i, capture->name)) < 0)
		{
			abort();
		}
	}
	names->put(names, name, name);
	return name;
}

/*
 * Described in header
 */
void output_name_destroy(void *name, const void *key)
{
	free(name);
}
