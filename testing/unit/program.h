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
 * Runs nflog-capture(1) as a whole.
 */

#ifndef PROGRAM_H_
#define PROGRAM_H_

#include "decrypt.h"

#include <pcap/pcap.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

/**
 * Set up all tests, and what the program is run with.
 */
static inline int setup_program(void **state)
{
	char cmd[PATH_MAX], options[PATH_MAX];

	if (setup(state) != 0)
	{
		return -1;
	}
	/* as in __lsan_default_suppressions() */
	snprintf(cmd, sizeof(cmd), "echo leak:libcrypto >%s/suppressions", dir);
	snprintf(options, sizeof(options), "print_suppressions=0:suppressions="
			 "%s/suppressions", dir);
	return system(cmd) || setenv("LSAN_OPTIONS", options, TRUE);
}

/**
 * Run a command of the shell, return its exit status.
 */
static inline int run_command(char *fmt, ...)
{
	char cmd[4 * PATH_MAX];
	va_list list;
	int status;

	va_start(list, fmt);
	vsnprintf(cmd, sizeof(cmd), fmt, list);
	va_end(list);
	status = system(cmd);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/**
 * Run the program, return its exit status.
 */
static inline int run(char *fmt, ...)
{
	char args[2 * PATH_MAX];
	va_list list;
	int status;

	va_start(list, fmt);
	vsnprintf(args, sizeof(args), fmt, list);
	va_end(list);
	status = run_command(PROGRAM " %s >%s/stdout 2>%s/stderr", args, dir, dir);
	if (status)
	{	/* to be seen if that's not expected */
		assert_int_equal(run_command("sed 's/^/    /' %s/stdout %s/stderr", dir,
									 dir), 0);
	}
	return status;
}

/**
 * Check if a file has a line.
 */
static inline void expect_line(char *name, char *pattern)
{
	char cmd[PATH_MAX];

	snprintf(cmd, sizeof(cmd), "grep -qe '%s' %s/%s", pattern, dir, name);
	if (system(cmd) != 0)
	{
		snprintf(cmd, sizeof(cmd), "cat %s/%s >&2", dir, name);
		assert_int_equal(system(cmd), 0);
		fail_msg("no line '%s'", pattern);
	}
}

/**
 * Have tshark read a file, NULL if there is no tshark.
 *
 * @param fields	options with the fields to print
 */
static inline FILE *open_tshark(char *path, char *fields)
{
	char cmd[3 * PATH_MAX];
	FILE *tshark;

	if (system("tshark --version >/dev/null 2>&1") != 0)
	{
		print_message("no tshark\n");
		return NULL;
	}
	snprintf(cmd, sizeof(cmd), "WIRESHARK_CONFIG_DIR=%s/none tshark -n -r %s "
			 "-T fields %s 2>/dev/null", dir, path, fields);
	tshark = popen(cmd, "r");
	assert_non_null(tshark);
	return tshark;
}

#endif /* PROGRAM_H_ */
