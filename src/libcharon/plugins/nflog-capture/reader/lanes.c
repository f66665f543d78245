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
#include "connection.h"
#include "groups.h"
#include "options/types.h"

#include <errno.h>
#include <inttypes.h>
#include <sys/socket.h>
#include <unistd.h>

#include <daemon.h>
#include <threading/condvar.h>
#include <threading/mutex.h>

/**
 * Time after which the kernel has passed on all packets that it had, in us: it does so with
 * the next tick of its clock, 10 ms at most.
 */
#define SETTLE_TIME 20000

/** interval of notes, in us, and number of notes that cover that time */
#define NOTE_INTERVAL 4000
#define MAX_NOTES 8

/** lanes, at most, a power of two, more hardly help, as a single thread writes */
#define MAX_LANES (NFLOG_MAX_GROUPS / 2)

typedef struct private_nflog_lanes_t private_nflog_lanes_t;
typedef struct note_t note_t;

/**
 * Notes how far packets had been read at some time.
 */
struct note_t {

	/**
	 * When that was, monotonic.
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
	 * Where packets are published, not owned.
	 */
	nflog_queue_t *queue;

	/**
	 * Callback for each packet, and its data.
	 */
	nflog_lane_cb_t cb;
	void *data;

	/**
	 * Lanes, owned.
	 */
	nflog_lane_t *lanes[MAX_LANES];

	/**
	 * Number of open lanes, 0 if closed.
	 */
	u_int count;

	/**
	 * First NFLOG group, used by the thread that opens lanes only.
	 */
	uint16_t group;

	/**
	 * TRUE if rules may log to the groups.
	 */
	bool used;

	/**
	 * TRUE if it was tried to receive the connections of packets without SA, and if they are
	 * received, used by the thread that opens lanes only.
	 */
	bool tried, connections;

	/**
	 * TRUE while lanes are being closed, the mutex is not held then.
	 */
	bool closing;

	/**
	 * Packets that the kernel dropped from the first lane before it was opened last.
	 */
	uint64_t lost[NFLOG_WAYS];

	/**
	 * Latest notes, the last one first.
	 */
	note_t notes[MAX_NOTES];

	/**
	 * Number of notes.
	 */
	u_int notes_count;

	/**
	 * Idle socket that makes the kernel stamp packets, -1 if there is none, used by threads
	 * that open and close lanes.
	 */
	int stamping;

	/**
	 * Signals that lanes were closed.
	 */
	condvar_t *closed;

	/**
	 * Guards all of the above, locked before the lanes.
	 */
	mutex_t *mutex;
};

METHOD(nflog_lanes_t, lock, void,
	private_nflog_lanes_t *this)
{
	u_int i;

	this->mutex->lock(this->mutex);
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
	this->mutex->unlock(this->mutex);
}

METHOD(nflog_lanes_t, is_idle, bool,
	private_nflog_lanes_t *this)
{
	nflog_lane_t *lane;
	bool idle = TRUE;
	u_int i;

	this->mutex->lock(this->mutex);
	for (i = 0; idle && i < this->count; i++)
	{
		lane = this->lanes[i];
		lane->lock(lane);
		idle = lane->get_progress(lane, NULL).idle;
		lane->unlock(lane);
	}
	this->mutex->unlock(this->mutex);
	return idle;
}

/**
 * Check if a note is at least that many us old.
 */
static bool is_older(note_t *note, timeval_t *now, u_int us)
{
	timeval_t limit, age = { .tv_usec = us };

	timersub(now, &age, &limit);
	return !timercmp(&note->time, &limit, >);
}

