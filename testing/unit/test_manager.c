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
 * Captures of CHILD_SAs from their begin to their end, as charon reports it, with
 * a reader that keeps SAs only.
 */
#include "common.h"

#include "events/manager.h"

#include <daemon.h>

#define SPI_IN htonl(0xc1111111)
#define SPI_OUT htonl(0xc2222222)

static nflog_options_t *options;
static nflog_store_t *store;
static nflog_keys_t *keys;
static nflog_queue_t *queue;
static nflog_writer_t *writer;
static nflog_xfrm_stat_t *xfrm_stat;
static nflog_manager_t *manager;

/** SAs that the reader has */
static u_int sas;

static bool reader_add(nflog_reader_t *this, nflog_sa_t *sa)
{
	sas++;
	return TRUE;
}

static void reader_remove(nflog_reader_t *this, nflog_sa_t *sa)
{
	sas--;
	writer->release(writer, sa->esp.trace);
	writer->release(writer, sa->plain.trace);
	nflog_sa_destroy(sa);
}

static nflog_reader_t reader = {
	.add = reader_add,
	.remove = reader_remove,
};

static char *get_name()
{
	return "net";
}

static uint32_t get_unique_id()
{
	return 1;
}

static mark_t get_mark()
{
	return (mark_t){};
}

static uint32_t get_spi(child_sa_t *child_sa, bool inbound)
{
	return inbound ? SPI_IN : SPI_OUT;
}

static peer_cfg_t peer_cfg = {
	.get_name = (void*)get_name,
};

static peer_cfg_t *get_peer_cfg()
{
	return &peer_cfg;
}

static ike_sa_t ike_sa = {
	.get_peer_cfg = (void*)get_peer_cfg,
};

static child_sa_t child_sa = {
	.get_name = (void*)get_name,
	.get_unique_id = (void*)get_unique_id,
	.get_mark = (void*)get_mark,
	.get_spi = get_spi,
};

/**
 * Add an SA, as charon does.
 */
static void add_sa(kernel_ipsec_sa_id_t *id, bool inbound)
{
	kernel_ipsec_add_sa_t data = {
		.inbound = inbound,
		.reqid = 1,
		.enc_alg = ENCR_AES_GCM_ICV16,
		.enc_key = chunk_from_chars(1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,1,2,3,4),
		.mode = MODE_TUNNEL,
	};

	manager->add_sa(manager, id, &data);
}

/**
 * Have a CHILD_SA come up, and end.
 *
 * @param points		value of the option "points"
 * @param in, out		TRUE if these SAs are to be captured
 * @param early			TRUE if its SAs are gone before the CHILD_SA is
 */
static void run(char *points, bool in, bool out, bool early)
{
	host_t *me = host_create_from_string("192.168.0.1", 0);
	host_t *other = host_create_from_string("192.168.0.2", 0);
	kernel_ipsec_sa_id_t id_in = {
		.src = other, .dst = me, .spi = SPI_IN, .proto = IPPROTO_ESP,
	};
	kernel_ipsec_sa_id_t id_out = {
		.src = me, .dst = other, .spi = SPI_OUT, .proto = IPPROTO_ESP,
	};
	uint64_t packets = 7;

	lib->settings->set_str(lib->settings, "charon.plugins.nflog-capture.points",
						   points);
	options->reload(options);
	assert_true(options->update(options, 60000));

	manager->installing(manager, &ike_sa, &child_sa);
	add_sa(&id_in, TRUE);
	assert_int_equal(sas, in);
	add_sa(&id_out, FALSE);
	assert_int_equal(sas, in + out);
	manager->keyed(manager, &child_sa);

	if (!early)
	{
		manager->destroying(manager, &child_sa);
	}
	manager->del_sa(manager, &id_out, &packets);
	manager->del_sa(manager, &id_in, &packets);
	assert_int_equal(sas, 0);
	if (early)
	{
		manager->destroying(manager, &child_sa);
	}
	assert_false(manager->has_sa(manager, &id_in));
	assert_false(manager->has_sa(manager, &id_out));

	me->destroy(me);
	other->destroy(other);
}

static void test_points(void **state)
{
	static const struct {
		char *points;
		bool in, out;
	} tests[] = {
		{ "ike",					FALSE,	FALSE	},
		{ "esp-in",					TRUE,	FALSE	},
		{ "esp-out",				FALSE,	TRUE	},
		{ "plain-in",				TRUE,	FALSE	},
		{ "plain-out",				FALSE,	TRUE	},
		{ "esp-in, plain-in",		TRUE,	FALSE	},
		{ "esp-out, plain-out",		FALSE,	TRUE	},
		{ "esp-in, plain-out",		TRUE,	TRUE	},
		{ "esp, plain, ike",		TRUE,	TRUE	},
	};
	static char *bools[] = { "yes", "no" };
	u_int i, j, early;

	for (i = 0; i < countof(tests); i++)
	{
		for (j = 0; j < countof(bools); j++)
		{
			lib->settings->set_str(lib->settings,
						"charon.plugins.nflog-capture.esp_keys", bools[j]);
			for (early = 0; early < 2; early++)
			{
				run(tests[i].points, tests[i].in, tests[i].out, early);
			}
		}
	}
}

/**
 * The kernel has an SA with this SPI already, and refuses another one.
 */
static void test_refused(void **state)
{
	host_t *host = host_create_from_string("192.168.0.1", 0);
	kernel_ipsec_sa_id_t id = {
		.src = host, .dst = host, .spi = SPI_IN, .proto = IPPROTO_ESP,
	};

	lib->settings->set_str(lib->settings, "charon.plugins.nflog-capture.points",
						   "esp-in");
	options->reload(options);
	assert_true(options->update(options, 60000));
	manager->installing(manager, &ike_sa, &child_sa);
	add_sa(&id, TRUE);
	assert_int_equal(sas, 1);
	manager->del_sa(manager, &id, NULL);
	assert_int_equal(sas, 0);
	/* the IKE_SA goes on without it */
	manager->destroying(manager, &child_sa);
	host->destroy(host);
}

static int setup(void **state)
{
	options = nflog_options_create(NULL, NULL);
	options->start(options);
	queue = nflog_queue_create(1, 1024 * 1024);
	store = nflog_store_create();
	keys = nflog_keys_create(store);
	writer = nflog_writer_create(queue, keys, store);
	xfrm_stat = nflog_xfrm_stat_create();
	manager = nflog_manager_create(options, store, keys, &reader, writer,
								   xfrm_stat);
	return 0;
}

static int teardown(void **state)
{
	manager->destroy(manager);
	writer->destroy(writer);
	xfrm_stat->destroy(xfrm_stat);
	keys->destroy(keys);
	store->destroy(store);
	queue->destroy(queue);
	options->destroy(options);
	return common_remove("net");
}

static int setup_group(void **state)
{
	char path[PATH_MAX];

	if (common_setup(state) != 0)
	{
		return -1;
	}
	libcharon_init();
	lib->settings->set_str(lib->settings, "charon.plugins.nflog-capture.dir",
						   dir);
	snprintf(path, sizeof(path), "%s/swanctl.conf", dir);
	lib->settings->set_str(lib->settings,
						   "charon.plugins.nflog-capture.swanctl_conf", path);
	lib->settings->set_str(lib->settings, "charon.plugins.nflog-capture.enable",
						   "yes");
	return 0;
}

static int teardown_group(void **state)
{
	libcharon_deinit();
	return common_teardown(state);
}

int main(int argc, char *argv[])
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_points, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
	};

	return cmocka_run_group_tests(tests, setup_group, teardown_group);
}
