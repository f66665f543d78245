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
 * What is said of the packets of a capture point, and of those that it lacks, or has
 * beyond what the SA processed.
 */
#define _GNU_SOURCE

#include "common.h"

#include "traces/counters.h"
#include "traces/flowtable.h"
#include "traces/packet.h"
#include "traces/silence.h"
#include "reader/passes.h"

#include <sched.h>

#include <libmnl/libmnl.h>

/**
 * Describe packets that were all written, and compare how that ends.
 *
 * @param tail			what is to follow on the number of packets of the SA
 */
static void check(nflog_counters_t count, nflog_point_t point,
				  uint64_t seen, uint64_t sa, char *tail)
{
	char buf[512], expected[512];

	count.packets = seen - count.again;
	count.logged = count.received = seen;
	count.sa = sa;
	count.has_logged = count.has_sa = TRUE;
	nflog_counters_describe(&count, point, buf, sizeof(buf));
	snprintf(expected, sizeof(expected), "%N %u packets 0 bytes 0 lost of %u by "
			 "the SA%s", nflog_point_names, point, (u_int)count.packets,
			 (u_int)sa, tail);
	assert_string_equal(buf, expected);
}

static void test_missing(void **state)
{
	nflog_counters_t count = {};

	check(count, POINT_PLAIN_IN, 6, 6, "");
	check(count, POINT_PLAIN_IN, 6, 316, ", 310 not seen by netfilter");
	count.offloaded = TRUE;
	check(count, POINT_ESP_IN, 6, 316, ", 310 not seen by netfilter (offloaded)");
	count.flowtable = TRUE;
	check(count, POINT_PLAIN_IN, 6, 316, ", 310 not seen by netfilter (maybe "
		  "forwarded by a flowtable, add no flows of SAs to it)");
}

static void test_large(void **state)
{
	nflog_counters_t count = {};

	nflog_counters_large(&count, 1500);
	check(count, POINT_PLAIN_IN, 6, 10, ", 4 not seen by netfilter");
	/* two segments of 1448 bytes, or up to six */
	nflog_counters_large(&count, 2 * 1448 + 52);
	check(count, POINT_PLAIN_IN, 6, 7, ", 1 counted as segments of 1 large packets");
	check(count, POINT_PLAIN_IN, 6, 11, ", 5 counted as segments of 1 large packets");
	/* it does not account for more */
	check(count, POINT_PLAIN_IN, 6, 316, ", 305 not seen by netfilter, 5 counted as "
		  "segments of 1 large packets");
	/* nor is another reason hidden by it */
	count.flowtable = TRUE;
	check(count, POINT_PLAIN_IN, 6, 11, ", 5 counted as segments of 1 large packets "
		  "(maybe forwarded by a flowtable, add no flows of SAs to it)");
	check(count, POINT_PLAIN_IN, 6, 316, ", 305 not seen by netfilter (maybe "
		  "forwarded by a flowtable, add no flows of SAs to it), 5 counted as "
		  "segments of 1 large packets");
	/* on the wire there are none */
	check(count, POINT_ESP_IN, 6, 11, ", 5 not seen by netfilter");
	/* the largest of 64 KiB */
	memset(&count, 0, sizeof(count));
	nflog_counters_large(&count, 65535);
	assert_true(count.segments >= 65535 / 1448 - 1 && count.segments < 123);
}

static void test_surplus(void **state)
{
	nflog_counters_t count = {};

	check(count, POINT_PLAIN_IN, 16, 8, ", 8 more than the SA processed");
	check(count, POINT_ESP_OUT, 16, 8, ", 8 more than the SA processed");
	check(count, POINT_ESP_IN, 9, 8, ", 1 more than the SA processed (replayed, not "
		  "authentic, or out of its lifetime)");
	/* those that were brought to us twice are no surplus, nor do they hide a loss */
	count.again = 8;
	check(count, POINT_PLAIN_IN, 16, 8, "");
	check(count, POINT_PLAIN_IN, 16, 10, ", 2 not seen by netfilter");
	check(count, POINT_PLAIN_IN, 17, 8, ", 1 more than the SA processed");
}

/** what an SA may have processed that lived on */
#define MORE " more that it may have processed as the capture began or ended"

/**
 * The SA lived on after its capture ended.
 */
