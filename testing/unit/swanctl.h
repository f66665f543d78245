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
 * What tests of the options need: swanctl.conf in the test's directory, and the
 * options that are read from it.
 */

#ifndef SWANCTL_H_
#define SWANCTL_H_

#include "common.h"
#include "options/options.h"

#include <sys/stat.h>

/** what is tested */
static nflog_options_t *options;

/** options of a child that make it recognizable */
#define CHILD(name, snaplen) "connections { gw { children { " name " { " \
	"nflog-capture { enable = yes\n snaplen = " #snaplen "\n } } } } }\n"

/**
 * Get the path of a file in our directory.
 */
static inline char *path(char *name)
{
	static __thread char buf[PATH_MAX];

	snprintf(buf, sizeof(buf), "%s/%s", dir, name);
	return buf;
}

/**
 * Write a file in our directory, in place.
 */
static inline void overwrite(char *name, char *content)
{
	FILE *file;

	file = fopen(path(name), "w");
	assert_non_null(file);
	fputs(content, file);
	fclose(file);
}

/**
 * Write a file in our directory, which is never there in part.
 */
static inline void put(char *name, char *content)
{
	char *new;

	overwrite("new", content);
	new = strdup(path("new"));
	assert_int_equal(rename(new, path(name)), 0);
	free(new);
}

/**
 * Wait until changes have been read.
 */
static inline void update()
{
	assert_true(options->update(options, 60000));
}

/**
 * Get the snaplen of a child, 0 if it is not captured.
 */
static inline u_int look_up(char *child)
{
	nflog_candidate_t candidate = { .conn = "gw", .child = child };
	nflog_cfg_t *cfg;
	u_int snaplen = 0;

	cfg = options->get(options, &candidate, FALSE, TRUE);
	if (cfg)
	{
		snaplen = cfg->snaplen;
		nflog_cfg_destroy(cfg);
	}
	return snaplen;
}

#endif /* SWANCTL_H_ */
