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
 * Opening and closing the NFLOG groups, in a network namespace of its own.
 */
#define _GNU_SOURCE

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "reader/lanes.h"

#include <sched.h>
#include <semaphore.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>

#include <daemon.h>
#include <threading/thread.h>

/** number of lanes */
#define LANES 2

static nflog_queue_t *queue;
static nflog_lanes_t *lanes;

/** TRUE if stopping a lane, or loading a module, takes a while, what is posted then, and to go
 *  on */
static bool stalling, loading;
static sem_t stalled, resumed;

/**
 * In place of the C library's: a thread that is stopped has other things to do.
 */
int eventfd_write(int fd, eventfd_t value)
{
	if (stalling)
	{
		sem_post(&stalled);
		sem_wait(&resumed);
	}
	return write(fd, &value, sizeof(value)) == sizeof(value) ? 0 : -1;
}

/**
 * In place of libmnl's: the kernel loads what is to answer, before it takes the message.
 */
ssize_t mnl_socket_sendto(const struct mnl_socket *nl, const void *req, size_t size)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	const struct nlmsghdr *hdr = req;

	if (loading && hdr->nlmsg_type >> 8 == NFNL_SUBSYS_CTNETLINK)
	{
		sem_post(&stalled);
		sem_wait(&resumed);
	}
	return sendto(mnl_socket_get_fd(nl), req, size, 0, (struct sockaddr*)&kernel,
				  sizeof(kernel));
}

/**
 * Nothing is logged.
 */
static void handle_packet(void *data, u_int lane, nflog_logged_t *logged)
{
	fail();
}

/**
 * Open the groups.
 */
static void open_lanes()
{
	char reason[256];
	uint16_t group;
	u_int count;

	assert_true(lanes->open(lanes, &group, &count, reason, sizeof(reason)));
	assert_int_equal(group, 4500);
	assert_int_equal(count, LANES);
}

/**
 * Threads that open and close the groups.
 */
static void *run_open(void *unused)
{
	open_lanes();
	return NULL;
}

static void *run_close(void *unused)
{
	assert_true(lanes->close(lanes));
	return NULL;
}

static void test_use(void **state)
{
	int i;

	assert_true(lanes->close(lanes));
	assert_true(lanes->is_idle(lanes));
	for (i = 0; i < 3; i++)
	{
		open_lanes();
		open_lanes();
		assert_false(lanes->close(lanes));
		assert_true(lanes->is_idle(lanes));
		lanes->unused(lanes);
		/* those that use them again get what is open */
		open_lanes();
		assert_false(lanes->close(lanes));
		lanes->unused(lanes);
		assert_true(lanes->close(lanes));
	}
	assert_int_equal(lanes->get_lost(lanes, WAY_IN), 0);
	assert_int_equal(lanes->get_lost(lanes, WAY_OUT), 0);
}

static void test_taken(void **state)
{
	nflog_lanes_t *other;
	char reason[256];
	uint16_t group;
	u_int count;

	open_lanes();
	other = nflog_lanes_create(queue, handle_packet, NULL);
	assert_false(other->open(other, &group, &count, reason, sizeof(reason)));
	assert_non_null(strstr(reason, "groups 4500 to 4504 are used"));
	assert_true(other->close(other));
	lanes->unused(lanes);
	assert_true(lanes->close(lanes));
	/* nothing of the first try is left */
	assert_true(other->open(other, &group, &count, reason, sizeof(reason)));
	other->unused(other);
	assert_true(other->close(other));
	other->destroy(other);
	lib->settings->set_int(lib->settings, "test.plugins.nflog-capture.group", 65533);
	assert_false(lanes->open(lanes, &group, &count, reason, sizeof(reason)));
	assert_non_null(strstr(reason, "use 0 to 65531"));
	assert_true(lanes->close(lanes));
	lib->settings->set_int(lib->settings, "test.plugins.nflog-capture.group", 4500);
}

static void test_slow_thread(void **state)
{
	thread_t *closing, *opening;

	/* nobody waits for a thread that ends, but who needs the groups again */
	alarm(60);
	open_lanes();
	lanes->unused(lanes);
	stalling = TRUE;
	closing = thread_create(run_close, NULL);
	sem_wait(&stalled);
	lanes->lock(lanes);
	lanes->unlock(lanes);
	assert_true(lanes->get_progress(lanes).idle);
	assert_true(lanes->is_idle(lanes));
	assert_int_equal(lanes->get_lost(lanes, WAY_IN), 0);
	opening = thread_create(run_open, NULL);
	stalling = FALSE;
	sem_post(&resumed);
	closing->join(closing);
	opening->join(opening);
	lanes->unused(lanes);
	assert_true(lanes->close(lanes));
	alarm(0);
}

/**
 * Thread that has connections received, which some kernels can't.
 */
static void *run_connections(void *unused)
{
	lanes->add_connections(lanes);
	return NULL;
}

/**
 * Others get the lanes while the kernel loads the module that reports connections.
 */
static void test_slow_module(void **state)
{
	thread_t *adding;

	open_lanes();
	loading = TRUE;
	alarm(60);
	adding = thread_create(run_connections, NULL);
	sem_wait(&stalled);
	lanes->lock(lanes);
	lanes->unlock(lanes);
	sem_post(&resumed);
	adding->join(adding);
	alarm(0);
	loading = FALSE;
	lanes->unused(lanes);
	assert_true(lanes->close(lanes));
}

static int setup(void **state)
{
	sem_init(&stalled, 0, 0);
	sem_init(&resumed, 0, 0);
	queue = nflog_queue_create(LANES, 1024 * 1024);
	lanes = nflog_lanes_create(queue, handle_packet, NULL);
	return 0;
}

static int teardown(void **state)
{
	lanes->destroy(lanes);
	queue->destroy(queue);
	sem_destroy(&stalled);
	sem_destroy(&resumed);
	return 0;
}

int main(int argc, char *argv[])
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_use, setup, teardown),
		cmocka_unit_test_setup_teardown(test_taken, setup, teardown),
		cmocka_unit_test_setup_teardown(test_slow_thread, setup, teardown),
		cmocka_unit_test_setup_teardown(test_slow_module, setup, teardown),
	};
	int ret;

	if (unshare(CLONE_NEWNET) != 0)
	{
		fprintf(stderr, "skipped, a network namespace needs root\n");
		return 77;
	}
	library_init(NULL, "test");
	libcharon_init();
	ret = cmocka_run_group_tests(tests, NULL, NULL);
	libcharon_deinit();
	library_deinit();
	return ret;
}
