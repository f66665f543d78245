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
 * What a recorder holds: how much, that it is the newest, and that what others do to its
 * files costs only these.
 */

#define _GNU_SOURCE

#include "held.h"

static int begin_recorder(void **state)
{
	return create_recorder(state, "16m");
}

/**
 * Begin a trace of the recorder.
 */
static nflog_trace_t *begin_trace(char *name)
{
	nflog_cfg_t cfg = {
		.link = LINK_RAW,
		.recorder = HELD,
	};
	nflog_trace_t *trace;

	trace = nflog_trace_create(store, "gw", "net{1}", POINT_ESP_IN, &cfg);
	trace->set_name(trace, name);
	trace->set_recorder(trace, recorder);
	trace->start(trace);
	return trace;
}

/**
 * Write packets to a trace, with numbers from next_packet on.
 */
static void write_to(nflog_trace_t *to, u_int count)
{
	trace = to;
	assert_int_equal(write_packets(count), count);
	trace = NULL;
}

/**
 * Get the bytes in all files, and note which packets they have.
 */
static uint64_t get_held(bool found[countof(expected)], u_int *files)
{
	char errbuf[PCAP_ERRBUF_SIZE];
	struct pcap_pkthdr *hdr;
	struct dirent *entry;
	const u_char *data;
	uint64_t held = 0;
	struct stat st;
	pcap_t *pcap;
	DIR *d;

	memset(found, 0, sizeof(bool) * countof(expected));
	*files = 0;
	d = opendir(path(""));
	assert_non_null(d);
	while ((entry = readdir(d)))
	{
		if (!strstr(entry->d_name, ".pcap"))
		{
			continue;
		}
		assert_int_equal(stat(path(entry->d_name), &st), 0);
		if (!st.st_size)
		{	/* of another capture */
			continue;
		}
		held += st.st_size;
		*files += 1;
		pcap = pcap_open_offline(path(entry->d_name), errbuf);
		assert_non_null(pcap);
		while (pcap_next_ex(pcap, &hdr, &data) == 1)
		{
			found[*(uint32_t*)data] = TRUE;
		}
		pcap_close(pcap);
	}
	closedir(d);
	return held;
}

/**
 * Expect that the newest packets are there: all from one on, and as many as fit.
 */
static void check_held()
{
	bool found[countof(expected)];
	u_int files, i;
	uint64_t held;

	held = get_held(found, &files);
	assert_in_range(held, HELD * 7 / 8 - 65536, HELD);
	for (i = next_packet; i && found[i - 1]; i--);
	/* at least three quarters of what is held is without a gap */
	assert_in_range(next_packet - i, HELD * 3 / 4 / (PACKET_LEN + 16),
					HELD / (PACKET_LEN + 16));
}

/**
 * Expect that not more is held than there may be.
 */
static void check_size()
{
	bool found[countof(expected)];
	u_int files;

	assert_in_range(get_held(found, &files), HELD / 2, HELD);
}

static void test_newest(void **state)
{
	nflog_trace_t *traces[3];
	u_int i;

	traces[0] = begin_trace("net.20261123T202345Z.00000001-00000002.esp");
	write_to(traces[0], 600);
	for (i = 0; i < 6; i++)
	{
		write_to(traces[0], 300);
	}
	check_held();
	/* with others: one that is busy, and one that was not for a long time */
	traces[1] = begin_trace("net.20261123T202345Z.00000001-00000002.plain");
	traces[2] = begin_trace("ike.20261123T202345Z.0000000000000001-0000000000000002");
	write_to(traces[2], 1);
	for (i = 0; i < 60; i++)
	{
		write_to(traces[i % 2], 25);
		/* the first packet has to go with those before and after it */
	}
	check_held();
	assert_int_not_equal(access(path("ike.20261123T202345Z.0000000000000001-"
									 "0000000000000002.0.pcap"), F_OK), 0);
	/* which does not end its trace */
	write_to(traces[2], 1);
	assert_int_equal(access(path("ike.20261123T202345Z.0000000000000001-"
								 "0000000000000002.1.pcap"), F_OK), 0);
	check_held();
	for (i = 0; i < 3; i++)
	{
		traces[i]->end(traces[i]);
		traces[i]->destroy(traces[i]);
	}
}

