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
 * Options: precedence, references, and that changes of swanctl.conf and its included
 * files are noticed.
 */

#define _GNU_SOURCE

#include "strongswan.h"

#include <time.h>

static void test_default(void **state)
{
	assert_null(get("gw", "net"));
	assert_int_equal(lines, 0);
}

static void test_global(void **state)
{
	nflog_cfg_t *cfg;

	load("enable = yes\n load = yes\n group = 4600\n max_total = 10g\n"
		 "max_wait = 50");
	cfg = get("gw", "net");
	assert_non_null(cfg);
	assert_int_equal(lines, 0);
	assert_int_equal(cfg->points, NFLOG_WAY_POINTS);
	assert_int_equal(cfg->snaplen, 0);
	assert_null(cfg->filter);
	assert_int_equal(cfg->link, LINK_NFLOG);
	assert_int_equal(cfg->file_size, 0);
	assert_int_equal(cfg->files, 0);
	assert_int_equal(cfg->duration, 0);
	assert_true(cfg->esp_keys);
	assert_true(cfg->ike_keys);
	nflog_cfg_destroy(cfg);
}

static void test_precedence(void **state)
{
	nflog_cfg_t *cfg;

	put("swanctl.conf",
		"connections { gw { children { net { nflog-capture {\n"
		"	enable = yes\n snaplen = 100\n filter =\n } } } } }\n");
	load("snaplen = 300\n files = 3\n file_size = 5k\n duration = 2h\n"
		 "filter = udp\n"
		 "connections { gw { children { net { nflog-capture {\n"
		 "	enable = no\n snaplen = 200\n files = 2\n filter = tcp port 1\n"
		 "} } } } }");
	cfg = get("gw", "net");
	assert_non_null(cfg);
	assert_int_equal(cfg->snaplen, 100);
	assert_int_equal(cfg->files, 2);
	assert_int_equal(cfg->file_size, 5 * 1024);
	assert_int_equal(cfg->duration, 2 * 60 * 60);
	/* an empty one is none */
	assert_null(cfg->filter);
	nflog_cfg_destroy(cfg);

	assert_null(get("gw", "other"));
	assert_null(get("other", "net"));
	assert_int_equal(lines, 0);
}

static void test_names(void **state)
{
	char buf[4096], name[129] = "";
	nflog_cfg_t *cfg;

	memset(name, 'n', 127);
	snprintf(buf, sizeof(buf), "connections { %s { children { %s { "
			 "nflog-capture { enable = yes\n } } } } }", name, name);
	put("swanctl.conf", buf);
	cfg = get(name, name);
	assert_non_null(cfg);
	nflog_cfg_destroy(cfg);

	/* names come over vici with whatever is in them */
	assert_null(get("a.b%s%n", "c.d {"));
	assert_int_equal(lines, 0);
	load("enable = yes");
	cfg = get("a.b%s%n", "c.d {");
	assert_non_null(cfg);
	nflog_cfg_destroy(cfg);

	name[127] = 'n';
	assert_null(get(name, "net"));
	assert_int_equal(lines, 1);
	assert_null(get("gw", name));
	assert_int_equal(lines, 2);
}

static void test_references(void **state)
{
	nflog_cfg_t *cfg;

	put("swanctl.conf",
		"common { nflog-capture { enable = yes\n snaplen = 80\n } }\n"
		"base { children { net : common { }\n\n"
		"	own : common { nflog-capture { snaplen = 90\n } } } }\n"
		"connections { gw : base { }\n }\n"
		"secrets { ike-1 { secret = \"hidden include x\"\n } }\n");
	cfg = get("gw", "net");
	assert_non_null(cfg);
	assert_int_equal(cfg->snaplen, 80);
	nflog_cfg_destroy(cfg);
	cfg = get("gw", "own");
	assert_non_null(cfg);
	assert_int_equal(cfg->snaplen, 90);
	nflog_cfg_destroy(cfg);
}

/**
 * Wait until a CHILD_SA is captured with a snaplen, or not captured if that's 0.
 */
static void await(char *child, uint32_t snaplen)
{
	nflog_cfg_t *cfg;
	uint32_t got;
	time_t start;

	start = time(NULL);
	do
	{
		cfg = get("gw", child);
		got = cfg ? cfg->snaplen : 0;
		if (cfg)
		{
			nflog_cfg_destroy(cfg);
		}
	}
	while (got != snaplen && time(NULL) < start + 5);
	assert_int_equal(got, snaplen);
}

