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

#include "reader.h"
#include "draining.h"
#include "early.h"
#include "ip6_fragments.h"
#include "lanes.h"
#include "lingering.h"
#include "rules/rules.h"
#include "sa_lookup.h"
#include "rules/nft_table.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <libmnl/libmnl.h>

#include <daemon.h>
#include <threading/mutex.h>
#include <threading/thread.h>

/** how often to check for packets that rules counted, in ms */
#define DRAIN_INTERVAL 5

typedef struct private_nflog_reader_t private_nflog_reader_t;

/**
 * Private data.
 */
struct private_nflog_reader_t {

	/**
	 * Public interface.
	 */
	nflog_reader_t public;

	/**
	 * Where packets are queued.
	 */
	nflog_queue_t *queue;

	/**
	 * To which traces are released.
	 */
	nflog_writer_t *writer;

	/**
	 * Where IKE messages are brought to.
	 */
	nflog_ike_messages_t *ike_messages;

	/**
	 * Rules in the kernel.
	 */
	nflog_rules_t *rules;

	/**
	 * Lanes that are read, NULL if there are none.  Set by the thread of the rules,
	 * and reset by that of the first lane.
	 */
	nflog_lanes_t *lanes;

	/**
	 * First NFLOG group, and number of lanes.
	 */
	uint16_t group;
	u_int count;

	/**
	 * Packets that the kernel dropped in lanes that are closed, those that left, and
	 * those that arrived, the thread's.
	 */
	uint64_t lost[2];

	/**
	 * Packets read from the TUN device while there was the present table, and those
	 * that were lost there, as far as known.  Each of those that left, and those that
	 * arrived, changed atomically by the lanes, or if all lanes are locked.
	 */
	uint64_t tun_read[2], tun_lost[2];

	/**
	 * TRUE if there may be rules that log to these groups.
	 */
	bool logging;

	/**
	 * Wakes up the first lane's thread.
	 */
	int event;

	/**
	 * SAs added, and not ended yet, changed if all lanes are locked as well, as
	 * their threads look up SAs.
	 */
	nflog_sa_lookup_t *sa_lookup;

	/**
	 * Keeps packets of SPIs that have no SA yet.
	 */
	nflog_early_t *early;

	/**
	 * Puts IPv6 packets together, in the first lane.
	 */
	nflog_ip6_fragments_t *ip6_fragments;

	/**
	 * TRUE if there may be SAs that are not captured, and ended.
	 */
	bool excluded;

	/**
	 * TRUE if IKE messages are to be captured.
	 */
	bool want_ike;

	/**
	 * TRUE if there are, or may be, rules for them, which stay until the last
	 * trace of an IKE_SA ended.
	 */
	bool ike_rules;

	/**
	 * SAs to remove, as nflog_sa_t.
	 */
	linked_list_t *removing;

	/**
	 * SAs to remove soon, the thread's.
	 */
	nflog_lingering_t *lingering;

	/**
	 * SAs without rules, some packets of which may still arrive.
	 */
	nflog_draining_t *draining;

	/**
	 * Thread of the first lane, NULL if there was none yet.
	 */
	thread_t *thread;

	/**
	 * TRUE if the thread is to end, once there are no SAs left.
	 */
	bool stop;

	/**
	 * Protects all of the above, locked before the lanes.
	 */
	mutex_t *mutex;
};

/**
 * Handle a packet, its lane is locked.
 */
