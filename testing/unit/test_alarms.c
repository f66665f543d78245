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
 * What a recorder is triggered by: alerts, CHILD_SAs that go down although nobody asked for
 * that, rekeyings that failed, and not by what was asked for.
 */

#define _GNU_SOURCE

#include "common.h"
#include "mock.h"
#include "events/alarms.h"
#include "events/deletes.h"
#include "events/successors.h"

#include <encoding/payloads/delete_payload.h>
#include <time.h>

#include <processing/jobs/callback_job.h>
#include <threading/condvar.h>
#include <threading/mutex.h>

static nflog_options_t *options;
static nflog_alarms_t *alarms;
static nflog_recorder_t recorder;
static nflog_pipeline_t pipeline = { .recorder = &recorder };
static nflog_log_lines_t *log_lines;
static mock_ike_t *ike;
static mock_child_t *child;

/** what was triggered */
static u_int count;
static nflog_cause_t cause;
static bool deleted, gate;
static char conn[64], detail[256];
static mutex_t *mutex;
static condvar_t *condvar;

METHOD(nflog_recorder_t, note_trigger, void,
	nflog_recorder_t *this, nflog_trigger_t *trigger)
{
	assert_int_equal(trigger->size, 2 << 20);
	assert_int_equal(trigger->after, 3);
	assert_int_equal(trigger->ike_id, ike->id);
	mutex->lock(mutex);
	count++;
	cause = trigger->cause;
	deleted = deleted || cause == CAUSE_DELETED;
	snprintf(conn, sizeof(conn), "%s", trigger->conn);
	snprintf(detail, sizeof(detail), "%s", trigger->detail ?: "");
	condvar->signal(condvar);
	mutex->unlock(mutex);
}

METHOD(nflog_recorder_t, note_get_lines, nflog_log_lines_t*,
	nflog_recorder_t *this)
{
	return log_lines;
}

/**
 * Expect that a recorder was triggered, once.
 */
static void triggered(nflog_cause_t expected)
{
	mutex->lock(mutex);
	while (!count)
	{
		condvar->wait(condvar, mutex);
	}
	assert_int_equal(count, 1);
	assert_int_equal(cause, expected);
	assert_string_equal(conn, "gw");
	count = 0;
	mutex->unlock(mutex);
}

/**
 * Expect that none was: jobs of the same priority are done in order.
 */
static void nothing()
{
	charon->bus->set_sa(charon->bus, &ike->public);
	charon->bus->alert(charon->bus, ALERT_VIP_FAILURE, NULL);
	charon->bus->set_sa(charon->bus, NULL);
	triggered(CAUSE_ADDRESS);
}

/**
 * Pass a message of the peer, or one that is sent.
 */
static void pass(mock_ike_t *of, bool incoming, bool request, payload_t *payload)
{
	message_t *message = message_create(IKEV2_MAJOR_VERSION, 0);

	message->set_request(message, request);
	if (payload)
	{
		message->add_payload(message, payload);
	}
	charon->bus->set_sa(charon->bus, &of->public);
	charon->bus->message(charon->bus, message, incoming, TRUE);
	charon->bus->set_sa(charon->bus, NULL);
	message->destroy(message);
}

static void up(mock_ike_t *of)
{
	charon->bus->set_sa(charon->bus, &of->public);
	charon->bus->child_updown(charon->bus, &child->public, TRUE);
	charon->bus->set_sa(charon->bus, NULL);
}

static void down()
{
	charon->bus->set_sa(charon->bus, &ike->public);
	charon->bus->child_updown(charon->bus, &child->public, FALSE);
	charon->bus->set_sa(charon->bus, NULL);
}

static payload_t *create_delete(protocol_id_t protocol, uint32_t spi)
{
	delete_payload_t *payload = delete_payload_create(PLV2_DELETE, protocol);

	if (protocol != PROTO_IKE)
	{
		payload->add_spi(payload, spi);
	}
	return (payload_t*)payload;
}

