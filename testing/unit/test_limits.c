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
 * Files that take a time that grows with the square of their size, or more, if they
 * are read without care: each of these tests would then take minutes to hours.
 */

#define _GNU_SOURCE

#include "swanctl.h"

#include <pthread.h>

/** swanctl.conf, or a file that replaces it */
static FILE *file;

static int begin(void **state)
{
	put("swanctl.conf", CHILD("a", 100));
	lib->settings->set_str(lib->settings,
						   "charon.plugins.nflog-capture.swanctl_conf",
						   path("swanctl.conf"));
	options = nflog_options_create(NULL, NULL, NULL);
	update();
	assert_int_equal(look_up("a"), 100);
	lines = 0;
	file = fopen(path("new"), "w");
	assert_non_null(file);
	return 0;
}

static int end(void **state)
{
	options->destroy(options);
	return common_remove("*");
}

/**
 * Use the file that was written.
 */
static void use()
{
	char *new;

	fclose(file);
	new = strdup(path("new"));
	assert_int_equal(rename(new, path("swanctl.conf")), 0);
	free(new);
	assert_true(options->update(options, 600000));
}

/**
 * Expect that reading the file is refused.
 */
static void refused(char *what)
{
	use();
	assert_int_equal(look_up("a"), 100);
	if (!strstr(line, what) || !strstr(line, "keeping"))
	{
		fail_msg("unexpected message: %s", line);
	}
}

/**
 * Write a string many times.
 */
static void repeat(char *str, int count)
{
	int i;

	for (i = 0; i < count; i++)
	{
		fputs(str, file);
	}
}

/**
 * Lines are counted for each file that is skipped.
 */
static void test_lines(void **state)
{
	assert_int_equal(mkfifo(path("fifo"), 0600), 0);
	repeat("\n", 1000000);
	repeat("include fifo\n", 20000);
	fprintf(file, CHILD("a", 101));
	use();
	assert_int_equal(look_up("a"), 101);
	assert_non_null(strstr(line, "more errors"));
}

/**
 * Many children have many options in common.
 */
static void test_shared_options(void **state)
{
	int i;

	fprintf(file, "common { nflog-capture {\n");
	for (i = 0; i < 50000; i++)
	{
		fprintf(file, "x%d = y\n", i);
	}
	fprintf(file, "} }\nconnections { gw { children {\n");
	for (i = 0; i < 50000; i++)
	{
		fprintf(file, "c%d : common { }\n", i);
	}
	fprintf(file, "} } }\n");
	refused("references");
}

/**
 * A long value, and a long name, that many children have in common.
 */
static void test_shared_values(void **state)
{
	int i;

	fprintf(file, "common { nflog-capture {\n enable = yes\n points = ");
	repeat("esp,", 1000000);
	fprintf(file, "\n} }\nconnections { gw { children {\n");
	for (i = 0; i < 20000; i++)
	{
		fprintf(file, "c%d : common { }\n", i);
	}
	fprintf(file, "} } }\n" CHILD("a", 101));
	use();
	assert_int_equal(look_up("a"), 101);
	assert_int_equal(look_up("c19999"), 0);
	assert_non_null(strstr(line, "more errors"));
	lines = 0;

	file = fopen(path("new"), "w");
	repeat("name", 1000000);
	fprintf(file, " { }\n");
	use();
	assert_int_equal(look_up("a"), 101);
	assert_non_null(strstr(line, "name of more than"));
}

/**
 * Sections with many references, which are alike up to their end.
 */
static void test_references(void **state)
{
	int i, j;

	for (i = 0; i < 50; i++)
	{
		fprintf(file, "s%d : ", i);
		for (j = 0; j < 1000; j++)
		{
			fprintf(file, "%01000d%d%s", 0, j, j < 999 ? "," : " { }\n");
		}
	}
	fprintf(file, CHILD("a", 101));
	use();
	assert_int_equal(look_up("a"), 101);
}

/**
 * Many patterns are looked up in a large directory.
 */
static void test_patterns(void **state)
{
	char name[32];
	int i;

	assert_int_equal(mkdir(path("large"), 0700), 0);
	for (i = 0; i < 2000; i++)
	{
		snprintf(name, sizeof(name), "large/%d", i);
		overwrite(name, "");
	}
	repeat("include large/x*\n", 60000);
	refused("entries of directories");
}

/**
 * Many files that are far below a directory that is not there.
 */
static void test_missing(void **state)
{
	int i, j;

	for (i = 0; i < 1000; i++)
	{
		fprintf(file, "include /missing%d", i);
		for (j = 0; j < 1900; j++)
		{
			fputs("/a", file);
		}
		fputs("\n", file);
	}
	fprintf(file, CHILD("a", 101));
	use();
	assert_int_equal(look_up("a"), 101);
}

/**
 * A pattern for very deep directories, and a thread with a small stack.
 */
static void test_deep_pattern(void **state)
{
	pthread_attr_t attr;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 1 << 20);
	assert_int_equal(pthread_setattr_default_np(&attr), 0);
	options->destroy(options);
	options = nflog_options_create(NULL, NULL, NULL);
	update();
	lines = 0;

	fprintf(file, "include ");
	repeat("/*", 2000);
	fprintf(file, "\n" CHILD("a", 101));
	use();
	assert_int_equal(look_up("a"), 101);
	assert_int_equal(lines, 1);
	/* the pattern is longer than what is kept of the line */
	assert_non_null(strstr(line, "skipping"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_lines, begin, end),
		cmocka_unit_test_setup_teardown(test_shared_options, begin, end),
		cmocka_unit_test_setup_teardown(test_shared_values, begin, end),
		cmocka_unit_test_setup_teardown(test_references, begin, end),
		cmocka_unit_test_setup_teardown(test_patterns, begin, end),
		cmocka_unit_test_setup_teardown(test_missing, begin, end),
		cmocka_unit_test_setup_teardown(test_deep_pattern, begin, end),
	};

	return cmocka_run_group_tests(tests, common_setup, common_teardown);
}
