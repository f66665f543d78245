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

#include "rules.h"
#include "pending.h"
#include "report.h"
#include "ruled.h"
#include "options/values.h"

#include <errno.h>

#include <daemon.h>
#include <collections/hashtable.h>
#include <collections/linked_list.h>
#include <threading/condvar.h>
#include <threading/mutex.h>
#include <threading/thread.h>

/** SAs that are changed in one transaction, which takes some 500 bytes for each */
#define MAX_BATCH 64

typedef struct private_nflog_rules_t private_nflog_rules_t;

/**
 * Private data.
 */
struct private_nflog_rules_t {

	/**
	 * Public interface.
	 */
	nflog_rules_t public;

	/**
	 * Receives what is logged.
	 */
	nflog_receiver_t receiver;

	/**
	 * Our table, NULL if there is none, the thread's.
	 */
	nflog_nft_table_t *table;

	/**
	 * All SAs, nflog_sa_t => nflog_ruled_t, and IKE messages, which
	 * lead to themselves.
	 */
	hashtable_t *entries;

	/**
	 * IKE messages, NULL if there are no rules for them.
	 */
	nflog_ruled_t *ike;

	/**
	 * TRUE if IKE messages are wanted, rules for them may stay otherwise.
	 */
	bool want_ike;

	/**
	 * Number of entries that aren't to be removed.
	 */
	u_int wanted;

	/**
	 * Entries with rules to change, or to try again.
	 */
	nflog_pending_t *pending;

	/**
	 * What is to be logged once the mutex is unlocked.
	 */
	nflog_report_t *report;

	/**
	 * Time for which IKE messages were missed when they were wanted before, in ms.
	 */
	uint64_t ike_missed;

	/**
	 * TRUE if somebody waited in vain for what the thread is doing.
	 */
	bool stuck;

	/**
	 * TRUE if the thread is to end.
	 */
	bool stop;

	/**
	 * Thread that changes the rules, NULL if not started.
	 */
	thread_t *thread;

	/**
	 * Wakes the thread, and those that wait for it.
	 */
	condvar_t *work, *done;

	/**
	 * Protects all of the above, not held during transactions, nor to log.
	 */
	mutex_t *mutex;
};

/**
 * Unlock the mutex, and log what there is to log.
 */
static void unlock(private_nflog_rules_t *this)
{
	this->report->unlock(this->report, this->mutex);
}

/**
 * Remove the table, mutex is locked but not meanwhile.
 */
static void close_table(private_nflog_rules_t *this)
{
	unlock(this);
	this->table->destroy(this->table);
	this->table = NULL;
	this->receiver.close(this->receiver.data);
	this->mutex->lock(this->mutex);
}

/**
 * Remove the table as it is not known what is in it, mutex is locked.
 */
static void give_up_table(private_nflog_rules_t *this)
{
	enumerator_t *enumerator;
	nflog_ruled_t *entry;

	enumerator = this->entries->create_enumerator(this->entries);
	while (enumerator->enumerate(enumerator, NULL, &entry))
	{
		if (entry->used)
		{
			nflog_ruled_lose(entry);
			this->pending->fail(this->pending, entry);
		}
	}
	enumerator->destroy(enumerator);
	close_table(this);
}

/**
 * Create the table, mutex is locked but not meanwhile.
 */
static void create_table(private_nflog_rules_t *this)
{
	char reason[NFLOG_REASON_LEN];
	nflog_nft_table_t *table = NULL;
	uint16_t group, port = 0, nat_t = 0;
	u_int lanes;

	unlock(this);
	if (this->receiver.open(this->receiver.data, &group, &lanes, reason))
	{
		if (charon->socket)
		{
			port = charon->socket->get_port(charon->socket, FALSE);
			nat_t = charon->socket->get_port(charon->socket, TRUE);
		}
		table = nflog_nft_table_create(group, lanes, port, nat_t);
		if (!table)
		{
			snprintf(reason, sizeof(reason), "%s", nflog_nft_table_describe(errno));
			this->receiver.close(this->receiver.data);
		}
	}
	this->mutex->lock(this->mutex);
	this->table = table;
	if (table)
	{
		this->pending->retry(this->pending);
	}
	else
	{
		this->pending->note(this->pending, reason);
	}
}

/**
 * Forget an entry that has no rules anymore, mutex is locked.
 *
 * @param removed		SAs to pass to the receiver
 */