static void test_alerts(void **state)
{
	static struct {
		alert_t alert;
		nflog_cause_t cause;
	} alerts[] = {
		{ ALERT_RETRANSMIT_SEND_TIMEOUT, CAUSE_NO_ANSWER },
		{ ALERT_PEER_AUTH_FAILED, CAUSE_AUTHENTICATION },
		{ ALERT_LOCAL_AUTH_FAILED, CAUSE_AUTHENTICATION },
		{ ALERT_PROPOSAL_MISMATCH_IKE, CAUSE_PROPOSAL },
		{ ALERT_PROPOSAL_MISMATCH_CHILD, CAUSE_PROPOSAL },
		{ ALERT_TS_MISMATCH, CAUSE_SELECTORS },
		{ ALERT_INSTALL_CHILD_SA_FAILED, CAUSE_NO_CHILD },
		{ ALERT_HALF_OPEN_TIMEOUT, CAUSE_HALF_OPEN },
		{ ALERT_IKE_SA_EXPIRED, CAUSE_EXPIRED },
		{ ALERT_UNIQUE_REPLACE, CAUSE_REPLACED },
		{ ALERT_CERT_REVOKED, CAUSE_CERTIFICATE },
	};
	u_int i;

	for (i = 0; i < countof(alerts); i++)
	{
		charon->bus->set_sa(charon->bus, &ike->public);
		charon->bus->alert(charon->bus, alerts[i].alert, NULL, NULL);
		charon->bus->set_sa(charon->bus, NULL);
		triggered(alerts[i].cause);
	}
	/* a retransmit is nothing special */
	charon->bus->set_sa(charon->bus, &ike->public);
	charon->bus->alert(charon->bus, ALERT_RETRANSMIT_SEND, NULL, 1);
	charon->bus->set_sa(charon->bus, NULL);
	nothing();
}

static void test_down(void **state)
{
	mock_ike_t *other = mock_ike_create("gw", 7, "192.0.2.1", "192.0.2.2");

	/* as requested */
	down();
	nothing();
	/* by the peer */
	pass(ike, TRUE, TRUE, create_delete(PROTO_ESP, child->out.spi));
	down();
	triggered(CAUSE_DELETED);
	assert_non_null(strstr(detail, "net{"));
	/* its response was sent, and this is requested */
	pass(ike, FALSE, FALSE, NULL);
	down();
	nothing();
	/* it deletes another one */
	pass(ike, TRUE, TRUE, create_delete(PROTO_ESP, ~child->out.spi));
	down();
	nothing();
	pass(ike, TRUE, TRUE, create_delete(PROTO_IKE, 0));
	down();
	triggered(CAUSE_DELETED);
	/* a response to our own request */
	pass(ike, TRUE, FALSE, create_delete(PROTO_ESP, child->out.spi));
	down();
	nothing();
	/* another IKE_SA replaces this one */
	pass(other, TRUE, TRUE, NULL);
	down();
	triggered(CAUSE_REPLACED);
	pass(other, FALSE, FALSE, NULL);
	mock_ike_destroy(other);
}

/**
 * The peer deletes the IKE_SA.
 */
static void delete_ike()
{
	pass(ike, TRUE, TRUE, create_delete(PROTO_IKE, 0));
	down();
	pass(ike, FALSE, FALSE, NULL);
}

/**
 * What the peer reauthenticates is not triggered, but what has another child or peer is.
 */
