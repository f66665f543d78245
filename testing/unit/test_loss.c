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
 * Packets that are lost, as far as a recorder is triggered by that.
 */

#define _GNU_SOURCE

#include "common.h"
#include "traces/loss.h"

#include <netinet/ip.h>

static u_int count;
static nflog_cause_t cause;
static char detail[128];

static void note_trigger(nflog_recorder_t *this, nflog_trigger_t *trigger)
{
	count++;
	cause = trigger->cause;
	snprintf(detail, sizeof(detail), "%s", trigger->detail);
}

static nflog_recorder_t recorder = {
	.trigger = note_trigger,
};

/** what the kernel's counters say */
static uint64_t dropped;

static nflog_dropped_t *get(nflog_xfrm_stat_t *this)
{
	return NULL;
}

static uint64_t get_total(nflog_xfrm_stat_t *this, nflog_dropped_t *dropped_)
{
	return dropped;
}

static nflog_xfrm_stat_t xfrm_stat = {
	.get = get,
	.get_total = get_total,
	.put = (void*)nop,
};

/**
 * Pass an ESP packet, as it is, in UDP, or cut.
 */
static void pass(nflog_loss_t *loss, uint32_t sequence, bool udp, u_int len)
{
	struct {
		nflog_record_t record;
		uint8_t data[64];
	} buf = {};
	nflog_packet_t packet = {
		.record = &buf.record,
		.point = POINT_ESP_IN,
		.payload = len,
		.original = sizeof(buf.data),
	}, *packets[] = { &packet };
	struct iphdr *ip = (struct iphdr*)buf.data;

	ip->version = 4;
	ip->ihl = 5;
	ip->protocol = udp ? IPPROTO_UDP : IPPROTO_ESP;
	ip->tot_len = htons(sizeof(buf.data));
	htoun32(buf.data + sizeof(*ip) + (udp ? 8 : 0) + 4, sequence);
	loss->look(loss, packets, 1);
}

static void test_missing(void **state)
{
	nflog_loss_t *loss = nflog_loss_create(&recorder, NULL, "gw");
	u_int i;

	/* wherever it begins, and wraps */
	for (i = 0; i < 1000; i++)
	{
		pass(loss, 0xffffff00 + i, i % 2, 64);
	}
	/* late ones are not missing */
	for (i = 0; i < 1000; i += 10)
	{
		pass(loss, 10000 + i + 9, FALSE, 64);
		if (!i)
		{	/* the distance is too large, whatever it is due to */
			assert_int_equal(count, 1);
			assert_int_equal(cause, CAUSE_MISSING);
			count = 0;
		}
		pass(loss, 10000 + i + 8, FALSE, 64);
		pass(loss, 10000 + i + 4, FALSE, 64);
	}
	/* seven of ten are missing */
	assert_in_range(count, 5, 8);
	count = 0;
	/* cut ones are not looked at */
	pass(loss, 1000000, FALSE, 20);
	pass(loss, 1000000, TRUE, 30);
	assert_int_equal(count, 0);
	loss->destroy(loss);
}

static void test_dropped(void **state)
{
	nflog_loss_t *loss = nflog_loss_create(&recorder, &xfrm_stat, "gw");
	time_t now;

	dropped = 5000;
	pass(loss, 1, FALSE, 64);
	assert_int_equal(count, 0);
	dropped += 101;
	/* the counters are read once a second */
	now = time_monotonic(NULL);
	while (time_monotonic(NULL) == now)
	{
		usleep(10000);
	}
	pass(loss, 2, FALSE, 64);
	assert_int_equal(count, 1);
	assert_int_equal(cause, CAUSE_DROPPED);
	assert_non_null(strstr(detail, "101 within 10 s"));
	pass(loss, 3, FALSE, 64);
	assert_int_equal(count, 1);
	loss->destroy(loss);
}

static void test_never(void **state)
{
	nflog_loss_t *loss = nflog_loss_create(&recorder, &xfrm_stat, "gw");

	lib->settings->set_str(lib->settings, "charon.plugins.nflog-capture.recorder_lost", "0");
	pass(loss, 1, FALSE, 64);
	pass(loss, 1000, FALSE, 64);
	assert_int_equal(count, 0);
	lib->settings->set_str(lib->settings, "charon.plugins.nflog-capture.recorder_lost", NULL);
	loss->destroy(loss);
}

static int begin(void **state)
{
	count = 0;
	return 0;
}

int main(int argc, char *argv[])
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_missing, begin),
		cmocka_unit_test_setup(test_dropped, begin),
		cmocka_unit_test_setup(test_never, begin),
	};

	return cmocka_run_group_tests(tests, common_setup, common_teardown);
}
