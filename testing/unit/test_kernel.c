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
 * What charon asks of the kernel: which SPIs are expected to be used before their
 * SA is there, and what becomes of them.
 */
#include "common.h"

#include "events/kernel.h"

#include <daemon.h>

#define SPI htonl(0xc1234567)

/** what the mocks answer */
static ike_version_t version;
static bool responder, captured, used;
static status_t result;

/** whether packets that leave without SA are captured, and address of both peers */
static bool missed;
static host_t *address;

/** what is asked for, in the order of the calls */
static char calls[256];

static void note(char *call)
{
	strncat(calls, call, sizeof(calls) - strlen(calls) - 1);
}

static void expect(nflog_reader_t *this, char *conn, host_t *dst,
				   uint32_t spi)
{
	assert_string_equal(conn, "gw");
	assert_int_equal(spi, SPI);
	note("expect ");
}

static void settle(nflog_reader_t *this, host_t *dst, uint32_t spi)
{
	assert_int_equal(spi, SPI);
	note("settle ");
}

static void include(nflog_reader_t *this, host_t *dst, uint32_t spi)
{
	assert_int_equal(spi, SPI);
	note("include ");
}

static void await(nflog_awaiting_t *this, char *conn, host_t *dst, uint32_t spi_in,
				  linked_list_t *src_ts, linked_list_t *dst_ts)
{
	assert_string_equal(conn, "gw");
	assert_int_equal(spi_in, SPI);
	/* of all children, dynamic ones are those of the IKE_SA */
	assert_int_equal(src_ts->get_count(src_ts), 2);
	assert_int_equal(dst_ts->get_count(dst_ts), 2);
	note("await ");
}

static void abandon(nflog_awaiting_t *this, uint32_t spi_in)
{
	assert_int_equal(spi_in, SPI);
	note("abandon ");
}

static nflog_awaiting_t *get_awaiting(nflog_reader_t *this)
{
	static nflog_awaiting_t awaiting = {
		.await = await,
		.abandon = abandon,
	};

	return &awaiting;
}

static nflog_reader_t reader = {
	.get_awaiting = get_awaiting,
	.expect = expect,
	.settle = settle,
	.include = include,
};

static bool has_point(nflog_options_t *this, char *conn, u_int points)
{
	assert_string_equal(conn, "gw");
	if (points == 1 << POINT_MISSED)
	{
		return missed;
	}
	assert_int_equal(points, 1 << POINT_ESP_IN);
	return captured;
}

static nflog_options_t options = {
	.has_point = has_point,
};

static bool capture_add(nflog_manager_t *this,
						kernel_ipsec_sa_id_t *id, kernel_ipsec_add_sa_t *data)
{
	note("add ");
	return used;
}

static bool capture_has(nflog_manager_t *this,
						kernel_ipsec_sa_id_t *id)
{
	return used;
}

static void capture_del(nflog_manager_t *this,
						kernel_ipsec_sa_id_t *id, uint64_t *packets)
{
	note("del ");
}

static nflog_manager_t captures = {
	.add_sa = capture_add,
	.has_sa = capture_has,
	.del_sa = capture_del,
};

static status_t kernel_get_spi(kernel_interface_t *this, host_t *src,
							   host_t *dst, uint8_t protocol, uint32_t *spi)
{
	*spi = SPI;
	return result;
}

static status_t kernel_add_sa(kernel_interface_t *this,
							  kernel_ipsec_sa_id_t *id,
							  kernel_ipsec_add_sa_t *data)
{
	note("kernel-add ");
	return result;
}

static status_t kernel_del_sa(kernel_interface_t *this,
							  kernel_ipsec_sa_id_t *id,
							  kernel_ipsec_del_sa_t *data)
{
	note("kernel-del ");
	return SUCCESS;
}

static char *get_name()
{
	return "gw";
}

static linked_list_t *get_traffic_selectors(child_cfg_t *this, bool local,
											linked_list_t *supplied,
											linked_list_t *hosts, bool log)
{
	linked_list_t *list = linked_list_create();
	host_t *host;

	assert_int_equal(hosts->get_first(hosts, (void**)&host), SUCCESS);
	list->insert_last(list, traffic_selector_create_from_subnet(host->clone(host), 32, 0, 0,
																 65535));
	return list;
}

static enumerator_t *create_child_cfg_enumerator(peer_cfg_t *this)
{
	static child_cfg_t child = {
		.get_traffic_selectors = get_traffic_selectors,
	};
	linked_list_t *children = linked_list_create_with_items(&child, &child, NULL);

	return enumerator_create_cleaner(children->create_enumerator(children),
									 (void*)children->destroy, children);
}

static peer_cfg_t peer_cfg = {
	.get_name = (void*)get_name,
	.create_child_cfg_enumerator = create_child_cfg_enumerator,
};

static peer_cfg_t *get_peer_cfg()
{
	return &peer_cfg;
}

static ike_version_t get_version()
{
	return version;
}

static enumerator_t *create_task_enumerator(ike_sa_t *this, task_queue_t queue)
{
	return responder == (queue == TASK_QUEUE_PASSIVE)
				? enumerator_create_single(this, NULL)
				: enumerator_create_empty();
}

static host_t *get_host()
{
	return address;
}

