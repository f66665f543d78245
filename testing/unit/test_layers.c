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
 * Layers that decrypting removes besides encryption: IP fragments, IPComp, and AH without
 * a key; sequence numbers; and directories.
 */

#define _GNU_SOURCE

#include "program.h"

#include <sys/resource.h>

#include "decrypt/ip_fragments.h"
#include "decrypt/sequences.h"
#include "traces/ip_packet.h"

#ifdef HAVE_ZLIB
#include <zlib.h>
#endif

/** AES-GCM with 16 bytes of ICV, and AES-CBC */
#define GCM (&tests[17])
#define CBC (&tests[0])

/** bytes that are split */
#define LEN 1403

/**
 * Compare packets, which may be empty.
 */
static bool is_same(chunk_t a, chunk_t b)
{
	return a.len == b.len && (!a.len || memeq(a.ptr, b.ptr, a.len));
}

/**
 * Create a large inner packet.
 */
static chunk_t create_large()
{
	return add_ip(other, other, IPPROTO_UDP, add_udp(40000, 40001, create_key(LEN)));
}

/**
 * Create a fragment of an IPv4 packet.
 */
static chunk_t split4(chunk_t packet, size_t from, size_t len)
{
	chunk_t data = chunk_skip(packet, 20), part;
	uint16_t field;

	len = min(len, data.len - from);
	field = from / 8 | (from + len < data.len ? 0x2000 : 0);
	part = chunk_cat("cc", chunk_create(packet.ptr, 20), chunk_create(data.ptr + from, len));
	htoun16(part.ptr + 2, part.len);
	htoun16(part.ptr + 4, 4711);
	htoun16(part.ptr + 6, field);
	return part;
}

/**
 * Create a fragment of an IPv6 packet, without or with an option before.
 */
static chunk_t split6(chunk_t packet, size_t from, size_t len, bool option)
{
	chunk_t data = chunk_skip(packet, 40), part;
	uint8_t header[8] = { packet.ptr[6], 0, 0, 0, 0, 0, 0x47, 0x11 };
	uint8_t hop[8] = { 44, 0, 1, 4, 0, 0, 0, 0 };

	len = min(len, data.len - from);
	htoun16(header + 2, from | (from + len < data.len));
	part = chunk_cat("cccc", chunk_create(packet.ptr, 40),
					 chunk_create(hop, option ? 8 : 0), chunk_from_thing(header),
					 chunk_create(data.ptr + from, len));
	part.ptr[6] = option ? 0 : 44;
	htoun16(part.ptr + 4, part.len - 40);
	return part;
}

/**
 * Decrypt a fragment, which gets freed, and expect its comment.
 *
 * @param expected	packet that is expected, empty for none
 */
static void check_part(chunk_t part, chunk_t expected, char *end)
{
	char comment[DECRYPTER_COMMENT_LEN];
	chunk_t plain;
	size_t len;

	decrypt(0, part, &plain, comment);
	len = strlen(comment);
	assert_true(len >= strlen(end));
	assert_string_equal(comment + len - strlen(end), end);
	assert_true(is_same(plain, expected));
	free(part.ptr);
	free(plain.ptr);
}

/**
 * ESP in fragments of IPv4, in all orders, twice, and with the ID used again.
 */
