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

#include "nft_socket.h"
#include "netlink.h"

#include <errno.h>
#include <sys/socket.h>

#include <libnftnl/common.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nf_tables.h>

/** size of a transaction in bytes, more than that of the largest one: 64 SAs, each with 32
 *  pairs of subnets, and rules of all 426 classes of these (nets.h); taken as needed */
#define BUFFER_SIZE (1024 * 1024)

typedef struct private_nflog_nft_socket_t private_nflog_nft_socket_t;

/**
 * Private data.
 */
struct private_nflog_nft_socket_t {

	/**
	 * Public interface.
	 */
	nflog_nft_socket_t public;

	/**
	 * Netlink socket.
	 */
	struct mnl_socket *socket;

	/**
	 * Messages of the transaction, NULL if there is none.
	 */
	struct mnl_nlmsg_batch *batch;

	/**
	 * Last message of the transaction.
	 */
	struct nlmsghdr *last;

	/**
	 * Sequence number of the next message.
	 */
	uint32_t seq;

	/**
	 * Memory for the transaction.
	 */
	char *buffer;
};

/**
 * Receive the responses to messages, the last one of which is acknowledged.
 *
 * If the kernel refuses all of them, for lack of capabilities or of nf_tables, it responds
 * to the first one only (nfnetlink_rcv() and nfnetlink_rcv_batch() in its nfnetlink.c).
 *
 * @param first			sequence number of the first message, in a batch its begin
 * @param last			sequence number of the last message
 * @param parse			called with each message that is not an error, may be NULL
 * @return				0 if successful, an errno otherwise
 */
static int receive(private_nflog_nft_socket_t *this, uint32_t first,
				   uint32_t last, mnl_cb_t parse, void *data)
{
	char buf[MNL_SOCKET_BUFFER_SIZE];
	struct nlmsghdr *hdr;
	struct nlmsgerr *err;
	timeval_t deadline;
	int len, error = 0;
	ssize_t size;

	nflog_netlink_deadline(&deadline);
	while (TRUE)
	{
		size = nflog_netlink_receive(mnl_socket_get_fd(this->socket),
									 buf, sizeof(buf), &deadline);
		if (size < 0)
		{
			return errno;
		}
		len = min(size, sizeof(buf));
		hdr = (struct nlmsghdr*)buf;
		for (; nflog_netlink_ok(hdr, len); hdr = mnl_nlmsg_next(hdr, &len))
		{
			if (hdr->nlmsg_seq - first > last - first)
			{	/* late response to a former message */
				continue;
			}
			if (hdr->nlmsg_type != NLMSG_ERROR)
			{
				if (parse)
				{
					parse(hdr, data);
				}
				continue;
			}
			if (mnl_nlmsg_get_payload_len(hdr) < sizeof(*err))
			{
				continue;
			}
			err = mnl_nlmsg_get_payload(hdr);
			if (err->error && !error)
			{	/* not for lack of capabilities, so another process owns the table */
				error = err->error == -EPERM && hdr->nlmsg_seq != first
							? EBUSY : -err->error;
			}
			if (hdr->nlmsg_seq == last || (hdr->nlmsg_seq == first && error))
			{
				return error;
			}
		}
	}
}

METHOD(nflog_nft_socket_t, add, struct nlmsghdr*,
	private_nflog_nft_socket_t *this, uint16_t type, uint16_t flags)
{
	if (!this->batch)
	{
		this->batch = mnl_nlmsg_batch_start(this->buffer, BUFFER_SIZE);
		nftnl_batch_begin(mnl_nlmsg_batch_current(this->batch), this->seq++);
	}
	mnl_nlmsg_batch_next(this->batch);
	this->last = nftnl_nlmsg_build_hdr(mnl_nlmsg_batch_current(this->batch),
									   type, NFPROTO_INET, flags, this->seq++);
	return this->last;
}

/**
 * Send messages to the kernel.
 *
 * @return				0 if successful, an errno if nothing was sent, but not ENOBUFS
 */
static int send_messages(private_nflog_nft_socket_t *this, void *data, size_t len)
{
	if (mnl_socket_sendto(this->socket, data, len) < 0)
	{
		return errno == ENOBUFS ? ENOMEM : errno;
	}
	return 0;
}

METHOD(nflog_nft_socket_t, commit, int,
	private_nflog_nft_socket_t *this)
{
	uint32_t first, last;
	int err;

	if (!this->batch)
	{
		return 0;
	}
	first = ((struct nlmsghdr*)this->buffer)->nlmsg_seq;
	last = this->last->nlmsg_seq;
	/* the kernel responds in order, so this completes the responses */
	this->last->nlmsg_flags |= NLM_F_ACK;
	mnl_nlmsg_batch_next(this->batch);
	nftnl_batch_end(mnl_nlmsg_batch_current(this->batch), this->seq++);
	mnl_nlmsg_batch_next(this->batch);

	err = send_messages(this, mnl_nlmsg_batch_head(this->batch),
						mnl_nlmsg_batch_size(this->batch));
	mnl_nlmsg_batch_stop(this->batch);
	this->batch = NULL;
	this->last = NULL;
	return err ?: receive(this, first, last, NULL, NULL);
}

METHOD(nflog_nft_socket_t, request, int,
	private_nflog_nft_socket_t *this, uint16_t type,
	void (*build)(struct nlmsghdr *hdr, void *data), mnl_cb_t parse, void *data)
{
	char buf[MNL_SOCKET_BUFFER_SIZE];
	struct nlmsghdr *hdr;
	int err;

	hdr = nftnl_nlmsg_build_hdr(buf, type, NFPROTO_INET, NLM_F_ACK,
								this->seq++);
	build(hdr, data);
	err = send_messages(this, hdr, hdr->nlmsg_len);
	return err ?: receive(this, hdr->nlmsg_seq, hdr->nlmsg_seq, parse, data);
}

METHOD(nflog_nft_socket_t, destroy, void,
	private_nflog_nft_socket_t *this)
{
	mnl_socket_close(this->socket);
	free(this->buffer);
	free(this);
}

/*
 * Described in header
 */
nflog_nft_socket_t *nflog_nft_socket_create()
{
	private_nflog_nft_socket_t *this;
	struct mnl_socket *socket;
	int size = BUFFER_SIZE;

	socket = nflog_netlink_open();
	if (!socket)
	{
		return NULL;
	}
	/* if that is refused, so are transactions that do not fit */
	setsockopt(mnl_socket_get_fd(socket), SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size));

	INIT(this,
		.public = {
			.add = _add,
			.commit = _commit,
			.request = _request,
			.destroy = _destroy,
		},
		.socket = socket,
		.seq = 1,
		.buffer = malloc(BUFFER_SIZE),
	);
	return &this->public;
}
