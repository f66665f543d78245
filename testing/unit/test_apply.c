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
 * CHILD_SAs that are up: their captures start and end as options change, and what can't be
 * read from the kernel is tried again.
 */

#include "common.h"
#include "events/apply.h"
#include "events/xfrm_sa.h"

#include <errno.h>

#include <daemon.h>

/** what reading an SA fails with, in each direction */
static int errors[2];

/** number of SAs that are captured, and of times that one was read */
static u_int captured_sas, reads;

/** the request that decides, what it is said to have done, and whether that succeeded */
static uint32_t request;
static u_int events[NFLOG_REQUEST_FOLLOWS + 1];
static bool succeeded;

/** request whose limit of packets the capture has reached, and the last capture had */
static uint32_t full, reached;

/** number of times that its packets got into traces of what it was rekeyed to */
static u_int included;

/** TRUE while traces of the last capture have not ended */
static bool ending;

/** what options are said to have */
static bool disabled, running, missed, esp_keys;
static u_int points;

/** state of the CHILD_SA */
static child_sa_state_t child_state;

/** number of times that the IKE_SA was checked out, and is now, and was applied */
static u_int checkouts, in_use, ike_applied;

/**
 * Called instead of the plugin's, which asks the kernel.
 */
int nflog_xfrm_sa_get(kernel_ipsec_sa_id_t *id, proposal_t *proposal,
					  kernel_ipsec_add_sa_t *data)
{
	reads++;
	return errors[data->inbound];
}

METHOD(nflog_options_t, options_get, nflog_cfg_t*,
	nflog_options_t *this, nflog_candidate_t *candidate, bool captured, bool quiet)
{
	nflog_cfg_t cfg = {
		.enable = TRUE,
		.points = points,
		.running = running,
		.esp_keys = esp_keys,
	};

	assert_string_equal(candidate->conn, "gw");
	assert_string_equal(candidate->child, "net");
	assert_int_equal(captured, captured_sas > 0);
	candidate->request = request;
	return disabled ? NULL : nflog_cfg_clone(&cfg);
}

METHOD(nflog_options_t, options_has_point, bool,
	nflog_options_t *this, char *conn, u_int wanted)
{
	assert_null(conn);
	return !disabled && points & wanted;
}

METHOD(nflog_requests_t, requests_begin, uint32_t,
	nflog_requests_t *this)
{
	return 7;
}

METHOD(nflog_requests_t, requests_count, void,
	nflog_requests_t *this, uint32_t id, nflog_request_event_t event)
{
	assert_int_equal(id, request);
	events[event]++;
}

METHOD(nflog_requests_t, requests_done, void,
	nflog_requests_t *this, uint32_t begun, bool success)
{
	assert_int_equal(begun, 7);
	succeeded = success;
}

METHOD(nflog_options_t, options_get_missed, bool,
	nflog_options_t *this)
{
	bool was = missed;

	missed = FALSE;
	return was;
}

METHOD(nflog_manager_t, manager_get_state, nflog_capture_state_t,
	nflog_manager_t *this, child_sa_t *child_sa)
{
	assert_int_equal(in_use, 1);
	return captured_sas ? full ? NFLOG_CAPTURE_FULL : NFLOG_CAPTURE_RUNNING
					: ending ? NFLOG_CAPTURE_ENDING : NFLOG_CAPTURE_NONE;
}

METHOD(nflog_manager_t, manager_include, void,
	nflog_manager_t *this, host_t *dst, uint32_t spi)
{
	assert_int_equal(in_use, 1);
	assert_int_equal(spi, htonl(1));
	included++;
}

METHOD(nflog_manager_t, manager_follow, bool,
	nflog_manager_t *this, child_sa_t *child_sa)
{
	assert_int_equal(in_use, 1);
	return ending;
}

METHOD(nflog_manager_t, manager_has_reached, bool,
	nflog_manager_t *this, child_sa_t *child_sa, uint32_t request)
{
	return reached && reached == request;
}

METHOD(nflog_manager_t, manager_end, bool,
	nflog_manager_t *this, child_sa_t *child_sa)
{
	assert_int_equal(in_use, 1);
	ending = captured_sas > 0;
	captured_sas = 0;
	reached = full;
	return ending;
}