static void test_changes(void **state)
{
	char *cmd;

	await("a", 0);
	put("swanctl.conf", CHILD("a", 100) "include conf.d/*.conf\n");
	await("a", 100);
	assert_int_equal(mkdir(path("conf.d"), 0755), 0);
	put("conf.d/x.conf", CHILD("b", 101) "include \"../more files\" # x\n");
	await("b", 101);
	put("more files", CHILD("c", 102));
	await("c", 102);
	/* same size, in the same moment */
	overwrite("more files", CHILD("c", 103));
	await("c", 103);
	overwrite("more files", CHILD("c", 104));
	await("c", 104);
	put("conf.d/y.conf", CHILD("b", 105));
	await("b", 105);
	unlink(path("conf.d/y.conf"));
	await("b", 101);
	put("conf.d/z", CHILD("b", 106));
	assert_int_equal(asprintf(&cmd, "ln -s z %s/conf.d/z.conf", dir) > 0, 1);
	assert_int_equal(system(cmd), 0);
	free(cmd);
	await("b", 106);
	overwrite("conf.d/z", CHILD("b", 107));
	await("b", 107);
	unlink(path("conf.d/z.conf"));
	await("b", 101);
	unlink(path("conf.d/x.conf"));
	await("b", 0);
	await("c", 0);
	/* an editor may write it anew */
	unlink(path("swanctl.conf"));
	await("a", 100);
	put("swanctl.conf", "");
	await("a", 0);
	unlink(path("conf.d/z"));
	rmdir(path("conf.d"));
	unlink(path("more files"));
}

static void test_not_included(void **state)
{
	/* none of these may be mistaken for an include, or hide the real one */
	put("swanctl.conf",
		"# include a\n"
		"secrets { eap { secret = \"include \\\" b # {\"\n"
		"	id = include c\n include = d\n xinclude = e } }\n"
		"pools { p { addrs = 1.0.0.0/8 } } include real\n");
	put("real", CHILD("a", 100));
	await("a", 100);
	put("real", CHILD("a", 101));
	await("a", 101);
	unlink(path("real"));
	await("a", 0);
	put("real", CHILD("a", 102));
	await("a", 102);
	unlink(path("real"));
}

/**
 * Expect that reading fails with a line that has all this in it.
 */
static void unreadable(char *what, char *remedy)
{
	update();
	assert_non_null(strstr(line, "nflog-capture: "));
	if (!strstr(line, what) || !strstr(line, remedy))
	{
		fail_msg("unexpected message: %s", line);
	}
}

static void test_invalid(void **state)
{
	nflog_cfg_t *cfg;

	/* nothing read yet */
	options->destroy(options);
	options = nflog_options_create(NULL, NULL, NULL);
	load("enable = yes");
	put("swanctl.conf", "connections { gw { children { a { nflog-capture {\n");
	unreadable("swanctl.conf:2: syntax error, unexpected end of file",
			   "nothing is captured");
	lines = 0;
	assert_false(options->get_missed(options));
	assert_null(get("gw", "a"));
	assert_int_equal(lines, 1);
	assert_true(options->get_missed(options));
	assert_false(options->get_missed(options));
	assert_non_null(strstr(line, "could not be read yet"));

	load("");
	put("swanctl.conf", CHILD("a", 100));
	await("a", 100);
	put("swanctl.conf", "connections {\n gw {");
	unreadable("swanctl.conf:2: syntax error", "keeping");
	await("a", 100);
	put("swanctl.conf", "\n# }\nconnections {\n gw { }\n } }");
	unreadable("swanctl.conf:5: syntax error, unexpected '}'", "keeping");
	await("a", 100);
	put("swanctl.conf", CHILD("a", 101));
	await("a", 101);

	/* what is set in strongswan.conf meanwhile applies later */
	put("swanctl.conf", CHILD("a", 101) "x");
	unreadable("swanctl.conf:4: syntax error, unexpected end", "keeping");
	load("link_type = raw");
	await("a", 101);
	put("swanctl.conf", CHILD("a", 101));
	cfg = get("gw", "a");
	assert_int_equal(cfg->link, LINK_RAW);
	nflog_cfg_destroy(cfg);
	load("");

	put("other.conf", "\n\nx = \"");
	put("swanctl.conf", CHILD("a", 100) "include other.conf\n");
	unreadable("other.conf:3: unterminated string", "keeping");
	await("a", 101);

	/* another file by another option */
	put("other.conf", CHILD("a", 102));
	load("");
	lib->settings->set_str(lib->settings,
						   "charon.plugins.nflog-capture.swanctl_conf",
						   path("other.conf"));
	await("a", 102);
	unlink(path("other.conf"));
}

