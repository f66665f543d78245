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
 * What several tests need: a directory of their own, and what was logged.
 */

#ifndef COMMON_H_
#define COMMON_H_

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include <library.h>

/** a directory for the test's files */
static char dir[] = "/tmp/nflog-capture-test.XXXXXX";

/** number of lines that were logged on level 1, and the last one of them, but where
 * traces and keys are stored */
static int lines;
static char line[2048];

/** number of lines that say where traces are stored, and where keys are, and the last one */
static int trace_lines, key_lines;
static char stored_line[2048];

/**
 * Keep what is logged on level 1.
 */
static void keep_line(debug_t group, level_t level, char *fmt, ...)
{
	char buf[sizeof(line)];
	va_list args;

	if (level <= LEVEL_CTRL)
	{
		va_start(args, fmt);
		vsnprintf(buf, sizeof(buf), fmt, args);
		va_end(args);
		if (strpfx(buf, "nflog-capture: capturing ") && strstr(buf, "' to /"))
		{
			trace_lines++;
			strcpy(stored_line, buf);
		}
		else if (strpfx(buf, "nflog-capture: KEYS of "))
		{
			key_lines++;
			strcpy(stored_line, buf);
		}
		else
		{
			lines++;
			strcpy(line, buf);
		}
	}
}

/**
 * Remove folders in the directory.
 *
 * @param pattern	pattern of the shell for their names
 */
static inline int common_remove(char *pattern)
{
	char cmd[PATH_MAX];

	snprintf(cmd, sizeof(cmd), "rm -rf %s/%s", dir, pattern);
	return system(cmd) == 0 ? 0 : -1;
}

/**
 * Create the directory, and initialize libstrongswan with an empty
 * strongswan.conf in it, so that the machine's is not used.
 */
static inline int common_setup(void **state)
{
	static char conf[PATH_MAX];
	FILE *file;

	if (!mkdtemp(dir))
	{
		return -1;
	}
	snprintf(conf, sizeof(conf), "%s/strongswan.conf", dir);
	file = fopen(conf, "w");
	if (!file)
	{
		return -1;
	}
	fclose(file);
	library_init(conf, "charon");
	dbg = keep_line;
	return 0;
}

/**
 * Remove the directory.
 */
static inline int common_teardown(void **state)
{
	char cmd[PATH_MAX];

	snprintf(cmd, sizeof(cmd), "rm -r %s", dir);
	library_deinit();
	return system(cmd);
}

#endif /* COMMON_H_ */
