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
 * Values of the options: what is refused and how that is logged, empty ones, and
 * filters.
 */

#define _GNU_SOURCE

#include "strongswan.h"
#include "options/values.h"

#include <dlfcn.h>
#include <pthread.h>

#include <pcap/pcap.h>

/**
 * Expect that a CHILD_SA isn't captured, and that one line says all this.
 */
static void refused(char *conn, char *child, char *file, char *section,
					char *option, char *value, char *allowed)
{
	assert_null(get(conn, child));
	if (lines != 1)
	{
		fail_msg("%d lines for %s = %s: %s", lines, option, value, line);
	}
	assert_non_null(strstr(line, file));
	assert_non_null(strstr(line, section));
	assert_non_null(strstr(line, option));
	assert_non_null(strstr(line, value));
	assert_non_null(strstr(line, allowed));
}

static void test_values(void **state)
{
	static struct {
		char *value;
		u_int points;
	} points[] = {
		{ "esp-in", 1 << POINT_ESP_IN },
		{ "esp", 1 << POINT_ESP_IN | 1 << POINT_ESP_OUT },
		{ "plain-in,ike-out", 1 << POINT_PLAIN_IN | 1 << POINT_IKE_OUT },
		{ "plain-out esp-out", 1 << POINT_PLAIN_OUT | 1 << POINT_ESP_OUT },
		{ "\", esp-in ,, IKE-IN,\"", 1 << POINT_ESP_IN | 1 << POINT_IKE_IN },
		{ "esp, plain, ike", NFLOG_WAY_POINTS },
		{ "missed, esp-out", 1 << POINT_MISSED | 1 << POINT_ESP_OUT },
	};
	nflog_cfg_t *cfg;
	char buf[512];
	u_int i;

	for (i = 0; i < countof(points); i++)
	{
		snprintf(buf, sizeof(buf), "enable = TRUE\n points = %s\n"
				 "link_type = raw\n file_size = 2 M\n duration = 1d\n"
				 "esp_keys = disabled\n ike_keys = 0\n snaplen = 65535",
				 points[i].value);
		load(buf);
		cfg = get("gw", "net");
		assert_non_null(cfg);
		assert_int_equal(cfg->points, points[i].points);
		assert_int_equal(cfg->link, LINK_RAW);
		assert_int_equal(cfg->file_size, 2 << 20);
		assert_int_equal(cfg->duration, 24 * 60 * 60);
		assert_int_equal(cfg->snaplen, 65535);
		assert_false(cfg->esp_keys);
		assert_false(cfg->ike_keys);
		nflog_cfg_destroy(cfg);
	}
}

static void test_local(void **state)
{
	static struct {
		char *options;
		nflog_local_t local;
	} tests[] = {
		{ "", NFLOG_LOCAL_ANY },
		{ "local = only", NFLOG_LOCAL_ONLY },
		{ "local = None\n points = plain-out", NFLOG_LOCAL_NONE },
		{ "local = any\n points = esp", NFLOG_LOCAL_ANY },
		{ "local = only\n points = missed", NFLOG_LOCAL_ONLY },
	};
	nflog_cfg_t *cfg;
	char buf[512];
	u_int i;

	for (i = 0; i < countof(tests); i++)
	{
		snprintf(buf, sizeof(buf), "enable = yes\n %s\n", tests[i].options);
		load(buf);
		cfg = get("gw", "net");
		assert_non_null(cfg);
		assert_int_equal(cfg->local, tests[i].local);
		nflog_cfg_destroy(cfg);
		assert_int_equal(lines, 0);
	}
	/* what has nothing in the clear would be stored as a whole */
	put("swanctl.conf", "connections { gw { children { net { nflog-capture {\n"
		"enable = yes\n points = esp, ike\n local = only\n } } } } }\n");
	refused("gw", "net", path("swanctl.conf"),
			"connections.gw.children.net.nflog-capture", "local", "in the clear",
			"which points lacks");
}

/** number of filters that were compiled, and of those by the thread of the test */
static u_int compiled, compiled_here;

