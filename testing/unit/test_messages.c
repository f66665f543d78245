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
 * IKE messages from the reader to traces: to which IKE_SA they belong, and what
 * is kept of them until that is known.
 */
#include "common.h"

#include "reader/ike_messages.h"
#include "events/ike_failed.h"

#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/udp.h>

#include <daemon.h>

#define SPI_I 0x1111111111111111
#define SPI_R 0x2222222222222222
#define OTHER_SPI_R 0x3333333333333333

static nflog_store_t *store;
static nflog_keys_t *keys;
static nflog_queue_t *queue;
static nflog_registry_t *registry;
static nflog_writer_t *writer;
static nflog_ike_messages_t *ike_messages;
static nflog_cfg_t cfg = {
	.points = 1 << POINT_IKE_IN | 1 << POINT_IKE_OUT,
	.link = LINK_RAW,
};

/** all that was logged on level 1 */
static char text[16384];

/** what the reader missed */
static nflog_missed_t missed;

static void keep_text(logger_t *this, debug_t group, level_t level, int thread,
					  ike_sa_t *ike_sa, const char *message)
{
	size_t len = strlen(text);

	snprintf(text + len, sizeof(text) - len, "%s\n", message);
}

static level_t get_level(logger_t *this, debug_t group)
{
	return LEVEL_CTRL;
}

static logger_t logger = {
	.log = keep_text,
	.get_level = get_level,
};

static nflog_recorder_t *recorder;

static int setup(void **state)
{
	text[0] = '\0';
	memset(&missed, 0, sizeof(missed));
	queue = nflog_queue_create(1, 1024 * 1024);
	store = nflog_store_create();
	keys = nflog_keys_create(store);
	registry = nflog_registry_create();
	recorder = nflog_recorder_create(store);
	writer = nflog_writer_create(queue, keys, store, registry, recorder);
	ike_messages = nflog_ike_messages_create(queue, writer);
	return 0;
}

static int teardown(void **state)
{
	keys->destroy(keys);
	store->destroy(store);
	queue->destroy(queue);
	return common_remove("conn");
}

/**
 * End all traces, so that they are logged.
 */
static void finish()
{
	ike_messages->destroy(ike_messages);
	writer->destroy(writer);
	recorder->destroy(recorder);
	registry->destroy(registry);
}

/**
 * Check what was logged at the end of the trace of an IKE_SA.
 */
static void check(u_int id, char *end)
{
	char buf[1024];

	snprintf(buf, sizeof(buf), " of IKE_SA conn[%u] ended: %s\n", id, end);
	if (!strstr(text, buf))
	{
		fail_msg("not logged:%s%s", buf, text);
	}
}

/** stamp of the messages that are logged, none if it is not set */
static timeval_t stamp;

/**
 * Log a message with so much data.
 */
static void log_message(uint32_t peer, bool inbound, uint64_t spi_i,
						uint64_t spi_r, size_t len)
{
	static struct {
		struct nlattr attr;
		struct iphdr ip;
		struct udphdr udp;
		uint64_t spi_i, spi_r;
		uint8_t data[16384];
	} packet;
	struct nfgenmsg msg = {};
	nflog_logged_t logged = {
		.msg = &msg,
	};

	/* without padding, as it begins with four bytes */
	len += offsetof(typeof(packet), data) - sizeof(packet.attr);
	packet.attr.nla_type = NFULA_PAYLOAD;
	packet.attr.nla_len = NLA_HDRLEN + len;
	packet.ip.version = 4;
	packet.ip.ihl = 5;
	packet.ip.protocol = IPPROTO_UDP;
	packet.ip.tot_len = htons(len);
	packet.ip.saddr = htonl(inbound ? peer : 0xc0a80001);
	packet.ip.daddr = htonl(inbound ? 0xc0a80001 : peer);
	packet.spi_i = spi_i;
	packet.spi_r = spi_r;
	logged.attrs[NFULA_PAYLOAD] = &packet.attr;
	if (timerisset(&stamp))
	{
		logged.time = stamp;
		logged.attrs[NFULA_TIMESTAMP] = &packet.attr;
	}
	ike_messages->handle(ike_messages, &logged, inbound);
}

