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
 * Reading of swanctl.conf: that it ends whatever is included, and that nothing but
 * the thread that reads waits for it.
 */

#define _GNU_SOURCE

#include "swanctl.h"

#include <dlfcn.h>
#include <pthread.h>

/** what a file may do while it is read: nothing, wait, or change */
static enum {
	FILE_READABLE,
	FILE_WAITS,
	FILE_CHANGES,
} behavior;

/** TRUE while a file is waited for */
static bool waiting;

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;

/**
 * Change what files do.
 */
static void behave(int value)
{
	pthread_mutex_lock(&mutex);
	behavior = value;
	pthread_cond_broadcast(&cond);
	pthread_mutex_unlock(&mutex);
}

/**
 * Gets the state of files instead of the C library, so that this may take as long as on
 * a file system that does not respond.
 */
int stat(const char *path_, struct stat *st)
{
	int (*func)(const char*, struct stat*), result;
	bool change;

	pthread_mutex_lock(&mutex);
	if (behavior == FILE_WAITS)
	{
		waiting = TRUE;
		pthread_cond_broadcast(&cond);
		while (behavior == FILE_WAITS)
		{
			pthread_cond_wait(&cond, &mutex);
		}
		waiting = FALSE;
		pthread_cond_broadcast(&cond);
	}
	change = behavior == FILE_CHANGES && strstr(path_, "changes");
	pthread_mutex_unlock(&mutex);

	func = dlsym(RTLD_NEXT, "stat");
	result = func(path_, st);
	if (change)
	{
		put("swanctl.conf", CHILD("a", 102));
		put("changes.conf", CHILD("a", 102));
		behave(FILE_READABLE);
	}
	return result;
}

/**
 * Wait until a file is waited for, or is no longer.
 */
static void await_waiting(bool value)
{
	pthread_mutex_lock(&mutex);
	while (waiting != value)
	{
		pthread_cond_wait(&cond, &mutex);
	}
	pthread_mutex_unlock(&mutex);
}

/**
 * Get the snaplen of a child, once all changes have been read.
 */
static u_int get(char *child)
{
	update();
	return look_up(child);
}

static int begin(void **state)
{
	put("swanctl.conf", "");
	lib->settings->set_str(lib->settings,
						   "charon.plugins.nflog-capture.swanctl_conf",
						   path("swanctl.conf"));
	behave(FILE_READABLE);
	options = nflog_options_create(NULL, NULL, NULL);
	options->start(options);
	lines = 0;
	return 0;
}

static int end(void **state)
{
	behave(FILE_READABLE);
	if (options)
	{
		options->destroy(options);
	}
	return common_remove("*.conf");
}

/**
 * Expect a line that has this in it, while a child keeps its snaplen.
 */
static void refused(char *what, u_int snaplen)
{
	assert_int_equal(get("a"), snaplen);
	if (!strstr(line, what) || !strstr(line, "keeping"))
	{
		fail_msg("unexpected message: %s", line);
	}
}

static void test_circular_includes(void **state)
{
	put("swanctl.conf", CHILD("a", 100) "include ./*.conf\n");
	assert_int_equal(get("a"), 100);
	put("swanctl.conf", "include swanctl.conf\n" CHILD("a", 101));
	assert_int_equal(get("a"), 101);

	put("swanctl.conf", "include b.conf\n" CHILD("a", 102));
	put("b.conf", CHILD("a", 1000) CHILD("b", 103) "include c.conf\n");
	put("c.conf", CHILD("c", 104) "include swanctl.conf\ninclude b.conf");
	assert_int_equal(get("a"), 102);
	assert_int_equal(get("b"), 103);
	assert_int_equal(get("c"), 104);

	/* by another name */
	assert_int_equal(symlink("swanctl.conf", path("link.conf")), 0);
	put("c.conf", CHILD("c", 105) "include link.conf");
	assert_int_equal(get("a"), 102);
	assert_int_equal(get("c"), 105);
}

