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
 * The lower bound of what reading from NFLOG costs: receive messages, in the same
 * way as the plugin does, and count the packets in them.
 */
#define _GNU_SOURCE

#include "bench.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>

#include <libmnl/libmnl.h>
#include <libnetfilter_log/libnetfilter_log.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_log.h>

/** as in the plugin */
#define KERNEL_BUFFER 131072
#define SOCKET_BUFFER (64 * 1024 * 1024)

/*
 * Described in header
 */
struct mnl_socket *bench_open_group(bench_options_t *options)
{
	char buf[MNL_SOCKET_BUFFER_SIZE];
	struct mnl_socket *socket;
	struct nlmsghdr *hdr;
	int i, len, size = SOCKET_BUFFER;

	socket = mnl_socket_open(NETLINK_NETFILTER);
	if (!socket || mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) < 0)
	{
		bench_fail("unable to open a netlink socket: %s", strerror(errno));
	}
	for (i = 0; i < 2; i++)
	{
		hdr = nflog_nlmsg_put_header(buf, NFULNL_MSG_CONFIG, AF_UNSPEC,
									 options->group + options->out);
		hdr->nlmsg_flags |= NLM_F_ACK;
		if (i == 0)
		{
			nflog_attr_put_cfg_cmd(hdr, NFULNL_CFG_CMD_BIND);
		}
		else
		{
			nflog_attr_put_cfg_mode(hdr, NFULNL_COPY_PACKET, 0xffff);
			mnl_attr_put_u32(hdr, NFULA_CFG_NLBUFSIZ, htonl(KERNEL_BUFFER));
			mnl_attr_put_u32(hdr, NFULA_CFG_TIMEOUT, htonl(0));
			mnl_attr_put_u32(hdr, NFULA_CFG_QTHRESH, htonl(100));
		}
		if (mnl_socket_sendto(socket, hdr, hdr->nlmsg_len) < 0)
		{
			bench_fail("unable to send: %s", strerror(errno));
		}
		len = mnl_socket_recvfrom(socket, buf, sizeof(buf));
		if (mnl_cb_run(buf, len, 0, mnl_socket_get_portid(socket), NULL,
					   NULL) < 0)
		{
			bench_fail("unable to bind to group %u: %s",
					   options->group + options->out, strerror(errno));
		}
	}
	setsockopt(mnl_socket_get_fd(socket), SOL_SOCKET, SO_RCVBUFFORCE, &size,
			   sizeof(size));
	return socket;
}

/*
 * Described in header
 */
void bench_summary(bench_options_t *options, uint64_t count)
{
	char path[PATH_MAX];
	FILE *file;

	snprintf(path, sizeof(path), "%s/summary", options->dir);
	file = fopen(path, "w");
	if (!file)
	{
		bench_fail("unable to write %s: %s", path, strerror(errno));
	}
	fprintf(file, "packets %" PRIu64 "\n", count);
	fclose(file);
}

static bool stopped;

/**
 * Interrupt receiving.
 */
static void stop(int signal)
{
	stopped = TRUE;
}

/*
 * Described in header
 */
int bench_count(bench_options_t *options)
{
	struct sigaction action = { .sa_handler = stop };
	struct mnl_socket *socket = bench_open_group(options);
	size_t size = 2 * KERNEL_BUFFER;
	char *buf = malloc(size);
	uint64_t count = 0;
	struct nlmsghdr *hdr;
	int len;

	sigaction(SIGINT, &action, NULL);
	while (!stopped)
	{
		len = recv(mnl_socket_get_fd(socket), buf, size, 0);
		hdr = (struct nlmsghdr*)buf;
		for (; len > 0 && mnl_nlmsg_ok(hdr, len);
			 hdr = mnl_nlmsg_next(hdr, &len))
		{
			count += hdr->nlmsg_type == (NFNL_SUBSYS_ULOG << 8 |
										 NFULNL_MSG_PACKET);
		}
	}
	mnl_socket_close(socket);
	free(buf);
	bench_summary(options, count);
	return 0;
}