static void test_fragments4(void **state)
{
	static int orders[][3] = {
		{ 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 }, { 1, 2, 0 }, { 2, 0, 1 }, { 2, 1, 0 },
	};
	static char good[] = ": ICV good", part[] = "a fragment";
	chunk_t large = create_large(), packet, second;
	int i, j;

	packet = add_ip(src, dst, IPPROTO_ESP,
					create_esp(GCM, 1, 1, MODE_TUNNEL, large, IPPROTO_IPIP));
	second = add_ip(src, dst, IPPROTO_ESP,
					create_esp(CBC, 2, 1, MODE_TUNNEL, large, IPPROTO_IPIP));
	read_keys();
	for (i = 0; i < countof(orders); i++)
	{
		for (j = 0; j < 3; j++)
		{
			/* each of them twice */
			check_part(split4(packet, orders[i][j] * 512, 512), j == 2 ? large : chunk_empty,
					   j == 2 ? good : part);
			if (j < 2)
			{
				check_part(split4(packet, orders[i][j] * 512, 512), chunk_empty, part);
			}
		}
	}
	check_report("ESP: 6 packets, 6 decrypted, 6 ICV good\n"
				 "IP fragments: 30 packets\n", TRUE);
	/* one is missing, then another packet has the same ID, in other pieces */
	check_part(split4(packet, 512, 512), chunk_empty, part);
	check_part(split4(packet, 1024, 512), chunk_empty, part);
	check_part(split4(second, 0, 800), chunk_empty, part);
	check_part(split4(second, 800, 800), large, good);
	check_report("ESP: 1 packets, 1 decrypted, 1 ICV good\n"
				 "IP fragments: 4 packets\n", TRUE);
	/* the last one is missing */
	check_part(split4(packet, 0, 512), chunk_empty, part);
	check_report("IP fragments: 1 packets\nwith missing IP fragments: 1 packets\n", FALSE);
	/* that of another protocol is none of ours */
	second.ptr[9] = IPPROTO_TCP;
	check_part(split4(second, 0, 512), chunk_empty, part);
	check_report("IP fragments: 1 packets\n", TRUE);
	free(packet.ptr);
	free(second.ptr);
	free(large.ptr);
}

/**
 * ESP in fragments of IPv6.
 */
static void test_fragments6(void **state)
{
	chunk_t large = create_large(), packet;
	host_t *a, *b;
	int i;

	a = host_create_from_string("fec0::1", 0);
	b = host_create_from_string("fec0::2", 0);
	packet = add_ip(a, b, IPPROTO_ESP,
					create_esp(GCM, 1, 1, MODE_TUNNEL, large, IPPROTO_IPIP));
	read_keys();
	for (i = 0; i < 2; i++)
	{
		check_part(split6(packet, 1024, 512, i), chunk_empty, "a fragment");
		check_part(split6(packet, 0, 512, i), chunk_empty, "a fragment");
		check_part(split6(packet, 512, 512, i), large, ": ICV good");
		/* an atomic fragment, with all of the packet */
		check_part(split6(packet, 0, 2000, i), large, ": ICV good");
	}
	check_report("ESP: 4 packets, 4 decrypted, 4 ICV good\n"
				 "IP fragments: 8 packets\n", TRUE);
	free(packet.ptr);
	free(large.ptr);
	a->destroy(a);
	b->destroy(b);
}

/**
 * Fragments of a packet inside of another one.
 */
static void test_inside(void **state)
{
	chunk_t large = create_large(), packet, part, outer[2];
	char comment[DECRYPTER_COMMENT_LEN];
	chunk_t plain, next;
	int i;

	packet = add_ip(other, dst, IPPROTO_ESP,
					create_esp(CBC, 1, 1, MODE_TUNNEL, large, IPPROTO_IPIP));
	for (i = 0; i < 2; i++)
	{
		part = split4(packet, i * 800, 800);
		outer[i] = add_ip(src, dst, IPPROTO_ESP,
						  create_esp(GCM, 2 + i, 1, MODE_TUNNEL, part, IPPROTO_IPIP));
		free(part.ptr);
	}
	read_keys();
	for (i = 0; i < 2; i++)
	{
		assert_true(decrypt(0, outer[i], &plain, comment));
		assert_int_equal(decrypt(1, plain, &next, comment), i);
		free(plain.ptr);
		free(outer[i].ptr);
		assert_true(is_same(next, i ? large : chunk_empty));
		free(next.ptr);
	}
	check_report("ESP: 2 packets, 2 decrypted, 2 ICV good\n"
				 "ESP in layer 2: 1 packets, 1 decrypted, 1 ICV good\n"
				 "IP fragments in layer 2: 2 packets\n", TRUE);
	free(packet.ptr);
	free(large.ptr);
}

/**
 * Fragments that never end, are nested, damaged, or impossible.
 */
