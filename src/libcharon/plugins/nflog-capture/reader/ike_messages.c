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
#define _GNU_SOURCE

#include "ike_messages.h"
#include "ike_gone.h"
#include "ike_sa.h"
#include "ike_unknown.h"

#include <time.h>

#include <collections/hashtable.h>
#include <collections/linked_list.h>
#include <threading/mutex.h>

typedef struct private_nflog_ike_messages_t private_nflog_ike_messages_t;

/**
 * Private data.
 */
struct private_nflog_ike_messages_t {

	/**
	 * Public interface.
	 */
	nflog_ike_messages_t public;

	/**
	 * Where messages are queued, not owned.
	 */
	nflog_queue_t *queue;

	/**
	 * Writes traces, not owned.
	 */
	nflog_writer_t *writer;

	/**
	 * IKE_SAs by unique id, nflog_ike_sa_t, owned.
	 */
	hashtable_t *ike_sas;

	/**
	 * IKE_SAs, including removed ones, by both keys of their messages,
	 * nflog_ike_key_t => nflog_ike_sa_t.
	 */
	hashtable_t *keys;

	/**
	 * Bounds the backlogs of IKE_SAs.
	 */
	nflog_backlogs_t *backlogs;

	/**
	 * Messages of IKE_SAs that charon has not created, or never does.
	 */
	nflog_ike_unknown_t *unknown;

	/**
	 * Removed IKE_SAs with a trace that has not ended yet.
	 */
	nflog_ike_gone_t *gone;

	/**
	 * IKE_SAs whose trace has begun, but whose kept messages were not queued yet,
	 * nflog_ike_sa_t.
	 */
	linked_list_t *pending;

	/**
	 * Number of captured IKE_SAs that were not removed.
	 */
	u_int captured;

	/**
	 * Packets dropped before the last flush.
	 */
	nflog_missed_t missed;

	/**
	 * Callback for the packets dropped so far, and its data, set before there are IKE_SAs.
	 */
	void (*missed_cb)(void *data, nflog_missed_t *missed);
	void *missed_data;

	/**
	 * Guards all of the above.
	 */
	mutex_t *mutex;
};

/**
 * Get an IKE_SA by unique id.
 */
static nflog_ike_sa_t *get_sa(private_nflog_ike_messages_t *this,
							  uint32_t id)
{
	return this->ike_sas->get(this->ike_sas, (void*)(uintptr_t)id);
}

/**
 * Keep a message until the trace of its IKE_SA begins.
 */
static void keep_message(private_nflog_ike_messages_t *this,
						 nflog_ike_sa_t *sa, nflog_kept_t *kept)
{
	this->backlogs->add(this->backlogs, &sa->backlog,
						chunk_from_thing(sa->first.peer), kept);
}

METHOD(nflog_ike_messages_t, handle, void,
	private_nflog_ike_messages_t *this, nflog_logged_t *logged,
	bool inbound)
{
	nflog_ike_sa_t *sa, *former;
	nflog_ike_key_t key;

	if (!nflog_packet_parse_ike(logged, inbound, &key))
	{
		return;
	}
	this->mutex->lock(this->mutex);
	sa = nflog_ike_sa_find(this->keys, &key);
	if (sa)
	{	/* its former capture may just have ended */
		former = this->gone->find(this->gone, sa->id, logged);
		if (former)
		{
			sa = former;
		}
	}
	if (!sa)
	{
		this->unknown->add(this->unknown, &key, logged, inbound,
						   time_monotonic(NULL));
	}
	else if (sa->state == NFLOG_IKE_STARTED && !sa->pending)
	{
		nflog_ike_sa_queue(sa, this->queue, logged, inbound);
	}
	else if (sa->state != NFLOG_IKE_REFUSED)
	{
		keep_message(this, sa, nflog_kept_create(logged, inbound));
	}
	this->mutex->unlock(this->mutex);
}

/**
 * Let flush() queue the kept messages of a trace that has begun.
 */
static void set_pending(private_nflog_ike_messages_t *this,
						nflog_ike_sa_t *sa)
{
	if (!sa->pending)
	{
		this->pending->insert_last(this->pending, sa);
		sa->pending = TRUE;
	}
}

/**
 * Move the messages kept for an IKE_SA before it was known to its backlog.
 */
