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
 * Traces of packets that went astray: pcapng files with a comment for each packet, and an
 * interface for each place.
 */

#define _GNU_SOURCE

#include "disk.h"
#include "traces/pcapng.h"
#include "traces/queue.h"

/** name of the trace, and of its file */
#define DROPPED "net.20261123T202345Z.00000001-00000002.dropped"

/** places, more than fit in a byte */
#define PLACES 300

/** packets in the queue at once */
#define BATCH 40

static nflog_queue_t *queue;

/** packets that were added */
static u_int added;

static int begin_pcapng(void **state)
{
	added = 0;
	queue = nflog_queue_create(1, 16 << 20);
	return begin_disk(state);
}

static int end_pcapng(void **state)
{
	int res = end_disk(state);

	queue->destroy(queue);
	return res;
}

/**
 * Begin a trace.
 */
static void start_dropped(nflog_cfg_t cfg)
{
	/* whatever the options are */
	cfg.link = LINK_NFLOG;
	trace = nflog_trace_create(store, "gw", "net{1}", POINT_DROPPED, &cfg);
	trace->set_name(trace, DROPPED);
	trace->start(trace);
}

/**
 * Get the length of a packet, which is no multiple of four always.
 */
static u_int get_len(u_int number)
{
	return 20 + number % 97;
}

/**
 * Add packets to the queue, and write them, with numbers in them.
 *
 * @return			number of packets that were written
 */
static u_int write_dropped(u_int count)
{
	uint8_t data[200] = {};
	char interface[32], comment[32];
	nflog_commented_t commented;
	nflog_packet_t **packets;
	nflog_counters_t *counter = trace->get_count(trace, POINT_DROPPED);
	uint64_t before = counter->packets;
	nflog_tap_t tap;
	u_int i, used, found;

	nflog_tap_init(&tap, trace, POINT_DROPPED, "net{1}");
	for (i = 0; i < count; i++)
	{
		memcpy(data, &added, sizeof(added));
		snprintf(interface, sizeof(interface), "place %u", added % PLACES);
		snprintf(comment, sizeof(comment), "packet %.*u", 1 + added % 9, added);
		commented = (nflog_commented_t){
			.time = { .tv_sec = 1700000000, .tv_nsec = added },
			.data = chunk_create(data, get_len(added)),
			.len = 1000 + added,
			.interface = interface,
			.reason = added % 3 ? "often" : "seldom",
			.comment = comment,
		};
		nflog_commented_add(queue, 0, &tap, &commented);
		added++;
	}
	queue->publish(queue, 0);
	found = queue->peek(queue, &packets, &used);
	assert_int_equal(found, count);
	trace->write(trace, packets, count);
	for (i = 0; i < count; i++)
	{
		packets[i]->trace = NULL;
	}
	queue->release(queue);
	trace->put_ref(trace);
	return counter->packets - before;
}

/**
 * Get an option of a block.
 */
static chunk_t get_option(chunk_t block, size_t pos, uint16_t code)
{
	uint16_t header[2];

	while (pos + sizeof(header) <= block.len)
	{
		memcpy(header, block.ptr + pos, sizeof(header));
		if (header[0] == code || !header[0])
		{
			return header[0] ? chunk_create(block.ptr + pos + 4, header[1]) : chunk_empty;
		}
		pos += 4 + round_up(header[1], 4);
	}
	return chunk_empty;
}

/**
 * Check a text.
 */
static void check_text(chunk_t text, char *expected)
{
	assert_int_equal(text.len, strlen(expected));
	assert_memory_equal(text.ptr, expected, text.len);
}

/**
 * Check a file, block by block.
 *
 * @param next		number of its first packet
 * @param snaplen	bytes of packets that are kept
 * @return			number of the packet after its last one
 */
static u_int check_file(char *file, u_int next, u_int snaplen)
{
	chunk_t *map = chunk_map(path(file), FALSE), rest, block, names[PLACES + 1];
	uint32_t header[2], fixed[5], len, kept;
	uint16_t attr[2];
	char text[32];
	u_int count = 0;

	assert_non_null(map);
	for (rest = *map; rest.len; rest = chunk_skip(rest, header[1]))
	{
		assert_true(rest.len >= sizeof(header));
		memcpy(header, rest.ptr, sizeof(header));
		assert_true(header[1] <= rest.len && header[1] % 4 == 0);
		memcpy(&len, rest.ptr + header[1] - 4, sizeof(len));
		assert_int_equal(len, header[1]);
		block = chunk_create(rest.ptr, header[1] - 4);
		switch (header[0])
		{
			case 0x0a0d0d0a:
				assert_ptr_equal(rest.ptr, map->ptr);
				check_text(get_option(block, 24, 4), "nflog-capture");
				break;
			case 1:
				assert_true(count < countof(names));
				names[count++] = get_option(block, 16, 2);
				assert_int_equal(*get_option(block, 16, 9).ptr, 9);
				break;
			case 6:
				memcpy(fixed, rest.ptr + 8, sizeof(fixed));
				kept = min(get_len(next), snaplen);
				assert_true(fixed[0] < count);
				snprintf(text, sizeof(text), "place %u", next % PLACES);
				check_text(names[fixed[0]], text);
				assert_int_equal((uint64_t)fixed[1] << 32 | fixed[2],
								 1700000000 * 1000000000ULL + next);
				assert_int_equal(fixed[3], 8 + round_up(kept, 4));
				assert_int_equal(fixed[4], fixed[3] + 1000 + next - kept);
				memcpy(attr, rest.ptr + 32, sizeof(attr));
				assert_int_equal(attr[0], 4 + kept);
				assert_int_equal(attr[1], NFULA_PAYLOAD);
				assert_memory_equal(rest.ptr + 36, &next, sizeof(next));
				snprintf(text, sizeof(text), "packet %.*u", 1 + next % 9, next);
				check_text(get_option(block, 36 + round_up(kept, 4), 1), text);
				next++;
				break;
			default:
				fail();
		}
	}
	chunk_unmap(map);
	return next;
}

