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
#include "process/pulse.h"
#include "rules/wanted.h"

#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <collections/linked_list.h>
#include <threading/mutex.h>
#include <threading/thread.h>

/** interval to check if awaited packets were read, in ms */
#define INTERVAL 5

/**
 * Time to wait for packets that charon still has, in ms, as it may have dropped some.
 * Usually takes milliseconds.
 */
#define LINGER_TIMEOUT 3000

/**
 * Time to wait for packets that rules counted, in ms.  The kernel passes them on with the
 * next tick of its clock, unless it dropped them, but a busy machine may take longer.
 */
#define DRAIN_TIMEOUT 1000

/**
 * Time after which the kernel has passed on all packets, in ms: with the next tick of its
 * clock.
 */
#define SETTLE_TIME 20

/**
 * The same while other packets arrive without end, in ms.  By then, all that the kernel had
 * queued was read.
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
	 * Objects that the thread works on.
	 */
	nflog_ending_parts_t parts;

	/**
	 * SAs just added, nflog_sa_t.
	 */
	linked_list_t *added;

	/**
	 * SAs with rules, some packets of which charon may still have, nflog_sa_t.
	 */
	linked_list_t *lingering;

	/**
	 * SAs without rules, some packets of which may be unread, nflog_sa_t.
	 */
	linked_list_t *draining;

	/**
	 * The thread, NULL if not started.
	 */
	thread_t *thread;

	/**
	 * Its progress.
	 */
	nflog_pulse_t *pulse;

	/**
	 * TRUE to end the thread, once nothing is left.
	 */
	bool stop;

	/**
	 * Wakes up the thread, an eventfd.
	 */
	int event;

	/**
	 * Guards the lists, thread and stop, not held while calling others.
	 */
	mutex_t *mutex;
};

/**
 * Set the time until which to wait for packets of an SA.
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
 * Check if charon may have packets that it did not pass to this capture point.  Unknown if
 * the SA was gone before charon deleted it.  Not checked if the SA remains, and just its
 * capture ends.
 */
static bool is_pending(nflog_tap_t *tap)
{
	return tap->trace &&
		   (tap->count->gone ||
			(tap->count->has_sa && tap->count->sa >
									nflog_counters_get(&tap->count->received)));
}

/**
 * Check if there are packets of this capture point that the kernel did not pass on.
 */
static bool is_missing(nflog_tap_t *tap)
{
	return tap->trace &&
		   tap->count->logged > nflog_counters_get(&tap->count->received);
}

/**
 * Check if there are packets on the TUN device that the kernel did not pass on.
 */
static bool is_missing_tun(nflog_sa_t *sa)
{
	return sa->read &&
		   sa->passed > __atomic_load_n(sa->read, __ATOMIC_RELAXED);
}

/**
 * Check if charon may have packets of a lingering SA: encrypted but not sent, or decrypted
 * but not injected.
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
 * Check if packets that missed an SA may still be unread, as no rule counts these, or if it
 * is not known yet if they did.
 */
static bool is_missing_missed(nflog_sa_t *sa)
{
	return sa->wanted && (!sa->wanted->drained || sa->wanted->asked);
}

/**
 * Check if packets of an SA without rules may still be unread.
 */
