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

#include "group.h"
#include "rules/netlink.h"

#include <errno.h>
#include <sys/socket.h>

#include <libmnl/libmnl.h>
#include <libnetfilter_log/libnetfilter_log.h>
#include <linux/netfilter/nfnetlink.h>

#include <daemon.h>

/** buffer of the kernel for a message, in bytes: its maximum, which gave the highest rate,
 *  may be rounded up to NFLOG_QUEUE_SPACE */
#define KERNEL_BUFFER 131072

/** threshold of packets in a message that gave the highest rate */
#define MAX_THRESHOLD 100

/** receive buffer, in bytes, for some 100 ms at line rate, used only as needed */
#define SOCKET_BUFFER (64 * 1024 * 1024)

/** bytes of a packet to copy, the maximum */
#define COPY_RANGE 0xffff

/** time for which stamped packets may wait in the kernel, in us */
#define STAMP_DELAY 500

/** interval to adapt the threshold, in us */
#define ADAPT_INTERVAL 50000

typedef struct private_nflog_group_t private_nflog_group_t;

/**
 * Private data.
 */
struct private_nflog_group_t {

	/**
	 * Public interface.
	 */
	nflog_group_t public;

	/**
	 * Netlink socket.
	 */
	struct mnl_socket *socket;

	/**
	 * Number of the group.
	 */
	uint16_t group;

	/**
	 * TRUE if the kernel stamps the packets.
	 */
	bool stamped;

	/**
	 * Threshold of packets in a message.
	 */
	uint32_t threshold;

	/**
	 * Packets received since the threshold was last adapted.
	 */
	u_int packets;

	/**
	 * When that was, by the wall clock.
	 */
	timeval_t adapted;

	/**
	 * Sequence number of the last request to the kernel.
	 */
	uint32_t request;

	/**
	 * Next sequence number expected of a packet.
	 */
	uint32_t seq;

	/**
	 * Order of the last packet, and TRUE if there was any.
	 */
	uint32_t order;
	bool has_order;

	/**
	 * Packets missing in the sequence.
	 */
	uint64_t lost;

	/**
	 * Buffer for answers, and for messages received without other memory.
	 */
	uint8_t *buffer;
};

/**
 * Send a request to configure the group, and wait for the answer, which may come behind
 * packets that others log to the group.
 */
static int configure(private_nflog_group_t *this, struct nlmsghdr *hdr)
{
	struct nlmsgerr *err;
	timeval_t deadline;
	uint32_t seq = ++this->request;
	ssize_t size;
	int len;

	hdr->nlmsg_flags |= NLM_F_ACK;
	hdr->nlmsg_seq = seq;
	if (mnl_socket_sendto(this->socket, hdr, hdr->nlmsg_len) < 0)
	{
		return errno;
	}
	nflog_netlink_deadline(&deadline);
	while (TRUE)
	{
		size = nflog_netlink_receive(mnl_socket_get_fd(this->socket),
										this->buffer, NFLOG_QUEUE_SPACE, &deadline);
		if (size < 0)
		{
			return errno;
		}
		len = min(size, NFLOG_QUEUE_SPACE);
		hdr = (struct nlmsghdr*)this->buffer;
		for (; nflog_netlink_ok(hdr, len); hdr = mnl_nlmsg_next(hdr, &len))
		{
			if (hdr->nlmsg_type == NLMSG_ERROR && hdr->nlmsg_seq == seq &&
				mnl_nlmsg_get_payload_len(hdr) >= sizeof(*err))
			{
				err = mnl_nlmsg_get_payload(hdr);
				return -err->error;
			}
		}
	}
}

/**
 * Bind to the group.
 */
static int bind_group(private_nflog_group_t *this)
{
	char buf[MNL_SOCKET_BUFFER_SIZE];
	struct nlmsghdr *hdr;
	int err;

	hdr = nflog_nlmsg_put_header(buf, NFULNL_MSG_CONFIG, AF_UNSPEC,
								 this->group);
	nflog_attr_put_cfg_cmd(hdr, NFULNL_CFG_CMD_BIND);
	err = configure(this, hdr);
	/* the kernel also returns this if another process uses the group
	 * (nfulnl_recv_config() in nfnetlink_log.c) */
	return err == EPERM && lib->caps->check(lib->caps, CAP_NET_ADMIN) ? EBUSY
																	 : err;
}

