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
#include "early.h"
#include "ending.h"
#include "ip6_fragments.h"
#include "lanes.h"
#include "misses.h"
#include "sa_lookup.h"
#include "options/values.h"
#include "rules/rules.h"
#include "rules/wanted.h"

#include <libmnl/libmnl.h>

#include <daemon.h>

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
	 * Where packets are queued, not owned.
	 */
	nflog_queue_t *queue;

	/**
	 * Releases traces, and asks for the progress, not owned.
	 */
	nflog_writer_t *writer;

	/**
	 * Gets IKE messages, not owned.
	 */
	nflog_ike_messages_t *ike_messages;

	/**
	 * Rules in the kernel.
	 */
	nflog_rules_t *rules;

	/**
	 * Read packets.
	 */
	nflog_lanes_t *lanes;

	/**
	 * Finds SAs that were added, and have not ended.  All lanes are locked to change it, as
	 * their threads use it.
	 */
	nflog_sa_lookup_t *sa_lookup;

	/**
	 * Finds SAs by traffic selectors.
	 */
	nflog_ts_lookup_t *ts_lookup;

	/**
	 * Finds SAs that packets missed, guarded like sa_lookup.
	 */
	nflog_misses_t *misses;

	/**
	 * Keeps packets while the SA that they miss is negotiated.
	 */
	nflog_awaiting_t *awaiting;

	/**
	 * Policies that charon installed.
	 */
	nflog_policies_t *policies;

	/**
	 * Network devices.
	 */
	nflog_devices_t *devices;

	/**
	 * Keeps packets of SPIs without SA.
	 */
	nflog_early_t *early;

	/**
	 * Reassembles IPv6 packets, used by the first lane.
	 */
	nflog_ip6_fragments_t *ip6_fragments;

	/**
	 * Ends SAs and the traces of IKE_SAs.
	 */
	nflog_ending_t *ending;
};

/**
 * Queue a packet for the trace of its SA, or keep it until there is one.
 *
 * @return				FALSE if it belongs to no SA
 */
static bool handle_sa(private_nflog_reader_t *this, u_int lane,
					  nflog_logged_t *logged)
{
	nflog_tap_t *tap;

	tap = this->sa_lookup->find(this->sa_lookup, logged);
	if (tap && !tap->early)
	{
		this->queue->add_logged(this->queue, lane, tap, logged);
		return TRUE;
	}
	return (logged->prefix == PREFIX_ESP_IN ||
			logged->prefix == PREFIX_FRAG_IN) &&
		   this->early->keep(this->early, logged);
}

/**
 * Handle a packet, its lane is locked.
 */
static void handle_packet(void *data, u_int lane, nflog_logged_t *logged)
{
	private_nflog_reader_t *this = data;

	if (lane && (logged->prefix == PREFIX_IKE_IN || logged->prefix == PREFIX_IKE_OUT ||
				 logged->prefix == PREFIX_FRAG_IN || logged->prefix == PREFIX_MISSED))
	{	/* not by our rules, these are handled with the first lane locked */
		return;
	}
	switch (logged->prefix)
	{
		case PREFIX_IKE_IN:
		case PREFIX_IKE_OUT:
			this->ike_messages->handle(this->ike_messages, logged,
									   logged->prefix == PREFIX_IKE_IN);
			break;
		case PREFIX_FRAG_IN:
			logged = this->ip6_fragments->add(this->ip6_fragments, logged,
											  time_monotonic(NULL));
			if (logged && !handle_sa(this, lane, logged) &&
				this->rules->has_ike(this->rules))
			{
				this->ike_messages->handle(this->ike_messages, logged, TRUE);
			}
			break;
		case PREFIX_MISSED:
			this->misses->handle(this->misses, lane, logged);
			break;
		default:
			handle_sa(this, lane, logged);
			break;
	}
}

/**
 * Decide on packets, as devices are known.  Called by the thread of these.
 */
