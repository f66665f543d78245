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

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "traces/packet.h"

#include <library.h>

/* ESP in UDP in IPv4, 192.168.0.1 to 192.168.0.2, and in IPv6, fec0::1 to ::2,
 * behind a destination options header */
static uint8_t ipv4[] = {
	0x45, 0x00, 0x00, 0x28, 0x00, 0x00, 0x40, 0x00, 0x40, 0x11, 0x00, 0x00,
	0xc0, 0xa8, 0x00, 0x01, 0xc0, 0xa8, 0x00, 0x02,
	0x11, 0x94, 0x11, 0x94, 0x00, 0x14, 0x00, 0x00,
	0xc1, 0x23, 0x45, 0x67, 0x00, 0x00, 0x00, 0x01, 0xaa, 0xbb, 0xcc, 0xdd,
};
static uint8_t ipv6[] = {
	0x60, 0x00, 0x00, 0x00, 0x00, 0x14, 0x3c, 0x40,
	0xfe, 0xc0, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x00, 0x00, 0x00, 0x01,
	0xfe, 0xc0, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
	0x00, 0x00, 0x00, 0x02,
	0x32, 0x00, 0x01, 0x04, 0x00, 0x00, 0x00, 0x00,
	0xc1, 0x23, 0x45, 0x67, 0x00, 0x00, 0x00, 0x01, 0xaa, 0xbb, 0xcc, 0xdd,
};

/**
 * A packet as the kernel logs it.
 */
typedef struct {
	struct nfgenmsg msg;
	struct nlattr *payload, *prefix;
	nflog_logged_t logged;
} fixture_t;

static struct nlattr *create_attr(uint16_t type, void *data, size_t len)
{
	struct nlattr *attr;

	attr = calloc(1, NLA_HDRLEN + NLA_ALIGN(len));
	attr->nla_len = NLA_HDRLEN + len;
	attr->nla_type = type;
	memcpy((char*)attr + NLA_HDRLEN, data, len);
	return attr;
}

static void init(fixture_t *this, void *data, size_t len)
{
	memset(this, 0, sizeof(*this));
	this->payload = create_attr(NFULA_PAYLOAD, data, len);
	this->prefix = create_attr(NFULA_PREFIX, "esp-in", 7);
	this->logged.msg = &this->msg;
	this->logged.attrs[NFULA_PAYLOAD] = this->payload;
	this->logged.attrs[NFULA_PREFIX] = this->prefix;
	this->logged.time.tv_sec = 1700000000;
	this->logged.time.tv_usec = 123456;
}

static void deinit(fixture_t *this)
{
	free(this->payload);
	free(this->prefix);
}

static void test_parse(void **state)
{
	nflog_esp_key_t key;
	fixture_t f;

	init(&f, ipv4, sizeof(ipv4));
	assert_true(nflog_packet_parse(&f.logged, TRUE, &key));
	assert_int_equal(ntohl(key.spi), 0xc1234567);
	assert_int_equal(key.inbound, 1);
	assert_memory_equal(key.dst, ipv4 + 16, 4);
	deinit(&f);

	init(&f, ipv6, sizeof(ipv6));
	assert_true(nflog_packet_parse(&f.logged, FALSE, &key));
	assert_int_equal(ntohl(key.spi), 0xc1234567);
	assert_int_equal(key.inbound, 0);
	assert_memory_equal(key.dst, ipv6 + 24, 16);
	deinit(&f);
}

static void test_parse_short(void **state)
{
	nflog_esp_key_t key;
	fixture_t f;
	size_t len;

	/* never reads over the end, with a sanitizer this would show */
	for (len = 0; len < sizeof(ipv4); len++)
	{
		init(&f, ipv4, len);
		assert_int_equal(nflog_packet_parse(&f.logged, TRUE, &key),
						 len >= 32);
		deinit(&f);
	}
	for (len = 0; len < sizeof(ipv6); len++)
	{
		init(&f, ipv6, len);
		assert_int_equal(nflog_packet_parse(&f.logged, TRUE, &key),
						 len >= 52);
		deinit(&f);
	}
}

static nflog_packet_t *build(fixture_t *f, nflog_link_t link,
							 char *prefix)
{
	nflog_packet_t *packet;
	nflog_record_t *record;
	size_t header, len = f->logged.attrs[NFULA_PAYLOAD]->nla_len;

	header = nflog_packet_header_len(&f->logged, link, prefix);
	packet = malloc(sizeof(*packet) + header + NLA_ALIGN(len));
	record = (nflog_record_t*)(packet + 1);
	nflog_packet_build(packet, &f->logged, link, prefix, record, header);
	assert_ptr_equal(packet->record, record);
	assert_int_equal(sizeof(*record) + packet->offset, header);
	assert_int_equal(packet->sec, 1700000000);
	assert_int_equal(packet->usec, 123456);
	assert_int_equal(record->sec, packet->sec);
	assert_int_equal(record->usec, packet->usec);
	assert_int_equal(record->caplen, packet->caplen);
	assert_int_equal(record->len, record->caplen + packet->original - packet->payload);
	return packet;
}

static void test_raw(void **state)
{
	nflog_packet_t *packet;
	fixture_t f;

	init(&f, ipv4, sizeof(ipv4));
	packet = build(&f, LINK_RAW, "net{1} esp-in");
	assert_int_equal(packet->caplen, sizeof(ipv4));
	assert_memory_equal(packet->record->data, ipv4, sizeof(ipv4));

	nflog_packet_cut(packet, LINK_RAW, 30);
	assert_int_equal(packet->caplen, 30);
	assert_int_equal(packet->record->caplen, 30);
	assert_int_equal(packet->record->len, sizeof(ipv4));
	assert_int_equal(packet->original, sizeof(ipv4));
	free(packet);
	deinit(&f);
}

