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
 * The SA to which a packet in the clear belongs.
 */
#define _GNU_SOURCE

#include "common.h"

#include "rules/nft_chains.h"
#include "reader/sa_lookup.h"

#include <libmnl/libmnl.h>

#include <selectors/traffic_selector.h>

static nflog_devices_t *devices;
static nflog_ts_lookup_t *ts_lookup;
static nflog_sa_lookup_t *sa_lookup;
static nflog_counters_t count;

/**
 * Create an SA that is captured in the clear, its trace is not used.
 */
static nflog_sa_t *create_sa(bool inbound, uint32_t spi, uint32_t reqid)
{
	static int unused;
	nflog_sa_t *sa;
	host_t *host;

	host = host_create_from_string("192.168.0.1", 0);
	sa = nflog_sa_create("conn", "net", 1, inbound, host, htonl(spi),
						 reqid, NULL, NULL);
	host->destroy(host);
	sa->plain.count = &count;
	sa->plain.trace = (void*)&unused;
	return sa;
}

/**
 * Find the SA of a packet with a mark.
 *
 * @param proto			4 for IPv4 in IPv4
 */
static nflog_sa_t *find(nflog_prefix_t prefix, uint32_t mark, uint8_t proto)
{
	uint8_t packet[40] = {
		0x45, 0, 0, sizeof(packet), 0, 1, 0, 0, 64, proto, 0, 0,
		192, 168, 0, 2, 192, 168, 0, 1,
	};
	struct {
		struct nlattr attr;
		uint8_t data[sizeof(packet)];
	} attrs[2];
	nflog_logged_t logged = {
		.attrs = {
			[NFULA_MARK] = mark ? &attrs[0].attr : NULL,
			[NFULA_PAYLOAD] = &attrs[1].attr,
		},
		.prefix = prefix,
	};
	nflog_tap_t *tap;

	mark = htonl(mark);
	attrs[0].attr.nla_len = NLA_HDRLEN + sizeof(mark);
	memcpy(attrs[0].data, &mark, sizeof(mark));
	attrs[1].attr.nla_len = NLA_HDRLEN + sizeof(packet);
	memcpy(attrs[1].data, packet, sizeof(packet));
	tap = sa_lookup->find(sa_lookup, &logged);
	/* it is not the mark of the packet */
	assert_null(logged.attrs[NFULA_MARK]);
	return tap ? (void*)((char*)tap - offsetof(nflog_sa_t, plain)) : NULL;
}

static void test_number(void **state)
{
	/* as the kernel's jhash() has it for reqid 1 and SPI c1234567 */
	assert_int_equal(nflog_nft_plain_number(htole32(1),
											htonl(0xc1234567)), 0x407f57b5);
	assert_int_equal(nflog_nft_plain_number(htole32(77),
											htonl(0xcfffffff)), 0xa180c4c6);
}

static void test_find(void **state)
{
	nflog_sa_t *in, *out, *twin, *other;

	in = create_sa(TRUE, 0xc0000001, 1);
	out = create_sa(FALSE, 0xc0000001, 1);
	twin = create_sa(FALSE, 0xc0000001, 1);
	other = create_sa(FALSE, 0xc0000001, 2);
	assert_null(sa_lookup->add(sa_lookup, in));
	assert_null(sa_lookup->add(sa_lookup, out));
	assert_null(sa_lookup->add(sa_lookup, other));
	/* its packets would be taken for those of the other one */
	assert_non_null(strstr(sa_lookup->add(sa_lookup, twin), "rekey it"));
	sa_lookup->remove(sa_lookup, twin);
	assert_int_equal(sa_lookup->get_count(sa_lookup), 3);

	assert_ptr_equal(find(PREFIX_PLAIN_IN, in->number, 17), in);
	assert_ptr_equal(find(PREFIX_PLAIN_OUT, out->number, 17), out);
	assert_ptr_equal(find(PREFIX_PLAIN_OUT, other->number, 17), other);
	assert_null(find(PREFIX_PLAIN_IN, other->number, 17));
	assert_null(find(PREFIX_PLAIN_IN, 0, 17));
	sa_lookup->remove(sa_lookup, out);
	assert_null(find(PREFIX_PLAIN_OUT, out->number, 17));
	assert_null(sa_lookup->add(sa_lookup, twin));
	assert_ptr_equal(find(PREFIX_PLAIN_OUT, out->number, 17), twin);

	sa_lookup->remove(sa_lookup, in);
	sa_lookup->remove(sa_lookup, twin);
	sa_lookup->remove(sa_lookup, other);
	nflog_sa_destroy(in);
	nflog_sa_destroy(out);
	nflog_sa_destroy(twin);
	nflog_sa_destroy(other);
}

