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
 * What tests of the reader need: all objects from rules to traces, with packets on the
 * kernel of the machine, raw ESP on the loopback device of a network namespace of its
 * own.
 */

#ifndef READER_H_
#define READER_H_

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <setjmp.h>
#include <cmocka.h>

#include "reader/pipeline.h"
#include "reader/sa_lookup.h"
#include "rules/nft_table.h"
#include "rules.h"

#include <net/if.h>
#include <netinet/in.h>
#include <pcap/pcap.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <daemon.h>

#define SPI 0xc1234567

static nflog_pipeline_t *pipeline;
static nflog_store_t *store;
static nflog_queue_t *queue;
static nflog_writer_t *writer;
static nflog_ike_messages_t *ike_messages;
static nflog_reader_t *reader;
static char dir[] = "/tmp/nflog-capture-test-XXXXXX";

static nflog_counters_t counts[POINT_MAX];
static void (*trace_end)(nflog_trace_t *trace);

/**
 * Keep the counters of a trace before it's gone.
 */
static void keep_counts(nflog_trace_t *trace)
{
	nflog_point_t point;

	trace_end(trace);
	for (point = 0; point < POINT_MAX; point++)
	{
		counts[point] = *trace->get_count(trace, point);
	}
}

static inline nflog_trace_t *create_trace(nflog_cfg_t *cfg)
{
	nflog_trace_t *trace;

	trace = nflog_trace_create(store, "conn", "net{1}", POINT_ESP_IN,
							   cfg);
	trace->set_name(trace, "net.esp");
	trace_end = trace->end;
	trace->end = keep_counts;
	return trace;
}

static nflog_sa_t *create_sa(nflog_trace_t *trace, bool inbound,
							 char *addr, uint32_t spi)
{
	nflog_sa_t *sa;
	host_t *host;

	host = host_create_from_string(addr, 0);
	sa = nflog_sa_create("conn", "net", 1, inbound, host, htonl(spi), 7,
						 trace, NULL);
	host->destroy(host);
	return sa;
}

/**
 * Send ESP packets, with sequence numbers from first on.
 */
static inline void send_esp(uint32_t spi, u_int first, u_int count, size_t len)
{
	struct sockaddr_in addr = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	uint32_t packet[len / sizeof(uint32_t)];
	u_int i;
	int fd;

	memset(packet, 0xa5, sizeof(packet));
	packet[0] = htonl(spi);
	fd = socket(AF_INET, SOCK_RAW, IPPROTO_ESP);
	assert_true(fd >= 0);
	for (i = first; i < first + count; i++)
	{
		packet[1] = htonl(i);
		assert_int_equal(sendto(fd, packet, sizeof(packet), 0,
								(struct sockaddr*)&addr, sizeof(addr)),
						 sizeof(packet));
	}
	close(fd);
}

/**
 * Have each processor in turn handle packets that are sent.
 */
static inline void next_processor()
{
	long count = sysconf(_SC_NPROCESSORS_ONLN);
	static u_int processor;
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(processor++ % count, &set);
	assert_int_equal(sched_setaffinity(0, sizeof(set), &set), 0);
}

/**
 * Open the next file of a trace, which is written in pieces.
 *
 * @param pcap		the one before, closed if there is another one
 * @param name		name of the first file
 * @param number	number of the file before, increased
 * @return			FALSE if there is none
 */
static inline bool open_next(pcap_t **pcap, char *name, u_int *number)
{
	char path[256], err[PCAP_ERRBUF_SIZE];
	int len = strlen(name) - strlen(".pcap");
	pcap_t *next;

	snprintf(path, sizeof(path), "%s/conn/%.*s.%u.pcap", dir, len, name, *number + 1);
	next = pcap_open_offline(path, err);
	if (next)
	{
		pcap_close(*pcap);
		*pcap = next;
		(*number)++;
	}
	return next != NULL;
}

/**
 * Check that the IP packets of a trace are those of send_esp(), in both
 * directions, and in the order of time.
 *
 * @param complete	FALSE if some are missing
 */
static void __attribute__((unused)) check_trace(char *name, u_int in, u_int out,
												size_t offset, bool complete)
{
	char path[256], err[PCAP_ERRBUF_SIZE];
	struct timeval last = {};
	struct pcap_pkthdr *hdr;
	const u_char *data;
	uint32_t seq[2] = {}, count[2] = {}, value;
	pcap_t *pcap;
	u_int number = 0;
	bool leaves;

	snprintf(path, sizeof(path), "%s/conn/%s", dir, name);
	pcap = pcap_open_offline(path, err);
	assert_non_null(pcap);
	while (pcap_next_ex(pcap, &hdr, &data) == 1 ||
		   (open_next(&pcap, name, &number) && pcap_next_ex(pcap, &hdr, &data) == 1))
	{
		assert_false(timercmp(&hdr->ts, &last, <));
		last = hdr->ts;
		assert_int_equal(hdr->caplen, hdr->len);
		/* hook of the first attribute, the packet header */
		leaves = data[4 + 4 + 2] == 3;
		memcpy(&value, data + hdr->caplen - offset + 20 + 4, sizeof(value));
		value = ntohl(value);
		/* none is there twice */
		assert_true(complete ? value == seq[leaves] + 1 : value > seq[leaves]);
		seq[leaves] = value;
		count[leaves]++;
		/* none arrives before it was sent */
		assert_true(!complete || seq[0] <= seq[1]);
	}
	pcap_close(pcap);
	assert_int_equal(count[0], in);
	assert_int_equal(count[1], out);
}

/**
 * Wait until all that was captured is written, and destroy the objects.
 */
static void finish()
{
	pipeline->destroy(pipeline);
	pipeline = NULL;
}

static int setup_memory(u_int lanes, size_t size)
{
	memset(counts, 0, sizeof(counts));
	pipeline = nflog_pipeline_create(lanes, size);
	assert_non_null(pipeline);
	queue = pipeline->queue;
	store = pipeline->store;
	writer = pipeline->writer;
	ike_messages = pipeline->ike_messages;
	reader = pipeline->reader;
	return 0;
}

static int setup(void **state)
{
	return setup_memory(1, 64 * 1024 * 1024);
}

static inline int setup_lanes(void **state)
{
	return setup_memory(4, 16 * 1024 * 1024);
}

static int teardown(void **state)
{
	char cmd[256];

	assert_null(pipeline);
	snprintf(cmd, sizeof(cmd), "rm -rf %s/conn", dir);
	return system(cmd);
}

/**
 * Get into a network namespace with a loopback device.
 */
static bool enter_namespace()
{
	struct ifreq req = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	bool success;
	int fd;

	if (unshare(CLONE_NEWNET) != 0)
	{
		return FALSE;
	}
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	success = fd >= 0 && ioctl(fd, SIOCSIFFLAGS, &req) == 0;
	close(fd);
	return success;
}

/**
 * Run tests.
 *
 * @param tests		array of tests
 */
#define reader_run(tests) reader_run_count(tests, countof(tests))

static int reader_run_count(const struct CMUnitTest *tests, size_t count)
{
	int ret;

	if (!enter_namespace())
	{
		fprintf(stderr, "skipped, a network namespace needs root\n");
		return 77;
	}
	library_init(NULL, "test");
	libcharon_init();
	assert_non_null(mkdtemp(dir));
	lib->settings->set_str(lib->settings, "test.plugins.nflog-capture.dir", dir);
	ret = _cmocka_run_group_tests("reader", tests, count, NULL, NULL);
	rmdir(dir);
	libcharon_deinit();
	library_deinit();
	return ret;
}

#endif /* READER_H_ */
