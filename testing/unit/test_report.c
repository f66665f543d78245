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
 * "nflog-capture report": loss, delay, and IKE exchanges of traces that are made up.
 */

#define _GNU_SOURCE

#include "program.h"

#include <json-c/json.h>

#include "report/astray.h"
#include "report/pairing.h"
#include "report/quantiles.h"
#include "traces/pcapng_block.h"

/** names of traces of an SA, whose inbound SPI is 1 here, and 2 at the peer */
#define ESP "net.20261124T223527Z.00000001-00000002.esp.pcap"
#define PLAIN "net.20261124T223527Z.00000001-00000002.plain.pcap"
#define PEER "net.20261124T223527Z.00000002-00000001.esp.pcap"
#define MISSED "net.20261124T223527Z.00000001-00000002.missed.pcapng"
#define IKE "ike.20261124T223527Z.0101010101010101-0202020202020202.pcap"

/** AES-GCM with 16 bytes of ICV */
#define GCM (&tests[17])

/** keys of both directions */
static chunk_t esp_keys[2];

/** the trace that is written */
static pcap_dumper_t *dumper;
static pcap_t *pcap;

/**
 * Begin to write a trace.
 */
static void begin_trace(char *folder, char *name)
{
	char path[PATH_MAX];

	assert_int_equal(run_command("mkdir -p %s/%s", dir, folder), 0);
	snprintf(path, sizeof(path), "%s/%s/%s", dir, folder, name);
	pcap = pcap_open_dead(DLT_NFLOG, 65535);
	dumper = pcap_dump_open(pcap, path);
	assert_non_null(dumper);
}

static void end_trace()
{
	pcap_dump_close(dumper);
	pcap_close(pcap);
}

/**
 * Write a packet, which gets freed.
 *
 * @param prefix	names the capture point
 * @param us		time in microseconds
 */
static void write_packet(char *prefix, int us, chunk_t packet)
{
	struct pcap_pkthdr hdr = {
		.ts = { .tv_sec = 1700000000, .tv_usec = us },
	};
	uint16_t first[] = { 4 + strlen(prefix) + 1, 10 }, second[] = { 4 + packet.len, 9 };
	uint8_t zeros[4] = {};
	chunk_t record;

	record = chunk_cat("cccccm", chunk_from_chars(2, 0, 0, 0), chunk_from_thing(first),
					   chunk_create((u_char*)prefix, strlen(prefix) + 1),
					   chunk_create(zeros, -first[0] & 3), chunk_from_thing(second), packet);
	hdr.caplen = hdr.len = record.len;
	pcap_dump((u_char*)dumper, &hdr, record.ptr);
	free(record.ptr);
}

/**
 * Create an ESP packet with an inner one that has a number.
 *
 * @param spi		1 for what we receive, 2 for what we send
 */
static chunk_t create_packet(uint32_t spi, uint32_t seq, chunk_t *plain)
{
	chunk_t data = chunk_clone(inner);

	htoun32(data.ptr + data.len - 4, seq * 2 + spi);
	next_encr_key = chunk_clone(esp_keys[spi - 1]);
	*plain = data;
	return add_ip(spi == 1 ? dst : src, spi == 1 ? src : dst, IPPROTO_ESP,
				  create_esp(GCM, spi, seq, MODE_TUNNEL, data, IPPROTO_IPIP));
}

/**
 * Read the report that was printed as JSON.
 */
static json_object *get_report()
{
	char path[PATH_MAX];
	json_object *report;

	snprintf(path, sizeof(path), "%s/stdout", dir);
	report = json_object_from_file(path);
	assert_non_null(report);
	return report;
}

/**
 * Get a number by its path.
 */
static int64_t get(json_object *object, char *path)
{
	json_object *value;

	if (json_pointer_get(object, path, &value) != 0)
	{
		fail_msg("no %s", path);
	}
	return json_object_get_int64(value);
}

/**
 * Expect a string.
 */
