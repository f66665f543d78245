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
 * Walking the headers of IP packets, of those too that nobody would send.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "traces/ip_packet.h"

#include <netinet/in.h>

/* IPv4 with an option of four bytes, 192.168.0.1 to 192.168.0.2, of 32 bytes */
static const uint8_t ipv4[] = {
	0x46, 0x00, 0x00, 0x20, 0x12, 0x34, 0x00, 0x00, 0x40, IPPROTO_ESP, 0x00, 0x00,
	0xc0, 0xa8, 0x00, 0x01, 0xc0, 0xa8, 0x00, 0x02, 0x94, 0x04, 0x00, 0x00,
	0xc1, 0x23, 0x45, 0x67, 0x00, 0x00, 0x00, 0x01,
};

/* IPv6, fec0::1 to ::2 */
static const uint8_t ipv6[] = {
	0x60, 0x00, 0x00, 0x00, 0x00, 0x00, IPPROTO_NONE, 0x40,
	0xfe, 0xc0, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x00, 0x00, 0x00, 0x01,
	0xfe, 0xc0, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x00, 0x00, 0x00, 0x02,
};

/** packet, allocated with no byte more than it has, so that a sanitizer sees what is
 *  read beyond it */
static chunk_t data;

static nflog_ip_packet_t packet;

/**
 * Parse a packet.
 */
static bool parse(const void *ptr, size_t len)
{
	free(data.ptr);
	data = chunk_clone(chunk_create((void*)ptr, len));
	return nflog_ip_packet_parse(&packet, data);
}

/**
 * Parse an IPv6 packet with a payload.
 */
static bool parse_ipv6(uint8_t proto, const void *payload, size_t len)
{
	free(data.ptr);
	data = chunk_cat("cc", chunk_from_thing(ipv6),
					 chunk_create((void*)payload, len));
	htoun16(data.ptr + 4, len);
	data.ptr[6] = proto;
	return nflog_ip_packet_parse(&packet, data);
}

/**
 * Get the position of what is in the packet.
 */
static size_t get_pos(chunk_t chunk)
{
	assert_in_range((uintptr_t)chunk.ptr, (uintptr_t)data.ptr,
					(uintptr_t)data.ptr + data.len - chunk.len);
	return chunk.ptr - data.ptr;
}

static void test_ipv4(void **state)
{
	uint8_t buf[sizeof(ipv4) + 6];

	assert_true(parse(ipv4, sizeof(ipv4)));
	assert_int_equal(packet.len, sizeof(ipv4));
	assert_int_equal(packet.data.len, sizeof(ipv4));
	assert_int_equal(packet.proto, IPPROTO_ESP);
	assert_int_equal(packet.proto_pos, 9);
	assert_int_equal(packet.payload, 24);
	assert_int_equal(packet.src.len, 4);
	assert_int_equal(get_pos(packet.src), 12);
	assert_int_equal(packet.dst.len, 4);
	assert_int_equal(get_pos(packet.dst), 16);
	assert_int_equal(packet.fragment_pos, 0);
	assert_false(nflog_ip_packet_is_fragment(&packet));
	/* padding is none of it */
	memset(buf, 0, sizeof(buf));
	memcpy(buf, ipv4, sizeof(ipv4));
	assert_true(parse(buf, sizeof(buf)));
	assert_int_equal(packet.data.len, sizeof(ipv4));
	/* the kernel merged packets */
	buf[3] = 0;
	assert_true(parse(buf, sizeof(buf)));
	assert_int_equal(packet.len, sizeof(buf));
	assert_int_equal(packet.data.len, sizeof(buf));
	/* a header that is too short, or longer than the packet */
	buf[3] = sizeof(ipv4);
	buf[0] = 0x44;
	assert_false(parse(buf, sizeof(buf)));
	buf[0] = 0x4f;
	assert_false(parse(buf, sizeof(buf)));
	buf[0] = 0x46;
	buf[3] = 23;
	assert_false(parse(buf, sizeof(buf)));
	buf[0] = 0x56;
	assert_false(parse(buf, sizeof(buf)));
	assert_int_equal(packet.payload, 0);
}