static void forget(private_nflog_rules_t *this,
				   nflog_ruled_t *entry, linked_list_t *removed)
{
	if (entry->sa)
	{
		this->entries->remove(this->entries, entry->sa);
		removed->insert_last(removed, entry->sa);
	}
	else
	{
		this->entries->remove(this->entries, entry);
	}
	nflog_ruled_put_ref(entry);
}

/**
 * The rules of an entry were changed, mutex is locked.
 */
static void changed(private_nflog_rules_t *this,
					nflog_ruled_t *entry, linked_list_t *removed)
{
	nflog_ruled_changed(entry);
	if (!entry->used)
	{
		forget(this, entry, removed);
	}
	else if (entry->missing && nflog_ruled_is_complete(entry))
	{
		nflog_ruled_end_missing(entry);
		this->report->complete(this->report, entry);
	}
}

/**
 * Take entries that are pending, mutex is locked.
 *
 * @param entries		receives those with rules to change
 * @param removed		SAs to pass to the receiver
 * @return				number of entries
 */
static u_int take_batch(private_nflog_rules_t *this,
						nflog_ruled_t *entries[MAX_BATCH],
						linked_list_t *removed)
{
	nflog_ruled_t *entry;
	u_int count = 0;

	while (count < MAX_BATCH && (entry = this->pending->take(this->pending)))
	{
		if (entry->removing && !entry->used)
		{
			forget(this, entry, removed);
		}
		else if (!this->table)
		{
			this->pending->fail(this->pending, entry);
		}
		else
		{
			entry->busy = TRUE;
			entry->next = entry->want;
			entry->counting = entry->count_early;
			entry->count_early = FALSE;
			entry->next_used = entry->removing ? 0 : entry->needs;
			entries[count++] = entry;
		}
	}
	return count;
}

/**
 * Change the rules of entries that are pending, mutex is locked but not
 * meanwhile.
 *
 * @param removed		SAs to pass to the receiver
 */
static void process_batch(private_nflog_rules_t *this,
						  linked_list_t *removed)
{
	nflog_ruled_t *entries[MAX_BATCH];
	int errors[MAX_BATCH], err = 0;
	bool give_up = FALSE;
	u_int i, count;

	count = take_batch(this, entries, removed);
	unlock(this);
	nflog_ruled_change(this->table, entries, errors, count);
	this->mutex->lock(this->mutex);
	for (i = 0; i < count; i++)
	{
		entries[i]->busy = FALSE;
		if (!errors[i])
		{
			changed(this, entries[i], removed);
			continue;
		}
		err = errors[i];
		entries[i]->count_early |= entries[i]->counting;
		if (entries[i]->next_used)
		{
			this->pending->fail(this->pending, entries[i]);
		}
		/* what can't be removed is not known either */
		give_up |= nflog_ruled_is_uncertain(err) ||
				   !entries[i]->next_used;
	}
	if (err)
	{
		this->pending->note(this->pending, nflog_nft_table_describe(err));
	}
	if (give_up)
	{
		give_up_table(this);
	}
}

/**
 * Do what is pending, mutex is locked but not meanwhile.
 */
static void process(private_nflog_rules_t *this)
{
	linked_list_t *removed = linked_list_create();
	nflog_sa_t *sa;

	if (!this->table && this->wanted)
	{
		create_table(this);
	}
	process_batch(this, removed);
	this->stuck = FALSE;
	this->done->broadcast(this->done);

	unlock(this);
	while (removed->remove_first(removed, (void**)&sa) == SUCCESS)
	{
		this->receiver.removed(this->receiver.data, sa);
	}
	removed->destroy(removed);
	this->mutex->lock(this->mutex);
}

/**
 * Thread that changes rules.
 */
static void *run(private_nflog_rules_t *this)
{
	timeval_t *retry;

	this->mutex->lock(this->mutex);
	while (TRUE)
	{
		retry = this->pending->check(this->pending);
		if (this->pending->has_any(this->pending))
		{
			process(this);
		}
		else if (this->report->has_any(this->report))
		{
			unlock(this);
			this->mutex->lock(this->mutex);
		}
		else if (this->table && !this->entries->get_count(this->entries))
		{
			close_table(this);
		}
		else if (this->stop)
		{
			break;
		}
		else if (retry)
		{
			this->work->timed_wait_abs(this->work, this->mutex, *retry);
		}
		else
		{
			this->work->wait(this->work, this->mutex);
		}
	}
	unlock(this);
	return NULL;
}

/**
 * Make sure that there is a thread, mutex is locked.
 */