static void expect(json_object *object, char *path, char *string)
{
	json_object *value;

	if (json_pointer_get(object, path, &value) != 0)
	{
		fail_msg("no %s", path);
	}
	assert_string_equal(json_object_get_string(value), string);
}

static int begin_keys(void **state)
{
	esp_keys[0] = create_key(36);
	esp_keys[1] = create_key(36);
	return begin(state);
}

static int end_keys(void **state)
{
	free(esp_keys[0].ptr);
	free(esp_keys[1].ptr);
	return end(state);
}

/**
 * Packets of both directions, some lost on the way, one that never comes out, one that
 * never leaves, and one message that a packet is too big.
 */
static void test_sas(void **state)
{
	/* what the peer sends, and arrives here */
	static int sent[] = { 1, 2, 3, 4, 5, 6 }, arrived[] = { 1, 2, 5, 4, 4 };
	chunk_t plain[8] = {}, esp, icmp;
	json_object *report;
	int i;

	begin_trace("theirs", PEER);
	for (i = 0; i < countof(sent); i++)
	{
		esp = create_packet(1, sent[i], &plain[sent[i]]);
		write_packet("net{1} esp-out", sent[i] * 1000, esp);
	}
	end_trace();
	begin_trace("gw", ESP);
	for (i = 0; i < countof(arrived); i++)
	{
		esp = create_packet(1, arrived[i], &icmp);
		write_packet("net{1} esp-in", arrived[i] * 1000 + 500 + i, esp);
		free(icmp.ptr);
	}
	for (i = 1; i < 4; i++)
	{
		esp = create_packet(2, i, &icmp);
		free(icmp.ptr);
		write_packet("net{1} esp-out", 20000 + i * 1000 + 30, esp);
	}
	end_trace();
	begin_trace("gw", PLAIN);
	for (i = 1; i <= 5; i++)
	{	/* 5 never comes out, 3 did not arrive */
		if (i != 3 && i != 5)
		{
			write_packet("net{1} plain-in", i * 1000 + 520 + i, chunk_clone(plain[i]));
		}
	}
	for (i = 1; i < 4; i++)
	{
		free(create_packet(2, i, &icmp).ptr);
		write_packet("net{1} plain-out", 20000 + i * 1000, icmp);
	}
	icmp = chunk_clone(chunk_from_chars(3, 4, 0, 0, 0, 0, 5, 0x78));
	write_packet("net{1} plain-out", 30000, add_ip(other, other, IPPROTO_ICMP, icmp));
	end_trace();
	for (i = 0; i < countof(plain); i++)
	{
		free(plain[i].ptr);
	}
	keys->flush(keys);

	assert_int_equal(run("report --json -p %s/theirs %s/gw", dir, dir), 0);
	report = get_report();
	expect(report, "/sas/0/spi", "00000001");
	expect(report, "/sas/0/direction", "in");
	expect(report, "/sas/0/connection", "gw");
	expect(report, "/sas/0/child", "net");
	assert_int_equal(get(report, "/sas/0/packets"), 5);
	assert_int_equal(get(report, "/sas/0/sequence/missing"), 1);
	assert_int_equal(get(report, "/sas/0/sequence/late"), 1);
	assert_int_equal(get(report, "/sas/0/sequence/replayed"), 1);
	assert_int_equal(get(report, "/sas/0/undecrypted"), 0);
	assert_int_equal(get(report, "/sas/0/gateway/packets"), 3);
	assert_int_equal(get(report, "/sas/0/gateway/min_us"), 21);
	/* 5, and the one that was replayed */
	assert_int_equal(get(report, "/sas/0/stuck"), 2);
	/* 3 was lost, 6 may be on its way still */
	assert_int_equal(get(report, "/sas/0/lost"), 1);
	assert_int_equal(get(report, "/sas/0/network/packets"), 4);
	assert_int_equal(get(report, "/sas/0/network/min_us"), 500);
	expect(report, "/sas/1/spi", "00000002");
	expect(report, "/sas/1/direction", "out");
	assert_int_equal(get(report, "/sas/1/gateway/packets"), 3);
	assert_int_equal(get(report, "/sas/1/gateway/max_us"), 30);
	/* the message */
	assert_int_equal(get(report, "/sas/1/stuck"), 1);
	assert_int_equal(get(report, "/sas/1/too_big"), 1);
	assert_int_equal(get(report, "/sas/1/mtu"), 1400);
	json_object_put(report);

	assert_int_equal(run("report %s/gw", dir), 0);
	expect_line("stdout", "^SA 00000001 in (gw, net): 5 packets, ");
	expect_line("stdout", "^  sequence numbers 1 to 5: 1 missing (20.00 %), 1 late, 1 repl");
	expect_line("stdout", "^  MTU: 1 messages that packets are too big, lowest MTU 1400$");
	expect_line("stdout", "^  2 packets arrived, and never came out of the SA$");
	/* without keys */
	assert_int_equal(run_command("rm %s/gw/keys", dir), 0);
	assert_int_equal(run("report %s/gw", dir), 0);
	expect_line("stdout", "^There are no keys, so what needs decrypting is missing");
	expect_line("stdout", "1 missing (20.00 %), 1 late, 1 replayed$");
	assert_int_equal(run("report -k %s/none %s/gw", dir, dir), 2);
	assert_int_equal(run("report"), 2);
	assert_int_equal(run("report %s/none", dir), 2);
	assert_int_equal(run("report -p %s/none %s/gw", dir, dir), 2);
	/* a trace that ends within a packet */
	assert_int_equal(run_command("truncate -s -5 %s/gw/" ESP, dir), 0);
	assert_int_equal(run("report --json %s/gw", dir), 1);
}