/** the thread of the test */
static pthread_t here;

/**
 * Called instead of libpcap's.
 */
int pcap_compile(pcap_t *pcap, struct bpf_program *program, const char *expression,
				 int optimize, bpf_u_int32 netmask)
{
	int (*func)(pcap_t*, struct bpf_program*, const char*, int, bpf_u_int32);

	func = dlsym(RTLD_NEXT, "pcap_compile");
	compiled++;
	compiled_here += pthread_equal(pthread_self(), here) != 0;
	return func(pcap, program, expression, optimize, netmask);
}

/**
 * Filters are compiled once for all children, and not by those who look them up.
 */
static void test_filter_shared(void **state)
{
	nflog_cfg_t *cfg;
	char name[8];
	FILE *file;
	int i;

	compiled = compiled_here = 0;
	here = pthread_self();
	file = fopen(path("swanctl.conf"), "w");
	assert_non_null(file);
	for (i = 0; i < 100; i++)
	{
		fprintf(file, "connections { gw { children { c%d { nflog-capture {\n"
				"enable = yes\n filter = %s\n } } } } }\n", i,
				i % 10 ? "udp" : "udp prot");
	}
	fclose(file);
	update();
	assert_int_equal(lines, 10);
	lines = 0;
	for (i = 0; i < 100; i++)
	{
		snprintf(name, sizeof(name), "c%d", i);
		cfg = get("gw", name);
		if (i % 10)
		{
			assert_non_null(cfg);
			assert_non_null(cfg->filter);
			nflog_cfg_destroy(cfg);
		}
		else
		{
			assert_null(cfg);
		}
	}
	/* the one that is not valid has the name of a host, as it seems */
	assert_int_equal(compiled, 1);
	/* and not again if something else changes */
	put("swanctl.conf", CHILD("a", 100) "connections { gw { children { b {\n"
		"nflog-capture { enable = yes\n filter = udp\n } } } } }\n");
	cfg = get("gw", "b");
	assert_non_null(cfg);
	nflog_cfg_destroy(cfg);
	assert_int_equal(compiled, 1);
	assert_int_equal(compiled_here, 0);
	assert_int_equal(lines, 0);
}

static void test_filters(void **state)
{
	static char *filters[] = {
		"host 10.1.0.10 and not tcp portrange 20-30",
		"ip6 host fec1::10 or src net 10.2.0.0/16",
		"tcp[tcpflags] & (tcp-syn|tcp-fin) != 0 and port http",
		"icmp6[icmp6type] = icmp6-echo || proto \\\\ospf || ip[2:2] - 1 >= 0xff",
		"(icmp[icmptype]==icmp-echoreply) && len<1500 && ! udp dst port 53",
	};
	nflog_cfg_t *cfg;
	char buf[512];
	u_int i;

	for (i = 0; i < countof(filters); i++)
	{
		snprintf(buf, sizeof(buf), "enable = yes\n filter = \"%s\"\n",
				 filters[i]);
		load(buf);
		cfg = get("gw", "net");
		assert_non_null(cfg);
		assert_int_equal(lines, 0);
		nflog_cfg_destroy(cfg);
	}
}

