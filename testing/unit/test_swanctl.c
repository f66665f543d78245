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
 * Reading of swanctl.conf: that it ends whatever is included, that nothing but
 * the thread that reads waits for it, and that all is understood as strongSwan's
 * own parser does.
 */

#define _GNU_SOURCE

#include "swanctl.h"
#include "options/includes.h"
#include "options/parser.h"

#include <dlfcn.h>
#include <glob.h>
#include <pthread.h>
#include <sys/resource.h>

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
 * Looks up files instead of the C library, so that this may take as long as on a
 * file system that does not respond.
 */
int glob(const char *pattern, int flags,
		 int (*errfunc)(const char *path, int err), glob_t *matches)
{
	int (*func)(const char*, int, int (*)(const char*, int), glob_t*), result;
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
	change = behavior == FILE_CHANGES && strstr(pattern, "changes");
	pthread_mutex_unlock(&mutex);

	func = dlsym(RTLD_NEXT, "glob");
	result = func(pattern, flags, errfunc, matches);
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
	unlink(path("swanctl.conf"));
	lib->settings->set_str(lib->settings,
						   "charon.plugins.nflog-capture.swanctl_conf",
						   path("swanctl.conf"));
	behave(FILE_READABLE);
	options = nflog_options_create(NULL, NULL);
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
	unlink(path("huge.conf"));
	unlink(path("swanctl.conf"));
	assert_int_equal(get("a"), 0);
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
		assert_true(options->has_point(options, 1 << POINT_ESP_IN));
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
	assert_non_null(strstr(line, "does not end"));
	/* does no harm when it goes on */
	behave(FILE_READABLE);
	await_waiting(FALSE);
}

/**
 * strongSwan's parser leaks buffers of included files after errors.
 */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:settings_parser__create_buffer";
}

/**
 * Enumerate sections, or keys and values, as strongSwan's parser found them.
 */
static enumerator_t *enumerate_settings(settings_t *settings, char *names[],
										int depth, bool sections)
{
	static char *formats[] = { "", "%s", "%s.%s", "%s.%s.%s" };

	return (sections ? settings->create_section_enumerator
					 : settings->create_key_value_enumerator)(settings,
						formats[depth], names[0], names[1], names[2]);
}

/**
 * Enumerate them as our parser found them.
 */
static enumerator_t *enumerate_sections(nflog_sections_t *sections,
										char *names[], bool subsections)
{
	return (subsections ? sections->create_section_enumerator
						: sections->create_key_value_enumerator)(sections,
						names[0], names[1], names[2], NULL);
}

/**
 * Print what is in a section.
 */
static void print(FILE *out, settings_t *settings,
				  nflog_sections_t *sections, char *names[], int depth)
{
	enumerator_t *enumerator;
	char *key, *value;

	if (depth)
	{
		enumerator = settings
						? enumerate_settings(settings, names, depth, FALSE)
						: enumerate_sections(sections, names, FALSE);
		while (enumerator->enumerate(enumerator, &key, &value))
		{
			if (value)
			{
				fprintf(out, "%s=\"%s\"\n", key, value);
			}
		}
		enumerator->destroy(enumerator);
	}
	if (depth == 3)
	{
		return;
	}
	enumerator = settings ? enumerate_settings(settings, names, depth, TRUE)
						  : enumerate_sections(sections, names, TRUE);
	while (enumerator->enumerate(enumerator, &key))
	{
		if (depth || !streq(key, "secrets"))
		{
			fprintf(out, "%s {\n", key);
			names[depth] = key;
			print(out, settings, sections, names, depth + 1);
			names[depth] = NULL;
			fprintf(out, "}\n");
		}
	}
	enumerator->destroy(enumerator);
}

/**
 * Expect that swanctl.conf is understood as by strongSwan's parser.
 *
 * @return			TRUE if it is valid
 */
static bool compare(char *content)
{
	nflog_includes_t *includes;
	nflog_sections_t *sections;
	nflog_watch_t *watch;
	nflog_notes_t *notes;
	settings_t *settings;
	bool stop = FALSE, valid;
	char *names[4] = {}, *a, *b;
	size_t len;
	FILE *out;

	put("swanctl.conf", content);
	settings = settings_create(NULL);
	notes = nflog_notes_create();
	watch = nflog_watch_create(notes, &stop);
	includes = nflog_includes_create(watch, notes, FALSE, &stop);
	sections = nflog_sections_create();
	valid = settings->load_files(settings, path("swanctl.conf"), FALSE);
	if (valid != (includes->include(includes, path("swanctl.conf")) &&
				  nflog_parse(includes, sections, &stop)))
	{
		fail_msg("valid %d: %s", valid, content);
	}
	if (valid)
	{
		out = open_memstream(&a, &len);
		print(out, settings, NULL, names, 0);
		fclose(out);
		out = open_memstream(&b, &len);
		print(out, NULL, sections, names, 0);
		fclose(out);
		if (!streq(a, b))
		{
			fail_msg("\n%s\nis not\n%s\nin\n%s", b, a, content);
		}
		free(a);
		free(b);
	}
	sections->destroy(sections);
	includes->destroy(includes);
	watch->destroy(watch);
	notes->destroy(notes);
	settings->destroy(settings);
	return valid;
}