static void test_reauth(void **state)
{
	mock_ike_t *next = mock_ike_create("gw", 7, "192.0.2.1", "192.0.2.2");
	mock_ike_t *other = mock_ike_create("gw", 8, "192.0.2.1", "192.0.2.3");

	ike->children[ike->count++] = child;
	/* make before break, with unique = replace */
	up(ike);
	up(next);
	charon->bus->set_sa(charon->bus, &ike->public);
	charon->bus->alert(charon->bus, ALERT_UNIQUE_REPLACE, NULL, NULL);
	charon->bus->set_sa(charon->bus, NULL);
	delete_ike();
	/* break before make, here within the time of the job */
	charon->bus->set_sa(charon->bus, &next->public);
	charon->bus->child_updown(charon->bus, &child->public, FALSE);
	charon->bus->set_sa(charon->bus, NULL);
	delete_ike();
	up(next);
	/* jobs are done in the order of their time */
	up(other);
	ike->other->destroy(ike->other);
	ike->other = host_create_from_string("192.0.2.9", 0);
	delete_ike();
	triggered(CAUSE_DELETED);
	nothing();
	mock_ike_destroy(other);
	mock_ike_destroy(next);
}

/**
 * Only the newest are remembered.
 */
static void test_successors(void **state)
{
	nflog_successors_t *successors = nflog_successors_create();
	char *key, *first = NULL, name[16], *former = ike->conn;
	u_int i;

	for (i = 0; i <= NFLOG_SUCCESSORS_MAX; i++)
	{
		snprintf(name, sizeof(name), "gw%u", i);
		ike->conn = name;
		key = successors->get_key(successors, &ike->public, &child->public);
		successors->up(successors, &ike->public, &child->public);
		assert_true(successors->has(successors, key, ~ike->id));
		assert_false(successors->has(successors, key, ike->id));
		if (first)
		{
			free(key);
		}
		else
		{
			first = key;
		}
	}
	assert_false(successors->has(successors, first, ~ike->id));
	ike->conn = former;
	free(first);
	successors->destroy(successors);
}

/**
 * What the kernel removed at the end of its lifetime.
 */
static void test_expired(void **state)
{
	nflog_deletes_t *deletes = nflog_deletes_create();
	kernel_listener_t *listener = &deletes->listener;
	nflog_cause_t cause;

	assert_false(deletes->get_cause(deletes, &ike->public, &child->public, &cause));
	/* a soft limit is nothing */
	listener->expire(listener, IPPROTO_ESP, child->in.spi, child->in.dst, FALSE);
	assert_false(deletes->get_cause(deletes, &ike->public, &child->public, &cause));
	listener->expire(listener, IPPROTO_ESP, child->in.spi, child->in.dst, TRUE);
	assert_true(deletes->get_cause(deletes, &ike->public, &child->public, &cause));
	assert_int_equal(cause, CAUSE_EXPIRED);
	child->in.spi = 0;
	assert_false(deletes->get_cause(deletes, &ike->public, &child->public, &cause));
	deletes->destroy(deletes);
}

static void test_rekeying(void **state)
{
	charon->bus->set_sa(charon->bus, &ike->public);
	mock_child_state(child, CHILD_REKEYING);
	mock_child_state(child, CHILD_REKEYED);
	nothing();
	charon->bus->set_sa(charon->bus, &ike->public);
	mock_child_state(child, CHILD_REKEYING);
	mock_child_state(child, CHILD_INSTALLED);
	triggered(CAUSE_REKEYING);
	charon->bus->ike_state_change(charon->bus, &ike->public, IKE_REKEYED);
	ike->state = IKE_REKEYED;
	nothing();
	ike->state = IKE_REKEYING;
	charon->bus->ike_state_change(charon->bus, &ike->public, IKE_ESTABLISHED);
	ike->state = IKE_ESTABLISHED;
	triggered(CAUSE_REKEYING);
}

/**
 * Lines of the log that belong to a connection, and those that do not.
 */