static void test_ipv4_fragment(void **state)
{
	uint8_t buf[sizeof(ipv4)];

	memcpy(buf, ipv4, sizeof(ipv4));
	buf[6] = 0x40;
	assert_true(parse(buf, sizeof(buf)));
	assert_false(nflog_ip_packet_is_fragment(&packet));
	buf[6] = 0x20;
	assert_true(parse(buf, sizeof(buf)));
	assert_true(nflog_ip_packet_is_fragment(&packet));
	assert_true(packet.more);
	assert_int_equal(packet.offset, 0);
	assert_int_equal(packet.id, htons(0x1234));
	buf[6] = 0x1f;
	buf[7] = 0xff;
	assert_true(parse(buf, sizeof(buf)));
	assert_true(nflog_ip_packet_is_fragment(&packet));
	assert_false(packet.more);
	assert_int_equal(packet.offset, 65528);
}

static void test_extensions(void **state)
{
	static const uint8_t chain[] = {
		IPPROTO_ROUTING, 1, 1, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
		IPPROTO_DSTOPTS, 0, 4, 0, 0, 0, 0, 0,
		IPPROTO_AH, 0, 1, 4, 0, 0, 0, 0,
		IPPROTO_ESP, 4, 0, 0, 0xc1, 0x23, 0x45, 0x67,
	};

	assert_true(parse_ipv6(IPPROTO_HOPOPTS, chain, sizeof(chain)));
	assert_int_equal(packet.len, sizeof(ipv6) + sizeof(chain));
	assert_int_equal(packet.proto, IPPROTO_AH);
	assert_int_equal(packet.proto_pos, sizeof(ipv6) + 24);
	assert_int_equal(packet.payload, sizeof(ipv6) + 32);
	assert_int_equal(packet.src.len, 16);
	assert_int_equal(get_pos(packet.src), 8);
	assert_int_equal(packet.dst.len, 16);
	assert_int_equal(get_pos(packet.dst), 24);
	assert_int_equal(packet.fragment_pos, 0);
	assert_false(nflog_ip_packet_is_fragment(&packet));
	/* the last one is longer than the packet */
	assert_false(parse_ipv6(IPPROTO_HOPOPTS, chain, 23));
	assert_false(parse_ipv6(IPPROTO_HOPOPTS, chain, 25));
	assert_int_equal(packet.len, packet.data.len);
	assert_int_equal(packet.proto, IPPROTO_DSTOPTS);
	/* nothing behind them */
	assert_true(parse_ipv6(IPPROTO_HOPOPTS, chain, 32));
	assert_int_equal(packet.payload, packet.data.len);
}

static void test_many_extensions(void **state)
{
	uint8_t buf[65528] = {};
	size_t i;

	/* as many as fit, and one that is too much */
	for (i = 0; i < sizeof(buf); i += 8)
	{
		buf[i] = IPPROTO_DSTOPTS;
	}
	assert_false(parse_ipv6(IPPROTO_DSTOPTS, buf, sizeof(buf)));
	buf[sizeof(buf) - 8] = IPPROTO_UDP;
	assert_true(parse_ipv6(IPPROTO_DSTOPTS, buf, sizeof(buf)));
	assert_int_equal(packet.proto, IPPROTO_UDP);
	assert_int_equal(packet.payload, sizeof(ipv6) + sizeof(buf));
	/* the longest one */
	buf[1] = 0xff;
	buf[2048] = IPPROTO_ESP;
	assert_true(parse_ipv6(IPPROTO_DSTOPTS, buf, sizeof(buf)));
	assert_int_equal(packet.proto, IPPROTO_ESP);
	assert_int_equal(packet.payload, sizeof(ipv6) + 2048 + 8);
}