/**
 * Check that libpcap reads a file to its end.
 */
static void check_libpcap(char *file, u_int count)
{
	char errbuf[PCAP_ERRBUF_SIZE];
	struct pcap_pkthdr *hdr;
	const u_char *data;
	pcap_t *pcap;
	int res;

	pcap = pcap_open_offline(path(file), errbuf);
	assert_non_null(pcap);
	assert_int_equal(pcap_datalink(pcap), DLT_NFLOG);
	while ((res = pcap_next_ex(pcap, &hdr, &data)) == 1)
	{
		count--;
	}
	assert_string_equal(pcap_geterr(pcap), "");
	assert_int_equal(res, PCAP_ERROR_BREAK);
	assert_int_equal(count, 0);
	pcap_close(pcap);
}

static void test_file(void **state)
{
	u_int i;

	start_dropped((nflog_cfg_t){});
	check_libpcap(DROPPED ".pcapng", 0);
	for (i = 0; i < 30; i++)
	{
		assert_int_equal(write_dropped(BATCH), BATCH);
	}
	assert_int_equal(check_file(DROPPED ".pcapng", 0, UINT_MAX), added);
	check_libpcap(DROPPED ".pcapng", added);
	finish("of CHILD_SA net{1} ended: dropped 1200 packets");
	assert_null(strstr(line, ";"));
	assert_non_null(strstr(line, "packets cut: 800 often, 400 seldom"));
}

/**
 * The comment stays whole.
 */
static void test_snaplen(void **state)
{
	start_dropped((nflog_cfg_t){ .snaplen = 65 });
	assert_int_equal(write_dropped(BATCH), BATCH);
	assert_int_equal(write_dropped(3 * BATCH), 3 * BATCH);
	assert_int_equal(check_file(DROPPED ".pcapng", 0, 65), added);
	finish("packets cut");
}

/**
 * Each file of a ring describes its interfaces.
 */
static void test_ring(void **state)
{
	char file[64];
	u_int next = 0, i;

	start_dropped((nflog_cfg_t){ .file_size = 10000 });
	while (added < 500)
	{
		assert_int_equal(write_dropped(BATCH), BATCH);
	}
	for (i = 0; next < added; i++)
	{
		struct stat st;

		snprintf(file, sizeof(file), DROPPED ".%u.pcapng", i);
		assert_int_equal(stat(path(file), &st), 0);
		assert_in_range(st.st_size, 1, 10000);
		next = check_file(file, next, UINT_MAX);
	}
	assert_true(i > 3);
	finish("dropped 520 packets");
}

/**
 * If the disk fails, files end with a whole packet, and go on with one that has its
 * interface.
 */
static void test_full(void **state)
{
	u_int i, written, whole;

	for (i = 0; i < 30; i++)
	{
		start_dropped((nflog_cfg_t){});
		added = 0;
		assert_int_equal(write_dropped(1), 1);
		write_error = EIO;
		write_left = 4000 + 11 * i;
		written = 1;
		while ((whole = write_dropped(7 + i)) == 7 + i)
		{
			written += whole;
		}
		written += whole;
		assert_int_equal(check_file(DROPPED ".pcapng", 0, UINT_MAX), written);
		write_error = 0;
		/* what was lost in between is not in there */
		added = written;
		assert_int_equal(write_dropped(BATCH), BATCH);
		assert_int_equal(check_file(DROPPED ".pcapng", 0, UINT_MAX), added);
		finish("not written");
		trace->destroy(trace);
		trace = NULL;
		assert_int_equal(unlink(path(DROPPED ".pcapng")), 0);
		store->destroy(store);
		store = nflog_store_create();
	}
}

int main(int argc, char *argv[])
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_file, begin_pcapng, end_pcapng),
		cmocka_unit_test_setup_teardown(test_snaplen, begin_pcapng, end_pcapng),
		cmocka_unit_test_setup_teardown(test_ring, begin_pcapng, end_pcapng),
		cmocka_unit_test_setup_teardown(test_full, begin_pcapng, end_pcapng),
	};

	return cmocka_run_group_tests(tests, setup_disk, common_teardown);
}