static void test_deep_includes(void **state)
{
	char name[32], content[128];
	int i;

	for (i = 0; i < 900; i++)
	{
		snprintf(name, sizeof(name), "x%d.conf", i);
		snprintf(content, sizeof(content), "include x%d.conf\n", i + 1);
		put(name, content);
	}
	put("x900.conf", CHILD("a", 100));
	put("swanctl.conf", "include x0.conf\n");
	assert_int_equal(get("a"), 100);

	put("x1100.conf", CHILD("a", 101));
	for (i = 1099; i >= 900; i--)
	{
		snprintf(name, sizeof(name), "x%d.conf", i);
		snprintf(content, sizeof(content), "include x%d.conf\n", i + 1);
		put(name, content);
	}
	refused("x998.conf:1: more than 1000 files", 100);
}

static void test_many_includes(void **state)
{
	char name[32], content[256];
	int i;

	put("swanctl.conf", CHILD("a", 100));
	assert_int_equal(get("a"), 100);
	/* each one includes the next one twice, so the last one 2^40 times */
	for (i = 0; i < 40; i++)
	{
		snprintf(name, sizeof(name), "x%d.conf", i);
		snprintf(content, sizeof(content), "include x%d.conf\n"
				 "include x%d.conf\n", i + 1, i + 1);
		put(name, content);
	}
	put("x40.conf", CHILD("a", 101));
	put("swanctl.conf", "include x0.conf\n");
	refused("more than 65536 files", 100);
}

static void test_special_files(void **state)
{
	FILE *file;

	assert_int_equal(mkfifo(path("fifo.conf"), 0600), 0);
	assert_int_equal(mkdir(path("dir.conf"), 0700), 0);
	assert_int_equal(symlink("/dev/zero", path("zero.conf")), 0);
	assert_int_equal(symlink("/dev/tty", path("tty.conf")), 0);
	assert_int_equal(symlink("loop.conf", path("loop.conf")), 0);
	put("swanctl.conf", "include fifo.conf\ninclude dir.conf\n"
		"include zero.conf\ninclude tty.conf\ninclude loop.conf\n"
		"include missing.conf\ninclude missing/*/x.conf\n" CHILD("a", 100));
	assert_int_equal(get("a"), 100);
	assert_true(lines >= 1);
	assert_non_null(strstr(line, "swanctl.conf:"));
	assert_non_null(strstr(line, "skipping"));

	/* larger than all files may be, though there is nothing in it */
	file = fopen(path("huge.conf"), "w");
	assert_non_null(file);
	assert_int_equal(ftruncate(fileno(file), 1LL << 40), 0);
	fclose(file);
	put("swanctl.conf", "include huge.conf\n" CHILD("a", 101));
	refused("swanctl.conf:1: unable to read", 100);
	file = fopen(path("huge.conf"), "r+");
	assert_non_null(file);
	assert_int_equal(ftruncate(fileno(file), 100), 0);
	fclose(file);
	refused("huge.conf:1: syntax error, unexpected byte 0x00", 100);

	/* itself */
	/* what was there stays, an editor may write it anew */
	unlink(path("swanctl.conf"));
	assert_int_equal(get("a"), 100);
	unlink(path("huge.conf"));
	put("swanctl.conf", CHILD("a", 102));
	assert_int_equal(get("a"), 102);
	unlink(path("swanctl.conf"));
	assert_int_equal(mkfifo(path("swanctl.conf"), 0600), 0);
	options->reload(options);
	refused("not a regular file", 102);
	unlink(path("swanctl.conf"));
	put("swanctl.conf", CHILD("a", 103));
	assert_int_equal(get("a"), 103);
	rmdir(path("dir.conf"));
}

/**
 * A typing error in swanctl_conf.
 */
static void test_missing(void **state)
{
	put("swanctl.conf", CHILD("a", 100));
	assert_int_equal(get("a"), 100);
	assert_int_equal(lines, 0);
	/* one that was there is expected to return, as some editors remove it first */
	unlink(path("swanctl.conf"));
	assert_int_equal(get("a"), 100);
	assert_int_equal(lines, 1);
	assert_non_null(strstr(line, "it was removed"));
	assert_non_null(strstr(line, "keeping the previous options"));
	put("swanctl.conf", CHILD("a", 99));
	assert_int_equal(get("a"), 99);
	lines = 0;
	lib->settings->set_str(lib->settings,
						   "charon.plugins.nflog-capture.swanctl_conf",
						   path("other.conf"));
	options->reload(options);
	assert_int_equal(get("a"), 0);
	assert_int_equal(lines, 1);
	assert_non_null(strstr(line, "no child has options of its own"));
	assert_non_null(strstr(line, "set swanctl_conf"));
	put("other.conf", "include missing.conf\n" CHILD("a", 101));
	assert_int_equal(get("a"), 101);
	assert_int_equal(lines, 1);
}

