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
 * Packets that arrive for an SPI before there is an SA: kept, adopted, dropped,
 * and bounded.
 */
#include "common.h"

#include "reader/early.h"
#include "options/values.h"

#include <netinet/in.h>
#include <netinet/ip.h>

#define ADDR "192.168.0.1"
#define SPI 0xc1234567

/** SPIs may be unused for an hour, which no test takes */
#define LIFETIME 3600

static nflog_early_t *early;

/** number of SPIs that have rules, the SA that was counted last */
static u_int ruled;
static nflog_sa_t *counted;

/** TRUE if rules can't be added, so that it's tried again later */
static bool refused;

/** TRUE if the reader is busy with what expired, while rules are added */
static bool reading;

static nflog_rules_t rules;

static bool rules_add(nflog_rules_t *this, nflog_sa_t *sa)
{
	assert_null(sa->esp.trace);
	assert_non_null(sa->esp.count);
	if (reading)
	{
		early->remove(early, &rules);
	}
	ruled++;
	return !refused;
}

static void rules_remove(nflog_rules_t *this, nflog_sa_t *sa)
{
	assert_true(ruled > 0);
	ruled--;
	early->removed(early, sa);
}

static void rules_count_early(nflog_rules_t *this,
							  nflog_sa_t *sa)
{
	/* the SA has them now */
	ruled--;
	counted = sa;
}

static nflog_rules_t rules = {
	.add = rules_add,
	.remove = rules_remove,
	.count_early = rules_count_early,
};

static nflog_queue_t *queue;

/** counters of the SA that adopts an SPI */
static nflog_counters_t count;

/* any pointer will do, it is not used */
#define TRACE ((nflog_trace_t*)&count)

static nflog_sa_t *create_sa(uint32_t spi)
{
	nflog_sa_t *sa;
	host_t *host;

	host = host_create_from_string(ADDR, 0);
	sa = nflog_sa_create("conn", "net", 1, TRUE, host, htonl(spi), 7,
						 NULL, NULL);
	host->destroy(host);
	return sa;
}

/**
 * Expect an SPI.
 *
 * @return				FALSE if that was refused
 */
static bool add(uint32_t spi)
{
	u_int before = ruled;
	host_t *host;

	host = host_create_from_string(ADDR, 0);
	early->expect(early, &rules, "conn", host, htonl(spi));
	host->destroy(host);
	assert_int_equal(early->get_count(early), ruled);
	return ruled > before;
}

/**
 * Create the SA that gets an SPI, with a trace.
 */
static nflog_sa_t *create_adopter(uint32_t spi)
{
	nflog_sa_t *sa = create_sa(spi);

	memset(&count, 0, sizeof(count));
	sa->esp.trace = TRACE;
	sa->esp.count = &count;
	sa->esp.link = LINK_RAW;
	return sa;
}

static void set_key(nflog_esp_key_t *key, uint32_t spi)
{
	host_t *host;

	host = host_create_from_string(ADDR, 0);
	nflog_sa_set_key(key, TRUE, host, htonl(spi));
	host->destroy(host);
}

static bool claim(uint32_t spi)
{
	nflog_esp_key_t key;

	set_key(&key, spi);
	return early->claim(early, &key) != NULL;
}

/**
 * Settle an SPI.
 *
 * @param adopter		SA that adopted it, NULL if none did
 * @return				TRUE if its rules are to be removed
 */
static bool settle(uint32_t spi, nflog_sa_t *adopter)
{
	host_t *host;
	bool ended;

	counted = NULL;
	host = host_create_from_string(ADDR, 0);
	ended = early->settle(early, &rules, host, htonl(spi));
	host->destroy(host);
	assert_ptr_equal(counted, adopter);
	return ended;
}

/**
 * Remove the rules for SPIs that ended.
 *
 * @return				their number
 */
static u_int purge()
{
	u_int before = ruled;

	early->remove(early, &rules);
	assert_int_equal(early->get_count(early), ruled);
	return before - ruled;
}

/**
 * Set how long SPIs may be unused.
 */
static void set_lifetime(int lifetime)
{
	lib->settings->set_int(lib->settings,
				"%s.plugins.kernel-netlink.xfrm_acq_expires", lifetime, lib->ns);
}