/**
 * Set all parameters of the group.
 *
 * @param flags			NFULNL_CFG_F_*
 */
static int set_parameters(private_nflog_group_t *this, uint16_t flags)
{
	char buf[MNL_SOCKET_BUFFER_SIZE];
	struct nlmsghdr *hdr;

	hdr = nflog_nlmsg_put_header(buf, NFULNL_MSG_CONFIG, AF_UNSPEC,
								 this->group);
	nflog_attr_put_cfg_mode(hdr, NFULNL_COPY_PACKET, COPY_RANGE);
	mnl_attr_put_u32(hdr, NFULA_CFG_NLBUFSIZ, htonl(KERNEL_BUFFER));
	mnl_attr_put_u32(hdr, NFULA_CFG_TIMEOUT, htonl(0));
	mnl_attr_put_u32(hdr, NFULA_CFG_QTHRESH, htonl(this->threshold));
	mnl_attr_put_u16(hdr, NFULA_CFG_FLAGS, htons(flags | NFULNL_CFG_F_SEQ |
												 NFULNL_CFG_F_SEQ_GLOBAL));
	return configure(this, hdr);
}

/**
 * Adapt the threshold to the packet rate.
 */
static void adapt(private_nflog_group_t *this, timeval_t *now)
{
	char buf[MNL_SOCKET_BUFFER_SIZE];
	struct nlmsghdr *hdr;
	timeval_t diff;
	uint64_t us, threshold;

	timersub(now, &this->adapted, &diff);
	us = diff.tv_sec * 1000000ULL + diff.tv_usec;
	if (us < ADAPT_INTERVAL)
	{
		return;
	}
	threshold = min(MAX_THRESHOLD, max(1, this->packets * STAMP_DELAY / us));
	if (threshold > this->threshold * 5 / 4 ||
		threshold < this->threshold * 3 / 4)
	{
		hdr = nflog_nlmsg_put_header(buf, NFULNL_MSG_CONFIG, AF_UNSPEC,
									 this->group);
		mnl_attr_put_u32(hdr, NFULA_CFG_QTHRESH, htonl(threshold));
		if (mnl_socket_sendto(this->socket, hdr, hdr->nlmsg_len) > 0)
		{
			this->threshold = threshold;
		}
	}
	this->adapted = *now;
	this->packets = 0;
}

/**
 * Handle a message about a packet.
 */
static void handle(private_nflog_group_t *this, struct nlmsghdr *hdr,
				   timeval_t *now, nflog_group_cb_t cb, void *data)
{
	nflog_logged_t logged = {
		.time = *now,
	};
	struct nfulnl_msg_packet_timestamp stamp;
	uint32_t seq;
	bool valid;

	valid = nflog_logged_parse(hdr, &logged);
	if (logged.attrs[NFULA_SEQ])
	{
		seq = ntohl(mnl_attr_get_u32(logged.attrs[NFULA_SEQ]));
		this->lost += (uint32_t)(seq - this->seq);
		this->seq = seq + 1;
	}
	if (logged.attrs[NFULA_SEQ_GLOBAL])
	{
		logged.order = ntohl(mnl_attr_get_u32(logged.attrs[NFULA_SEQ_GLOBAL]));
		this->order = logged.order;
		this->has_order = TRUE;
	}
	if (logged.attrs[NFULA_TIMESTAMP])
	{
		/* attributes are aligned to four bytes only */
		memcpy(&stamp, mnl_attr_get_payload(logged.attrs[NFULA_TIMESTAMP]),
			   sizeof(stamp));
		logged.time.tv_sec = be64toh(stamp.sec);
		logged.time.tv_usec = be64toh(stamp.usec);
	}
	if (valid)
	{
		this->packets++;
		cb(data, &logged);
	}
}

