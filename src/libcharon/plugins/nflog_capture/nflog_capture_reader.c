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

#include "nflog_capture_reader.h"
#include "nflog_capture_early.h"
#include "nflog_capture_fragments.h"
#include "nflog_capture_lanes.h"
#include "nflog_capture_lingering.h"
#include "nflog_capture_rules.h"
#include "nflog_capture_sas.h"
#include "nflog_capture_table.h"

#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <libmnl/libmnl.h>

#include <daemon.h>
#include <collections/linked_list.h>
#include <threading/mutex.h>
#include <threading/thread.h>

/** default of the option group */
#define DEFAULT_GROUP 4500

/**
 * How long to wait for packets that rules counted, in ms.  The kernel passes
 * them on within a tick of its clock, unless it lost them.
 */
#define DRAIN_TIMEOUT 200

/**
 * How long to do so while other packets arrive without end, in ms.  What the
 * kernel had queued by then has been read long before.
 */
#define DRAIN_LIMIT 3000

/** how often to check for these packets, in ms */
#define DRAIN_INTERVAL 5

typedef struct private_nflog_capture_reader_t private_nflog_capture_reader_t;

/**
 * Private data.
 */
struct private_nflog_capture_reader_t {

	/**
	 * Public interface.
	 */
	nflog_capture_reader_t public;

	/**
	 * Where packets are queued.
	 */
	nflog_capture_queue_t *queue;

	/**
	 * To which traces are released.
	 */
	nflog_capture_writer_t *writer;

	/**
	 * Where IKE messages are brought to.
	 */
	nflog_capture_messages_t *messages;

	/**
	 * Rules in the kernel, NULL if not running.
	 */
	nflog_capture_rules_t *rules;

	/**
	 * Lanes that are read, NULL if not running.
	 */
	nflog_capture_lanes_t *lanes;

	/**
	 * Wakes up the first lane's thread.
	 */
	int event;

	/**
	 * SAs added, and not ended yet, changed if all lanes are locked.
	 */
	nflog_capture_sas_t *sas;

	/**
	 * Keeps packets of SPIs that have no SA yet.
	 */
	nflog_capture_early_t *early;

	/**
	 * Puts IPv6 packets together, in the first lane.
	 */
	nflog_capture_fragments_t *fragments;

	/**
	 * TRUE if IKE messages are to be captured.
	 */
	bool want_ike;

	/**
	 * TRUE if there are rules for IKE messages.
	 */
	bool has_ike;

	/**
	 * SAs to remove, as nflog_capture_sa_t.
	 */
	linked_list_t *removing;

	/**
	 * SAs to remove soon, the thread's.
	 */
	nflog_capture_lingering_t *lingering;

	/**
	 * SAs without rules, some packets of which may still arrive, the thread's.
	 */
	linked_list_t *draining;

	/**
	 * Thread of the first lane, NULL if there was none yet.
	 */
	thread_t *thread;

	/**
	 * TRUE if the thread is not about to end.
	 */
	bool running;

	/**
	 * Protects all of the above, locked before the lanes.
	 */
	mutex_t *mutex;
};

/**
 * Handle a packet, its lane is locked.
 */
static void handle_packet(void *data, u_int lane, nflog_capture_logged_t *logged)
{
	private_nflog_capture_reader_t *this = data;
	char *prefix = mnl_attr_get_payload(logged->attrs[NFULA_PREFIX]);
	nflog_capture_tap_t *tap;
	bool fragment = FALSE;

	if (streq(prefix, NFLOG_CAPTURE_IKE_IN))
	{
		this->messages->handle(this->messages, logged, TRUE);
	}
	else if (streq(prefix, NFLOG_CAPTURE_IKE_OUT))
	{
		this->messages->handle(this->messages, logged, FALSE);
	}
	else
	{
		if (streq(prefix, NFLOG_CAPTURE_FRAG_IN))
		{
			fragment = TRUE;
			logged = this->fragments->add(this->fragments, logged,
										  time_monotonic(NULL));
		}
		tap = logged ? this->sas->find(this->sas, logged) : NULL;
		if (tap && !tap->early)
		{
			this->queue->add_logged(this->queue, lane, tap, logged);
		}
		else if (logged && (tap || fragment || streq(prefix, NFLOG_CAPTURE_WIRE_IN)) &&
				 this->early->keep(this->early, logged))
		{
			return;
		}
		else if (logged && fragment && this->has_ike)
		{
			this->messages->handle(this->messages, logged, TRUE);
		}
	}
}

/**
 * Remove the rules of SAs that are to be removed.
 */
