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


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "nflog_capture_fragments.h"

#include <netinet/in.h>
#include <netinet/ip6.h>

/** bytes of the packet, more than a fragment has */
#define DATA_LEN 2000

static nflog_capture_fragments_t *fragments;

/** data of a packet, behind the IPv6 header */
static uint8_t data[DATA_LEN];

static int setup(void **state)
{
	size_t i;

	for (i = 0; i < sizeof(data); i++)
	{
		data[i] = i * 7 + i / 256;
	}
	fragments = nflog_capture_fragments_create();
	return 0;
}

static int teardown(void **state)
{
	fragments->destroy(fragments);
	return 0;
}

/**
 * Log a fragment of a packet, behind destination options if these are wanted.
 *
 * @return		payload of the complete packet, empty if there is none
 */
static chunk_t add(uint32_t id, bool options, size_t offset, size_t len)
{
	static uint8_t dstopts[] = { IPPROTO_FRAGMENT, 0, 1, 4, 0, 0, 0, 0 };
	struct ip6_hdr ip = {
		.ip6_flow = htonl(6 << 28),
		.ip6_nxt = options ? IPPROTO_DSTOPTS : IPPROTO_FRAGMENT,
		.ip6_src.s6_addr = { 0xfe, 0xc0, [15] = 1 },
		.ip6_dst.s6_addr = { 0xfe, 0xc0, [15] = 2 },
	};
	struct ip6_frag frag = {
		.ip6f_nxt = IPPROTO_ESP,
		.ip6f_offlg = htons(offset) |
						(offset + len < sizeof(data) ? IP6F_MORE_FRAG : 0),
		.ip6f_ident = id,
	};
	struct nlattr attr = { .nla_type = NFULA_PAYLOAD };
	struct nfgenmsg msg = {};
	nflog_capture_logged_t logged = { .msg = &msg }, *complete;
	chunk_t packet, payload;

	packet = chunk_cat("cccc", chunk_from_thing(ip), options
					   ? chunk_from_thing(dstopts) : chunk_empty,
					   chunk_from_thing(frag),
					   chunk_create(data + offset, len));
	attr.nla_len = NLA_HDRLEN + packet.len;
	packet = chunk_cat("cm", chunk_from_thing(attr), packet);
	logged.attrs[NFULA_PAYLOAD] = (struct nlattr*)packet.ptr;

	complete = fragments->add(fragments, &logged);
	free(packet.ptr);
	if (!complete)
	{
		return chunk_empty;
	}
	assert_ptr_equal(complete->msg, &msg);
	payload = chunk_create((uint8_t*)complete->attrs[NFULA_PAYLOAD],
						   complete->attrs[NFULA_PAYLOAD]->nla_len);
	return chunk_skip(payload, NLA_HDRLEN);
}

/**
 * Check a complete packet.
 */
static void check(chunk_t packet, bool options)
{
	size_t headers = sizeof(struct ip6_hdr) + (options ? 8 : 0);
	struct ip6_hdr *ip = (struct ip6_hdr*)packet.ptr;

	assert_int_equal(packet.len, headers + sizeof(data));
	assert_int_equal(ntohs(ip->ip6_plen), packet.len - sizeof(*ip));
	assert_int_equal(ip->ip6_nxt, options ? IPPROTO_DSTOPTS : IPPROTO_ESP);
	if (options)
	{
		assert_int_equal(packet.ptr[sizeof(*ip)], IPPROTO_ESP);
	}
	assert_memory_equal(packet.ptr + headers, data, sizeof(data));
}

static void test_order(void **state)
{
	static const size_t orders[][3] = {
		{ 0, 800, 1600 }, { 0, 1600, 800 }, { 800, 0, 1600 },
		{ 800, 1600, 0 }, { 1600, 0, 800 }, { 1600, 800, 0 },
	};
	size_t len;
	int i, j, options;

	for (options = 0; options < 2; options++)
	{
		for (i = 0; i < countof(orders); i++)
		{
			for (j = 0; j < 3; j++)
			{
				len = orders[i][j] == 1600 ? 400 : 800;
				if (j < 2)
				{
					assert_int_equal(add(i, options, orders[i][j], len).len, 0);
				}
				else
				{
					check(add(i, options, orders[i][j], len), options);
				}
			}
		}
	}
}

static void test_interleaved(void **state)
{
	assert_int_equal(add(1, FALSE, 0, 1000).len, 0);
	assert_int_equal(add(2, FALSE, 0, 1000).len, 0);
	check(add(1, FALSE, 1000, 1000), FALSE);
	check(add(2, FALSE, 1000, 1000), FALSE);
	/* nothing is left of the first packets */
	assert_int_equal(add(1, FALSE, 1000, 1000).len, 0);
}

static void test_misfit(void **state)
{
	/* overlapping fragments are no packet, RFC 5722 */
	assert_int_equal(add(1, FALSE, 0, 1200).len, 0);
	assert_int_equal(add(1, FALSE, 1000, 1000).len, 0);
	/* nor is one that is there twice, and it is not mistaken for the rest */
	assert_int_equal(add(2, FALSE, 0, 1000).len, 0);
	assert_int_equal(add(2, FALSE, 0, 1000).len, 0);
	assert_int_equal(add(2, FALSE, 1000, 1000).len, 0);
	/* with neither offset nor more fragments it is no fragment, RFC 6946 */
	assert_int_equal(add(3, FALSE, 0, sizeof(data)).len, 0);
	assert_int_equal(add(4, FALSE, 0, 1000).len, 0);
	check(add(4, FALSE, 1000, 1000), FALSE);
}

static void test_limit(void **state)
{
	uint32_t id;

	/* more than are kept: the oldest are dropped, the newest are not */
	for (id = 0; id < 3000; id++)
	{
		assert_int_equal(add(id, FALSE, 0, 1000).len, 0);
	}
	assert_int_equal(add(0, FALSE, 1000, 1000).len, 0);
	check(add(2999, FALSE, 1000, 1000), FALSE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_order, setup, teardown),
		cmocka_unit_test_setup_teardown(test_interleaved, setup, teardown),
		cmocka_unit_test_setup_teardown(test_misfit, setup, teardown),
		cmocka_unit_test_setup_teardown(test_limit, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