static bool start(private_nflog_rules_t *this)
{
	if (!this->thread)
	{
		this->thread = thread_create((thread_main_t)run, this);
		if (!this->thread)
		{
			this->pending->note(this->pending, "creating a thread failed");
		}
	}
	return this->thread != NULL;
}

/**
 * Have the thread change the rules of an entry, mutex is locked.
 *
 * @param first			TRUE if somebody waits for that
 */
static void enqueue(private_nflog_rules_t *this,
					nflog_ruled_t *entry, bool first)
{
	this->pending->add(this->pending, entry, first);
	this->work->signal(this->work);
}

/**
 * Wait until the thread did what there is to do for an entry, mutex is locked but
 * not meanwhile.
 *
 * Once somebody waited in vain, nobody else does, until the thread goes on.
 *
 * @return				FALSE if the entry was removed meanwhile, so neither it nor its
 *						SA are to be used anymore
 */
static bool wait_for(private_nflog_rules_t *this,
					 nflog_ruled_t *entry)
{
	timeval_t deadline;
	bool removed;

	nflog_ruled_get_ref(entry);
	time_monotonic(&deadline);
	timeval_add_ms(&deadline, nflog_values_max_wait());
	while (!this->stuck && (entry->queued || entry->busy))
	{
		this->stuck = this->done->timed_wait_abs(this->done, this->mutex,
												 deadline);
	}
	removed = entry->removing;
	nflog_ruled_put_ref(entry);
	return !removed;
}

/**
 * Have rules for what is wanted of an entry, and wait for that, mutex is locked.
 */
static bool apply(private_nflog_rules_t *this,
				  nflog_ruled_t *entry)
{
	if (!start(this))
	{
		this->pending->fail(this->pending, entry);
	}
	else
	{
		enqueue(this, entry, TRUE);
		if (!wait_for(this, entry))
		{
			return FALSE;
		}
	}
	if (nflog_ruled_is_complete(entry))
	{
		return TRUE;
	}
	nflog_ruled_begin_missing(entry);
	this->report->missing(this->report, entry,
			this->pending->get_reason(this->pending) ?: "nf_tables is busy");
	return FALSE;
}

/**
 * Add an entry, mutex is locked.
 */
static bool add_entry(private_nflog_rules_t *this, void *key,
					  nflog_ruled_t *entry)
{
	this->entries->put(this->entries, key, entry);
	this->wanted++;
	return apply(this, entry);
}

/**
 * Remove an entry, mutex is locked.
 *
 * @return				FALSE if that is done, as there is no thread
 */
static bool remove_entry(private_nflog_rules_t *this, void *key,
						 nflog_ruled_t *entry)
{
	if (entry->missing)
	{
		this->report->ended(this->report, entry);
	}
	nflog_ruled_end_missing(entry);
	entry->removing = TRUE;
	entry->want.count = 0;
	this->wanted--;
	if (this->thread)
	{
		enqueue(this, entry, FALSE);
		return TRUE;
	}
	this->pending->remove(this->pending, entry);
	this->entries->remove(this->entries, key);
	nflog_ruled_put_ref(entry);
	return FALSE;
}

METHOD(nflog_rules_t, add_, bool,
	private_nflog_rules_t *this, nflog_sa_t *sa)
{
	bool complete;

	this->mutex->lock(this->mutex);
	complete = add_entry(this, sa, nflog_ruled_create(sa));
	unlock(this);
	return complete;
}

METHOD(nflog_rules_t, take_over, bool,
	private_nflog_rules_t *this, nflog_sa_t *spi,
	nflog_sa_t *sa)
{
	nflog_ruled_t *entry;
	bool complete;

	this->mutex->lock(this->mutex);
	entry = this->entries->remove(this->entries, spi);
	nflog_ruled_set_sa(entry, sa);
	this->entries->put(this->entries, sa, entry);
	complete = apply(this, entry);
	unlock(this);
	return complete;
}

METHOD(nflog_rules_t, count_early, void,
	private_nflog_rules_t *this, nflog_sa_t *sa)
{
	nflog_ruled_t *entry;

	this->mutex->lock(this->mutex);
	entry = this->entries->get(this->entries, sa);
	entry->count_early = TRUE;
	if (start(this))
	{
		enqueue(this, entry, TRUE);
		wait_for(this, entry);
	}
	unlock(this);
}

METHOD(nflog_rules_t, extend, bool,
	private_nflog_rules_t *this, nflog_sa_t *sa,
	nflog_match_t *next)
{
	nflog_ruled_t *entry;
	bool complete;

	this->mutex->lock(this->mutex);
	entry = this->entries->get(this->entries, sa);
	nflog_ruled_want(entry, &sa->match, next);
	complete = apply(this, entry);
	unlock(this);
	return complete;
}