static void adopt(private_nflog_ike_messages_t *this,
				  nflog_ike_sa_t *sa)
{
	nflog_kept_t *kept;
	linked_list_t *list;
	uint64_t dropped[2];
	int i;

	list = linked_list_create();
	this->unknown->take(this->unknown, &sa->first, list, dropped,
						time_monotonic(NULL));
	for (i = 0; i < countof(dropped); i++)
	{
		sa->unidentified[i] = max(sa->unidentified[i], dropped[i]);
	}
	while (list->remove_first(list, (void**)&kept) == SUCCESS)
	{
		if (sa->state == NFLOG_IKE_REFUSED)
		{
			nflog_kept_destroy(kept);
		}
		else
		{
			keep_message(this, sa, kept);
		}
	}
	list->destroy(list);
}

/**
 * Begin the trace of an IKE_SA.
 */
static void start_trace(private_nflog_ike_messages_t *this,
						nflog_ike_sa_t *sa)
{
	nflog_ike_sa_set_name(sa);
	this->writer->start(this->writer, sa->trace);
	sa->state = NFLOG_IKE_STARTED;
	set_pending(this, sa);
}

/**
 * Get the packets dropped so far, unlocks the mutex meanwhile.
 */
static void get_missed(private_nflog_ike_messages_t *this,
					   nflog_missed_t *missed)
{
	if (this->missed_cb)
	{
		this->mutex->unlock(this->mutex);
		this->missed_cb(this->missed_data, missed);
		this->mutex->lock(this->mutex);
	}
	else
	{
		*missed = this->missed;
	}
}

METHOD(nflog_ike_messages_t, set_missed_cb, void,
	private_nflog_ike_messages_t *this,
	void (*cb)(void *data, nflog_missed_t *missed), void *data)
{
	this->mutex->lock(this->mutex);
	this->missed_cb = cb;
	this->missed_data = data;
	this->mutex->unlock(this->mutex);
}

METHOD(nflog_ike_messages_t, update, nflog_ike_state_t,
	private_nflog_ike_messages_t *this, uint32_t id, uint64_t spi_i,
	uint64_t spi_r, host_t *peer, bool *flush)
{
	nflog_ike_state_t state;
	nflog_missed_t missed;
	nflog_ike_sa_t *sa;

	*flush = FALSE;
	this->mutex->lock(this->mutex);
	sa = get_sa(this, id);
	if (!sa)
	{
		/* no other thread creates it meanwhile, as this one has checked out the IKE_SA */
		get_missed(this, &missed);
		sa = nflog_ike_sa_create(id, &missed);
		this->ike_sas->put(this->ike_sas, (void*)(uintptr_t)id, sa);
	}
	if (nflog_ike_sa_set_keys(sa, this->keys, spi_i, spi_r, peer))
	{
		adopt(this, sa);
		if (sa->state == NFLOG_IKE_STARTED)
		{
			set_pending(this, sa);
			*flush = TRUE;
		}
	}
	state = sa->state;
	this->mutex->unlock(this->mutex);
	return state;
}

METHOD(nflog_ike_messages_t, capture, void,
	private_nflog_ike_messages_t *this, uint32_t id, nflog_trace_t *trace,
	char *label, u_int points)
{
	nflog_ike_sa_t *sa;

	this->mutex->lock(this->mutex);
	sa = get_sa(this, id);
	nflog_ike_sa_set_trace(sa, trace, label, points);
	this->captured++;
	this->mutex->unlock(this->mutex);
}

METHOD(nflog_ike_messages_t, refuse, void,
	private_nflog_ike_messages_t *this, uint32_t id)
{
	nflog_ike_sa_t *sa;

	this->mutex->lock(this->mutex);
	sa = get_sa(this, id);
	sa->state = NFLOG_IKE_REFUSED;
	this->backlogs->empty(this->backlogs, &sa->backlog);
	this->mutex->unlock(this->mutex);
}

METHOD(nflog_ike_messages_t, reconsider, void,
	private_nflog_ike_messages_t *this)
{
	enumerator_t *enumerator;
	nflog_missed_t missed;
	nflog_ike_sa_t *sa;

	this->mutex->lock(this->mutex);
	get_missed(this, &missed);
	enumerator = this->ike_sas->create_enumerator(this->ike_sas);
	while (enumerator->enumerate(enumerator, NULL, &sa))
	{
		if (sa->state == NFLOG_IKE_REFUSED)
		{	/* what was dropped while it was refused is no loss */
			sa->state = NFLOG_IKE_UNDECIDED;
			sa->begin = time(NULL);
			sa->missed = missed;
			memset(sa->backlog.dropped, 0, sizeof(sa->backlog.dropped));
			memset(sa->unidentified, 0, sizeof(sa->unidentified));
		}
	}
	enumerator->destroy(enumerator);
	this->mutex->unlock(this->mutex);
}

