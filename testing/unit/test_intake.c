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
#define _GNU_SOURCE

#include "common.h"

#include "traces/intake.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <networking/host.h>

/** time of packets that pass */
static struct timeval now;

/**
 * Add or remove an address of this machine.
 *
 * @param type		RTM_NEWADDR or RTM_DELADDR
 * @param len		length of the network's prefix
 */
static void change_address(uint16_t type, char *str, uint8_t len)
{
	struct {
		struct nlmsghdr hdr;
		struct ifaddrmsg msg;
		struct rtattr attr;
		uint8_t address[16];
	} request = {
		.hdr = {
			.nlmsg_type = type,
			.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE,
		},
		.msg = {
			.ifa_prefixlen = len,
			.ifa_index = if_nametoindex("lo"),
			.ifa_flags = IFA_F_NODAD,
		},
		.attr.rta_type = IFA_LOCAL,
	};
	struct {
		struct nlmsghdr hdr;
		struct nlmsgerr err;
	} answer;
	host_t *host = host_create_from_string(str, 0);
	chunk_t address = host->get_address(host);
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

	request.msg.ifa_family = host->get_family(host);
	request.attr.rta_len = RTA_LENGTH(address.len);
	request.hdr.nlmsg_len = NLMSG_SPACE(sizeof(request.msg)) + request.attr.rta_len;
	memcpy(request.address, address.ptr, address.len);
	host->destroy(host);
	assert_int_equal(send(fd, &request, request.hdr.nlmsg_len, 0), request.hdr.nlmsg_len);
	assert_true(recv(fd, &answer, sizeof(answer), MSG_TRUNC) >= (ssize_t)sizeof(answer));
	assert_int_equal(answer.err.error, 0);
	close(fd);
}

/**
 * Check if an address is one of this machine for packets that pass at some time.
 */
static bool is_local(nflog_addresses_t *known, char *str, struct timeval *time)
{
	host_t *host = host_create_from_string(str, 0);
	bool local;

	local = known->is_local(known, host->get_address(host), time->tv_sec, time->tv_usec);
	host->destroy(host);
	return local;
}

/**
 * Get the time, later than all before, and earlier than what follows.
 */
static struct timeval tick()
{
	struct timeval time;

	usleep(10);
	gettimeofday(&time, NULL);
	usleep(10);
	return time;
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
		.sec = now.tv_sec,
		.usec = now.tv_usec,
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

	change_address(RTM_NEWADDR, "10.1.0.1", 24);
	change_address(RTM_NEWADDR, "fec1::1", 64);
	now = tick();
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
	/* ESP is not concerned */
	cfg.local = NFLOG_LOCAL_ONLY;
	intake = nflog_intake_create(POINT_ESP_IN, &cfg);
	assert_true(pass(intake, &count, POINT_ESP_IN, "192.168.0.2", "192.168.0.7", 100));
	intake->destroy(intake);
	known->destroy(known);
}

/**
 * Addresses change between packets, which are judged later.
 */
static void test_addresses(void **state)
{
	nflog_addresses_t *known = nflog_addresses_create();
	struct timeval before, with, without, again, last;
	char *address = "10.3.0.1";
	char *brief = "fec3::1";

	known->refresh(known);
	before = tick();
	assert_false(is_local(known, address, &before));
	change_address(RTM_NEWADDR, address, 32);
	change_address(RTM_NEWADDR, brief, 128);
	with = tick();
	change_address(RTM_DELADDR, brief, 128);
	change_address(RTM_DELADDR, address, 32);
	/* both were added and removed unseen */
	assert_true(is_local(known, address, &with));
	assert_true(is_local(known, brief, &with));
	without = tick();
	assert_false(is_local(known, address, &without));
	assert_false(is_local(known, brief, &without));
	/* packets before are written later */
	assert_true(is_local(known, address, &with));
	assert_false(is_local(known, address, &before));
	change_address(RTM_NEWADDR, address, 32);
	change_address(RTM_NEWADDR, address, 24);
	again = tick();
	assert_true(is_local(known, address, &again));
	assert_false(is_local(known, "10.3.0.2", &again));
	/* it is there twice */
	change_address(RTM_DELADDR, address, 32);
	last = tick();
	assert_true(is_local(known, address, &last));
	change_address(RTM_DELADDR, address, 24);
	/* removed when that is read, at the latest */
	known->refresh(known);
	last = tick();
	assert_false(is_local(known, address, &last));
	assert_true(is_local(known, address, &again));
	known->destroy(known);
}

/**
 * More changes than the kernel keeps for the socket.
 */
static void test_many(void **state)
{
	nflog_addresses_t *known = nflog_addresses_create();
	struct timeval with, last;
	char *address = "10.4.0.1";
	int i;

	change_address(RTM_NEWADDR, address, 32);
	known->refresh(known);
	with = tick();
	change_address(RTM_DELADDR, address, 32);
	for (i = 0; i < 2000; i++)
	{
		change_address(RTM_NEWADDR, "10.4.0.2", 32);
		change_address(RTM_DELADDR, "10.4.0.2", 32);
	}
	change_address(RTM_NEWADDR, "10.4.0.3", 32);
	known->refresh(known);
	last = tick();
	assert_true(is_local(known, "10.4.0.3", &last));
	assert_false(is_local(known, address, &last));
	assert_true(is_local(known, address, &with));
	change_address(RTM_DELADDR, "10.4.0.3", 32);
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
	now = tick();
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
 * Set up all tests, in a network of their own.
 */
static int setup(void **state)
{
	return unshare(CLONE_NEWNET) != 0 ? -1 : common_setup(state);
}

int main()
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_local),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_all),
	};

	return cmocka_run_group_tests(tests, setup, common_teardown);
}
