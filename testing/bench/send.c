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

#define _GNU_SOURCE

#include "bench.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/** packets to send with one system call, at most */
#define MAX_BATCH 64

/** batches to send per second, if the rate allows it */
#define BATCHES 10000

/**
 * Wait until the packet with the given number is due.
 */
static void wait_for(uint64_t start, uint64_t number, u_int rate)
{
	uint64_t due = start + number * 1000000000ULL / rate;
	struct timespec ts = {
		.tv_sec = due / 1000000000,
		.tv_nsec = due % 1000000000,
	};

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL) == EINTR)
	{
		/* go on */
	}
}

/**
 * Open a socket to send as a host does, for which the kernel adds the IP header.
 */
static int open_raw(bench_options_t *options)
{
	struct sockaddr_in addr = {
		.sin_family = AF_INET,
	};
	int fd;

	fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ESP);
	if (fd < 0 || inet_pton(AF_INET, options->dst, &addr.sin_addr) != 1 ||
		connect(fd, (struct sockaddr*)&addr, sizeof(addr)) != 0)
	{
		bench_fail("unable to send to %s: %s", options->dst,
				   strerror(errno));
	}
	return fd;
}

/**
 * Open a socket to send on a device, which costs less on the way to where packets are
 * captured.
 */
static int open_packet(bench_options_t *options, struct sockaddr_ll *addr)
{
	int fd, on = 1;

	*addr = (struct sockaddr_ll){
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_IP),
		.sll_ifindex = if_nametoindex(BENCH_DEVICE),
		.sll_halen = ETH_ALEN,
		.sll_addr = BENCH_MAC,
	};
	/* without a protocol, so that it receives nothing */
	fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || !addr->sll_ifindex ||
		setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof(on)) != 0)
	{
		bench_fail("unable to send on %s: %s", BENCH_DEVICE,
				   strerror(errno));
	}
	return fd;
}

/*
 * Described in header
 */
void bench_build(bench_options_t *options, uint8_t *packet)
{
	struct iphdr *ip = (struct iphdr*)packet;
	probe_t *probe = (probe_t*)(ip + 1);
	struct in_addr dst;

	if (inet_pton(AF_INET, options->dst, &dst) != 1)
	{
		bench_fail("'%s' is not an IPv4 address", options->dst);
	}
	memset(packet, 0xa5, options->size);
	*ip = (struct iphdr){
		.version = 4,
		.ihl = sizeof(*ip) / 4,
		.tot_len = htons(options->size),
		.ttl = 64,
		.protocol = IPPROTO_ESP,
		/* next to the destination */
		.saddr = dst.s_addr ^ htonl(3),
		.daddr = dst.s_addr,
	};
	ip->check = chunk_internet_checksum(chunk_from_thing(*ip));
	probe->spi = bench_spi(0);
	probe->magic = PROBE_MAGIC;
}

/*
 * Described in header
 */
bench_sent_t bench_send(bench_options_t *options)
{
	u_int batch = MAX_BATCH, skip, i, n;
	struct mmsghdr msgs[MAX_BATCH] = {};
	struct iovec iov[MAX_BATCH];
	struct sockaddr_ll addr;
	uint8_t *packets;
	bench_sent_t sent = {};
	uint64_t start;
	uint32_t number;
	probe_t *probe;
	int fd, ret;

	fd = options->netns ? open_packet(options, &addr) : open_raw(options);
	skip = options->netns ? 0 : sizeof(struct iphdr);
	packets = malloc(MAX_BATCH * options->size);
	for (i = 0; i < MAX_BATCH; i++)
	{
		bench_build(options, packets + i * options->size);
		iov[i].iov_base = packets + i * options->size + skip;
		iov[i].iov_len = options->size - skip;
		msgs[i].msg_hdr.msg_iov = &iov[i];
		msgs[i].msg_hdr.msg_iovlen = 1;
		if (options->netns)
		{
			msgs[i].msg_hdr.msg_name = &addr;
			msgs[i].msg_hdr.msg_namelen = sizeof(addr);
		}
	}
	if (options->rate)
	{
		batch = min(MAX_BATCH, max(1, options->rate / BATCHES));
		prctl(PR_SET_TIMERSLACK, 1);
	}
	start = bench_time(CLOCK_MONOTONIC);
	while (sent.count < options->count)
	{
		if (options->rate)
		{
			wait_for(start, sent.count, options->rate);
		}
		n = min(batch, options->count - sent.count);
		for (i = 0; i < n; i++)
		{
			probe = (probe_t*)(packets + i * options->size +
							   sizeof(struct iphdr));
			number = options->first + sent.count + i;
			probe->spi = bench_spi(number % options->sas);
			probe->seq = htonl(number + 1);
			probe->number = number;
			probe->time = bench_time(CLOCK_REALTIME);
		}
		ret = sendmmsg(fd, msgs, n, 0);
		if (ret < 0 && errno != EINTR && errno != ENOBUFS)
		{
			bench_fail("unable to send: %s", strerror(errno));
		}
		sent.count += max(ret, 0);
	}
	sent.time = bench_time(CLOCK_MONOTONIC) - start;
	close(fd);
	free(packets);
	return sent;
}
