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

#include "netlink.h"

#include <errno.h>
#include <poll.h>
#include <sys/random.h>
#include <sys/socket.h>

#include <linux/netlink.h>

/** process IDs are below (PID_MAX_LIMIT in the kernel's threads.h) */
#define MIN_PORT_ID (4 * 1024 * 1024)

/** number of random port IDs to try, as they may be in use */
#define MAX_PORT_IDS 16

/**
 * Bind a socket to a port ID that the kernel would not choose itself.
 *
 * @return				0 if successful, an errno otherwise
 */
static int bind_random(struct mnl_socket *socket)
{
	uint32_t id;
	int i, err = EADDRINUSE;

	for (i = 0; err == EADDRINUSE && i < MAX_PORT_IDS; i++)
	{
		if (getrandom(&id, sizeof(id), 0) != sizeof(id))
		{
			return errno;
		}
		id = MIN_PORT_ID + id % (INT32_MAX - MIN_PORT_ID);
		err = mnl_socket_bind(socket, 0, id) < 0 ? errno : 0;
	}
	return err;
}

/*
 * Described in header
 */
struct mnl_socket *nflog_netlink_open()
{
	struct mnl_socket *socket;
	int err;

	/* child processes, such as updown scripts, must not keep the socket open */
	socket = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
	if (socket)
	{
		err = bind_random(socket);
		if (err)
		{
			mnl_socket_close(socket);
			errno = err;
			return NULL;
		}
	}
	return socket;
}

/*
 * Described in header
 */
void nflog_netlink_deadline(timeval_t *deadline)
{
	time_monotonic(deadline);
	timeval_add_ms(deadline, NFLOG_ANSWER_TIMEOUT);
}

/**
 * Get the time until a deadline, FALSE if that has passed.
 */
static bool get_rest(timeval_t *deadline, timeval_t *rest)
{
	timeval_t now;

	time_monotonic(&now);
	timersub(deadline, &now, rest);
	return rest->tv_sec >= 0;
}

/**
 * Wait for a message.
 *
 * @return				0 if there may be one, an errno otherwise
 */
static int wait_for(int fd, timeval_t *deadline)
{
	struct pollfd pfd = {
		.fd = fd,
		.events = POLLIN,
	};
	timeval_t rest;
	int ret;

	if (!get_rest(deadline, &rest))
	{
		return ETIMEDOUT;
	}
	ret = poll(&pfd, 1, rest.tv_sec * 1000 + rest.tv_usec / 1000 + 1);
	return ret < 0 && errno != EINTR ? errno : 0;
}

/*
 * Described in header
 */
ssize_t nflog_netlink_receive(int fd, void *buf, size_t size,
							  timeval_t *deadline)
{
	struct sockaddr_nl sender;
	timeval_t rest;
	socklen_t len;
	ssize_t bytes;
	int err;

	while (TRUE)
	{
		len = sizeof(sender);
		/* return the size of truncated messages, too */
		bytes = recvfrom(fd, buf, size, MSG_DONTWAIT | MSG_TRUNC,
						 (struct sockaddr*)&sender, &len);
		if (bytes >= 0)
		{
			if (len == sizeof(sender) && sender.nl_pid == 0)
			{
				return bytes;
			}
			if (deadline && !get_rest(deadline, &rest))
			{	/* other processes may send without end */
				errno = ETIMEDOUT;
				return -1;
			}
		}
		else if (errno == EAGAIN && deadline)
		{
			err = wait_for(fd, deadline);
			if (err)
			{
				errno = err;
				return -1;
			}
		}
		else if (errno != EINTR)
		{
			return -1;
		}
	}
}
