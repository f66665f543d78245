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

/**
 * @defgroup nflog_netlink nflog_netlink
 * @{ @ingroup nflog_capture
 *
 * Receives messages of the kernel on netlink sockets, to which any process may send
 * messages, too.
 */

#ifndef NFLOG_NETLINK_H_
#define NFLOG_NETLINK_H_

#include <library.h>

#include <libmnl/libmnl.h>

/**
 * Open a socket for nf_tables or NFLOG, with a random port ID.
 *
 * When a socket is closed, the kernel first frees its port ID, and then removes the tables
 * and groups of the socket with that ID (netlink_release() in the kernel's af_netlink.c),
 * which are those of another socket if that got the ID in between.  The default port ID is
 * the process ID, which a process in another PID namespace may have, or another socket of
 * the same process.
 *
 * @return			socket, NULL with errno set on failure
 */
struct mnl_socket *nflog_netlink_open();

/**
 * Time for the kernel to respond, in ms.
 *
 * It handles requests while they are sent (netlink_unicast_kernel() in the kernel's
 * af_netlink.c), so its response is there at once, or was lost.
 */
#define NFLOG_ANSWER_TIMEOUT 50

/**
 * Get the time until which to wait for the response to what is sent now.
 *
 * @param deadline	receives the time, monotonic
 */
void nflog_netlink_deadline(timeval_t *deadline);

/**
 * Receive messages of the kernel, those of other processes are ignored.
 *
 * @param fd		netlink socket
 * @param buf		receives messages
 * @param size		size of buf, in bytes
 * @param deadline	until when to wait for them, monotonic, NULL not to wait
 * @return			number of received bytes, more than size if they did not fit; -1
 *					with errno set on failure: EAGAIN if there was nothing and no
 *					deadline, ETIMEDOUT after the deadline
 */
ssize_t nflog_netlink_receive(int fd, void *buf, size_t size,
							  timeval_t *deadline);

/**
 * Check if there is a message.
 *
 * Unlike mnl_nlmsg_ok() of libmnl, which compares lengths as signed numbers, this accepts
 * none of 2 GiB and more, with which mnl_nlmsg_next() would not get on.
 *
 * @param hdr		where it begins
 * @param len		bytes from there on
 * @return			TRUE if it is complete
 */
static inline bool nflog_netlink_ok(struct nlmsghdr *hdr, int len)
{
	return len >= (int)sizeof(*hdr) && hdr->nlmsg_len >= sizeof(*hdr) &&
		   hdr->nlmsg_len <= (u_int)len;
}

#endif /** NFLOG_NETLINK_H_ @}*/
