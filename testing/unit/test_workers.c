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
 * Packets that are decrypted on all processors lie in the output in the order they
 * were captured, each one followed by what is in it.
 */

#define _GNU_SOURCE

#include "decrypt.h"
#include "jobs/workers.h"

#include <sched.h>

/** packets, many more than all batches have place for */
#define PACKETS 40000

/** kinds of packets, in turn: each one has to be where it belongs */
enum {
	/** a packet in ESP */
	KIND_ESP,
	/** an IKE message in the clear */
	KIND_IKE,
	/** an IKE message in the clear in ESP */
	KIND_IKE_IN_ESP,
	/** another packet, longer than a batch */
	KIND_LONG,
	KIND_MAX,
};

/** the packets of each kind */
static trace_packet_t packets[KIND_MAX];

/**
 * Get the kind of a packet, long ones are rare.
 */
static int get_kind(int number)
{
	return number % 1000 == 999 ? KIND_LONG : number % KIND_LONG;
}

/**
 * Set a packet, which gets owned.
 */
static void set_packet(int kind, chunk_t data)
{
	packets[kind].data = packets[kind].ip = data;
	packets[kind].len = data.len;
}

/**
 * Create the packets, and the decrypter that has their keys.
 */
static void create_packets()
{
	chunk_t message = chunk_alloca(28), ike;

	memset(message.ptr, 1, message.len);
	/* without payloads */
	message.ptr[16] = 0;
	message.ptr[17] = 0x20;
	htoun32(message.ptr + 24, message.len);
	ike = add_ip(src, dst, IPPROTO_UDP, add_udp(500, 500, chunk_clone(message)));

	set_packet(KIND_ESP, add_ip(src, dst, IPPROTO_ESP,
				create_esp(&tests[0], 1, 1, MODE_TUNNEL, inner, IPPROTO_IPIP)));
	set_packet(KIND_IKE_IN_ESP, add_ip(src, dst, IPPROTO_ESP,
				create_esp(&tests[0], 2, 1, MODE_TUNNEL, ike, IPPROTO_IPIP)));
	set_packet(KIND_IKE, ike);
	set_packet(KIND_LONG, create_key(1000000));
	packets[KIND_LONG].ip.len = 0;
	read_keys();
}

/**
 * Free the packets.
 */
static void free_packets()
{
	int i;

	for (i = 0; i < KIND_MAX; i++)
	{
		chunk_free(&packets[i].data);
	}
}

/**
 * Read packets, see workers_read_t.
 */
static bool read_packet(void *data, trace_packet_t *packet)
{
	int *number = data;

	if (*number == PACKETS)
	{
		return FALSE;
	}
	*packet = packets[get_kind(*number)];
	packet->time = (struct timeval){ .tv_sec = (*number)++ };
	return TRUE;
}

/**
 * Decrypt all packets to a file, until it can't be written to.
 *
 * @return			TRUE if they were written
 */
static bool decrypt_all(char *path)
{
	char *inputs[] = { NULL };
	sequences_t *sequences;
	output_t *output;
	pcapng_t *pcapng;
	bool success;
	int number = 0;

	output = output_create(path, inputs);
	assert_non_null(output);
	pcapng = pcapng_create(output);
	sequences = sequences_create();
	success = workers_run(read_packet, &number, decrypter, sequences, FALSE, pcapng);
	sequences->destroy(sequences);
	assert_int_equal(number == PACKETS, success);
	pcapng->destroy(pcapng);
	success = output->finish(output) && success;
	output->destroy(output);
	return success;
}

/**
 * Check a block of a packet, return the position behind it.
 */
static uint8_t *check_block(uint8_t *pos, u_int layers, int number)
{
	uint32_t fields[5];
	uint64_t usec;

	memcpy(fields, pos, sizeof(fields));
	while (fields[0] == 1)
	{	/* an interface, described before its first packet */
		pos += fields[1];
		memcpy(fields, pos, sizeof(fields));
	}
	usec = (uint64_t)fields[3] << 32 | fields[4];
	assert_int_equal(fields[0], 6);
	assert_int_equal(fields[2], layers);
	assert_int_equal(usec, number * 1000000ULL);
	return pos + fields[1];
}

static void test_order(void **state)
{
	char path[PATH_MAX], report[256];
	int i, kind, counts[KIND_MAX] = {};
	chunk_t *map;
	uint8_t *pos;
	uint32_t len;

	create_packets();
	snprintf(path, sizeof(path), "%s/out", dir);
	assert_true(decrypt_all(path));

	map = chunk_map(path, FALSE);
	assert_non_null(map);
	pos = map->ptr;
	/* the section's header */
	memcpy(&len, pos + 4, sizeof(len));
	pos += len;
	for (i = 0; i < PACKETS; i++)
	{
		kind = get_kind(i);
		counts[kind]++;
		pos = check_block(pos, 0, i);
		if (kind == KIND_ESP || kind == KIND_IKE_IN_ESP)
		{
			pos = check_block(pos, 1, i);
		}
	}
	assert_ptr_equal(pos, map->ptr + map->len);
	chunk_unmap(map);
	unlink(path);
	free_packets();

	/* what all threads have counted */
	len = counts[KIND_ESP] + counts[KIND_IKE_IN_ESP];
	snprintf(report, sizeof(report),
			 "ESP: %u packets, %u decrypted, %u ICV good\n"
			 "IKE in the clear: %d packets\n"
			 "IKE in the clear in layer 2: %d packets\n"
			 "others: %d packets\n", len, len, len, counts[KIND_IKE],
			 counts[KIND_IKE_IN_ESP], counts[KIND_LONG]);
	check_report(report, TRUE);
}

/**
 * The same on a single processor, without other threads.
 */
static void test_single(void **state)
{
	cpu_set_t all, single;
	int i;

	assert_int_equal(sched_getaffinity(0, sizeof(all), &all), 0);
	for (i = 0; !CPU_ISSET(i, &all); i++)
	{
		/* find the first one */
	}
	CPU_ZERO(&single);
	CPU_SET(i, &single);
	assert_int_equal(sched_setaffinity(0, sizeof(single), &single), 0);
	test_order(state);
	assert_int_equal(sched_setaffinity(0, sizeof(all), &all), 0);
}

static void test_full(void **state)
{
	create_packets();
	assert_false(decrypt_all("/dev/full"));
	free_packets();
}

/**
 * Keys for any SPI, with a sequence for each SPI.
 */
static void test_any_spi(void **state)
{
	sequences_t *sequences = sequences_create();
	char text[64];
	int i;

	for (i = 1; i < 5; i++)
	{
		assert_false(sequences->add(sequences, &sequences, 1, i, text, sizeof(text)));
		assert_false(sequences->add(sequences, &sequences, 2, i, text, sizeof(text)));
	}
	assert_true(sequences->add(sequences, &sequences, 1, 4, text, sizeof(text)));
	assert_string_equal(text, ", replayed");
	sequences->destroy(sequences);
}

int main(int argc, char *argv[])
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_order, begin, end),
		cmocka_unit_test_setup_teardown(test_single, begin, end),
		cmocka_unit_test_setup_teardown(test_full, begin, end),
		cmocka_unit_test(test_any_spi),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
