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
 * CHILD_SAs that are up already: what can't be read from the kernel is tried again.
 */

#include "common.h"
#include "events/existing.h"
#include "events/xfrm_sa.h"

#include <errno.h>

#include <daemon.h>

/** what reading an SA fails with, in each direction */
static int errors[2];

/** number of SAs that are captured, and of times that one was read */
static u_int captured, reads;

/** what options are said to have */
static bool running, missed;

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
	nflog_options_t *this, char *conn, char *child, bool quiet)
{
	nflog_cfg_t cfg = {
		.points = 1,
		.running = running,
	};

	return nflog_cfg_clone(&cfg);
}

METHOD(nflog_options_t, options_has_running, bool,
	nflog_options_t *this)
{
	return running;
}

METHOD(nflog_options_t, options_get_missed, bool,
	nflog_options_t *this)
{
	bool was = missed;

	missed = FALSE;
	return was;
}

METHOD(nflog_manager_t, manager_has_sa, bool,
	nflog_manager_t *this, kernel_ipsec_sa_id_t *id)
{
	return captured > 0;
}

METHOD(nflog_manager_t, manager_add_existing, bool,
	nflog_manager_t *this, nflog_candidate_t *subject, child_sa_t *child_sa, nflog_cfg_t *cfg,
	nflog_manager_sa_t *sas, u_int count)
{
	nflog_cfg_destroy(cfg);
	assert_int_equal(count, 2);
	captured += count;
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
	return CHILD_INSTALLED;
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

static ike_sa_t ike_sa;

METHOD(ike_sa_manager_t, create_ike_sa_enumerator, enumerator_t*,
	ike_sa_manager_t *this, bool wait)
{
	return enumerator_create_single(&ike_sa, NULL);
}

static ike_sa_manager_t ike_sa_manager;

static nflog_options_t options;

static nflog_manager_t manager;

/**
 * Count what is logged on level 1.
 */
static void bus_log(bus_t *this, debug_t group, level_t level, char *fmt, ...)
{
	lines += level <= LEVEL_CTRL;
}

/** what is tested */
static nflog_existing_t *existing;

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
		.get_peer_cfg = _ike_get_peer_cfg,
		.get_my_host = _ike_get_host,
		.get_other_host = _ike_get_host,
		.create_child_sa_enumerator = _ike_create_child_sa_enumerator,
	};
	ike_sa_manager = (ike_sa_manager_t){
		.create_enumerator = _create_ike_sa_enumerator,
	};
	options = (nflog_options_t){
		.get = _options_get,
		.has_running = _options_has_running,
		.get_missed = _options_get_missed,
	};
	manager = (nflog_manager_t){
		.has_sa = _manager_has_sa,
		.add_existing = _manager_add_existing,
	};
}

static int begin(void **state)
{
	static bus_t bus = {
		.log = bus_log,
	};
	static daemon_t daemon = {
		.bus = &bus,
		.ike_sa_manager = &ike_sa_manager,
	};

	init();
	charon = &daemon;
	existing = nflog_existing_create(&options, &manager);
	errors[0] = errors[1] = 0;
	captured = reads = lines = 0;
	running = missed = FALSE;
	return 0;
}

static int end(void **state)
{
	existing->destroy(existing);
	charon = NULL;
	return 0;
}

static void test_running(void **state)
{
	assert_true(existing->capture(existing, FALSE));
	assert_int_equal(reads, 0);
	running = TRUE;
	assert_true(existing->capture(existing, FALSE));
	assert_int_equal(captured, 2);
	assert_int_equal(lines, 1);
	/* not again */
	assert_true(existing->capture(existing, FALSE));
	assert_int_equal(captured, 2);
	assert_int_equal(reads, 2);
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
		captured = lines = 0;
		errors[inbound] = ENOBUFS;
		assert_false(existing->capture(existing, FALSE));
		assert_int_equal(captured, 0);
		assert_int_equal(lines, 1);
		assert_false(existing->capture(existing, TRUE));
		assert_int_equal(lines, 1);
		errors[inbound] = 0;
		assert_true(existing->capture(existing, TRUE));
		assert_int_equal(captured, 2);
	}
	/* kernel-libipsec has them, not the kernel */
	captured = lines = 0;
	errors[1] = ESRCH;
	assert_true(existing->capture(existing, FALSE));
	assert_int_equal(captured, 0);
	assert_int_equal(lines, 1);
}

/**
 * It came up before options were read.
 */
static void test_missed(void **state)
{
	missed = TRUE;
	errors[0] = ENOBUFS;
	assert_false(existing->capture(existing, FALSE));
	errors[0] = 0;
	assert_true(existing->capture(existing, TRUE));
	assert_int_equal(captured, 2);
	captured = 0;
	assert_true(existing->capture(existing, FALSE));
	assert_int_equal(captured, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_running, begin, end),
		cmocka_unit_test_setup_teardown(test_again, begin, end),
		cmocka_unit_test_setup_teardown(test_missed, begin, end),
	};

	return cmocka_run_group_tests(tests, common_setup, common_teardown);
}