static void test_slack(void **state)
{
	nflog_counters_t count = {
		.slack = 5,
		.packets = 8,
		.logged = 8,
		.received = 8,
		.has_logged = TRUE,
		.has_sa = TRUE,
	};
	const struct {
		uint64_t sa;
		char *tail;
	} tests[] = {
		{ 8, "8 by the SA" },
		{ 7, "7 by the SA, 1" MORE },
		{ 3, "3 by the SA, 5" MORE },
		{ 2, "2 by the SA, 5" MORE ", 1 more than the SA processed" },
		{ 9, "9 by the SA, 1 not seen by netfilter" },
	};
	char buf[512], expected[512];
	u_int i;

	for (i = 0; i < countof(tests); i++)
	{
		count.sa = tests[i].sa;
		snprintf(expected, sizeof(expected), "plain-in 8 packets 0 bytes 0 lost of %s",
				 tests[i].tail);
		nflog_counters_describe(&count, POINT_PLAIN_IN, buf, sizeof(buf));
		assert_string_equal(buf, expected);
	}
	/* deleted, so nobody knows */
	count.sa = 1;
	count.slack = UINT64_MAX;
	nflog_counters_describe(&count, POINT_PLAIN_IN, buf, sizeof(buf));
	assert_string_equal(buf, "plain-in 8 packets 0 bytes 0 lost of 1 by the SA, 7"
						MORE);
}

/**
 * A capture that ended under traffic: ESP was read when the plain trace had less.  Both say
 * the same of the SA, and a packet that one of them lost is known.
 */
static void test_slack_points(void **state)
{
	nflog_counters_t esp = {
		.slack = 4,
		.sa = 100,
		.packets = 103,
		.logged = 103,
		.received = 103,
		.has_logged = TRUE,
		.has_sa = TRUE,
	}, plain = esp;
	nflog_losses_t losses;
	char buf[512];
	u_int lost;

	plain.slack = 2;
	nflog_counters_describe(&esp, POINT_ESP_IN, buf, sizeof(buf));
	assert_string_equal(buf, "esp-in 103 packets 0 bytes 0 lost of 100 by the SA, 3" MORE);
	nflog_counters_get_losses(&esp, POINT_ESP_IN, &losses);
	assert_int_equal(losses.sa, 100);
	assert_int_equal(losses.around, 3);
	assert_int_equal(losses.surplus, 0);
	assert_int_equal(losses.unseen, 0);
	for (lost = 0; lost < 5; lost++)
	{
		plain.packets = plain.logged = plain.received = 102 - lost;
		nflog_counters_describe(&plain, POINT_PLAIN_IN, buf, sizeof(buf));
		nflog_counters_get_losses(&plain, POINT_PLAIN_IN, &losses);
		assert_non_null(strstr(buf, " of 100 by the SA"));
		assert_int_equal(losses.sa, 100);
		assert_int_equal(losses.around, lost < 2 ? 2 - lost : 0);
		assert_int_equal(losses.unseen, lost > 2 ? lost - 2 : 0);
		assert_int_equal(losses.surplus, 0);
		assert_int_equal(strstr(buf, MORE) != NULL, lost < 2);
		assert_int_equal(strstr(buf, "not seen by netfilter") != NULL, lost > 2);
		/* what was logged and not read is lost, however many more there are */
		plain.logged = 102;
		nflog_counters_get_losses(&plain, POINT_PLAIN_IN, &losses);
		assert_int_equal(losses.kernel, lost);
		assert_int_equal(losses.around, 2);
		assert_int_equal(plain.packets + losses.kernel, losses.sa + losses.around);
	}
}

static void test_incomplete(void **state)
{
	nflog_counters_t count = {
		.logged = 23,
		.received = 3,
		.packets = 3,
		.fragments = 23,
		.whole = 3,
		.has_logged = TRUE,
	};
	const struct {
		uint64_t sa;
		char *text;
	} sas[] = {
		{ 0, "0 lost, 20 first fragments repeated or without the others" },
		{ 3, "0 lost of 3 by the SA, 20 first fragments repeated or without the "
			 "others" },
		/* the SA has got two of which not all fragments were read */
		{ 5, "2 lost (2 kernel queue full, 0 memory full, 0 disk budget "
			 "exhausted, 0 not written) of 5 by the SA, 18 first fragments "
			 "repeated or without the others" },
		{ 23, "20 lost (20 kernel queue full, 0 memory full, 0 disk budget "
			  "exhausted, 0 not written) of 23 by the SA" },
		{ 24, "20 lost (20 kernel queue full, 0 memory full, 0 disk budget "
			  "exhausted, 0 not written) of 24 by the SA, 1 not seen by "
			  "netfilter" },
	};
	char buf[512];
	u_int i;

	for (i = 0; i < countof(sas); i++)
	{
		count.sa = sas[i].sa;
		count.has_sa = sas[i].sa > 0;
		nflog_counters_describe(&count, POINT_ESP_IN, buf, sizeof(buf));
		assert_string_equal(strstr(buf, "bytes ") + 6, sas[i].text);
	}
	/* not all first fragments were read */
	count.fragments = 21;
	count.sa = 3;
	count.has_sa = TRUE;
	nflog_counters_describe(&count, POINT_ESP_IN, buf, sizeof(buf));
	assert_non_null(strstr(buf, " 2 lost (2 kernel queue full"));
	/* but the packet of one, from what the other rule logged of it */
	count.fragments = 22;
	count.received = count.whole = 4;
	nflog_counters_describe(&count, POINT_ESP_IN, buf, sizeof(buf));
	assert_non_null(strstr(buf, " 1 lost (1 kernel queue full"));
}

