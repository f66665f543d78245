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

#include "ending.h"

#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <collections/linked_list.h>
#include <threading/mutex.h>
#include <threading/thread.h>

/** how often to check if packets were read that are awaited, in ms */
#define INTERVAL 5

/**
 * How long to wait for packets that charon has, in ms, as some may be lost.  It
 * usually takes milliseconds.
 */
#define LINGER_TIMEOUT 3000

/**
 * How long to wait for packets that rules counted, in ms.  The kernel passes
 * them on within a tick of its clock, unless it lost them, but on a busy machine
 * it may take a while until it gets to that.
 */
#define DRAIN_TIMEOUT 1000

/**
 * How long to do so while other packets arrive without end, in ms.  What the
 * kernel had queued by then has been read long before.
 */
#define DRAIN_LIMIT 3000

typedef struct private_nflog_ending_t private_nflog_ending_t;

/**
 * Private data.
 */
struct private_nflog_ending_t {

	/**
	 * Public interface.
	 */
	nflog_ending_t public;

	/**
	 * What the thread works on.
	 */
	nflog_ending_parts_t parts;

	/**
	 * SAs that were just added, nflog_sa_t.
	 */
	linked_list_t *added;

	/**
	 * SAs with rules, packets of which charon may still have, nflog_sa_t.
	 */
	linked_list_t *lingering;

	/**
	 * SAs without rules, some packets of which have yet to be read, nflog_sa_t.
	 */
	linked_list_t *draining;

	/**
	 * The thread, NULL if not started.
	 */
	thread_t *thread;

	/**
	 * TRUE if it is to end, once there is nothing left.
	 */
	bool stop;

	/**
	 * Wakes it up.
	 */
	int event;

	/**
	 * Protects the lists, thread and stop, not held while calling others.
	 */
	mutex_t *mutex;
};

/**
 * Set until when to wait for the packets of an SA.
 */
static void set_deadline(nflog_sa_t *sa, u_int ms)
{
	time_monotonic(&sa->deadline);
	timeval_add_ms(&sa->deadline, ms);
}

METHOD(nflog_ending_t, wake, void,
	private_nflog_ending_t *this)
{
	if (eventfd_write(this->event, 1) != 0)
	{
		DBG1(DBG_KNL, "nflog-capture: unable to wake up the thread that ends SAs: %s",
			 strerror(errno));
	}
}

METHOD(nflog_ending_t, add, void,
	private_nflog_ending_t *this, nflog_sa_t *sa)
{
	this->mutex->lock(this->mutex);
	this->added->insert_last(this->added, sa);
	this->mutex->unlock(this->mutex);
	wake(this);
}

METHOD(nflog_ending_t, drain, void,
	private_nflog_ending_t *this, nflog_sa_t *sa)
{
	set_deadline(sa, DRAIN_TIMEOUT);
	this->mutex->lock(this->mutex);
	this->draining->insert_last(this->draining, sa);
	this->mutex->unlock(this->mutex);
	wake(this);
}

/**
 * May charon have packets that it did not pass on to this capture point?  Not known
 * if the SA was gone before charon deleted it; not of interest if the SA is still in
 * use, as we only stop to capture it.
 */
static bool is_pending(nflog_tap_t *tap)
{
	return tap->trace &&
		   (tap->count->gone ||
			(tap->count->has_sa && tap->count->sa >
									nflog_counters_get(&tap->count->received)));
}

/**
 * Are there packets at this capture point that the kernel did not pass on?
 */
static bool is_missing(nflog_tap_t *tap)
{
	return tap->trace &&
		   tap->count->logged > nflog_counters_get(&tap->count->received);
}

/**
 * Are there packets on the TUN device that the kernel did not pass on?
 */
static bool is_missing_tun(nflog_sa_t *sa)
{
	return sa->read &&
		   sa->passed > __atomic_load_n(sa->read, __ATOMIC_RELAXED);
}

/**
 * Are there packets of a lingering SA that charon encrypted, but did not send yet,
 * or decrypted, but did not pass on?
 */
static bool is_lingering(nflog_sa_t *sa, timeval_t *now)
{
	nflog_tap_t *tap = sa->inbound ? &sa->plain : &sa->esp;
	bool pending = is_pending(tap);

	if (pending && timercmp(now, &sa->deadline, <))
	{
		return TRUE;
	}
	if (pending && tap->count->has_sa)
	{
		tap->count->gave_up = TRUE;
	}
	return FALSE;
}

/**
 * Are there packets of an SA without rules that may still be read?
 */
static bool is_draining(nflog_sa_t *sa, timeval_t *now)
{
	bool esp = is_missing(&sa->esp), plain = is_missing(&sa->plain);

	if ((esp || plain || is_missing_tun(sa)) && timercmp(now, &sa->deadline, <))
	{
		return TRUE;
	}
	if (esp)
	{
		sa->esp.count->gave_up = TRUE;
	}
	if (plain)
	{
		sa->plain.count->gave_up = TRUE;
	}
	return FALSE;
}