static void judge(void *data)
{
	private_nflog_reader_t *this = data;

	this->lanes->lock(this->lanes);
	this->misses->judge(this->misses, 0);
	this->queue->publish(this->queue, 0);
	this->lanes->unlock(this->lanes);
}

/**
 * Get the progress of the lanes.  Called by the writer.
 */
static nflog_progress_t get_progress(void *data)
{
	private_nflog_reader_t *this = data;

	return this->lanes->get_progress(this->lanes);
}

/**
 * Get the packets dropped before their SA or IKE_SA was known.  Called by ike_messages.
 */
static void get_missed(void *data, nflog_missed_t *missed)
{
	private_nflog_reader_t *this = data;

	this->ending->get_missed(this->ending, missed);
}

/**
 * Open the NFLOG groups.  Called by the rules' thread.
 */
static bool open_groups(void *data, uint16_t *group, u_int *count,
						char reason[NFLOG_REASON_LEN])
{
	private_nflog_reader_t *this = data;

	if (!this->lanes->open(this->lanes, group, count, reason, NFLOG_REASON_LEN))
	{
		return FALSE;
	}
	this->lanes->lock(this->lanes);
	this->ts_lookup->reset(this->ts_lookup);
	this->lanes->unlock(this->lanes);
	return TRUE;
}

/**
 * Learn the addresses of missed packets before NAT.  Called by the rules' thread.
 */
static void prepare_missed(void *data)
{
	private_nflog_reader_t *this = data;

	this->misses->set_blind(this->misses, !this->lanes->add_connections(this->lanes));
}

/**
 * Let the NFLOG groups be closed, as there are no rules.  Called by the rules' thread.
 */
static void close_groups(void *data)
{
	private_nflog_reader_t *this = data;

	this->lanes->unused(this->lanes);
	this->ending->wake(this->ending);
}

/**
 * Go on with an SA or SPI whose rules were removed.  Called by the rules' thread.
 */
static void removed(void *data, nflog_sa_t *sa)
{
	private_nflog_reader_t *this = data;

	if (sa->wanted && nflog_wanted_is_early(sa->wanted))
	{
		nflog_sa_destroy(sa);
		return;
	}
	if (sa->esp.trace || sa->plain.trace || sa->wanted)
	{
		this->ending->drain(this->ending, sa);
		return;
	}
	this->early->removed(this->early, sa);
	this->ending->wake(this->ending);
}

/**
 * Log why an SA is not captured.
 */
static void log_uncaptured(nflog_sa_t *sa, char *reason)
{
	DBG1(DBG_KNL, "nflog-capture: not capturing %s SA %.8x of connection '%s', %s",
		 sa->inbound ? "inbound" : "outbound", ntohl(sa->spi), sa->conn, reason);
}

METHOD(nflog_reader_t, expect, void,
	private_nflog_reader_t *this, char *conn, host_t *dst, uint32_t spi)
{
	if (this->ending->start(this->ending))
	{
		DBG2(DBG_KNL, "nflog-capture: expecting packets of SPI %.8x of connection '%s'",
			 ntohl(spi), conn);
		this->early->expect(this->early, this->rules, conn, dst, spi);
		this->ending->wake(this->ending);
	}
}

METHOD(nflog_reader_t, settle, void,
	private_nflog_reader_t *this, host_t *dst, uint32_t spi)
{
	if (this->early->settle(this->early, this->rules, dst, spi))
	{
		this->ending->wake(this->ending);
	}
}

/**
 * Queue the packets kept for the SPI of an SA.
 */
static void adopt(private_nflog_reader_t *this, nflog_sa_t *sa)
{
	this->lanes->lock(this->lanes);
	this->early->adopt(this->early, sa);
	sa->esp.early = FALSE;
	this->lanes->unlock(this->lanes);
}

