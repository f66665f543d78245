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
 * The thread that loads programs, and reads packets that the kernel dropped: when charon stops,
 * and what it notes if the kernel refuses them.
 */

#define _GNU_SOURCE

#include "common.h"
#include "drops/drops.h"
#include "drops/probe.h"
#include "process/pulse.h"

#include <sys/wait.h>

/** what creating programs waits for, and where it says so, -1 for nothing */
static int gate[2] = { -1, -1 };
static int called[2] = { -1, -1 };

/** TRUE if that fails, if they take no addresses, and if that waits instead */
static bool broken, full, slow;

/**
 * Wait until the gate is closed.
 */
static void wait_gate()
{
	char c = 0;

	ignore_result(write(called[1], &c, 1));
	ignore_result(read(gate[0], &c, 1));
}

static int get_fd(nflog_probe_t *probe)
{
	return -1;
}

static void consume(nflog_probe_t *probe)
{
}

static void get_limits(nflog_probe_t *probe, void *key, struct nflog_limits_t *limits)
{
}

static uint64_t get_nested(nflog_probe_t *probe)
{
	return 0;
}

static bool set_pair(nflog_probe_t *probe, struct nflog_pair_t *pair, bool add)
{
	if (slow)
	{
		wait_gate();
	}
	return !full;
}

static bool set_subnet(nflog_probe_t *probe, struct nflog_subnet_t *subnet, bool add)
{
	return TRUE;
}

/**
 * Replaces the function of the plugin: a kernel that reports no packets.
 */
nflog_probe_t *nflog_probe_create(void (*cb)(void *data, struct nflog_event_t *event),
								  void *data, char *error, size_t len)
{
	nflog_probe_t *probe;

	if (gate[0] >= 0 && !slow)
	{
		wait_gate();
	}
	if (broken)
	{
		snprintf(error, len, "broken");
		return NULL;
	}
	INIT(probe,
		.set_pair = set_pair,
		.set_subnet = set_subnet,
		.get_fd = get_fd,
		.consume = consume,
		.get_pair_limits = (void*)get_limits,
		.get_subnet_limits = (void*)get_limits,
		.get_nested = get_nested,
		.destroy = (void*)free,
	);
	return probe;
}

static nflog_drops_t *drops;
static nflog_store_t *store;
static nflog_queue_t *queue;
static nflog_registry_t *registry;

static int begin(void **state)
{
	lib->settings->set_str(lib->settings, "charon.plugins.nflog-capture.dir", dir);
	store = nflog_store_create();
	queue = nflog_queue_create(1, 1 << 20);
	registry = nflog_registry_create();
	drops = nflog_drops_create(queue, queue->get_lanes(queue) + 1, NULL);
	return 0;
}

static int end(void **state)
{
	drops->destroy(drops);
	registry->destroy(registry);
	queue->destroy(queue);
	store->destroy(store);
	return 0;
}

/**
 * Capture dropped packets of a CHILD_SA.
 */
static nflog_victim_t *capture()
{
	nflog_candidate_t subject = {
		.conn = "gw",
		.child = "net",
		.child_id = 1,
	};
	nflog_cfg_t cfg = {};
	nflog_listing_t *listing;
	nflog_victim_t *victim;
	nflog_trace_t *trace;

	trace = nflog_trace_create(store, "gw", "net{1}", POINT_DROPPED, &cfg);
	listing = registry->add(registry, &subject, POINT_DROPPED);
	trace->set_listing(trace, registry, listing);
	victim = drops->add(drops, trace, "gw", "net{1}", registry, listing);
	trace->put_ref(trace);
	return victim;
}

/**
 * Set an inbound SA of a CHILD_SA, always with the same addresses.
 */
static void set_sa(nflog_victim_t *victim)
{
	kernel_ipsec_sa_id_t id = {
		.src = host_create_from_string("192.168.0.2", 0),
		.dst = host_create_from_string("192.168.0.1", 0),
		.spi = htonl(1),
		.proto = IPPROTO_ESP,
	};
	kernel_ipsec_add_sa_t data = {
		.inbound = TRUE,
	};

	drops->set_sa(drops, victim, &id, &data);
	id.src->destroy(id.src);
	id.dst->destroy(id.dst);
}

/**
 * Stop while programs are loaded.
 */