/**
 * Move the SAs from a list to another one that do not wait anymore.
 */
static void filter(linked_list_t *from, linked_list_t *to,
				   bool (*waits)(nflog_sa_t *sa, timeval_t *now), timeval_t *now)
{
	enumerator_t *enumerator;
	nflog_sa_t *sa;

	enumerator = from->create_enumerator(from);
	while (enumerator->enumerate(enumerator, &sa))
	{
		if (!waits(sa, now))
		{
			from->remove_at(from, enumerator);
			to->insert_last(to, sa);
		}
	}
	enumerator->destroy(enumerator);
}

/**
 * Take the SAs whose rules can be removed, all lanes are locked.
 */
static linked_list_t *get_gone(private_nflog_ending_t *this)
{
	linked_list_t *gone = linked_list_create();
	nflog_sa_t *sa;
	timeval_t now;

	this->mutex->lock(this->mutex);
	while (this->added->remove_first(this->added, (void**)&sa) == SUCCESS)
	{
		if (sa->userland)
		{
			sa->ended = TRUE;
			set_deadline(sa, LINGER_TIMEOUT);
			this->lingering->insert_last(this->lingering, sa);
		}
		else
		{
			gone->insert_last(gone, sa);
		}
	}
	time_monotonic(&now);
	filter(this->lingering, gone, is_lingering, &now);
	this->mutex->unlock(this->mutex);
	return gone;
}

/**
 * Take the SAs without rules of which all packets were read, or are not awaited any
 * longer.
 *
 * @param idle			TRUE if there was nothing left to read
 */
static linked_list_t *get_drained(private_nflog_ending_t *this, bool idle)
{
	linked_list_t *drained = linked_list_create();
	timeval_t now, wait = {
		.tv_sec = (DRAIN_LIMIT - DRAIN_TIMEOUT) / 1000,
		.tv_usec = (DRAIN_LIMIT - DRAIN_TIMEOUT) % 1000 * 1000,
	};

	time_monotonic(&now);
	if (!idle)
	{
		timersub(&now, &wait, &now);
	}
	this->mutex->lock(this->mutex);
	filter(this->draining, drained, is_draining, &now);
	this->mutex->unlock(this->mutex);
	return drained;
}

/**
 * Are packets of SAs awaited?
 */
static bool is_waiting(private_nflog_ending_t *this)
{
	bool waiting;

	this->mutex->lock(this->mutex);
	waiting = this->lingering->get_count(this->lingering) ||
			  this->draining->get_count(this->draining);
	this->mutex->unlock(this->mutex);
	return waiting;
}

/**
 * Remove the rules of SAs that are gone.
 */
static void remove_rules(private_nflog_ending_t *this)
{
	linked_list_t *gone;
	nflog_sa_t *sa;

	this->parts.lanes->lock(this->parts.lanes);
	gone = get_gone(this);
	this->parts.lanes->unlock(this->parts.lanes);

	while (gone->remove_first(gone, (void**)&sa) == SUCCESS)
	{
		this->parts.rules->remove(this->parts.rules, sa);
	}
	gone->destroy(gone);
}

/**
 * Count incomplete packets that were dropped, which may have been of an SA, all
 * lanes are locked.
 */
static void count_dropped(private_nflog_ending_t *this,
						  nflog_sa_t *sa)
{
	if (sa->esp.trace && sa->inbound &&
		sa->match.dst->get_family(sa->match.dst) == AF_INET6)
	{
		sa->esp.count->unidentified +=
				this->parts.ip6_fragments->get_dropped(this->parts.ip6_fragments) - sa->dropped;
	}
}

/**
 * End SAs of which all packets have been read, and those that are not captured.
 *
 * @return				TRUE if there are any of the latter left
 */
static bool end_sas(private_nflog_ending_t *this)
{
	linked_list_t *drained;
	enumerator_t *enumerator;
	nflog_sa_t *sa;
	bool idle, excluded;

	idle = this->parts.lanes->is_idle(this->parts.lanes);
	drained = get_drained(this, idle);
	/* what was read of them is published after that */
	this->parts.lanes->lock(this->parts.lanes);
	enumerator = drained->create_enumerator(drained);
	while (enumerator->enumerate(enumerator, &sa))
	{
		this->parts.sa_lookup->remove(this->parts.sa_lookup, sa);
		count_dropped(this, sa);
	}
	enumerator->destroy(enumerator);
	excluded = this->parts.ts_lookup->expire(this->parts.ts_lookup, idle);
	this->parts.lanes->unlock(this->parts.lanes);

	while (drained->remove_first(drained, (void**)&sa) == SUCCESS)
	{
		DBG2(DBG_KNL, "nflog-capture: ended %s SA %.8x of connection '%s'",
			 sa->inbound ? "inbound" : "outbound", ntohl(sa->spi), sa->conn);
		this->parts.writer->release(this->parts.writer, sa->esp.trace);
		this->parts.writer->release(this->parts.writer, sa->plain.trace);
		nflog_sa_destroy(sa);
	}
	drained->destroy(drained);
	return excluded;
}