METHOD(nflog_manager_t, manager_has_any, bool,
	nflog_manager_t *this)
{
	return captured_sas > 0;
}

METHOD(nflog_ike_t, ike_apply, void,
	nflog_ike_t *this, ike_sa_t *ike_sa, bool missed)
{
	assert_int_equal(in_use, 1);
	ike_applied++;
}

METHOD(nflog_ike_t, ike_has_any, bool,
	nflog_ike_t *this)
{
	return FALSE;
}

METHOD(nflog_manager_t, manager_add_existing, bool,
	nflog_manager_t *this, nflog_candidate_t *subject, child_sa_t *child_sa, nflog_cfg_t *cfg,
	nflog_manager_sa_t *sas, u_int count)
{
	nflog_cfg_destroy(cfg);
	assert_int_equal(count, 2);
	captured_sas += count;
	return TRUE;
}

METHOD(child_cfg_t, cfg_has_option, bool,
	child_cfg_t *this, child_cfg_option_t option)
{
	return FALSE;
}

METHOD(peer_cfg_t, cfg_get_name, char*,
	peer_cfg_t *this)
{
	return "gw";
}

/** what there is in charon, and in the plugin */
static child_cfg_t child_cfg;
static peer_cfg_t peer_cfg;

METHOD(child_sa_t, child_get_name, char*,
	child_sa_t *this)
{
	return "net";
}

METHOD(child_sa_t, child_get_number, uint32_t,
	child_sa_t *this)
{
	return 1;
}

METHOD(child_sa_t, child_get_config, child_cfg_t*,
	child_sa_t *this)
{
	return &child_cfg;
}

METHOD(child_sa_t, child_get_protocol, protocol_id_t,
	child_sa_t *this)
{
	return PROTO_ESP;
}

METHOD(child_sa_t, child_get_state, child_sa_state_t,
	child_sa_t *this)
{
	return child_state;
}

METHOD(child_sa_t, child_get_outbound_state, child_sa_outbound_state_t,
	child_sa_t *this)
{
	return CHILD_OUTBOUND_INSTALLED;
}

METHOD(child_sa_t, child_get_spi, uint32_t,
	child_sa_t *this, bool inbound)
{
	return htonl(inbound ? 1 : 2);
}

METHOD(child_sa_t, child_get_if_id, uint32_t,
	child_sa_t *this, bool inbound)
{
	return 0;
}

METHOD(child_sa_t, child_get_mark, mark_t,
	child_sa_t *this, bool inbound)
{
	return (mark_t){};
}

METHOD(child_sa_t, child_get_mode, ipsec_mode_t,
	child_sa_t *this)
{
	return MODE_TUNNEL;
}

METHOD(child_sa_t, child_get_ipcomp, ipcomp_transform_t,
	child_sa_t *this)
{
	return IPCOMP_NONE;
}

METHOD(child_sa_t, child_create_ts_enumerator, enumerator_t*,
	child_sa_t *this, bool local)
{
	return enumerator_create_empty();
}

METHOD(child_sa_t, child_get_proposal, proposal_t*,
	child_sa_t *this)
{
	return NULL;
}

static child_sa_t child_sa;

METHOD(ike_sa_t, ike_get_peer_cfg, peer_cfg_t*,
	ike_sa_t *this)
{
	return &peer_cfg;
}

METHOD(ike_sa_t, ike_get_number, uint32_t,
	ike_sa_t *this)
{
	return 1;
}

METHOD(ike_sa_t, ike_get_identity, identification_t*,
	ike_sa_t *this)
{
	return NULL;
}

METHOD(ike_sa_t, ike_create_vip_enumerator, enumerator_t*,
	ike_sa_t *this, bool local)
{
	return enumerator_create_empty();
}

METHOD(ike_sa_t, ike_get_host, host_t*,
	ike_sa_t *this)
{
	return NULL;
}

METHOD(ike_sa_t, ike_create_child_sa_enumerator, enumerator_t*,
	ike_sa_t *this)
{
	return enumerator_create_single(&child_sa, NULL);
}

