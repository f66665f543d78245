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
 * What the plugin and the program log if they were built for another strongSwan.
 */

#define _GNU_SOURCE

#include <dlfcn.h>

#include "common.h"

#include <events/release.h>

/** symbols of the release, and with the options, that this was built for */
static char *own[8];

/** symbols of the strongSwan that is checked */
static char **symbols;

static bool exports(char *name)
{
	int i;

	for (i = 0; i < countof(own); i++)
	{
		if (symbols[i] && streq(symbols[i], name))
		{
			return TRUE;
		}
	}
	return FALSE;
}

static bool in_process(char *name)
{
	return dlsym(RTLD_DEFAULT, name) != NULL;
}

/**
 * Take what is in this process, which links libcharon.
 */
static int begin(void **state)
{
	static char *all[] = { "libcharon_init", "ocsp_responders_create", "key_exchange_init",
						   "library_init_register", "mediation_manager_create",
						   "builtin_vsnprintf", "vstr_wrapper_vsnprintf" };
	int i;

	for (i = 0; i < countof(all); i++)
	{
		own[i] = in_process(all[i]) ? all[i] : NULL;
	}
	lines = 0;
	return 0;
}

/**
 * Check symbols: if anything differs, as many lines are logged, and the last one has a text.
 */
static void check(char *changed[8], int expected, char *text)
{
	symbols = changed;
	lines = 0;
	assert_int_equal(nflog_release_check(exports), expected == 0);
	assert_int_equal(lines, expected);
	if (expected)
	{
		assert_non_null(strstr(line, text));
	}
}

static void test_same(void **state)
{
	assert_true(nflog_release_is_compatible());
	check(own, 0, NULL);
}

static void test_release(void **state)
{
	char *names[] = { "ocsp_responders_create", "key_exchange_init",
					  "library_init_register" };
	char *texts[] = { "is 5.9.11 or older", "is 5.9.12 to 5.9.14", "is 6.0.0 or 6.0.1",
					  "is 6.0.2 or newer" };
	int have = 0, count, i;

	for (i = 0; i < countof(names); i++)
	{
		have += own[i + 1] != NULL;
	}
	for (count = 0; count <= countof(names); count++)
	{
		char *changed[8];

		memcpy(changed, own, sizeof(own));
		for (i = 0; i < countof(names); i++)
		{
			changed[i + 1] = i < count ? names[i] : NULL;
		}
		check(changed, count != have, texts[count]);
	}
}

static void test_mediation(void **state)
{
	char *changed[8];

	memcpy(changed, own, sizeof(own));
	changed[4] = own[4] ? NULL : "mediation_manager_create";
	check(changed, 1, own[4] ? "but strongSwan lacks it" : "but strongSwan has it");
	/* that is of libcharon, programs need only libstrongswan */
	changed[0] = NULL;
	check(changed, 0, NULL);
}

static void test_printf_hooks(void **state)
{
	char *changed[8];

	memcpy(changed, own, sizeof(own));
	changed[5] = own[5] ? NULL : "builtin_vsnprintf";
	check(changed, 1, own[5] ? "--with-printf-hooks=glibc" : "--with-printf-hooks=builtin");
}

static void test_all(void **state)
{
	char *changed[8] = { "libcharon_init", NULL };

	/* another release and another extension, or both */
	changed[1] = own[1] ? NULL : "ocsp_responders_create";
	changed[4] = own[4] ? NULL : "mediation_manager_create";
	changed[6] = "vstr_wrapper_vsnprintf";
	check(changed, 3, "has the kind vstr");
}

/** child configurations of releases before and since 6.1 */
typedef struct before_t before_t;
typedef struct now_t now_t;

struct before_t {
	linked_list_t *(*get_traffic_selectors)(before_t *this, bool local,
											linked_list_t *supplied,
											linked_list_t *hosts, bool log);
};

struct now_t {
	linked_list_t *(*get_traffic_selectors)(now_t *this, bool local,
											linked_list_t *hosts);
};

static linked_list_t *get_before(before_t *this, bool local, linked_list_t *supplied,
								 linked_list_t *hosts, bool log)
{
	assert_true(local);
	assert_null(supplied);
	assert_false(log);
	return hosts;
}

static linked_list_t *get_now(now_t *this, bool local, linked_list_t *hosts)
{
	assert_true(local);
	return hosts;
}

static void test_selectors(void **state)
{
	before_t before = { get_before };
	now_t now = { get_now };
	linked_list_t *hosts = linked_list_create();

	assert_ptr_equal(nflog_release_get_selectors(&before, TRUE, hosts), hosts);
	assert_ptr_equal(nflog_release_get_selectors(&now, TRUE, hosts), hosts);
	hosts->destroy(hosts);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_same, begin),
		cmocka_unit_test_setup(test_release, begin),
		cmocka_unit_test_setup(test_mediation, begin),
		cmocka_unit_test_setup(test_printf_hooks, begin),
		cmocka_unit_test_setup(test_all, begin),
		cmocka_unit_test(test_selectors),
	};

	return cmocka_run_group_tests(tests, common_setup, common_teardown);
}