METHOD(nflog_reader_t, add, bool,
	private_nflog_reader_t *this, nflog_sa_t *sa)
{
	nflog_sa_t *spi = NULL, *early = NULL;
	timeval_t deadline;
	char *reason;

	time_monotonic(&deadline);
	timeval_add_ms(&deadline, nflog_values_max_wait());
	if (!this->ending->start(this->ending))
	{
		log_uncaptured(sa, "unable to create a thread");
		return FALSE;
	}
	if (sa->wanted)
	{
		sa->wanted->lost = this->lanes->get_lost(this->lanes, WAY_MISSED);
	}
	this->lanes->lock(this->lanes);
	reason = this->sa_lookup->add(this->sa_lookup, sa);
	if (reason)
	{
		this->sa_lookup->remove(this->sa_lookup, sa);
	}
	else if (sa->esp.trace)
	{	/* keep its packets, they are queued below */
		spi = this->early->claim(this->early, &sa->key);
		sa->esp.early = spi != NULL;
	}
	if (!reason)
	{
		this->misses->add(this->misses, sa);
		early = this->awaiting->adopt(this->awaiting, sa);
	}
	sa->dropped = this->ip6_fragments->get_dropped(this->ip6_fragments);
	this->lanes->unlock(this->lanes);

	if (reason)
	{
		log_uncaptured(sa, reason);
		return FALSE;
	}
	DBG2(DBG_KNL, "nflog-capture: reading packets of %s SA %.8x of connection '%s'%s",
		 sa->inbound ? "inbound" : "outbound", ntohl(sa->spi), sa->conn,
		 spi ? ", and those that arrived early" : "");
	/* if rules can't be added now, that is tried again later */
	if (spi)
	{
		this->rules->take_over(this->rules, spi, sa);
		adopt(this, sa);
	}
	else
	{
		this->rules->add(this->rules, sa);
	}
	if (early)
	{	/* not earlier, as packets may leave meanwhile */
		this->rules->remove(this->rules, early);
	}
	this->ts_lookup->wait(this->ts_lookup, sa, &deadline);
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
	this->lanes->lock(this->lanes);
	reason = this->sa_lookup->move(this->sa_lookup, sa, &sa->next);
	this->lanes->unlock(this->lanes);
	if (reason)
	{
		DBG1(DBG_KNL, "nflog-capture: not capturing %s SA %.8x of connection '%s' at "
			 "its new address, %s", sa->inbound ? "inbound" : "outbound",
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
	this->lanes->lock(this->lanes);
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
	this->lanes->unlock(this->lanes);

	former->destroy(former);
	this->rules->reduce(this->rules, sa, &sa->match);
}

METHOD(nflog_reader_t, remove_, void,
	private_nflog_reader_t *this, nflog_sa_t *sa)
{
	this->ending->add(this->ending, sa);
}

METHOD(nflog_reader_t, exclude, void,
	private_nflog_reader_t *this, nflog_sa_t *sa)
{
	this->lanes->lock(this->lanes);
	this->ts_lookup->exclude(this->ts_lookup, sa);
	this->lanes->unlock(this->lanes);
}

METHOD(nflog_reader_t, include, void,
	private_nflog_reader_t *this, host_t *dst, uint32_t spi)
{
	if (!nflog_sa_is_userland())
	{	/* none is excluded, so there is no need to stop the lanes */
		return;
	}
	this->lanes->lock(this->lanes);
	this->ts_lookup->include(this->ts_lookup, dst, spi);
	this->lanes->unlock(this->lanes);
	this->ending->wake(this->ending);
}

METHOD(nflog_reader_t, get_policies, nflog_policies_t*,
	private_nflog_reader_t *this)
{
	return this->policies;
}

METHOD(nflog_reader_t, get_awaiting, nflog_awaiting_t*,
	private_nflog_reader_t *this)
{
	return this->awaiting;
}

METHOD(nflog_reader_t, capture_ike, void,
	private_nflog_reader_t *this, bool enable)
{
	if (enable && !this->ending->start(this->ending))
	{
		DBG1(DBG_KNL, "nflog-capture: not capturing IKE messages, unable to create a "
			 "thread");
		return;
	}
	this->rules->log_ike(this->rules, enable);
	this->ending->wake(this->ending);
}

METHOD(nflog_reader_t, captures_ike, bool,
	private_nflog_reader_t *this)
{
	return this->rules->wants_ike(this->rules);
}

METHOD(nflog_reader_t, retry, void,
	private_nflog_reader_t *this)
{
	this->rules->retry(this->rules);
}

METHOD(nflog_reader_t, flush_ike, void,
	private_nflog_reader_t *this)
{
	this->ending->wake(this->ending);
}

METHOD(nflog_reader_t, destroy, void,
	private_nflog_reader_t *this)
{
	this->rules->log_ike(this->rules, FALSE);
	this->rules->end_ike(this->rules);
	this->early->expire(this->early);
	this->awaiting->abandon_all(this->awaiting);
	this->ending->destroy(this->ending);
	this->rules->destroy(this->rules);
	this->devices->set_cb(this->devices, NULL, NULL);
	this->writer->set_progress_cb(this->writer, NULL, NULL);
	this->ike_messages->set_missed_cb(this->ike_messages, NULL, NULL);
	this->lanes->destroy(this->lanes);
	this->sa_lookup->destroy(this->sa_lookup);
	this->ts_lookup->destroy(this->ts_lookup);
	this->awaiting->destroy(this->awaiting);
	this->misses->destroy(this->misses);
	this->policies->destroy(this->policies);
	this->devices->destroy(this->devices);
	this->early->destroy(this->early);
	this->ip6_fragments->destroy(this->ip6_fragments);
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
	nflog_ending_parts_t parts;
	nflog_receiver_t receiver = {
		.open = open_groups,
		.missed = prepare_missed,
		.close = close_groups,
		.removed = removed,
	};

	INIT(this,
		.public = {
			.expect = _expect,
			.settle = _settle,
			.get_awaiting = _get_awaiting,
			.add = _add,
			.update = _update,
			.updated = _updated,
			.remove = _remove_,
			.exclude = _exclude,
			.include = _include,
			.get_policies = _get_policies,
			.capture_ike = _capture_ike,
			.captures_ike = _captures_ike,
			.retry = _retry,
			.flush_ike = _flush_ike,
			.destroy = _destroy,
		},
		.queue = queue,
		.writer = writer,
		.ike_messages = ike_messages,
		.devices = nflog_devices_create(),
		.policies = nflog_policies_create(),
		.early = nflog_early_create(queue),
		.ip6_fragments = nflog_ip6_fragments_create(),
	);
	this->ts_lookup = nflog_ts_lookup_create(this->devices);
	this->misses = nflog_misses_create(queue, this->policies, this->devices);
	this->sa_lookup = nflog_sa_lookup_create(this->ts_lookup);
	receiver.data = this;
	this->rules = nflog_rules_create(&receiver);
	this->lanes = nflog_lanes_create(queue, handle_packet, this);
	parts = (nflog_ending_parts_t){
		.lanes = this->lanes,
		.rules = this->rules,
		.sa_lookup = this->sa_lookup,
		.ts_lookup = this->ts_lookup,
		.misses = this->misses,
		.early = this->early,
		.ip6_fragments = this->ip6_fragments,
		.ike_messages = ike_messages,
		.writer = writer,
	};
	this->ending = nflog_ending_create(&parts);
	this->awaiting = nflog_awaiting_create(queue, this->lanes, this->rules, this->misses,
										   this->ending);
	this->devices->set_cb(this->devices, judge, this);
	writer->set_progress_cb(writer, get_progress, this);
	ike_messages->set_missed_cb(ike_messages, get_missed, this);
	return &this->public;
}
