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
 * nflog-capture(1) with files that somebody made to harm: whatever is in them, it ends
 * in bounded time and memory, and neither crashes nor calls a damaged file good.
 */

#define _GNU_SOURCE

#include "decrypt.h"
#include "process/secret.h"
#include "read/trace.h"

/** files of each kind that are made by changing a good one */
#define VARIANTS 500

/** many, as of SAs or messages: with the square of it the test would not end */
#define MANY 100000

/** output of the program is not to be seen */
static int saved_stderr;

static int begin_quiet(void **state)
{
	saved_stderr = dup(2);
	fflush(stderr);
	return begin(state) || !freopen("/dev/null", "w", stderr);
}

static int end_quiet(void **state)
{
	fflush(stderr);
	dup2(saved_stderr, 2);
	close(saved_stderr);
	return end(state);
}

/**
 * Write a file, return its path.
 */
static char *write_file(char *name, chunk_t content)
{
	static char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	assert_true(chunk_write(content, path, 0600, TRUE));
	return path;
}

/**
 * Decrypt a packet, layer by layer.
 */
static void decrypt_layers(chunk_t data)
{
	char comment[DECRYPTER_COMMENT_LEN];
	/* in memory of its size, so that it is noticed if that is exceeded */
	chunk_t packet = chunk_clone(data), plain;
	bool more = TRUE;
	u_int depth;

	for (depth = 0; more; depth++)
	{
		more = decrypt(depth, packet, &plain, comment);
		chunk_free(&packet);
		packet = plain;
	}
	chunk_free(&packet);
}

/**
 * Decrypt a trace, return the number of packets, -1 if it can't be read to its end.
 */
static int decrypt_trace(chunk_t content)
{
	trace_packet_t packet;
	trace_t *trace;
	int count = 0;

	trace = trace_create(write_file("trace.pcap", content));
	if (!trace)
	{
		return -1;
	}
	while (trace->read(trace, &packet))
	{
		decrypter->learn(decrypter, packet.ip);
	}
	assert_true(trace->rewind(trace));
	while (trace->read(trace, &packet))
	{
		decrypt_layers(packet.ip);
		count++;
	}
	count = trace->is_torn(trace) ? -1 : count;
	trace->destroy(trace);
	return count;
}

/**
 * Create a file of type pcap from packets, as the plugin writes it or of type raw.
 */
static chunk_t create_pcap(chunk_t *packets, int count, bool nflog)
{
	uint32_t header[] = { 0xa1b2c3d4, 0x00040002, 0, 0, 65535, nflog ? 239 : 101 };
	uint32_t record[4] = {};
	uint16_t tlv[] = { 0, 9 };
	chunk_t file, data;
	int i;

	file = chunk_clone(chunk_from_thing(header));
	for (i = 0; i < count; i++)
	{
		data = chunk_clone(packets[i]);
		if (nflog)
		{
			tlv[0] = 4 + data.len;
			data = chunk_cat("ccm", chunk_from_chars(2, 0, 0, 0),
							 chunk_from_thing(tlv), data);
		}
		record[2] = record[3] = data.len;
		file = chunk_cat("mcm", file, chunk_from_thing(record), data);
	}
	return file;
}

/**
 * Create a block of a file of type pcapng.
 */
static chunk_t create_block(uint32_t type, chunk_t fixed, chunk_t data,
							chunk_t options)
{
	uint32_t total;
	chunk_t padding = chunk_from_chars(0, 0, 0);

	padding.len = -data.len & 3;
	total = 12 + fixed.len + data.len + padding.len + options.len;
	return chunk_cat("ccccccc", chunk_from_thing(type), chunk_from_thing(total),
					 fixed, data, padding, options, chunk_from_thing(total));
}

/**
 * Create a file of type pcapng from packets, with options of any length.
 */
