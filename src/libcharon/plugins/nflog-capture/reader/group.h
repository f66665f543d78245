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
 * @defgroup nflog_group nflog_group
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_GROUP_H_
#define NFLOG_GROUP_H_

typedef struct nflog_group_t nflog_group_t;

#include "traces/queue.h"

/**
 * Callback for a packet of a group.
 *
 * @param data			data, as passed to receive()
 * @param logged		packet, valid during the callback
 */
typedef void (*nflog_group_cb_t)(void *data,
								 nflog_logged_t *logged);

/**
 * Netlink socket that receives the packets logged to an NFLOG group.
 *
 * The kernel gathers packets up to the group's threshold, or until the next tick of its
 * clock, and passes them on in one message.
 *
 * Nothing is locked, the lane that owns the group does that.
 */
struct nflog_group_t {

	/**
	 * Get the socket to wait on.
	 *
	 * @return			file descriptor
	 */
	int (*get_fd)(nflog_group_t *this);

	/**
	 * Get the number of the group.
	 *
	 * @return			number
	 */
	uint16_t (*get_number)(nflog_group_t *this);

	/**
	 * Receive a message of the kernel, without waiting.
	 *
	 * @param space		memory to receive into, NFLOG_QUEUE_SPACE bytes, the callback may
	 *					change its packet there, and use that memory further; NULL for
	 *					memory valid during the callback only
	 * @param cb		callback for each packet
	 * @param data		passed to the callback
	 * @return			0 if there was a message, EAGAIN if not, or another errno
	 */
	int (*receive)(nflog_group_t *this, uint8_t *space, nflog_group_cb_t cb,
				   void *data);

	/**
	 * Get the order of the packet received last.
	 *
	 * @param order		receives the order, see nflog_logged_t
	 * @return			FALSE if none was received yet
	 */
	bool (*get_order)(nflog_group_t *this, uint32_t *order);

	/**
	 * Get the number of packets that the kernel dropped, as its queue was full.
	 *
	 * @return			packets missing in the sequence received so far
	 */
	uint64_t (*get_lost)(nflog_group_t *this);

	/**
	 * Receive the connections of packets as well, which have the addresses before NAT.  The
	 * kernel may load modules for that.  Called before anything is logged to the group.
	 *
	 * @return			0 if successful, an errno otherwise: EOPNOTSUPP if the kernel lacks
	 *					that
	 */
	int (*add_connections)(nflog_group_t *this);

	/**
	 * Destroy a nflog_group_t.
	 */
	void (*destroy)(nflog_group_t *this);
};

/**
 * Create a nflog_group_t instance.
 *
 * The kernel has to answer within NFLOG_ANSWER_TIMEOUT ms.
 *
 * @param group		number of the group
 * @param stamped	TRUE if the kernel stamps all packets of the group, FALSE if they get
 *					the time of reception, so the threshold adapts to the rate, to
 *					receive them shortly after they are sent
 * @return			group, NULL with errno set on failure: EPERM without CAP_NET_ADMIN,
 *					EBUSY if another process uses the group, EINVAL if the kernel lacks
 *					nfnetlink_log
 */
nflog_group_t *nflog_group_create(uint16_t group, bool stamped);

#endif /** NFLOG_GROUP_H_ @}*/
