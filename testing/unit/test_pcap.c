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
 * Files of traces: when another one begins, what is done with those that somebody
 * else removed or replaced, and with what can't be written to them.
 */

#define _GNU_SOURCE

#include "disk.h"

#include <signal.h>

static void test_ring_full(void **state)
{
	start((nflog_cfg_t){ .file_size = 10000, .files = 3 });
	assert_int_equal(write_packets(18), 18);
	check_files(2);
	set_min_free(DISK);
	write_packets(30);
	logged(1, "min_free keeps");
	write_packets(30);
	logged(0, NULL);
	set_min_free("0");
	forget_packets();
	/* all in new files, but for those of the last one that was there */
	assert_int_equal(write_packets(90), 90);
	logged(1, "resumed trace");
	finish("the disk budget was exhausted");
}

static void test_removed(void **state)
{
	char other[PATH_MAX];

	start((nflog_cfg_t){});
	/* the file */
	assert_int_equal(write_packets(10), 10);
	assert_int_equal(unlink(path(NAME ".pcap")), 0);
	forget_packets();
	assert_int_equal(write_packets(10), 10);
	check_files(1);
	logged(1, "it was removed by someone else");
	/* the directory */
	snprintf(other, sizeof(other), "%s/other", captures);
	assert_int_equal(rename(path(""), other), 0);
	forget_packets();
	assert_int_equal(write_packets(10), 10);
	check_files(1);
	/* one of someone else took its place */
	assert_int_equal(unlink(path(NAME ".pcap")), 0);
	assert_int_equal(rmdir(path("")), 0);
	assert_int_equal(mkdir(path(""), 0777), 0);
	assert_int_equal(chmod(path(""), 0777), 0);
	forget_packets();
	assert_int_equal(write_packets(10), 0);
	check_files(0);
	assert_int_equal(chmod(path(""), 0700), 0);
	assert_int_equal(write_packets(10), 10);
	check_files(1);
	finish("; 10 not written in 1 gaps from");
	assert_non_null(strstr(line, "Operation not permitted"));
}

static void test_replaced(void **state)
{
	char copy[PATH_MAX];
	struct stat st;
	int fd;

	start((nflog_cfg_t){});
	/* another file has the name */
	assert_int_equal(write_packets(10), 10);
	snprintf(copy, sizeof(copy), "%s", path("copy"));
	assert_int_equal(rename(path(NAME ".pcap"), copy), 0);
	fd = open(path(NAME ".pcap"), O_CREAT | O_EXCL | O_WRONLY, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "mine", 4), 4);
	close(fd);
	forget_packets();
	assert_int_equal(write_packets(10), 10);
	logged(1, "was replaced or cut by another process");
	assert_int_equal(stat(path(NAME ".pcap"), &st), 0);
	assert_int_equal(st.st_size, 4);
	assert_int_equal(unlink(path(NAME ".pcap")), 0);
	assert_int_equal(unlink(copy), 0);
	check_files(1);
	assert_int_equal(access(path(NAME ".1.pcap"), F_OK), 0);

	/* emptied, to make space */
	assert_int_equal(truncate(path(NAME ".1.pcap"), 0), 0);
	forget_packets();
	assert_int_equal(write_packets(10), 10);
	assert_int_equal(unlink(path(NAME ".1.pcap")), 0);
	check_files(1);

	/* somebody appended to it: what isn't ours would hide what follows */
	fd = open(path(NAME ".2.pcap"), O_WRONLY | O_APPEND);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "torn", 4), 4);
	close(fd);
	assert_int_equal(write_packets(10), 10);
	check_files(1);

	/* what can't be opened at all */
	assert_int_equal(unlink(path(NAME ".2.pcap")), 0);
	assert_int_equal(symlink("/nowhere", path(NAME ".2.pcap")), 0);
	forget_packets();
	assert_int_equal(write_packets(10), 10);
	assert_int_equal(unlink(path(NAME ".2.pcap")), 0);
	check_files(1);
	finish("esp-in 50 packets");
	assert_null(strstr(line, "not written in"));
}

static void test_taken(void **state)
{
	create_trace("gw", "00000001-00000002.esp");
	start((nflog_cfg_t){});
	assert_int_equal(write_packets(10), 10);
	assert_int_equal(unlink(path(NAME ".pcap")), 0);
	check_files(1);
}

/**
 * Files that another process has, which may be many.
 */
static void test_taken_ring(void **state)
{
	char name[128];
	int i;

	close(store->create_file(store, "gw", NAME ".pcap", chunk_empty));
	for (i = 1; i < 10; i++)
	{
		snprintf(name, sizeof(name), NAME ".%d.pcap", i);
		close(store->create_file(store, "gw", name, chunk_empty));
	}
	lines = 0;
	start((nflog_cfg_t){ .file_size = 10000, .files = 2 });
	assert_int_equal(write_packets(90), 90);
	logged(0, NULL);
	for (i = 1; i < 10; i++)
	{
		snprintf(name, sizeof(name), NAME ".%d.pcap", i);
		assert_int_equal(access(path(name), F_OK), 0);
	}
	finish("esp-in");
}

/**
 * A file of a ring that others remove, and that is created again, is in the ring once.
 */
static void test_removed_ring(void **state)
{
	u_int i;

	start((nflog_cfg_t){ .file_size = 10000, .files = 2 });
	for (i = 0; i < 3; i++)
	{
		assert_int_equal(write_packets(2), 2);
		assert_int_equal(unlink(path(NAME ".0.pcap")), 0);
	}
	assert_int_equal(write_packets(2), 2);
	/* this goes to the next file, and the one before stays */
	assert_int_equal(write_packets(9), 9);
	assert_int_equal(access(path(NAME ".0.pcap"), F_OK), 0);
	assert_int_equal(access(path(NAME ".1.pcap"), F_OK), 0);
	lines = 0;
	finish("esp-in");
}