METHOD(nflog_ike_messages_t, start, void,
	private_nflog_ike_messages_t *this, uint32_t id, bool early)
{
	nflog_ike_sa_t *sa;

	this->mutex->lock(this->mutex);
	sa = get_sa(this, id);
	start_trace(this, sa);
	sa->early = early;
	this->mutex->unlock(this->mutex);
}

METHOD(nflog_ike_messages_t, establish, bool,
	private_nflog_ike_messages_t *this, uint32_t id)
{
	nflog_ike_sa_t *sa;
	bool early = FALSE;

	this->mutex->lock(this->mutex);
	sa = get_sa(this, id);
	if (sa)
	{
		early = sa->early;
		sa->early = FALSE;
	}
	this->mutex->unlock(this->mutex);
	return early;
}

METHOD(nflog_ike_messages_t, get_state, nflog_ike_state_t,
	private_nflog_ike_messages_t *this, uint32_t id)
{
	nflog_ike_state_t state = NFLOG_IKE_NONE;
	nflog_ike_sa_t *sa;

	this->mutex->lock(this->mutex);
	sa = get_sa(this, id);
	if (sa && (sa->state != NFLOG_IKE_UNDECIDED ||
				  sa->backlog.bytes))
	{
		state = sa->trace && sa->trace->is_full(sa->trace) ? NFLOG_IKE_FULL : sa->state;
	}
	this->mutex->unlock(this->mutex);
	return state;
}

METHOD(nflog_ike_messages_t, find, nflog_ike_state_t,
	private_nflog_ike_messages_t *this, uint64_t spi_i, host_t *peer)
{
	nflog_ike_key_t key;
	nflog_ike_state_t state;
	nflog_ike_sa_t *sa;

	nflog_ike_sa_set_first(&key, spi_i, peer);
	this->mutex->lock(this->mutex);
	sa = this->keys->get(this->keys, &key);
	state = sa ? sa->state : NFLOG_IKE_NONE;
	this->mutex->unlock(this->mutex);
	return state;
}

/**
 * Destroy an IKE_SA, whose trace was released.
 */
static void destroy_sa(private_nflog_ike_messages_t *this,
					   nflog_ike_sa_t *sa)
{
	this->backlogs->empty(this->backlogs, &sa->backlog);
	nflog_ike_sa_remove_keys(sa, this->keys);
	nflog_ike_sa_destroy(sa);
}

METHOD(nflog_ike_messages_t, shelve, void,
	private_nflog_ike_messages_t *this, uint32_t id)
{
	nflog_ike_sa_t *sa;

	this->mutex->lock(this->mutex);
	sa = this->ike_sas->remove(this->ike_sas, (void*)(uintptr_t)id);
	if (sa)
	{
		this->unknown->put(this->unknown, &sa->first,
						   sa->backlog.messages, time_monotonic(NULL));
		destroy_sa(this, sa);
	}
	this->mutex->unlock(this->mutex);
}

/**
 * Let the trace of an IKE_SA end later, or destroy the IKE_SA if it has no trace, the mutex
 * is locked.
 *
 * @param up			TRUE if the IKE_SA stays up
 */
static void end_later(private_nflog_ike_messages_t *this,
					  nflog_ike_sa_t *sa, bool up)
{
	if (sa->trace)
	{
		this->captured--;
	}
	if (sa->state == NFLOG_IKE_STARTED)
	{
		this->gone->add(this->gone, sa, up);
		return;
	}
	nflog_ike_sa_drop_trace(sa);
	destroy_sa(this, sa);
}

METHOD(nflog_ike_messages_t, remove_, void,
	private_nflog_ike_messages_t *this, uint32_t id, bool up)
{
	nflog_ike_sa_t *sa;

	this->mutex->lock(this->mutex);
	sa = this->ike_sas->remove(this->ike_sas, (void*)(uintptr_t)id);
	if (sa)
	{
		end_later(this, sa, up);
	}
	this->mutex->unlock(this->mutex);
}

