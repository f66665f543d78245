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

#include "lane.h"
#include "group.h"
#include "process/pulse.h"

#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <daemon.h>
#include <threading/mutex.h>
#include <threading/thread.h>

typedef struct private_nflog_lane_t private_nflog_lane_t;

/**
 * Private data.
 */
struct private_nflog_lane_t {

	/**
	 * Public interface.
	 */
	nflog_lane_t public;

	/**
	 * Number of the lane.
	 */
	u_int number;

	/**
	 * Groups, by nflog_way_t, NULL if the lane has no such group.
	 */
	nflog_group_t *groups[NFLOG_WAYS];

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
	 * Guards the groups, held while messages are read.
	 */
	mutex_t *mutex;

	/**
	 * Held while waiting for the mutex.  If packets arrive without end, the thread would lock
	 * the mutex again at once, so no other thread got it.
	 */
	mutex_t *turn;

	/**
	 * Thread that reads, NULL if not started.
	 */
	thread_t *thread;

	/**
	 * Its progress.
	 */
	nflog_pulse_t *pulse;

	/**
	 * Ends the thread, an eventfd.
	 */
	int event;
};

METHOD(nflog_lane_t, lock, void,
	private_nflog_lane_t *this)
{
	this->turn->lock(this->turn);
	this->mutex->lock(this->mutex);
	this->turn->unlock(this->turn);
}

METHOD(nflog_lane_t, unlock, void,
	private_nflog_lane_t *this)
{
	this->mutex->unlock(this->mutex);
}

/**
 * Pass a packet to the callback.
 */
static void handle_packet(void *data, nflog_logged_t *logged)
{
	private_nflog_lane_t *this = data;

	this->cb(this->data, this->number, logged);
}

/**
 * Log an error of a group, but not that there was nothing to receive.
 */
static void log_error(nflog_group_t *group, int err)
{
	if (err && err != EAGAIN)
	{
		DBG1(DBG_KNL, "nflog-capture: unable to receive from NFLOG group %u: %s",
			 group->get_number(group), strerror(err));
	}
}

/**
 * Receive a message from a group, into the queue if it has space.
 */
static int receive(private_nflog_lane_t *this, nflog_group_t *group)
{
	uint8_t *space;

	space = this->queue->get_space(this->queue, this->number);
	return group->receive(group, space, handle_packet, this);
}

/**
 * Receive from the groups that have something to read.
 *
 * Once from each, as poll() takes no longer than a call that finds nothing, and those that
 * wait for the lane get their turn.
 *
 * @param pfd			result of poll(), by nflog_way_t
 */
static void read_messages(private_nflog_lane_t *this, struct pollfd *pfd)
{
	int err[NFLOG_WAYS] = {};
	u_int i;

	lock(this);
	for (i = 0; i < NFLOG_WAYS; i++)
	{
		if (pfd[i].revents)
		{
			err[i] = receive(this, this->groups[i]);
		}
	}
	this->queue->publish(this->queue, this->number);
	unlock(this);
	/* not before, so those that lock the lane don't wait for the log */
	for (i = 0; i < NFLOG_WAYS; i++)
	{
		log_error(this->groups[i], err[i]);
	}
}

/**
 * Thread that reads until it is stopped.
 */
static void *run(private_nflog_lane_t *this)
{
	struct pollfd pfd[NFLOG_WAYS + 1], *event = &pfd[NFLOG_WAYS];
	u_int i;

	for (i = 0; i < NFLOG_WAYS; i++)
	{	/* negative ones are ignored */
		pfd[i] = (struct pollfd){
			.fd = this->groups[i] ? this->groups[i]->get_fd(this->groups[i]) : -1,
			.events = POLLIN,
		};
	}
	*event = (struct pollfd){
		.fd = this->event,
		.events = POLLIN,
	};
	while (!event->revents)
	{
		if (poll(pfd, countof(pfd), -1) < 0)
		{
			if (errno != EINTR)
			{
				DBG1(DBG_KNL, "nflog-capture: unable to wait for packets: %s",
					 strerror(errno));
			}
			continue;
		}
		nflog_pulse_begin(this->pulse);
		read_messages(this, pfd);
		nflog_pulse_end(this->pulse);
	}
	return NULL;
}

METHOD(nflog_lane_t, start, bool,
	private_nflog_lane_t *this)
{
	this->thread = thread_create((thread_main_t)run, this);
	return this->thread != NULL;
}

