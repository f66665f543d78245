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

#include "nflog_capture_groups.h"

#include <errno.h>
#include <inttypes.h>
#include <sys/socket.h>
#include <unistd.h>

typedef struct private_nflog_capture_groups_t private_nflog_capture_groups_t;

/**
 * Private data.
 */
struct private_nflog_capture_groups_t {

	/**
	 * Public interface.
	 */
	nflog_capture_groups_t public;

	/**
	 * Groups of packets that arrive and leave.
	 */
	nflog_capture_group_t *in, *out;

	/**
	 * Idle socket that makes the kernel stamp packets, -1 if not available.
	 */
	int stamping;
};

METHOD(nflog_capture_groups_t, receive, bool,
	private_nflog_capture_groups_t *this, nflog_capture_group_cb_t cb,
	void *data)
{
	bool more;

	more = this->in->receive(this->in, cb, data);
	more |= this->out->receive(this->out, cb, data);
	return more;
}

METHOD(nflog_capture_groups_t, get_fds, void,
	private_nflog_capture_groups_t *this, int *in, int *out)
{
	*in = this->in->get_fd(this->in);
	*out = this->out->get_fd(this->out);
}

METHOD(nflog_capture_groups_t, destroy, void,
	private_nflog_capture_groups_t *this)
{
	uint64_t lost;

	if (this->in && this->out)
	{
		lost = this->in->get_lost(this->in) + this->out->get_lost(this->out);
		if (lost)
		{
			DBG1(DBG_KNL, "the kernel dropped %" PRIu64 " packets before they "
				 "could be read from NFLOG", lost);
		}
	}
	DESTROY_IF(this->in);
	DESTROY_IF(this->out);
	if (this->stamping != -1)
	{
		close(this->stamping);
	}
	free(this);
}

/*
 * Described in header
 */
nflog_capture_groups_t *nflog_capture_groups_create(uint16_t group)
{
	private_nflog_capture_groups_t *this;
	int on = 1;

	INIT(this,
		.public = {
			.receive = _receive,
			.get_fds = _get_fds,
			.destroy = _destroy,
		},
		.in = nflog_capture_group_create(group, TRUE),
		.out = nflog_capture_group_create(group + 1, FALSE),
		/* before 6.4 the kernel stamps packets only if some socket asks */
		.stamping = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0),
	);
	if (!this->in || !this->out)
	{
		destroy(this);
		return NULL;
	}
	if (this->stamping == -1 ||
		setsockopt(this->stamping, SOL_SOCKET, SO_TIMESTAMP, &on,
				   sizeof(on)) != 0)
	{
		DBG1(DBG_KNL, "enabling time stamps failed: %s", strerror(errno));
	}
	return &this->public;
}
