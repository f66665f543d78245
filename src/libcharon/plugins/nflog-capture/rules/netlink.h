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
 * Messages of the kernel on netlink sockets, which any process may send messages
 * to as well.
 */

#ifndef NFLOG_NETLINK_H_
#define NFLOG_NETLINK_H_

#include <library.h>

#include <libmnl/libmnl.h>

/**
 * Open a socket for nf_tables or NFLOG, with a random port ID.
 *
 * When a socket is closed, the kernel frees its port ID first, and then removes the
 * tables and groups of the socket with that ID (netlink_release() in the kernel's
 * af_netlink.c): those of another socket, if that got the ID in between.  By default
 * this is the process ID, which others may have in another PID namespace, or the
 * same process for sockets that it does not keep open.
 *
 * @return			socket, NULL with errno set on failure
 */
struct mnl_socket *nflog_netlink_open();

/**
 * Time for the kernel to answer, in ms.
 *
 * It handles requests while they are sent (netlink_unicast_kernel() in the kernel's
 * af_netlink.c), so its answer is there at once, or was lost.
 */
#define NFLOG_ANSWER_TIMEOUT 50

/**
 * Get the time at which the kernel must have answered what is sent now.
 *
 * @param deadline	receives the time, monotonic
 */
void nflog_netlink_deadline(timeval_t *deadline);

/**
 * Receive what the kernel sent, messages of others are ignored.
 *
 * @param fd		netlink socket
 * @param buf		receives messages
 * @param size		size of buf, in bytes
 * @param deadline	time to wait for them, monotonic, NULL not to wait
 * @return			bytes that were received, or more than size if these did not
 *					fit; -1 with errno set if there was nothing, EAGAIN if not to
 *					wait, ETIMEDOUT after the deadline
 */
ssize_t nflog_netlink_receive(int fd, void *buf, size_t size,
							  timeval_t *deadline);

#endif /** NFLOG_NETLINK_H_ @}*/
