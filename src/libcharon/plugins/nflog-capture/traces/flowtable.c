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

#include "flowtable.h"

#include <errno.h>
#include <sys/socket.h>

#include <libmnl/libmnl.h>
#include <libnftnl/common.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

/** time to wait for the kernel's answer, in ms */
#define TIMEOUT 100

/** sequence number, the socket has one request only */
#define SEQ 1

/**
 * Handle a message of the answer, each is about a flowtable.
 */
static int found(const struct nlmsghdr *hdr, void *data)
{
	*(bool*)data = TRUE;
	return MNL_CB_OK;
}

/**
 * Request the flowtables of all families.
 */
static int request(struct mnl_socket *socket, bool *exists)
{
	struct timeval timeout = { .tv_usec = TIMEOUT * 1000 };
	char buf[MNL_SOCKET_BUFFER_SIZE];
	struct nlmsghdr *hdr;
	int len, ret;

	hdr = nftnl_nlmsg_build_hdr(buf, NFT_MSG_GETFLOWTABLE, NFPROTO_UNSPEC,
								NLM_F_DUMP, SEQ);
	if (mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) < 0 ||
		setsockopt(mnl_socket_get_fd(socket), SOL_SOCKET, SO_RCVTIMEO, &timeout,
				   sizeof(timeout)) != 0 ||
		mnl_socket_sendto(socket, hdr, hdr->nlmsg_len) < 0)
	{
		return errno;
	}
	do
	{
		len = mnl_socket_recvfrom(socket, buf, sizeof(buf));
		if (len < 0)
		{
			return errno;
		}
		ret = mnl_cb_run(buf, len, SEQ, mnl_socket_get_portid(socket), found,
						 exists);
	}
	while (ret > MNL_CB_STOP);
	return ret == MNL_CB_STOP ? 0 : errno;
}

/*
 * Described in header
 */
bool nflog_flowtable_exists()
{
	struct mnl_socket *socket;
	bool exists = FALSE;
	int err;

	socket = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
	err = socket ? request(socket, &exists) : errno;
	/* a kernel without nf_tables answers EINVAL, and has no flowtable */
	if (err && err != EINVAL)
	{
		DBG1(DBG_KNL, "nflog-capture: unable to list flowtables: %s", strerror(err));
	}
	if (socket)
	{
		mnl_socket_close(socket);
	}
	return exists;
}