/**
 * An included file is removed, and comes back, as some editors do it.
 */
static void test_included_returns(void **state)
{
	put("one.conf", CHILD("a", 100));
	put("swanctl.conf", "include one.conf\n");
	assert_int_equal(get("a"), 100);
	unlink(path("one.conf"));
	put("one.conf", CHILD("a", 101));
	assert_int_equal(get("a"), 101);
	unlink(path("one.conf"));
	while (get("a") == 101)
	{	/* its options end once it has been missing for a second */
		usleep(10000);
	}
	assert_int_equal(get("a"), 0);
}

/**
 * Files are read in the order of their names, whatever matches a pattern.
 */
static void test_patterns(void **state)
{
	static char *dirs[] = { "b", "a", ".c", "d" };
	char name[32];
	int i;

	for (i = 0; i < countof(dirs); i++)
	{
		snprintf(name, sizeof(name), "x%s.conf", dirs[i]);
		assert_int_equal(mkdir(path(name), 0700), 0);
		snprintf(name, sizeof(name), "x%s.conf/sub", dirs[i]);
		assert_int_equal(mkdir(path(name), 0700), 0);
	}
	put("xb.conf/sub/y", CHILD("a", 101));
	put("xa.conf/sub/z", CHILD("a", 102));
	put("xa.conf/sub/.z", CHILD("a", 103));
	put("x.c.conf/sub/y", CHILD("b", 104));
	put("xc.conf", "");
	put("swanctl.conf", "include x[!d].conf/sub/?\n");
	assert_int_equal(get("a"), 101);
	assert_int_equal(get("b"), 0);
	put("swanctl.conf", "include x[!d]*.conf/sub/?\ninclude x?.conf/./sub/[.]z\n"
		"include x\\c.conf");
	assert_int_equal(get("a"), 101);
	assert_int_equal(get("b"), 104);
	put("xd.conf/sub/x", CHILD("c", 105));
	put("swanctl.conf", "include ./*/../xd.conf/*/x");
	assert_int_equal(get("a"), 0);
	assert_int_equal(get("c"), 105);
	assert_int_equal(lines, 0);
	put("swanctl.conf", CHILD("a", 106) "include none/*.conf\n");
	assert_int_equal(get("a"), 106);
	assert_int_equal(lines, 1);
	assert_non_null(strstr(line, "none/*.conf': No such file or directory"));
}

static void test_circular_references(void **state)
{
	char content[16384];
	int len, i;

	put("swanctl.conf", "a : b { }\nb : a {}\nconnections : connections { }\n"
		"connections { gw : connections.gw, a { } }\n" CHILD("a", 100));
	assert_int_equal(get("a"), 100);
	/* settings_t would not come back from this */
	put("swanctl.conf", "a : b.x { }\nb : a.x { }\nconnections : a { }\n"
		CHILD("a", 101));
	refused("references", 100);
	/* nor from this in any time */
	len = 0;
	for (i = 0; i < 100; i++)
	{
		len += snprintf(content + len, sizeof(content) - len,
						"a%d : a%d.x, a%d.y, a%d.x.y { }\n", i, i + 1, i + 1,
						i + 1);
	}
	snprintf(content + len, sizeof(content) - len,
			 "connections { gw : a0.x.x.x { } }\n" CHILD("a", 102));
	put("swanctl.conf", content);
	refused("references", 100);
	put("swanctl.conf", CHILD("a", 103));
	assert_int_equal(get("a"), 103);
}

static void test_change_while_reading(void **state)
{
	put("swanctl.conf", CHILD("a", 100));
	assert_int_equal(get("a"), 100);
	behave(FILE_CHANGES);
	put("swanctl.conf", CHILD("a", 101) "include changes.conf\n");
	/* what was asked for has been read then, what changed meanwhile next */
	assert_int_not_equal(get("a"), 100);
	assert_int_equal(get("a"), 102);
}

