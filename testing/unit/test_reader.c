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
 * From rules to traces, with packets on the kernel of the machine: raw ESP on
 * the loopback device of a network namespace of its own.
 */
#define _GNU_SOURCE

#include "reader.h"

#include <netinet/ip6.h>
#include <semaphore.h>

#include <networking/tun_device.h>
#include <selectors/traffic_selector.h>
#include <threading/thread.h>

/** original method of a trace, and what is posted when it was called */
static bool (*trace_put_ref)(nflog_trace_t *trace);
static sem_t released;

/**
 * Begin to capture both directions of a CHILD_SA.
 */
static void start_both(nflog_trace_t *trace, nflog_sa_t **in,
					   nflog_sa_t **out)
{
	*in = create_sa(trace, TRUE, "127.0.0.1", SPI);
	*out = create_sa(trace, FALSE, "127.0.0.1", SPI);
	assert_true(reader->add(reader, *in));
	assert_true(reader->add(reader, *out));
	rules_wait(*in);
	rules_wait(*out);
	writer->start(writer, trace);
}

static void test_complete(void **state)
{
	nflog_cfg_t cfg = { .points = 3, .link = LINK_NFLOG };
	nflog_trace_t *trace = create_trace(&cfg);
	nflog_sa_t *in, *out;
	u_int count = 50000, i;

	start_both(trace, &in, &out);

	for (i = 0; i < count; i += 10)
	{
		next_processor();
		send_esp(SPI, i + 1, 10, 100);
	}
	/* of another SA, that is not captured */
	send_esp(SPI + 1, 1, 10, 100);

	reader->remove(reader, in);
	reader->remove(reader, out);
	writer->release(writer, trace);
	finish();

	assert_int_equal(counts[POINT_ESP_IN].logged, count);
	assert_int_equal(counts[POINT_ESP_OUT].logged, count);
	/* what can't be read or written is counted, exactly */
	assert_int_equal(counts[POINT_ESP_IN].packets +
					 counts[POINT_ESP_IN].overrun +
					 counts[POINT_ESP_IN].refused,
					 counts[POINT_ESP_IN].received);
	assert_int_equal(counts[POINT_ESP_IN].packets, count);
	assert_int_equal(counts[POINT_ESP_OUT].packets, count);
	assert_false(counts[POINT_ESP_IN].gave_up);
	assert_false(counts[POINT_ESP_OUT].gave_up);
	assert_int_equal(counts[POINT_ESP_OUT].bytes, count * (20 + 100));
	check_trace("net.esp.pcap", count, count, 20 + 100, TRUE);
}

/**
 * Note that the reader is done with an SA.
 */
static bool tell_put_ref(nflog_trace_t *trace)
{
	bool last = trace_put_ref(trace);

	sem_post(&released);
	return last;
}

static void test_late(void **state)
{
	nflog_cfg_t cfg = { .points = 3, .link = LINK_NFLOG };
	nflog_trace_t *trace = create_trace(&cfg), *other;
	nflog_counters_t *count;
	nflog_sa_t *sa, *kernel;

	sem_init(&released, 0, 0);
	/* charon encrypted ten packets, but has sent only four when the SA is gone */
	sa = create_sa(trace, FALSE, "127.0.0.1", SPI);
	sa->userland = TRUE;
	assert_true(reader->add(reader, sa));
	rules_wait(sa);
	writer->start(writer, trace);
	count = trace->get_count(trace, POINT_ESP_OUT);
	count->sa = 10;
	count->has_sa = TRUE;
	send_esp(SPI, 1, 4, 100);
	reader->remove(reader, sa);

	/* rules of others don't wait for that */
	other = create_trace(&cfg);
	other->set_name(other, "other.esp");
	kernel = create_sa(other, FALSE, "127.0.0.1", SPI + 1);
	assert_true(reader->add(reader, kernel));
	writer->start(writer, other);
	trace_put_ref = other->put_ref;
	other->put_ref = tell_put_ref;
	reader->remove(reader, kernel);
	sem_wait(&released);

	send_esp(SPI, 5, 6, 100);
	/* is none of it */
	send_esp(SPI + 1, 1, 1, 100);
	writer->release(writer, other);
	writer->release(writer, trace);
	finish();
	check_trace("net.esp.pcap", 0, 10, 20 + 100, TRUE);
	sem_destroy(&released);
}

/**
 * Original method of the queue, called by the reader, and what it has to pass.
 */
static void (*add_logged)(nflog_queue_t *queue, u_int lane,
						  nflog_tap_t *tap,
						  nflog_logged_t *logged);
static sem_t gate;