static void handle_packet(void *data, u_int lane, nflog_logged_t *logged)
{
	private_nflog_reader_t *this = data;
	char *prefix = mnl_attr_get_payload(logged->attrs[NFULA_PREFIX]);
	nflog_tap_t *tap;
	bool fragment = FALSE;

	if (streq(prefix, NFLOG_IKE_IN))
	{
		this->ike_messages->handle(this->ike_messages, logged, TRUE);
	}
	else if (streq(prefix, NFLOG_IKE_OUT))
	{
		this->ike_messages->handle(this->ike_messages, logged, FALSE);
	}
	else
	{
		if (streq(prefix, NFLOG_TUN_IN) || streq(prefix, NFLOG_TUN_OUT))
		{
			nflog_counters_add(&this->tun_read[streq(prefix, NFLOG_TUN_IN)]);
		}
		if (streq(prefix, NFLOG_FRAG_IN))
		{
			fragment = TRUE;
			logged = this->ip6_fragments->add(this->ip6_fragments, logged,
											  time_monotonic(NULL));
		}
		tap = logged ? this->sa_lookup->find(this->sa_lookup, logged) : NULL;
		if (tap && !tap->early)
		{
			this->queue->add_logged(this->queue, lane, tap, logged);
		}
		else if (logged && (tap || fragment || streq(prefix, NFLOG_WIRE_IN)) &&
				 this->early->keep(this->early, logged))
		{
			return;
		}
		else if (logged && fragment && this->want_ike)
		{
			this->ike_messages->handle(this->ike_messages, logged, TRUE);
		}
	}
}

/**
 * Lock all lanes, so that SAs may be changed.
 */
static void lock_lanes(private_nflog_reader_t *this)
{
	this->mutex->lock(this->mutex);
	if (this->lanes)
	{
		this->lanes->lock(this->lanes);
	}
}

/**
 * Go on to read.
 */
static void unlock_lanes(private_nflog_reader_t *this)
{
	if (this->lanes)
	{
		this->lanes->unlock(this->lanes);
	}
	this->mutex->unlock(this->mutex);
}

/**
 * Wake up the thread.
 */
static void wake(private_nflog_reader_t *this)
{
	if (eventfd_write(this->event, 1) != 0)
	{
		DBG1(DBG_KNL, "waking up thread to read packets failed: %s",
			 strerror(errno));
	}
}

/**
 * Count incomplete packets that were dropped, and packets that were lost on the TUN
 * device, which may have been of an SA, all lanes are locked.
 */
static void count_dropped(private_nflog_reader_t *this,
						  nflog_sa_t *sa)
{
	uint64_t *lost;

	if (sa->esp.trace && sa->inbound &&
		sa->match.dst->get_family(sa->match.dst) == AF_INET6)
	{
		sa->esp.count->unidentified +=
				this->ip6_fragments->get_dropped(this->ip6_fragments) - sa->dropped;
	}
	if (sa->plain.trace && sa->read && sa->passed)
	{
		lost = &this->tun_lost[sa->inbound];
		*lost = sa->passed > *sa->read ? sa->passed - *sa->read : 0;
		sa->plain.count->unidentified += *lost > sa->lost ? *lost - sa->lost : 0;
	}
}

/**
 * Remove the rules of SAs that are to be removed.
 */
static void remove_rules(private_nflog_reader_t *this)
{
	linked_list_t *removing;
	nflog_sa_t *sa;

	lock_lanes(this);
	removing = this->removing;
	this->removing = linked_list_create();
	this->lingering->filter(this->lingering, removing);
	unlock_lanes(this);

	while (removing->remove_first(removing, (void**)&sa) == SUCCESS)
	{
		this->rules->remove(this->rules, sa);
	}
	removing->destroy(removing);
}

/**
 * End SAs of which all packets have been read.
 */
static void end_sas(private_nflog_reader_t *this)
{
	nflog_sa_t *sa;
	bool idle;

	if (!this->draining->has_any(this->draining))
	{
		return;
	}
	idle = !this->lanes || this->lanes->is_idle(this->lanes);
	while ((sa = this->draining->remove(this->draining, idle)))
	{
		/* what was read of it is published after that */
		lock_lanes(this);
		this->sa_lookup->remove(this->sa_lookup, sa);
		count_dropped(this, sa);
		unlock_lanes(this);
		this->writer->release(this->writer, sa->esp.trace);
		this->writer->release(this->writer, sa->plain.trace);
		nflog_sa_destroy(sa);
	}
}