static void remove_rules(private_nflog_capture_reader_t *this)
{
	timeval_t now, timeout = { .tv_usec = DRAIN_TIMEOUT * 1000 };
	linked_list_t *removing;
	nflog_capture_sa_t *sa;

	this->mutex->lock(this->mutex);
	removing = this->removing;
	this->removing = linked_list_create();
	this->mutex->unlock(this->mutex);

	this->lanes->lock(this->lanes);
	this->lingering->filter(this->lingering, removing);
	this->lanes->unlock(this->lanes);
	if (removing->get_count(removing))
	{
		this->rules->remove(this->rules, removing);
	}

	time_monotonic(&now);
	while (removing->remove_first(removing, (void**)&sa) == SUCCESS)
	{
		timeradd(&now, &timeout, &sa->deadline);
		this->draining->insert_last(this->draining, sa);
	}
	removing->destroy(removing);
}

/**
 * Are there packets at this capture point that the kernel did not pass on?
 */
static bool is_missing(nflog_capture_tap_t *tap)
{
	return tap->trace && tap->count->logged > tap->count->received;
}

/**
 * Count incomplete packets that were dropped, which may have been of an SA, all
 * lanes are locked.
 */
static void count_dropped(private_nflog_capture_reader_t *this,
						  nflog_capture_sa_t *sa)
{
	if (sa->wire.trace && sa->inbound &&
		sa->match.dst->get_family(sa->match.dst) == AF_INET6)
	{
		sa->wire.count->unidentified +=
				this->fragments->get_dropped(this->fragments) - sa->dropped;
	}
}

/**
 * End SAs of which all packets have been read.
 */
static void end_sas(private_nflog_capture_reader_t *this)
{
	nflog_capture_sa_t *sa;
	enumerator_t *enumerator;
	timeval_t now, limit, wait = {
		.tv_sec = (DRAIN_LIMIT - DRAIN_TIMEOUT) / 1000,
		.tv_usec = (DRAIN_LIMIT - DRAIN_TIMEOUT) % 1000 * 1000,
	};
	bool idle;

	if (!this->draining->get_count(this->draining))
	{
		return;
	}
	time_monotonic(&now);
	timersub(&now, &wait, &limit);
	idle = this->lanes->is_idle(this->lanes);
	enumerator = this->draining->create_enumerator(this->draining);
	while (enumerator->enumerate(enumerator, &sa))
	{
		if ((is_missing(&sa->wire) || is_missing(&sa->plain)) &&
			timercmp(idle ? &now : &limit, &sa->deadline, <))
		{
			continue;
		}
		this->draining->remove_at(this->draining, enumerator);
		/* what was read of it is published after that */
		this->lanes->lock(this->lanes);
		this->sas->remove(this->sas, sa);
		count_dropped(this, sa);
		this->lanes->unlock(this->lanes);
		this->writer->release(this->writer, sa->wire.trace);
		this->writer->release(this->writer, sa->plain.trace);
		nflog_capture_sa_destroy(sa);
	}
	enumerator->destroy(enumerator);
}

/**
 * Close sockets, and remove the table, mutex is locked.
 */
static void close_lanes(private_nflog_capture_reader_t *this)
{
	this->rules->destroy(this->rules);
	this->rules = NULL;
	this->lanes->destroy(this->lanes);
	this->lanes = NULL;
}

/**
 * Open sockets, mutex is locked.
 */
static bool open_lanes(private_nflog_capture_reader_t *this)
{
	u_int lanes;
	int group, last;

	/* charon's own threads pass on what they decrypt, so packets of an SA don't
	 * stay on a processor */
	lanes = lib->get(lib, "kernel-libipsec-tun")
				? 1 : this->queue->get_lanes(this->queue);
	last = UINT16_MAX + 1 - 2 * lanes;
	group = lib->settings->get_int(lib->settings,
						"%s.plugins.nflog-capture.group", DEFAULT_GROUP,
						lib->ns);
	if (group < 0 || group > last)
	{
		DBG1(DBG_CFG, "nothing is captured, strongswan.conf, %s.plugins."
			 "nflog-capture.group: %d is not the first of %u NFLOG groups, use "
			 "0 to %d", lib->ns, group, 2 * lanes, last);
		return FALSE;
	}
	this->lanes = nflog_capture_lanes_create(group, lanes, this->queue,
											 handle_packet, this);
	if (!this->lanes)
	{
		return FALSE;
	}
	this->rules = nflog_capture_rules_create(group, lanes);
	return TRUE;
}

/**
 * Get how far packets have been read, called by the writer.
 */
