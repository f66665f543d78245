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
	sa->wire.count = wire ? &count : NULL;
	sa->plain.count = plain ? &count : NULL;
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

/**
 * Run a command of the shell in the directory of the test.
 */
static void run(char *format, ...)
{
	char cmd[PATH_MAX] = "", *pos = cmd;
	va_list args;

	pos += snprintf(cmd, sizeof(cmd), "cd %s && ", dir);
	va_start(args, format);
	vsnprintf(pos, sizeof(cmd) - (pos - cmd), format, args);
	va_end(args);
	assert_int_equal(system(cmd), 0);
}

/**
 * Have nft load what it listed, and list the same again.
 *
 * @param owned			FALSE for a table that stays, as the flag that it has an
 *						owner was removed from the listing
 */
static void reload(bool owned)
{
	run("sed -e 's/ # progname .*//' -e '/flags owner/,+1d' listing > saved");
	run("nft -f %s", owned ? "listing" : "saved");
	if (!owned)
	{
		run("nft list ruleset > again && diff saved again");
	}
	else
	{
		run("test -z \"$(nft list ruleset)\"");
	}
}

static void test_listing(void **state)
{
	tun_device_t tun = {
		.get_name = (void*)get_tun_name,
	};
	nflog_capture_sa_t *sas[6];
	host_t *host;
	u_int lanes;
	int i;

	lib->set(lib, "kernel-libipsec-tun", &tun);
	for (lanes = 1; lanes <= 8; lanes *= 2)
	{
		rules->destroy(rules);
		rules = nflog_capture_rules_create(4500, lanes);
		for (i = 0; i < countof(sas); i++)
		{
			sas[i] = create_sa(i % 2, 0xc0000001 + i, TRUE, TRUE);
			sas[i]->userland = i == 4;
			sas[i]->vti = i == 3 ? 7 : 0;
			if (i >= 2)
			{
				host = host_create_from_string("2001:db8::1", 0);
				sas[i]->match.dst->destroy(sas[i]->match.dst);
				sas[i]->match.dst = host;
			}
			assert_true(rules->add(rules, sas[i]));
		}
		assert_true(rules->add_ike(rules, 500, 4500));
		run("nft list ruleset > listing");
		/* SPIs are as strongSwan has them */
		run("test $(grep -c c0000001 listing) = 2");
		/* nobody else may touch it meanwhile */
		run("! nft -f listing 2> /dev/null");
		run("nft flush ruleset && nft list ruleset > again && diff listing again");
		for (i = 0; i < countof(sas); i++)
		{
			remove_sa(sas[i]);
		}
		rules->remove_ike(rules);
		run("test -z \"$(nft list ruleset)\"");

		reload(TRUE);
		assert_int_equal(lines, 0);
		/* one that stayed gives way to ours */
		reload(FALSE);
		sas[0] = create_sa(TRUE, 0xc0000001, TRUE, TRUE);
		assert_true(rules->add(rules, sas[0]));
		assert_int_equal(lines, 1);
		assert_non_null(strstr(line, "without owner"));
		lines = 0;
		run("test $(nft list ruleset | grep -c 'c0000001.*packets 0') = 2");
		run("! nft list ruleset | grep c0000002");
		remove_sa(sas[0]);
		run("test -z \"$(nft list ruleset)\"");
	}
	lib->set(lib, "kernel-libipsec-tun", NULL);
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
		cmocka_unit_test_setup_teardown(test_listing, setup, teardown),
	};

	if (unshare(CLONE_NEWNET) != 0)
	{
		fprintf(stderr, "skipped, a network namespace needs root\n");
		return 77;
	}
	return cmocka_run_group_tests(tests, common_setup, common_teardown);
}
