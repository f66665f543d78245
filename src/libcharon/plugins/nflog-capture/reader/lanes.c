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

#include "lanes.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include <daemon.h>

/**
 * Time in us after which the kernel has passed on the packets that it had at the
 * begin, which it does with the next tick of its clock, 10 ms at most.
 */
#define SETTLE_TIME 20000

/** how often to note what has been read, in us, and how many notes cover that time */
#define NOTE_INTERVAL 4000
#define MAX_NOTES 8

/** default of the option group */
#define DEFAULT_GROUP 4500

/** a power of two, more would hardly be of use, as one thread writes */
#define MAX_LANES 4

typedef struct private_nflog_lanes_t private_nflog_lanes_t;
typedef struct note_t note_t;

/**
 * What had been read at some time.
 */
struct note_t {

	/**
	 * When that was.
	 */
	timeval_t time;

	/**
	 * Order of the packet that was read last in any lane.
	 */
	uint32_t order;
};

/**
 * Private data.
 */
struct private_nflog_lanes_t {

	/**
	 * Public interface.
	 */
	nflog_lanes_t public;

	/**
	 * Lanes.
	 */
	nflog_lane_t **lanes;

	/**
	 * Number of lanes.
	 */
	u_int count;

	/**
	 * What had been read lately, the latest first.
	 */
	note_t notes[MAX_NOTES];

	/**
	 * Number of notes.
	 */
	u_int notes_count;

	/**
	 * Idle socket that makes the kernel stamp packets, -1 if not available.
	 */
	int stamping;
};

METHOD(nflog_lanes_t, start, bool,
	private_nflog_lanes_t *this)
{
	u_int i;

	for (i = 1; i < this->count; i++)
	{
		if (!this->lanes[i]->start(this->lanes[i]))
		{
			return FALSE;
		}
	}
	return TRUE;
}

METHOD(nflog_lanes_t, read_, void,
	private_nflog_lanes_t *this)
{
	this->lanes[0]->read(this->lanes[0]);
}

METHOD(nflog_lanes_t, get_fds, void,
	private_nflog_lanes_t *this, int *in, int *out)
{
	this->lanes[0]->get_fds(this->lanes[0], in, out);
}

METHOD(nflog_lanes_t, lock, void,
	private_nflog_lanes_t *this)
{
	u_int i;

	for (i = 0; i < this->count; i++)
	{
		this->lanes[i]->lock(this->lanes[i]);
	}
}

METHOD(nflog_lanes_t, unlock, void,
	private_nflog_lanes_t *this)
{
	u_int i;

	for (i = 0; i < this->count; i++)
	{
		this->lanes[i]->unlock(this->lanes[i]);
	}
}

METHOD(nflog_lanes_t, is_idle, bool,
	private_nflog_lanes_t *this)
{
	nflog_lane_t *lane;
	bool idle = TRUE;
	u_int i;

	for (i = 0; idle && i < this->count; i++)
	{
		lane = this->lanes[i];
		lane->lock(lane);
		idle = lane->get_progress(lane, NULL).idle;
		lane->unlock(lane);
	}
	return idle;
}

/**
 * Was a note made at least that many us ago?
 */
static bool is_older(note_t *note, timeval_t *now, u_int us)
{
	timeval_t limit, age = { .tv_usec = us };

	timersub(now, &age, &limit);
	return !timercmp(&note->time, &limit, >);
}

/**
 * Get what the kernel must have passed on by now: what had been read of any lane
 * a while ago, and all that was logged before.
 *
 * @return			NULL if nothing is known
 */
static uint32_t *get_settled(private_nflog_lanes_t *this)
{
	timeval_t now;
	u_int i;

	time_monotonic(&now);
	for (i = 0; i < this->notes_count; i++)
	{
		if (is_older(&this->notes[i], &now, SETTLE_TIME))
		{
			return &this->notes[i].order;
		}
	}
	return NULL;
}

/**
 * Note what has been read.
 */
static void add_note(private_nflog_lanes_t *this, uint32_t order)
{
	timeval_t now;

	time_monotonic(&now);
	if (this->notes_count && !is_older(&this->notes[0], &now, NOTE_INTERVAL))
	{
		return;
	}
	this->notes_count = min(this->notes_count + 1, MAX_NOTES);
	memmove(&this->notes[1], &this->notes[0],
			(this->notes_count - 1) * sizeof(note_t));
	this->notes[0] = (note_t){
		.time = now,
		.order = order,
	};
}

METHOD(nflog_lanes_t, get_progress, nflog_progress_t,
	private_nflog_lanes_t *this)
{
	nflog_progress_t progress, all = {};
	nflog_lane_t *lane;
	uint32_t *settled, order, seen = 0;
	bool has_seen = FALSE;
	u_int i;

	settled = get_settled(this);
	for (i = 0; i < this->count; i++)
	{
		lane = this->lanes[i];
		lane->lock(lane);
		progress = lane->get_progress(lane, settled);
		if (lane->get_order(lane, &order))
		{
			seen = has_seen ? nflog_later(seen, order) : order;
			has_seen = TRUE;
		}
		lane->unlock(lane);
		all = i ? nflog_progress_both(all, progress) : progress;
	}
	if (has_seen)
	{
		add_note(this, seen);
	}
	return all;
}

