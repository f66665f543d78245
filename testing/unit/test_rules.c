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
 * Rules of SAs, on the kernel of the machine, in a network namespace of their own.
 */
#define _GNU_SOURCE

#include "common.h"

#include "nflog_capture_rules.h"

#include <sched.h>

#include <networking/tun_device.h>

static nflog_capture_rules_t *rules;
static nflog_capture_count_t count;

/**
 * Create an SA, none of its traces is used.
 */
static nflog_capture_sa_t *create_sa(bool inbound, uint32_t spi, bool wire,
									 bool plain)
{
	static int unused;
	nflog_capture_sa_t *sa;
	host_t *host;

	host = host_create_from_string("192.168.0.1", 0);
	sa = nflog_capture_sa_create("conn", "net", 1, inbound, host, htonl(spi), 1,
								 NULL, NULL);
	host->destroy(host);
	sa->number = spi;
	sa->wire.count = sa->plain.count = &count;
	sa->wire.trace = wire ? (void*)&unused : NULL;
	sa->plain.trace = plain ? (void*)&unused : NULL;
	return sa;
}

/**
 * Remove an SA.
 */
static void remove_sa(nflog_capture_sa_t *sa)
{
	linked_list_t *list = linked_list_create_with_items(sa, NULL);

	rules->remove(rules, list);
	list->destroy(list);
	nflog_capture_sa_destroy(sa);
}

/**
 * Change the address or reqid of an SA, forth and back.
 */
static void move_sa(bool wire, bool plain, char *addr, uint32_t reqid)
{
	nflog_capture_match_t next = {
		.dst = host_create_from_string(addr, 0),
		.reqid = reqid,
	};
	nflog_capture_sa_t *sa;

	sa = create_sa(TRUE, 1, wire, plain);
	assert_true(rules->add(rules, sa));
	assert_true(rules->extend(rules, sa, &next));
	rules->reduce(rules, sa, &sa->match, &next);
	assert_true(rules->extend(rules, sa, &next));
	rules->reduce(rules, sa, &next, &sa->match);
	sa->match.dst->destroy(sa->match.dst);
	sa->match = next;
	remove_sa(sa);
}

static void test_nothing_to_change(void **state)
{
	/* what changes is of no concern to what is captured */
	move_sa(FALSE, TRUE, "192.168.0.2", 1);
	move_sa(TRUE, FALSE, "192.168.0.1", 2);
	move_sa(TRUE, TRUE, "192.168.0.2", 2);
	assert_int_equal(lines, 0);
}

static char *get_tun_name()
{
	return "ipsec0";
}

static void test_tun(void **state)
{
	tun_device_t tun = {
		.get_name = (void*)get_tun_name,
	};
	nflog_capture_sa_t *sas[4];
	int i, j;

	/* all SAs share the rules of the TUN device */
	lib->set(lib, "kernel-libipsec-tun", &tun);
	for (i = 0; i < 2; i++)
	{
		for (j = 0; j < countof(sas); j++)
		{
			sas[j] = create_sa(j % 2, j + 1, FALSE, TRUE);
			sas[j]->userland = TRUE;
			assert_true(rules->add(rules, sas[j]));
		}
		for (j = 0; j < countof(sas); j++)
		{
			remove_sa(sas[j]);
		}
	}
	lib->set(lib, "kernel-libipsec-tun", NULL);
	assert_int_equal(lines, 0);
}

static int setup(void **state)
{
	lines = 0;
	rules = nflog_capture_rules_create(4500, 2);
	return 0;
}

static int teardown(void **state)
{
	rules->destroy(rules);
	return 0;
}

int main(int argc, char *argv[])
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_nothing_to_change, setup, teardown),
		cmocka_unit_test_setup_teardown(test_tun, setup, teardown),
	};

	if (unshare(CLONE_NEWNET) != 0)
	{
		fprintf(stderr, "skipped, a network namespace needs root\n");
		return 77;
	}
	return cmocka_run_group_tests(tests, common_setup, common_teardown);
}