static void test_ipv6_fragment(void **state)
{
	/* options, the fragment header, options, ESP */
	uint8_t chain[] = {
		IPPROTO_FRAGMENT, 0, 1, 4, 0, 0, 0, 0,
		IPPROTO_DSTOPTS, 0xff, 0, 1, 0x12, 0x34, 0x56, 0x78,
		IPPROTO_ESP, 0, 1, 4, 0, 0, 0, 0,
		0xc1, 0x23, 0x45, 0x67, 0, 0, 0, 1,
	};
	static const size_t start = sizeof(ipv6);

	assert_true(parse_ipv6(IPPROTO_DSTOPTS, chain, sizeof(chain)));
	assert_true(nflog_ip_packet_is_fragment(&packet));
	assert_int_equal(packet.fragment_pos, start + 8);
	assert_int_equal(packet.id, htonl(0x12345678));
	assert_int_equal(packet.offset, 0);
	assert_true(packet.more);
	assert_int_equal(packet.proto, IPPROTO_ESP);
	assert_int_equal(packet.payload, start + 24);
	/* what is in others is no header */
	chain[10] = 0x05;
	chain[11] = 0xa9;
	assert_true(parse_ipv6(IPPROTO_DSTOPTS, chain, sizeof(chain)));
	assert_true(nflog_ip_packet_is_fragment(&packet));
	assert_int_equal(packet.offset, 0x05a8);
	assert_true(packet.more);
	assert_int_equal(packet.proto, IPPROTO_DSTOPTS);
	assert_int_equal(packet.proto_pos, start + 8);
	assert_int_equal(packet.payload, start + 16);
	/* the whole packet */
	chain[10] = chain[11] = 0;
	assert_true(parse_ipv6(IPPROTO_DSTOPTS, chain, sizeof(chain)));
	assert_false(nflog_ip_packet_is_fragment(&packet));
	assert_int_equal(packet.proto, IPPROTO_ESP);
	/* the first one lacks headers, but it is known to be one */
	chain[11] = 1;
	assert_false(parse_ipv6(IPPROTO_DSTOPTS, chain, 23));
	assert_int_equal(packet.fragment_pos, start + 8);
	assert_true(packet.more);
	assert_int_equal(packet.payload, 0);
	/* the fragment header is cut */
	assert_false(parse_ipv6(IPPROTO_DSTOPTS, chain, 15));
	assert_int_equal(packet.fragment_pos, 0);
	/* in a fragment */
	chain[8] = IPPROTO_FRAGMENT;
	assert_false(parse_ipv6(IPPROTO_DSTOPTS, chain, sizeof(chain)));
}

static void test_jumbo(void **state)
{
	static const uint8_t jumbo[] = {
		IPPROTO_TCP, 0, 0xc2, 4, 0, 1, 0, 8,
	};

	/* without a length, where there may be such an option */
	assert_true(parse_ipv6(IPPROTO_HOPOPTS, jumbo, sizeof(jumbo)));
	htoun16(data.ptr + 4, 0);
	assert_true(nflog_ip_packet_parse(&packet, data));
	assert_int_equal(packet.len, data.len);
	assert_int_equal(packet.proto, IPPROTO_TCP);
	/* it is empty where there is none */
	data.ptr[6] = IPPROTO_DSTOPTS;
	assert_false(nflog_ip_packet_parse(&packet, data));
	assert_int_equal(packet.len, sizeof(ipv6));
	assert_int_equal(packet.data.len, sizeof(ipv6));
}

static void test_cut(void **state)
{
	static const uint8_t options[] = {
		IPPROTO_UDP, 0, 1, 4, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8,
	};
	chunk_t whole;
	size_t len;

	for (len = 0; len < sizeof(ipv4); len++)
	{
		assert_int_equal(parse(ipv4, len), len >= 24);
		assert_true(len < 20 || packet.len == sizeof(ipv4));
		assert_int_equal(packet.data.len, len);
	}
	parse_ipv6(IPPROTO_DSTOPTS, options, sizeof(options));
	whole = chunk_clone(data);
	for (len = 0; len < whole.len; len++)
	{
		assert_int_equal(parse(whole.ptr, len), len >= sizeof(ipv6) + 8);
		assert_true(len < sizeof(ipv6) || packet.len == whole.len);
		assert_int_equal(packet.data.len, len);
	}
	free(whole.ptr);
}

/**
 * Get a random number, the same ones in each run.
 */
static uint32_t next_random()
{
	static uint64_t state = 1;

	state = state * 6364136223846793005ULL + 1442695040888963407ULL;
	return state >> 33;
}

