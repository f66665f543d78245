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
 * Which packets a trace stores.
 */
#include "common.h"

#include "traces/intake.h"

#include <daemon.h>

/** time to wait for addresses to be looked at again, in ms */
#define TIMEOUT 60000

/** addresses of this machine, and how often these were looked at */
static char *addresses[4];
static u_int looks;

/**
 * Destroy a list of addresses.
 */
static void destroy_hosts(linked_list_t *list)
{
	list->destroy_offset(list, offsetof(host_t, destroy));
}

/**
 * Enumerates addresses of this machine.
 */
static enumerator_t *create_address_enumerator(kernel_interface_t *this,
											   kernel_address_type_t which)
{
	linked_list_t *list = linked_list_create();
	host_t *host;
	int i;

	/* also those that charon ignores, as they are on other devices than ESP */
	assert_int_equal(which, ADDR_TYPE_ALL);
	looks++;
	for (i = 0; i < countof(addresses) && addresses[i]; i++)
	{
		host = host_create_from_string(addresses[i], 0);
		assert_non_null(host);
		list->insert_last(list, host);
	}
	return enumerator_create_cleaner(list->create_enumerator(list), (void*)destroy_hosts,
									 list);
}

/**
 * Pass a packet.
 *
 * @param len		bytes that were copied
 */
static bool pass(nflog_intake_t *intake, nflog_counters_t *count, nflog_point_t point,
				 char *src, char *dst, u_int len)
{
	uint8_t buf[sizeof(nflog_record_t) + 8 + 100] = {};
	nflog_packet_t packet = {
		.record = (nflog_record_t*)buf,
		.offset = 8,
		.original = 100,
		.payload = len,
		.point = point,
	};
	uint8_t *ip = packet.record->data + packet.offset;
	host_t *from, *to;
	bool ipv6;

	from = host_create_from_string(src, 0);
	to = host_create_from_string(dst, 0);
	ipv6 = from->get_family(from) == AF_INET6;
	ip[0] = ipv6 ? 0x60 : 0x45;
	memcpy(ip + (ipv6 ? 8 : 12), from->get_address(from).ptr, ipv6 ? 16 : 4);
	memcpy(ip + (ipv6 ? 24 : 16), to->get_address(to).ptr, ipv6 ? 16 : 4);
	from->destroy(from);
	to->destroy(to);
	return intake->take(intake, &packet, count);
}

/**
 * Packets of the gateway itself, and those that it forwards.
 */
static void test_local(void **state)
{
	static struct {
		nflog_point_t point;
		char *src, *dst;
		bool local;
	} tests[] = {
		{ POINT_PLAIN_IN, "10.2.0.10", "10.1.0.1", TRUE },
		{ POINT_PLAIN_OUT, "10.1.0.1", "10.2.0.10", TRUE },
		{ POINT_PLAIN_IN, "10.2.0.10", "10.1.0.10", FALSE },
		{ POINT_PLAIN_OUT, "10.1.0.10", "10.2.0.10", FALSE },
		/* the other side does not matter */
		{ POINT_PLAIN_IN, "10.1.0.1", "10.1.0.10", FALSE },
		{ POINT_PLAIN_OUT, "10.1.0.10", "10.1.0.1", FALSE },
		{ POINT_PLAIN_IN, "fec2::10", "fec1::1", TRUE },
		{ POINT_PLAIN_OUT, "fec1::1", "fec2::10", TRUE },
		{ POINT_PLAIN_IN, "fec2::10", "fec1::10", FALSE },
		{ POINT_PLAIN_OUT, "fec1::10", "fec2::10", FALSE },
		{ POINT_PLAIN_IN, "10.2.0.10", "224.0.0.5", TRUE },
		{ POINT_PLAIN_IN, "10.2.0.10", "255.255.255.255", TRUE },
		{ POINT_PLAIN_OUT, "0.0.0.0", "10.2.0.10", TRUE },
		{ POINT_PLAIN_IN, "fec2::10", "ff02::1", TRUE },
		{ POINT_PLAIN_IN, "10.2.0.10", "240.0.0.1", FALSE },
	};
	nflog_addresses_t *known = nflog_addresses_create();
	nflog_counters_t count = {};
	nflog_cfg_t cfg = {};
	nflog_intake_t *intake;
	nflog_local_t local;
	u_int i, left_out;

	addresses[0] = "10.1.0.1";
	addresses[1] = "fec1::1";
	/* two devices may have the same one */
	addresses[2] = "10.1.0.1";
	looks = 0;
	for (local = NFLOG_LOCAL_ANY; local <= NFLOG_LOCAL_NONE; local++)
	{
		cfg.local = local;
		intake = nflog_intake_create(POINT_PLAIN_IN, &cfg);
		intake->set_addresses(intake, known);
		memset(&count, 0, sizeof(count));
		for (i = left_out = 0; i < countof(tests); i++)
		{
			left_out += local && tests[i].local != (local == NFLOG_LOCAL_ONLY);
			assert_int_equal(pass(intake, &count, tests[i].point, tests[i].src,
								  tests[i].dst, 100),
							 !local || tests[i].local == (local == NFLOG_LOCAL_ONLY));
			assert_int_equal(count.filtered, left_out);
		}
		/* too short to tell */
		assert_int_equal(pass(intake, &count, POINT_PLAIN_IN, "10.2.0.10", "10.1.0.1", 19),
						 local != NFLOG_LOCAL_ONLY);
		intake->destroy(intake);
	}
	/* a look takes a while with many addresses */
	assert_in_range(looks, 1, 30);

	/* ESP is not concerned */
	cfg.local = NFLOG_LOCAL_ONLY;
	intake = nflog_intake_create(POINT_ESP_IN, &cfg);
	assert_true(pass(intake, &count, POINT_ESP_IN, "192.168.0.2", "192.168.0.7", 100));
	intake->destroy(intake);
	known->destroy(known);
}