/**
 * End SAs that are not captured, once all of their packets have been read.
 *
 * @return				TRUE if there are any left
 */
static bool end_excluded(private_nflog_reader_t *this)
{
	bool idle, excluded;

	this->mutex->lock(this->mutex);
	excluded = this->excluded;
	this->mutex->unlock(this->mutex);
	if (excluded)
	{
		idle = !this->lanes || this->lanes->is_idle(this->lanes);
		lock_lanes(this);
		excluded = this->sa_lookup->expire(this->sa_lookup, idle);
		this->excluded = excluded;
		unlock_lanes(this);
	}
	return excluded;
}

/**
 * Get how far packets have been read, called by the writer.
 */
static nflog_progress_t get_progress(void *data)
{
	private_nflog_reader_t *this = data;
	nflog_progress_t progress = {
		.idle = TRUE,
	};

	this->mutex->lock(this->mutex);
	if (this->lanes)
	{
		progress = this->lanes->get_progress(this->lanes);
	}
	this->mutex->unlock(this->mutex);
	return progress;
}

/**
 * Remove the rules for IKE messages if they are not wanted anymore, and there is no
 * trace left.
 */
static void end_ike(private_nflog_reader_t *this)
{
	bool end;

	this->mutex->lock(this->mutex);
	end = this->ike_rules && !this->want_ike &&
		  !this->ike_messages->get_count(this->ike_messages);
	this->ike_rules &= !end;
	this->mutex->unlock(this->mutex);
	if (end)
	{
		this->rules->log_ike(this->rules, FALSE);
	}
}

/**
 * Flush IKE messages, considering what was dropped before it was known whose it
 * is.
 */
static int flush_messages(private_nflog_reader_t *this)
{
	nflog_missed_t missed = {
		.lost = {
			[FALSE] = this->lost[FALSE],
			[TRUE] = this->lost[TRUE],
		},
		.incomplete = this->ip6_fragments->get_dropped(this->ip6_fragments),
		.time = this->rules->get_ike_missed(this->rules),
	};

	if (this->lanes)
	{
		missed.lost[FALSE] += this->lanes->get_lost(this->lanes, FALSE);
		missed.lost[TRUE] += this->lanes->get_lost(this->lanes, TRUE);
	}
	return this->ike_messages->flush(this->ike_messages, &missed);
}

/**
 * Open the NFLOG groups, called by the thread of the rules.
 */
static bool open_groups(void *data, uint16_t *group, u_int *count,
						char reason[NFLOG_REASON_LEN])
{
	private_nflog_reader_t *this = data;
	nflog_lanes_t *lanes;

	this->mutex->lock(this->mutex);
	lanes = this->lanes;
	this->logging = lanes != NULL;
	this->mutex->unlock(this->mutex);
	if (!lanes)
	{
		lanes = nflog_lanes_open(this->queue, handle_packet, this,
								 &this->group, &this->count, reason,
								 NFLOG_REASON_LEN);
		if (!lanes)
		{
			return FALSE;
		}
		this->mutex->lock(this->mutex);
		if (lanes->start(lanes))
		{
			this->lanes = lanes;
			this->logging = TRUE;
		}
		this->mutex->unlock(this->mutex);
		if (!this->logging)
		{
			lanes->destroy(lanes);
			snprintf(reason, NFLOG_REASON_LEN, "creating a thread failed");
			return FALSE;
		}
		wake(this);
	}
	/* the counters of the new table begin with 0 */
	lock_lanes(this);
	memset(this->tun_read, 0, sizeof(this->tun_read));
	memset(this->tun_lost, 0, sizeof(this->tun_lost));
	unlock_lanes(this);
	*group = this->group;
	*count = this->count;
	return TRUE;
}

/**
 * There are no rules anymore, called by the thread of the rules.
 */
static void close_groups(void *data)
{
	private_nflog_reader_t *this = data;

	this->mutex->lock(this->mutex);
	this->logging = FALSE;
	this->mutex->unlock(this->mutex);
	wake(this);
}