static void test_hostile(void **state)
{
	chunk_t large = create_large(), packet, part, whole;
	ip_fragments_t *fragments = ip_fragments_create();
	struct rusage before, after;
	host_t *a;
	int i, j;

	packet = add_ip(src, dst, IPPROTO_ESP, create_key(LEN));
	getrusage(RUSAGE_SELF, &before);
	for (i = 0; i < 20000; i++)
	{
		part = split4(packet, 512, 512);
		htoun32(part.ptr + 12, i);
		htoun16(part.ptr + 6, 0x2000 | 8000);
		assert_false(fragments->add(fragments, part, TRUE, &whole));
		free(part.ptr);
	}
	getrusage(RUSAGE_SELF, &after);
	assert_int_equal(fragments->get_incomplete(fragments), 20000);
	/* 256 of 64 KiB, and as much for what sanitizers keep */
	assert_true(after.ru_maxrss - before.ru_maxrss < 400 * 1024);
	/* more than fits in a packet */
	part = split4(packet, 512, 512);
	htoun16(part.ptr + 6, 0x1fff);
	assert_false(fragments->add(fragments, part, TRUE, &whole));
	/* a second end before the first one, which would leave a hole */
	fragments->destroy(fragments);
	fragments = ip_fragments_create();
	htoun16(part.ptr + 6, 400);
	assert_false(fragments->add(fragments, part, TRUE, &whole));
	htoun16(part.ptr + 6, 100);
	assert_false(fragments->add(fragments, part, TRUE, &whole));
	htoun16(part.ptr + 6, 0x2000);
	assert_false(fragments->add(fragments, part, TRUE, &whole));
	free(part.ptr);
	free(packet.ptr);

	/* fragment headers in each other */
	a = host_create_from_string("fec0::1", 0);
	packet = add_ip(a, a, 44, chunk_alloc(60000));
	a->destroy(a);
	for (i = 40; i < packet.len; i += 8)
	{
		memcpy(packet.ptr + i, "\x2c\0\0\0\0\0\0\1", 8);
	}
	free(create_esp(GCM, 1, 1, MODE_TUNNEL, inner, IPPROTO_IPIP).ptr);
	read_keys();
	check_part(chunk_clone(packet), chunk_empty, "");
	decrypter->learn(decrypter, packet);
	/* damage */
	srand(1);
	for (i = 0; i < 20000; i++)
	{
		for (j = 0; j < 3; j++)
		{
			part = i % 2 ? split4(large, j * 512, 512)
						 : split6(packet, j * 512, 512, i % 4);
			part.len = rand() % 3 ? part.len : rand() % part.len;
			part = chunk_cat("m", part);
			damage(part);
			if (fragments->add(fragments, part, TRUE, &whole))
			{
				free(whole.ptr);
			}
			free(part.ptr);
		}
	}
	fragments->destroy(fragments);
	free(packet.ptr);
	free(large.ptr);
}

#ifdef HAVE_ZLIB

/**
 * Create an IPComp header and the compressed data.
 */
static chunk_t add_ipcomp(uint8_t next, chunk_t data)
{
	z_stream stream = {};
	uint8_t buf[4096], header[4] = { next, 0, 0x12, 0x34 };

	assert_int_equal(deflateInit2(&stream, 9, Z_DEFLATED, -MAX_WBITS, 9,
								  Z_DEFAULT_STRATEGY), Z_OK);
	stream.next_in = data.ptr;
	stream.avail_in = data.len;
	stream.next_out = buf;
	stream.avail_out = sizeof(buf);
	assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
	deflateEnd(&stream);
	return chunk_cat("cc", chunk_from_thing(header),
					 chunk_create(buf, sizeof(buf) - stream.avail_out));
}

/**
 * IPComp in ESP, as Linux does it: of packets that get shorter only.
 */