static void test_move(void **state)
{
	nflog_sa_t *sa = create_sa(FALSE, 0xc0000001, 1);
	nflog_sa_t *other;
	nflog_match_t next = sa->match;
	uint32_t numbers[3], i;

	assert_null(sa_lookup->add(sa_lookup, sa));
	for (i = 0; i < countof(numbers); i++)
	{
		numbers[i] = nflog_nft_plain_number(i + 1, sa->spi);
	}
	next.reqid = 2;
	sa_lookup->move(sa_lookup, sa, &next);
	assert_ptr_equal(find(PREFIX_PLAIN_OUT, numbers[0], 17), sa);
	assert_ptr_equal(find(PREFIX_PLAIN_OUT, numbers[1], 17), sa);
	next.reqid = 3;
	sa_lookup->move(sa_lookup, sa, &next);
	assert_null(find(PREFIX_PLAIN_OUT, numbers[0], 17));
	assert_ptr_equal(find(PREFIX_PLAIN_OUT, numbers[1], 17), sa);
	assert_ptr_equal(find(PREFIX_PLAIN_OUT, numbers[2], 17), sa);
	/* what another SA has stays with that, also if the SA moves back */
	other = create_sa(FALSE, 0xc0000001, 7);
	other->match.dst->destroy(other->match.dst);
	other->match.dst = host_create_from_string("192.168.0.9", 0);
	nflog_sa_set_key(&other->key, FALSE, other->match.dst, other->spi);
	assert_null(sa_lookup->add(sa_lookup, other));
	assert_non_null(sa_lookup->move(sa_lookup, sa, &other->match));
	assert_ptr_equal(find(PREFIX_PLAIN_OUT,
						  nflog_nft_plain_number(7, other->spi), 17), other);
	assert_null(sa_lookup->move(sa_lookup, sa, &next));
	assert_ptr_equal(find(PREFIX_PLAIN_OUT,
						  nflog_nft_plain_number(7, other->spi), 17), other);
	sa_lookup->remove(sa_lookup, other);
	nflog_sa_destroy(other);
	/* another address only */
	sa_lookup->move(sa_lookup, sa, &next);
	assert_ptr_equal(find(PREFIX_PLAIN_OUT, numbers[2], 17), sa);
	sa_lookup->remove(sa_lookup, sa);
	for (i = 0; i < countof(numbers); i++)
	{
		assert_null(find(PREFIX_PLAIN_OUT, numbers[i], 17));
	}
	nflog_sa_destroy(sa);
}

static void test_again(void **state)
{
	nflog_sa_t *sa = create_sa(TRUE, 0xc0000001, 1);

	memset(&count, 0, sizeof(count));
	sa->ipcomp = TRUE;
	assert_null(sa_lookup->add(sa_lookup, sa));
	/* through a VRF, once by its slave, and twice by itself */
	assert_ptr_equal(find(PREFIX_PLAIN_IN, sa->number, 17), sa);
	assert_null(find(PREFIX_VRF_IN, sa->number, 17));
	assert_ptr_equal(find(PREFIX_VRF_IN, sa->number, 6), sa);
	assert_null(find(PREFIX_VRF_IN, sa->number, 6));
	assert_int_equal(count.again, 2);
	/* too small for IPComp */
	assert_null(find(PREFIX_PLAIN_IN, sa->number, 4));
	assert_int_equal(count.again, 3);
	assert_int_equal(count.received, 3);
	sa_lookup->remove(sa_lookup, sa);
	nflog_sa_destroy(sa);
}

