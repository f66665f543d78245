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
#define _GNU_SOURCE

#include "common.h"

#include "events/manager.h"

#include <glob.h>

#include <daemon.h>

#define SPI_IN htonl(0xc1111111)
#define SPI_OUT htonl(0xc2222222)

static nflog_options_t *options;
static nflog_pipeline_t *pipeline;
static nflog_manager_t *manager;

/** SAs that the reader has */
static u_int sas;

static bool reader_add(nflog_reader_t *this, nflog_sa_t *sa)
{
	sas++;
	return TRUE;
}

/** SAs that were removed, but whose packets are still read, if any are to be kept */
static nflog_sa_t *draining[4];
static u_int draining_count;
static bool drain;

static void release(nflog_sa_t *sa)
{
	pipeline->writer->release(pipeline->writer, sa->esp.trace);
	pipeline->writer->release(pipeline->writer, sa->plain.trace);
	nflog_sa_destroy(sa);
}

static void reader_remove(nflog_reader_t *this, nflog_sa_t *sa)
{
	sas--;
	if (drain)
	{
		draining[draining_count++] = sa;
	}
	else
	{
		release(sa);
	}
}

/** SPI of the last SA that is not kept out of the traces of others anymore */
static uint32_t included;

static void reader_include(nflog_reader_t *this, host_t *dst, uint32_t spi)
{
	included = spi;
}

static void reader_update(nflog_reader_t *this, nflog_sa_t *sa, host_t *dst,
						  uint32_t reqid)
{
}

static void reader_updated(nflog_reader_t *this, nflog_sa_t *sa, bool success)
{
}

/** SAs that the reader keeps out of the traces of others */
static u_int excluded[2];

static void reader_exclude(nflog_reader_t *this, nflog_sa_t *sa)
{
	assert_true(sa->userland);
	assert_non_null(sa->selectors);
	assert_null(sa->plain.trace);
	excluded[sa->inbound]++;
	nflog_sa_destroy(sa);
}

/** number of captures that ended, and were to be followed by others */
static u_int followed;

static void manager_followed(void *data)
{
	__atomic_fetch_add(&followed, 1, __ATOMIC_SEQ_CST);
}

/** inbound SPI of the last CHILD_SA that nothing is kept for anymore */
static uint32_t abandoned;

static void reader_abandon(nflog_awaiting_t *this, uint32_t spi_in)
{
	abandoned = spi_in;
}

static nflog_awaiting_t *reader_get_awaiting(nflog_reader_t *this)
{
	static nflog_awaiting_t awaiting = {
		.abandon = reader_abandon,
	};

	return &awaiting;
}

static nflog_reader_t reader = {
	.get_awaiting = reader_get_awaiting,
	.update = reader_update,
	.updated = reader_updated,
	.add = reader_add,
	.remove = reader_remove,
	.exclude = reader_exclude,
	.include = reader_include,
};

static char *get_name()
{
	return "net";
}

/** unique id of the CHILD_SA */
static uint32_t unique_id = 1;

static uint32_t get_unique_id()
{
	return unique_id;
}

static mark_t get_mark()
{
	return (mark_t){};
}

static uint32_t get_spi(child_sa_t *child_sa, bool inbound)
{
	return inbound ? SPI_IN : SPI_OUT;
}

/** the pipeline, with this reader */
static nflog_pipeline_t mocked;

static peer_cfg_t peer_cfg = {
	.get_name = (void*)get_name,
};

static peer_cfg_t *get_peer_cfg()
{
	return &peer_cfg;
}


static child_sa_t child_sa = {
	.get_name = (void*)get_name,
	.get_unique_id = (void*)get_unique_id,
	.get_reqid = (void*)get_unique_id,
	.get_mark = (void*)get_mark,
	.get_spi = get_spi,
};

static enumerator_t *create_child_sa_enumerator(ike_sa_t *this)
{
	return enumerator_create_single(&child_sa, NULL);
}