static void test_ipcomp(void **state)
{
	chunk_t data, packet, plain, bomb;

	/* tunnel mode */
	data = add_ipcomp(IPPROTO_IPIP, inner);
	packet = add_ip(src, dst, IPPROTO_ESP,
					create_esp(GCM, 1, 1, MODE_TUNNEL, data, IPPROTO_COMP));
	free(data.ptr);
	read_keys();
	check_layers(packet, 2, chunk_clone(inner), ": decompressed");
	check_report("ESP: 1 packets, 1 decrypted, 1 ICV good\n"
				 "IPComp in layer 2: 1 packets, 1 decompressed\n", TRUE);
	/* transport mode, without ESP */
	data = add_ipcomp(IPPROTO_UDP, chunk_skip(inner, 20));
	plain = add_sum(chunk_clone(inner));
	nflog_ip_set_checksum(chunk_create(plain.ptr + 12, 4), chunk_create(plain.ptr + 16, 4),
						  IPPROTO_UDP, chunk_skip(plain, 20));
	check_layers(add_ip(other, other, IPPROTO_COMP, data), 1, plain, ": decompressed");
	/* not compressed at all */
	packet = add_ip(other, other, IPPROTO_COMP, create_key(100));
	check_layers(chunk_clone(packet), 0, chunk_clone(packet), ": not decompressed");
	free(packet.ptr);
	check_report("IPComp: 2 packets, 1 decompressed\n", FALSE);
	/* what would not fit in a packet */
	bomb = chunk_alloc(1000000);
	memset(bomb.ptr, 0, bomb.len);
	packet = add_ip(other, other, IPPROTO_COMP, add_ipcomp(IPPROTO_IPIP, bomb));
	check_layers(chunk_clone(packet), 0, chunk_clone(packet), ": not decompressed");
	free(packet.ptr);
	free(bomb.ptr);
}

#endif /* HAVE_ZLIB */

/**
 * AH without a key around ESP.
 */
static void test_ah(void **state)
{
	uint8_t ah[24] = { IPPROTO_ESP, 4, 0, 0, 0, 0, 0, 99 };
	chunk_t packet, esp;

	esp = create_esp(GCM, 1, 1, MODE_TUNNEL, inner, IPPROTO_IPIP);
	packet = add_ip(src, dst, IPPROTO_AH, chunk_cat("cm", chunk_from_thing(ah), esp));
	read_keys();
	check_layers(packet, 2, chunk_clone(inner), ": ICV good");
	check_report("AH: 1 packets, 1 decrypted, 1 integrity key not known\n"
				 "ESP in layer 2: 1 packets, 1 decrypted, 1 ICV good\n", TRUE);
}

/**
 * Numbers in any order, up to the end of 32 bits, and beyond.
 */
static void test_numbers(void **state)
{
	static struct {
		uint32_t low;
		sequence_state_t state;
		uint64_t distance;
		uint64_t missing;
	} steps[] = {
		{ 0xfffffff0, SEQUENCE_NEXT, 0, 0 },
		{ 0xfffffff1, SEQUENCE_NEXT, 0, 0 },
		{ 0xfffffff4, SEQUENCE_GAP, 2, 2 },
		{ 0xfffffff2, SEQUENCE_LATE, 2, 1 },
		{ 0xfffffff2, SEQUENCE_REPLAYED, 2, 1 },
		{ 0xfffffff4, SEQUENCE_REPLAYED, 0, 1 },
		/* before the first one */
		{ 0xffffffee, SEQUENCE_LATE, 6, 2 },
		{ 0x00000000, SEQUENCE_GAP, 11, 13 },
		{ 0xffffffff, SEQUENCE_LATE, 1, 12 },
		{ 0x00000001, SEQUENCE_NEXT, 0, 12 },
		{ 0x00002000, SEQUENCE_GAP, 8190, 8202 },
		{ 0x00001001, SEQUENCE_LATE, 4095, 8201 },
		{ 0x00001000, SEQUENCE_OLD, 4096, 8201 },
		{ 0x00001001, SEQUENCE_REPLAYED, 4095, 8201 },
		{ 0x00000001, SEQUENCE_OLD, 8191, 8201 },
	};
	sequence_t *sequence;
	uint64_t distance;
	int i;

	INIT(sequence);
	for (i = 0; i < countof(steps); i++)
	{
		if (sequence_add(sequence, steps[i].low, &distance) != steps[i].state ||
			distance != steps[i].distance || sequence->missing != steps[i].missing)
		{
			fail_msg("step %d: distance %d, missing %d", i, (int)distance,
					 (int)sequence->missing);
		}
	}
	assert_true(sequence->first == 0xffffffee);
	assert_true(sequence->highest == 0x100002000);
	assert_int_equal(sequence->packets, countof(steps));
	assert_int_equal(sequence->replayed, 3);
	assert_int_equal(sequence->late, 6);
	free(sequence);
}

