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

#include "barrier.h"

#include <sys/time.h>

/**
 * Time after which the kernel has passed on all packets that it had, in us: it does so with
 * the next tick of its clock, 10 ms at most.
 */
#define SETTLE_TIME 20000

typedef struct private_nflog_barrier_t private_nflog_barrier_t;

/**
 * Private data.
 */
struct private_nflog_barrier_t {

	/**
	 * Public interface.
	 */
	nflog_barrier_t public;

	/**
	 * Time until which packets have to be written, monotonic, if wanted.
	 */
	timeval_t until;
	bool wanted;

	/**
	 * When this pass began, monotonic.
	 */
	timeval_t begun;

	/**
	 * Time until which all packets logged were read, monotonic, if read.
	 */
	timeval_t logged;
	bool read;

	/**
	 * By then, as packets are stamped, all of them had been stamped.
	 */
	timeval_t stamped;

	/**
	 * TRUE if one of them was not written in this pass.
	 */
	bool held;
};

METHOD(nflog_barrier_t, begin, void,
	private_nflog_barrier_t *this, timeval_t *until)
{
	this->wanted = until != NULL;
	this->held = FALSE;
	if (!until)
	{
		this->read = FALSE;
		return;
	}
	this->until = *until;
	/* what was read of a former time may not suffice */
	this->read = this->read && !timercmp(&this->logged, until, <);
	time_monotonic(&this->begun);
}

/**
 * Get the time of the last packet that the kernel stamped, and before which all packets
 * logged were read.
 *
 * @return				FALSE if there is none
 */
static bool get_last_stamp(nflog_progress_t *progress, nflog_packet_t **packets,
						   u_int count, timeval_t *last)
{
	timeval_t stamp;
	u_int i;

	timerclear(last);
	for (i = 0; progress->is_known && i < count; i++)
	{
		stamp = (timeval_t){ .tv_sec = packets[i]->sec, .tv_usec = packets[i]->usec };
		if (packets[i]->stamped && timercmp(&stamp, last, >) &&
			nflog_order_cmp(packets[i]->order, progress->order) <= 0)
		{
			*last = stamp;
		}
	}
	return timerisset(last);
}

METHOD(nflog_barrier_t, read_, void,
	private_nflog_barrier_t *this, nflog_progress_t *progress, nflog_packet_t **packets,
	u_int count)
{
	timeval_t settle = { .tv_usec = SETTLE_TIME }, now, age, last;

	if (!this->wanted || this->read)
	{
		return;
	}
	/* packets that the kernel does not stamp got the time when they were read */
	gettimeofday(&this->stamped, NULL);
	if (progress->idle)
	{
		timersub(&this->begun, &settle, &this->logged);
	}
	else if (get_last_stamp(progress, packets, count, &last) &&
			 !timercmp(&last, &this->stamped, >))
	{
		time_monotonic(&now);
		timersub(&this->stamped, &last, &age);
		timersub(&now, &age, &this->logged);
	}
	else
	{
		return;
	}
	this->read = !timercmp(&this->logged, &this->until, <);
}

METHOD(nflog_barrier_t, hold, void,
	private_nflog_barrier_t *this, nflog_packet_t *packet)
{
	timeval_t stamp = { .tv_sec = packet->sec, .tv_usec = packet->usec };

	this->held |= this->read && !timercmp(&stamp, &this->stamped, >);
}

METHOD(nflog_barrier_t, end, bool,
	private_nflog_barrier_t *this, timeval_t *until)
{
	*until = this->logged;
	return this->read && !this->held;
}

METHOD(nflog_barrier_t, destroy, void,
	private_nflog_barrier_t *this)
{
	free(this);
}

/*
 * Described in header
 */
nflog_barrier_t *nflog_barrier_create()
{
	private_nflog_barrier_t *this;

	INIT(this,
		.public = {
			.begin = _begin,
			.read = _read_,
			.hold = _hold,
			.end = _end,
			.destroy = _destroy,
		},
	);
	return &this->public;
}
