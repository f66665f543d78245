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
 * The lower bound of what it costs to read from NFLOG and to write a pcap file: the
 * messages that were received become records of the file where they are, as a netlink
 * header has as many bytes as that of a record, and what follows is a packet of link
 * type NFLOG.  One group, one file, no order among groups, no loss accounting.
 */
#define _GNU_SOURCE

#include "bench.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <libmnl/libmnl.h>
#include <libnetfilter_log/libnetfilter_log.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_log.h>
#include <pcap/pcap.h>

/** size of a block to write, and bytes to receive at once */
#define BLOCK (1024 * 1024)
#define MESSAGES (2 * 131072)

/** blocks */
#define BLOCKS 64

/** time after which a block is written that is not full, in ms */
#define DELAY 100

/**
 * Block of messages, received one after the other.
 */
typedef struct {
	/** records of a pcap file */
	uint8_t data[BLOCK + MESSAGES];
	/** bytes of records */
	size_t used;
} block_t;

static struct {
	/** blocks, block n is at n % BLOCKS */
	block_t *blocks;
	/** number of blocks filled, and written */
	uint64_t filled, written;
	/** TRUE if no more blocks follow */
	bool done;
	/** file to write to */
	int fd;
	/** guards numbers and flag, the condition signals changes */
	pthread_mutex_t mutex;
	pthread_cond_t changed;
} ring = {
	.mutex = PTHREAD_MUTEX_INITIALIZER,
	.changed = PTHREAD_COND_INITIALIZER,
};

static volatile sig_atomic_t stopped;

/**
 * Interrupt receiving.
 */
static void stop(int signal)
{
	stopped = TRUE;
}

/**
 * Write bytes.
 */
static void write_all(const void *data, size_t len)
{
	ssize_t written;

	while (len)
	{
		written = write(ring.fd, data, len);
		if (written < 0)
		{
			bench_fail("unable to write: %s", strerror(errno));
		}
		data += written;
		len -= written;
	}
}

/**
 * Write blocks, until no more follow.
 */
static void *write_blocks(void *data)
{
	block_t *block;

	pthread_mutex_lock(&ring.mutex);
	while (TRUE)
	{
		while (ring.written == ring.filled && !ring.done)
		{
			pthread_cond_wait(&ring.changed, &ring.mutex);
		}
		if (ring.written == ring.filled)
		{
			break;
		}
		block = &ring.blocks[ring.written % BLOCKS];
		pthread_mutex_unlock(&ring.mutex);

		write_all(block->data, block->used);

		pthread_mutex_lock(&ring.mutex);
		ring.written++;
		pthread_cond_signal(&ring.changed);
	}
	pthread_mutex_unlock(&ring.mutex);
	return NULL;
}

/**
 * Pass on the filled block, and wait for the next one to be free.
 */
static block_t *next_block()
{
	block_t *block;

	pthread_mutex_lock(&ring.mutex);
	ring.filled++;
	pthread_cond_signal(&ring.changed);
	while (ring.filled - ring.written == BLOCKS)
	{
		pthread_cond_wait(&ring.changed, &ring.mutex);
	}
	block = &ring.blocks[ring.filled % BLOCKS];
	pthread_mutex_unlock(&ring.mutex);
	block->used = 0;
	return block;
}

/**
 * Convert the message of a packet to a record of the file, which begins at its header.
 *
 * @param now		time for packets that the kernel did not stamp, 0 if not read yet
 */