/**
 * Write packets to a file, which get freed.
 */
static void write_packets(char *name, chunk_t *packets, int count)
{
	struct pcap_pkthdr hdr = {};
	pcap_dumper_t *dumper;
	char path[PATH_MAX];
	pcap_t *pcap;
	int i;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	pcap = pcap_open_dead(DLT_RAW, 65535);
	dumper = pcap_dump_open(pcap, path);
	assert_non_null(dumper);
	for (i = 0; i < count; i++)
	{
		hdr.ts.tv_sec = 1700000000 + i;
		hdr.caplen = hdr.len = packets[i].len;
		pcap_dump((u_char*)dumper, &hdr, packets[i].ptr);
		free(packets[i].ptr);
	}
	pcap_dump_close(dumper);
	pcap_close(pcap);
}

/**
 * Expect the comments of all packets in a file.
 */
static void expect_comments(char *name, char *comments[], int count)
{
	char path[PATH_MAX], buf[1024];
	FILE *tshark;
	int i;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	tshark = open_tshark(path, "-e frame.interface_name -e frame.comment");
	for (i = 0; tshark && i < count; i++)
	{
		assert_non_null(fgets(buf, sizeof(buf), tshark));
		buf[strcspn(buf, "\n")] = '\0';
		assert_string_equal(buf, comments[i]);
	}
	if (tshark)
	{
		assert_null(fgets(buf, sizeof(buf), tshark));
		pclose(tshark);
	}
}

#define ESP_COMMENT(seq) "ESP 00000001 seq " seq " in AES_GCM_16: ICV good"
#define BOTH(seq, more) "trace\t" ESP_COMMENT(seq) more, "decrypted\t" ESP_COMMENT(seq)

/**
 * Sequence numbers in comments and the summary, fragments among other packets, and the
 * option --raw.
 */
static void test_program(void **state)
{
	static uint32_t seqs[] = { 1, 2, 5, 3, 3, 6 };
	static char *comments[] = {
		BOTH("1", ""), BOTH("2", ""), BOTH("5", ", after 2 missing"),
		BOTH("3", ", late by 2"), BOTH("3", ", replayed"),
		"trace\ta fragment",
		"trace\tlast fragment of " ESP_COMMENT("6"),
		"decrypted\tlast fragment of " ESP_COMMENT("6"),
	};
	static char *raw[] = {
		"decrypted\t" ESP_COMMENT("1"), "decrypted\t" ESP_COMMENT("2"),
		"decrypted\t" ESP_COMMENT("5") ", after 2 missing",
		"decrypted\t" ESP_COMMENT("3") ", late by 2",
		"decrypted\t" ESP_COMMENT("3") ", replayed",
		"decrypted\ta fragment", "decrypted\tlast fragment of " ESP_COMMENT("6"),
	};
	chunk_t packets[countof(seqs) + 1] = {}, packet, key = create_key(36);
	int i;

	for (i = 0; i < countof(seqs); i++)
	{
		next_encr_key = chunk_clone(key);
		packets[i] = add_ip(src, dst, IPPROTO_ESP, create_esp(GCM, 1, seqs[i],
							MODE_TUNNEL, inner, IPPROTO_IPIP));
	}
	free(key.ptr);
	packet = packets[i - 1];
	packets[i - 1] = split4(packet, 32, 512);
	packets[i] = split4(packet, 0, 32);
	free(packet.ptr);
	write_packets("some", packets, countof(packets));
	keys->flush(keys);

	assert_int_equal(run("decrypt -k %s/gw/keys -o %s/out %s/some", dir, dir, dir), 0);
	expect_line("stdout", "^ESP: 6 packets, 6 decrypted, 6 ICV good$");
	expect_line("stdout", "^IP fragments: 2 packets$");
	expect_line("stdout", "^SA 00000001: 6 packets, 1 missing, 1 late, 1 replayed$");
	expect_comments("out", comments, countof(comments));
	assert_int_equal(run("decrypt --raw -k %s/gw/keys -o %s/out %s/some", dir, dir, dir),
					 0);
	expect_comments("out", raw, countof(raw));
}