static void test_refused(void **state)
{
	static struct {
		char *option;
		char *value;
		char *allowed;
	} bad[] = {
		{ "enable", "maybe", "yes or no" },
		{ "enable", "2", "yes or no" },
		{ "points", "esp-inn", "esp-in, esp-out" },
		{ "points", "esp, tls", "esp-in, esp-out" },
		{ "points", " , ", "esp-in, esp-out" },
		{ "points", "a-very-long-name-of-a-point", "esp-in, esp-out" },
		{ "snaplen", "63", "64 to 65535" },
		{ "snaplen", "65536", "64 to 65535" },
		{ "snaplen", "-1", "64 to 65535" },
		{ "snaplen", "99999999999999999999999", "64 to 65535" },
		{ "snaplen", "100b", "64 to 65535" },
		{ "filter", "tcp prot 22", "pcap-filter" },
		{ "filter", "tcp port", "pcap-filter" },
		{ "filter", "host gateway.example.com", "pcap-filter" },
		{ "filter", "src net 10.example.com", "pcap-filter" },
		{ "filter", "host www", "pcap-filter" },
		{ "filter", "src domain", "pcap-filter" },
		{ "filter", "host example.com:", "pcap-filter" },
		{ "link_type", "ethernet", "nflog or raw" },
		{ "local", "yes", "any, only, or none" },
		{ "local", "only none", "any, only, or none" },
		{ "file_size", "10", "at least 1k" },
		{ "file_size", "1t", "suffix k, m, or g" },
		{ "file_size", "99999999999g", "suffix k, m, or g" },
		{ "file_size", "1kk", "suffix k, m, or g" },
		{ "recorder", "1023k", "at least 1m" },
		{ "recorder", "all", "at least 1m" },
		{ "recorder_after", "10x", "suffix m, h, or d" },
		{ "files", "many", "a number" },
		{ "files", "3", "file_size or duration" },
		{ "duration", "1w", "suffix m, h, or d" },
		{ "duration", "99999999999d", "suffix m, h, or d" },
		{ "esp_keys", "da", "yes or no" },
		{ "ike_keys", "nein", "yes or no" },
	}, global[] = {
		{ "dir", "captures", "absolute path" },
		{ "max_total", "1e", "suffix k, m, or g" },
		{ "recorder_total", "1e", "suffix k, m, or g" },
		{ "recorder_interval", "1w", "suffix m, h, or d" },
		{ "recorder_lost", "1%", "a number" },
		{ "max_wait", "0", "1 to 60000" },
		{ "max_wait", "100ms", "1 to 60000" },
		{ "buffer_size", "16777215", "16m to 4g" },
		{ "buffer_size", "5g", "16m to 4g" },
		{ "buffer_size", "all", "16m to 4g" },
		{ "group", "65528", "0 to 65527" },
		{ "group", "x", "0 to 65527" },
		{ "swanctl_conf", "swanctl.conf", "absolute path" },
		{ "socket", "tcp://0.0.0.0:80", "unix://PATH or systemd://NAME" },
		{ "socket", "unix://charon", "unix://PATH or systemd://NAME" },
		{ "socket", "systemd://", "unix://PATH or systemd://NAME" },
	};
	char buf[512];
	u_int i;

	for (i = 0; i < countof(bad); i++)
	{
		reset();
		snprintf(buf, sizeof(buf), "connections { gw { children { net {\n"
				 "nflog-capture {\n %s = \"%s\"\n } } } } }\n", bad[i].option,
				 bad[i].value);
		put("swanctl.conf", buf);
		refused("gw", "net", path("swanctl.conf"),
				"connections.gw.children.net.nflog-capture", bad[i].option,
				bad[i].value, bad[i].allowed);
		/* it is logged once only */
		assert_null(get("gw", "net"));
		put("swanctl.conf", buf);
		assert_null(get("gw", "net"));
		assert_int_equal(lines, 1);

		reset();
		load(buf);
		refused("gw", "net", "strongswan.conf", "plugins.nflog-capture."
				"connections.gw.children.net.nflog-capture", bad[i].option,
				bad[i].value, bad[i].allowed);

		reset();
		snprintf(buf, sizeof(buf), "%s = \"%s\"\n", bad[i].option, bad[i].value);
		load(buf);
		refused("gw", "net", "strongswan.conf", "plugins.nflog-capture",
				bad[i].option, bad[i].value, bad[i].allowed);
	}
	/* with one that only a valid value would contradict */
	reset();
	load("recorder = 1k\nduration = 2h\n");
	refused("gw", "net", "strongswan.conf", "plugins.nflog-capture", "recorder", "1k",
			"at least 1m");
	reset();
	for (i = 0; i < countof(global); i++)
	{
		options->destroy(options);
		options = nflog_options_create(NULL, NULL, NULL);
		lines = 0;
		snprintf(buf, sizeof(buf), "%s = %s\n", global[i].option,
				 global[i].value);
		load(buf);
		refused("gw", "net", "strongswan.conf", "plugins.nflog-capture",
				global[i].option, global[i].value, global[i].allowed);

		reset();
		snprintf(buf, sizeof(buf), "connections { gw { children { net {\n"
				 "nflog-capture {\n enable = yes\n %s = 1\n } } } } }\n",
				 global[i].option);
		put("swanctl.conf", buf);
		refused("gw", "net", path("swanctl.conf"),
				"connections.gw.children.net.nflog-capture", global[i].option,
				"", "is global");
		reset();
	}
}

