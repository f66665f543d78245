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
 * Tests marks of traces, which are to be rotated or copied: with packets on the kernel of the
 * machine, and what the writer knows of them when.
 */
#define _GNU_SOURCE

#include "reader.h"
#include "traces/barrier.h"

#include <dirent.h>
#include <sys/time.h>

#include <threading/thread.h>

/** time to wait for a trace to be handled, in ms */
#define TIMEOUT 60000

/** ends the thread that sends other packets */
static bool stop;

/**
 * Send packets of another SA without end, so there is nearly always something to read.
 */
static void *send_others(void *arg)
{
	u_int i = 1;

	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED))
	{
		next_processor();
		send_esp(SPI + 1, i, 20, 100);
		i += 20;
	}
	return NULL;
}

/**
 * Count the packets in all files of a trace.
 *
 * @param last		file not to count, NULL to count all
 */
static u_int count_packets(char *name, char *last)
{
	char path[NAME_MAX + 64], err[PCAP_ERRBUF_SIZE];
	struct pcap_pkthdr *hdr;
	struct dirent *entry;
	const u_char *data;
	u_int count = 0;
	pcap_t *pcap;
	DIR *files;

	snprintf(path, sizeof(path), "%s/conn", dir);
	files = opendir(path);
	assert_non_null(files);
	while ((entry = readdir(files)))
	{
		if (strpfx(entry->d_name, name) && (!last || !streq(entry->d_name, last)))
		{
			snprintf(path, sizeof(path), "%s/conn/%s", dir, entry->d_name);
			pcap = pcap_open_offline(path, err);
			assert_non_null(pcap);
			while (pcap_next_ex(pcap, &hdr, &data) == 1)
			{
				count++;
			}
			pcap_close(pcap);
		}
	}
	closedir(files);
	return count;
}

/**
 * All packets sent before are in the files that end, or in those that are copied, and no
 * later ones are in the files that end.
 */
static void test_mark(void **state)
{
	nflog_cfg_t cfg = { .points = 3, .link = LINK_NFLOG };
	nflog_trace_t *trace = create_trace(&cfg), *other = create_trace(&cfg);
	nflog_candidate_t subject = { .conn = "conn", .child = "net", .child_id = 1 };
	nflog_registry_t *registry = pipeline->registry;
	nflog_sa_t *in, *out, *others[2];
	nflog_listing_data_t data;
	nflog_listing_t *listing;
	thread_t *thread;
	u_int i, sent = 0, rotations = 0;
	uint64_t mark;
	bool rotate;

	stop = FALSE;
	listing = registry->add(registry, &subject, POINT_ESP_IN);
	trace->set_listing(trace, registry, listing);
	trace->set_name(trace, "net.20261124T223527Z.c91b9dfe-c24e50ed.esp");
	other->set_name(other, "other.esp");
	in = create_sa(trace, TRUE, "127.0.0.1", SPI);
	out = create_sa(trace, FALSE, "127.0.0.1", SPI);
	others[0] = create_sa(other, TRUE, "127.0.0.1", SPI + 1);
	others[1] = create_sa(other, FALSE, "127.0.0.1", SPI + 1);
	assert_true(reader->add(reader, in));
	assert_true(reader->add(reader, out));
	assert_true(reader->add(reader, others[0]));
	assert_true(reader->add(reader, others[1]));
	rules_wait(in);
	rules_wait(out);
	writer->start(writer, trace);
	writer->start(writer, other);
	assert_true(registry->wait(registry, listing, NFLOG_LISTING_BEGUN, TIMEOUT));
	thread = thread_create(send_others, NULL);
	assert_non_null(thread);
	for (i = 0; i < 40; i++)
	{
		if (i == 20)
		{	/* now nothing else arrives */
			__atomic_store_n(&stop, TRUE, __ATOMIC_RELAXED);
			thread->join(thread);
		}
		rotate = i % 2;
		send_esp(SPI, sent + 1, 1 + i % 3, 100);
		sent += 1 + i % 3;
		mark = registry->mark(registry, listing, rotate);
		assert_true(mark);
		writer->handle(writer);
		if (rotate && i % 4 == 1)
		{	/* not in the files that end, unless they arrive before these do */
			send_esp(SPI, sent + 1, 1, 100);
		}
		assert_true(registry->wait_mark(registry, listing, mark, TIMEOUT));
		registry->get(registry, listing, &data);
		rotations += rotate;
		assert_int_equal(data.rotations, rotations);
		assert_true(count_packets("net.", rotate ? data.file : NULL) >= 2 * sent);
		sent += rotate && i % 4 == 1;
		assert_true(count_packets("net.", rotate ? data.file : NULL) <= 2 * sent);
	}
	/* no trace has to be handled in vain, as one without packets */
	mark = registry->mark(registry, listing, TRUE);
	assert_true(mark);
	reader->remove(reader, in);
	reader->remove(reader, out);
	reader->remove(reader, others[0]);
	reader->remove(reader, others[1]);
	writer->release(writer, trace);
	writer->release(writer, other);
	finish();
	assert_int_equal(count_packets("net.", NULL), 2 * sent);
}

/**
 * A trace that was created a moment ago is handled too, once the writer could begin it,
 * though no other trace keeps the writer running.
 */