static void test_lines(void **state)
{
	linked_list_t *ids = linked_list_create();
	mock_ike_t *unknown = mock_ike_create("(unnamed)", 9, "192.0.2.1", "192.0.2.2");
	size_t len;
	char *text = NULL;
	FILE *out;
	u_int i;

	/* one that failed before its connection was known, of which a trigger has the id */
	charon->bus->set_sa(charon->bus, &unknown->public);
	DBG1(DBG_IKE, "never known");
	charon->bus->set_sa(charon->bus, NULL);
	ike->conn = "(unnamed)";
	charon->bus->set_sa(charon->bus, &ike->public);
	DBG1(DBG_IKE, "before\nit is %s", "known\033[1m");
	DBG2(DBG_IKE, "too much");
	ike->conn = "gw";
	DBG1(DBG_CHD, "after");
	charon->bus->set_sa(charon->bus, NULL);
	DBG1(DBG_CHD, "nflog-capture: trace /var/gw/x");
	DBG1(DBG_CHD, "nflog-capture: trace /var/other/x");
	/* packets that are missing, of this connection, another one, and all */
	DBG1(DBG_CHD, "nflog-capture: 5 packets of connection 'gw' were not written");
	DBG1(DBG_CHD, "nflog-capture: 6 packets of connection 'gw-other' were not written");
	DBG1(DBG_CFG, "nflog-capture: ending all captures");
	/* of somebody whose identity is a path */
	DBG1(DBG_IKE, "no other config matching '/var/gw/x'");
	out = open_memstream(&text, &len);
	assert_int_equal(log_lines->print(log_lines, "gw", ids, "/var/gw/", 0, 1 << 20, out), 5);
	assert_int_equal(log_lines->print(log_lines, "gw", ids, "/var/gw/", time(NULL) + 10, 1 << 20, out), 0);
	fclose(out);
	assert_non_null(strstr(text, "before it is known?[1m\n"));
	assert_non_null(strstr(text, "> after\n"));
	assert_non_null(strstr(text, "trace /var/gw/x"));
	assert_non_null(strstr(text, "5 packets"));
	assert_non_null(strstr(text, "ending all captures"));
	assert_null(strstr(text, "config"));
	assert_null(strstr(text, "too much"));
	assert_null(strstr(text, "other"));
	assert_null(strstr(text, "never"));
	free(text);
	ids->insert_last(ids, (void*)(uintptr_t)unknown->id);
	out = open_memstream(&text, &len);
	assert_int_equal(log_lines->print(log_lines, "gw", ids, "/var/gw/", 0, 1 << 20, out), 6);
	fclose(out);
	assert_non_null(strstr(text, "> never known\n"));
	free(text);
	/* the newest ones, if not all fit */
	out = open_memstream(&text, &len);
	assert_int_equal(log_lines->print(log_lines, "gw", ids, "/var/gw/", 0, 1, out), 0);
	assert_int_equal(log_lines->print(log_lines, "gw", ids, "/var/gw/", 0, 200, out), 1);
	fclose(out);
	assert_non_null(strstr(text, "older lines are left out"));
	assert_non_null(strstr(text, "ending all captures"));
	free(text);
	/* strangers push out none of them */
	for (i = 0; i < 20000; i++)
	{
		DBG1(DBG_NET, "a line that is repeated by somebody who has no credentials at all");
	}
	out = open_memstream(&text, &len);
	assert_int_equal(log_lines->print(log_lines, "gw", ids, "/var/gw/", 0, 1 << 20, out), 1);
	fclose(out);
	free(text);
	ids->destroy(ids);
	mock_ike_destroy(unknown);
}

/**
 * Jobs wait until this is opened.
 */
static job_requeue_t wait_for_gate(void *null)
{
	mutex->lock(mutex);
	while (!gate)
	{
		condvar->wait(condvar, mutex);
	}
	mutex->unlock(mutex);
	return JOB_REQUEUE_NONE;
}

/**
 * Get what is kept of a connection.
 */
static char *get_lines(char *name)
{
	linked_list_t *ids = linked_list_create();
	char *text = NULL;
	size_t len;
	FILE *out;

	out = open_memstream(&text, &len);
	log_lines->print(log_lines, name, ids, "/var/none/", 0, NFLOG_LOG_LINES_KNOWN, out);
	fclose(out);
	ids->destroy(ids);
	return text;
}