/**
 * Get the order up to which the kernel must have passed on packets by now: of the last one
 * read in any lane a while ago.
 *
 * @return			NULL if unknown
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
 * Note how far packets have been read.
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
	nflog_progress_t progress, all = { .idle = TRUE };
	nflog_lane_t *lane;
	uint32_t *settled, order, seen = 0;
	bool has_seen = FALSE;
	u_int i;

	this->mutex->lock(this->mutex);
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
	this->mutex->unlock(this->mutex);
	return all;
}

METHOD(nflog_lanes_t, get_lost, uint64_t,
	private_nflog_lanes_t *this, nflog_way_t way)
{
	uint64_t lost;

	this->mutex->lock(this->mutex);
	lost = this->lost[way];
	if (this->count)
	{
		this->lanes[0]->lock(this->lanes[0]);
		lost += this->lanes[0]->get_lost(this->lanes[0], way);
		this->lanes[0]->unlock(this->lanes[0]);
	}
	this->mutex->unlock(this->mutex);
	return lost;
}

/**
 * Open a socket that makes the kernel stamp packets: before 6.4 it does so only if a
 * socket asks for that.
 */
static int open_stamping()
{
	int fd, on = 1;

	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd == -1 ||
		setsockopt(fd, SOL_SOCKET, SO_TIMESTAMP, &on, sizeof(on)) != 0)
	{
		DBG1(DBG_KNL, "nflog-capture: unable to enable time stamps: %s",
			 strerror(errno));
	}
	return fd;
}

/**
 * Destroy lanes without threads, and the socket that makes the kernel stamp packets,
 * nothing is locked.
 */
static void destroy_lanes(nflog_lane_t **lanes, u_int count, int stamping)
{
	u_int i;

	for (i = 0; i < count; i++)
	{
		lanes[i]->destroy(lanes[i]);
	}
	if (stamping != -1)
	{
		close(stamping);
	}
}

/**
 * Close all lanes, the mutex is locked, but not meanwhile.
 */
static void close_lanes(private_nflog_lanes_t *this)
{
	nflog_lane_t *lanes[MAX_LANES];
	uint64_t lost, all = 0;
	u_int i, count = this->count;
	nflog_way_t way;

	/* others may lock lanes as long as there are threads */
	this->closing = TRUE;
	this->mutex->unlock(this->mutex);
	for (i = 0; i < count; i++)
	{
		this->lanes[i]->stop(this->lanes[i]);
	}
	this->mutex->lock(this->mutex);
	for (i = 0; i < count; i++)
	{
		lanes[i] = this->lanes[i];
		for (way = 0; way < NFLOG_WAYS; way++)
		{
			lost = lanes[i]->get_lost(lanes[i], way);
			this->lost[way] += i ? 0 : lost;
			all += lost;
		}
	}
	this->count = 0;
	this->notes_count = 0;
	this->mutex->unlock(this->mutex);

	destroy_lanes(lanes, count, this->stamping);
	DBG2(DBG_KNL, "nflog-capture: closed %u NFLOG groups", NFLOG_GROUPS(count));
	if (all)
	{
		DBG1(DBG_KNL, "nflog-capture: the kernel dropped %" PRIu64 " packets before "
			 "they could be read from NFLOG", all);
	}
	this->mutex->lock(this->mutex);
	this->closing = FALSE;
	this->closed->broadcast(this->closed);
}

METHOD(nflog_lanes_t, add_connections, bool,
	private_nflog_lanes_t *this)
{
	nflog_lane_t *lane = this->lanes[0];
	int err;

	if (this->tried)
	{
		return this->connections;
	}
	/* others wait for the lane, and this may take long */
	nflog_connection_load();
	lane->lock(lane);
	err = lane->add_connections(lane);
	lane->unlock(lane);
	this->tried = TRUE;
	this->connections = !err;
	if (err)
	{
		DBG1(DBG_KNL, "nflog-capture: unable to learn the addresses of packets before "
			 "NAT, those that NAT keeps out of an SA are not captured as missed, %s",
			 err == EOPNOTSUPP ? "the kernel needs nf_conntrack_netlink, and "
			 "CONFIG_NETFILTER_NETLINK_GLUE_CT" : strerror(err));
	}
	return !err;
}

METHOD(nflog_lanes_t, unused, void,
	private_nflog_lanes_t *this)
{
	this->mutex->lock(this->mutex);
	this->used = FALSE;
	this->mutex->unlock(this->mutex);
}