static void test_mark_early(void **state)
{
	nflog_candidate_t subject = { .conn = "conn", .child = "net", .child_id = 1 };
	nflog_registry_t *registry = pipeline->registry;
	nflog_listing_data_t data;
	nflog_listing_t *listing;
	uint64_t mark;

	listing = registry->add(registry, &subject, POINT_ESP_IN);
	mark = registry->mark(registry, listing, TRUE);
	assert_true(mark);
	writer->handle(writer);
	assert_true(registry->wait_mark(registry, listing, mark, TIMEOUT));
	registry->get(registry, listing, &data);
	assert_int_equal(data.state, NFLOG_LISTING_WAITING);
	assert_int_equal(data.rotations, 0);
	registry->drop(registry, listing);
	finish();
}

/** progress of the readers: nothing is left to read, unknown, up to a packet */
static nflog_progress_t idle = { .idle = TRUE };
static nflog_progress_t none = {};
static nflog_progress_t known = { .is_known = TRUE, .order = 10 };

/**
 * Add microseconds to a time.
 */
static timeval_t add(timeval_t time, int us)
{
	timeval_t diff = { .tv_usec = abs(us) };

	if (us < 0)
	{
		timersub(&time, &diff, &time);
	}
	else
	{
		timeradd(&time, &diff, &time);
	}
	return time;
}

/**
 * Stamp a packet.
 */
static void stamp(nflog_packet_t *packet, timeval_t now, int us)
{
	now = add(now, us);
	packet->sec = now.tv_sec;
	packet->usec = now.tv_usec;
}

/**
 * The writer passes by.
 *
 * @param held		number of packets that are held back
 */
static bool pass(nflog_barrier_t *barrier, timeval_t *until, nflog_progress_t progress,
				 nflog_packet_t *packets, u_int count, u_int held)
{
	nflog_packet_t *array[] = { &packets[0], &packets[1], &packets[2] };
	timeval_t done;
	u_int i;
	bool end;

	assert_true(count <= countof(array));
	barrier->begin(barrier, until);
	barrier->read(barrier, &progress, array, count);
	for (i = 0; i < held; i++)
	{
		barrier->hold(barrier, &packets[i]);
	}
	end = barrier->end(barrier, &done);
	assert_true(!end || !timercmp(&done, until, <));
	return end;
}

/**
 * What the writer knows of packets that it reads and holds.
 */
static void test_barrier(void **state)
{
	nflog_barrier_t *barrier = nflog_barrier_create();
	nflog_packet_t packets[3] = {
		{ .order = 9, .stamped = TRUE },
		{ .order = 10, .stamped = TRUE },
		{ .order = 11, .stamped = TRUE },
	};
	timeval_t now, mono, past, ahead;

	time_monotonic(&mono);
	gettimeofday(&now, NULL);
	past = add(mono, -25000);
	ahead = add(mono, 999999);

	/* nothing to find out about */
	barrier->begin(barrier, NULL);
	barrier->read(barrier, &idle, NULL, 0);
	assert_false(barrier->end(barrier, &mono));
	/* nothing is left, and the kernel had time to pass on all */
	assert_true(pass(barrier, &past, idle, packets, 0, 0));
	/* it had not, whatever was known before */
	assert_false(pass(barrier, &ahead, idle, packets, 0, 0));
	/* packets are left to read */
	assert_true(pass(barrier, &past, idle, packets, 0, 0));
	barrier->begin(barrier, NULL);
	barrier->end(barrier, &mono);
	assert_false(pass(barrier, &past, none, packets, 0, 0));
	/* the last one that was read with all before it was stamped too early */
	stamp(&packets[0], now, -40000);
	stamp(&packets[1], now, -30000);
	stamp(&packets[2], now, -10000);
	assert_false(pass(barrier, &past, known, packets, 3, 0));
	/* its time is that when it was read, so it may have been logged earlier */
	stamp(&packets[1], now, -20000);
	packets[1].stamped = FALSE;
	assert_false(pass(barrier, &past, known, packets, 3, 0));
	/* this one suffices, but one of them is held */
	packets[1].stamped = TRUE;
	assert_false(pass(barrier, &past, known, packets, 3, 1));
	/* still, although another is written meanwhile, and one that came later does not matter */
	stamp(&packets[0], now, -1000);
	stamp(&packets[1], now, 900000);
	assert_false(pass(barrier, &past, none, packets, 2, 1));
	stamp(&packets[0], now, 800000);
	assert_true(pass(barrier, &past, none, packets, 2, 2));
	/* a clock that was set back must not be taken for a proof */
	barrier->begin(barrier, NULL);
	barrier->end(barrier, &mono);
	stamp(&packets[1], now, 999999);
	packets[0].stamped = packets[2].stamped = FALSE;
	assert_false(pass(barrier, &past, known, packets, 3, 0));
	assert_true(pass(barrier, &past, idle, packets, 3, 0));
	barrier->destroy(barrier);
}

int main()
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_barrier),
		cmocka_unit_test_setup_teardown(test_mark_early, setup, teardown),
		cmocka_unit_test_setup_teardown(test_mark, setup, teardown),
		cmocka_unit_test_setup_teardown(test_mark, setup_lanes, teardown),
	};

	return reader_run(tests);
}