/**
 * Addresses change.
 */
static void test_addresses(void **state)
{
	nflog_addresses_t *known = nflog_addresses_create();
	chunk_t address = chunk_from_chars(10, 3, 0, 1), other = chunk_from_chars(10, 3, 0, 2);
	u_int i;

	addresses[0] = NULL;
	assert_false(known->is_local(known, address));
	addresses[0] = "10.3.0.1";
	addresses[1] = NULL;
	for (i = 0; i < TIMEOUT && !known->is_local(known, address); i++)
	{
		usleep(1000);
	}
	assert_true(known->is_local(known, address));
	assert_false(known->is_local(known, other));
	addresses[0] = "10.3.0.2";
	for (i = 0; i < TIMEOUT && known->is_local(known, address); i++)
	{
		usleep(1000);
	}
	assert_false(known->is_local(known, address));
	assert_true(known->is_local(known, other));
	known->destroy(known);
}

/**
 * All that a packet has to pass: the filter, then "local", then the limit.
 */
static void test_all(void **state)
{
	nflog_filters_t *filters = nflog_filters_create();
	nflog_addresses_t *known = nflog_addresses_create();
	nflog_cfg_t cfg = {
		.filter = filters->get(filters, "src host 10.2.0.10"),
		.local = NFLOG_LOCAL_ONLY,
		.packets = 2,
	};
	nflog_counters_t count = {};
	nflog_intake_t *intake = nflog_intake_create(POINT_PLAIN_IN, &cfg);

	assert_non_null(cfg.filter);
	addresses[0] = "10.1.0.1";
	addresses[1] = NULL;
	intake->set_addresses(intake, known);
	assert_true(pass(intake, &count, POINT_PLAIN_IN, "10.2.0.10", "10.1.0.1", 100));
	assert_false(pass(intake, &count, POINT_PLAIN_IN, "10.2.0.11", "10.1.0.1", 100));
	assert_false(pass(intake, &count, POINT_PLAIN_IN, "10.2.0.10", "10.1.0.2", 100));
	assert_int_equal(count.filtered, 2);
	assert_false(intake->is_full(intake));
	assert_true(pass(intake, &count, POINT_PLAIN_IN, "10.2.0.10", "10.1.0.1", 100));
	assert_true(intake->is_full(intake));
	assert_false(pass(intake, &count, POINT_PLAIN_IN, "10.2.0.10", "10.1.0.1", 100));
	assert_int_equal(count.beyond, 1);
	/* what does not match is not beyond the limit */
	assert_false(pass(intake, &count, POINT_PLAIN_IN, "10.2.0.10", "10.1.0.2", 100));
	assert_int_equal(count.beyond, 1);
	assert_int_equal(count.filtered, 3);
	intake->destroy(intake);
	known->destroy(known);
	cfg.filter->destroy(cfg.filter);
	filters->destroy(filters);
}

/**
 * Set up all tests.
 */
static int setup(void **state)
{
	if (common_setup(state) != 0)
	{
		return -1;
	}
	libcharon_init();
	charon->kernel->create_address_enumerator = create_address_enumerator;
	return 0;
}

static int teardown(void **state)
{
	libcharon_deinit();
	return common_teardown(state);
}

int main()
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_local),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_all),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
