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
 * Disk budget: which traces are removed, and which are not, as this process or
 * another one writes to them.
 */

#define _GNU_SOURCE

#include "files.h"

static void test_budget(void **state)
{
	int i;

	set_max_total("100k");
	/* of other users, or not ours by its name, and so never removed */
	create("keep", "mine.pcap", 10 * 1024);
	for (i = 0; i < 8; i++)
	{
		create_trace(i % 2 ? "odd" : "even", i, 10 * 1024);
	}
	/* 90k are there */
	assert_true(store->reserve(store, 10 * 1024));
	logged(0, NULL);
	create_trace("odd", 9, 10 * 1024);
	assert_string_equal(removed, "");

	/* 1k too much */
	assert_true(store->reserve(store, 1024));
	logged(1, "removed 1 traces of 10240 bytes to stay within max_total = 102400, the "
		   "last one is '");
	logged(0, NULL);
	assert_string_equal(removed, "even ");
	assert_false(has_trace("even", 0));
	assert_true(has_trace("odd", 1));

	/* several, reported once */
	removed[0] = '\0';
	create("keep", "another", 1024);
	assert_true(store->reserve(store, 40 * 1024));
	assert_true(streq(removed, "even odd ") || streq(removed, "odd even "));
	/* but not again within a minute */
	logged(0, NULL);
	assert_false(has_trace("even", 2));
	assert_true(has_trace("even", 4) == FALSE);
	assert_true(has_trace("even", 6));
	assert_true(has_trace("odd", 7));
}

static void test_budget_used(void **state)
{
	char name[] = "net.20261123T202345Z.00000000-00000000.esp.pcap";

	set_max_total("100k");
	create_trace("gw", 0, 60 * 1024);
	create_trace("gw", 1, 30 * 1024);
	store->set_used(store, "gw", name, TRACE_USED);

	/* the older one is in use */
	assert_true(store->reserve(store, 30 * 1024));
	logged(1, "00000001");
	assert_true(has_trace("gw", 0));
	assert_false(has_trace("gw", 1));

	/* nothing that could be removed, what wasn't written doesn't count */
	assert_false(store->reserve(store, 50 * 1024));
	assert_true(store->reserve(store, 40 * 1024));
	assert_true(has_trace("gw", 0));
	logged(1, "raise max_total = 102400");

	store->set_used(store, "gw", name, TRACE_COMPLETE);
	assert_true(store->reserve(store, 50 * 1024));
	assert_false(has_trace("gw", 0));
	/* one was removed and logged less than a minute ago */
	logged(0, NULL);

	/* changed while running */
	create_trace("gw", 2, 60 * 1024);
	set_max_total("1m");
	assert_true(store->reserve(store, 900 * 1024));
	set_max_total("0");
	assert_true(store->reserve(store, (size_t)100 << 30));
	assert_true(has_trace("gw", 2));
	logged(0, NULL);

	/* larger than all */
	set_max_total("10k");
	assert_false(store->reserve(store, 11 * 1024));
}

static void test_budget_tmp(void **state)
{
	static char *left = "gw/.esp_sa.0123abcd.tmp";
	static char *others[] = {
		".esp_sa.0123abcd.tmp.gz", ".0123abcd.tmp", ".recent.tmp", "a.0123abcd.tmp",
	};
	nflog_store_t *other;
	int i;

	for (i = 0; i < countof(others); i++)
	{
		create("gw", others[i], 10);
	}
	/* about to be renamed by another process */
	other = nflog_store_create();
	other->set_used(other, "gw", strchr(left, '/') + 1, TRACE_USED);
	create("gw", strchr(left, '/') + 1, 10);
	assert_true(store->reserve(store, 10));
	assert_int_equal(access(path(left), F_OK), 0);
	assert_int_equal(count_files("gw"), countof(others) + 1);
	/* and left behind as it died, however short ago */
	other->destroy(other);
	store->destroy(store);
	store = nflog_store_create();
	assert_true(store->reserve(store, 10));
	assert_int_equal(access(path(left), F_OK), -1);
	assert_int_equal(count_files("gw"), countof(others));
}

/** text of the line that there is another process */
#define SHARED "set dir to a directory of its own"

static void test_processes(void **state)
{
	char used[] = "net.20261123T202345Z.00000000-00000000.esp.pcap";
	char next[] = "net.20261123T202345Z.00000001-00000000.esp.pcap";
	nflog_store_t *other;

	set_max_total("100k");
	store->set_used(store, "gw", used, TRACE_USED);
	create_trace("gw", 0, 40 * 1024);
	create_trace("gw", 1, 40 * 1024);
	logged(0, NULL);

	/* one that is restarted, while this one hangs */
	other = nflog_store_create();
	other->set_used(other, "gw", next, TRACE_USED);
	logged(1, SHARED);
	assert_false(other->reserve(other, 40 * 1024));
	logged(1, "raise max_total");
	assert_true(has_trace("gw", 0) && has_trace("gw", 1));
	/* and this one leaves those of the other alone */
	assert_false(store->reserve(store, 40 * 1024));
	logged(1, "raise max_total");
	assert_true(has_trace("gw", 0) && has_trace("gw", 1));

	/* complete ones go, whoever wrote them */
	store->set_used(store, "gw", used, TRACE_COMPLETE);
	other->set_used(other, "gw", "x", TRACE_COMPLETE);
	assert_true(other->reserve(other, 40 * 1024));
	assert_false(has_trace("gw", 0));
	assert_true(has_trace("gw", 1));
	lines = 0;

	/* it ends without a word */
	other->destroy(other);
	assert_true(store->reserve(store, 100 * 1024));
	assert_false(has_trace("gw", 1));
	logged(1, "00000001");

	/* somebody removed the directory, others know nothing of that */
	store->set_used(store, "gw", used, TRACE_USED);
	assert_int_equal(common_remove("var"), 0);
	store->set_used(store, "gw", next, TRACE_USED);
	create_trace("gw", 0, 40 * 1024);
	create_trace("gw", 1, 40 * 1024);
	other = nflog_store_create();
	assert_false(other->reserve(other, 40 * 1024));
	assert_true(has_trace("gw", 0) && has_trace("gw", 1));
	logged(2, "raise max_total");
	other->destroy(other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_budget, begin, end),
		cmocka_unit_test_setup_teardown(test_budget_used, begin, end),
		cmocka_unit_test_setup_teardown(test_budget_tmp, begin, end),
		cmocka_unit_test_setup_teardown(test_processes, begin, end),
	};

	return cmocka_run_group_tests(tests, setup, common_teardown);
}