METHOD(nflog_ending_t, get_missed, void,
	private_nflog_ending_t *this, nflog_missed_t *missed)
{
	missed->lost[FALSE] = this->parts.lanes->get_lost(this->parts.lanes, FALSE);
	missed->lost[TRUE] = this->parts.lanes->get_lost(this->parts.lanes, TRUE);
	missed->time = this->parts.rules->get_ike_missed(this->parts.rules);
	this->parts.lanes->lock(this->parts.lanes);
	missed->incomplete = this->parts.ip6_fragments->get_dropped(this->parts.ip6_fragments);
	this->parts.lanes->unlock(this->parts.lanes);
}

/**
 * Flush IKE messages.
 *
 * @return				time until the next trace ends, in ms, -1 if there is none
 */
static int flush_messages(private_nflog_ending_t *this)
{
	nflog_missed_t missed;
	bool idle;
	int timeout;

	get_missed(this, &missed);
	idle = this->parts.lanes->is_idle(this->parts.lanes);
	/* they are added to the first lane, as are those that it reads */
	this->parts.lanes->lock(this->parts.lanes);
	timeout = this->parts.ike_messages->flush(this->parts.ike_messages, &missed, idle);
	this->parts.lanes->unlock(this->parts.lanes);
	return timeout;
}

/**
 * Remove the rules for IKE messages if these are not to be captured anymore, and there
 * is no trace left.
 */
static void end_ike(private_nflog_ending_t *this)
{
	if (!this->parts.ike_messages->get_count(this->parts.ike_messages))
	{
		this->parts.rules->end_ike(this->parts.rules);
	}
}

/**
 * Close the NFLOG groups if all that was logged to them has been read.
 *
 * @return				TRUE if they are closed
 */
static bool close_lanes(private_nflog_ending_t *this)
{
	u_int count;

	this->parts.lanes->lock(this->parts.lanes);
	count = this->parts.sa_lookup->get_count(this->parts.sa_lookup);
	this->parts.lanes->unlock(this->parts.lanes);
	return !count && !this->parts.early->get_count(this->parts.early) &&
		   !this->parts.ike_messages->get_count(this->parts.ike_messages) &&
		   this->parts.lanes->close(this->parts.lanes);
}

/**
 * Get the shorter one of two timeouts, -1 for none.
 */
static int shorter(int a, int b)
{
	return a < 0 || (b >= 0 && b < a) ? b : a;
}

/**
 * Thread that ends SAs, and the traces of IKE_SAs.
 */
static void *run(private_nflog_ending_t *this)
{
	struct pollfd pfd = { .fd = this->event, .events = POLLIN };
	eventfd_t count;
	bool excluded, stop = FALSE;
	int timeout = -1;

	while (!stop)
	{
		if (poll(&pfd, 1, timeout) < 0 && errno != EINTR)
		{
			DBG1(DBG_KNL, "nflog-capture: unable to wait for SAs that end: %s",
				 strerror(errno));
		}
		eventfd_read(this->event, &count);
		remove_rules(this);
		excluded = end_sas(this);
		timeout = flush_messages(this);
		end_ike(this);
		timeout = shorter(timeout, this->parts.early->remove(this->parts.early, this->parts.rules));
		if (excluded || is_waiting(this))
		{
			timeout = shorter(timeout, INTERVAL);
		}
		if (close_lanes(this))
		{
			this->mutex->lock(this->mutex);
			stop = this->stop;
			this->mutex->unlock(this->mutex);
		}
	}
	return NULL;
}

METHOD(nflog_ending_t, start, bool,
	private_nflog_ending_t *this)
{
	bool started;

	this->mutex->lock(this->mutex);
	if (!this->thread)
	{
		this->thread = thread_create((thread_main_t)run, this);
	}
	started = this->thread != NULL;
	this->mutex->unlock(this->mutex);
	return started;
}

METHOD(nflog_ending_t, destroy, void,
	private_nflog_ending_t *this)
{
	this->mutex->lock(this->mutex);
	this->stop = TRUE;
	this->mutex->unlock(this->mutex);
	if (this->thread)
	{
		wake(this);
		this->thread->join(this->thread);
	}
	close(this->event);
	this->added->destroy(this->added);
	this->lingering->destroy(this->lingering);
	this->draining->destroy(this->draining);
	this->mutex->destroy(this->mutex);
	free(this);
}

/*
 * Described in header
 */
nflog_ending_t *nflog_ending_create(nflog_ending_parts_t *parts)
{
	private_nflog_ending_t *this;

	INIT(this,
		.public = {
			.start = _start,
			.wake = _wake,
			.add = _add,
			.drain = _drain,
			.get_missed = _get_missed,
			.destroy = _destroy,
		},
		.parts = *parts,
		.event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
		.added = linked_list_create(),
		.lingering = linked_list_create(),
		.draining = linked_list_create(),
		.mutex = mutex_create(MUTEX_TYPE_DEFAULT),
	);
	return &this->public;
}