static void test_close(void **state)
{
	start((nflog_cfg_t){});
	assert_int_equal(write_packets(10), 10);
	close_error = EIO;
	assert_int_equal(write_packets(10), 0);
	close_error = 0;
	logged(1, "Input/output error (check the file system");
	/* what may be there of them is removed */
	assert_int_equal(write_packets(10), 10);
	check_files(1);
	finish("; 10 not written in 1 gaps from");
	assert_non_null(strstr(line, "esp-in 20 packets"));
}

/**
 * Limit the size of files, -1 for no limit.
 */
static void limit_size(off_t size)
{
	struct rlimit limit;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = size < 0 ? limit.rlim_max : size;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void test_size_limit(void **state)
{
	sigset_t pending;
	u_int written;

	start((nflog_cfg_t){});
	/* goes on in another file, the last record of the first one is whole */
	limit_size(20000);
	written = write_packets(10) + write_packets(25);
	limit_size(-1);
	assert_int_equal(written, 35);
	logged(1, "file size limit");
	check_files(2);

	/* no file is large enough for a packet, or a header */
	limit_size(900);
	written = write_packets(10);
	limit_size(10);
	written += write_packets(10);
	limit_size(-1);
	assert_int_equal(written, 0);
	assert_int_equal(sigpending(&pending), 0);
	assert_false(sigismember(&pending, SIGXFSZ));
	assert_int_equal(write_packets(10), 10);
	check_files(3);
	finish("; 20 not written in 1 gaps from");
	assert_non_null(strstr(line, "the file size limit of charon was reached"));
}

static void test_size_limit_keys(void **state)
{
	add_spi("gw", 1);
	limit_size(10);
	keys->flush(keys);
	limit_size(-1);
	logged(1, "file size limit");
	assert_true(keys->pending(keys));
	assert_int_equal(access(path("esp_sa"), F_OK), -1);
	keys->retry(keys);
	keys->flush(keys);
	assert_false(keys->pending(keys));
	expect("gw", "esp_sa", ROW("00000001"));
}

static void test_duration(void **state)
{
	start((nflog_cfg_t){ .duration = 20 });
	assert_int_equal(write_packets(19), 19);
	check_files(1);
	assert_int_equal(write_packets(2), 2);
	check_files(2);
	/* to 1970 and 20 minutes, the new time counts from here */
	clock_ahead = 1200 - 1700000000;
	assert_int_equal(write_packets(19), 19);
	check_files(2);
	assert_int_equal(write_packets(2), 2);
	check_files(3);
	/* and forth */
	clock_ahead = 0;
	assert_int_equal(write_packets(20), 20);
	check_files(4);
	assert_int_equal(write_packets(1), 1);
	check_files(5);
	finish("esp-in 63 packets");
}

static void test_unwritten(void **state)
{
	struct rlimit limit, none;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	none = limit;
	none.rlim_cur = 0;
	set_max_total("100k");
	start((nflog_cfg_t){});
	assert_int_equal(write_packets(10), 10);
	/* what can't be written does not use up the budget, which can't be determined
	 * anew for the same reason */
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	while (next_packet < 300)
	{
		write_packets(10);
	}
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	assert_int_equal(trace->get_count(trace, POINT_ESP_IN)->budget, 0);
	assert_int_equal(trace->get_count(trace, POINT_ESP_IN)->refused, 290);
	assert_int_equal(write_packets(10), 10);
	check_files(2);
	finish("; 290 not written in 1 gaps from");
}

static void test_cut(void **state)
{
	start((nflog_cfg_t){ .snaplen = PACKET_LEN - 1 });
	write_packets(10);
	finish("esp-in 10 packets 10000 bytes 0 lost, 10 packets cut;");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_ring_full, begin_disk, end_disk),
		cmocka_unit_test_setup_teardown(test_duration, begin_disk, end_disk),
		cmocka_unit_test_setup_teardown(test_removed, begin_disk, end_disk),
		cmocka_unit_test_setup_teardown(test_replaced, begin_disk, end_disk),
		cmocka_unit_test_setup_teardown(test_taken, begin_disk, end_disk),
		cmocka_unit_test_setup_teardown(test_taken_ring, begin_disk, end_disk),
		cmocka_unit_test_setup_teardown(test_removed_ring, begin_disk, end_disk),
		cmocka_unit_test_setup_teardown(test_size_limit, begin_disk, end_disk),
		cmocka_unit_test_setup_teardown(test_size_limit_keys, begin_disk, end_disk),
		cmocka_unit_test_setup_teardown(test_close, begin_disk, end_disk),
		cmocka_unit_test_setup_teardown(test_unwritten, begin_disk, end_disk),
		cmocka_unit_test_setup_teardown(test_cut, begin_disk, end_disk),
		/* the same with files that are kept open */
		cmocka_unit_test_setup_teardown(test_ring_full, begin_kept, end_kept),
		cmocka_unit_test_setup_teardown(test_duration, begin_kept, end_kept),
		cmocka_unit_test_setup_teardown(test_taken, begin_kept, end_kept),
		cmocka_unit_test_setup_teardown(test_taken_ring, begin_kept, end_kept),
		cmocka_unit_test_setup_teardown(test_size_limit, begin_kept, end_kept),
		cmocka_unit_test_setup_teardown(test_cut, begin_kept, end_kept),
	};

	return cmocka_run_group_tests(tests, setup_disk, common_teardown);
}