/**
 * Each trace in a directory gets a file, but plain ones, a ring one for all.
 */
static void test_dir(void **state)
{
	static char *names[] = {
		"gw/net.20261124T223527Z.00000001-00000002.esp.0.pcap",
		"gw/net.20261124T223527Z.00000001-00000002.esp.1.pcap",
		"gw/net.20261124T223527Z.00000003-00000004.esp.pcap",
		"gw/net.20261124T223527Z.00000001-00000002.plain.pcap",
	};
	char path[PATH_MAX];
	chunk_t packet;
	int i;

	snprintf(path, sizeof(path), "%s/gw", dir);
	assert_int_equal(mkdir(path, 0700), 0);
	for (i = 0; i < countof(names); i++)
	{
		packet = i == 3 ? chunk_clone(inner)
						: add_ip(src, dst, IPPROTO_ESP, create_esp(GCM, i + 1, 1,
								 MODE_TUNNEL, inner, IPPROTO_IPIP));
		write_packets(names[i], &packet, 1);
	}
	keys->flush(keys);
	assert_int_equal(run("decrypt %s/gw", dir), 0);
	expect_line("stdout", "^net.20261124T223527Z.00000001-00000002.esp:$");
	expect_line("stdout", "^ESP: 2 packets, 2 decrypted, 2 ICV good$");
	expect_line("stdout", "^ESP: 1 packets, 1 decrypted, 1 ICV good$");
	expect_line("stdout", "^nothing to decrypt$");
	assert_int_equal(run_command("cd %s/gw; test \"$(ls *.decrypted.pcapng | sort | tr "
		"'\\n' ' ')\" = 'net.20261124T223527Z.00000001-00000002.esp.decrypted.pcapng "
		"net.20261124T223527Z.00000003-00000004.esp.decrypted.pcapng '", dir), 0);
	/* once more, their names are not those of traces; a trailing slash */
	assert_int_equal(run("decrypt %s/gw/", dir), 0);
	assert_int_equal(run("decrypt %s/gw -o %s/out", dir, dir), 0);
	expect_line("stdout", "^ESP: 3 packets, 3 decrypted, 3 ICV good$");
	assert_int_equal(run("decrypt %s/gw %s/%s", dir, dir, names[0]), 2);
	assert_int_equal(run("decrypt -k - %s/gw %s/gw </dev/null", dir, dir), 2);
	assert_int_equal(run("decrypt %s/%s", dir, names[3]), 1);
	expect_line("stderr", "^nothing to decrypt in ");
	assert_int_equal(run_command("sed -i /00000003/d %s/gw/keys", dir), 0);
	assert_int_equal(run("decrypt %s/gw", dir), 1);
	expect_line("stdout", "^ESP: 2 packets, 2 decrypted, 2 ICV good$");
	assert_int_equal(run_command("rm %s/gw/*.pcap", dir), 0);
	assert_int_equal(run("decrypt %s/gw", dir), 2);
	expect_line("stderr", "gw has no traces$");
}

int main(void)
{
	const struct CMUnitTest unit_tests[] = {
		cmocka_unit_test_setup_teardown(test_fragments4, begin, end),
		cmocka_unit_test_setup_teardown(test_fragments6, begin, end),
		cmocka_unit_test_setup_teardown(test_inside, begin, end),
		cmocka_unit_test_setup_teardown(test_hostile, begin, end),
#ifdef HAVE_ZLIB
		cmocka_unit_test_setup_teardown(test_ipcomp, begin, end),
#endif
		cmocka_unit_test_setup_teardown(test_ah, begin, end),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test_setup_teardown(test_program, begin, end),
		cmocka_unit_test_setup_teardown(test_dir, begin, end),
	};

	return cmocka_run_group_tests(unit_tests, setup_program, teardown);
}