METHOD(nflog_group_t, get_fd, int,
	private_nflog_group_t *this)
{
	return mnl_socket_get_fd(this->socket);
}

METHOD(nflog_group_t, get_number, uint16_t,
	private_nflog_group_t *this)
{
	return this->group;
}

METHOD(nflog_group_t, receive, int,
	private_nflog_group_t *this, uint8_t *space, nflog_group_cb_t cb,
	void *data)
{
	struct nlmsghdr *hdr, *next;
	timeval_t now;
	ssize_t size;
	int len;

	space = space ?: this->buffer;
	/* messages are not longer than that */
	size = nflog_netlink_receive(mnl_socket_get_fd(this->socket), space,
								 NFLOG_QUEUE_SPACE, NULL);
	if (size <= 0)
	{	/* losses show in the sequence, not by ENOBUFS */
		return size ? errno : EAGAIN;
	}
	gettimeofday(&now, NULL);

	len = min(size, NFLOG_QUEUE_SPACE);
	for (hdr = (struct nlmsghdr*)space; nflog_netlink_ok(hdr, len); hdr = next)
	{	/* the callback may change the message */
		next = mnl_nlmsg_next(hdr, &len);
		handle(this, hdr, &now, cb, data);
	}
	if (!this->stamped)
	{
		adapt(this, &now);
	}
	return 0;
}

METHOD(nflog_group_t, get_order, bool,
	private_nflog_group_t *this, uint32_t *order)
{
	*order = this->order;
	return this->has_order;
}

METHOD(nflog_group_t, get_lost, uint64_t,
	private_nflog_group_t *this)
{
	return this->lost;
}

METHOD(nflog_group_t, add_connections, int,
	private_nflog_group_t *this)
{
	int err;

	err = set_parameters(this, NFULNL_CFG_F_CONNTRACK);
	if (err == EAGAIN)
	{	/* it has just loaded nf_conntrack_netlink (nfulnl_recv_config() in
		 * nfnetlink_log.c) */
		err = set_parameters(this, NFULNL_CFG_F_CONNTRACK);
	}
	return err;
}

METHOD(nflog_group_t, destroy, void,
	private_nflog_group_t *this)
{
	if (this->socket)
	{
		mnl_socket_close(this->socket);
	}
	free(this->buffer);
	free(this);
}

/**
 * Open and configure the socket.
 */
static int open_socket(private_nflog_group_t *this)
{
	int err, size = SOCKET_BUFFER, on = 1;

	this->socket = nflog_netlink_open();
	if (!this->socket)
	{
		return errno;
	}
	err = bind_group(this) ?: set_parameters(this, 0);
	if (err)
	{
		return err;
	}
	/* losses show in the sequence, so the kernel need not report each, which would cost
	 * more packets */
	mnl_socket_setsockopt(this->socket, NETLINK_NO_ENOBUFS, &on, sizeof(on));
	if (setsockopt(mnl_socket_get_fd(this->socket), SOL_SOCKET, SO_RCVBUFFORCE,
				   &size, sizeof(size)) != 0)
	{
		DBG1(DBG_KNL, "nflog-capture: unable to enlarge the receive buffer of NFLOG "
			 "group %u, packets may get lost at high rates: %s", this->group,
			 strerror(errno));
	}
	return 0;
}

/*
 * Described in header
 */
nflog_group_t *nflog_group_create(uint16_t group, bool stamped)
{
	private_nflog_group_t *this;
	int err;

	INIT(this,
		.public = {
			.get_fd = _get_fd,
			.get_number = _get_number,
			.receive = _receive,
			.get_order = _get_order,
			.get_lost = _get_lost,
			.add_connections = _add_connections,
			.destroy = _destroy,
		},
		.group = group,
		.stamped = stamped,
		.threshold = stamped ? MAX_THRESHOLD : 1,
		.buffer = malloc(NFLOG_QUEUE_SPACE),
	);

	err = open_socket(this);
	if (err)
	{
		_destroy(this);
		errno = err;
		return NULL;
	}
	return &this->public;
}
