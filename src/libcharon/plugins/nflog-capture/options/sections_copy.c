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

#include "sections.h"

/** depth of connections.<conn>.children.<child>.nflog-capture */
#define COPY_DEPTH 5

/**
 * Copy a section of lib->settings, and those in it.
 *
 * @param path		names of sections below that of the plugin
 * @param depth		number of these
 */
static void copy(nflog_sections_t *this, char *path[COPY_DEPTH], u_int depth)
{
	/* names are passed as arguments as they may contain anything */
	static char *formats[COPY_DEPTH + 1] = {
		"%s.plugins.nflog-capture",
		"%s.plugins.nflog-capture.%s",
		"%s.plugins.nflog-capture.%s.%s",
		"%s.plugins.nflog-capture.%s.%s.%s",
		"%s.plugins.nflog-capture.%s.%s.%s.%s",
		"%s.plugins.nflog-capture.%s.%s.%s.%s.%s",
	};
	enumerator_t *enumerator;
	char *name, *value;

	enumerator = lib->settings->create_key_value_enumerator(lib->settings,
									formats[depth], lib->ns, path[0], path[1],
									path[2], path[3], path[4]);
	while (enumerator->enumerate(enumerator, &name, &value))
	{
		this->set(this, strdup(name), strdup(value), NULL);
	}
	enumerator->destroy(enumerator);

	enumerator = lib->settings->create_section_enumerator(lib->settings,
									formats[depth], lib->ns, path[0], path[1],
									path[2], path[3], path[4]);
	while (enumerator->enumerate(enumerator, &name))
	{
		this->begin(this, strdup(name));
		if (depth < COPY_DEPTH)
		{
			path[depth] = name;
			copy(this, path, depth + 1);
		}
		this->end(this);
	}
	enumerator->destroy(enumerator);
}

/*
 * Described in header
 */
nflog_sections_t *nflog_sections_create_copy()
{
	nflog_sections_t *this;
	char *path[COPY_DEPTH] = {};

	this = nflog_sections_create();
	copy(this, path, 0);
	return this;
}