/**
 * Create an IKE message in the clear, with a payload.
 */
static chunk_t create_message(uint8_t version, uint8_t exchange, uint8_t flags,
							  uint32_t mid, uint8_t type, chunk_t payload)
{
	chunk_t header = chunk_alloca(28), data;
	uint8_t generic[4] = {};

	memset(header.ptr, 1, 8);
	memset(header.ptr + 8, 2, 8);
	header.ptr[16] = type;
	header.ptr[17] = version << 4;
	header.ptr[18] = exchange;
	header.ptr[19] = flags;
	htoun32(header.ptr + 20, mid);
	htoun32(header.ptr + 24, 28 + (type ? 4 + payload.len : 0));
	htoun16(generic + 2, 4 + payload.len);
	data = chunk_cat("ccc", header, type ? chunk_from_thing(generic) : chunk_empty, payload);
	return add_ip(src, dst, IPPROTO_UDP, add_udp(500, 500, data));
}

/**
 * Exchanges, retransmits, rekeyings, deletes, and errors, and messages that are malformed.
 */
static void test_messages(void **state)
{
	chunk_t rekey = chunk_from_chars(3, 4, 0x40, 0x09, 0, 0, 0, 9);
	chunk_t delete = chunk_from_chars(3, 4, 0, 2, 0, 0, 0, 9, 0, 0, 0, 8);
	chunk_t error = chunk_from_chars(0, 0, 0, 24), message;
	json_object *report;
	char path[32];
	int i;

	begin_trace("gw", IKE);
	write_packet("ike-out", 1, create_message(2, 34, 8, 0, 0, chunk_empty));
	write_packet("ike-out", 2, create_message(2, 34, 8, 0, 0, chunk_empty));
	write_packet("ike-out", 3, create_message(2, 34, 8, 0, 0, chunk_empty));
	write_packet("ike-in", 4, create_message(2, 34, 0x20, 0, 0, chunk_empty));
	write_packet("ike-in", 5, create_message(2, 35, 0x20, 1, 41, error));
	write_packet("ike-out", 6, create_message(2, 36, 8, 2, 41, rekey));
	write_packet("ike-in", 7, create_message(2, 37, 0, 0, 42, delete));
	write_packet("ike-out", 8, create_message(2, 36, 8, 3, 33, chunk_empty));
	write_packet("ike-in", 9, create_message(2, 37, 0, 1, 42,
											 chunk_from_chars(1, 0, 0, 0)));
	write_packet("ike-in", 10, create_message(1, 5, 0, 7, 12,
								chunk_from_chars(0, 0, 0, 1, 3, 4, 0, 1, 0, 0, 0, 9)));
	write_packet("ike-in", 11, create_message(1, 5, 1, 8, 0, chunk_empty));
	/* counts and lengths that are too large */
	write_packet("ike-in", 12, create_message(2, 37, 0, 2, 42,
								chunk_from_chars(3, 4, 255, 255, 0, 0, 0, 1)));
	write_packet("ike-in", 13, create_message(2, 37, 0, 3, 42,
								chunk_from_chars(3, 255, 255, 255)));
	write_packet("ike-in", 14, create_message(2, 37, 0, 4, 41, chunk_from_chars(3)));
	message = create_message(2, 37, 0, 5, 42, chunk_empty);
	htoun16(message.ptr + message.len - 2, 0xffff);
	write_packet("ike-in", 15, message);
	end_trace();

	assert_int_equal(run("report --json %s/gw", dir), 0);
	report = get_report();
	expect(report, "/ike/0/exchange", "IKE_SA_INIT");
	expect(report, "/ike/0/direction", "out");
	expect(report, "/ike/0/kind", "request");
	assert_int_equal(get(report, "/ike/0/retransmits"), 2);
	expect(report, "/ike/0/last", "2023-11-14T22:13:20.000003Z");
	expect(report, "/ike/1/kind", "response");
	expect(report, "/ike/2/text", "error AUTHENTICATION_FAILED");
	expect(report, "/ike/3/text", "rekeys the CHILD_SA with SPI 00000009");
	expect(report, "/ike/4/text", "deletes the CHILD_SA with SPI 00000009 after rekeying, "
		   "deletes the CHILD_SA with SPI 00000008");
	expect(report, "/ike/5/text", "rekeys the IKE_SA");
	expect(report, "/ike/6/text", "deletes the IKE_SA after rekeying");
	expect(report, "/ike/6/direction", "in");
	expect(report, "/ike/7/text", "deletes the CHILD_SA with SPI 00000009 after rekeying");
	expect(report, "/ike/8/exchange", "Informational");
	expect(report, "/ike/8/encrypted", "true");
	for (i = 9; i < 13; i++)
	{
		snprintf(path, sizeof(path), "/ike/%d/exchange", i);
		expect(report, path, "INFORMATIONAL");
	}
	json_object_put(report);
	assert_int_equal(run("report %s/gw", dir), 0);
	expect_line("stdout", "^  2023-11-14T22:13:20.000001Z out 0101010101010101-020202020202020"
				"2 IKE_SA_INIT request 0, retransmitted 2 times until ");
}