/**
 * SAs that are rekeyed without having had packets take space, too.
 */
static void test_empty(void **state)
{
	char name[128];
	u_int files, i;
	bool found[countof(expected)];
	nflog_trace_t *one;

	for (i = 0; i < 2 * HELD / 4096; i++)
	{
		snprintf(name, sizeof(name), "net.20261123T202345Z.%.8x-00000002.esp", i);
		one = begin_trace(name);
		write_to(one, 1);
		one->end(one);
		one->destroy(one);
	}
	get_held(found, &files);
	assert_in_range(files, HELD / 4096 * 7 / 8, HELD / 4096);
	for (i = next_packet - HELD / 4096 * 7 / 8; i < next_packet; i++)
	{
		assert_true(found[i]);
	}
}

/**
 * Files of an earlier process are bounded as well, but not those of other captures.
 */
static void test_restart(void **state)
{
	nflog_trace_t *one;

	create_trace("gw", "0000000a-0000000b.esp");
	one = begin_trace(NAME);
	write_to(one, 900);
	one->end(one);
	one->destroy(one);
	recorder->destroy(recorder);
	recorder = nflog_recorder_create(store);
	one = begin_trace("net.20261124T202345Z.00000003-00000004.esp");
	write_to(one, 900);
	check_held();
	one->end(one);
	one->destroy(one);
	assert_int_equal(access(path("net.20261123T202345Z.0000000a-0000000b.esp.pcap"), F_OK),
					 0);
}

/**
 * Files that others remove or replace.
 */
static void test_removed(void **state)
{
	nflog_trace_t *one;
	u_int i;

	one = begin_trace(NAME);
	write_to(one, 10);
	assert_int_equal(unlink(path(NAME ".0.pcap")), 0);
	write_to(one, 10);
	assert_int_equal(truncate(path(NAME ".0.pcap"), 0), 0);
	write_to(one, 10);
	assert_int_equal(access(path(NAME ".1.pcap"), F_OK), 0);
	for (i = 0; i < 4; i++)
	{
		write_to(one, 400);
		/* a file in the middle, which is not missed */
		if (i == 1)
		{
			assert_int_equal(unlink(path(NAME ".2.pcap")), 0);
		}
	}
	check_held();
	one->end(one);
	one->destroy(one);
}

/**
 * A file that can't be removed stays, others go instead.
 */
static void test_stuck(void **state)
{
	char cmd[2 * PATH_MAX];
	nflog_trace_t *first;

	first = begin_trace("net.20261123T202345Z.00000001-00000002.esp");
	write_to(first, 600);
	snprintf(cmd, sizeof(cmd), "cd %s && rm *.0.pcap && "
			 "mkdir net.20261123T202345Z.00000001-00000002.esp.0.pcap && "
			 "touch net.20261123T202345Z.00000001-00000002.esp.0.pcap/x", path(""));
	assert_int_equal(system(cmd), 0);
	write_to(first, 4000);
	snprintf(cmd, sizeof(cmd), "cd %s && rm -r *.0.pcap", path(""));
	assert_int_equal(system(cmd), 0);
	check_size();
	first->end(first);
	first->destroy(first);
}

int main(int argc, char *argv[])
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_stuck, begin_recorder, end_recorder),
		cmocka_unit_test_setup_teardown(test_newest, begin_recorder, end_recorder),
		cmocka_unit_test_setup_teardown(test_empty, begin_recorder, end_recorder),
		cmocka_unit_test_setup_teardown(test_restart, begin_recorder, end_recorder),
		cmocka_unit_test_setup_teardown(test_removed, begin_recorder, end_recorder),
	};

	return cmocka_run_group_tests(tests, setup_disk, common_teardown);
}