METHOD(ike_sa_t, ike_get_id, ike_sa_id_t*,
	ike_sa_t *this)
{
	static ike_sa_id_t *id;

	/* never freed */
	id = id ?: ike_sa_id_create(IKEV2_MAJOR_VERSION, 1, 2, TRUE);
	return id;
}

static ike_sa_t ike_sa;

METHOD(ike_sa_manager_t, checkout, ike_sa_t*,
	ike_sa_manager_t *this, ike_sa_id_t *id)
{
	assert_true(id->equals(id, ike_sa.get_id(&ike_sa)));
	checkouts++;
	in_use++;
	return &ike_sa;
}

METHOD(ike_sa_manager_t, checkin, void,
	ike_sa_manager_t *this, ike_sa_t *ike_sa)
{
	in_use--;
}

METHOD(ike_sa_manager_t, create_ike_sa_enumerator, enumerator_t*,
	ike_sa_manager_t *this, bool wait)
{
	return enumerator_create_single(&ike_sa, NULL);
}

static ike_sa_manager_t ike_sa_manager;

static nflog_options_t options;

static nflog_requests_t requests;

static nflog_manager_t manager;

static nflog_ike_t ike;

METHOD(kernel_interface_t, get_features, kernel_feature_t,
	kernel_interface_t *this)
{
	return KERNEL_REQUIRE_UDP_ENCAPSULATION;
}

/**
 * Count what is logged on level 1.
 */
static void bus_log(bus_t *this, debug_t group, level_t level, char *fmt, ...)
{
	lines += level <= LEVEL_CTRL;
}

/** what is tested */
static nflog_apply_t *apply;

/**
 * Set up the objects of strongSwan and the plugin that are used.
 */
static void init()
{
	child_cfg = (child_cfg_t){
		.has_option = _cfg_has_option,
	};
	peer_cfg = (peer_cfg_t){
		.get_name = _cfg_get_name,
	};
	child_sa = (child_sa_t){
		.get_name = _child_get_name,
		.get_unique_id = _child_get_number,
		.get_reqid = _child_get_number,
		.get_config = _child_get_config,
		.get_protocol = _child_get_protocol,
		.get_state = _child_get_state,
		.get_outbound_state = _child_get_outbound_state,
		.get_spi = _child_get_spi,
		.get_if_id = _child_get_if_id,
		.get_mark = _child_get_mark,
		.get_mode = _child_get_mode,
		.get_ipcomp = _child_get_ipcomp,
		.create_ts_enumerator = _child_create_ts_enumerator,
		.get_proposal = _child_get_proposal,
	};
	ike_sa = (ike_sa_t){
		.get_unique_id = _ike_get_number,
		.get_other_eap_id = _ike_get_identity,
		.create_virtual_ip_enumerator = _ike_create_vip_enumerator,
		.get_id = _ike_get_id,
		.get_peer_cfg = _ike_get_peer_cfg,
		.get_my_host = _ike_get_host,
		.get_other_host = _ike_get_host,
		.create_child_sa_enumerator = _ike_create_child_sa_enumerator,
	};
	ike_sa_manager = (ike_sa_manager_t){
		.create_enumerator = _create_ike_sa_enumerator,
		.checkout = _checkout,
		.checkin = _checkin,
	};
	options = (nflog_options_t){
		.get = _options_get,
		.has_point = _options_has_point,
		.get_missed = _options_get_missed,
	};
	requests = (nflog_requests_t){
		.begin = _requests_begin,
		.count = _requests_count,
		.done = _requests_done,
	};
	ike = (nflog_ike_t){
		.apply = _ike_apply,
		.has_any = _ike_has_any,
	};
	manager = (nflog_manager_t){
		.get_state = _manager_get_state,
		.follow = _manager_follow,
		.include = _manager_include,
		.has_any = _manager_has_any,
		.end = _manager_end,
		.has_reached = _manager_has_reached,
		.add_existing = _manager_add_existing,
	};
}