static void gated_add_logged(nflog_queue_t *queue, u_int lane,
							 nflog_tap_t *tap,
							 nflog_logged_t *logged)
{
	sem_wait(&gate);
	sem_post(&gate);
	add_logged(queue, lane, tap, logged);
}

static void test_overload(void **state)
{
	nflog_cfg_t cfg = { .points = 3, .link = LINK_NFLOG };
	nflog_trace_t *trace = create_trace(&cfg);
	nflog_counters_t *count;
	nflog_sa_t *in, *out;
	u_int sent = 100000;

	/* nothing is read until everything is sent, which is more than the kernel
	 * keeps, and then more than the memory can take */
	sem_init(&gate, 0, 0);
	add_logged = queue->add_logged;
	queue->add_logged = gated_add_logged;

	start_both(trace, &in, &out);
	send_esp(SPI, 1, sent, 1380);
	sem_post(&gate);

	reader->remove(reader, in);
	reader->remove(reader, out);
	writer->release(writer, trace);
	finish();
	sem_destroy(&gate);

	/* what is captured, and what is reported as lost, is what was sent */
	for (count = counts; count <= &counts[POINT_ESP_OUT]; count++)
	{
		assert_true(count->has_logged);
		assert_int_equal(count->logged, sent);
		assert_true(count->received < count->logged);
		/* what is missing was awaited, which the end line says */
		assert_true(count->gave_up);
		assert_true(count->overrun > 0);
		assert_true(count->packets > 0);
		assert_int_equal(count->refused, 0);
		assert_int_equal(count->packets + count->overrun, count->received);
	}
	check_trace("net.esp.pcap", counts[POINT_ESP_IN].packets,
				counts[POINT_ESP_OUT].packets, 20 + 1380, FALSE);
}

/**
 * Send packets to a TUN device, which drops them, as nobody reads them.
 */
static void send_tun(u_int count)
{
	struct sockaddr_in addr = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(0x0a020001),
		.sin_port = htons(1234),
	};
	uint8_t payload[1380] = {};
	int fd;

	fd = socket(AF_INET, SOCK_DGRAM, 0);
	assert_true(fd >= 0);
	while (count--)
	{
		assert_int_equal(sendto(fd, payload, sizeof(payload), 0,
								(struct sockaddr*)&addr, sizeof(addr)),
						 sizeof(payload));
	}
	close(fd);
}

static void test_overload_tun(void **state)
{
	nflog_cfg_t cfg = { .points = 0xc, .link = LINK_NFLOG };
	tun_device_t *tun;
	nflog_trace_t *trace;
	nflog_counters_t *count = &counts[POINT_PLAIN_OUT];
	linked_list_t *src, *dst;
	nflog_sa_t *sa;
	host_t *host;
	u_int sent = 100000;
	char buf[512];

	tun = tun_device_create("ipsec%d");
	assert_non_null(tun);
	host = host_create_from_string("10.2.0.2", 0);
	assert_true(tun->set_address(tun, host, 16));
	assert_true(tun->up(tun));
	host->destroy(host);
	lib->set(lib, "kernel-libipsec-tun", tun);
	sem_init(&gate, 0, 0);
	add_logged = queue->add_logged;
	queue->add_logged = gated_add_logged;

	trace = create_trace(&cfg);
	host = host_create_from_string("127.0.0.1", 0);
	sa = nflog_sa_create("conn", "net", 1, FALSE, host, htonl(SPI), 7, NULL,
						 trace);
	host->destroy(host);
	src = linked_list_create_with_items(
				traffic_selector_create_from_cidr("10.2.0.2/32", 0, 0, 65535),
				NULL);
	dst = linked_list_create_with_items(
				traffic_selector_create_from_cidr("10.2.0.0/16", 0, 0, 65535),
				NULL);
	sa->userland = TRUE;
	sa->selectors = nflog_selectors_create(src, dst);
	src->destroy_offset(src, offsetof(traffic_selector_t, destroy));
	dst->destroy_offset(dst, offsetof(traffic_selector_t, destroy));
	assert_true(reader->add(reader, sa));
	while (system("nft list chain inet nflog-capture tun-out > /dev/null 2>&1"))
	{
		usleep(1000);
	}
	writer->start(writer, trace);
	send_tun(sent);
	trace->get_count(trace, POINT_PLAIN_OUT)->sa = sent;
	trace->get_count(trace, POINT_PLAIN_OUT)->has_sa = TRUE;
	sem_post(&gate);

	reader->remove(reader, sa);
	writer->release(writer, trace);
	finish();
	sem_destroy(&gate);
	lib->set(lib, "kernel-libipsec-tun", NULL);
	tun->destroy(tun);

	/* what the kernel dropped is not known to be of the SA, but was lost */
	assert_true(count->received < sent);
	assert_int_equal(count->unidentified + count->received, sent);
	nflog_counters_describe(count, POINT_PLAIN_OUT, buf, sizeof(buf));
	assert_non_null(strstr(buf, "dropped before their SA was known"));
	assert_null(strstr(buf, "not seen by netfilter"));
}

