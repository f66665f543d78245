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
 * The parser understands files, and finds those to include, as strongSwan's own does.
 */

#define _GNU_SOURCE

#include "swanctl.h"
#include "options/includes.h"
#include "options/parser.h"

#include <errno.h>
#include <glob.h>
#include <sys/resource.h>

/**
 * strongSwan's parser leaks buffers of included files after errors.
 */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:settings_parser__create_buffer";
}

/**
 * Get the next section, or setting with a value, as strongSwan's parser found it.
 */
static bool next_setting(enumerator_t *enumerator, bool sections, char **key,
						 char **value)
{
	return sections ? enumerator->enumerate(enumerator, key)
					: enumerator->enumerate(enumerator, key, value);
}

/**
 * Get the next one as our parser found it.
 */
static bool next_section(enumerator_t *enumerator, bool sections, char **key,
						 char **value)
{
	bool is_section;
	char *file;

	while (enumerator->enumerate(enumerator, key, value, &is_section, &file))
	{
		if (is_section == sections && (sections || *value))
		{
			return TRUE;
		}
	}
	return FALSE;
}

/**
 * Enumerate sections, or settings, of either of both.
 */
static enumerator_t *create_enumerator(settings_t *settings,
									   nflog_sections_t *sections, char *names[],
									   int depth, bool subsections)
{
	static char *formats[] = { "", "%s", "%s.%s", "%s.%s.%s" };

	if (!settings)
	{
		return sections->create_enumerator(sections, names[0], names[1], names[2],
										   NULL);
	}
	return (subsections ? settings->create_section_enumerator
						: settings->create_key_value_enumerator)(settings,
						formats[depth], names[0], names[1], names[2]);
}

/**
 * Print what is in a section.
 */
static void print(FILE *out, settings_t *settings,
				  nflog_sections_t *sections, char *names[], int depth)
{
	bool (*next)(enumerator_t*, bool, char**, char**);
	enumerator_t *enumerator;
	char *key, *value;

	next = settings ? next_setting : next_section;
	if (depth)
	{
		enumerator = create_enumerator(settings, sections, names, depth, FALSE);
		while (next(enumerator, FALSE, &key, &value))
		{
			fprintf(out, "%s=\"%s\"\n", key, value);
		}
		enumerator->destroy(enumerator);
	}
	if (depth == 3)
	{
		return;
	}
	enumerator = create_enumerator(settings, sections, names, depth, TRUE);
	while (next(enumerator, TRUE, &key, &value))
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

/**
 * Expect that a pattern finds the same files as with glob(3), which strongSwan uses.
 *
 * @return			TRUE if there are any
 */
static bool compare_glob(nflog_watch_t *watch, char *pattern)
{
	array_t *paths = NULL;
	struct stat st;
	glob_t matches;
	char *path_;
	size_t i = 0;
	int status, err;

	watch->reset(watch);
	status = glob(pattern, GLOB_ERR, NULL, &matches);
	err = watch->find(watch, pattern, &paths);
	if ((status == GLOB_ABORTED) != (err == ENOENT) || (err && paths))
	{
		fail_msg("'%s': status %d, error %d", pattern, status, err);
	}
	while (array_remove(paths, ARRAY_HEAD, &path_))
	{
		if (lstat(path_, &st) == 0)
		{
			if (status || i == matches.gl_pathc ||
				!streq(path_, matches.gl_pathv[i]))
			{
				fail_msg("'%s' finds '%s'", pattern, path_);
			}
			i++;
		}
		free(path_);
	}
	array_destroy(paths);
	if (status == 0 && i != matches.gl_pathc)
	{
		fail_msg("'%s' does not find '%s'", pattern, matches.gl_pathv[i]);
	}
	globfree(&matches);
	return i > 0;
}

/** directory that is so deep that no pattern gets to where other processes create files */
#define GLOB "x/x/x/x/glob"

static void test_same_as_glob_random(void **state)
{
	static char *tops[] = {
		"", "/x", "/x/x", "/x/x/x", "/x/x/x/glob",
	}, *names[] = {
		"a", "b", ".a", "ab", "b a", "[", "a/a", "a/b", "a/.b", "a/ab", "b/a", "b/b",
		".a/a", "ab/b", "ab/a", "a/a/a", "a/b/b", "b/a/b", "b/a/c",
	}, *parts[] = {
		"a", "b", "ab", ".a", ".", "..", "*", "?", "a*", "*b", ".*", "[ab]", "[!a]",
		"[a", "[]", "none", "n*", "?b", "**", "c", "", "[[:alpha:]]", "link",
	};
	nflog_watch_t *watch;
	nflog_notes_t *notes;
	bool stop = FALSE;
	char pattern[PATH_MAX];
	u_int seed, i, found = 0;

	for (i = 0; i < countof(tops); i++)
	{
		snprintf(pattern, sizeof(pattern), "x%s", tops[i]);
		assert_int_equal(mkdir(path(pattern), 0700), 0);
	}
	for (i = 0; i < countof(names); i++)
	{
		snprintf(pattern, sizeof(pattern), GLOB "/%s", names[i]);
		assert_int_equal(mkdir(path(pattern), 0700), 0);
	}
	put(GLOB "/c", "");
	put(GLOB "/a/c", "");
	assert_int_equal(symlink("b", path(GLOB "/link")), 0);
	assert_int_equal(symlink("../c", path(GLOB "/b/link")), 0);

	notes = nflog_notes_create();
	watch = nflog_watch_create(notes, &stop);
	for (seed = 0; seed < 5000; seed++)
	{
		srandom(seed);
		snprintf(pattern, sizeof(pattern), "%s", path(GLOB));
		for (i = random() % 4 + 1; i > 0; i--)
		{
			strcat(pattern, "/");
			strcat(pattern, parts[random() % countof(parts)]);
		}
		/* it finds a file even if a slash follows */
		if (pattern[strlen(pattern) - 1] != '/')
		{
			found += compare_glob(watch, pattern);
		}
	}
	assert_in_range(found, 1000, 4000);
	watch->destroy(watch);
	notes->destroy(notes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same_as_settings),
		cmocka_unit_test(test_same_as_settings_random),
		cmocka_unit_test(test_same_as_glob_random),
	};

	return cmocka_run_group_tests(tests, common_setup, common_teardown);
}