/**
 * Write a trace of packets that went astray.
 *
 * @param cut		bytes that are missing at its end
 */
static void write_astray(char **comments, u_int count, size_t cut)
{
	nflog_pcapng_blocks_t blocks = {};
	char path[PATH_MAX];
	FILE *file;
	u_int i;

	nflog_pcapng_section(&blocks, "test", "");
	nflog_pcapng_interface(&blocks, DLT_RAW, PCAPNG_NANOSECONDS, "eth0", "");
	for (i = 0; i < count; i++)
	{
		nflog_pcapng_packet(&blocks, 0, 1700000000000000000, chunk_from_str("packet"), 6);
		nflog_pcapng_option(&blocks, PCAPNG_COMMENT, chunk_from_str(comments[i]));
		nflog_pcapng_end(&blocks);
	}
	assert_int_equal(run_command("mkdir -p %s/astray", dir), 0);
	snprintf(path, sizeof(path), "%s/astray/" MISSED, dir);
	file = fopen(path, "w");
	assert_int_equal(fwrite(blocks.data.ptr, 1, blocks.used - cut, file), blocks.used - cut);
	fclose(file);
	chunk_free(&blocks.data);
}

/**
 * Packets that went astray are counted by their comments.
 */
static void test_astray(void **state)
{
	char *comments[] = { "source NAT", "a \033 mark", "source NAT", "" };
	char *many[ASTRAY_MAX_REASONS + 7];
	char *dropped[] = {
		"unknown SPI cafecafe, sequence number 9 (XfrmInNoStates)",
		"replayed: sequence number 1, window 1 to 5 (XfrmInStateSeqError)",
		"unknown SPI cafecafe, sequence number 12 (XfrmInNoStates)",
		"replayed: sequence number 2, window 1 to 6 (XfrmInStateSeqError)",
		"unknown SPI cafecafe, sequence number 4",
		"unknown SPI cafecafe, sequence number ",
	};
	json_object *report;
	u_int i;

	write_astray(comments, countof(comments), 0);
	assert_int_equal(run("report --json %s/astray", dir), 0);
	report = get_report();
	expect(report, "/astray/0/kind", "missed");
	expect(report, "/astray/0/connection", "astray");
	expect(report, "/astray/0/child", "net");
	assert_int_equal(get(report, "/astray/0/packets"), 4);
	expect(report, "/astray/0/reasons/0/reason", "source NAT");
	assert_int_equal(get(report, "/astray/0/reasons/0/packets"), 2);
	assert_int_equal(get(report, "/astray/0/reasons/1/packets"), 1);
	assert_int_equal(get(report, "/astray/0/other_reasons"), 0);
	json_object_put(report);
	assert_int_equal(run("report %s/astray", dir), 0);
	expect_line("stdout", "^missed .astray, net.: 4 packets$");
	expect_line("stdout", "^  2 source NAT$");
	expect_line("stdout", "^  1 a .* mark$");

	/* export leaves them out, and says so */
	assert_int_equal(run("export %s/astray -o %s/out", dir, dir), 2);
	expect_line("stderr", "^left out 1 of the traces, such as net.*missed.* went astray");
	assert_int_equal(run("export %s/astray/" MISSED " -o %s/out", dir, dir), 2);

	/* by reason, not by packet */
	write_astray(dropped, countof(dropped), 0);
	assert_int_equal(run("report %s/astray", dir), 0);
	expect_line("stdout", "^  2 unknown SPI cafecafe (XfrmInNoStates)$");
	expect_line("stdout", "^  2 replayed (XfrmInStateSeqError)$");
	expect_line("stdout", "^  1 unknown SPI cafecafe$");
	/* the same if the file is compressed */
	assert_int_equal(run_command("gzip %s/astray/" MISSED " && mv %s/astray/" MISSED ".gz "
								 "%s/astray/" MISSED, dir, dir, dir), 0);
	assert_int_equal(run("report %s/astray", dir), 0);
	expect_line("stdout", "^  2 replayed (XfrmInStateSeqError)$");

	/* with a bound */
	for (i = 0; i < countof(many); i++)
	{
		assert_true(asprintf(&many[i], "reason %u", i) > 0);
	}
	write_astray(many, countof(many), 0);
	assert_int_equal(run("report %s/astray", dir), 0);
	expect_line("stdout", "^  7 for other reasons$");
	/* torn within the last packet */
	write_astray(many, countof(many), 5);
	assert_int_equal(run("report %s/astray", dir), 1);
	expect_line("stdout", "^  6 for other reasons$");
	expect_line("stderr", "^unable to read .*: truncated within a block$");
	for (i = 0; i < countof(many); i++)
	{
		free(many[i]);
	}
	/* without any packet */
	write_astray(NULL, 0, 0);
	assert_int_equal(run("report %s/astray", dir), 0);
}