static void test_restart(void **state)
{
	nflog_cfg_t cfg = { .points = 3, .link = LINK_RAW };
	nflog_trace_t *trace;
	nflog_sa_t *sa;
	char name[32];
	int i;

	/* threads, sockets and table go when idle, and come again */
	for (i = 0; i < 5; i++)
	{
		trace = create_trace(&cfg);
		snprintf(name, sizeof(name), "restart%d", i);
		trace->set_name(trace, name);
		sa = create_sa(trace, TRUE, "127.0.0.1", SPI + i);
		assert_true(reader->add(reader, sa));
		rules_wait(sa);
		writer->start(writer, trace);
		next_processor();
		send_esp(SPI + i, 1, 3, 60);
		reader->remove(reader, sa);
		writer->release(writer, trace);
	}
	finish();
	assert_int_equal(counts[POINT_ESP_IN].packets, 3);
}

static void test_same_sa(void **state)
{
	nflog_cfg_t cfg = { .points = 3, .link = LINK_RAW };
	nflog_trace_t *trace = create_trace(&cfg);
	nflog_sa_t *sa, *other;

	sa = create_sa(trace, TRUE, "127.0.0.1", SPI);
	other = create_sa(trace, TRUE, "127.0.0.1", SPI);
	assert_true(reader->add(reader, sa));
	/* refused by the kernel, without harm to the first */
	assert_false(reader->add(reader, other));
	trace->put_ref(trace);
	nflog_sa_destroy(other);

	writer->start(writer, trace);
	reader->remove(reader, sa);
	writer->release(writer, trace);
	finish();
	assert_true(counts[POINT_ESP_IN].has_logged);
}

/** fragments of a packet, each with this data */
#define FRAGMENTS 3
#define FRAGMENT_LEN 80

/**
 * Send fragments of an ESP packet to ::1.
 *
 * @param id			identification of the packet
 * @param options		TRUE to have destination options before ESP
 * @param first			the fragments to send, from this one
 * @param count			number of these
 */
static void send_fragments(uint32_t id, bool options, u_int first, u_int count)
{
	struct sockaddr_in6 addr = {
		.sin6_family = AF_INET6,
		.sin6_addr = in6addr_loopback,
	};
	struct {
		struct ip6_hdr ip;
		struct ip6_frag frag;
		uint32_t data[FRAGMENT_LEN / sizeof(uint32_t)];
	} packet = {
		.ip = {
			.ip6_flow = htonl(6 << 28),
			.ip6_plen = htons(sizeof(packet) - sizeof(packet.ip)),
			.ip6_nxt = IPPROTO_FRAGMENT,
			.ip6_hlim = 64,
			.ip6_src = in6addr_loopback,
			.ip6_dst = in6addr_loopback,
		},
		.frag = {
			.ip6f_ident = htonl(id),
		},
	};
	uint32_t *data;
	u_int i;
	int fd;

	fd = socket(AF_INET6, SOCK_RAW, IPPROTO_RAW);
	assert_true(fd >= 0);
	for (i = first; i < first + count; i++)
	{
		packet.frag.ip6f_offlg = htons(i * FRAGMENT_LEN) |
								 (i < FRAGMENTS - 1 ? IP6F_MORE_FRAG : 0);
		/* only the first fragment's counts, RFC 8200, section 4.5 */
		packet.frag.ip6f_nxt = i ? IPPROTO_TCP : options ? IPPROTO_DSTOPTS
														 : IPPROTO_ESP;
		memset(packet.data, 0, sizeof(packet.data));
		data = packet.data;
		if (!i)
		{
			if (options)
			{	/* PadN, RFC 8200, sections 4.2 and 4.6 */
				*data++ = htonl(IPPROTO_ESP << 24 | 1 << 8 | 4);
				*data++ = 0;
			}
			data[0] = htonl(SPI);
			data[1] = htonl(id);
		}
		assert_int_equal(sendto(fd, &packet, sizeof(packet), 0,
								(struct sockaddr*)&addr, sizeof(addr)),
						 sizeof(packet));
	}
	close(fd);
}