/**
 * Compare what is said of a capture point without packets.
 *
 * @param end			what follows the numbers, NULL for nothing
 */
static void check_silence(nflog_counters_t count, nflog_point_t point, char *end)
{
	nflog_cfg_t cfg = { .points = 1 << point };
	char buf[768], described[768];

	nflog_counters_describe(&count, point, described, sizeof(described));
	nflog_silence_describe(&count, point, &cfg, buf, sizeof(buf));
	assert_memory_equal(buf, described, strlen(described));
	assert_string_equal(buf + strlen(described), end ?: "");
	/* not of what is not captured */
	cfg.points = ~cfg.points;
	nflog_silence_describe(&count, point, &cfg, buf, sizeof(buf));
	assert_string_equal(buf, described);
}

static void test_silence(void **state)
{
	nflog_counters_t count = { .has_sa = TRUE };
	nflog_point_t point;
	char buf[512];

	check_silence(count, POINT_ESP_IN, ", no packet with its SPI arrived: the peer sent none, "
				  "or they were lost or dropped on their way");
	check_silence(count, POINT_PLAIN_IN, ", no packet arrived in the SA");
	check_silence(count, POINT_PLAIN_OUT, ", no packet was sent in the SA, 'missed' in points "
				  "captures those that leave without it");
	check_silence(count, POINT_IKE_IN, ", the peer sent no message, or they were lost on their "
				  "way");
	check_silence(count, POINT_IKE_OUT, ", no message was sent");
	count.watched = TRUE;
	check_silence(count, POINT_ESP_OUT, ", no packet of its selectors was sent, in the SA or "
				  "without it");
	count.blind = TRUE;
	check_silence(count, POINT_MISSED, ", no packet of its selectors left without the SA, those "
				  "whose addresses NAT changed are not known");
	check_silence(count, POINT_PLAIN_OUT, ", no packet of its selectors was sent, in the SA, or "
				  "without it and NAT");
	count.any = TRUE;
	check_silence(count, POINT_PLAIN_OUT, ", no packet is known to have left without the SA, as "
				  "its selectors are all addresses, only what XFRM interfaces and VTI devices "
				  "drop is");
	count.watched = count.blind = count.any = FALSE;
	check_silence(count, POINT_MISSED, ", no packet of its selectors left without the SA");
	count.watched = TRUE;
	check_silence(count, POINT_PLAIN_OUT, ", no packet of its selectors was sent, in the SA or "
				  "without it");
	count.left = 5;
	count.left_for = "source NAT";
	check_silence(count, POINT_PLAIN_OUT, NULL);
	nflog_counters_describe(&count, POINT_PLAIN_OUT, buf, sizeof(buf));
	assert_string_equal(buf, "plain-out 0 packets 0 bytes 0 lost of 0 by the SA, 5 of its "
						"selectors left without it (first: source NAT)");

	/* or with others of the same subnets */
	count = (nflog_counters_t){ .watched = TRUE, .crowded = 3 };
	check_silence(count, POINT_MISSED, NULL);
	nflog_counters_describe(&count, POINT_MISSED, buf, sizeof(buf));
	assert_string_equal(buf, "missed 0 packets 0 bytes 0 lost, maybe some of 3 that were not "
						"compared with it, as too many SAs have its subnets");

	/* what the counters say themselves */
	for (point = 0; point < POINT_MAX; point++)
	{
		check_silence((nflog_counters_t){ .packets = 1 }, point, NULL);
		check_silence((nflog_counters_t){ .received = 1, .filtered = 1 }, point, NULL);
		check_silence((nflog_counters_t){ .overrun = 1 }, point, NULL);
		check_silence((nflog_counters_t){ .logged = 1, .has_logged = TRUE }, point, NULL);
		check_silence((nflog_counters_t){ .unidentified = 1 }, point, NULL);
		check_silence((nflog_counters_t){ .crowded = 1 }, point, NULL);
		check_silence((nflog_counters_t){ .missed = 1 }, point, NULL);
		check_silence((nflog_counters_t){ .gone = TRUE }, point, NULL);
		check_silence((nflog_counters_t){ .absent = TRUE }, point, NULL);
		check_silence((nflog_counters_t){ .sa = 7, .has_sa = TRUE }, point, NULL);
	}
}