static void convert(struct nlmsghdr *hdr, struct timeval *now)
{
	static const char prefix[] = "net{1} esp-in";
	uint32_t len = hdr->nlmsg_len - sizeof(*hdr), record[4];
	struct nlattr *attr;
	uint64_t stamp[2] = {};

	mnl_attr_for_each(attr, hdr, sizeof(struct nfgenmsg))
	{
		switch (mnl_attr_get_type(attr))
		{
			case NFULA_TIMESTAMP:
				memcpy(stamp, mnl_attr_get_payload(attr), sizeof(stamp));
				continue;
			case NFULA_PREFIX:
				memcpy(mnl_attr_get_payload(attr), prefix,
					   min(sizeof(prefix), mnl_attr_get_payload_len(attr)));
				continue;
			case NFULA_PAYLOAD:
				break;
			default:
				continue;
		}
		break;
	}
	if (!stamp[0])
	{
		if (!now->tv_sec)
		{
			gettimeofday(now, NULL);
		}
		stamp[0] = htobe64(now->tv_sec);
		stamp[1] = htobe64(now->tv_usec);
	}
	record[0] = be64toh(stamp[0]);
	record[1] = be64toh(stamp[1]);
	record[2] = record[3] = len;
	memcpy(hdr, record, sizeof(record));
}

/**
 * Convert messages that were received behind the records of a block.
 *
 * @return			number of packets
 */
static u_int add_messages(block_t *block, int len)
{
	uint8_t *from = block->data + block->used, *to = from;
	struct timeval now = {};
	struct nlmsghdr *hdr;
	u_int count = 0;
	size_t record;

	while (mnl_nlmsg_ok(hdr = (struct nlmsghdr*)from, len))
	{
		record = hdr->nlmsg_len;
		len -= MNL_ALIGN(record);
		from += MNL_ALIGN(record);
		if (hdr->nlmsg_type == (NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_PACKET))
		{
			convert(hdr, &now);
			/* messages are aligned, records are not, and attributes end aligned */
			if (to != (uint8_t*)hdr)
			{
				memmove(to, hdr, record);
			}
			to += record;
			count++;
		}
	}
	block->used = to - block->data;
	return count;
}

/**
 * Receive packets until a signal, returns their number.
 */
static uint64_t receive_packets(int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	block_t *block = &ring.blocks[0];
	uint64_t count = 0;
	int len;

	while (TRUE)
	{
		len = recv(fd, block->data + block->used, MESSAGES, MSG_DONTWAIT);
		if (len > 0)
		{
			count += add_messages(block, len);
			if (block->used >= BLOCK)
			{
				block = next_block();
			}
		}
		else if (stopped)
		{
			break;
		}
		else if (errno == EAGAIN && poll(&pfd, 1, DELAY) == 0 && block->used)
		{
			block = next_block();
		}
	}
	next_block();
	return count;
}

/*
 * Described in header
 */
int bench_write(bench_options_t *options)
{
	struct sigaction action = { .sa_handler = stop };
	struct pcap_file_header header = {
		.magic = 0xa1b2c3d4,
		.version_major = PCAP_VERSION_MAJOR,
		.version_minor = PCAP_VERSION_MINOR,
		.snaplen = 262144,
		.linktype = DLT_NFLOG,
	};
	struct mnl_socket *socket;
	pthread_t writer;
	char path[PATH_MAX];
	uint64_t count;

	ring.blocks = calloc(BLOCKS, sizeof(block_t));
	snprintf(path, sizeof(path), "%s/trace.pcap", options->dir);
	ring.fd = open(path, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
	if (!ring.blocks || ring.fd < 0 ||
		pthread_create(&writer, NULL, write_blocks, NULL) != 0)
	{
		bench_fail("unable to prepare to write %s: %s", path, strerror(errno));
	}
	write_all(&header, sizeof(header));
	sigaction(SIGINT, &action, NULL);
	socket = bench_open_group(options);
	count = receive_packets(mnl_socket_get_fd(socket));

	pthread_mutex_lock(&ring.mutex);
	ring.done = TRUE;
	pthread_cond_signal(&ring.changed);
	pthread_mutex_unlock(&ring.mutex);
	pthread_join(writer, NULL);
	mnl_socket_close(socket);
	close(ring.fd);
	bench_summary(options, count);
	return 0;
}
