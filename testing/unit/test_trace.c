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
 * Traces and key tables on a disk that fails: they go on as soon as it works again,
 * consist of whole records at any time, and the end line counts what is missing.
 */

#define _GNU_SOURCE

#include "disk.h"

#include <time.h>

/**
 * Let a write fail, first time.
 */
static void test_full(void **state)
{
	char expected[PATH_MAX];

	trace_lines = 0;
	start((nflog_cfg_t){});
	snprintf(expected, sizeof(expected), "nflog-capture: capturing CHILD_SA net{1} of "
			 "connection 'gw' to %s.pcap", path(NAME));
	assert_string_equal(stored_line, expected);
	assert_int_equal(write_packets(20), 20);
	logged(0, NULL);
	set_min_free(DISK);
	/* some fit in the block that the file has */
	assert_in_range(write_packets(50), 0, 4);
	logged(1, "min_free keeps 4194304");
	check_files(1);
	assert_int_equal(write_packets(30), 0);
	logged(0, NULL);
	set_min_free("0");
	assert_int_equal(write_packets(20), 20);
	logged(1, "resumed trace");
	assert_int_equal(write_packets(20), 20);
	logged(0, NULL);
	check_files(1);

	/* the second time nothing is logged but at the end */
	set_min_free(DISK);
	write_packets(50);
	write_packets(50);
	set_min_free("0");
	assert_int_equal(write_packets(20), 20);
	logged(0, NULL);
	finish("not written in 2 gaps from Nov 14 22:13:");
	assert_int_equal(trace_lines, 1);
	assert_true(strpfx(line, "nflog-capture: trace /"));
	assert_non_null(strstr(line, "the disk budget was exhausted"));
	check_files(1);
}

/**
 * It takes as many packets as requested, and counts the others.
 */
static void test_limit(void **state)
{
	start((nflog_cfg_t){ .packets = 30 });
	assert_false(trace->is_full(trace));
	assert_int_equal(write_packets(29), 29);
	assert_false(trace->is_full(trace));
	write_packets(5);
	assert_true(trace->is_full(trace));
	assert_int_equal(trace->get_count(trace, POINT_ESP_IN)->packets +
					 trace->get_count(trace, POINT_ESP_OUT)->packets, 30);
	assert_int_equal(trace->get_count(trace, POINT_ESP_IN)->beyond +
					 trace->get_count(trace, POINT_ESP_OUT)->beyond, 4);
	logged(0, NULL);
	finish(" beyond the limit");
}

/**
 * Rotated files, and traces that follow, have names that are later than those before.
 */
static void test_names(void **state)
{
	char *name = nflog_trace_name_restart(NAME, time(NULL) + 2), *file, *last;
	int i;

	start((nflog_cfg_t){});
	trace->end(trace);
	trace->destroy(trace);
	trace = nflog_trace_create(store, "gw", "net{1}", POINT_ESP_IN, &(nflog_cfg_t){});
	trace->set_name(trace, name);
	trace->start(trace);
	last = strdup(stored_line);
	for (i = 0; i < 3; i++)
	{
		assert_int_equal(write_packets(1), 1);
		assert_true(trace->rotate(trace, time(NULL)));
		assert_true(strcmp(stored_line, last) > 0);
		free(last);
		last = strdup(stored_line);
	}
	trace->end(trace);
	trace->destroy(trace);
	/* in the second in which the other one was rotated, or started */
	trace = nflog_trace_create(store, "gw", "net{1}", POINT_ESP_IN, &(nflog_cfg_t){});
	trace->set_name(trace, name);
	trace->start(trace);
	assert_true(strcmp(stored_line, last) > 0);
	file = strstr(stored_line, "Z.");
	assert_non_null(file);
	assert_true(strpfx(file, "Z.00000001-00000002.esp.pcap"));
	free(last);
	free(name);
}

/**
 * The filter for packets in the clear does not apply to ESP packets.
 */
static void test_filter(void **state)
{
	nflog_filters_t *filters = nflog_filters_create();
	nflog_filter_t *none = filters->get(filters, "len < 1");

	assert_non_null(none);
	start((nflog_cfg_t){ .filter = none, .filter_ike = none });
	assert_int_equal(write_packets(10), 10);
	finish("10000 bytes 0 lost");
	assert_null(strstr(line, "filtered"));
	trace->destroy(trace);
	forget_packets();
	assert_int_equal(common_remove("captures/gw"), 0);
	start((nflog_cfg_t){ .filter_esp = none });
	assert_int_equal(write_packets(10), 0);
	finish("10 filtered");
	none->destroy(none);
	filters->destroy(filters);
}