static chunk_t create_pcapng(chunk_t *packets, int count)
{
	uint32_t section[] = { 0x1a2b3c4d, 1, 0xffffffff, 0xffffffff };
	uint32_t interface[] = { 101, 0 }, packet[] = { 0, 0, 0, 0, 0 };
	chunk_t file, block, options;
	int i;

	options = chunk_from_chars(1, 0, 0, 0, 1, 0, 1, 0, 'x', 0, 0, 0, 0, 0, 0, 0);
	/* chunk_cat() evaluates its arguments twice */
	file = create_block(0x0a0d0d0a, chunk_from_thing(section), chunk_empty, options);
	block = create_block(1, chunk_from_thing(interface), chunk_empty, options);
	file = chunk_cat("mm", file, block);
	for (i = 0; i < count; i++)
	{
		packet[3] = packet[4] = packets[i].len;
		block = create_block(6, chunk_from_thing(packet), packets[i], options);
		file = chunk_cat("mm", file, block);
	}
	return file;
}

/**
 * Numbers that are likely to be calculated with in a wrong way.
 */
static uint32_t get_number()
{
	static uint32_t numbers[] = {
		0, 1, 3, 4, 8, 27, 28, 0x7f, 0xff, 0x7fff, 0x8000, 0xffff, 65532, 262144,
		262145, 0x7fffffff, 0x80000000, 0xfffffff0, 0xfffffffc, 0xffffffff,
	};

	return rand() % 4 ? numbers[rand() % countof(numbers)] : rand();
}

/**
 * Change a file: bytes, numbers of it, its end, or the order of its parts.
 */
static chunk_t create_variant(chunk_t file)
{
	chunk_t variant = chunk_clone(file);
	uint32_t number;
	size_t pos, len;
	int i, changes = 1 + rand() % 4;

	for (i = 0; i < changes && variant.len > 8; i++)
	{
		/* more often where the headers are */
		pos = rand() % (rand() % 2 ? variant.len : min(variant.len, 256));
		switch (rand() % 5)
		{
			case 0:
				variant.ptr[pos] = rand();
				break;
			case 1:
				pos = min(pos & ~3, variant.len - sizeof(number));
				number = get_number();
				memcpy(variant.ptr + pos, &number, sizeof(number));
				break;
			case 2:
				pos = min(pos & ~1, variant.len - sizeof(uint16_t));
				htoun16(variant.ptr + pos, get_number());
				break;
			case 3:
				variant.len = pos;
				break;
			default:
				len = min(1 + rand() % 64, variant.len - pos);
				memmove(variant.ptr + rand() % (variant.len - len + 1),
						variant.ptr + pos, len);
				break;
		}
	}
	return variant;
}

/**
 * Create some packets, and the keys to decrypt them.
 */
static int create_packets(chunk_t *packets)
{
	chunk_t packet;
	int i, count = 0;

	for (i = 0; i < countof(tests); i += 3)
	{
		/* one in another one */
		packet = add_ip(src, dst, IPPROTO_ESP,
						create_esp(&tests[i], i + 1, 1, MODE_TUNNEL, inner,
								   IPPROTO_IPIP));
		packets[count++] = add_ip(src, dst, IPPROTO_ESP,
						create_esp(&tests[0], 100 + i, 1, MODE_TUNNEL, packet,
								   IPPROTO_IPIP));
		packets[count++] = packet;
	}
	read_keys();
	return count;
}

/**
 * Count the packets in the first bytes of a file of type pcap.
 */
static int count_packets(chunk_t file, size_t limit)
{
	size_t pos = 24;
	uint32_t len;
	int count = -1;

	for (; pos < limit && pos < file.len; count++)
	{
		memcpy(&len, file.ptr + pos + 8, sizeof(len));
		pos += 16 + len;
	}
	return count;
}