static identification_t *get_identity()
{
	return NULL;
}

static ike_sa_t ike_sa = {
	.get_unique_id = (void*)get_unique_id,
	.get_other_eap_id = (void*)get_identity,
	.create_virtual_ip_enumerator = (void*)enumerator_create_empty,
	.get_peer_cfg = (void*)get_peer_cfg,
	.create_child_sa_enumerator = create_child_sa_enumerator,
};

static void installing()
{
	manager->listener.child_state_change(&manager->listener, &ike_sa, &child_sa,
										 CHILD_INSTALLING);
}

static void keyed()
{
	manager->listener.child_derived_keys(&manager->listener, &ike_sa, &child_sa,
						TRUE, chunk_empty, chunk_empty, chunk_empty, chunk_empty);
	/* whatever was captured */
	assert_int_equal(abandoned, child_sa.get_spi(&child_sa, TRUE));
}

static void destroying()
{
	manager->listener.child_state_change(&manager->listener, &ike_sa, &child_sa,
										 CHILD_DESTROYING);
}

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
		.src_ts = linked_list_create(),
		.dst_ts = linked_list_create(),
	};

	manager->add_sa(manager, id, &data);
	data.src_ts->destroy(data.src_ts);
	data.dst_ts->destroy(data.dst_ts);
}

/**
 * Set the option "points".
 */