static void stop_loading()
{
	nflog_victim_t *victim;
	const char *duty;
	char c;
	int i;

	assert_int_equal(pipe(gate), 0);
	assert_int_equal(pipe(called), 0);
	victim = capture();
	set_sa(victim);
	assert_int_equal(read(called[0], &c, 1), 1);
	drops->remove(drops, victim, FALSE);
	for (i = 0; i < 3; i++)
	{
		duty = nflog_pulse_check(2);
	}
	if (!duty || !streq(duty, "reads dropped packets"))
	{
		_exit(1);
	}
	if (nflog_pulse_run((void*)drops->destroy, drops, 100))
	{
		_exit(2);
	}
	close(gate[1]);
	while (nflog_pulse_check(1))
	{
		/* until it stops, after it loaded them */
	}
	_exit(0);
}

static void test_stop(void **state)
{
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid)
	{
		stop_loading();
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);

	/* idle while there are no packets, and once it has ended */
	drops->remove(drops, capture(), FALSE);
	while (nflog_pulse_check(1))
	{
		/* until it has ended */
	}
}

/**
 * charon's threads don't wait for the kernel.
 */
static void test_slow(void **state)
{
	nflog_victim_t *victims[2];
	char c;

	assert_int_equal(pipe(gate), 0);
	assert_int_equal(pipe(called), 0);
	slow = TRUE;
	victims[0] = capture();
	set_sa(victims[0]);
	assert_int_equal(read(called[0], &c, 1), 1);
	/* ends the test if one waits */
	alarm(100);
	victims[1] = capture();
	set_sa(victims[1]);
	drops->remove(drops, victims[0], FALSE);
	drops->remove(drops, victims[1], FALSE);
	drops->retry(drops);
	alarm(0);
	close(gate[1]);
	drops->destroy(drops);
	drops = nflog_drops_create(queue, queue->get_lanes(queue) + 1, NULL);
	close(gate[0]);
	close(called[0]);
	close(called[1]);
	gate[0] = gate[1] = called[0] = called[1] = -1;
	slow = FALSE;
}

/**
 * Wait until the listing of a CHILD_SA has a note.
 */
static void await_note(nflog_victim_t *victim, char *note)
{
	nflog_listing_data_t data;

	do
	{
		usleep(1000);
		registry->get(registry, victim->listing, &data);
	}
	while (!streq(data.note, note));
}

static void test_retry(void **state)
{
	nflog_victim_t *a, *b;
	char end[256];

	broken = TRUE;
	a = capture();
	set_sa(a);
	await_note(a, "dropped packets are not captured: broken");
	/* not tried again for a while */
	b = capture();
	await_note(b, "dropped packets are not captured: broken");
	broken = FALSE;
	drops->retry(drops);
	await_note(a, "dropped packets were not captured at first");
	await_note(b, "dropped packets were not captured at first");
	a->tap.count->tally->describe(a->tap.count->tally, end, sizeof(end));
	assert_string_equal(end, ", dropped packets were not captured at first");
	/* what else it may lack */
	a->lapses = (nflog_lapses_t){ .beyond = 1010, .overlooked = 2 };
	nflog_victim_note_lapses(a);
	a->tap.count->tally->describe(a->tap.count->tally, end, sizeof(end));
	assert_string_equal(end, ", maybe some of 1010 beyond the limit of a second, 2 of too many "
						"CHILD_SAs");
	drops->remove(drops, b, FALSE);
	/* it is from the beginning */
	b = capture();
	await_note(b, "");
	drops->remove(drops, a, FALSE);
	drops->remove(drops, b, FALSE);
}

static void test_full(void **state)
{
	nflog_victim_t *victims[4];
	int i;

	/* when programs are loaded */
	broken = full = TRUE;
	victims[0] = capture();
	set_sa(victims[0]);
	await_note(victims[0], "dropped packets are not captured: broken");
	broken = FALSE;
	drops->retry(drops);
	await_note(victims[0], "maybe some dropped packets are not captured: too many addresses "
			   "and selectors");
	/* then, also if others have the same addresses */
	for (i = 1; i < countof(victims); i++)
	{
		full = i < countof(victims) - 1;
		victims[i] = capture();
		set_sa(victims[i]);
		await_note(victims[i], full ? "some dropped packets are not captured: too many "
				   "addresses and selectors" : "");
	}
	for (i = 0; i < countof(victims); i++)
	{
		drops->remove(drops, victims[i], FALSE);
	}
}

int main(int argc, char *argv[])
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_stop, begin, end),
		cmocka_unit_test_setup_teardown(test_slow, begin, end),
		cmocka_unit_test_setup_teardown(test_retry, begin, end),
		cmocka_unit_test_setup_teardown(test_full, begin, end),
	};

	return cmocka_run_group_tests(tests, common_setup, common_teardown);
}