METHOD(nflog_lanes_t, close_, bool,
	private_nflog_lanes_t *this)
{
	bool closed;

	this->mutex->lock(this->mutex);
	if (this->count && !this->used && !this->closing)
	{
		close_lanes(this);
	}
	closed = !this->count;
	this->mutex->unlock(this->mutex);
	return closed;
}

METHOD(nflog_lanes_t, destroy, void,
	private_nflog_lanes_t *this)
{
	this->closed->destroy(this->closed);
	this->mutex->destroy(this->mutex);
	free(this);
}

/**
 * Create all lanes, nothing is locked.
 *
 * @return				number of lanes, 0 on failure
 */
static u_int create_lanes(private_nflog_lanes_t *this,
						  nflog_lane_t *lanes[MAX_LANES], uint16_t *group,
						  char *reason, size_t len)
{
	uint16_t missed;
	u_int i, count;

	/* charon's own threads inject what they decrypt, so the packets of an SA don't stay on
	 * a processor */
	count = lib->get(lib, "kernel-libipsec-tun")
				? 1 : this->queue->get_lanes(this->queue);
	if (!nflog_groups_get(count, group, reason, len))
	{
		return 0;
	}
	missed = *group + 2 * count;
	for (i = 0; i < count; i++)
	{
		lanes[i] = nflog_lane_create(i, *group + 2 * i, i ? NULL : &missed, this->queue,
									 this->cb, this->data);
		if (!lanes[i])
		{
			nflog_groups_describe(errno, *group, count, reason, len);
			destroy_lanes(lanes, i, -1);
			return 0;
		}
	}
	return count;
}

/**
 * Begin to read, the mutex is locked.
 *
 * @return				FALSE on failure, some threads may run
 */
static bool start_lanes(private_nflog_lanes_t *this)
{
	u_int i;

	for (i = 0; i < this->count; i++)
	{
		if (!this->lanes[i]->start(this->lanes[i]))
		{
			return FALSE;
		}
	}
	return TRUE;
}

METHOD(nflog_lanes_t, open_, bool,
	private_nflog_lanes_t *this, uint16_t *group, u_int *count, char *reason,
	size_t len)
{
	this->mutex->lock(this->mutex);
	while (this->closing)
	{
		this->closed->wait(this->closed, this->mutex);
	}
	if (!this->count)
	{
		this->mutex->unlock(this->mutex);
		*count = create_lanes(this, this->lanes, &this->group, reason, len);
		this->tried = FALSE;
		if (*count)
		{
			this->stamping = open_stamping();
		}
		this->mutex->lock(this->mutex);
		this->count = *count;
		if (!start_lanes(this))
		{
			snprintf(reason, len, "unable to create a thread");
			close_lanes(this);
		}
	}
	this->used = this->count > 0;
	*group = this->group;
	*count = this->count;
	this->mutex->unlock(this->mutex);
	if (*count)
	{
		DBG2(DBG_KNL, "nflog-capture: reading from NFLOG groups %u to %u", *group,
			 *group + NFLOG_GROUPS(*count) - 1);
	}
	return *count > 0;
}

/*
 * Described in header
 */
nflog_lanes_t *nflog_lanes_create(nflog_queue_t *queue, nflog_lane_cb_t cb,
								  void *data)
{
	private_nflog_lanes_t *this;

	INIT(this,
		.public = {
			.open = _open_,
			.add_connections = _add_connections,
			.unused = _unused,
			.close = _close_,
			.lock = _lock,
			.unlock = _unlock,
			.is_idle = _is_idle,
			.get_progress = _get_progress,
			.get_lost = _get_lost,
			.destroy = _destroy,
		},
		.queue = queue,
		.cb = cb,
		.data = data,
		.closed = condvar_create(CONDVAR_TYPE_DEFAULT),
		.mutex = mutex_create(MUTEX_TYPE_DEFAULT),
	);
	return &this->public;
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