METHOD(nflog_lanes_t, get_lost, uint64_t,
	private_nflog_lanes_t *this, bool in)
{
	return this->lanes[0]->get_lost(this->lanes[0], in);
}

METHOD(nflog_lanes_t, get_all_lost, uint64_t,
	private_nflog_lanes_t *this)
{
	uint64_t lost = 0;
	u_int i;

	lock(this);
	for (i = 0; i < this->count; i++)
	{
		lost += this->lanes[i]->get_lost(this->lanes[i], TRUE) +
				this->lanes[i]->get_lost(this->lanes[i], FALSE);
	}
	unlock(this);
	return lost;
}

METHOD(nflog_lanes_t, destroy, void,
	private_nflog_lanes_t *this)
{
	u_int i;

	for (i = 0; i < this->count; i++)
	{
		this->lanes[i]->destroy(this->lanes[i]);
	}
	if (this->stamping != -1)
	{
		close(this->stamping);
	}
	free(this->lanes);
	free(this);
}

/**
 * Create all lanes.
 */
static bool create_lanes(private_nflog_lanes_t *this, uint16_t group,
						 u_int count, nflog_queue_t *queue,
						 nflog_lane_cb_t cb, void *data)
{
	nflog_lane_t *lane;

	while (this->count < count)
	{
		lane = nflog_lane_create(this->count, group + 2 * this->count,
								 queue, cb, data);
		if (!lane)
		{
			return FALSE;
		}
		this->lanes[this->count++] = lane;
	}
	return TRUE;
}

/*
 * Described in header
 */
nflog_lanes_t *nflog_lanes_create(uint16_t group, u_int count,
										nflog_queue_t *queue,
										nflog_lane_cb_t cb, void *data)
{
	private_nflog_lanes_t *this;
	int err, on = 1;

	INIT(this,
		.public = {
			.start = _start,
			.read = _read_,
			.get_fds = _get_fds,
			.lock = _lock,
			.unlock = _unlock,
			.is_idle = _is_idle,
			.get_progress = _get_progress,
			.get_lost = _get_lost,
			.get_all_lost = _get_all_lost,
			.destroy = _destroy,
		},
		.lanes = calloc(count, sizeof(nflog_lane_t*)),
		/* before 6.4 the kernel stamps packets only if some socket asks */
		.stamping = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0),
	);
	if (this->stamping == -1 ||
		setsockopt(this->stamping, SOL_SOCKET, SO_TIMESTAMP, &on,
				   sizeof(on)) != 0)
	{
		DBG1(DBG_KNL, "enabling time stamps failed: %s", strerror(errno));
	}
	if (!create_lanes(this, group, count, queue, cb, data))
	{
		err = errno;
		destroy(this);
		errno = err;
		return NULL;
	}
	return &this->public;
}

/**
 * Describe an error of the groups, with its remedy.
 */
static void describe(int err, uint16_t group, u_int count, char *reason,
					 size_t len)
{
	switch (err)
	{
		case EBUSY:
			snprintf(reason, len, "NFLOG groups %u to %u are used by another "
					 "process, set %s.plugins.nflog-capture.group to the first of "
					 "%u unused groups", group, group + 2 * count - 1, lib->ns,
					 2 * count);
			break;
		case EPERM:
			snprintf(reason, len, "using NFLOG is not permitted, charon needs "
					 "CAP_NET_ADMIN");
			break;
		case EINVAL:
		case EPROTONOSUPPORT:
			snprintf(reason, len, "the kernel needs nfnetlink_log");
			break;
		default:
			snprintf(reason, len, "using NFLOG groups %u to %u failed: %s", group,
					 group + 2 * count - 1, strerror(err));
			break;
	}
}

/*
 * Described in header
 */
nflog_lanes_t *nflog_lanes_open(nflog_queue_t *queue,
										nflog_lane_cb_t cb, void *data,
										uint16_t *group, u_int *count,
										char *reason, size_t len)
{
	nflog_lanes_t *lanes;
	int value, last;

	/* charon's own threads pass on what they decrypt, so packets of an SA don't
	 * stay on a processor */
	*count = lib->get(lib, "kernel-libipsec-tun") ? 1 : queue->get_lanes(queue);
	last = UINT16_MAX + 1 - 2 * *count;
	value = lib->settings->get_int(lib->settings,
						"%s.plugins.nflog-capture.group", DEFAULT_GROUP,
						lib->ns);
	if (value < 0 || value > last)
	{
		snprintf(reason, len, "strongswan.conf, %s.plugins.nflog-capture.group: %d "
				 "is not the first of %u NFLOG groups, use 0 to %d", lib->ns,
				 value, 2 * *count, last);
		return NULL;
	}
	*group = value;
	lanes = nflog_lanes_create(*group, *count, queue, cb, data);
	if (!lanes)
	{
		describe(errno, *group, *count, reason, len);
	}
	return lanes;
}

/*
 * Described in header
 */
u_int nflog_lanes_number()
{
	u_int lanes = 1;

	while (lanes < MAX_LANES && 2 * lanes <= sysconf(_SC_NPROCESSORS_ONLN))
	{
		lanes *= 2;
	}
	return lanes;
}
