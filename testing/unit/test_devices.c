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
 * Keys of VTI devices, from a kernel that takes its time.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "reader/devices.h"

#include <errno.h>
#include <semaphore.h>
#include <unistd.h>

#include <libmnl/libmnl.h>
#include <linux/if_link.h>
#include <linux/if_tunnel.h>
#include <linux/rtnetlink.h>

static nflog_devices_t *vti;

/** what requests have to pass, and what is posted when one arrives */
static sem_t gate, asked;

/** key of the VTI device, errno to fail with, and number of requests */
static uint32_t key;
static int error;
static u_int requests;

/** statistics of all devices */
static struct rtnl_link_stats64 stats;

/**
 * In place of libmnl's: wait as if the devices were locked.
 */
ssize_t mnl_socket_sendto(const struct mnl_socket *nl, const void *req, size_t size)
{
	__atomic_fetch_add(&requests, 1, __ATOMIC_SEQ_CST);
	sem_post(&asked);
	sem_wait(&gate);
	if (error)
	{
		errno = error;
		return -1;
	}
	return size;
}

/**
 * Add a device to an answer.
 */
static char *put_link(char *pos, uint32_t index, char *kind, uint16_t type,
					  uint32_t value)
{
	struct nlattr *info, *data;
	struct ifinfomsg *ifinfo;
	struct nlmsghdr *hdr;

	hdr = mnl_nlmsg_put_header(pos);
	hdr->nlmsg_type = RTM_NEWLINK;
	ifinfo = mnl_nlmsg_put_extra_header(hdr, sizeof(*ifinfo));
	ifinfo->ifi_index = index;
	mnl_attr_put_strz(hdr, IFLA_IFNAME, kind);
	info = mnl_attr_nest_start(hdr, IFLA_LINKINFO);
	mnl_attr_put_strz(hdr, IFLA_INFO_KIND, kind);
	data = mnl_attr_nest_start(hdr, IFLA_INFO_DATA);
	mnl_attr_put_u32(hdr, type, htonl(value));
	mnl_attr_nest_end(hdr, data);
	mnl_attr_nest_end(hdr, info);
	mnl_attr_put(hdr, IFLA_STATS64, sizeof(stats), &stats);
	return pos + NLMSG_ALIGN(hdr->nlmsg_len);
}

/**
 * In place of libmnl's: list devices 1 and 2, and another one with the same attribute.
 */
ssize_t mnl_socket_recvfrom(const struct mnl_socket *nl, void *buf, size_t size)
{
	struct nlmsghdr *hdr;
	char *pos = buf;

	pos = put_link(pos, 1, "vti", IFLA_VTI_IKEY, key);
	pos = put_link(pos, 2, "vti6", IFLA_VTI_IKEY, 2);
	pos = put_link(pos, 3, "gre", IFLA_VTI_IKEY, 3);
	hdr = mnl_nlmsg_put_header(pos);
	hdr->nlmsg_type = NLMSG_DONE;
	mnl_nlmsg_put_extra_header(hdr, sizeof(int));
	return pos + hdr->nlmsg_len - (char*)buf;
}

/**
 * Wait for what the thread was asked to do.
 */
static void wait_ms(u_int ms)
{
	timeval_t deadline;

	time_monotonic(&deadline);
	timeval_add_ms(&deadline, ms);
	vti->wait(vti, &deadline);
}

static int setup(void **state)
{
	key = 1;
	error = 0;
	requests = 0;
	sem_init(&gate, 0, 0);
	sem_init(&asked, 0, 0);
	vti = nflog_devices_create();
	/* nothing here waits for the kernel */
	alarm(60);
	return 0;
}

static int teardown(void **state)
{
	alarm(0);
	vti->destroy(vti);
	sem_destroy(&gate);
	sem_destroy(&asked);
	return 0;
}

static void test_slow(void **state)
{
	/* while the kernel does not answer, packets are counted */
	vti->refresh(vti, FALSE);
	sem_wait(&asked);
	assert_int_equal(vti->get_key(vti, 1), 0);
	assert_int_equal(vti->get_key(vti, 1), 0);
	assert_int_equal(vti->get_key(vti, 2), 0);
	assert_int_equal(vti->get_unknown(vti), 3);
	wait_ms(10);
	assert_int_equal(vti->get_key(vti, 1), 0);
	assert_int_equal(vti->get_unknown(vti), 4);
	/* those that came meanwhile have it asked once more */
	sem_post(&gate);
	sem_wait(&asked);
	sem_post(&gate);
	wait_ms(60000);
	assert_int_equal(vti->get_key(vti, 1), 1);
	assert_int_equal(vti->get_key(vti, 2), 2);
	assert_int_equal(vti->get_key(vti, 3), 0);
	assert_int_equal(requests, 2);
}