static bool is_draining(nflog_sa_t *sa, timeval_t *now)
{
	bool esp = is_missing(&sa->esp), plain = is_missing(&sa->plain);

	if ((esp || plain || is_missing_tun(sa) || is_missing_missed(sa)) && timercmp(now, &sa->deadline, <))
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
 * Move the SAs that don't wait anymore to another list.
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
 * Get the SAs whose rules can be removed, all lanes are locked.
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
 * Note for which SAs nothing is left to read since the kernel has passed on all packets, the
 * mutex is locked.
 */
static void note_idle(private_nflog_ending_t *this, timeval_t *now)
{
	enumerator_t *enumerator;
	timeval_t passed;
	nflog_sa_t *sa;

	enumerator = this->draining->create_enumerator(this->draining);
	while (enumerator->enumerate(enumerator, &sa))
	{
		if (sa->wanted)
		{
			passed = *now;
			timeval_add_ms(&passed, DRAIN_TIMEOUT - SETTLE_TIME);
			sa->wanted->drained |= !timercmp(&passed, &sa->deadline, <);
		}
	}
	enumerator->destroy(enumerator);
}

/**
 * Get the SAs without rules whose packets were all read, or are not awaited anymore, all
 * lanes are locked.
 *
 * @param idle			TRUE if nothing was left to read
 */
static linked_list_t *get_drained(private_nflog_ending_t *this, bool idle)
{
	linked_list_t *drained = linked_list_create();
	timeval_t now, wait = {
		.tv_sec = (DRAIN_LIMIT - DRAIN_TIMEOUT) / 1000,
		.tv_usec = (DRAIN_LIMIT - DRAIN_TIMEOUT) % 1000 * 1000,
	};

	time_monotonic(&now);
	this->mutex->lock(this->mutex);
	if (idle)
	{
		note_idle(this, &now);
	}
	else
	{
		timersub(&now, &wait, &now);
	}
	filter(this->draining, drained, is_draining, &now);
	this->mutex->unlock(this->mutex);
	return drained;
}

/**
 * Check if packets of any SA are awaited.
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
 * Remove the rules of SAs that charon has no packets of anymore.
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
 * Count dropped incomplete packets that may have been of an SA, all lanes are locked.
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
 * End SAs whose packets were all read, and excluded SAs.
 *
 * @return				TRUE if there are excluded SAs left
 */
static bool end_sas(private_nflog_ending_t *this)
{
	linked_list_t *drained;
	enumerator_t *enumerator;
	nflog_sa_t *sa;
	bool idle, excluded;
	uint64_t lost;

	lost = this->parts.lanes->get_lost(this->parts.lanes, WAY_MISSED);
	idle = this->parts.lanes->is_idle(this->parts.lanes);
	/* after this, all that was read of them is published */
	this->parts.lanes->lock(this->parts.lanes);
	drained = get_drained(this, idle);
	enumerator = drained->create_enumerator(drained);
	while (enumerator->enumerate(enumerator, &sa))
	{
		this->parts.sa_lookup->remove(this->parts.sa_lookup, sa);
		this->parts.misses->remove(this->parts.misses, sa);
		count_dropped(this, sa);
		if (sa->wanted)
		{
			sa->wanted->tap.count->unidentified += lost - sa->wanted->lost;
		}
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
		if (sa->wanted)
		{
			this->parts.writer->release(this->parts.writer, sa->wanted->tap.trace);
		}
		nflog_sa_destroy(sa);
	}
	drained->destroy(drained);
	return excluded;
}

METHOD(nflog_ending_t, get_missed, void,
	private_nflog_ending_t *this, nflog_missed_t *missed)
{
	missed->lost[FALSE] = this->parts.lanes->get_lost(this->parts.lanes, WAY_OUT);
	missed->lost[TRUE] = this->parts.lanes->get_lost(this->parts.lanes, WAY_IN);
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
	/* they are added to the first lane, whose thread reads IKE messages */
	this->parts.lanes->lock(this->parts.lanes);
	timeout = this->parts.ike_messages->flush(this->parts.ike_messages, &missed, idle);
	this->parts.lanes->unlock(this->parts.lanes);
	return timeout;
}

/**
 * Remove the rules for IKE messages if these are not captured anymore, and no trace is
 * left.
 */
static void end_ike(private_nflog_ending_t *this)
{
	if (!this->parts.ike_messages->get_count(this->parts.ike_messages))
	{
		this->parts.rules->end_ike(this->parts.rules);
	}
}

/**
 * Close the NFLOG groups if all packets logged to them were read.
 *
 * @return				TRUE if closed
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
 * Get the shorter of two timeouts, -1 for none.
 */
static int shorter(int a, int b)
{
	return a < 0 || (b >= 0 && b < a) ? b : a;
}

/**
 * Thread that ends SAs and the traces of IKE_SAs.
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
		nflog_pulse_begin(this->pulse);
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
		nflog_pulse_end(this->pulse);
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
	nflog_pulse_destroy(this->pulse);
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
		.pulse = nflog_pulse_create("ends captures"),
		.event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
		.added = linked_list_create(),
		.lingering = linked_list_create(),
		.draining = linked_list_create(),
		.mutex = mutex_create(MUTEX_TYPE_DEFAULT),
	);
	return &this->public;
}
