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

#include "pattern.h"

#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>

typedef struct search_t search_t;

/**
 * What limits a search.
 */
struct search_t {

	/** nothing more is found once this is TRUE */
	bool *stop;

	/** entries of directories that may be looked at */
	u_int *entries;
};

/**
 * Limits of the search of this thread, glob(3) passes nothing to its callbacks.
 */
static __thread search_t search;

/**
 * Has the search reached its limits?
 */
static bool is_over()
{
	return *search.stop || !*search.entries;
}

/**
 * Open a directory.
 */
static void *open_dir(const char *path)
{
	if (is_over())
	{
		errno = ECANCELED;
		return NULL;
	}
	return opendir(path);
}

/**
 * Read an entry of a directory.
 */
static struct dirent *read_dir(void *dir)
{
	if (is_over())
	{
		return NULL;
	}
	(*search.entries)--;
	return readdir(dir);
}

/**
 * Close a directory.
 */
static void close_dir(void *dir)
{
	closedir(dir);
}

/*
 * Described in header
 */
bool nflog_pattern_is_deep(char *pattern)
{
	u_int count = 0;

	for (pattern += strcspn(pattern, "*?["); *pattern; pattern++)
	{
		count += *pattern == '/';
	}
	return count > NFLOG_MAX_PATTERNS;
}

/*
 * Described in header
 */
int nflog_pattern_find(char *pattern, int flags, bool *stop, u_int *entries,
					   glob_t *matches)
{
	search.stop = stop;
	search.entries = entries;
	memset(matches, 0, sizeof(*matches));
	matches->gl_opendir = open_dir;
	matches->gl_readdir = read_dir;
	matches->gl_closedir = close_dir;
	matches->gl_stat = stat;
	matches->gl_lstat = lstat;
	return glob(pattern, flags | GLOB_ALTDIRFUNC, NULL, matches);
}

/*
 * Described in header
 */
void nflog_pattern_watch(char *pattern, nflog_watch_t *watch, bool *stop,
						 u_int *entries, u_int *count)
{
	glob_t matches;
	size_t first, i;
	char *pos, *next;

	first = strcspn(pattern, "*?[");
	if (!pattern[first])
	{
		watch->add(watch, pattern);
		return;
	}
	for (pos = strchr(pattern, '/'); pos; pos = next)
	{
		next = strchr(pos + 1, '/');
		if ((next ?: pattern + strlen(pattern)) <= pattern + first)
		{	/* no pattern up to here */
			continue;
		}
		if (next)
		{
			*next = '\0';
		}
		*pos = '\0';
		if (nflog_pattern_find(*pattern ? pattern : "/", GLOB_NOCHECK, stop,
							   entries, &matches) == 0)
		{
			for (i = 0; i < matches.gl_pathc && *count && !*stop; i++)
			{
				watch->add_names(watch, matches.gl_pathv[i], pos + 1);
				(*count)--;
			}
			globfree(&matches);
		}
		*pos = '/';
		if (next)
		{
			*next = '/';
		}
	}
}