/**
 * Log an ESP packet.
 *
 * @param order			order in which it was logged
 * @param len			its bytes after the IP header
 */
static bool keep(uint32_t spi, uint32_t order, size_t len)
{
	struct iphdr ip = {
		.version = 4,
		.ihl = 5,
		.protocol = IPPROTO_ESP,
		.tot_len = htons(sizeof(ip) + len),
		.daddr = inet_addr(ADDR),
	};
	uint8_t attr[NLA_HDRLEN + sizeof(ip) + len] __attribute__((aligned(4)));
	struct nlattr *payload = (struct nlattr*)attr;
	struct nfgenmsg msg = {};
	nflog_logged_t logged = {
		.msg = &msg,
		.attrs[NFULA_PAYLOAD] = payload,
		.order = order,
	};

	memset(attr, 0, sizeof(attr));
	payload->nla_type = NFULA_PAYLOAD;
	payload->nla_len = sizeof(attr);
	memcpy(attr + NLA_HDRLEN, &ip, sizeof(ip));
	*(uint32_t*)(attr + NLA_HDRLEN + sizeof(ip)) = htonl(spi);
	return early->keep(early, &logged);
}

/**
 * Have an SA adopt an SPI.
 *
 * @return				number of packets that it got
 */
static u_int adopt(uint32_t spi)
{
	nflog_packet_t **packets;
	nflog_sa_t *sa;
	u_int number, used, i;

	sa = create_adopter(spi);
	assert_non_null(early->claim(early, &sa->key));
	early->adopt(early, sa);
	number = queue->peek(queue, &packets, &used);
	for (i = 0; i < number; i++)
	{
		assert_ptr_equal(packets[i]->trace, TRACE);
		assert_int_equal(packets[i]->order, i + 1);
		packets[i]->trace = NULL;
	}
	queue->release(queue);
	/* those that arrive now are found by the SA */
	assert_false(keep(spi, number + 1, 100));
	assert_false(settle(spi, sa));
	assert_false(settle(spi, NULL));
	nflog_sa_destroy(sa);
	return number;
}

static void test_adopt(void **state)
{
	u_int i;

	assert_true(add(SPI));
	assert_true(add(SPI + 1));
	for (i = 1; i <= 10; i++)
	{
		assert_true(keep(SPI, i, 100));
		assert_true(keep(SPI + 1, i, 100));
		assert_false(keep(SPI + 2, i, 100));
	}
	assert_int_equal(adopt(SPI), 10);
	assert_int_equal(count.received, 10);
	assert_int_equal(count.overrun, 0);
	/* the other one is not affected */
	assert_true(keep(SPI + 1, 11, 100));
	assert_int_equal(adopt(SPI + 1), 11);
	assert_int_equal(early->get_count(early), 0);
	assert_int_equal(purge(), 0);
	/* an SPI that got no packets, and one that is not known */
	assert_true(add(SPI));
	assert_int_equal(adopt(SPI), 0);
	assert_false(claim(SPI));
}

static void test_no_sa(void **state)
{
	assert_true(add(SPI));
	assert_false(add(SPI));
	assert_true(keep(SPI, 1, 100));
	/* no SA, one that is not captured, or one for which there are no rules */
	assert_true(claim(SPI));
	assert_true(keep(SPI, 2, 100));
	assert_true(settle(SPI, NULL));
	assert_false(keep(SPI, 3, 100));
	assert_false(claim(SPI));
	/* it is there as long as its rules are */
	assert_int_equal(early->get_count(early), 1);
	assert_false(add(SPI));
	assert_int_equal(purge(), 1);
	assert_int_equal(early->get_count(early), 0);
	/* the same SPI again does not get what was kept */
	assert_true(add(SPI));
	assert_true(keep(SPI, 1, 100));
	assert_int_equal(adopt(SPI), 1);
}

static void test_no_rules(void **state)
{
	/* they may be added later, before there is an SA */
	refused = TRUE;
	assert_true(add(SPI));
	refused = FALSE;
	assert_true(keep(SPI, 1, 100));
	assert_int_equal(adopt(SPI), 1);
}