/**
 * Charon reads or sends a message of an IKE_SA.
 */
static nflog_ike_state_t update(u_int id, uint32_t peer, uint64_t spi_i,
								uint64_t spi_r)
{
	nflog_ike_state_t state;
	chunk_t address = chunk_alloca(4);
	host_t *host;
	bool flush;

	htoun32(address.ptr, peer);
	host = host_create_from_chunk(AF_INET, address, 500);
	state = ike_messages->update(ike_messages, id, spi_i, spi_r, host, &flush);
	host->destroy(host);
	if (flush)
	{
		ike_messages->flush(ike_messages, &missed, TRUE);
	}
	return state;
}

/**
 * An IKE_SA is captured, and its trace begins.
 */
static void start(u_int id)
{
	char label[32];

	snprintf(label, sizeof(label), "conn[%u]", id);
	ike_messages->capture(ike_messages, id,
			nflog_trace_create(store, "conn", label, POINT_IKE_IN, &cfg), label,
			cfg.points);
	ike_messages->start(ike_messages, id, FALSE);
	ike_messages->flush(ike_messages, &missed, TRUE);
}

/**
 * A responder's IKE_SA, of which all messages are captured.
 */
static void respond(u_int id, uint32_t peer, uint64_t spi_r, size_t len)
{
	log_message(peer, TRUE, SPI_I, 0, len);
	update(id, peer, SPI_I, spi_r);
	log_message(peer, FALSE, SPI_I, spi_r, len);
	log_message(peer, TRUE, SPI_I, spi_r, len);
	update(id, peer, SPI_I, spi_r);
	log_message(peer, FALSE, SPI_I, spi_r, len);
}


static void test_same_spi(void **state)
{
	/* two peers with the same SPI, or one and an attacker who copied it */
	respond(1, 1, SPI_R, 100);
	respond(2, 2, OTHER_SPI_R, 1000);
	start(1);
	start(2);
	/* the one moves, then the other */
	log_message(3, TRUE, SPI_I, SPI_R, 100);
	update(1, 3, SPI_I, SPI_R);
	log_message(1, TRUE, SPI_I, OTHER_SPI_R, 1000);
	update(2, 1, SPI_I, OTHER_SPI_R);
	/* this belongs to neither */
	log_message(4, TRUE, SPI_I, 0, 10);
	log_message(4, TRUE, SPI_I, 12345, 10);
	log_message(1, TRUE, SPI_I, 12345, 10);
	finish();
	check(1, "ike-in 3 packets 432 bytes 0 lost; ike-out 2 packets 288 bytes 0 "
		  "lost");
	check(2, "ike-in 3 packets 3132 bytes 0 lost; ike-out 2 packets 2088 bytes "
		  "0 lost");
}

static void test_initiator(void **state)
{
	/* the first try is refused, maybe with an SPI, and repeated */
	update(1, 1, SPI_I, 0);
	log_message(1, FALSE, SPI_I, 0, 100);
	log_message(1, TRUE, SPI_I, OTHER_SPI_R, 100);
	log_message(2, TRUE, SPI_I, OTHER_SPI_R, 1000);
	update(1, 1, SPI_I, OTHER_SPI_R);
	update(1, 1, SPI_I, 0);
	log_message(1, FALSE, SPI_I, 0, 100);
	log_message(1, TRUE, SPI_I, SPI_R, 100);
	update(1, 1, SPI_I, SPI_R);
	start(1);
	log_message(1, FALSE, SPI_I, SPI_R, 100);
	/* it tries again with another SPI */
	update(1, 1, SPI_I + 1, 0);
	log_message(1, FALSE, SPI_I + 1, 0, 100);
	log_message(1, TRUE, SPI_I + 1, SPI_R, 100);
	finish();
	check(1, "ike-in 3 packets 432 bytes 0 lost; ike-out 4 packets 576 bytes 0 "
		  "lost");
}

