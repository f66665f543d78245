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

#include "settings.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include <collections/linked_list.h>

#ifndef SWANCTLDIR
#define SWANCTLDIR "/etc/swanctl"
#endif

/** sections one within the other: connections.<conn>.children.<child>.nflog-capture */
#define DEPTH 5

/**
 * Paths of sections, by how deep they are.
 */
static char *formats[DEPTH + 1] = {
	"%s.plugins.nflog-capture",
	"%s.plugins.nflog-capture.%s",
	"%s.plugins.nflog-capture.%s.%s",
	"%s.plugins.nflog-capture.%s.%s.%s",
	"%s.plugins.nflog-capture.%s.%s.%s.%s",
	"%s.plugins.nflog-capture.%s.%s.%s.%s.%s",
};

/**
 * Get the names of the sections in a section, settings are locked while they are
 * enumerated.
 */
static linked_list_t *get_names(char *path[DEPTH], u_int depth)
{
	enumerator_t *enumerator;
	linked_list_t *names;
	char *name;

	names = linked_list_create();
	enumerator = lib->settings->create_section_enumerator(lib->settings,
									formats[depth], lib->ns, path[0], path[1],
									path[2], path[3], path[4]);
	while (enumerator->enumerate(enumerator, &name))
	{
		names->insert_last(names, strdup(name));
	}
	enumerator->destroy(enumerator);
	return names;
}

/**
 * Copy a section, and those in it.
 */
static void copy(nflog_sections_t *sections, char *path[DEPTH], u_int depth)
{
	enumerator_t *enumerator;
	linked_list_t *names;
	char *name, *value;

	enumerator = lib->settings->create_key_value_enumerator(lib->settings,
									formats[depth], lib->ns, path[0], path[1],
									path[2], path[3], path[4]);
	while (enumerator->enumerate(enumerator, &name, &value))
	{
		sections->set(sections, strdup(name), strdup(value));
	}
	enumerator->destroy(enumerator);

	names = get_names(path, depth);
	while (names->remove_first(names, (void**)&name) == SUCCESS)
	{
		sections->begin(sections, strdup(name));
		if (depth < DEPTH)
		{
			path[depth] = name;
			copy(sections, path, depth + 1);
			path[depth] = NULL;
		}
		sections->end(sections);
		free(name);
	}
	names->destroy(names);
}

/*
 * Described in header
 */
nflog_sections_t *nflog_settings_copy()
{
	nflog_sections_t *sections;
	char *path[DEPTH] = {};

	sections = nflog_sections_create();
	copy(sections, path, 0);
	return sections;
}

/**
 * Get the path of swanctl.conf as swanctl does.
 */
static void get_default(char *path, size_t len)
{
	snprintf(path, len, "%s/swanctl.conf", getenv("SWANCTL_DIR") ?: SWANCTLDIR);
}

/*
 * Described in header
 */
bool nflog_settings_is_default(char *path)
{
	char standard[PATH_MAX];

	get_default(standard, sizeof(standard));
	return streq(path, standard);
}

/*
 * Described in header
 */
char *nflog_settings_get_path()
{
	char path[PATH_MAX];

	get_default(path, sizeof(path));
	return strdup(lib->settings->get_str(lib->settings,
							"%s.plugins.nflog-capture.swanctl_conf", path, lib->ns));
}