static enumerator_t *create_virtual_ip_enumerator()
{
	return enumerator_create_empty();
}

static ike_sa_t ike_sa = {
	.get_my_host = (void*)get_host,
	.get_other_host = (void*)get_host,
	.create_virtual_ip_enumerator = (void*)create_virtual_ip_enumerator,
	.get_peer_cfg = (void*)get_peer_cfg,
	.get_version = (void*)get_version,
	.create_task_enumerator = create_task_enumerator,
};

/**
 * Have an SPI allocated.
 *
 * @return				TRUE if it is expected to be used
 */
static bool get_spi(ike_version_t ike, bool respond, bool capture, status_t got)
{
	host_t *host = host_create_from_string("192.168.0.1", 0);
	uint32_t spi = 0;

	version = ike;
	responder = respond;
	captured = capture;
	result = got;
	calls[0] = '\0';
	assert_int_equal(charon->kernel->get_spi(charon->kernel, host, host,
											 IPPROTO_ESP, &spi), got);
	assert_int_equal(spi, SPI);
	host->destroy(host);
	return streq(calls, "expect ");
}

static void test_get_spi(void **state)
{
	/* without an IKE_SA */
	assert_false(get_spi(IKEV2, FALSE, TRUE, SUCCESS));

	charon->bus->set_sa(charon->bus, &ike_sa);
	assert_true(get_spi(IKEV2, FALSE, TRUE, SUCCESS));
	assert_true(get_spi(IKEV1, TRUE, TRUE, SUCCESS));
	/* the peer does not know it before the SA is there */
	assert_false(get_spi(IKEV2, TRUE, TRUE, SUCCESS));
	assert_false(get_spi(IKEV1, FALSE, TRUE, SUCCESS));
	/* not captured, or there is none */
	assert_false(get_spi(IKEV2, FALSE, FALSE, SUCCESS));
	assert_false(get_spi(IKEV2, FALSE, TRUE, FAILED));

	/* packets that leave meanwhile, unless a responder installs the SA at once */
	missed = TRUE;
	get_spi(IKEV2, FALSE, TRUE, SUCCESS);
	assert_string_equal(calls, "expect await ");
	get_spi(IKEV2, FALSE, FALSE, SUCCESS);
	assert_string_equal(calls, "await ");
	get_spi(IKEV2, TRUE, TRUE, SUCCESS);
	assert_string_equal(calls, "");
	get_spi(IKEV1, FALSE, TRUE, SUCCESS);
	assert_string_equal(calls, "await ");
	get_spi(IKEV1, TRUE, TRUE, SUCCESS);
	assert_string_equal(calls, "expect await ");
	get_spi(IKEV2, FALSE, TRUE, FAILED);
	assert_string_equal(calls, "");
	missed = FALSE;
	charon->bus->set_sa(charon->bus, NULL);
}

/**
 * Add or delete an SA.
 *
 * @return				calls that led to
 */
static char *change_sa(bool add, bool inbound, bool capture, status_t got)
{
	host_t *host = host_create_from_string("192.168.0.1", 0);
	kernel_ipsec_sa_id_t id = {
		.src = host,
		.dst = host,
		.spi = SPI,
		.proto = IPPROTO_ESP,
	};
	kernel_ipsec_add_sa_t data = {
		.inbound = inbound,
	};
	kernel_ipsec_del_sa_t del = {};

	used = capture;
	result = got;
	calls[0] = '\0';
	if (add)
	{
		assert_int_equal(charon->kernel->add_sa(charon->kernel, &id, &data), got);
	}
	else
	{
		assert_int_equal(charon->kernel->del_sa(charon->kernel, &id, &del),
						 SUCCESS);
	}
	host->destroy(host);
	return calls;
}

static void test_settle(void **state)
{
	assert_string_equal(change_sa(TRUE, TRUE, TRUE, SUCCESS),
						"add kernel-add settle ");
	assert_string_equal(change_sa(TRUE, TRUE, FALSE, SUCCESS),
						"add kernel-add settle ");
	assert_string_equal(change_sa(TRUE, FALSE, TRUE, SUCCESS),
						"add kernel-add ");
	/* before the capture of the SA ends */
	assert_string_equal(change_sa(TRUE, TRUE, TRUE, FAILED),
						"add kernel-add settle del include ");
	/* an SPI that got no SA */
	assert_string_equal(change_sa(FALSE, FALSE, FALSE, SUCCESS),
						"settle abandon kernel-del include ");
}

int main(int argc, char *argv[])
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_get_spi),
		cmocka_unit_test(test_settle),
	};
	nflog_kernel_t *kernel;
	int ret;

	library_init(NULL, "test");
	libcharon_init();
	address = host_create_from_string("192.168.0.1", 0);
	charon->kernel->get_spi = kernel_get_spi;
	charon->kernel->add_sa = kernel_add_sa;
	charon->kernel->del_sa = kernel_del_sa;
	kernel = nflog_kernel_create(&captures, &options, &reader);
	ret = cmocka_run_group_tests(tests, NULL, NULL);
	kernel->destroy(kernel);
	address->destroy(address);
	ret += charon->kernel->get_spi != kernel_get_spi;
	libcharon_deinit();
	library_deinit();
	return ret;
}