METHOD(nflog_rules_t, reduce, void,
	private_nflog_rules_t *this, nflog_sa_t *sa,
	nflog_match_t *keep)
{
	nflog_ruled_t *entry;

	this->mutex->lock(this->mutex);
	entry = this->entries->get(this->entries, sa);
	nflog_ruled_want(entry, keep, NULL);
	enqueue(this, entry, FALSE);
	unlock(this);
}

METHOD(nflog_rules_t, remove_, void,
	private_nflog_rules_t *this, nflog_sa_t *sa)
{
	bool later;

	this->mutex->lock(this->mutex);
	later = remove_entry(this, sa, this->entries->get(this->entries, sa));
	unlock(this);
	if (!later)
	{
		this->receiver.removed(this->receiver.data, sa);
	}
}

METHOD(nflog_rules_t, log_ike, void,
	private_nflog_rules_t *this, bool enable)
{
	this->mutex->lock(this->mutex);
	this->want_ike = enable;
	if (enable && !this->ike)
	{
		this->ike = nflog_ruled_create(NULL);
		add_entry(this, this->ike, this->ike);
	}
	unlock(this);
}

METHOD(nflog_rules_t, end_ike, void,
	private_nflog_rules_t *this)
{
	this->mutex->lock(this->mutex);
	if (this->ike && !this->want_ike)
	{
		this->ike_missed += nflog_ruled_get_missed(this->ike);
		remove_entry(this, this->ike, this->ike);
		this->ike = NULL;
	}
	unlock(this);
}

METHOD(nflog_rules_t, wants_ike, bool,
	private_nflog_rules_t *this)
{
	bool wants;

	this->mutex->lock(this->mutex);
	wants = this->want_ike;
	this->mutex->unlock(this->mutex);
	return wants;
}

METHOD(nflog_rules_t, has_ike, bool,
	private_nflog_rules_t *this)
{
	bool has;

	this->mutex->lock(this->mutex);
	has = this->ike != NULL;
	this->mutex->unlock(this->mutex);
	return has;
}

METHOD(nflog_rules_t, get_ike_missed, uint64_t,
	private_nflog_rules_t *this)
{
	uint64_t ms;

	this->mutex->lock(this->mutex);
	ms = this->ike_missed;
	if (this->ike)
	{
		ms += nflog_ruled_get_missed(this->ike);
	}
	unlock(this);
	return ms;
}

METHOD(nflog_rules_t, retry, void,
	private_nflog_rules_t *this)
{
	this->mutex->lock(this->mutex);
	if (this->pending->retry(this->pending) && start(this))
	{
		this->work->signal(this->work);
	}
	unlock(this);
}

METHOD(nflog_rules_t, destroy, void,
	private_nflog_rules_t *this)
{
	log_ike(this, FALSE);
	end_ike(this);
	this->mutex->lock(this->mutex);
	this->stop = TRUE;
	this->work->signal(this->work);
	unlock(this);
	if (this->thread)
	{
		this->thread->join(this->thread);
	}
	this->entries->destroy(this->entries);
	this->pending->destroy(this->pending);
	this->report->destroy(this->report);
	this->work->destroy(this->work);
	this->done->destroy(this->done);
	this->mutex->destroy(this->mutex);
	free(this);
}

/*
 * Described in header
 */
nflog_rules_t *nflog_rules_create(
										nflog_receiver_t *receiver)
{
	private_nflog_rules_t *this;

	INIT(this,
		.public = {
			.add = _add_,
			.take_over = _take_over,
			.count_early = _count_early,
			.extend = _extend,
			.reduce = _reduce,
			.remove = _remove_,
			.log_ike = _log_ike,
			.end_ike = _end_ike,
			.wants_ike = _wants_ike,
			.has_ike = _has_ike,
			.get_ike_missed = _get_ike_missed,
			.retry = _retry,
			.destroy = _destroy,
		},
		.receiver = *receiver,
		.entries = hashtable_create(hashtable_hash_ptr, hashtable_equals_ptr,
									32),
		.report = nflog_report_create(),
		.work = condvar_create(CONDVAR_TYPE_DEFAULT),
		.done = condvar_create(CONDVAR_TYPE_DEFAULT),
		.mutex = mutex_create(MUTEX_TYPE_DEFAULT),
	);
	this->pending = nflog_pending_create(this->report);
	return &this->public;
}