static void test_nflog(void **state)
{
	nflog_packet_t *packet;
	struct nlattr *attr;
	uint8_t *pos;
	fixture_t f;

	init(&f, ipv6, sizeof(ipv6) - 1);
	packet = build(&f, LINK_NFLOG, "net{1} esp-in");
	pos = packet->record->data + sizeof(struct nfgenmsg);
	attr = (struct nlattr*)pos;
	assert_int_equal(attr->nla_type, NFULA_PREFIX);
	assert_string_equal((char*)pos + NLA_HDRLEN, "net{1} esp-in");
	pos += NLA_ALIGN(attr->nla_len);
	attr = (struct nlattr*)pos;
	assert_int_equal(attr->nla_type, NFULA_PAYLOAD);
	assert_int_equal(attr->nla_len, NLA_HDRLEN + sizeof(ipv6) - 1);
	assert_memory_equal(pos + NLA_HDRLEN, ipv6, sizeof(ipv6) - 1);
	pos += NLA_ALIGN(attr->nla_len);
	assert_ptr_equal(pos, packet->record->data + packet->caplen);
	/* the length in the IP header shows the missing byte */
	assert_int_equal(packet->original, sizeof(ipv6));
	assert_int_equal(packet->record->len, packet->caplen + 1);

	nflog_packet_cut(packet, LINK_NFLOG, 41);
	assert_int_equal(attr->nla_len, NLA_HDRLEN + 41);
	assert_int_equal(packet->caplen,
					 (uint8_t*)attr - packet->record->data + NLA_HDRLEN + 44);
	assert_int_equal(packet->record->data[packet->caplen - 1], 0);
	free(packet);
	deinit(&f);
}

/* UDP in IPv4, 10.1.0.10 to 10.2.0.10, with the right checksum */
static uint8_t udp[] = {
	0x45, 0x00, 0x00, 0x20, 0x00, 0x00, 0x40, 0x00, 0x40, 0x11, 0x00, 0x00,
	0x0a, 0x01, 0x00, 0x0a, 0x0a, 0x02, 0x00, 0x0a,
	0x04, 0x00, 0x00, 0x35, 0x00, 0x0c, 0xe4, 0x8d,
	0x01, 0x02, 0x03, 0x04,
};

static uint16_t built_checksum(uint16_t checksum, uint8_t frag)
{
	nflog_packet_t *packet;
	uint8_t data[sizeof(udp)];
	fixture_t f;

	memcpy(data, udp, sizeof(data));
	data[6] = frag;
	data[26] = checksum >> 8;
	data[27] = checksum;
	init(&f, data, sizeof(data));
	packet = build(&f, LINK_RAW, "");
	checksum = packet->record->data[26] << 8 | packet->record->data[27];
	free(packet);
	deinit(&f);
	return checksum;
}

static void test_checksum(void **state)
{
	/* 0a01 + 000a + 0a02 + 000a + 0011 + 000c */
	uint16_t pseudo = 0x1434, right;
	uint32_t sum;

	sum = pseudo + 0x0400 + 0x0035 + 0x000c + 0x0102 + 0x0304;
	right = ~sum;
	assert_int_equal(built_checksum(pseudo, 0x40), right);
	/* those that are finished, right or not, stay as they are */
	assert_int_equal(built_checksum(right, 0x40), right);
	assert_int_equal(built_checksum(right + 1, 0x40), right + 1);
	assert_int_equal(built_checksum(0, 0x40), 0);
	/* there's none to finish in a fragment alone */
	assert_int_equal(built_checksum(pseudo, 0x20), pseudo);
}

static void test_ike(void **state)
{
	uint8_t data[sizeof(udp) - 4 + 28] = {}, *message = data + sizeof(udp) - 4;
	nflog_ike_key_t key;
	fixture_t f;
	int i;

	memcpy(data, udp, sizeof(udp));
	htoun16(data + 2, sizeof(data));
	memcpy(message, "initiator and re", 16);
	htoun32(message + 24, 28);
	for (i = 0; i < 4; i++)
	{
		message[17] = i << 4;
		init(&f, data, sizeof(data));
		assert_true(nflog_packet_parse_ike(&f.logged, TRUE, &key));
		assert_memory_equal(&key, message, 16);
		assert_memory_equal(key.peer, data + 12, 4);
		assert_true(nflog_packet_parse_ike(&f.logged, FALSE, &key));
		assert_memory_equal(key.peer, data + 16, 4);
		/* of fragments any may have been logged */
		f.logged.fragment = FRAGMENT_WHOLE;
		assert_int_equal(nflog_packet_parse_ike(&f.logged, TRUE, &key),
						 i == 1 || i == 2);
		deinit(&f);
	}
	message[17] = 0x20;
	htoun32(message + 24, 29);
	init(&f, data, sizeof(data));
	f.logged.fragment = FRAGMENT_WHOLE;
	assert_false(nflog_packet_parse_ike(&f.logged, TRUE, &key));
	deinit(&f);
}

int main(int argc, char *argv[])
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_parse_short),
		cmocka_unit_test(test_raw),
		cmocka_unit_test(test_nflog),
		cmocka_unit_test(test_checksum),
		cmocka_unit_test(test_ike),
	};
	int ret;

	library_init(NULL, "test");
	ret = cmocka_run_group_tests(tests, NULL, NULL);
	library_deinit();
	return ret;
}