static void test_traces(void **state)
{
	chunk_t packets[countof(tests)], files[3], variant;
	int i, j, complete, count = create_packets(packets);
	size_t len;

	files[0] = create_pcap(packets, count, TRUE);
	files[1] = create_pcap(packets, count, FALSE);
	files[2] = create_pcapng(packets, count);
	srand(1);
	for (i = 0; i < countof(files); i++)
	{
		assert_int_equal(decrypt_trace(files[i]), count);
		assert_true(decrypter->is_good(decrypter));
		/* what ends within a packet is not called complete, but behind one it is */
		complete = 0;
		for (len = 25; i < 2 && len < min(files[i].len, 600); len++)
		{
			if (decrypt_trace(chunk_create(files[i].ptr, len)) >= 0)
			{
				complete++;
			}
		}
		assert_int_equal(complete, i < 2 ? count_packets(files[i], 600) : 0);
		for (j = 0; j < VARIANTS; j++)
		{
			variant = create_variant(files[i]);
			decrypt_trace(variant);
			chunk_free(&variant);
		}
		decrypter->destroy(decrypter);
		decrypter = decrypter_create(file);
	}
	for (i = 0; i < countof(files); i++)
	{
		chunk_free(&files[i]);
	}
	while (count--)
	{
		chunk_free(&packets[count]);
	}
}

static void test_key_files(void **state)
{
	chunk_t packets[countof(tests)], content, variant;
	int i, j, count = create_packets(packets);

	assert_true(store->read_file(store, "gw", "keys", &content));
	decrypter->destroy(decrypter);
	file->destroy(file);
	srand(2);
	for (i = 0; i < VARIANTS; i++)
	{
		variant = create_variant(content);
		file = keyring_create(write_file("keys", variant));
		assert_non_null(file);
		decrypter = decrypter_create(file);
		for (j = 0; j < count; j++)
		{
			decrypt_layers(packets[j]);
		}
		decrypter->destroy(decrypter);
		file->destroy(file);
		chunk_free(&variant);
	}
	decrypter = NULL;
	file = NULL;
	nflog_secret_clear(&content);
	while (count--)
	{
		chunk_free(&packets[count]);
	}
}

/**
 * Write a key file with many SAs.
 *
 * @param step		difference of their SPIs
 */
static char *write_many(uint32_t step)
{
	static char path[PATH_MAX];
	FILE *keys;
	u_int i;

	snprintf(path, sizeof(path), "%s/many", dir);
	keys = fopen(path, "w");
	assert_non_null(keys);
	for (i = 0; i < MANY; i++)
	{
		fprintf(keys, "esp %.8x 192.0.2.1 192.0.2.2 esn=yes enc=AES_CBC enc_key="
				"%.32x integ=HMAC_SHA1_96 integ_key=%.40x\n", 1 + i * step, i, i);
		fprintf(keys, "ike %.16x 0000000000000000 version=1 enc=AES_CBC "
				"integ=HMAC_SHA1_96 sk_ei=%.32x sk_er= sk_ai= sk_ar=\n",
				1 + i * step, i);
		fprintf(keys, "ike %.16x 0000000000000001 version=2 enc=AES_GCM_16 "
				"sk_ei=%.40x sk_er=%.40x sk_ai= sk_ar=\n", 1 + i * step, i, i);
	}
	fclose(keys);
	return path;
}

/**
 * Decrypt packets of which none is of these SAs, but with an SPI of theirs.
 */
static void decrypt_others(u_int count)
{
	chunk_t esp = chunk_alloca(100), ike = chunk_alloca(28 + 64), packet;
	u_int i;

	for (i = 0; i < count; i++)
	{
		memset(esp.ptr, i, esp.len);
		htoun32(esp.ptr, 1);
		packet = add_ip(src, dst, IPPROTO_ESP, chunk_clone(esp));
		decrypt_layers(packet);
		chunk_free(&packet);
		memset(ike.ptr, 0, ike.len);
		ike.ptr[7] = ike.ptr[15] = 1;
		ike.ptr[16] = i % 2 ? 46 : 8;
		ike.ptr[17] = i % 2 ? 0x20 : 0x10;
		ike.ptr[19] = i % 2 ? 0x08 : 0x01;
		htoun32(ike.ptr + 24, ike.len);
		htoun16(ike.ptr + 30, ike.len - 28);
		packet = add_ip(src, dst, IPPROTO_UDP, add_udp(500, 500, chunk_clone(ike)));
		decrypter->learn(decrypter, packet);
		decrypt_layers(packet);
		chunk_free(&packet);
	}
}