static int begin(void **state)
{
	static bus_t bus = {
		.log = bus_log,
	};
	static kernel_interface_t kernel;
	static daemon_t daemon = {
		.bus = &bus,
		.kernel = &kernel,
		.ike_sa_manager = &ike_sa_manager,
	};

	init();
	kernel.get_features = _get_features;
	charon = &daemon;
	apply = nflog_apply_create(&options, &requests, &manager, &ike);
	errors[0] = errors[1] = 0;
	captured_sas = reads = lines = checkouts = in_use = ike_applied = 0;
	disabled = running = missed = ending = FALSE;
	points = 1 << POINT_ESP_IN;
	request = 5;
	full = reached = 0;
	memset(events, 0, sizeof(events));
	child_state = CHILD_INSTALLED;
	return 0;
}

static int end(void **state)
{
	apply->destroy(apply);
	charon = NULL;
	return 0;
}

static void test_running(void **state)
{
	assert_true(apply->apply(apply, FALSE));
	assert_int_equal(reads, 0);
	assert_int_equal(checkouts, 1);
	running = TRUE;
	assert_true(apply->apply(apply, FALSE));
	assert_int_equal(captured_sas, 2);
	assert_int_equal(lines, 1);
	assert_int_equal(events[NFLOG_REQUEST_STARTED], 1);
	assert_int_equal(events[NFLOG_REQUEST_RUNNING], 0);
	assert_true(succeeded);
	/* not again */
	assert_true(apply->apply(apply, FALSE));
	assert_int_equal(captured_sas, 2);
	assert_int_equal(reads, 2);
	assert_int_equal(events[NFLOG_REQUEST_STARTED], 1);
	assert_int_equal(events[NFLOG_REQUEST_RUNNING], 1);
}

/**
 * Captured is nothing or both, in whatever direction it fails.
 */
static void test_again(void **state)
{
	int inbound;

	running = TRUE;
	for (inbound = 0; inbound < 2; inbound++)
	{
		captured_sas = lines = 0;
		errors[inbound] = ENOBUFS;
		assert_false(apply->apply(apply, FALSE));
		assert_int_equal(captured_sas, 0);
		assert_int_equal(lines, 1);
		assert_int_equal(events[NFLOG_REQUEST_FAILED], 2 * inbound + 1);
		assert_false(succeeded);
		assert_false(apply->apply(apply, TRUE));
		assert_int_equal(lines, 1);
		errors[inbound] = 0;
		assert_true(apply->apply(apply, TRUE));
		assert_int_equal(captured_sas, 2);
	}
	/* gone */
	captured_sas = lines = 0;
	errors[1] = ESRCH;
	assert_true(apply->apply(apply, FALSE));
	assert_int_equal(captured_sas, 0);
	assert_int_equal(lines, 1);
}

/**
 * The kernel never has the SAs of kernel-libipsec, they are captured without keys.
 */
static void test_userland(void **state)
{
	int unused;

	lib->set(lib, "kernel-libipsec-tun", &unused);
	running = TRUE;
	errors[0] = errors[1] = ESRCH;
	esp_keys = FALSE;
	assert_true(apply->apply(apply, FALSE));
	assert_int_equal(captured_sas, 2);
	assert_int_equal(events[NFLOG_REQUEST_STARTED], 1);
	/* which is said if they are wanted */
	captured_sas = 0;
	esp_keys = TRUE;
	assert_true(apply->apply(apply, FALSE));
	assert_int_equal(captured_sas, 2);
	assert_int_equal(events[NFLOG_REQUEST_STARTED], 1);
	assert_int_equal(events[NFLOG_REQUEST_STARTED_WITHOUT_KEYS], 1);
	esp_keys = FALSE;
	lib->set(lib, "kernel-libipsec-tun", NULL);
}

/**
 * It came up before options were read.
 */
static void test_missed(void **state)
{
	missed = TRUE;
	errors[0] = ENOBUFS;
	assert_false(apply->apply(apply, FALSE));
	errors[0] = 0;
	assert_true(apply->apply(apply, TRUE));
	assert_int_equal(captured_sas, 2);
	captured_sas = 0;
	assert_true(apply->apply(apply, FALSE));
	assert_int_equal(captured_sas, 0);
}

/**
 * It is not enabled anymore, and enabled again before its traces ended.
 */