METHOD(nflog_lane_t, stop, void,
	private_nflog_lane_t *this)
{
	if (this->thread)
	{
		if (eventfd_write(this->event, 1) != 0)
		{
			DBG1(DBG_KNL, "nflog-capture: unable to wake up the thread that reads "
				 "packets: %s", strerror(errno));
		}
		this->thread->join(this->thread);
		this->thread = NULL;
	}
}

/**
 * Check if nothing is left to read from a group.
 */
static bool is_drained(nflog_group_t *group)
{
	struct pollfd pfd = {
		.fd = group->get_fd(group),
		.events = POLLIN,
	};

	return poll(&pfd, 1, 0) == 0;
}

METHOD(nflog_lane_t, get_order, bool,
	private_nflog_lane_t *this, uint32_t *order)
{
	bool has_order = FALSE;
	nflog_group_t *group;
	uint32_t last;
	u_int i;

	for (i = 0; i < NFLOG_WAYS; i++)
	{
		group = this->groups[i];
		if (group && group->get_order(group, &last))
		{
			*order = has_order ? nflog_later(*order, last) : last;
			has_order = TRUE;
		}
	}
	return has_order;
}

/**
 * Get the progress of a group.
 */
static nflog_progress_t get_group_progress(nflog_group_t *group,
										   uint32_t *settled)
{
	nflog_progress_t progress = {
		.idle = is_drained(group),
	};

	progress.is_known = group->get_order(group, &progress.order);
	if (progress.idle && settled)
	{
		progress.order = progress.is_known
				? nflog_later(progress.order, *settled) : *settled;
		progress.is_known = TRUE;
	}
	return progress;
}

METHOD(nflog_lane_t, get_progress, nflog_progress_t,
	private_nflog_lane_t *this, uint32_t *settled)
{
	nflog_progress_t progress, all;
	u_int i;

	all = get_group_progress(this->groups[0], settled);
	for (i = 1; i < NFLOG_WAYS && this->groups[i]; i++)
	{
		progress = get_group_progress(this->groups[i], settled);
		all = nflog_progress_both(all, progress);
	}
	return all;
}

METHOD(nflog_lane_t, get_lost, uint64_t,
	private_nflog_lane_t *this, nflog_way_t way)
{
	nflog_group_t *group = this->groups[way];

	return group ? group->get_lost(group) : 0;
}

METHOD(nflog_lane_t, add_connections, int,
	private_nflog_lane_t *this)
{
	nflog_group_t *group = this->groups[WAY_MISSED];

	return group->add_connections(group);
}

METHOD(nflog_lane_t, destroy, void,
	private_nflog_lane_t *this)
{
	u_int i;

	for (i = 0; i < NFLOG_WAYS; i++)
	{
		DESTROY_IF(this->groups[i]);
	}
	nflog_pulse_destroy(this->pulse);
	close(this->event);
	this->turn->destroy(this->turn);
	this->mutex->destroy(this->mutex);
	free(this);
}

/**
 * Open a group.
 *
 * @return				FALSE with errno set on failure
 */
static bool open_group(private_nflog_lane_t *this, nflog_way_t way, uint16_t number)
{
	this->groups[way] = nflog_group_create(number, way == WAY_IN);
	return this->groups[way] != NULL;
}

/*
 * Described in header
 */
nflog_lane_t *nflog_lane_create(u_int number, uint16_t group, uint16_t *missed,
								nflog_queue_t *queue, nflog_lane_cb_t cb, void *data)
{
	private_nflog_lane_t *this;
	bool opened;
	int err;

	INIT(this,
		.public = {
			.start = _start,
			.stop = _stop,
			.lock = _lock,
			.unlock = _unlock,
			.get_order = _get_order,
			.get_progress = _get_progress,
			.get_lost = _get_lost,
			.add_connections = _add_connections,
			.destroy = _destroy,
		},
		.number = number,
		.queue = queue,
		.cb = cb,
		.data = data,
		.pulse = nflog_pulse_create("reads packets"),
		.mutex = mutex_create(MUTEX_TYPE_DEFAULT),
		.turn = mutex_create(MUTEX_TYPE_DEFAULT),
		.event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
	);
	opened = open_group(this, WAY_IN, group) && open_group(this, WAY_OUT, group + 1) &&
			 (!missed || open_group(this, WAY_MISSED, *missed));
	if (!opened)
	{
		err = errno;
		destroy(this);
		errno = err;
		return NULL;
	}
	return &this->public;
}