/**
 * An SA, or SPI, has no rules anymore, called by the thread of the rules.
 */
static void removed(void *data, nflog_sa_t *sa)
{
	private_nflog_reader_t *this = data;

	if (sa->esp.trace || sa->plain.trace)
	{
		this->draining->add(this->draining, sa);
	}
	else
	{
		this->early->removed(this->early, sa);
	}
	wake(this);
}

/**
 * Close the NFLOG groups, mutex is locked.
 *
 * @return				number of packets in these groups that the kernel dropped
 */
static uint64_t close_lanes(private_nflog_reader_t *this)
{
	uint64_t lost = 0;

	if (this->lanes)
	{
		lost = this->lanes->get_all_lost(this->lanes);
		this->lost[FALSE] += this->lanes->get_lost(this->lanes, FALSE);
		this->lost[TRUE] += this->lanes->get_lost(this->lanes, TRUE);
		this->lanes->destroy(this->lanes);
		this->lanes = NULL;
	}
	return lost;
}

/**
 * Thread that reads, and ends SAs.
 */
static void *run(private_nflog_reader_t *this)
{
	struct pollfd pfd[] = {
		{ .events = POLLIN },
		{ .events = POLLIN },
		{ .fd = this->event, .events = POLLIN },
	};
	nflog_lanes_t *lanes;
	bool running = TRUE, excluded = FALSE;
	eventfd_t count;
	uint64_t lost;
	int timeout = -1, early;

	while (running)
	{
		this->mutex->lock(this->mutex);
		lanes = this->lanes;
		this->mutex->unlock(this->mutex);
		pfd[0].fd = pfd[1].fd = -1;
		if (lanes)
		{
			lanes->get_fds(lanes, &pfd[0].fd, &pfd[1].fd);
		}
		if (this->lingering->get_count(this->lingering) ||
			this->draining->has_any(this->draining) || excluded)
		{
			timeout = DRAIN_INTERVAL;
		}
		if (poll(pfd, countof(pfd), timeout) < 0 && errno != EINTR)
		{
			DBG1(DBG_KNL, "waiting for packets failed: %s", strerror(errno));
		}
		if (eventfd_read(this->event, &count) == 0 ||
			this->lingering->get_count(this->lingering))
		{
			remove_rules(this);
		}
		if (lanes)
		{
			lanes->read(lanes);
		}
		end_sas(this);
		excluded = end_excluded(this);
		timeout = flush_messages(this);
		end_ike(this);

		early = this->early->remove(this->early, this->rules);
		if (timeout < 0 || (early >= 0 && early < timeout))
		{
			timeout = early;
		}

		lost = 0;
		this->mutex->lock(this->mutex);
		if (!this->logging && !this->sa_lookup->get_count(this->sa_lookup) &&
			!this->early->get_count(this->early) &&
			!this->ike_messages->get_count(this->ike_messages))
		{
			lost = close_lanes(this);
			running = !this->stop;
		}
		this->mutex->unlock(this->mutex);
		if (lost)
		{
			DBG1(DBG_KNL, "the kernel dropped %" PRIu64 " packets before they "
				 "could be read from NFLOG", lost);
		}
	}
	return NULL;
}

/**
 * Make sure that the thread is running, mutex is locked.
 */
static bool ensure_running(private_nflog_reader_t *this)
{
	if (!this->thread)
	{
		this->thread = thread_create((thread_main_t)run, this);
	}
	return this->thread != NULL;
}

/**
 * Log why an SA is not captured.
 */
static void log_uncaptured(nflog_sa_t *sa, char *reason)
{
	DBG1(DBG_KNL, "not capturing %s SA %.8x of connection '%s', %s",
		 sa->inbound ? "inbound" : "outbound", ntohl(sa->spi), sa->conn, reason);
}