METHOD(nflog_ike_messages_t, remove_all, void,
	private_nflog_ike_messages_t *this)
{
	enumerator_t *enumerator;
	nflog_ike_sa_t *sa;

	this->mutex->lock(this->mutex);
	enumerator = this->ike_sas->create_enumerator(this->ike_sas);
	while (enumerator->enumerate(enumerator, NULL, &sa))
	{
		this->ike_sas->remove_at(this->ike_sas, enumerator);
		if (sa->state == NFLOG_IKE_WAITING)
		{
			start_trace(this, sa);
		}
		end_later(this, sa, FALSE);
	}
	enumerator->destroy(enumerator);
	this->mutex->unlock(this->mutex);
}

/**
 * Queue the kept messages of an IKE_SA whose trace has begun.
 */
static void flush_sa(private_nflog_ike_messages_t *this,
					 nflog_ike_sa_t *sa)
{
	nflog_kept_t *kept;

	while ((kept = this->backlogs->remove_first(this->backlogs, &sa->backlog)))
	{
		nflog_ike_sa_queue(sa, this->queue, kept->logged, kept->inbound);
		nflog_kept_destroy(kept);
	}
	sa->pending = FALSE;
}

/**
 * End the trace of a removed IKE_SA.
 */
static void end_sa(private_nflog_ike_messages_t *this,
				   nflog_ike_sa_t *sa)
{
	if (sa->pending)
	{
		this->pending->remove(this->pending, sa, NULL);
		flush_sa(this, sa);
	}
	this->queue->publish(this->queue, 0);
	nflog_ike_sa_count(sa, &this->missed);
	nflog_ike_sa_release(sa, this->writer);
	destroy_sa(this, sa);
}

METHOD(nflog_ike_messages_t, flush, int,
	private_nflog_ike_messages_t *this, nflog_missed_t *missed,
	bool idle)
{
	nflog_ike_sa_t *sa;
	int timeout;

	this->mutex->lock(this->mutex);
	this->missed = *missed;
	if (this->pending->get_count(this->pending))
	{
		while (this->pending->remove_first(this->pending,
										   (void**)&sa) == SUCCESS)
		{
			flush_sa(this, sa);
		}
		this->queue->publish(this->queue, 0);
	}
	while ((sa = this->gone->remove_due(this->gone, idle, &timeout)))
	{
		end_sa(this, sa);
	}
	this->mutex->unlock(this->mutex);
	return timeout;
}

METHOD(nflog_ike_messages_t, get_count, u_int,
	private_nflog_ike_messages_t *this)
{
	u_int count;

	this->mutex->lock(this->mutex);
	count = this->captured + this->gone->get_count(this->gone);
	this->mutex->unlock(this->mutex);
	return count;
}

METHOD(nflog_ike_messages_t, destroy, void,
	private_nflog_ike_messages_t *this)
{
	nflog_ike_sa_t *sa;

	_remove_all(this);
	while ((sa = this->gone->remove_first(this->gone)))
	{
		end_sa(this, sa);
	}
	this->gone->destroy(this->gone);
	this->pending->destroy(this->pending);
	this->unknown->destroy(this->unknown);
	this->backlogs->destroy(this->backlogs);
	this->ike_sas->destroy(this->ike_sas);
	this->keys->destroy(this->keys);
	this->mutex->destroy(this->mutex);
	free(this);
}

/*
 * Described in header
 */
nflog_ike_messages_t *nflog_ike_messages_create(nflog_queue_t *queue,
												nflog_writer_t *writer)
{
	private_nflog_ike_messages_t *this;

	INIT(this,
		.public = {
			.update = _update,
			.capture = _capture,
			.refuse = _refuse,
			.reconsider = _reconsider,
			.start = _start,
			.establish = _establish,
			.get_state = _get_state,
			.find = _find,
			.shelve = _shelve,
			.remove = _remove_,
			.remove_all = _remove_all,
			.handle = _handle,
			.set_missed_cb = _set_missed_cb,
			.flush = _flush,
			.get_count = _get_count,
			.destroy = _destroy,
		},
		.queue = queue,
		.writer = writer,
		.ike_sas = hashtable_create(hashtable_hash_ptr, hashtable_equals_ptr, 32),
		.keys = hashtable_create(nflog_ike_key_hash,
								 nflog_ike_key_equals, 32),
		.backlogs = nflog_backlogs_create(),
		.unknown = nflog_ike_unknown_create(),
		.gone = nflog_ike_gone_create(),
		.pending = linked_list_create(),
		.mutex = mutex_create(MUTEX_TYPE_DEFAULT),
	);
	return &this->public;
}