static void test_next_try(void **state)
{
	/* a responder's first IKE_SA fails, the next one has its messages */
	log_message(1, TRUE, SPI_I, 0, 100);
	assert_int_equal(update(1, 1, SPI_I, SPI_R), NFLOG_IKE_UNDECIDED);
	log_message(1, FALSE, SPI_I, SPI_R, 100);
	assert_int_equal(ike_messages->get_state(ike_messages, 1),
					 NFLOG_IKE_UNDECIDED);
	ike_messages->shelve(ike_messages, 1);
	assert_int_equal(ike_messages->get_state(ike_messages, 1), NFLOG_IKE_NONE);
	respond(2, 1, OTHER_SPI_R, 100);
	start(2);
	finish();
	check(2, "ike-in 3 packets 432 bytes 0 lost; ike-out 3 packets 432 bytes 0 "
		  "lost");
}

static void test_refused(void **state)
{
	respond(1, 1, SPI_R, 100);
	ike_messages->refuse(ike_messages, 1);
	log_message(1, TRUE, SPI_I, SPI_R, 100);
	assert_int_equal(update(1, 1, SPI_I, SPI_R), NFLOG_IKE_REFUSED);
	assert_int_equal(ike_messages->get_count(ike_messages), 0);
	/* captured from now on */
	ike_messages->reconsider(ike_messages);
	assert_int_equal(update(1, 1, SPI_I, SPI_R), NFLOG_IKE_UNDECIDED);
	start(1);
	assert_int_equal(ike_messages->get_count(ike_messages), 1);
	log_message(1, TRUE, SPI_I, SPI_R, 100);
	finish();
	check(1, "ike-in 1 packets 144 bytes 0 lost; ike-out 0 packets 0 bytes 0 "
		  "lost, no message was sent");
}

/**
 * The capture of an IKE_SA that stays up ends: messages that were logged before are of its
 * trace, though they are read later.
 */
static void test_stopped(void **state)
{
	int i;

	respond(1, 1, SPI_R, 100);
	start(1);
	ike_messages->remove(ike_messages, 1, TRUE);
	assert_int_equal(update(1, 1, SPI_I, SPI_R), NFLOG_IKE_UNDECIDED);
	ike_messages->refuse(ike_messages, 1);
	/* not stamped, so nobody knows */
	log_message(1, FALSE, SPI_I, SPI_R, 100);
	gettimeofday(&stamp, NULL);
	stamp.tv_sec -= 10;
	log_message(1, TRUE, SPI_I, SPI_R, 100);
	stamp.tv_sec += 20;
	log_message(1, TRUE, SPI_I, SPI_R, 100);
	timerclear(&stamp);
	assert_int_equal(ike_messages->get_count(ike_messages), 1);
	/* while there is something to read it goes on, then it ends */
	ike_messages->flush(ike_messages, &missed, FALSE);
	assert_int_equal(ike_messages->get_count(ike_messages), 1);
	for (i = 0; i < 60000 && ike_messages->get_count(ike_messages); i++)
	{
		ike_messages->flush(ike_messages, &missed, TRUE);
		usleep(1000);
	}
	assert_int_equal(ike_messages->get_count(ike_messages), 0);
	/* from then on it has none */
	log_message(1, FALSE, SPI_I, SPI_R, 100);
	finish();
	check(1, "ike-in 3 packets 432 bytes 0 lost; ike-out 3 packets 432 bytes 0 lost");
}