METHOD(nflog_reader_t, expect, void,
	private_nflog_reader_t *this, char *conn, host_t *dst, uint32_t spi)
{
	bool running;

	this->mutex->lock(this->mutex);
	running = ensure_running(this);
	this->mutex->unlock(this->mutex);
	if (running)
	{
		this->early->expect(this->early, this->rules, conn, dst, spi);
		wake(this);
	}
}

METHOD(nflog_reader_t, settle, void,
	private_nflog_reader_t *this, host_t *dst, uint32_t spi)
{
	if (this->early->settle(this->early, this->rules, dst, spi))
	{
		wake(this);
	}
}

/**
 * Queue the packets that were kept for the SPI of an SA.
 */
static void adopt(private_nflog_reader_t *this, nflog_sa_t *sa)
{
	lock_lanes(this);
	this->early->adopt(this->early, sa);
	sa->esp.early = FALSE;
	unlock_lanes(this);
}

METHOD(nflog_reader_t, add, bool,
	private_nflog_reader_t *this, nflog_sa_t *sa)
{
	nflog_sa_t *spi = NULL;
	char *reason;

	lock_lanes(this);
	if (!ensure_running(this))
	{
		unlock_lanes(this);
		log_uncaptured(sa, "creating a thread to read its packets failed");
		return FALSE;
	}
	reason = this->sa_lookup->add(this->sa_lookup, sa);
	if (!reason && sa->esp.trace)
	{	/* packets are queued below */
		spi = this->early->claim(this->early, &sa->key);
		sa->esp.early = spi != NULL;
	}
	sa->dropped = this->ip6_fragments->get_dropped(this->ip6_fragments);
	sa->read = sa->userland ? &this->tun_read[sa->inbound] : NULL;
	sa->lost = this->tun_lost[sa->inbound];
	unlock_lanes(this);

	if (reason)
	{
		lock_lanes(this);
		this->sa_lookup->remove(this->sa_lookup, sa);
		unlock_lanes(this);
		log_uncaptured(sa, reason);
		return FALSE;
	}
	/* if rules can't be added now, they are later */
	if (spi)
	{
		this->rules->take_over(this->rules, spi, sa);
		adopt(this, sa);
	}
	else
	{
		this->rules->add(this->rules, sa);
	}
	return TRUE;
}

METHOD(nflog_reader_t, update, void,
	private_nflog_reader_t *this, nflog_sa_t *sa, host_t *dst,
	uint32_t reqid)
{
	char *reason;

	if (reqid == sa->match.reqid && dst->ip_equals(dst, sa->match.dst))
	{
		return;
	}
	sa->next.dst = dst->clone(dst);
	sa->next.reqid = reqid;
	lock_lanes(this);
	reason = this->sa_lookup->move(this->sa_lookup, sa, &sa->next);
	unlock_lanes(this);
	if (reason)
	{
		DBG1(DBG_KNL, "not capturing %s SA %.8x of connection '%s' at its new "
			 "address, %s", sa->inbound ? "inbound" : "outbound",
			 ntohl(sa->spi), sa->conn, reason);
	}
	this->rules->extend(this->rules, sa, &sa->next);
}

METHOD(nflog_reader_t, updated, void,
	private_nflog_reader_t *this, nflog_sa_t *sa, bool success)
{
	host_t *former = sa->next.dst;

	if (!former)
	{
		return;
	}
	lock_lanes(this);
	if (success)
	{
		former = sa->match.dst;
		sa->match = sa->next;
	}
	else
	{
		this->sa_lookup->move(this->sa_lookup, sa, &sa->match);
	}
	sa->next.dst = NULL;
	unlock_lanes(this);

	former->destroy(former);
	this->rules->reduce(this->rules, sa, &sa->match);
}

METHOD(nflog_reader_t, remove_, void,
	private_nflog_reader_t *this, nflog_sa_t *sa)
{
	this->mutex->lock(this->mutex);
	this->removing->insert_last(this->removing, sa);
	this->mutex->unlock(this->mutex);
	wake(this);
}