/**
 * A connection with very many lines leaves those of others, and all of them have a bound.
 */
static void test_noisy(void **state)
{
	mock_ike_t *noisy = mock_ike_create("noisy", 9, "192.0.2.1", "192.0.2.2");
	char long_line[1000], name[16], *text;
	u_int i, j;

	memset(long_line, 'x', sizeof(long_line));
	charon->bus->set_sa(charon->bus, &ike->public);
	DBG1(DBG_IKE, "is quiet");
	charon->bus->set_sa(charon->bus, &noisy->public);
	for (i = 0; i < 2 * NFLOG_LOG_LINES_KNOWN / sizeof(long_line); i++)
	{
		DBG1(DBG_IKE, "%u %.*s", i, (int)sizeof(long_line), long_line);
	}
	text = get_lines("gw");
	assert_non_null(strstr(text, "is quiet"));
	assert_null(strstr(text, "missing"));
	free(text);
	text = get_lines("noisy");
	assert_in_range(strlen(text), NFLOG_LOG_LINES_CONN / 2, NFLOG_LOG_LINES_CONN);
	assert_non_null(strstr(text, "older lines are left out"));
	free(text);
	/* many of them */
	for (i = 0; i < 2 * NFLOG_LOG_LINES_KNOWN / NFLOG_LOG_LINES_CONN; i++)
	{
		snprintf(name, sizeof(name), "noisy%u", i);
		noisy->conn = name;
		for (j = 0; j < NFLOG_LOG_LINES_CONN / sizeof(long_line); j++)
		{
			DBG1(DBG_IKE, "%.*s", (int)sizeof(long_line), long_line);
		}
	}
	text = get_lines("gw");
	assert_null(strstr(text, "is quiet"));
	assert_non_null(strstr(text, "older lines may be missing"));
	free(text);
	charon->bus->set_sa(charon->bus, NULL);
	mock_ike_destroy(noisy);
}

/**
 * Strangers do not take the places of others, and what is ignored is counted and logged.
 */
static void test_flood(void **state)
{
	linked_list_t *ids = linked_list_create();
	char *text = NULL;
	size_t len;
	FILE *out;
	u_int i;

	mutex->lock(mutex);
	gate = FALSE;
	mutex->unlock(mutex);
	for (i = 0; i < 2; i++)
	{	/* all threads */
		lib->processor->queue_job(lib->processor, (job_t*)
				callback_job_create(wait_for_gate, NULL, NULL, NULL));
	}
	charon->bus->set_sa(charon->bus, &ike->public);
	for (i = 0; i < NFLOG_ALARMS_OPEN + 100; i++)
	{
		charon->bus->alert(charon->bus, ALERT_PEER_AUTH_FAILED);
	}
	charon->bus->set_sa(charon->bus, NULL);
	out = open_memstream(&text, &len);
	assert_int_equal(log_lines->print(log_lines, "gw", ids, "/var/gw/", 0, 1 << 20, out), 1);
	fclose(out);
	assert_non_null(strstr(text, "too much happens at once, 1 triggers of recorders are"));
	free(text);
	ids->destroy(ids);
	pass(ike, TRUE, TRUE, create_delete(PROTO_ESP, child->out.spi));
	down();
	mutex->lock(mutex);
	gate = TRUE;
	condvar->broadcast(condvar);
	while (count < NFLOG_ALARMS_OPEN + 1)
	{
		condvar->wait(condvar, mutex);
	}
	assert_int_equal(count, NFLOG_ALARMS_OPEN + 1);
	assert_true(deleted);
	count = 0;
	mutex->unlock(mutex);
}

/**
 * Nothing is listened to without a recorder, nor once charon ends.
 */