static void test_expire(void **state)
{
	assert_int_equal(early->remove(early, &rules), -1);
	assert_true(add(SPI));
	assert_true(keep(SPI, 1, 100));
	assert_true(early->remove(early, &rules) > (LIFETIME - 60) * 1000);
	assert_int_equal(ruled, 1);
	assert_int_equal(adopt(SPI), 1);

	set_lifetime(0);
	assert_true(add(SPI));
	assert_true(add(SPI + 1));
	assert_true(keep(SPI, 1, 100));
	assert_true(keep(SPI + 1, 1, 100));
	/* its SA is about to be installed */
	assert_true(claim(SPI + 1));
	assert_int_equal(purge(), 1);
	assert_false(keep(SPI, 2, 100));
	assert_int_equal(adopt(SPI + 1), 1);

	/* rules are not removed before they are added */
	reading = TRUE;
	assert_true(add(SPI));
	reading = FALSE;
	assert_int_equal(purge(), 1);
	set_lifetime(LIFETIME);

	/* on shutdown */
	assert_true(add(SPI));
	assert_true(keep(SPI, 1, 100));
	early->expire(early);
	assert_int_equal(purge(), 1);
}

static void test_bytes(void **state)
{
	const u_int all = NFLOG_EARLY_BYTES / NFLOG_EARLY_SPI_BYTES;
	u_int i, j, sent = NFLOG_EARLY_SPI_BYTES / 1000, got, others = 0;

	/* one SPI, its first packets stay */
	assert_true(add(SPI));
	for (i = 1; i <= sent; i++)
	{
		assert_true(keep(SPI, i, 1000));
	}
	got = adopt(SPI);
	assert_true(got > sent / 2 && got < sent);
	assert_int_equal(count.received, sent);
	assert_int_equal(count.overrun, sent - got);

	/* small packets take more than what they have */
	assert_true(add(SPI));
	for (i = 1; i <= NFLOG_EARLY_SPI_BYTES / 64; i++)
	{
		assert_true(keep(SPI, i, 16));
	}
	assert_true(adopt(SPI) < NFLOG_EARLY_SPI_BYTES / 64);

	/* many of them, the last ones get less, or none */
	for (i = 0; i < 2 * all; i++)
	{
		assert_true(add(SPI + i));
		for (j = 1; j <= sent; j++)
		{
			assert_true(keep(SPI + i, j, 1000));
		}
	}
	assert_int_equal(adopt(SPI + 2 * all - 1), 0);
	assert_int_equal(count.overrun, sent);
	assert_int_equal(count.received, sent);
	/* what these took is free then */
	for (i = 0; i < 2 * all - 1; i++)
	{
		others += adopt(SPI + i);
		assert_int_equal(count.received, sent);
	}
	assert_true(others >= all * got && others < (all + 1) * got);
	assert_true(add(SPI));
	for (i = 1; i <= sent; i++)
	{
		assert_true(keep(SPI, i, 1000));
	}
	assert_int_equal(adopt(SPI), got);
}

static void test_spis(void **state)
{
	u_int i;

	lines = 0;
	for (i = 0; i < NFLOG_EARLY_SPIS; i++)
	{
		assert_true(add(SPI + i));
	}
	assert_int_equal(lines, 0);
	for (; i < NFLOG_EARLY_SPIS + 100; i++)
	{
		assert_false(add(SPI + i));
		assert_false(keep(SPI + i, 1, 100));
		assert_false(settle(SPI + i, NULL));
	}
	assert_int_equal(lines, 1);
	/* until there are less */
	assert_true(settle(SPI, NULL));
	assert_int_equal(purge(), 1);
	assert_true(add(SPI));
	assert_int_equal(lines, 1);
	assert_false(add(SPI + i));
	assert_int_equal(lines, 2);
}

static int setup(void **state)
{
	ruled = 0;
	set_lifetime(LIFETIME);
	queue = nflog_queue_create(1, nflog_values_buffer_size());
	early = nflog_early_create(queue);
	return 0;
}

static int teardown(void **state)
{
	early->destroy(early);
	queue->destroy(queue);
	return 0;
}

int main(int argc, char *argv[])
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_adopt, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_sa, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_rules, setup, teardown),
		cmocka_unit_test_setup_teardown(test_expire, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bytes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_spis, setup, teardown),
	};

	return cmocka_run_group_tests(tests, common_setup, common_teardown);
}