static void test_full_at_start(void **state)
{
	fill(0);
	trace_lines = 0;
	start((nflog_cfg_t){});
	logged(1, "there is no trace to remove, remove other files");
	assert_int_equal(trace_lines, 0);
	assert_int_equal(write_packets(10), 0);
	logged(0, NULL);
	/* nothing is left behind */
	check_files(0);
	empty();
	assert_int_equal(write_packets(10), 10);
	logged(1, "10 packets were not written");
	check_files(1);
	finish("; 10 not written in 1 gaps from");
}

static void test_full_always(void **state)
{
	fill(0);
	start((nflog_cfg_t){});
	assert_int_equal(write_packets(10), 0);
	finish("; 10 not written in 1 gaps from");
	check_files(0);
}

static void test_descriptors(void **state)
{
	struct rlimit limit, none;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	none = limit;
	none.rlim_cur = 0;
	start((nflog_cfg_t){});
	assert_int_equal(write_packets(10), 10);
	add_spi("gw", 1);
	lines = 0;

	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	assert_int_equal(write_packets(10), 0);
	keys->flush(keys);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	/* once for all */
	logged(1, "limit of open files");
	assert_true(keys->pending(keys));
	assert_in_range(keys->get_delay(keys), 1, 1000);

	assert_int_equal(write_packets(10), 10);
	logged(1, "resumed trace");
	keys->retry(keys);
	keys->flush(keys);
	assert_false(keys->pending(keys));
	assert_int_equal(keys->get_delay(keys), 0);
	logged(1, "before, 0 are lost");
	expect("gw", "esp_sa", ROW("00000001"));
	check_files(1);
	finish("; 10 not written in 1 gaps from");

	/* and from the beginning, also of what counts bytes for the budget */
	trace->destroy(trace);
	store->destroy(store);
	store = nflog_store_create();
	forget_packets();
	lib->settings->set_str(lib->settings,
						   "charon.plugins.nflog-capture.max_total", "30k");
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	trace = nflog_trace_create(store, "other", "net{2}", POINT_ESP_IN,
							   &(nflog_cfg_t){});
	trace->set_name(trace, NAME);
	trace->start(trace);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

static void test_drops_unknown(void **state)
{
	struct rlimit limit, none;
	nflog_xfrm_stat_t *xfrm_stat;
	nflog_dropped_t *dropped;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	none = limit;
	none.rlim_cur = 0;
	xfrm_stat = nflog_xfrm_stat_create();
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	dropped = xfrm_stat->get(xfrm_stat);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	/* not all that the kernel ever dropped */
	xfrm_stat->report(xfrm_stat, dropped, "net{1}");
	logged(1, "unknown what the kernel dropped while net{1} was captured");
	xfrm_stat->put(xfrm_stat, dropped);
	xfrm_stat->destroy(xfrm_stat);
}

static void test_read_only(void **state)
{
	start((nflog_cfg_t){});
	assert_int_equal(write_packets(10), 10);
	assert_int_equal(mount(NULL, captures, NULL, MS_REMOUNT | MS_RDONLY, NULL),
					 0);
	assert_int_equal(write_packets(10), 0);
	logged(1, "mount it writable");
	assert_int_equal(mount(NULL, captures, NULL, MS_REMOUNT, NULL), 0);
	assert_int_equal(write_packets(10), 10);
	logged(1, "Read-only file system");
	check_files(1);
	finish("Read-only file system");
}

static void test_budget(void **state)
{
	int fd;

	set_max_total("20k");
	/* not ours, so it isn't removed */
	fd = store->create_file(store, "gw", "mine", chunk_empty);
	assert_true(fd >= 0);
	assert_int_equal(posix_fallocate(fd, 0, 20 * 1024), 0);
	close(fd);
	start((nflog_cfg_t){});
	logged(1, "raise max_total = 20480");
	assert_int_equal(write_packets(10), 0);
	check_files(0);
	logged(0, NULL);
	assert_int_equal(trace->get_count(trace, POINT_ESP_IN)->budget, 10);
	set_max_total("100k");
	assert_int_equal(write_packets(10), 10);
	logged(1, "10 packets were not written: the disk budget was exhausted");
	check_files(1);
	finish("the disk budget was exhausted");
}

static void test_keys_of_wanted(void **state)
{
	/* as long as a trace could not be created its keys stay */
	add_spi("gw", 1);
	add_spi("gw", 3);
	keys->flush(keys);
	set_max_total("1");
	start((nflog_cfg_t){});
	assert_int_equal(write_packets(10), 0);
	restart();
	keys->prune(keys, "gw");
	keys->flush(keys);
	expect("gw", "esp_sa", ROW("00000001"));
	trace->end(trace);
	keys->prune(keys, "gw");
	keys->flush(keys);
	expect("gw", "esp_sa", "");
}

static void test_keys_full(void **state)
{
	fill(0);
	add_spi("gw", 1);
	keys->flush(keys);
	logged(1, "has 0 bytes and");
	assert_true(keys->pending(keys));
	/* not before some time */
	keys->flush(keys);
	assert_true(keys->get_delay(keys) > 0);
	/* but with the next SA */
	add_spi("gw", 2);
	add_ike("gw", IKEV1, 5, ENCR_AES_CBC, 128, AUTH_HMAC_SHA1_96, 2, 0);
	keys->flush(keys);
	logged(0, NULL);
	assert_int_equal(access(path("esp_sa"), F_OK), -1);
	empty();
	keys->retry(keys);
	keys->flush(keys);
	logged(1, "before, 0 are lost");
	assert_false(keys->pending(keys));
	expect("gw", "esp_sa", ROW("00000002") ROW("00000001"));
	expect("gw", "ikev1_decryption_table", "0000000000000005,1111\n");
	assert_int_equal(access(path("preferences"), F_OK), 0);

	/* after a while too */
	fill(0);
	add_spi("gw", 3);
	keys->flush(keys);
	assert_true(keys->pending(keys));
	empty();
	while (keys->pending(keys))
	{
		usleep(1000 * keys->get_delay(keys));
		keys->flush(keys);
	}
	expect("gw", "esp_sa", ROW("00000003") ROW("00000002") ROW("00000001"));

	/* rows are removed with their trace nevertheless */
	create_trace("gw", "00000001-00000002.esp");
	restart();
	lines = 0;
	fill(0);
	keys->prune(keys, "gw");
	keys->flush(keys);
	assert_false(keys->pending(keys));
	expect("gw", "esp_sa", ROW("00000002") ROW("00000001"));
}

static void test_keys_many(void **state)
{
	int i;

	fill(0);
	for (i = 1; i <= 70000 / 2; i++)
	{
		add_spi("gw", i);
	}
	/* the oldest ones go, which is logged once, as is that not all can be locked in memory */
	assert_in_range(lines, 1, 2);
	assert_non_null(strstr(line, "dropping the oldest ones"));
	keys->flush(keys);
	assert_true(keys->pending(keys));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_full, begin_disk, end_disk),
		cmocka_unit_test_setup_teardown(test_names, begin_disk, end_disk),
		cmocka_unit_test_setup_teardown(test_filter, begin_disk, end_disk),
		cmocka_unit_test_setup_teardown(test_limit, begin_disk, end_disk),
		cmocka_unit_test_setup_teardown(test_full_at_start, begin_disk, end_disk),
		cmocka_unit_test_setup_teardown(test_full_always, begin_disk, end_disk),
		cmocka_unit_test_setup_teardown(test_descriptors, begin_disk, end_disk),
		cmocka_unit_test_setup_teardown(test_drops_unknown, begin_disk, end_disk),
		cmocka_unit_test_setup_teardown(test_read_only, begin_disk, end_disk),
		cmocka_unit_test_setup_teardown(test_budget, begin_disk, end_disk),
		cmocka_unit_test_setup_teardown(test_keys_of_wanted, begin_disk, end_disk),
		cmocka_unit_test_setup_teardown(test_keys_full, begin_disk, end_disk),
		cmocka_unit_test_setup_teardown(test_keys_many, begin_disk, end_disk),
		/* with files that are kept open */
		cmocka_unit_test_setup_teardown(test_full, begin_kept, end_kept),
		cmocka_unit_test_setup_teardown(test_full_at_start, begin_kept, end_kept),
		cmocka_unit_test_setup_teardown(test_full_always, begin_kept, end_kept),
	};

	return cmocka_run_group_tests(tests, setup_disk, common_teardown);
}