static void test_flowtable(void **state)
{
	if (unshare(CLONE_NEWNET) != 0)
	{	/* not permitted */
		skip();
	}
	assert_false(nflog_flowtable_exists());
	assert_int_equal(lines, 0);
	if (system("nft 'table ip t { flowtable f { hook ingress priority 0; }; }' "
			   "2> /dev/null") != 0)
	{	/* there's no code for it in this kernel */
		skip();
	}
	assert_true(nflog_flowtable_exists());
}

/** a packet and its time stamp, as attributes */
static char packet_buf[2048], stamp_buf[64];

/**
 * Create a UDP packet, as logged.
 *
 * @param addr			last byte of its destination
 * @param data			last byte of it
 * @param stamp			time stamp, 0 for none
 */
static nflog_logged_t create_logged(uint8_t addr, uint16_t port,
									uint8_t data, uint64_t stamp)
{
	nflog_logged_t logged = {};
	uint8_t packet[228] = {
		0x45, 0, 0, sizeof(packet), 0, 0, 0x40, 0, 64, 17, addr * 7, addr,
		10, 1, 0, 10, 10, 2, 0, addr,
		0, 9, port >> 8, port, 0, 208, port * 3, addr,
	};

	packet[sizeof(packet) - 1] = data;
	logged.attrs[NFULA_PAYLOAD] = (void*)packet_buf;
	logged.attrs[NFULA_PAYLOAD]->nla_len = NLA_HDRLEN + sizeof(packet);
	memcpy(packet_buf + NLA_HDRLEN, packet, sizeof(packet));
	if (stamp)
	{
		logged.attrs[NFULA_TIMESTAMP] = (void*)stamp_buf;
		logged.attrs[NFULA_TIMESTAMP]->nla_len = NLA_HDRLEN + sizeof(stamp);
		memcpy(stamp_buf + NLA_HDRLEN, &stamp, sizeof(stamp));
	}
	return logged;
}

/**
 * Let a packet pass.
 */
static bool is_again(nflog_passes_t *passes, bool vrf, uint8_t addr,
					 uint16_t port, uint8_t data, uint64_t stamp)
{
	nflog_logged_t logged = create_logged(addr, port, data, stamp);

	return passes->is_again(passes, &logged, 1, vrf);
}

static void test_passes(void **state)
{
	nflog_passes_t *passes = nflog_passes_create();
	nflog_logged_t logged;
	uint64_t i;

	/* without a VRF, nothing is dropped, even if it looks the same */
	for (i = 0; i < 100000; i++)
	{
		assert_false(is_again(passes, FALSE, 10, 53, 1, 1));
	}
	/* through a slave of the VRF, and the VRF, in a batch, with NAT between */
	for (i = 1; i <= 64; i++)
	{
		assert_false(is_again(passes, FALSE, 10, 53, i, 2));
	}
	for (i = 1; i <= 64; i++)
	{
		assert_true(is_again(passes, TRUE, 20, 5353, i, 2));
		assert_false(is_again(passes, TRUE, 20, 5353, i, 3));
	}
	/* twice through the VRF, also equal ones, with a stamp and without */
	for (i = 0; i <= 5; i += 5)
	{
		assert_false(is_again(passes, TRUE, 30, 53, 1, i));
		assert_false(is_again(passes, TRUE, 30, 53, 2, i));
		assert_true(is_again(passes, TRUE, 30, 53, 1, i));
		assert_true(is_again(passes, TRUE, 30, 53, 2, i));
		assert_false(is_again(passes, TRUE, 30, 53, 1, i));
		assert_true(is_again(passes, TRUE, 30, 53, 1, i));
	}
	/* the same packet of two SAs, a tunnel in a tunnel */
	logged = create_logged(40, 53, 1, 4);
	assert_false(passes->is_again(passes, &logged, 1, TRUE));
	assert_false(passes->is_again(passes, &logged, 2, TRUE));
	/* what never passed again has been forgotten */
	for (i = 0; i < 1000000; i++)
	{
		is_again(passes, FALSE, 10, 53, 1, 10 + i);
	}
	assert_false(is_again(passes, TRUE, 10, 53, 1, 10));
	passes->destroy(passes);
}

int main(int argc, char *argv[])
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_missing),
		cmocka_unit_test(test_large),
		cmocka_unit_test(test_surplus),
		cmocka_unit_test(test_slack),
		cmocka_unit_test(test_slack_points),
		cmocka_unit_test(test_incomplete),
		cmocka_unit_test(test_silence),
		cmocka_unit_test(test_flowtable),
		cmocka_unit_test(test_passes),
	};

	return cmocka_run_group_tests(tests, common_setup, common_teardown);
}