static void test_unknown(void **state)
{
	put("swanctl.conf", "connections { gw { children {\n"
		"a { nflog-capture { enabel = yes\n } } } } }\n");
	refused("gw", "a", path("swanctl.conf"),
			"connections.gw.children.a.nflog-capture", "option 'enabel'", "",
			"allowed are enable, points, snaplen");
	assert_null(strstr(line, "max_total"));
	reset();
	put("swanctl.conf", "connections { gw { children {\n"
		"b { nflog-capture { enable = yes\n ring { files = 1\n } } } } } }\n");
	refused("gw", "b", path("swanctl.conf"),
			"connections.gw.children.b.nflog-capture", "section 'ring'", "",
			"allowed are enable");

	reset();
	load("pints = esp");
	refused("gw", "c", "strongswan.conf", "plugins.nflog-capture", "pints", "",
			"max_total");
	reset();
	load("conns { }");
	refused("gw", "c", "strongswan.conf", "plugins.nflog-capture", "conns", "",
			"max_total");

	/* a line for each, again if asked to read them again */
	reset();
	load("pints = esp\n snaplen = 1\n enable = yes");
	assert_null(get("gw", "c"));
	assert_int_equal(lines, 2);
	options->reload(options);
	assert_null(get("gw", "c"));
	assert_int_equal(lines, 4);
}

/**
 * Many errors are counted.
 */
static void test_many_refused(void **state)
{
	FILE *file;
	int i;

	file = fopen(path("swanctl.conf"), "w");
	assert_non_null(file);
	for (i = 0; i < 1000; i++)
	{
		fprintf(file, "connections { gw { children { c%d { nflog-capture {\n"
				"snaplen = 1\n } } } } }\n", i);
	}
	fprintf(file, CHILD("a", 100));
	fclose(file);
	update();
	assert_int_equal(look_up("a"), 100);
	assert_int_equal(look_up("c999"), 0);
	assert_int_equal(lines, 101);
	assert_non_null(strstr(line, "900 more errors"));
}

static void test_empty(void **state)
{
	static char *names[] = {
		"enable", "points", "snaplen", "link_type", "file_size", "files",
		"duration", "running", "esp_keys", "ike_keys", "ring",
	};
	nflog_cfg_t *cfg;
	char buf[512];
	int i;

	for (i = 0; i < countof(names); i++)
	{
		reset();
		snprintf(buf, sizeof(buf), "connections { gw { children { net {\n"
				 "nflog-capture {\n %s =\n } } } } }\n", names[i]);
		put("swanctl.conf", buf);
		refused("gw", "net", path("swanctl.conf"), "children.net.nflog-capture",
				names[i], "", "not capturing");
	}
	/* the file that has the option is named, also where options do not go together */
	reset();
	put("a.conf", "nflog-capture {\n enable = yes\n files = 2\n }\n");
	put("b.conf", "nflog-capture {\n points = none\n }\n");
	put("swanctl.conf", "connections { gw { children { net { include b.conf } } } }\n");
	refused("gw", "net", path("b.conf"), "children.net.nflog-capture", "points", "none",
			"not capturing");
	reset();
	put("swanctl.conf", "connections { gw { children { net {\n"
		"include a.conf\n nflog-capture {\n snaplen = 96\n } } } } }\n");
	refused("gw", "net", path("a.conf"), "children.net.nflog-capture", "files", "2",
			"not capturing");
	/* no filter, though there is one for all others */
	reset();
	load("filter = udp");
	put("swanctl.conf", "connections { gw { children {\n"
		"a { nflog-capture { enable = yes\n filter =\n } }\n"
		"b { nflog-capture { enable = yes\n } } } } }\n");
	cfg = get("gw", "a");
	assert_non_null(cfg);
	assert_null(cfg->filter);
	nflog_cfg_destroy(cfg);
	cfg = get("gw", "b");
	assert_non_null(cfg);
	assert_non_null(cfg->filter);
	nflog_cfg_destroy(cfg);

	/* clears what the section inherits, so that the default applies */
	load("snaplen = 300");
	put("swanctl.conf", "common { nflog-capture { enable = yes\n snaplen = 80\n"
		"} }\n connections { gw { children {\n"
		"a : common { nflog-capture { snaplen =\n } }\n"
		"b : common { } } } }\n");
	update();
	assert_int_equal(look_up("a"), 300);
	assert_int_equal(look_up("b"), 80);
	put("swanctl.conf", CHILD("a", 90) "connections { gw { children { a { "
		"nflog-capture { snaplen = \n } } } } }\n");
	update();
	assert_int_equal(look_up("a"), 300);
	assert_int_equal(lines, 0);
}

