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
 * Traces that are larger than the disk budget, or than the disk: at every moment all files
 * fit, and the newest packets are in them, but for those that never fit.
 */

#define _GNU_SOURCE

#include "disk.h"
#include "blocks.h"

/** packets found in the files, by number */
static bool found[countof(expected)];

/** number of files with packets, and the highest number of a packet */
static u_int files;
static uint32_t newest;

/**
 * Read a file, which has to consist of whole records.
 */
static void read_file(char *dir, char *name)
{
	char errbuf[PCAP_ERRBUF_SIZE], path[PATH_MAX];
	struct pcap_pkthdr *hdr;
	const u_char *data;
	uint32_t number;
	pcap_t *pcap;
	int res;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	pcap = pcap_open_offline(path, errbuf);
	assert_non_null(pcap);
	while ((res = pcap_next_ex(pcap, &hdr, &data)) == 1)
	{
		number = *(uint32_t*)data;
		assert_in_range(number, 0, countof(found) - 1);
		assert_false(found[number]);
		found[number] = TRUE;
		newest = max(newest, number);
	}
	assert_int_equal(res, PCAP_ERROR_BREAK);
	pcap_close(pcap);
	files++;
}

/**
 * Read all files of a connection.
 */
static void read_files(char *conn)
{
	char dir[PATH_MAX];
	struct dirent *entry;
	DIR *d;

	memset(found, 0, sizeof(found));
	files = newest = 0;
	snprintf(dir, sizeof(dir), "%s/%s", captures, conn);
	d = opendir(dir);
	while (d && (entry = readdir(d)))
	{
		if (strstr(entry->d_name, ".pcap"))
		{
			read_file(dir, entry->d_name);
		}
	}
	if (d)
	{
		closedir(d);
	}
}

/**
 * Expect that the newest packets are there without a gap.
 *
 * @return			number of packets that are there
 */
static u_int check_newest()
{
	u_int count = 0;
	int i;

	read_files("gw");
	assert_int_equal(newest, next_packet - 1);
	for (i = newest; i >= 0 && found[i]; i--)
	{
		count++;
	}
	for (; i >= 0; i--)
	{
		assert_false(found[i]);
	}
	return count;
}

/**
 * A long trace loses its oldest packets, in pieces.
 */
static void test_long(void **state)
{
	u_int there = 0, i, removed;
	char text[64];

	set_max_total("300k");
	start((nflog_cfg_t){});
	for (i = 0; i < 160; i++)
	{
		assert_int_equal(write_packets(1 + i % 20), 1 + i % 20);
		assert_true(blocks_used(captures) <= 300 * 1024);
		there = check_newest();
		/* all but a piece of 18 KiB, what begins, and unused ends of blocks */
		assert_true(there == next_packet || there >= 210);
	}
	assert_true(there < next_packet);
	removed = next_packet - there;
	lines = 0;
	snprintf(text, sizeof(text), " files with %u of these packets, up to Nov", removed);
	trace->end(trace);
	assert_int_equal(lines, 1);
	assert_non_null(strstr(line, text));
	assert_non_null(strstr(line, " were removed since"));
	assert_null(strstr(line, "not written"));
}

/**
 * So it is if the disk is full of what others have.
 */
static void test_disk(void **state)
{
	u_int i;

	set_max_total("0");
	start((nflog_cfg_t){});
	/* pieces of 256 KiB */
	for (i = 0; i < 50; i++)
	{
		assert_int_equal(write_packets(20), 20);
	}
	assert_int_equal(check_newest(), 1000);
	set_min_free("512k");
	fill(1024 * 1024);
	for (i = 0; i < 50; i++)
	{
		assert_int_equal(write_packets(20), 20);
		assert_true(check_newest() >= 700);
	}
	assert_true(check_newest() < 2000);
	/* others take what stays free */
	empty();
	fill(0);
	assert_int_equal(write_packets(20), 20);
	assert_in_range(check_newest(), 20, 800);
	finish(" were removed since");
	assert_null(strstr(line, "not written"));
}

/**
 * The disk is full although the file system says it is not, as there is a disk quota.
 */
static void test_quota(void **state)
{
	start((nflog_cfg_t){});
	assert_int_equal(write_packets(250), 250);
	assert_int_equal(write_packets(250), 250);
	lines = 0;
	write_error = EDQUOT;
	/* nothing helps, which is tried once, and costs the oldest file only */
	assert_int_equal(write_packets(10), 0);
	assert_int_equal(write_packets(10), 0);
	assert_int_equal(write_packets(10), 0);
	write_error = 0;
	assert_int_equal(write_packets(10), 10);
	read_files("gw");
	assert_true(found[499]);
	assert_true(found[539]);
	assert_false(found[0]);
	finish("; 30 not written in 1 gaps");
	assert_non_null(strstr(line, " were removed since"));
}

/** traces of test_many() */
#define TRACES 300

/**
 * Many traces with a small file each: the oldest files go, those of traces that are written
 * are replaced by empty ones.
 */
static void test_many(void **state)
{
	nflog_trace_t *traces[TRACES];
	char name[NAME_MAX], *end;
	u_int i, lost = 0, gone;

	set_max_total("1200k");
	for (i = 0; i < TRACES; i++)
	{
		snprintf(name, sizeof(name), "net.20261123T202345Z.%.8x-00000002.esp", i + 1);
		trace = traces[i] = nflog_trace_create(store, "gw", "net{1}", POINT_ESP_IN,
											   &(nflog_cfg_t){ .link = LINK_RAW });
		trace->set_name(trace, name);
		trace->start(trace);
		assert_int_equal(write_packets(9), 9);
		assert_true(blocks_used(captures) <= 1200 * 1024);
		if (i % 2)
		{
			trace->end(trace);
		}
	}
	read_files("gw");
	assert_true(found[next_packet - 1]);
	assert_false(found[0]);
	for (i = 0; i < TRACES; i++)
	{
		trace = traces[i];
		if (i % 2 == 0)
		{
			lines = 0;
			trace->end(trace);
			end = strstr(line, " of these packets");
			gone = end ? 9 : 0;
			lost += gone;
			assert_int_equal(gone, found[i * 9] ? 0 : 9);
		}
		trace->destroy(trace);
	}
	trace = NULL;
	assert_true(lost > 0);
}

/**
 * A ring of files of some duration, each of them in pieces.
 */
static void test_ring(void **state)
{
	u_int i;

	set_max_total("300k");
	start((nflog_cfg_t){ .duration = 50, .files = 2 });
	for (i = 0; i < 45; i++)
	{
		assert_int_equal(write_packets(5), 5);
		assert_int_equal(check_newest(), i < 20 ? next_packet : 50 + (next_packet - 1) % 50 + 1);
	}
	finish("esp-in");
	assert_null(strstr(line, "removed"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_long, begin_disk, end_disk),
		cmocka_unit_test_setup_teardown(test_disk, begin_disk, end_disk),
		cmocka_unit_test_setup_teardown(test_quota, begin_disk, end_disk),
		cmocka_unit_test_setup_teardown(test_many, begin_disk, end_disk),
		cmocka_unit_test_setup_teardown(test_ring, begin_disk, end_disk),
		/* with files that are kept open */
		cmocka_unit_test_setup_teardown(test_disk, begin_kept, end_kept),
		cmocka_unit_test_setup_teardown(test_ring, begin_kept, end_kept),
	};

	return cmocka_run_group_tests(tests, setup_disk, common_teardown);
}