METHOD(nflog_reader_t, exclude, void,
	private_nflog_reader_t *this, nflog_sa_t *sa)
{
	lock_lanes(this);
	this->sa_lookup->exclude(this->sa_lookup, sa);
	unlock_lanes(this);
}

METHOD(nflog_reader_t, include, void,
	private_nflog_reader_t *this, host_t *dst, uint32_t spi)
{
	lock_lanes(this);
	this->sa_lookup->include(this->sa_lookup, dst, spi);
	this->excluded = TRUE;
	unlock_lanes(this);
	wake(this);
}

METHOD(nflog_reader_t, capture_ike, void,
	private_nflog_reader_t *this, bool enable)
{
	bool running;

	this->mutex->lock(this->mutex);
	this->want_ike = enable;
	running = !enable || ensure_running(this);
	this->ike_rules |= enable && running;
	this->mutex->unlock(this->mutex);
	if (!running)
	{
		DBG1(DBG_KNL, "not capturing IKE messages, creating a thread to read them "
			 "failed");
	}
	else if (enable)
	{
		this->rules->log_ike(this->rules, TRUE);
	}
	else
	{
		wake(this);
	}
}

METHOD(nflog_reader_t, retry, void,
	private_nflog_reader_t *this)
{
	this->rules->retry(this->rules);
}

METHOD(nflog_reader_t, captures_ike, bool,
	private_nflog_reader_t *this)
{
	bool captures;

	this->mutex->lock(this->mutex);
	captures = this->want_ike;
	this->mutex->unlock(this->mutex);
	return captures;
}

METHOD(nflog_reader_t, flush_ike, void,
	private_nflog_reader_t *this)
{
	wake(this);
}

METHOD(nflog_reader_t, destroy, void,
	private_nflog_reader_t *this)
{
	this->mutex->lock(this->mutex);
	this->stop = TRUE;
	this->mutex->unlock(this->mutex);
	this->rules->log_ike(this->rules, FALSE);
	if (this->thread)
	{
		this->early->expire(this->early);
		wake(this);
		this->thread->join(this->thread);
	}
	this->rules->destroy(this->rules);
	this->queue->set_progress_cb(this->queue, NULL, NULL);
	close(this->event);
	this->sa_lookup->destroy(this->sa_lookup);
	this->early->destroy(this->early);
	this->ip6_fragments->destroy(this->ip6_fragments);
	this->removing->destroy(this->removing);
	this->lingering->destroy(this->lingering);
	this->draining->destroy(this->draining);
	this->mutex->destroy(this->mutex);
	free(this);
}

/*
 * Described in header
 */
nflog_reader_t *nflog_reader_create(
							nflog_queue_t *queue,
							nflog_writer_t *writer,
							nflog_ike_messages_t *ike_messages)
{
	private_nflog_reader_t *this;
	nflog_receiver_t receiver = {
		.open = open_groups,
		.close = close_groups,
		.removed = removed,
	};

	INIT(this,
		.public = {
			.expect = _expect,
			.settle = _settle,
			.add = _add,
			.update = _update,
			.updated = _updated,
			.remove = _remove_,
			.exclude = _exclude,
			.include = _include,
			.capture_ike = _capture_ike,
			.captures_ike = _captures_ike,
			.retry = _retry,
			.flush_ike = _flush_ike,
			.destroy = _destroy,
		},
		.queue = queue,
		.writer = writer,
		.ike_messages = ike_messages,
		.event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
		.sa_lookup = nflog_sa_lookup_create(),
		.early = nflog_early_create(queue),
		.ip6_fragments = nflog_ip6_fragments_create(),
		.removing = linked_list_create(),
		.lingering = nflog_lingering_create(),
		.draining = nflog_draining_create(),
		.mutex = mutex_create(MUTEX_TYPE_DEFAULT),
	);
	receiver.data = this;
	this->rules = nflog_rules_create(&receiver);
	queue->set_progress_cb(queue, get_progress, this);
	return &this->public;
}