/**
 * The directory is that of the start until charon is restarted.
 */
static void test_dir(void **state)
{
	nflog_cfg_t *cfg;

	load("enable = yes\n dir = /tmp/x");
	cfg = get("gw", "net");
	assert_non_null(cfg);
	nflog_cfg_destroy(cfg);
	assert_int_equal(lines, 1);
	assert_non_null(strstr(line, "'/tmp/x'"));
	assert_non_null(strstr(line, "applies once charon is restarted"));
	assert_non_null(strstr(line, "the default directory"));

	options->destroy(options);
	options = nflog_options_create(NULL, NULL, NULL);
	load("enable = yes\n dir = /tmp/x");
	update();
	lines = 0;
	load("enable = yes\n dir = /tmp/y");
	update();
	assert_int_equal(lines, 1);
	assert_non_null(strstr(line, "stored in /tmp/x"));
	load("enable = yes\n dir = y");
	cfg = get("gw", "net");
	assert_non_null(cfg);
	nflog_cfg_destroy(cfg);
	assert_int_equal(lines, 2);
	assert_non_null(strstr(line, "absolute path"));
	load("enable = yes\n dir = /tmp/x");
	update();
	assert_int_equal(lines, 2);
}

static void test_buffer_size(void **state)
{
	char *key = "%s.plugins.nflog-capture.buffer_size";

	assert_int_equal(nflog_values_buffer_size(), 64 << 20);
	lib->settings->set_str(lib->settings, key, "16m", lib->ns);
	assert_int_equal(nflog_values_buffer_size(), 16 << 20);
	lib->settings->set_str(lib->settings, key, "4g", lib->ns);
	assert_int_equal(nflog_values_buffer_size(), 4ULL << 30);
	/* what is refused does not apply */
	lib->settings->set_str(lib->settings, key, "15m", lib->ns);
	assert_int_equal(nflog_values_buffer_size(), 64 << 20);
	lib->settings->set_str(lib->settings, key, NULL, lib->ns);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_values, begin, end),
		cmocka_unit_test_setup_teardown(test_local, begin, end),
		cmocka_unit_test_setup_teardown(test_filters, begin, end),
		cmocka_unit_test_setup_teardown(test_filter_shared, begin, end),
		cmocka_unit_test_setup_teardown(test_refused, begin, end),
		cmocka_unit_test_setup_teardown(test_unknown, begin, end),
		cmocka_unit_test_setup_teardown(test_many_refused, begin, end),
		cmocka_unit_test_setup_teardown(test_empty, begin, end),
		cmocka_unit_test_setup_teardown(test_dir, begin, end),
		cmocka_unit_test_setup_teardown(test_buffer_size, begin, end),
	};

	return cmocka_run_group_tests(tests, common_setup, common_teardown);
}