static void test_same_as_settings(void **state)
{
	static char *valid[] = {
		"", "\n", "# x", "#x\na { b = c # d\n}", "a{b=c}", "a { b = c d\te \"f  g\""
		"\"h\"i\n}", "a {\r\n\tb = c\r\n\td = \"\"\r\n\te =\r\n}\r\n",
		"a { b = \"c \\\" \\\\ \\n \\t \\r \\x \\\n  d\" }", "a { b = \"c\nd\r\n\" }",
		"a { b = c\n b = d\n } a { c = e\n b =\n }", "a { b = c:d,e.f={g\n }",
		"a { b { c { d = e\n } } } a { b { c { f = g\n } } }",
		"b { c = d\n e { f = g\n } } a : b { e { h = i\n } }",
		"a : b, c { x = 1\n } b { x = 2\n y = 2\n } c { y = 3\n z { w = 4\n } }",
		"a : b.c { }\n b : d { }\n d { c { e = f\n g { h = i\n } } }",
		"a : b { x = 1 } b : a { y = 2 }", "a\n:\nb # c\n,\nc\n{ }", "a\n{\n}\n",
		"include{ b = c }", "include = x", "includes { }", "a { include = b }",
		"a { b = include c\n }", "include \"\"\n", "include x.conf\na { }",
		"include x.conf# y\na { }", "a { include x.conf}", "a { include x.conf }",
		"include \"x.conf\" a { c = d }", "include x\\.conf\n", "include x*f",
		"include y.conf\n", "a { include x.conf\n } include ./x.conf",
		"a { b = c\n include y.conf", "include missing.conf\na { b = c\n }",
		"include swanctl.conf\na { b = c\n }", "a { b = c\n } include ./*.conf",
		"a { x = y\n include a\\ b.conf\n }", "a { include \"a b.conf\"\n }",
		"secrets { a { b = c } } a { b = c }", "a { secrets { b = c } }",
		"secrets : a { b = \"}\" } a { c = d }", "a { b = # c\n }", "a { b =",
	}, *invalid[] = {
		"a", "a {", "}", "a { b }", "a { = c }", "a = b\n=", "a { b = \"c }",
		"a : { }", "a : b, { }", "a : b c { }", "a : b", "a . b { }", "a, b { }",
		"\"a\" { }", "a { b = \"c\\", "a { b : c = d }", ": a { }", "a {} }",
		"include y.conf\n}\n}", "include \"x.conf\na { }", "secrets { b }",
	};
	struct rlimit few, limit;
	int i;

	put("x.conf", "b = 1\n");
	put("y.conf", "d = 1\n}\nb { c { d = e\n }");
	put("a b.conf", "b = 2");
	unlink(path("strongswan.conf"));
	/* what includes itself is read until there are no descriptors left */
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	few = limit;
	few.rlim_cur = 64;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	for (i = 0; i < countof(valid); i++)
	{
		compare(valid[i]);
	}
	for (i = 0; i < countof(invalid); i++)
	{
		compare(invalid[i]);
	}
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

static void test_same_as_settings_random(void **state)
{
	static char *tokens[] = {
		"a", "b", "c", "a ", "b ", " c", "{", "{\n", "}", "}\n", "=", " = ", "\n",
		"\n", " ", "\t", "\r\n", "#", "\"", "\"a\"", "\\", ":", ", ", "a { ",
		"b { ", "c = 1\n", "b = 2\n", "a : b { ", "b : c, a {", "}", " }\n", "}",
	};
	char content[512];
	u_int seed, i, valid = 0;
	size_t len;

	for (seed = 0; seed < 3000; seed++)
	{
		srandom(seed);
		len = 0;
		content[0] = '\0';
		for (i = random() % 20; i > 0; i--)
		{
			len += snprintf(content + len, sizeof(content) - len, "%s",
							tokens[random() % countof(tokens)]);
		}
		valid += compare(content);
	}
	assert_true(valid > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_circular_includes, begin, end),
		cmocka_unit_test_setup_teardown(test_deep_includes, begin, end),
		cmocka_unit_test_setup_teardown(test_many_includes, begin, end),
		cmocka_unit_test_setup_teardown(test_special_files, begin, end),
		cmocka_unit_test_setup_teardown(test_circular_references, begin, end),
		cmocka_unit_test_setup_teardown(test_change_while_reading, begin, end),
		cmocka_unit_test_setup_teardown(test_replaced, begin, end),
		cmocka_unit_test_setup_teardown(test_created_while_reading, begin, end),
		cmocka_unit_test_setup_teardown(test_unresponsive, begin, end),
		cmocka_unit_test_setup_teardown(test_stop, begin, end),
		cmocka_unit_test_setup_teardown(test_same_as_settings, begin, end),
		cmocka_unit_test_setup_teardown(test_same_as_settings_random, begin, end),
	};

	return cmocka_run_group_tests(tests, common_setup, common_teardown);
}
