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

/**
 * Interval in ms after which the kernel has passed on the packets that it had at
 * its begin, longer than a tick of its clock, after which it does.
 */
#define TICK 20

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
	 * TRUE if there was nothing to read the last time.
	 */
	bool in_drained, out_drained;

	/**
	 * Order of the packet that was read last of both groups, that at the last
	 * tick, and that at the one before, and the number of ticks that are known.
	 */
	uint32_t seen, last_tick, settled;
	u_int ticks;

	/**
	 * When the last tick was.
	 */
	timeval_t tick;

	/**
	 * Idle socket that makes the kernel stamp packets, -1 if not available.
	 */
	int stamping;
};

METHOD(nflog_capture_groups_t, receive, bool,
	private_nflog_capture_groups_t *this, nflog_capture_group_cb_t cb,
	void *data)
{
	this->in_drained = !this->in->receive(this->in, cb, data);
	this->out_drained = !this->out->receive(this->out, cb, data);
	return !this->in_drained || !this->out_drained;
}

/**
 * Get the later one of two packets.
 */
static uint32_t later(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) > 0 ? a : b;
}

/**
 * Remember which packet was read last a while ago.
 */
static void update_settled(private_nflog_capture_groups_t *this, uint32_t seen)
{
	timeval_t now, next, interval = { .tv_usec = TICK * 1000 };

	this->seen = this->ticks ? later(this->seen, seen) : seen;
	time_monotonic(&now);
	timeradd(&this->tick, &interval, &next);
	if (!this->ticks || timercmp(&now, &next, >))
	{
		this->settled = this->last_tick;
		this->last_tick = this->seen;
		this->tick = now;
		this->ticks = min(this->ticks + 1, 2);
	}
}

/**
 * Get how far a single group has been read.
 */
static bool get_group_order(private_nflog_capture_groups_t *this, bool has_last,
							uint32_t last, bool drained, uint32_t *order)
{
	bool settled = this->ticks == 2;

	*order = last;
	if (drained && settled)
	{
		*order = has_last ? later(last, this->settled) : this->settled;
		return TRUE;
	}
	return has_last;
}

METHOD(nflog_capture_groups_t, get_progress, nflog_capture_progress_t,
	private_nflog_capture_groups_t *this)
{
	nflog_capture_progress_t progress = {
		.idle = this->in_drained && this->out_drained,
	};
	uint32_t in, out;
	bool has_in, has_out;

	has_in = this->in->get_order(this->in, &in);
	has_out = this->out->get_order(this->out, &out);
	if (has_in || has_out)
	{
		update_settled(this, !has_out ? in : has_in ? later(in, out) : out);
		progress.is_known =
			get_group_order(this, has_in, in, this->in_drained, &in) &&
			get_group_order(this, has_out, out, this->out_drained, &out);
		/* the earlier one */
		progress.order = later(in, out) == in ? out : in;
	}
	return progress;
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
			.get_progress = _get_progress,
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
