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

#include "worker.h"
#include "nft_table.h"
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

typedef struct private_nflog_worker_t private_nflog_worker_t;

/**
 * Private data.
 */
struct private_nflog_worker_t {

	/**
	 * Public interface.
	 */
	nflog_worker_t public;

	/**
	 * Receives what is logged.
	 */
	nflog_receiver_t receiver;

	/**
	 * Our table, NULL if there is none, the thread's.
	 */
	nflog_nft_table_t *table;

	/**
	 * All entries, nflog_entry_t, lead to themselves.
	 */
	hashtable_t *entries;

	/**
	 * Number of entries that aren't to be removed.
	 */
	u_int wanted;

	/**
	 * Entries with rules to change, or to try again, and what is to be logged once the
	 * mutex is unlocked.
	 */
	nflog_pending_t *pending;

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

METHOD(nflog_worker_t, lock, void,
	private_nflog_worker_t *this)
{
	this->mutex->lock(this->mutex);
}

METHOD(nflog_worker_t, unlock, void,
	private_nflog_worker_t *this)
{
	this->pending->unlock(this->pending, this->mutex);
}

/**
 * Remove the table, mutex is locked but not meanwhile.
 */
static void close_table(private_nflog_worker_t *this)
{
	unlock(this);
	this->table->destroy(this->table);
	this->table = NULL;
	DBG2(DBG_KNL, "nflog-capture: removed nftables table");
	this->receiver.close(this->receiver.data);
	this->mutex->lock(this->mutex);
}

/**
 * Remove the table as it is not known what is in it, mutex is locked.
 */
static void give_up_table(private_nflog_worker_t *this)
{
	enumerator_t *enumerator;
	nflog_entry_t *entry;

	enumerator = this->entries->create_enumerator(this->entries);
	while (enumerator->enumerate(enumerator, NULL, &entry))
	{
		if (entry->used)
		{
			nflog_entry_lose(entry);
			this->pending->fail(this->pending, entry);
		}
	}
	enumerator->destroy(enumerator);
	close_table(this);
}

/**
 * Create the table, mutex is locked but not meanwhile.
 */
static void create_table(private_nflog_worker_t *this)
{
	char reason[NFLOG_REASON_LEN];
	nflog_nft_table_t *table = NULL;
	nflog_layout_t layout = {};

	unlock(this);
	if (this->receiver.open(this->receiver.data, &layout.group, &layout.lanes,
							reason))
	{
		if (charon->socket)
		{
			layout.port = charon->socket->get_port(charon->socket, FALSE);
			layout.nat_t = charon->socket->get_port(charon->socket, TRUE);
		}
		table = nflog_nft_table_create(&layout);
		if (!table)
		{
			snprintf(reason, sizeof(reason), "%s", nflog_nft_table_describe(errno));
			this->receiver.close(this->receiver.data);
		}
	}
	if (table)
	{
		DBG2(DBG_KNL, "nflog-capture: created nftables table, logging to %u NFLOG "
			 "groups from %u on", 2 * layout.lanes, layout.group);
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
static void forget(private_nflog_worker_t *this, nflog_entry_t *entry,
				   linked_list_t *removed)
{
	this->entries->remove(this->entries, entry);
	if (entry->sa)
	{
		entry->sa->entry = NULL;
		removed->insert_last(removed, entry->sa);
	}
	nflog_entry_put_ref(entry);
}

/**
 * The rules of an entry were changed, mutex is locked.
 */
static void changed(private_nflog_worker_t *this, nflog_entry_t *entry,
					linked_list_t *removed)
{
	this->pending->log_changed(this->pending, entry);
	nflog_entry_changed(entry);
	if (!entry->used)
	{
		forget(this, entry, removed);
	}
	else if (entry->missing && nflog_entry_is_complete(entry))
	{
		nflog_entry_end_missing(entry);
		this->pending->log_complete(this->pending, entry);
	}
}

/**
 * Take entries that are pending, mutex is locked.
 *
 * @param entries		receives those with rules to change
 * @param removed		SAs to pass to the receiver
 * @return				number of entries
 */
static u_int take_batch(private_nflog_worker_t *this,
						nflog_entry_t *entries[MAX_BATCH],
						linked_list_t *removed)
{
	nflog_entry_t *entry;
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
static void process_batch(private_nflog_worker_t *this, linked_list_t *removed)
{
	nflog_entry_t *entries[MAX_BATCH];
	int errors[MAX_BATCH], err = 0;
	bool give_up = FALSE;
	u_int i, count;

	count = take_batch(this, entries, removed);
	unlock(this);
	nflog_entry_change(this->table, entries, errors, count);
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
		give_up |= nflog_entry_is_uncertain(err) ||
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
static void process(private_nflog_worker_t *this)
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
static void *run(private_nflog_worker_t *this)
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
		else if (this->pending->has_lines(this->pending))
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
static bool start(private_nflog_worker_t *this)
{
	if (!this->thread)
	{
		this->thread = thread_create((thread_main_t)run, this);
		if (!this->thread)
		{
			this->pending->note(this->pending, "unable to create a thread");
		}
	}
	return this->thread != NULL;
}

/**
 * Have the thread change the rules of an entry, mutex is locked.
 *
 * @param first			TRUE if somebody waits for that
 */
static void enqueue(private_nflog_worker_t *this, nflog_entry_t *entry,
					bool first)
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
static bool wait_for(private_nflog_worker_t *this, nflog_entry_t *entry)
{
	timeval_t deadline;
	bool removed;

	nflog_entry_get_ref(entry);
	time_monotonic(&deadline);
	timeval_add_ms(&deadline, nflog_values_max_wait());
	while (!this->stuck && (entry->queued || entry->busy))
	{
		this->stuck = this->done->timed_wait_abs(this->done, this->mutex,
												 deadline);
	}
	removed = entry->removing;
	nflog_entry_put_ref(entry);
	return !removed;
}

METHOD(nflog_worker_t, apply, bool,
	private_nflog_worker_t *this, nflog_entry_t *entry)
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
	if (nflog_entry_is_complete(entry))
	{
		return TRUE;
	}
	nflog_entry_begin_missing(entry);
	this->pending->log_missing(this->pending, entry,
			this->pending->get_reason(this->pending) ?: "nf_tables is busy");
	return FALSE;
}

METHOD(nflog_worker_t, add, bool,
	private_nflog_worker_t *this, nflog_entry_t *entry)
{
	this->entries->put(this->entries, entry, entry);
	this->wanted++;
	return apply(this, entry);
}

METHOD(nflog_worker_t, count_early, void,
	private_nflog_worker_t *this, nflog_entry_t *entry)
{
	entry->count_early = TRUE;
	if (start(this))
	{
		enqueue(this, entry, TRUE);
		wait_for(this, entry);
	}
}

METHOD(nflog_worker_t, change, void,
	private_nflog_worker_t *this, nflog_entry_t *entry)
{
	enqueue(this, entry, FALSE);
}

METHOD(nflog_worker_t, remove_, bool,
	private_nflog_worker_t *this, nflog_entry_t *entry)
{
	if (entry->missing)
	{
		this->pending->log_ended(this->pending, entry);
	}
	nflog_entry_end_missing(entry);
	entry->removing = TRUE;
	entry->want.count = 0;
	this->wanted--;
	if (this->thread)
	{
		enqueue(this, entry, FALSE);
		return FALSE;
	}
	this->pending->remove(this->pending, entry);
	this->entries->remove(this->entries, entry);
	nflog_entry_put_ref(entry);
	return TRUE;
}

METHOD(nflog_worker_t, retry, void,
	private_nflog_worker_t *this)
{
	if (this->pending->retry(this->pending) && start(this))
	{
		this->work->signal(this->work);
	}
}

METHOD(nflog_worker_t, destroy, void,
	private_nflog_worker_t *this)
{
	lock(this);
	this->stop = TRUE;
	this->work->signal(this->work);
	unlock(this);
	if (this->thread)
	{
		this->thread->join(this->thread);
	}
	this->entries->destroy(this->entries);
	this->pending->destroy(this->pending);
	this->work->destroy(this->work);
	this->done->destroy(this->done);
	this->mutex->destroy(this->mutex);
	free(this);
}

/*
 * Described in header
 */
nflog_worker_t *nflog_worker_create(nflog_receiver_t *receiver)
{
	private_nflog_worker_t *this;

	INIT(this,
		.public = {
			.lock = _lock,
			.unlock = _unlock,
			.add = _add,
			.apply = _apply,
			.count_early = _count_early,
			.change = _change,
			.remove = _remove_,
			.retry = _retry,
			.destroy = _destroy,
		},
		.receiver = *receiver,
		.entries = hashtable_create(hashtable_hash_ptr, hashtable_equals_ptr,
									32),
		.pending = nflog_pending_create(),
		.work = condvar_create(CONDVAR_TYPE_DEFAULT),
		.done = condvar_create(CONDVAR_TYPE_DEFAULT),
		.mutex = mutex_create(MUTEX_TYPE_DEFAULT),
	);
	return &this->public;
}