/**
 * Check for points, once changes have been read.
 */
static bool has_point(u_int points)
{
	update();
	return options->has_point(options, NULL, points);
}

static void test_points(void **state)
{
	u_int ike = 1 << POINT_IKE_IN | 1 << POINT_IKE_OUT;

	assert_false(has_point(ike));
	load("enable = yes\n points = esp");
	assert_false(has_point(ike));
	assert_true(has_point(1 << POINT_ESP_IN));
	assert_true(options->has_point(options, "any", 1 << POINT_ESP_IN));
	assert_false(options->has_point(options, "any", ike));
	load("enable = yes");
	assert_true(has_point(ike));
	load("connections { gw { children { a { nflog-capture {\n"
		 "enable = yes\n points = ike-out\n } } } } }");
	assert_true(has_point(ike));
	assert_false(has_point(1 << POINT_IKE_IN));
	assert_true(options->has_point(options, "gw", ike));
	assert_false(options->has_point(options, "gw", 1 << POINT_IKE_IN));
	assert_false(options->has_point(options, "other", ike));
	load("");
	assert_false(has_point(ike));
	put("swanctl.conf", CHILD("a", 100));
	assert_true(has_point(ike));
	assert_true(options->has_point(options, "gw", ike));
	assert_false(options->has_point(options, "other", ike));
	load("points = esp");
	assert_false(has_point(ike));
	assert_true(has_point(1 << POINT_ESP_IN));
	assert_int_equal(lines, 0);
}

/**
 * With invalid options nothing starts, but what is captured goes on, unless it is clear that
 * it is to end.
 */
static void test_captured(void **state)
{
	nflog_candidate_t candidate = { .conn = "gw", .child = "a" };
	const struct {
		char *options;
		bool starts, goes_on;
	} tests[] = {
		{ "enable = yes", TRUE, TRUE },
		{ "enable = no", FALSE, FALSE },
		{ "", FALSE, FALSE },
		{ "enable = yes\n snaplen = 3", FALSE, TRUE },
		{ "enable = yes\n snap = 100", FALSE, TRUE },
		{ "enable = yes\n files = 3", FALSE, TRUE },
		{ "enable = yse", FALSE, TRUE },
		{ "enable = yes\n filter = icmp\n points = esp", FALSE, TRUE },
		{ "enable = yes\n filter = icmp\n points = plain-in", TRUE, TRUE },
		{ "enable = yes\n filter_esp = host 192.0.2.1\n points = esp", TRUE, TRUE },
		{ "enable = no\n snaplen = 3", FALSE, FALSE },
	};
	char buf[256];
	nflog_cfg_t *cfg;
	u_int i, captured;

	for (i = 0; i < countof(tests); i++)
	{
		snprintf(buf, sizeof(buf), "connections { gw { children { a { nflog-capture {\n"
				 "%s\n } } } } }", tests[i].options);
		put("swanctl.conf", buf);
		update();
		for (captured = 0; captured < 2; captured++)
		{
			cfg = options->get(options, &candidate, captured, TRUE);
			assert_int_equal(cfg != NULL, captured ? tests[i].goes_on : tests[i].starts);
			assert_int_equal(candidate.request, 0);
			if (cfg)
			{
				nflog_cfg_destroy(cfg);
			}
		}
	}
}

/**
 * Of those that share a connection, only some peers are captured.
 */