/**
 * Values of all sizes.
 */
static void test_quantiles(void **state)
{
	quantiles_t *quantiles;
	int64_t i, offset, count, exact;

	INIT(quantiles);
	assert_int_equal(quantiles_get(quantiles, 0.5), 0);
	for (i = 1; i <= 10000; i++)
	{
		quantiles_add(quantiles, i);
	}
	assert_int_equal(quantiles->min, 1);
	assert_int_equal(quantiles->max, 10000);
	assert_in_range(quantiles_get(quantiles, 0.5), 5001, 5001 * 1.03);
	assert_in_range(quantiles_get(quantiles, 0.9), 9001, 9001 * 1.03);
	assert_in_range(quantiles_get(quantiles, 0.99), 9901, 10000);
	assert_int_equal(quantiles_get(quantiles, 1), quantiles_get(quantiles, 0.99999));
	quantiles_add(quantiles, -5);
	quantiles_add(quantiles, INT64_MAX);
	assert_int_equal(quantiles->negative, 1);
	assert_true(quantiles->max == INT64_MAX);
	free(quantiles);
	/* clocks that differ, ahead and behind, by a day and more than that */
	for (offset = -1e11; offset <= 1e11; offset += 1e10)
	{
		for (count = 1; count < 2000; count *= 3)
		{
			INIT(quantiles);
			for (i = 0; i < count; i++)
			{	/* in any order */
				quantiles_add(quantiles, offset + 100 + i * 7919 % count);
			}
			exact = offset + 100 + count / 2;
			assert_true(quantiles_get(quantiles, 0.5) >= exact);
			assert_true(quantiles_get(quantiles, 0.5) <= exact + count * 0.03);
			exact = offset + 100 + count * 9 / 10;
			assert_true(quantiles_get(quantiles, 0.9) >= exact);
			assert_true(quantiles_get(quantiles, 0.9) <= exact + count * 0.03);
			assert_true(quantiles_get(quantiles, 1) == quantiles->max);
			assert_true(quantiles->max == offset + 99 + count);
			assert_true(quantiles_get(quantiles, 0) >= quantiles->min);
			free(quantiles);
		}
	}
}