static void test_many_sas(void **state)
{
	/* each its own SPI, all the same, and SPIs that differ in their first bits only */
	static uint32_t steps[] = { 1, 0, 0x4000 };
	int i;

	for (i = 0; i < countof(steps); i++)
	{
		file = keyring_create(write_many(steps[i]));
		assert_non_null(file);
		assert_int_equal(file->get_errors(file), 0);
		decrypter = decrypter_create(file);
		decrypt_others(200);
		assert_false(decrypter->is_good(decrypter));
		decrypter->destroy(decrypter);
		file->destroy(file);
	}
	decrypter = NULL;
	file = NULL;
}

static void test_many_exchanges(void **state)
{
	static test_t algs = { ENCR_AES_CBC, 128, AUTH_HMAC_SHA1_96, GOOD, FALSE };
	chunk_t key = create_key(16), packet, message = chunk_alloca(28 + 16);
	uint32_t i;

	add_ike_sa(keys, &algs, IKEV1, 0x0123456789abcdef, 1, key, chunk_empty);
	read_keys();
	memset(message.ptr, 0, message.len);
	htoun64(message.ptr, 0x0123456789abcdef);
	htoun64(message.ptr + 8, 1);
	message.ptr[16] = 8;
	message.ptr[17] = 0x10;
	message.ptr[19] = 1;
	htoun32(message.ptr + 24, message.len);
	packet = add_ip(src, dst, IPPROTO_UDP, add_udp(500, 500, chunk_clone(message)));
	/* IDs of messages that anybody may have chosen, which differ in few bits only */
	for (i = 0; i < MANY; i++)
	{
		htoun32(packet.ptr + 28 + 20, i * 0x4001);
		decrypter->learn(decrypter, packet);
	}
	decrypt_layers(packet);
	assert_false(decrypter->is_good(decrypter));
	chunk_free(&packet);
	chunk_clear(&key);
}

/**
 * Packets that have nothing inside: of an SA without encryption anybody can send them.
 */
static void test_nothing(void **state)
{
	/* with IKEv1, all packets are looked into beforehand */
	static char lines[] =
		"esp 00000001 192.0.2.1 192.0.2.2 enc=NULL\n"
		"ike 0101010101010101 0202020202020202 version=1 enc=AES_CBC integ=HMAC_SHA1_96 "
			"sk_ei=00000000000000000000000000000000 sk_er= sk_ai= sk_ar=\n";
	static u_char esp[] = { 0, 0, 0, 1, 0, 0, 0, 1, 0, IPPROTO_IPIP };
	chunk_t packet;
	size_t len;
	int i;

	file = keyring_create(write_file("nothing", chunk_from_str(lines)));
	assert_non_null(file);
	assert_int_equal(file->get_errors(file), 0);
	decrypter = decrypter_create(file);
	for (len = 0; len <= sizeof(esp); len++)
	{
		packet = add_ip(src, dst, IPPROTO_ESP, chunk_clone(chunk_create(esp, len)));
		assert_true(decrypter->learn(decrypter, packet));
		decrypt_layers(packet);
		/* nor do fragments */
		for (i = 0; i < 2; i++)
		{
			htoun16(packet.ptr + 6, i ? 3 : 0x2000);
			decrypt_layers(packet);
		}
		chunk_free(&packet);
	}
}

static void test_rows(void **state)
{
	static char *lines[] = { "", "esp ", "ah ", "ike ", "esp  ", "esp 1 " };
	nflog_row_t row;
	int i;

	for (i = 0; i < countof(lines); i++)
	{
		assert_false(nflog_key_file_get_row(chunk_from_str(lines[i]), &row));
	}
}

int main(void)
{
	const struct CMUnitTest unit_tests[] = {
		cmocka_unit_test_setup_teardown(test_traces, begin_quiet, end_quiet),
		cmocka_unit_test_setup_teardown(test_key_files, begin_quiet, end_quiet),
		cmocka_unit_test_setup_teardown(test_many_sas, begin_quiet, end_quiet),
		cmocka_unit_test_setup_teardown(test_many_exchanges, begin_quiet, end_quiet),
		cmocka_unit_test_setup_teardown(test_nothing, begin_quiet, end_quiet),
		cmocka_unit_test(test_rows),
	};

	return cmocka_run_group_tests(unit_tests, setup, teardown);
}