static void test_peers(void **state)
{
	const struct {
		char *options, *identity, *vip;
		bool captured, unsure;
	} tests[] = {
		{ "identity = carol*", "carol@strongswan.org", NULL, TRUE, FALSE },
		{ "identity = *@strongswan.org", "carol@strongswan.org", NULL, TRUE, FALSE },
		{ "identity = carol*", "dave@strongswan.org", NULL, FALSE, FALSE },
		{ "identity = carol*", NULL, NULL, FALSE, TRUE },
		{ "virtual_ip = 10.3.0.0/24", NULL, "10.3.0.1", TRUE, FALSE },
		{ "virtual_ip = 10.3.0.1", "carol@strongswan.org", "10.3.0.2", FALSE, FALSE },
		{ "virtual_ip = fec0::/16", "carol@strongswan.org", NULL, FALSE, TRUE },
		{ "identity = carol*\n virtual_ip = 10.3.0.1", "dave", NULL, FALSE, FALSE },
		{ "identity = carol*\n virtual_ip = 10.3.0.1", "carol", NULL, FALSE, TRUE },
		{ "identity = carol*\n virtual_ip = 10.3.0.1", "carol", "10.3.0.1", TRUE, FALSE },
		{ "", NULL, NULL, TRUE, FALSE },
		{ "identity =", "carol", NULL, FALSE, FALSE },
		{ "virtual_ip = 10.3.0.0/33", "carol", "10.3.0.1", FALSE, FALSE },
	};
	nflog_candidate_t candidate = { .conn = "gw", .child = "a" };
	char buf[256];
	nflog_cfg_t *cfg;
	u_int i;

	for (i = 0; i < countof(tests); i++)
	{
		snprintf(buf, sizeof(buf), "connections { gw { children { a { nflog-capture {\n"
				 "enable = yes\n %s\n } } } } }", tests[i].options);
		put("swanctl.conf", buf);
		update();
		candidate.identity = !tests[i].identity ? NULL :
					identification_create_from_string(tests[i].identity);
		candidate.vips = !tests[i].vip ? NULL : linked_list_create_with_items(
					host_create_from_string(tests[i].vip, 0), NULL);
		cfg = options->get(options, &candidate, FALSE, TRUE);
		assert_int_equal(cfg != NULL, tests[i].captured);
		assert_int_equal(candidate.unsure, tests[i].unsure);
		if (cfg)
		{
			nflog_cfg_destroy(cfg);
		}
		DESTROY_IF(candidate.identity);
		DESTROY_OFFSET_IF(candidate.vips, offsetof(host_t, destroy));
	}
}

static void test_many(void **state)
{
	nflog_cfg_t *cfg;
	char name[32], *new;
	FILE *file;
	int i;

	file = fopen(path("new"), "w");
	assert_non_null(file);
	fprintf(file, "connections {\n");
	for (i = 0; i < 10000; i++)
	{
		fprintf(file, "gw%d { local_addrs = 192.0.2.1\n children { net { "
				"nflog-capture { enable = yes\n snaplen = %d\n } } } }\n", i,
				100 + i);
	}
	fprintf(file, "}\n");
	fclose(file);
	new = strdup(path("new"));
	assert_int_equal(rename(new, path("swanctl.conf")), 0);
	free(new);
	update();
	for (i = 0; i < 10000; i++)
	{
		snprintf(name, sizeof(name), "gw%d", i);
		cfg = options->get(options, &(nflog_candidate_t){ .conn = name, .child = "net" },
						   FALSE, FALSE);
		assert_non_null(cfg);
		assert_int_equal(cfg->snaplen, 100 + i);
		nflog_cfg_destroy(cfg);
	}
	assert_int_equal(lines, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_default, begin, end),
		cmocka_unit_test_setup_teardown(test_captured, begin, end),
		cmocka_unit_test_setup_teardown(test_peers, begin, end),
		cmocka_unit_test_setup_teardown(test_global, begin, end),
		cmocka_unit_test_setup_teardown(test_precedence, begin, end),
		cmocka_unit_test_setup_teardown(test_names, begin, end),
		cmocka_unit_test_setup_teardown(test_references, begin, end),
		cmocka_unit_test_setup_teardown(test_changes, begin, end),
		cmocka_unit_test_setup_teardown(test_not_included, begin, end),
		cmocka_unit_test_setup_teardown(test_invalid, begin, end),
		cmocka_unit_test_setup_teardown(test_points, begin, end),
		cmocka_unit_test_setup_teardown(test_many, begin, end),
	};

	return cmocka_run_group_tests(tests, common_setup, common_teardown);
}