static void test_flood(void **state)
{
	int i;

	/* messages that no IKE_SA has, from other addresses, many more of them than
	 * are kept of a single one */
	log_message(1, TRUE, SPI_I, 0, 100);
	for (i = 0; i < 100000; i++)
	{
		log_message(2, TRUE, i + 1, 0, 8000);
		log_message(2, TRUE, i + 1, SPI_R, 100);
	}
	update(1, 1, SPI_I, SPI_R);
	/* or with its own SPI */
	for (i = 0; i < 10000; i++)
	{
		log_message(2, TRUE, SPI_I, SPI_R + 1 + i, 8000);
		log_message(2, TRUE, SPI_I, 0, 8000);
	}
	log_message(1, TRUE, SPI_I, SPI_R, 100);
	start(1);
	finish();
	check(1, "ike-in 2 packets 288 bytes 0 lost; ike-out 0 packets 0 bytes 0 "
		  "lost, no message was sent");
}

static void test_evicted(void **state)
{
	int i;

	/* from many addresses they may evict the first message, which is logged */
	log_message(1, TRUE, SPI_I, 0, 100);
	for (i = 0; i < 20000; i++)
	{
		log_message(2 + i, TRUE, i + 1, 0, 100);
	}
	update(1, 1, SPI_I, SPI_R);
	log_message(1, TRUE, SPI_I, SPI_R, 100);
	start(1);
	finish();
	assert_non_null(strstr(text, "ike-in 1 packets 144 bytes 0 lost, maybe some "
						   "of "));
	assert_non_null(strstr(text, " dropped before their SA was known; ike-out 0 "
						   "packets 0 bytes 0 lost, no message was sent\n"));
}

static void test_overrun(void **state)
{
	int i;

	/* more messages than are kept of an IKE_SA: the first ones are */
	log_message(1, TRUE, SPI_I, 0, 100);
	update(1, 1, SPI_I, SPI_R);
	for (i = 0; i < 100; i++)
	{
		log_message(1, TRUE, SPI_I, SPI_R, 8000);
	}
	start(1);
	log_message(1, FALSE, SPI_I, SPI_R, 100);
	finish();
	check(1, "ike-in 8 packets 56452 bytes 93 lost (0 kernel queue full, 93 "
		  "memory full, 0 disk budget exhausted, 0 not written); ike-out 1 "
		  "packets 144 bytes 0 lost");
}

static void test_total(void **state)
{
	u_int id, i;

	/* of a thousand IKE_SAs, with as much as is kept of each: the latest have all
	 * messages, the oldest one counts those that it lacks, that of another peer
	 * lacks none */
	respond(1001, 2, OTHER_SPI_R, 100);
	for (id = 1; id <= 1000; id++)
	{
		update(id, 1, id, SPI_R);
		for (i = 0; i < 7; i++)
		{
			log_message(1, TRUE, id, SPI_R, 8000);
		}
	}
	start(1);
	start(1000);
	start(1001);
	for (id = 2; id < 1000; id++)
	{
		ike_messages->remove(ike_messages, id, FALSE);
	}
	finish();
	check(1, "ike-in 0 packets 0 bytes 7 lost (0 kernel queue full, 7 memory "
		  "full, 0 disk budget exhausted, 0 not written); ike-out 0 packets 0 "
		  "bytes 0 lost, no message was sent");
	check(1000, "ike-in 7 packets 56308 bytes 0 lost; ike-out 0 packets 0 bytes "
		  "0 lost, no message was sent");
	check(1001, "ike-in 2 packets 288 bytes 0 lost; ike-out 2 packets 288 bytes "
		  "0 lost");
}

static void test_missed(void **state)
{
	/* before, and while the trace is there */
	missed.lost[TRUE] = 10;
	ike_messages->flush(ike_messages, &missed, TRUE);
	respond(1, 1, SPI_R, 100);
	start(1);
	missed.lost[TRUE] = 13;
	missed.lost[FALSE] = 1;
	missed.incomplete = 4;
	ike_messages->flush(ike_messages, &missed, TRUE);
	finish();
	check(1, "ike-in 2 packets 288 bytes 0 lost, maybe some of 7 dropped before "
		  "their SA was known; ike-out 2 packets 288 bytes 0 lost, maybe some "
		  "of 1 dropped before their SA was known");
}