static void test_random(void **state)
{
	static const uint8_t protos[] = {
		IPPROTO_HOPOPTS, IPPROTO_ROUTING, IPPROTO_DSTOPTS, IPPROTO_FRAGMENT,
		IPPROTO_ESP, IPPROTO_AH, IPPROTO_UDP,
	};
	uint8_t buf[128];
	size_t i, len;
	u_int n;

	for (n = 0; n < 200000; n++)
	{
		len = next_random() % (sizeof(buf) + 1);
		for (i = 0; i < len; i++)
		{
			buf[i] = next_random() % 4 ? protos[next_random() % countof(protos)]
									   : next_random();
		}
		buf[0] = (n % 2 ? 0x60 : 0x40) | (next_random() & 0x0f);
		if (len > 6 && next_random() % 2)
		{
			htoun16(buf + (n % 2 ? 4 : 2), next_random() % 160);
		}
		if (parse(buf, len))
		{
			assert_in_range(packet.payload, n % 2 ? 40 : 20, packet.data.len);
			assert_in_range(packet.proto_pos, 6, packet.payload - 1);
			assert_int_equal(data.ptr[packet.proto_pos], packet.proto);
			assert_int_equal(packet.src.len, n % 2 ? 16 : 4);
			assert_int_equal(packet.dst.len, packet.src.len);
		}
		assert_true(packet.data.len <= len && packet.data.len <= packet.len);
		assert_true(!packet.fragment_pos ||
					packet.fragment_pos + 8 <= packet.data.len);
		assert_in_range(packet.offset, 0, 65528);
	}
}

static void test_checksum(void **state)
{
	/* 0a01 + 000a + 0a02 + 000a + 0011 + 000c, and the data */
	static uint8_t src[] = { 10, 1, 0, 10 }, dst[] = { 10, 2, 0, 10 };
	uint8_t udp[] = { 4, 0, 0, 0x35, 0, 12, 0, 0, 1, 2, 3, 4 };
	chunk_t payload = chunk_from_thing(udp);
	uint8_t tcp[20] = {};

	assert_int_equal(nflog_ip_checksum_offset(IPPROTO_TCP), 16);
	assert_int_equal(nflog_ip_checksum_offset(IPPROTO_UDP), 6);
	assert_int_equal(nflog_ip_checksum_offset(IPPROTO_ESP), 0);
	nflog_ip_set_checksum(chunk_from_thing(src), chunk_from_thing(dst),
						  IPPROTO_UDP, payload);
	assert_int_equal(untoh16(udp + 6), 0xe384);
	/* 0 is none, in UDP */
	htoun16(udp + 10, 0x0304 + 0xe384);
	nflog_ip_set_checksum(chunk_from_thing(src), chunk_from_thing(dst),
						  IPPROTO_UDP, payload);
	assert_int_equal(untoh16(udp + 6), 0xffff);
	/* 0a01 + 000a + 0a02 + 000a + 0006 + 0014 */
	nflog_ip_set_checksum(chunk_from_thing(src), chunk_from_thing(dst),
						  IPPROTO_TCP, chunk_from_thing(tcp));
	assert_int_equal(untoh16(tcp + 16), 0xffff - 0x1431);
	htoun16(tcp, 0xffff - 0x1431);
	nflog_ip_set_checksum(chunk_from_thing(src), chunk_from_thing(dst),
						  IPPROTO_TCP, chunk_from_thing(tcp));
	assert_int_equal(untoh16(tcp + 16), 0);
	/* too short to have one, or of another protocol */
	htoun16(udp + 6, 0x1234);
	payload.len = 7;
	nflog_ip_set_checksum(chunk_from_thing(src), chunk_from_thing(dst),
						  IPPROTO_UDP, payload);
	payload.len = sizeof(udp);
	nflog_ip_set_checksum(chunk_from_thing(src), chunk_from_thing(dst),
						  IPPROTO_ESP, payload);
	assert_int_equal(untoh16(udp + 6), 0x1234);
}

static int teardown(void **state)
{
	chunk_free(&data);
	return 0;
}

int main(int argc, char *argv[])
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_ipv4, teardown),
		cmocka_unit_test_teardown(test_ipv4_fragment, teardown),
		cmocka_unit_test_teardown(test_extensions, teardown),
		cmocka_unit_test_teardown(test_many_extensions, teardown),
		cmocka_unit_test_teardown(test_ipv6_fragment, teardown),
		cmocka_unit_test_teardown(test_jumbo, teardown),
		cmocka_unit_test_teardown(test_cut, teardown),
		cmocka_unit_test_teardown(test_random, teardown),
		cmocka_unit_test_teardown(test_checksum, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