static void count_cb(void *data, copy_t *copy)
{
	(*(u_int*)data)++;
}

/**
 * More copies than may wait, all equal or all different.
 */
static void test_pairing(void **state)
{
	pairing_t *pairing;
	copy_t copy = {}, found;
	u_int count, i, mode;

	for (mode = 0; mode < 2; mode++)
	{
		count = 0;
		pairing = pairing_create(count_cb, &count);
		for (i = 0; i < 3 * PAIRING_MAX; i++)
		{
			copy.key = mode ? 4711 : i + 1;
			copy.number = i;
			assert_false(pairing->add(pairing, &copy, &found));
		}
		assert_int_equal(count, 2 * PAIRING_MAX);
		copy.side = 1;
		assert_true(pairing->add(pairing, &copy, &found));
		assert_int_equal(found.number, mode ? 2 * PAIRING_MAX : i - 1);
		copy.key = mode ? 1 : 2;
		assert_false(pairing->add(pairing, &copy, &found));
		copy.side = 0;
		assert_true(pairing->add(pairing, &copy, &found));
		pairing->destroy(pairing);
		assert_int_equal(count, 3 * PAIRING_MAX - 1);
	}
}

int main(void)
{
	const struct CMUnitTest unit_tests[] = {
		cmocka_unit_test_setup_teardown(test_sas, begin_keys, end_keys),
		cmocka_unit_test_setup_teardown(test_messages, begin, end),
		cmocka_unit_test_setup_teardown(test_astray, begin, end),
		cmocka_unit_test(test_quantiles),
		cmocka_unit_test(test_pairing),
	};

	return cmocka_run_group_tests(unit_tests, setup_program, teardown);
}
