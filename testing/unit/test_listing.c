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
 * Rules as nft lists them, and loads them again.
 */
#define _GNU_SOURCE

#include "rules_alone.h"

#include <networking/tun_device.h>

/**
 * Change the address or reqid of an SA, forth and back.
 */
static void move_sa(bool esp, bool plain, char *addr, uint32_t reqid)
{
	nflog_match_t next = {
		.dst = host_create_from_string(addr, 0),
		.reqid = reqid,
	};
	nflog_sa_t *sa;

	sa = create_sa(TRUE, 1, esp, plain);
	rules->add(rules, sa);
	rules->extend(rules, sa, &next);
	rules->reduce(rules, sa, &sa->match);
	rules->extend(rules, sa, &next);
	rules->reduce(rules, sa, &next);
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
	assert_int_equal(failures, 0);
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
	nflog_sa_t *sas[4];
	int i, j;

	/* all SAs share the rules of the TUN device */
	lib->set(lib, "kernel-libipsec-tun", &tun);
	for (i = 0; i < 2; i++)
	{
		for (j = 0; j < countof(sas); j++)
		{
			sas[j] = create_sa(j % 2, j + 1, FALSE, TRUE);
			sas[j]->userland = TRUE;
			rules->add(rules, sas[j]);
		}
		for (j = 0; j < countof(sas); j++)
		{
			remove_sa(sas[j]);
		}
	}
	lib->set(lib, "kernel-libipsec-tun", NULL);
	assert_int_equal(failures, 0);
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
 * Wait until a command succeeds.
 */
static void wait_run(char *cmd)
{
	char buf[PATH_MAX];

	snprintf(buf, sizeof(buf), "%s > /dev/null 2>&1", cmd);
	while (system(buf) != 0)
	{
		usleep(1000);
	}
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

static uint16_t get_port(socket_manager_t *this, bool nat_t)
{
	return nat_t ? 4500 : 500;
}

static void test_listing(void **state)
{
	tun_device_t tun = {
		.get_name = (void*)get_tun_name,
	};
	socket_manager_t socket = {
		.get_port = (void*)get_port,
	};
	socket_manager_t *original = charon->socket;
	nflog_sa_t *sas[6];
	host_t *host;
	int i;

	lib->set(lib, "kernel-libipsec-tun", &tun);
	charon->socket = &socket;
	for (lanes = 1; lanes <= 8; lanes *= 2)
	{
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
			rules->add(rules, sas[i]);
			rules_wait(sas[i]);
		}
		rules->log_ike(rules, TRUE);
		wait_run("nft list chain inet nflog-capture ike-out");
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
		rules->log_ike(rules, FALSE);
		rules->end_ike(rules);
		sem_wait(&closed);
		run("test -z \"$(nft list ruleset)\"");

		reload(TRUE);
		assert_int_equal(get_replaced(), 0);
		/* one that stayed gives way to ours */
		reload(FALSE);
		sas[0] = create_sa(TRUE, 0xc0000001, TRUE, TRUE);
		rules->add(rules, sas[0]);
		rules_wait(sas[0]);
		assert_int_equal(get_replaced(), 1);
		replaced = 0;
		run("test $(nft list ruleset | grep -c 'c0000001.*packets 0') = 2");
		run("! nft list ruleset | grep c0000002");
		remove_sa(sas[0]);
		sem_wait(&closed);
		run("test -z \"$(nft list ruleset)\"");
	}
	charon->socket = original;
	assert_int_equal(failures, 0);
	lib->set(lib, "kernel-libipsec-tun", NULL);
}

int main(int argc, char *argv[])
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_nothing_to_change, setup_rules, teardown),
		cmocka_unit_test_setup_teardown(test_tun, setup_rules, teardown),
		cmocka_unit_test_setup_teardown(test_listing, setup_rules, teardown),
	};

	return run_rules_tests(tests);
}