static void test_refresh(void **state)
{
	sem_post(&gate);
	vti->refresh(vti, FALSE);
	wait_ms(60000);
	assert_int_equal(vti->get_key(vti, 1), 1);
	/* what is known is used until the kernel answers */
	key = 7;
	vti->refresh(vti, FALSE);
	assert_int_equal(vti->get_key(vti, 1), 1);
	sem_post(&gate);
	wait_ms(60000);
	assert_int_equal(vti->get_key(vti, 1), 7);
	assert_int_equal(vti->get_unknown(vti), 0);
}

static void test_gone(void **state)
{
	u_int i;

	/* a device that is gone is not asked for with each packet */
	assert_int_equal(vti->get_key(vti, 9), 0);
	sem_post(&gate);
	wait_ms(60000);
	for (i = 0; i < 100; i++)
	{
		assert_int_equal(vti->get_key(vti, 9), 0);
	}
	assert_int_equal(vti->get_unknown(vti), 1);
	assert_int_equal(requests, 1);
}

static void test_error(void **state)
{
	sem_post(&gate);
	vti->refresh(vti, FALSE);
	wait_ms(60000);
	/* what was known stays, until the kernel answers the next time */
	error = ENOBUFS;
	key = 7;
	assert_int_equal(vti->get_key(vti, 4), 0);
	sem_post(&gate);
	wait_ms(60000);
	assert_int_equal(vti->get_key(vti, 1), 1);
	assert_int_equal(vti->get_key(vti, 4), 0);
	assert_int_equal(vti->get_unknown(vti), 2);
	error = 0;
	sem_post(&gate);
	vti->refresh(vti, FALSE);
	wait_ms(60000);
	assert_int_equal(vti->get_key(vti, 1), 7);
	assert_int_equal(vti->get_key(vti, 4), 0);
	assert_int_equal(vti->get_unknown(vti), 2);
}

/**
 * Devices that drop packets without policy, and whether they have sent any.
 */
static void test_used(void **state)
{
	nflog_device_t device;
	u_int request;

	/* no device, nothing to ask for */
	assert_int_equal(vti->get_key(vti, 0), 0);
	assert_false(vti->get(vti, 0, &device));
	assert_int_equal(requests, 0);

	stats = (struct rtnl_link_stats64){ .tx_carrier_errors = 3 };
	request = vti->refresh(vti, FALSE);
	assert_false(vti->is_done(vti, request));
	sem_post(&gate);
	wait_ms(60000);
	assert_true(vti->is_done(vti, request));
	assert_true(vti->get(vti, 2, &device));
	assert_true(device.secure);
	assert_false(device.used);
	assert_true(vti->get(vti, 3, &device));
	assert_false(device.secure);

	/* the kernel is asked again after a while, without anybody that waits */
	stats.tx_packets = 1;
	sem_post(&gate);
	while (!vti->is_done(vti, request + 1))
	{
		assert_true(vti->get(vti, 2, &device));
		usleep(1000);
	}
	assert_true(vti->get(vti, 2, &device));
	assert_true(device.used);
}

/**
 * Let others see that the kernel was asked.
 */
static void notify(void *data)
{
	sem_post(data);
}

/**
 * What waits for an answer is called after each one, also after errors, and not anymore once
 * it was removed.
 */
static void test_notified(void **state)
{
	sem_t called;
	u_int i;

	sem_init(&called, 0, 0);
	vti->set_cb(vti, notify, &called);
	for (i = 0; i < 2; i++)
	{
		vti->refresh(vti, TRUE);
		sem_post(&gate);
		sem_wait(&called);
		error = ENOBUFS;
	}
	vti->set_cb(vti, NULL, NULL);
	vti->refresh(vti, TRUE);
	sem_post(&gate);
	wait_ms(60000);
	assert_int_equal(sem_trywait(&called), -1);
	assert_int_equal(requests, 3);
	sem_destroy(&called);
}

int main(int argc, char *argv[])
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_slow, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refresh, setup, teardown),
		cmocka_unit_test_setup_teardown(test_gone, setup, teardown),
		cmocka_unit_test_setup_teardown(test_error, setup, teardown),
		cmocka_unit_test_setup_teardown(test_used, setup, teardown),
		cmocka_unit_test_setup_teardown(test_notified, setup, teardown),
	};
	int ret;

	library_init(NULL, "test");
	ret = cmocka_run_group_tests(tests, NULL, NULL);
	library_deinit();
	return ret;
}