static void test_disabled(void **state)
{
	charon->bus->alert(charon->bus, ALERT_SHUTDOWN_SIGNAL, 15);
	charon->bus->set_sa(charon->bus, &ike->public);
	charon->bus->alert(charon->bus, ALERT_PEER_AUTH_FAILED);
	charon->bus->set_sa(charon->bus, NULL);
	lib->settings->set_str(lib->settings, "charon.plugins.nflog-capture.recorder", NULL);
	options->reload(options);
	assert_true(options->update(options, 10000));
	alarms->reload(alarms);
	charon->bus->set_sa(charon->bus, &ike->public);
	charon->bus->alert(charon->bus, ALERT_PEER_AUTH_FAILED);
	charon->bus->set_sa(charon->bus, NULL);
	lib->settings->set_str(lib->settings, "charon.plugins.nflog-capture.recorder", "2m");
	mutex->lock(mutex);
	assert_int_equal(count, 0);
	mutex->unlock(mutex);
}

static int setup(void **state)
{
	options = nflog_options_create(NULL, NULL, NULL);
	options->start(options);
	assert_true(options->update(options, 10000));
	log_lines = nflog_log_lines_create();
	recorder.trigger = (void*)_note_trigger;
	recorder.get_lines = (void*)_note_get_lines;
	alarms = nflog_alarms_create(options, &pipeline);
	alarms->reload(alarms);
	ike = mock_ike_create("gw", 1, "192.0.2.1", "192.0.2.2");
	ike->state = IKE_ESTABLISHED;
	child = mock_child_create(ike, MODE_TUNNEL, "10.1.0.0/16", "10.2.0.0/16");
	child->in.spi = htonl(0x11);
	child->out.spi = htonl(0x22);
	child->state = CHILD_INSTALLED;
	count = 0;
	deleted = FALSE;
	lib->processor->set_threads(lib->processor, 2);
	return 0;
}

static int teardown(void **state)
{
	/* no job is left then */
	lib->processor->cancel(lib->processor);
	/* nor its thread */
	lib->scheduler->destroy(lib->scheduler);
	lib->scheduler = scheduler_create();
	alarms->destroy(alarms);
	log_lines->destroy(log_lines);
	options->destroy(options);
	mock_children_destroy();
	mock_ike_destroy(ike);
	return 0;
}

static int setup_group(void **state)
{
	char path[PATH_MAX];

	if (common_setup(state) != 0)
	{
		return -1;
	}
	libcharon_init();
	mutex = mutex_create(MUTEX_TYPE_DEFAULT);
	condvar = condvar_create(CONDVAR_TYPE_DEFAULT);
	snprintf(path, sizeof(path), "%s/swanctl.conf", dir);
	lib->settings->set_str(lib->settings,
						   "charon.plugins.nflog-capture.swanctl_conf", path);
	lib->settings->set_str(lib->settings, "charon.plugins.nflog-capture.recorder", "2m");
	lib->settings->set_str(lib->settings, "charon.plugins.nflog-capture.recorder_after",
						   "3");
	return 0;
}

static int teardown_group(void **state)
{
	libcharon_deinit();
	condvar->destroy(condvar);
	mutex->destroy(mutex);
	return common_teardown(state);
}

int main(int argc, char *argv[])
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_alerts, setup, teardown),
		cmocka_unit_test_setup_teardown(test_down, setup, teardown),
		cmocka_unit_test_setup_teardown(test_reauth, setup, teardown),
		cmocka_unit_test_setup_teardown(test_successors, setup, teardown),
		cmocka_unit_test_setup_teardown(test_expired, setup, teardown),
		cmocka_unit_test_setup_teardown(test_rekeying, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lines, setup, teardown),
		cmocka_unit_test_setup_teardown(test_noisy, setup, teardown),
		cmocka_unit_test_setup_teardown(test_flood, setup, teardown),
		cmocka_unit_test_setup_teardown(test_disabled, setup, teardown),
	};

	return cmocka_run_group_tests(tests, setup_group, teardown_group);
}