static void test_replaced(void **state)
{
	FILE *file;

	put("swanctl.conf", CHILD("a", 100));
	assert_int_equal(get("a"), 100);
	/* a link to a file elsewhere, then to another one */
	assert_int_equal(mkdir(path("one"), 0700), 0);
	assert_int_equal(mkdir(path("two"), 0700), 0);
	put("one/file", CHILD("a", 102));
	put("two/file", CHILD("a", 103));
	assert_int_equal(symlink("one/file", path("link")), 0);
	assert_int_equal(rename(path("link"), strdupa(path("swanctl.conf"))), 0);
	assert_int_equal(get("a"), 102);
	file = fopen(path("one/file"), "w");
	assert_non_null(file);
	fputs(CHILD("a", 104), file);
	fclose(file);
	assert_int_equal(get("a"), 104);
	put("one/file", CHILD("a", 105));
	assert_int_equal(get("a"), 105);
	assert_int_equal(symlink("two/file", path("link")), 0);
	assert_int_equal(rename(path("link"), strdupa(path("swanctl.conf"))), 0);
	assert_int_equal(get("a"), 103);

	/* something that matches a pattern later */
	put("swanctl.conf", "include t*/sub/x.conf\n");
	assert_int_equal(get("a"), 0);
	assert_int_equal(mkdir(path("two/sub"), 0700), 0);
	assert_int_equal(get("a"), 0);
	put("two/sub/x.conf", CHILD("a", 106));
	assert_int_equal(get("a"), 106);
	common_remove("one");
	common_remove("two");
}

/**
 * A file that comes into being while it is looked for.
 */
static void test_created_while_reading(void **state)
{
	behave(FILE_CHANGES);
	lib->settings->set_str(lib->settings,
						   "charon.plugins.nflog-capture.swanctl_conf",
						   path("changes.conf"));
	options->reload(options);
	assert_int_equal(get("a"), 102);
}

static void test_unresponsive(void **state)
{
	int i;

	put("swanctl.conf", CHILD("a", 100));
	assert_int_equal(get("a"), 100);
	behave(FILE_WAITS);
	put("swanctl.conf", CHILD("a", 101));
	await_waiting(TRUE);
	/* if each one waited for a moment, this would take days */
	for (i = 0; i < 1000000; i++)
	{
		assert_int_equal(look_up("a"), 100);
		assert_true(options->has_point(options, NULL, 1 << POINT_ESP_IN));
	}
	assert_false(options->update(options, 0));
	behave(FILE_READABLE);
	assert_int_equal(get("a"), 101);
	assert_int_equal(lines, 0);
}

static void test_stop(void **state)
{
	put("swanctl.conf", CHILD("a", 100));
	assert_int_equal(get("a"), 100);
	behave(FILE_WAITS);
	put("swanctl.conf", CHILD("a", 101));
	await_waiting(TRUE);
	lines = 0;
	options->destroy(options);
	options = NULL;
	assert_int_equal(lines, 1);
	assert_non_null(strstr(line, "unable to stop"));
	/* does no harm when it goes on */
	behave(FILE_READABLE);
	await_waiting(FALSE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_circular_includes, begin, end),
		cmocka_unit_test_setup_teardown(test_deep_includes, begin, end),
		cmocka_unit_test_setup_teardown(test_many_includes, begin, end),
		cmocka_unit_test_setup_teardown(test_special_files, begin, end),
		cmocka_unit_test_setup_teardown(test_missing, begin, end),
		cmocka_unit_test_setup_teardown(test_included_returns, begin, end),
		cmocka_unit_test_setup_teardown(test_patterns, begin, end),
		cmocka_unit_test_setup_teardown(test_circular_references, begin, end),
		cmocka_unit_test_setup_teardown(test_change_while_reading, begin, end),
		cmocka_unit_test_setup_teardown(test_replaced, begin, end),
		cmocka_unit_test_setup_teardown(test_created_while_reading, begin, end),
		cmocka_unit_test_setup_teardown(test_unresponsive, begin, end),
		cmocka_unit_test_setup_teardown(test_stop, begin, end),
	};

	return cmocka_run_group_tests(tests, common_setup, common_teardown);
}