static void test_fragments(void **state)
{
	nflog_cfg_t cfg = { .points = 3, .link = LINK_RAW };
	nflog_trace_t *trace = create_trace(&cfg);
	nflog_counters_t *count = &counts[POINT_ESP_IN];
	char buf[512];
	nflog_sa_t *sa;

	sa = create_sa(trace, TRUE, "::1", SPI);
	assert_true(reader->add(reader, sa));
	rules_wait(sa);
	writer->start(writer, trace);

	/* whole, the first one twice, without the others */
	send_fragments(1, FALSE, 0, FRAGMENTS);
	send_fragments(2, FALSE, 0, 1);
	send_fragments(2, FALSE, 0, FRAGMENTS);
	send_fragments(3, FALSE, 0, 1);
	send_fragments(4, FALSE, 0, FRAGMENTS - 1);
	/* no rule of the SA sees these */
	send_fragments(5, FALSE, 1, FRAGMENTS - 1);
	/* with an extension header behind the fragment header */
	send_fragments(6, TRUE, 0, FRAGMENTS);

	reader->remove(reader, sa);
	writer->release(writer, trace);
	finish();
	assert_true(count->has_logged);
	assert_int_equal(count->logged, 6);
	assert_int_equal(count->fragments, 6);
	assert_int_equal(count->whole, 3);
	assert_int_equal(count->received, 3);
	assert_int_equal(count->packets, 3);
	nflog_counters_describe(count, POINT_ESP_IN, buf, sizeof(buf));
	assert_string_equal(buf, "esp-in 3 packets 840 bytes 0 lost, 3 first fragments "
						"repeated or without the others");
}

/** what is posted when the log stalls, and to resume it */
static sem_t stalled, resumed;

/**
 * Stall on an SA that is refused, as if the log file did.
 */
static void stall(logger_t *this, debug_t group, level_t level, int thread,
				  ike_sa_t *ike_sa, const char *message)
{
	if (strstr(message, "another one with this SPI and destination"))
	{
		sem_post(&stalled);
		sem_wait(&resumed);
	}
}

static level_t get_level(logger_t *this, debug_t group)
{
	return LEVEL_CTRL;
}

/**
 * Add an SA that is refused.
 */
static void *add_refused(void *sa)
{
	assert_false(reader->add(reader, sa));
	return NULL;
}

static void test_stalled_log(void **state)
{
	nflog_cfg_t cfg = { .points = 3, .link = LINK_RAW };
	nflog_trace_t *trace = create_trace(&cfg);
	logger_t logger = { .log = stall, .get_level = get_level };
	nflog_sa_t *sa, *same, *next;
	thread_t *logging;

	sem_init(&stalled, 0, 0);
	sem_init(&resumed, 0, 0);
	sa = create_sa(trace, TRUE, "127.0.0.1", SPI);
	same = create_sa(trace, TRUE, "127.0.0.1", SPI);
	next = create_sa(trace, TRUE, "127.0.0.1", SPI + 1);
	assert_true(reader->add(reader, sa));
	rules_wait(sa);
	writer->start(writer, trace);

	/* nobody else, and no packet, waits for somebody who logs */
	alarm(60);
	charon->bus->add_logger(charon->bus, &logger);
	logging = thread_create(add_refused, same);
	assert_non_null(logging);
	sem_wait(&stalled);
	assert_true(reader->add(reader, next));
	rules_wait(next);
	trace_put_ref = trace->put_ref;
	trace->put_ref = tell_put_ref;
	sem_init(&released, 0, 0);
	send_esp(SPI + 1, 1, 3, 60);
	reader->remove(reader, next);
	sem_wait(&released);
	trace->put_ref = trace_put_ref;
	sem_post(&resumed);
	logging->join(logging);
	charon->bus->remove_logger(charon->bus, &logger);
	alarm(0);

	trace->put_ref(trace);
	nflog_sa_destroy(same);
	reader->remove(reader, sa);
	writer->release(writer, trace);
	finish();
	assert_int_equal(counts[POINT_ESP_IN].packets, 3);
	sem_destroy(&released);
	sem_destroy(&stalled);
	sem_destroy(&resumed);
}

static int setup_little_memory(void **state)
{
	return setup_memory(1, 64 * 1024);
}

int main(int argc, char *argv[])
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_complete, setup, teardown),
		cmocka_unit_test_setup_teardown(test_late, setup, teardown),
		cmocka_unit_test_setup_teardown(test_complete, setup_lanes, teardown),
		cmocka_unit_test_setup_teardown(test_overload, setup_little_memory,
										teardown),
		cmocka_unit_test_setup_teardown(test_overload_tun, setup_little_memory,
										teardown),
		cmocka_unit_test_setup_teardown(test_restart, setup_lanes, teardown),
		cmocka_unit_test_setup_teardown(test_same_sa, setup, teardown),
		cmocka_unit_test_setup_teardown(test_fragments, setup_lanes, teardown),
		cmocka_unit_test_setup_teardown(test_stalled_log, setup_lanes, teardown),
	};

	return reader_run(tests);
}
