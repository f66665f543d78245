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

#include "reader/ip6_fragments.h"

#include <netinet/in.h>
#include <netinet/ip6.h>

/** bytes of the packet, more than a fragment has */
#define DATA_LEN 2000

static nflog_ip6_fragments_t *ip6_fragments;

/** data of a packet, behind the IPv6 header */
static uint8_t data[DATA_LEN];

static int setup(void **state)
{
	size_t i;

	for (i = 0; i < sizeof(data); i++)
	{
		data[i] = i * 7 + i / 256;
	}
	ip6_fragments = nflog_ip6_fragments_create();
	return 0;
}

static int teardown(void **state)
{
	ip6_fragments->destroy(ip6_fragments);
	return 0;
}

/** time of the test, monotonic */
static time_t now;

/** prefix that fragments are from */
static uint8_t prefix;

/** type of the header behind the fragment header */
static uint8_t next = IPPROTO_ESP;

/**
 * Log a fragment of a packet, behind destination options if these are wanted.
 *
 * @return		payload of the complete packet, empty if there is none
 */
static chunk_t add_fragment(uint32_t id, bool options, size_t offset,
							chunk_t part, bool more)
{
	static uint8_t dstopts[] = { IPPROTO_FRAGMENT, 0, 1, 4, 0, 0, 0, 0 };
	struct ip6_hdr ip = {
		.ip6_flow = htonl(6 << 28),
		.ip6_nxt = options ? IPPROTO_DSTOPTS : IPPROTO_FRAGMENT,
		.ip6_src.s6_addr = { 0xfe, 0xc0, [7] = prefix, [15] = 1 },
		.ip6_dst.s6_addr = { 0xfe, 0xc0, [15] = 2 },
	};
	struct ip6_frag frag = {
		.ip6f_nxt = next,
		.ip6f_offlg = htons(offset) | (more ? IP6F_MORE_FRAG : 0),
		.ip6f_ident = id,
	};
	struct nlattr attr = { .nla_type = NFULA_PAYLOAD };
	struct nfgenmsg msg = {};
	nflog_logged_t logged = { .msg = &msg }, *complete;
	chunk_t packet, payload;

	ip.ip6_plen = htons((options ? sizeof(dstopts) : 0) + sizeof(frag) +
						part.len);
	packet = chunk_cat("cccc", chunk_from_thing(ip), options
					   ? chunk_from_thing(dstopts) : chunk_empty,
					   chunk_from_thing(frag), part);
	attr.nla_len = NLA_HDRLEN + packet.len;
	packet = chunk_cat("cm", chunk_from_thing(attr), packet);
	logged.attrs[NFULA_PAYLOAD] = (struct nlattr*)packet.ptr;

	complete = ip6_fragments->add(ip6_fragments, &logged, now);
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
 * Log a fragment of the packet with all of the data.
 */
static chunk_t add(uint32_t id, bool options, size_t offset, size_t len)
{
	return add_fragment(id, options, offset, chunk_create(data + offset, len),
						offset + len < sizeof(data));
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

static void test_duplicate(void **state)
{
	/* the same fragment, the first, the last, or one between */
	assert_int_equal(add(1, FALSE, 0, 800).len, 0);
	assert_int_equal(add(1, FALSE, 0, 800).len, 0);
	check(add(1, FALSE, 800, 1200), FALSE);
	assert_int_equal(add(2, FALSE, 800, 1200).len, 0);
	assert_int_equal(add(2, FALSE, 800, 1200).len, 0);
	check(add(2, FALSE, 0, 800), FALSE);
	assert_int_equal(add(3, FALSE, 1600, 400).len, 0);
	assert_int_equal(add(3, FALSE, 800, 800).len, 0);
	assert_int_equal(add(3, FALSE, 800, 800).len, 0);
	check(add(3, FALSE, 0, 800), FALSE);
	/* data that arrived in order may arrive again in other pieces */
	assert_int_equal(add(4, FALSE, 0, 800).len, 0);
	assert_int_equal(add(4, FALSE, 800, 800).len, 0);
	assert_int_equal(add(4, FALSE, 400, 800).len, 0);
	assert_int_equal(add(4, FALSE, 0, 1600).len, 0);
	check(add(4, FALSE, 1600, 400), FALSE);
	assert_int_equal(ip6_fragments->get_dropped(ip6_fragments), 0);
}

static void test_misfit(void **state)
{
	/* overlapping fragments are no packet, RFC 5722, what follows begins one */
	assert_int_equal(add(1, FALSE, 0, 1200).len, 0);
	assert_int_equal(add(1, FALSE, 1000, 1000).len, 0);
	assert_int_equal(add(1, FALSE, 1000, 1000).len, 0);
	check(add(1, FALSE, 0, 1000), FALSE);
	assert_int_equal(add(2, FALSE, 800, 800).len, 0);
	assert_int_equal(add(2, FALSE, 0, 1000).len, 0);
	assert_int_equal(add(2, FALSE, 0, 800).len, 0);
	assert_int_equal(add(2, FALSE, 1600, 400).len, 0);
	/* so is what is not in order, but in other pieces */
	assert_int_equal(add(3, FALSE, 800, 800).len, 0);
	assert_int_equal(add(3, FALSE, 0, 800).len, 0);
	assert_int_equal(add(3, FALSE, 400, 800).len, 0);
	assert_int_equal(add(3, FALSE, 1600, 400).len, 0);
	/* with neither offset nor more fragments it is no fragment, RFC 6946 */
	assert_int_equal(add(4, FALSE, 0, sizeof(data)).len, 0);
	assert_int_equal(add(5, FALSE, 0, 1000).len, 0);
	check(add(5, FALSE, 1000, 1000), FALSE);
	assert_int_equal(ip6_fragments->get_dropped(ip6_fragments), 0);
}

static void test_bad(void **state)
{
	chunk_t part = chunk_create(data, 804);

	/* refused without regard to others: not a multiple of 8, nothing of the
	 * header that follows, beyond the longest packet */
	assert_int_equal(add(1, FALSE, 0, 1000).len, 0);
	assert_int_equal(add_fragment(1, FALSE, 1000, part, TRUE).len, 0);
	assert_int_equal(add_fragment(1, FALSE, 0, chunk_empty, TRUE).len, 0);
	assert_int_equal(add_fragment(1, FALSE, 65528, part, FALSE).len, 0);
	check(add(1, FALSE, 1000, 1000), FALSE);
	/* that drops the packet: nothing, another end, data beyond the end */
	assert_int_equal(add(2, FALSE, 0, 1000).len, 0);
	assert_int_equal(add_fragment(2, FALSE, 1000, chunk_empty, TRUE).len, 0);
	assert_int_equal(add(2, FALSE, 1000, 1000).len, 0);
	assert_int_equal(add(3, FALSE, 1600, 400).len, 0);
	assert_int_equal(add_fragment(3, FALSE, 1000, part, FALSE).len, 0);
	assert_int_equal(add(3, FALSE, 0, 800).len, 0);
	assert_int_equal(add(3, FALSE, 800, 800).len, 0);
	assert_int_equal(add(4, FALSE, 1600, 400).len, 0);
	part.len = 800;
	assert_int_equal(add_fragment(4, FALSE, 2400, part, TRUE).len, 0);
	assert_int_equal(add(4, FALSE, 0, 800).len, 0);
	assert_int_equal(add(4, FALSE, 800, 800).len, 0);
	assert_int_equal(ip6_fragments->get_dropped(ip6_fragments), 0);
}

static void test_longest(void **state)
{
	chunk_t part = chunk_create(data, 1456), packet;
	struct ip6_hdr *ip;
	size_t offset;

	for (offset = 0; offset + part.len < 65535; offset += part.len)
	{
		assert_int_equal(add_fragment(1, FALSE, offset, part, TRUE).len, 0);
	}
	part.len = 65535 - offset;
	packet = add_fragment(1, FALSE, offset, part, FALSE);
	/* as much of it as NFLOG would copy */
	assert_int_equal(packet.len, 65531);
	ip = (struct ip6_hdr*)packet.ptr;
	assert_int_equal(ntohs(ip->ip6_plen), 65535);
	offset -= 1456;
	assert_memory_equal(packet.ptr + sizeof(*ip) + offset, data,
						packet.len - sizeof(*ip) - offset);
	/* with headers in front it is too long */
	part.len = 1456;
	for (offset = 0; offset + part.len < 65535; offset += part.len)
	{
		assert_int_equal(add_fragment(2, TRUE, offset, part, TRUE).len, 0);
	}
	part.len = 65535 - offset;
	assert_int_equal(add_fragment(2, TRUE, offset, part, FALSE).len, 0);
}

static void test_first(void **state)
{
	static const uint8_t options[] = { IPPROTO_AH, 0, 1, 4, 0, 0, 0, 0 };
	static const uint8_t foreign[] = { IPPROTO_TCP, 0, 1, 4, 0, 0, 0, 0 };
	uint8_t former[sizeof(options)];
	chunk_t packet;
	int i;

	memcpy(former, data, sizeof(former));
	/* the first fragment shows what it is, others may have any type there */
	memcpy(data, options, sizeof(options));
	for (i = 0; i < 2; i++)
	{
		next = i ? IPPROTO_TCP : IPPROTO_DSTOPTS;
		assert_int_equal(add(i, FALSE, i ? 1000 : 0, 1000).len, 0);
		next = i ? IPPROTO_DSTOPTS : IPPROTO_TCP;
		packet = add(i, FALSE, i ? 0 : 1000, 1000);
		assert_int_equal(packet.len, sizeof(struct ip6_hdr) + sizeof(data));
		assert_int_equal(packet.ptr[6], IPPROTO_DSTOPTS);
	}
	/* a duplicate does not change that */
	next = IPPROTO_DSTOPTS;
	assert_int_equal(add(2, FALSE, 0, 1000).len, 0);
	next = IPPROTO_TCP;
	assert_int_equal(add(2, FALSE, 0, 1000).len, 0);
	packet = add(2, FALSE, 1000, 1000);
	assert_int_equal(packet.len, sizeof(struct ip6_hdr) + sizeof(data));
	assert_int_equal(packet.ptr[6], IPPROTO_DSTOPTS);
	/* of no SA, whatever the order */
	memcpy(data, foreign, sizeof(foreign));
	for (i = 0; i < 2; i++)
	{
		next = i ? IPPROTO_ESP : IPPROTO_DSTOPTS;
		assert_int_equal(add(i, FALSE, i ? 1000 : 0, 1000).len, 0);
		next = i ? IPPROTO_DSTOPTS : IPPROTO_ESP;
		assert_int_equal(add(i, FALSE, i ? 0 : 1000, 1000).len, 0);
	}
	/* the next packet with that identification is another one */
	memcpy(data, options, sizeof(options));
	next = IPPROTO_DSTOPTS;
	assert_int_equal(add(0, FALSE, 0, 1000).len, 0);
	assert_int_equal(add(0, FALSE, 1000, 1000).len,
					 sizeof(struct ip6_hdr) + sizeof(data));
	next = IPPROTO_ESP;
	memcpy(data, former, sizeof(former));
	assert_int_equal(ip6_fragments->get_dropped(ip6_fragments), 0);
}

static void test_foreign(void **state)
{
	chunk_t part = chunk_create(data, 8);
	uint32_t id;

	/* packets that are of no SA take little memory, and are not missed */
	next = IPPROTO_TCP;
	for (id = 0; id < 4000; id++)
	{
		assert_int_equal(add(id, FALSE, 0, 1000).len, 0);
	}
	next = IPPROTO_ESP;
	prefix = 1;
	assert_int_equal(add(0, FALSE, 0, 1000).len, 0);
	prefix = 0;
	next = IPPROTO_TCP;
	for (id = 0; id < 4000; id++)
	{
		assert_int_equal(add(id, FALSE, 0, 1000).len, 0);
	}
	for (id = 0; id < 200; id++)
	{
		assert_int_equal(add_fragment(0, FALSE, id * 8, part, TRUE).len, 0);
	}
	next = IPPROTO_ESP;
	prefix = 1;
	check(add(0, FALSE, 1000, 1000), FALSE);
	prefix = 0;
	assert_int_equal(ip6_fragments->get_dropped(ip6_fragments), 0);
}

static void test_count(void **state)
{
	int i;

	/* a packet of 250 fragments is not kept */
	for (i = 0; i < 250; i++)
	{
		assert_int_equal(add(1, FALSE, i * 8, 8).len, 0);
	}
	assert_int_equal(ip6_fragments->get_dropped(ip6_fragments), 1);
	/* which leaves the end of it, of 121 */
	assert_int_equal(add(1, FALSE, 0, 1000).len, 0);
	check(add(1, FALSE, 1000, 32), FALSE);
}

static void test_expiry(void **state)
{
	uint32_t id;

	for (id = 0; id < 100; id++)
	{
		assert_int_equal(add(id, FALSE, 0, 1000).len, 0);
		now += id == 49 ? 30 : 0;
	}
	now += 29;
	check(add(0, FALSE, 1000, 1000), FALSE);
	now++;
	/* the first ones are gone, this begins another packet */
	assert_int_equal(add(1, FALSE, 1000, 1000).len, 0);
	check(add(50, FALSE, 1000, 1000), FALSE);
	now += 30;
	assert_int_equal(add(51, FALSE, 1000, 1000).len, 0);
	/* so are those that the kernel does not deliver either */
	assert_int_equal(ip6_fragments->get_dropped(ip6_fragments), 0);
}

static void test_source(void **state)
{
	uint32_t id;

	/* the oldest of a source are dropped, the newest are not, nor are those of
	 * another source */
	prefix = 1;
	assert_int_equal(add(0, FALSE, 0, 1000).len, 0);
	prefix = 0;
	for (id = 0; id < 30000; id++)
	{
		assert_int_equal(add(id, FALSE, 0, 1000).len, 0);
	}
	assert_int_equal(ip6_fragments->get_dropped(ip6_fragments), 30000 - 512);
	check(add(29999, FALSE, 1000, 1000), FALSE);
	assert_int_equal(add(30000 - 513, FALSE, 1000, 1000).len, 0);
	prefix = 1;
	check(add(0, FALSE, 1000, 1000), FALSE);
	prefix = 0;
}

static void test_limit(void **state)
{
	static const size_t lens[] = { 8, 1000, 1992 };
	uint64_t kept;
	uint32_t id;
	int i;

	/* many sources, the oldest are dropped, whatever little they have */
	for (i = 0; i < countof(lens); i++)
	{
		for (id = 0; id < 100000; id++)
		{
			prefix = id % 251;
			assert_int_equal(add(id, FALSE, 0, lens[i]).len, 0);
		}
		kept = 100000 - ip6_fragments->get_dropped(ip6_fragments);
		assert_in_range(kept, 1, 4096);
		assert_in_range(kept * lens[i], 1, 4 * 1024 * 1024);
		check(add(id - 1, FALSE, lens[i], sizeof(data) - lens[i]), FALSE);
		prefix = 0;
		assert_int_equal(add(0, FALSE, lens[i], sizeof(data) - lens[i]).len, 0);
		teardown(NULL);
		setup(NULL);
	}
	/* nothing at all is not kept */
	for (id = 0; id < 100; id++)
	{
		assert_int_equal(add(id, FALSE, 8, 0).len, 0);
	}
	assert_int_equal(ip6_fragments->get_dropped(ip6_fragments), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_order, setup, teardown),
		cmocka_unit_test_setup_teardown(test_interleaved, setup, teardown),
		cmocka_unit_test_setup_teardown(test_duplicate, setup, teardown),
		cmocka_unit_test_setup_teardown(test_misfit, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bad, setup, teardown),
		cmocka_unit_test_setup_teardown(test_longest, setup, teardown),
		cmocka_unit_test_setup_teardown(test_first, setup, teardown),
		cmocka_unit_test_setup_teardown(test_foreign, setup, teardown),
		cmocka_unit_test_setup_teardown(test_count, setup, teardown),
		cmocka_unit_test_setup_teardown(test_expiry, setup, teardown),
		cmocka_unit_test_setup_teardown(test_source, setup, teardown),
		cmocka_unit_test_setup_teardown(test_limit, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