/**
 * Create an SA of kernel-libipsec with selectors.
 *
 * @param dst			subnet of the other end, from our view
 */
static nflog_sa_t *create_selected(bool inbound, uint32_t spi, char *dst,
								   bool captured)
{
	linked_list_t *ours, *theirs;
	nflog_sa_t *sa;

	sa = create_sa(inbound, spi, 1);
	sa->userland = TRUE;
	sa->plain.trace = captured ? sa->plain.trace : NULL;
	ours = linked_list_create_with_items(
				traffic_selector_create_from_cidr("192.168.0.0/16", 0, 0, 65535),
				NULL);
	theirs = linked_list_create_with_items(
				traffic_selector_create_from_cidr("10.0.0.0/8", 0, 0, 65535),
				traffic_selector_create_from_cidr(dst, 0, 0, 65535), NULL);
	sa->selectors = nflog_selectors_create(inbound ? theirs : ours,
										   inbound ? ours : theirs);
	ours->destroy_offset(ours, offsetof(traffic_selector_t, destroy));
	theirs->destroy_offset(theirs, offsetof(traffic_selector_t, destroy));
	return sa;
}

/**
 * Find the SA of a packet, all of which are from 192.168.0.2 to 192.168.0.1.
 */
static nflog_sa_t *find_selected(bool inbound)
{
	return find(inbound ? PREFIX_TUN_IN : PREFIX_TUN_OUT, 0, 17);
}

/**
 * End an SA that is not captured.
 */
static void include(nflog_sa_t *sa)
{
	host_t *dst = sa->match.dst->clone(sa->match.dst);

	/* it may be gone while this is done */
	ts_lookup->include(ts_lookup, dst, sa->spi);
	dst->destroy(dst);
}

static void test_selectors(void **state)
{
	nflog_sa_t *wide, *close, *again;
	int inbound;

	for (inbound = 0; inbound < 2; inbound++)
	{
		memset(&count, 0, sizeof(count));
		wide = create_selected(inbound, 1, "192.168.0.0/24", TRUE);
		assert_null(sa_lookup->add(sa_lookup, wide));
		assert_ptr_equal(find_selected(inbound), wide);
		assert_null(find_selected(!inbound));

		/* the order in which they are installed does not matter */
		close = create_selected(inbound, 2, "192.168.0.0/28", TRUE);
		assert_null(sa_lookup->add(sa_lookup, close));
		assert_ptr_equal(find_selected(inbound), close);
		again = create_selected(inbound, 3, "192.168.0.0/24", TRUE);
		assert_null(sa_lookup->add(sa_lookup, again));
		assert_ptr_equal(find_selected(inbound), close);
		sa_lookup->remove(sa_lookup, close);
		nflog_sa_destroy(close);
		/* but it does with the same selectors */
		assert_ptr_equal(find_selected(inbound), again);
		again->used = 1;
		wide->used = 2;
		assert_ptr_equal(find_selected(inbound), inbound ? wide : again);
		/* nothing leaves by one that is gone, if there is another one */
		again->ended = TRUE;
		assert_ptr_equal(find_selected(inbound), wide);
		wide->ended = TRUE;
		assert_ptr_equal(find_selected(inbound), inbound ? wide : again);
		sa_lookup->remove(sa_lookup, again);
		nflog_sa_destroy(again);
		sa_lookup->remove(sa_lookup, wide);
		nflog_sa_destroy(wide);
	}
	assert_int_equal(count.unidentified, 0);
}

