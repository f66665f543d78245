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

#include <errno.h>

#include <daemon.h>
#include <collections/hashtable.h>

/** entries that are changed in one transaction, each takes some 500 bytes there */
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
	 * Our table, NULL if there is none, used by the thread only.
	 */
	nflog_nft_table_t *table;

	/**
	 * All entries, as keys and values.
	 */
	hashtable_t *entries;

	/**
	 * Entries with work to do, and lines to log.
	 */
	nflog_pending_t *pending;

	/**
	 * Mutex of the rules, which guards the entries.
	 */
	mutex_t *mutex;
};

/**
 * Unlock the mutex, then log what is to be logged.
 */
static void unlock(private_nflog_worker_t *this)
{
	this->pending->unlock(this->pending, this->mutex);
}

/**
 * Remove the table, with the mutex locked, unlocks it meanwhile.
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
 * Remove the table, as it is not known what is in it, with the mutex locked.
 */
static void give_up_table(private_nflog_worker_t *this)
{
	enumerator_t *enumerator;
	nflog_entry_t *entry;

	enumerator = this->entries->create_enumerator(this->entries);
	while (enumerator->enumerate(enumerator, NULL, &entry))
	{
		if (nflog_entry_is_used(entry))
		{
			nflog_entry_lose(entry);
			this->pending->fail(this->pending, entry);
		}
	}
	enumerator->destroy(enumerator);
	close_table(this);
}

/**
 * Create the table, with the mutex locked, unlocks it meanwhile.
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
		layout.missed = layout.group + 2 * layout.lanes;
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
			 "groups from %u on", layout.missed - layout.group + 1, layout.group);
	}
	this->mutex->lock(this->mutex);
	this->table = table;
	if (table)
	{
		this->pending->retry(this->pending);
	}
	else
	{
		this->pending->set_reason(this->pending, reason);
	}
}

/**
 * Are there entries that are not to be removed?
 */
static bool is_wanted(private_nflog_worker_t *this)
{
	enumerator_t *enumerator;
	nflog_entry_t *entry;
	bool wanted = FALSE;

	enumerator = this->entries->create_enumerator(this->entries);
	while (!wanted && enumerator->enumerate(enumerator, NULL, &entry))
	{
		wanted = !entry->removing;
	}
	enumerator->destroy(enumerator);
	return wanted;
}

METHOD(nflog_worker_t, add, void,
	private_nflog_worker_t *this, nflog_entry_t *entry)
{
	this->entries->put(this->entries, entry, entry);
}

METHOD(nflog_worker_t, remove_, nflog_sa_t*,
	private_nflog_worker_t *this, nflog_entry_t *entry)
{
	nflog_sa_t *sa = entry->sa;

	this->pending->remove(this->pending, entry);
	this->entries->remove(this->entries, entry);
	if (sa)
	{
		sa->entry = NULL;
	}
	nflog_entry_put_ref(entry);
	return sa;
}

/**
 * Take entries that have their rules changed next, with the mutex locked.
 *
 * @param entries		receives the entries
 * @param removed		receives SAs without rules
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
		if (entry->removing && !nflog_entry_is_used(entry))
		{
			removed->insert_last(removed, remove_(this, entry));
		}
		else if (!this->table)
		{
			this->pending->fail(this->pending, entry);
		}
		else
		{
			nflog_entry_begin(entry);
			entries[count++] = entry;
		}
	}
	return count;
}

/**
 * Handle an entry after a transaction, with the mutex locked.
 *
 * @param removed		receives its SA if it has no rules anymore
 */
static void finish(private_nflog_worker_t *this, nflog_entry_t *entry,
				   linked_list_t *removed)
{
	char name[256];
	int err;

	this->pending->unblock(this->pending, entry);
	err = nflog_entry_end(entry);
	this->pending->log(this->pending, LEVEL_DIAG, "%s rules of %s",
					   err ? "unable to change" : "changed",
					   nflog_entry_name(entry, NFLOG_ALL_SIDES, name, sizeof(name)));
	if (entry->removing && !nflog_entry_is_used(entry))
	{
		removed->insert_last(removed, remove_(this, entry));
		return;
	}
	if (err)
	{
		this->pending->fail(this->pending, entry);
	}
	if (err && err != EEXIST)
	{
		this->pending->set_reason(this->pending, nflog_nft_table_describe(err));
	}
	if (nflog_entry_end_missing(entry))
	{
		this->pending->log_missed(this->pending, entry);
	}
	else if (err && entry->logged && !entry->removing)
	{
		this->pending->log_missing(this->pending, entry);
	}
}

/**
 * Does any entry begin to log packets that leave without their SA?
 */
static bool begins_missed(nflog_entry_t **entries, u_int count)
{
	nflog_side_t *side;
	u_int i;

	for (i = 0; i < count; i++)
	{
		side = &entries[i]->sides[NFLOG_SIDE_MISSED];
		if (side->next.nets && !side->have.nets)
		{
			return TRUE;
		}
	}
	return FALSE;
}

METHOD(nflog_worker_t, process, void,
	private_nflog_worker_t *this, linked_list_t *removed)
{
	nflog_entry_t *entries[MAX_BATCH];
	u_int i, count;
	bool known;

	if (!this->table && is_wanted(this))
	{
		create_table(this);
	}
	count = take_batch(this, entries, removed);
	if (!count)
	{
		return;
	}
	unlock(this);
	if (begins_missed(entries, count))
	{
		this->receiver.missed(this->receiver.data);
	}
	known = nflog_entry_change(this->table, entries, count);
	this->mutex->lock(this->mutex);
	for (i = 0; i < count; i++)
	{
		finish(this, entries[i], removed);
	}
	if (!known)
	{
		give_up_table(this);
	}
}

METHOD(nflog_worker_t, close_, bool,
	private_nflog_worker_t *this)
{
	if (!this->table || this->entries->get_count(this->entries))
	{
		return FALSE;
	}
	close_table(this);
	return TRUE;
}

METHOD(nflog_worker_t, destroy, void,
	private_nflog_worker_t *this)
{
	this->entries->destroy(this->entries);
	free(this);
}

/*
 * Described in header
 */
nflog_worker_t *nflog_worker_create(nflog_receiver_t *receiver,
									nflog_pending_t *pending, mutex_t *mutex)
{
	private_nflog_worker_t *this;

	INIT(this,
		.public = {
			.add = _add,
			.remove = _remove_,
			.process = _process,
			.close = _close_,
			.destroy = _destroy,
		},
		.receiver = *receiver,
		.entries = hashtable_create(hashtable_hash_ptr, hashtable_equals_ptr,
									32),
		.pending = pending,
		.mutex = mutex,
	);
	return &this->public;
}