static void test_end(void **state)
{
	running = TRUE;
	assert_true(apply->apply(apply, FALSE));
	assert_int_equal(captured_sas, 2);
	assert_int_equal(ike_applied, 1);
	/* "running" does not matter once it is captured */
	running = FALSE;
	lines = 0;
	assert_true(apply->apply(apply, FALSE));
	assert_int_equal(captured_sas, 2);
	disabled = TRUE;
	/* whatever its state */
	child_state = CHILD_DELETING;
	assert_true(apply->apply(apply, FALSE));
	assert_int_equal(captured_sas, 0);
	assert_int_equal(events[NFLOG_REQUEST_ENDED], 1);
	assert_int_equal(ike_applied, 3);
	assert_int_equal(lines, 1);
	/* nothing is captured, or to be */
	checkouts = 0;
	assert_true(apply->apply(apply, FALSE));
	assert_int_equal(checkouts, 0);
	assert_true(succeeded);
	child_state = CHILD_INSTALLED;
	disabled = FALSE;
	running = TRUE;
	reads = 0;
	assert_false(apply->apply(apply, FALSE));
	assert_int_equal(reads, 0);
	assert_int_equal(captured_sas, 0);
	assert_int_equal(events[NFLOG_REQUEST_FOLLOWS], 1);
	assert_int_equal(events[NFLOG_REQUEST_FAILED], 0);
	ending = FALSE;
	assert_true(apply->apply(apply, TRUE));
	assert_int_equal(captured_sas, 2);
}

/**
 * What can't be captured is not read from the kernel.
 */
static void test_not_up(void **state)
{
	static child_sa_state_t states[] = {
		CHILD_CREATED, CHILD_ROUTED, CHILD_INSTALLING, CHILD_REKEYED, CHILD_DELETING,
		CHILD_DESTROYING,
	};
	u_int i;

	included = 0;
	child_state = CHILD_REKEYED;
	assert_true(apply->apply(apply, FALSE));
	assert_int_equal(included, 0);
	running = TRUE;
	for (i = 0; i < countof(states); i++)
	{
		child_state = states[i];
		assert_true(apply->apply(apply, FALSE));
		assert_int_equal(included, i + 1);
	}
	child_state = CHILD_INSTALLED;
	points = NFLOG_IKE_POINTS;
	assert_true(apply->apply(apply, FALSE));
	assert_int_equal(reads, 0);
	points |= 1 << POINT_PLAIN_OUT;
	child_state = CHILD_REKEYING;
	assert_true(apply->apply(apply, FALSE));
	assert_int_equal(captured_sas, 2);
}

/**
 * It has as many packets as a request wanted, which does not start it again, but another one
 * does.
 */
static void test_full(void **state)
{
	running = TRUE;
	assert_true(apply->apply(apply, FALSE));
	assert_int_equal(captured_sas, 2);
	full = 5;
	assert_true(apply->apply(apply, FALSE));
	assert_int_equal(captured_sas, 0);
	assert_int_equal(events[NFLOG_REQUEST_ENDED], 1);
	full = ending = FALSE;
	assert_true(apply->apply(apply, FALSE));
	assert_int_equal(captured_sas, 0);
	request = 6;
	assert_true(apply->apply(apply, FALSE));
	assert_int_equal(captured_sas, 2);
	/* that is removed meanwhile, and options decide */
	full = 6;
	request = 0;
	assert_false(apply->apply(apply, FALSE));
	assert_int_equal(captured_sas, 0);
	full = ending = FALSE;
	assert_true(apply->apply(apply, FALSE));
	assert_int_equal(captured_sas, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_running, begin, end),
		cmocka_unit_test_setup_teardown(test_again, begin, end),
		cmocka_unit_test_setup_teardown(test_userland, begin, end),
		cmocka_unit_test_setup_teardown(test_missed, begin, end),
		cmocka_unit_test_setup_teardown(test_end, begin, end),
		cmocka_unit_test_setup_teardown(test_not_up, begin, end),
		cmocka_unit_test_setup_teardown(test_full, begin, end),
	};

	return cmocka_run_group_tests(tests, common_setup, common_teardown);
}