static nflog_capture_progress_t get_progress(void *data)
{
	private_nflog_capture_reader_t *this = data;
	nflog_capture_progress_t progress = {
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
 * Flush IKE messages, considering what was dropped before it was known whose it
 * is.
 */
static int flush_messages(private_nflog_capture_reader_t *this)
{
	nflog_capture_missed_t missed = {
		.lost = {
			[FALSE] = this->lanes->get_lost(this->lanes, FALSE),
			[TRUE] = this->lanes->get_lost(this->lanes, TRUE),
		},
		.incomplete = this->fragments->get_dropped(this->fragments),
	};

	return this->messages->flush(this->messages, &missed);
}

/**
 * Thread that reads until there are no SAs left.
 */
static void *run(private_nflog_capture_reader_t *this)
{
	struct pollfd pfd[] = {
		{ .events = POLLIN },
		{ .events = POLLIN },
		{ .fd = this->event, .events = POLLIN },
	};
	bool running = TRUE;
	eventfd_t count;
	int timeout = -1, early;

	this->lanes->get_fds(this->lanes, &pfd[0].fd, &pfd[1].fd);
	while (running)
	{
		if (this->lingering->get_count(this->lingering) ||
			this->draining->get_count(this->draining))
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
		this->lanes->read(this->lanes);
		end_sas(this);
		timeout = flush_messages(this);

		/* no SA with the same SPI is added before that is done */
		this->mutex->lock(this->mutex);
		early = this->early->remove(this->early, this->rules);
		if (timeout < 0 || (early >= 0 && early < timeout))
		{
			timeout = early;
		}
		if (this->has_ike && !this->want_ike)
		{
			this->rules->remove_ike(this->rules);
			this->has_ike = FALSE;
		}
		if (!this->sas->get_count(this->sas) && !this->has_ike &&
			!this->early->get_count(this->early) &&
			!this->messages->get_count(this->messages))
		{
			close_lanes(this);
			running = this->running = FALSE;
		}
		this->mutex->unlock(this->mutex);
	}
	return NULL;
}

/**
 * Make sure that the thread is running, mutex is locked.
 */
static bool ensure_running(private_nflog_capture_reader_t *this)
{
	if (this->running)
	{
		return TRUE;
	}
	if (this->thread)
	{
		this->thread->join(this->thread);
		this->thread = NULL;
	}
	if (!open_lanes(this))
	{
		return FALSE;
	}
	this->thread = thread_create((thread_main_t)run, this);
	if (!this->thread)
	{
		DBG1(DBG_KNL, "creating thread to read packets failed");
		close_lanes(this);
		return FALSE;
	}
	this->running = TRUE;
	return TRUE;
}

/**
 * Wake up the thread.
 */
static void wake(private_nflog_capture_reader_t *this)
{
	if (eventfd_write(this->event, 1) != 0)
	{
		DBG1(DBG_KNL, "waking up thread to read packets failed: %s",
			 strerror(errno));
	}
}

METHOD(nflog_capture_reader_t, expect, void,
	private_nflog_capture_reader_t *this, char *conn, host_t *dst, uint32_t spi)
{
	this->mutex->lock(this->mutex);
	if (ensure_running(this))
	{
		this->early->expect(this->early, this->rules, conn, dst, spi);
		wake(this);
	}
	this->mutex->unlock(this->mutex);
}

METHOD(nflog_capture_reader_t, settle, void,
	private_nflog_capture_reader_t *this, host_t *dst, uint32_t spi)
{
	if (this->early->settle(this->early, this->rules, dst, spi))
	{
		wake(this);
	}
}

/**
 * Queue the packets that were kept for the SPI of an SA.
 */
static void adopt(private_nflog_capture_reader_t *this, nflog_capture_sa_t *sa)
{
	this->mutex->lock(this->mutex);
	this->lanes->lock(this->lanes);
	this->early->adopt(this->early, sa);
	sa->wire.early = FALSE;
	this->lanes->unlock(this->lanes);
	this->mutex->unlock(this->mutex);
}

METHOD(nflog_capture_reader_t, add, bool,
	private_nflog_capture_reader_t *this, nflog_capture_sa_t *sa)
{
	bool added;

	this->mutex->lock(this->mutex);
	if (!ensure_running(this))
	{
		this->mutex->unlock(this->mutex);
		return FALSE;
	}
	this->lanes->lock(this->lanes);
	/* packets are queued once it is sure that the SA is captured */
	sa->wire.early = sa->wire.trace && this->early->claim(this->early, &sa->key);
	added = this->sas->add(this->sas, sa);
	sa->dropped = this->fragments->get_dropped(this->fragments);
	this->lanes->unlock(this->lanes);
	this->mutex->unlock(this->mutex);

	/* the thread keeps on running while there is an SA */
	if (!added || !this->rules->add(this->rules, sa))
	{
		this->mutex->lock(this->mutex);
		this->lanes->lock(this->lanes);
		this->sas->remove(this->sas, sa);
		this->lanes->unlock(this->lanes);
		this->mutex->unlock(this->mutex);
		wake(this);
		return FALSE;
	}
	if (sa->wire.early)
	{
		adopt(this, sa);
	}
	return TRUE;
}

/**
 * Find the packets of an SA by another address and reqid as well.
 */
static void move(private_nflog_capture_reader_t *this, nflog_capture_sa_t *sa,
				 nflog_capture_match_t *match)
{
	this->lanes->lock(this->lanes);
	this->sas->move(this->sas, sa, match);
	this->lanes->unlock(this->lanes);
}

METHOD(nflog_capture_reader_t, update, void,
	private_nflog_capture_reader_t *this, nflog_capture_sa_t *sa, host_t *dst,
	uint32_t reqid)
{
	nflog_capture_match_t next = {
		.dst = dst,
		.reqid = reqid,
	};

	if (reqid == sa->match.reqid && dst->ip_equals(dst, sa->match.dst))
	{
		return;
	}
	move(this, sa, &next);
	if (this->rules->extend(this->rules, sa, &next))
	{
		sa->next.dst = dst->clone(dst);
		sa->next.reqid = reqid;
	}
}

METHOD(nflog_capture_reader_t, updated, void,
	private_nflog_capture_reader_t *this, nflog_capture_sa_t *sa, bool success)
{
	nflog_capture_match_t drop = sa->next;

	if (!drop.dst)
	{
		return;
	}
	if (success)
	{
		drop = sa->match;
		sa->match = sa->next;
	}
	else
	{
		move(this, sa, &sa->match);
	}
	this->rules->reduce(this->rules, sa, &sa->match, &drop);
	drop.dst->destroy(drop.dst);
	sa->next.dst = NULL;
}

METHOD(nflog_capture_reader_t, remove_, void,
	private_nflog_capture_reader_t *this, nflog_capture_sa_t *sa)
{
	this->mutex->lock(this->mutex);
	this->removing->insert_last(this->removing, sa);
	this->mutex->unlock(this->mutex);
	wake(this);
}

METHOD(nflog_capture_reader_t, capture_ike, void,
	private_nflog_capture_reader_t *this, bool enable)
{
	this->mutex->lock(this->mutex);
	if (enable != this->want_ike)
	{
		this->want_ike = enable;
		if (enable && !this->has_ike && ensure_running(this))
		{
			this->has_ike = this->rules->add_ike(this->rules,
							charon->socket->get_port(charon->socket, FALSE),
							charon->socket->get_port(charon->socket, TRUE));
		}
		wake(this);
	}
	this->mutex->unlock(this->mutex);
}

METHOD(nflog_capture_reader_t, captures_ike, bool,
	private_nflog_capture_reader_t *this)
{
	bool captures;

	this->mutex->lock(this->mutex);
	captures = this->has_ike;
	this->mutex->unlock(this->mutex);
	return captures;
}

METHOD(nflog_capture_reader_t, flush_ike, void,
	private_nflog_capture_reader_t *this)
{
	wake(this);
}

METHOD(nflog_capture_reader_t, destroy, void,
	private_nflog_capture_reader_t *this)
{
	if (this->thread)
	{
		this->early->expire(this->early);
		wake(this);
		this->thread->join(this->thread);
	}
	this->queue->set_progress_cb(this->queue, NULL, NULL);
	close(this->event);
	this->sas->destroy(this->sas);
	this->early->destroy(this->early);
	this->fragments->destroy(this->fragments);
	this->removing->destroy(this->removing);
	this->lingering->destroy(this->lingering);
	this->draining->destroy(this->draining);
	this->mutex->destroy(this->mutex);
	free(this);
}

/*
 * Described in header
 */
nflog_capture_reader_t *nflog_capture_reader_create(
							nflog_capture_queue_t *queue,
							nflog_capture_writer_t *writer,
							nflog_capture_messages_t *messages)
{
	private_nflog_capture_reader_t *this;

	INIT(this,
		.public = {
			.expect = _expect,
			.settle = _settle,
			.add = _add,
			.update = _update,
			.updated = _updated,
			.remove = _remove_,
			.capture_ike = _capture_ike,
			.captures_ike = _captures_ike,
			.flush_ike = _flush_ike,
			.destroy = _destroy,
		},
		.queue = queue,
		.writer = writer,
		.messages = messages,
		.event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
		.sas = nflog_capture_sas_create(),
		.early = nflog_capture_early_create(queue),
		.fragments = nflog_capture_fragments_create(),
		.removing = linked_list_create(),
		.lingering = nflog_capture_lingering_create(),
		.draining = linked_list_create(),
		.mutex = mutex_create(MUTEX_TYPE_DEFAULT),
	);
	queue->set_progress_cb(queue, get_progress, this);
	return &this->public;
}