/**
 * Wait until the trace of an IKE_SA that is gone may end, there is always something
 * left to read.
 *
 * @return			ms until flush() has to be called again
 */
static int wait_until_due()
{
	int timeout;

	while ((timeout = ike_messages->flush(ike_messages, &missed, FALSE)) > 10)
	{
		usleep(timeout * 1000);
	}
	return timeout;
}

static void test_busy(void **state)
{
	/* the trace waits for messages that have yet to be read */
	respond(1, 1, SPI_R, 100);
	start(1);
	ike_messages->remove(ike_messages, 1, FALSE);
	assert_in_range(wait_until_due(), 1, 10);
	assert_int_equal(ike_messages->get_count(ike_messages), 1);
	log_message(1, TRUE, SPI_I, SPI_R, 100);
	assert_int_equal(ike_messages->flush(ike_messages, &missed, TRUE), -1);
	assert_int_equal(ike_messages->get_count(ike_messages), 0);
	/* but not for ever */
	respond(2, 2, SPI_R, 100);
	start(2);
	ike_messages->remove(ike_messages, 2, FALSE);
	while (wait_until_due() > 0)
	{
		usleep(10000);
	}
	assert_int_equal(ike_messages->get_count(ike_messages), 0);
	finish();
	check(1, "ike-in 3 packets 432 bytes 0 lost; ike-out 2 packets 288 bytes 0 lost");
	check(2, "ike-in 2 packets 288 bytes 0 lost, gave up waiting for the rest; "
		  "ike-out 2 packets 288 bytes 0 lost, gave up waiting for the rest");
}

static void test_never_started(void **state)
{
	/* what waits for its trace to begin leaves nothing */
	respond(1, 1, SPI_R, 100);
	ike_messages->capture(ike_messages, 1,
			nflog_trace_create(store, "conn", "conn[1]", POINT_IKE_IN, &cfg), "conn[1]",
			cfg.points);
	assert_int_equal(ike_messages->get_count(ike_messages), 1);
	ike_messages->remove(ike_messages, 1, FALSE);
	assert_int_equal(ike_messages->get_count(ike_messages), 0);
	/* except at the end */
	respond(2, 1, SPI_R, 100);
	ike_messages->capture(ike_messages, 2,
			nflog_trace_create(store, "conn", "conn[2]", POINT_IKE_IN, &cfg), "conn[2]",
			cfg.points);
	finish();
	assert_null(strstr(text, "conn[1]"));
	check(2, "ike-in 2 packets 288 bytes 0 lost; ike-out 2 packets 288 bytes 0 "
		  "lost");
}

static void test_quota(void **state)
{
	nflog_ike_failed_t *failed = nflog_ike_failed_create(NULL, NULL, NULL);
	host_t *peers[] = {
		host_create_from_string("192.168.0.1", 500),
		host_create_from_string("2001:db8::1", 500),
		host_create_from_string("2001:db8::2:2", 4500),
		host_create_from_string("192.168.0.2", 500),
	};
	time_t now = time_monotonic(NULL) + 60;
	int i;

	for (i = 0; i < 100; i++)
	{
		assert_int_equal(failed->take(failed, peers[0], now), i < 5);
	}
	/* one that gets established leaves its place to the next */
	failed->give_back(failed, peers[0]);
	assert_true(failed->take(failed, peers[0], now));
	assert_false(failed->take(failed, peers[0], now));
	/* all of a prefix are the same */
	for (i = 0; i < 5; i++)
	{
		assert_true(failed->take(failed, peers[1 + i % 2], now));
	}
	assert_false(failed->take(failed, peers[1], now));
	assert_false(failed->take(failed, peers[3], now));
	now += 59;
	assert_false(failed->take(failed, peers[3], now));
	now++;
	assert_true(failed->take(failed, peers[3], now));
	/* in an hour there are not as many as in sixty minutes */
	for (i = 11; i < 200; i++)
	{
		now += 15;
		assert_int_equal(failed->take(failed, peers[i % 2], now), i < 100);
	}
	now += 3600;
	assert_true(failed->take(failed, peers[3], now));
	for (i = 0; i < 3; i++)
	{
		failed->refuse(failed);
	}
	failed->destroy(failed);
	assert_non_null(strstr(text, "3 more IKE_SAs that failed are not captured"));
	for (i = 0; i < countof(peers); i++)
	{
		peers[i]->destroy(peers[i]);
	}
	finish();
}