static void test_excluded(void **state)
{
	nflog_sa_t *sa, *same, *close, *wide;
	int inbound;

	for (inbound = 0; inbound < 2; inbound++)
	{
		memset(&count, 0, sizeof(count));
		sa = create_selected(inbound, 1, "192.168.0.0/24", TRUE);
		assert_null(sa_lookup->add(sa_lookup, sa));
		wide = create_selected(inbound, 2, "192.168.0.0/16", FALSE);
		ts_lookup->exclude(ts_lookup, wide);
		assert_ptr_equal(find_selected(inbound), sa);
		assert_int_equal(sa_lookup->get_count(sa_lookup), 1);

		/* what is not enabled is not captured */
		close = create_selected(inbound, 3, "192.168.0.0/28", FALSE);
		ts_lookup->exclude(ts_lookup, close);
		assert_null(find_selected(inbound));
		assert_int_equal(count.unidentified, 0);
		/* nor is what was logged before it was gone */
		include(close);
		assert_null(find_selected(inbound));
		assert_int_equal(count.unidentified, 1);
		assert_true(ts_lookup->expire(ts_lookup, FALSE));
		while (ts_lookup->expire(ts_lookup, TRUE))
		{
			usleep(1000);
		}
		assert_ptr_equal(find_selected(inbound), sa);
		count.unidentified = 0;
		/* nor is what may be of either */
		same = create_selected(inbound, 4, "192.168.0.0/24", FALSE);
		ts_lookup->exclude(ts_lookup, same);
		assert_null(find_selected(inbound));
		assert_int_equal(count.unidentified, 1);
		sa_lookup->remove(sa_lookup, sa);
		assert_null(sa_lookup->add(sa_lookup, sa));
		assert_ptr_equal(find_selected(inbound), inbound ? NULL : sa);
		assert_int_equal(count.unidentified, inbound ? 2 : 1);
		include(same);
		same->deadline.tv_sec = 0;
		include(wide);
		sa_lookup->remove(sa_lookup, sa);
		nflog_sa_destroy(sa);

		/* what is left to read when its capture ends */
		sa = create_selected(inbound, 6, "192.168.0.0/24", TRUE);
		assert_null(sa_lookup->add(sa_lookup, sa));
		same = create_selected(inbound, 6, "192.168.0.0/24", FALSE);
		ts_lookup->exclude(ts_lookup, same);
		count.unidentified = 0;
		assert_ptr_equal(find_selected(inbound), sa);
		sa->ended = TRUE;
		assert_ptr_equal(find_selected(inbound), sa);
		assert_int_equal(count.unidentified, 0);
		sa_lookup->remove(sa_lookup, sa);
		nflog_sa_destroy(sa);
		assert_null(find_selected(inbound));
		include(same);
		same->deadline.tv_sec = 0;

		/* it is captured after all */
		same = create_selected(inbound, 5, "192.168.0.0/24", FALSE);
		ts_lookup->exclude(ts_lookup, same);
		sa = create_selected(inbound, 5, "192.168.0.0/24", TRUE);
		assert_null(find_selected(inbound));
		assert_null(sa_lookup->add(sa_lookup, sa));
		assert_ptr_equal(find_selected(inbound), sa);
		sa_lookup->remove(sa_lookup, sa);
		nflog_sa_destroy(sa);
	}
}

static int setup(void **state)
{
	devices = nflog_devices_create();
	ts_lookup = nflog_ts_lookup_create(devices);
	sa_lookup = nflog_sa_lookup_create(ts_lookup);
	return common_setup(state);
}

static int teardown(void **state)
{
	sa_lookup->destroy(sa_lookup);
	ts_lookup->destroy(ts_lookup);
	devices->destroy(devices);
	return common_teardown(state);
}

int main(int argc, char *argv[])
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_number),
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_move),
		cmocka_unit_test(test_again),
		cmocka_unit_test(test_selectors),
		cmocka_unit_test(test_excluded),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