static void set_points(char *points)
{
	lib->settings->set_str(lib->settings, "charon.plugins.nflog-capture.points",
						   points);
	options->reload(options);
	assert_true(options->update(options, 60000));
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

	set_points(points);
	installing();
	add_sa(&id_in, TRUE);
	assert_int_equal(sas, in);
	add_sa(&id_out, FALSE);
	assert_int_equal(sas, in + out);
	keyed();

	if (!early)
	{
		destroying();
	}
	manager->del_sa(manager, &id_out, &packets);
	manager->del_sa(manager, &id_in, &packets);
	assert_int_equal(sas, 0);
	if (early)
	{
		destroying();
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

/** TRUE if the code for offloading ESP is loaded, and how often that was logged */
static bool offload_loaded;
static u_int offload_lines;

/**
 * Checks for the code for offloading ESP, instead of the function in libc.
 */
int access(const char *path, int mode)
{
	return strstr(path, "esp4_offload") && offload_loaded ? 0 : -1;
}

static void log_line(logger_t *this, debug_t group, level_t level, int thread,
					 ike_sa_t *ike_sa, const char *message)
{
	offload_lines += strstr(message, "are offloaded") != NULL;
}

static level_t get_level(logger_t *this, debug_t group)
{
	return LEVEL_CTRL;
}

static logger_t logger = {
	.log = log_line,
	.get_level = get_level,
};

/**
 * Count the listings of traces in a state that have a note.
 */
static u_int count_notes(nflog_listing_state_t state, char *note)
{
	nflog_registry_t *registry = mocked.registry;
	nflog_listing_data_t data;
	nflog_listing_t **listings;
	u_int count, i, found = 0;

	listings = registry->get_all(registry, &count);
	for (i = 0; i < count; i++)
	{
		registry->get(registry, listings[i], &data);
		found += data.state == state && strstr(data.note, note) != NULL;
		registry->release(registry, listings[i]);
	}
	free(listings);
	return found;
}

static void test_offload(void **state)
{
	u_int i;

	/* what lasts is logged once, not with each CHILD_SA */
	charon->bus->add_logger(charon->bus, &logger);
	for (i = 0; i < 6; i++)
	{
		offload_loaded = i != 3;
		run("esp", TRUE, !offload_loaded, FALSE);
	}
	charon->bus->remove_logger(charon->bus, &logger);
	offload_loaded = FALSE;
	assert_int_equal(offload_lines, 2);
	assert_true(count_notes(NFLOG_LISTING_ENDED, "unload esp4_offload") +
				count_notes(NFLOG_LISTING_RUNNING, "unload esp4_offload") +
				count_notes(NFLOG_LISTING_FAILED, "unload esp4_offload") >= 5);
}

/**
 * What was wanted, but is not captured, is listed with the reason.
 */
static void test_failed(void **state)
{
	host_t *host = host_create_from_string("192.168.0.1", 0);
	kernel_ipsec_sa_id_t id = {
		.src = host, .dst = host, .spi = SPI_IN, .proto = IPPROTO_ESP,
	};

	/* the first one has the SPI */
	set_points("esp-in");
	installing();
	add_sa(&id, TRUE);
	unique_id = 2;
	installing();
	add_sa(&id, TRUE);
	assert_int_equal(sas, 1);
	assert_int_equal(count_notes(NFLOG_LISTING_FAILED, "this SPI"), 1);
	destroying();
	assert_int_equal(count_notes(NFLOG_LISTING_FAILED, "this SPI"), 1);
	unique_id = 1;
	manager->del_sa(manager, &id, NULL);
	destroying();
	assert_int_equal(count_notes(NFLOG_LISTING_FAILED, ""), 1);

	set_points("nowhere");
	installing();
	add_sa(&id, TRUE);
	assert_int_equal(sas, 0);
	assert_int_equal(count_notes(NFLOG_LISTING_FAILED, "options are invalid"), 1);
	destroying();
	host->destroy(host);
}

static kernel_feature_t get_features()
{
	return KERNEL_REQUIRE_UDP_ENCAPSULATION;
}

static void test_excluded(void **state)
{
	kernel_feature_t (*original)(kernel_interface_t *this);
	int unused;

	/* only if charon does ESP itself, packets don't show their SA */
	run("esp-in, plain-in", TRUE, FALSE, FALSE);
	assert_int_equal(excluded[TRUE] + excluded[FALSE], 0);

	original = charon->kernel->get_features;
	charon->kernel->get_features = (void*)get_features;
	lib->set(lib, "kernel-libipsec-tun", &unused);
	run("esp-in, plain-in", TRUE, FALSE, FALSE);
	assert_int_equal(excluded[TRUE], 0);
	assert_int_equal(excluded[FALSE], 1);
	lib->settings->set_str(lib->settings, "charon.plugins.nflog-capture.enable",
						   "no");
	run("esp, plain", FALSE, FALSE, FALSE);
	assert_int_equal(excluded[TRUE], 1);
	assert_int_equal(excluded[FALSE], 2);
	lib->settings->set_str(lib->settings, "charon.plugins.nflog-capture.enable",
						   "yes");
	lib->set(lib, "kernel-libipsec-tun", NULL);
	charon->kernel->get_features = original;
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

	set_points("esp-in");
	installing();
	add_sa(&id, TRUE);
	assert_int_equal(sas, 1);
	manager->del_sa(manager, &id, NULL);
	assert_int_equal(sas, 0);
	/* the IKE_SA goes on without it */
	destroying();
	host->destroy(host);
}

/**
 * Check if the key file has some text.
 */
static bool has_text(char *text)
{
	char path[PATH_MAX];
	chunk_t *map;
	bool found;

	snprintf(path, sizeof(path), "%s/net/keys", dir);
	map = chunk_map(path, FALSE);
	if (!map)
	{
		return FALSE;
	}
	found = memmem(map->ptr, map->len, text, strlen(text)) != NULL;
	chunk_unmap(map);
	return found;
}

/**
 * The kernel fails to change the addresses of an SA, after which charon uses the new
 * ones all the same, unless that is not supported.  Only an SA that has new addresses
 * gets rows with these.
 */
static void test_update_failed(void **state)
{
	static status_t results[] = { FAILED, NOT_FOUND, NOT_SUPPORTED, SUCCESS };
	host_t *hosts[] = {
		host_create_from_string("192.168.0.1", 0),
		host_create_from_string("192.168.0.2", 0),
		host_create_from_string("192.168.0.3", 0),
		host_create_from_string("192.168.0.4", 0),
	};
	u_int i;

	lib->settings->set_bool(lib->settings,
							"charon.plugins.nflog-capture.esp_keys", TRUE);
	set_points("esp, plain");
	for (i = 0; i < countof(results); i++)
	{
		kernel_ipsec_sa_id_t id = {
			.src = hosts[0], .dst = hosts[1], .spi = SPI_OUT + i,
			.proto = IPPROTO_ESP,
		};
		kernel_ipsec_update_sa_t data = {
			.new_src = hosts[0],
			.new_dst = hosts[results[i] == SUCCESS ? 3 : 2],
		};

		installing();
		add_sa(&id, FALSE);
		assert_int_equal(sas, 1);
		manager->update_sa(manager, &id, &data);
		manager->updated_sa(manager, &id, &data, results[i]);
		if (results[i] != NOT_SUPPORTED)
		{
			assert_false(manager->has_sa(manager, &id));
			id.dst = data.new_dst;
		}
		assert_true(manager->has_sa(manager, &id));
		destroying();
		assert_int_equal(sas, 1);
		manager->del_sa(manager, &id, NULL);
		assert_int_equal(sas, 0);
		assert_false(manager->has_sa(manager, &id));
	}
	while (!has_text("192.168.0.4"))
	{	/* until it is written, after all others */
		usleep(1000);
	}
	assert_false(has_text("192.168.0.3"));
	for (i = 0; i < countof(hosts); i++)
	{
		hosts[i]->destroy(hosts[i]);
	}
}

/**
 * Peers behind the same NAT choose the same SPI, their marks differ, or one of them
 * uses AH.
 */
static void test_same_spi(void **state)
{
	host_t *host = host_create_from_string("192.168.0.1", 0);
	kernel_ipsec_sa_id_t ids[] = {
		{ .mark = { .value = 1, .mask = 0xff }, .proto = IPPROTO_ESP, },
		{ .mark = { .value = 2, .mask = 0xff }, .proto = IPPROTO_ESP, },
		{ .mark = { .value = 1, .mask = 0xff }, .proto = IPPROTO_AH, },
	};
	u_int i, j;

	set_points("esp");
	for (i = 0; i < countof(ids); i++)
	{
		ids[i].src = ids[i].dst = host;
		ids[i].spi = SPI_OUT;
		unique_id = i + 1;
		assert_false(manager->has_sa(manager, &ids[i]));
		installing();
		add_sa(&ids[i], FALSE);
		assert_int_equal(sas, i + 1);
	}
	for (i = 0; i < countof(ids); i++)
	{
		unique_id = i + 1;
		manager->del_sa(manager, &ids[i], NULL);
		destroying();
		for (j = 0; j < countof(ids); j++)
		{
			assert_int_equal(manager->has_sa(manager, &ids[j]), j > i);
		}
		assert_int_equal(sas, countof(ids) - i - 1);
	}
	unique_id = 1;
	host->destroy(host);
}

/**
 * What is up already is tried again if its SAs were not available, an outbound SA is
 * captured when it is installed.
 */
static void test_existing(void **state)
{
	host_t *host = host_create_from_string("192.168.0.1", 0);
	kernel_ipsec_sa_id_t out = {
		.src = host, .dst = host, .spi = SPI_OUT, .proto = IPPROTO_ESP,
	};
	nflog_manager_sa_t in = {
		.id = { .src = host, .dst = host, .spi = SPI_IN, .proto = IPPROTO_ESP },
		.data = { .inbound = TRUE, .reqid = 1, .enc_alg = ENCR_NULL },
	};
	nflog_candidate_t subject = { .conn = "net", .child = "net", .child_id = 1 };
	nflog_cfg_t *cfg;

	set_points("esp");
	cfg = options->get(options, &subject, FALSE, TRUE);
	assert_non_null(cfg);
	assert_false(manager->add_existing(manager, &subject, &child_sa, cfg, NULL, 0));

	cfg = options->get(options, &subject, FALSE, TRUE);
	assert_true(manager->add_existing(manager, &subject, &child_sa, cfg, &in, 1));
	assert_int_equal(sas, 1);

	cfg = options->get(options, &subject, FALSE, TRUE);
	assert_false(manager->add_existing(manager, &subject, &child_sa, cfg, &in, 1));

	charon->bus->set_sa(charon->bus, &ike_sa);
	add_sa(&out, FALSE);
	charon->bus->set_sa(charon->bus, NULL);
	assert_int_equal(sas, 2);
	destroying();
	manager->del_sa(manager, &in.id, NULL);
	manager->del_sa(manager, &out, NULL);
	assert_int_equal(sas, 0);
	host->destroy(host);
}

/** packets that the SAs in the kernel processed, and whether it has them */
static uint64_t processed;
static bool in_kernel;

static status_t query_sa(kernel_interface_t *this, kernel_ipsec_sa_id_t *id,
						 kernel_ipsec_query_sa_t *data, uint64_t *bytes,
						 uint64_t *packets, time_t *time)
{
	assert_true(id->spi == SPI_IN || id->spi == SPI_OUT);
	*bytes = *time = 0;
	*packets = processed;
	processed += 10;
	return in_kernel ? SUCCESS : NOT_FOUND;
}

/**
 * Count the traces in the directory.
 */
static u_int count_traces()
{
	char pattern[PATH_MAX];
	glob_t names;
	u_int count;

	snprintf(pattern, sizeof(pattern), "%s/net/net.*.esp.pcap", dir);
	count = glob(pattern, 0, NULL, &names) == 0 ? names.gl_pathc : 0;
	globfree(&names);
	return count;
}

/**
 * Let the packets of removed SAs be read, which ends their traces.
 */
static void drain_all()
{
	while (draining_count)
	{
		release(draining[--draining_count]);
	}
	while (manager->get_state(manager, &child_sa) == NFLOG_CAPTURE_ENDING)
	{	/* until the writer ended them */
		usleep(1000);
	}
}

/**
 * The capture of a CHILD_SA that is up ends, and starts again, however fast.
 */
static void test_end(void **state)
{
	host_t *host = host_create_from_string("192.168.0.1", 0);
	nflog_manager_sa_t existing[] = {
		{
			.id = { .src = host, .dst = host, .spi = SPI_IN, .proto = IPPROTO_ESP },
			.data = { .inbound = TRUE, .reqid = 1, .enc_alg = ENCR_NULL },
		},
		{
			.id = { .src = host, .dst = host, .spi = SPI_OUT, .proto = IPPROTO_ESP },
			.data = { .reqid = 1, .enc_alg = ENCR_NULL },
		},
	};
	nflog_candidate_t subject = { .conn = "net", .child = "net", .child_id = 1 };
	kernel_ipsec_update_sa_t update = {
		.new_src = host,
		.new_dst = host,
	};
	nflog_counters_t *count[2];
	uint64_t packets = 1000;
	nflog_cfg_t *cfg;
	u_int i, before;

	charon->kernel->query_sa = query_sa;
	in_kernel = TRUE;
	set_points("esp");
	before = count_traces();
	assert_int_equal(manager->get_state(manager, &child_sa), NFLOG_CAPTURE_NONE);
	assert_false(manager->end(manager, &child_sa));
	installing();
	add_sa(&existing[0].id, TRUE);
	add_sa(&existing[1].id, FALSE);
	keyed();
	assert_int_equal(manager->get_state(manager, &child_sa), NFLOG_CAPTURE_RUNNING);
	drain = TRUE;
	for (i = 0; i < 3; i++)
	{
		draining_count = 0;
		processed = 100;
		assert_true(manager->end(manager, &child_sa));
		assert_int_equal(sas, 0);
		assert_int_equal(draining_count, 2);
		assert_int_equal(manager->get_state(manager, &child_sa),
						 NFLOG_CAPTURE_ENDING);
		assert_false(manager->end(manager, &child_sa));
		/* nothing happens with what charon does to its SAs */
		assert_false(manager->has_sa(manager, &existing[0].id));
		manager->update_sa(manager, &existing[0].id, &update);
		manager->updated_sa(manager, &existing[0].id, &update, SUCCESS);
		manager->del_sa(manager, &existing[0].id, &packets);
		/* what was counted when it ended, outbound first, minus that of the begin */
		count[FALSE] = draining[0]->esp.count;
		count[TRUE] = draining[1]->esp.count;
		assert_true(count[FALSE]->has_sa);
		assert_int_equal(count[FALSE]->sa, i ? 100 - 30 : 100);
		assert_int_equal(count[TRUE]->sa, i ? 110 - 10 : 110);
		assert_int_equal(count[TRUE]->slack, i ? 10 : 0);
		/* not while packets of the last capture are read */
		cfg = options->get(options, &subject, FALSE, TRUE);
		assert_false(manager->add_existing(manager, &subject, &child_sa, cfg, existing,
										   2));
		/* but once they are, if that is awaited */
		assert_true(!i || manager->follow(manager, &child_sa));
		followed = 0;
		drain_all();
		assert_int_equal(followed, i ? 1 : 0);
		assert_false(manager->follow(manager, &child_sa));
		assert_int_equal(manager->get_state(manager, &child_sa), NFLOG_CAPTURE_NONE);
		/* each trace has another name, although the SPIs are the same */
		assert_int_equal(count_traces(), before + i + 1);

		processed = 0;
		cfg = options->get(options, &subject, FALSE, TRUE);
		assert_true(manager->add_existing(manager, &subject, &child_sa, cfg,
										  existing, 2));
		/* excluded until it is captured, its packets would be kept out else */
		assert_int_equal(included, 0);
		assert_int_equal(sas, 2);
		assert_int_equal(manager->get_state(manager, &child_sa),
						 NFLOG_CAPTURE_RUNNING);
	}
	drain = FALSE;
	manager->include(manager, existing[1].id.dst, existing[1].id.spi);
	assert_int_equal(included, existing[1].id.spi);
	included = 0;
	manager->del_sa(manager, &existing[0].id, &packets);
	manager->del_sa(manager, &existing[1].id, &packets);
	assert_true(manager->has_any(manager));
	destroying();
	assert_false(manager->has_any(manager));

	/* it ends after the capture did, and before traces did, and is gone from the kernel */
	installing();
	add_sa(&existing[0].id, TRUE);
	in_kernel = FALSE;
	drain = TRUE;
	assert_true(manager->end(manager, &child_sa));
	assert_true(draining[0]->esp.count->gone);
	destroying();
	assert_false(manager->has_any(manager));
	drain = FALSE;
	drain_all();
	host->destroy(host);
}

static int setup(void **state)
{
	options = nflog_options_create(NULL, NULL, NULL);
	options->start(options);
	pipeline = nflog_pipeline_create(1, 1024 * 1024);
	assert_non_null(pipeline);
	mocked = *pipeline;
	mocked.reader = &reader;
	manager = nflog_manager_create(options, &mocked, manager_followed, NULL);
	return 0;
}

static int teardown(void **state)
{
	manager->destroy(manager);
	pipeline->destroy(pipeline);
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
		cmocka_unit_test_setup_teardown(test_offload, setup, teardown),
		cmocka_unit_test_setup_teardown(test_excluded, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_failed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_update_failed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_same_spi, setup, teardown),
		cmocka_unit_test_setup_teardown(test_existing, setup, teardown),
		cmocka_unit_test_setup_teardown(test_end, setup, teardown),
	};

	return cmocka_run_group_tests(tests, setup_group, teardown_group);
}