METHOD(ike_sa_t, get_unique_id, uint32_t,
	ike_sa_t *this)
{
	return 1;
}

METHOD(ike_sa_t, get_id, ike_sa_id_t*,
	ike_sa_t *this)
{
	static ike_sa_id_t *id;

	if (!id)
	{
		id = ike_sa_id_create(IKEV2_MAJOR_VERSION, SPI_I, SPI_R, FALSE);
	}
	return id;
}

METHOD(ike_sa_t, get_host, host_t*,
	ike_sa_t *this)
{
	static host_t *host;

	if (!host)
	{
		host = host_create_from_string("192.168.0.1", 500);
	}
	return host;
}

METHOD(ike_sa_t, get_version, ike_version_t,
	ike_sa_t *this)
{
	return IKEV2;
}

static void test_ended_early(void **state)
{
	nflog_ike_failed_t *failed = nflog_ike_failed_create(ike_messages, NULL, NULL);
	ike_sa_t ike_sa = {
		.get_unique_id = _get_unique_id,
		.get_id = _get_id,
		.get_my_host = _get_host,
		.get_other_host = _get_host,
		.get_version = _get_version,
	};
	int i;

	/* charon ends before it is known whether their peers try again */
	for (i = 0; i < 3; i++)
	{
		failed->add(failed, &ike_sa, NULL);
	}
	lib->scheduler->flush(lib->scheduler);
	failed->destroy(failed);
	assert_non_null(strstr(text, "3 more IKE_SAs that failed are not captured, as charon ended"));
	_get_id(&ike_sa)->destroy(_get_id(&ike_sa));
	_get_host(&ike_sa)->destroy(_get_host(&ike_sa));
	finish();
}

static int setup_group(void **state)
{
	if (common_setup(state) != 0)
	{
		return -1;
	}
	libcharon_init();
	charon->bus->add_logger(charon->bus, &logger);
	lib->settings->set_str(lib->settings, "charon.plugins.nflog-capture.dir",
						   dir);
	return 0;
}

static int teardown_group(void **state)
{
	charon->bus->remove_logger(charon->bus, &logger);
	libcharon_deinit();
	return common_teardown(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_same_spi, setup, teardown),
		cmocka_unit_test_setup_teardown(test_initiator, setup, teardown),
		cmocka_unit_test_setup_teardown(test_next_try, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stopped, setup, teardown),
		cmocka_unit_test_setup_teardown(test_flood, setup, teardown),
		cmocka_unit_test_setup_teardown(test_evicted, setup, teardown),
		cmocka_unit_test_setup_teardown(test_overrun, setup, teardown),
		cmocka_unit_test_setup_teardown(test_total, setup, teardown),
		cmocka_unit_test_setup_teardown(test_missed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_busy, setup, teardown),
		cmocka_unit_test_setup_teardown(test_never_started, setup, teardown),
		cmocka_unit_test_setup_teardown(test_quota, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ended_early, setup, teardown),
	};

	return cmocka_run_group_tests(tests, setup_group, teardown_group);
}
