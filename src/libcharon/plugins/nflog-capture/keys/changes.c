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

#include "changes.h"
#include "process/secret.h"

#include <collections/hashtable.h>
#include <threading/mutex.h>

/** changes in the queue, less than a kilobyte each */
#define MAX_CHANGES 65536

/** first and longest delay before a retry, in ms */
#define MIN_RETRY 250
#define MAX_RETRY 30000

/** pause after writing, as multiple of the time it took, and the longest one in ms */
#define PAUSE 9
#define MAX_PAUSE 4500

typedef struct private_nflog_changes_t private_nflog_changes_t;

/**
 * Private data.
 */
struct private_nflog_changes_t {

	/**
	 * Public interface.
	 */
	nflog_changes_t public;

	/**
	 * Changes, nflog_change_t.
	 */
	linked_list_t *changes;

	/**
	 * Those that others can be merged into, change => change.
	 */
	hashtable_t *merging;

	/**
	 * TRUE if some were not tried yet.
	 */
	bool fresh;

	/**
	 * TRUE if all have to be taken now.
	 */
	bool urgent;

	/**
	 * When changes were last taken, monotonic.
	 */
	timeval_t taken;

	/**
	 * When fresh ones are due, monotonic.
	 */
	timeval_t due;

	/**
	 * Delay before the next retry, in ms, 0 if nothing failed, and when it is due,
	 * monotonic.
	 */
	u_int delay;
	timeval_t retry;

	/**
	 * Number of changes that were dropped since writing failed.
	 */
	u_int dropped;

	/**
	 * Guards all of the above.
	 */
	mutex_t *mutex;
};

/*
 * Described in header
 */
nflog_change_t *nflog_change_create(nflog_change_type_t type, char *conn)
{
	nflog_change_t *change;

	INIT(change,
		.type = type,
	);
	snprintf(change->conn, sizeof(change->conn), "%s", conn);
	return change;
}

/*
 * Described in header
 */
void nflog_change_destroy(nflog_change_t *change)
{
	nflog_secret_free(change->row);
	free(change);
}

/**
 * Hash a change that can be merged.
 */
static u_int change_hash(const void *key)
{
	const nflog_change_t *change = key;

	return change->type + change->table + change->sa + change->port +
		   hashtable_hash_str(change->conn);
}

/**
 * Check if changes can be merged.
 */
static bool change_equals(const void *key, const void *other_key)
{
	const nflog_change_t *a = key, *b = other_key;

	return a->type == b->type && a->table == b->table && a->sa == b->sa &&
		   a->port == b->port && streq(a->conn, b->conn) && streq(a->spi, b->spi);
}

/**
 * Remove the oldest change if there are too many.  Mutex is locked.
 *
 * @return			that change if it is the first one dropped, to be logged
 */
static nflog_change_t *limit(private_nflog_changes_t *this)
{
	nflog_change_t *oldest;

	if (this->changes->get_count(this->changes) <= MAX_CHANGES ||
		this->changes->remove_first(this->changes, (void**)&oldest) != SUCCESS)
	{
		return NULL;
	}
	if (this->merging->get(this->merging, oldest) == oldest)
	{
		this->merging->remove(this->merging, oldest);
	}
	if (!this->dropped++)
	{
		return oldest;
	}
	nflog_change_destroy(oldest);
	return NULL;
}

/**
 * Log that changes are dropped, and destroy the first one.  Mutex is not locked.
 */
static void report(nflog_change_t *first)
{
	if (first)
	{
		DBG1(DBG_CFG, "nflog-capture: too many keys wait to be written, dropping the "
			 "oldest ones, first that of SA %s in '%s'", first->spi, first->conn);
		nflog_change_destroy(first);
	}
}

/**
 * Add a change, or merge it into another one.  Mutex is locked.
 *
 * @return			change to log, see limit()
 */
static nflog_change_t *add_change(private_nflog_changes_t *this, nflog_change_t *change)
{
	nflog_change_t *former = NULL;
	char *row;

	switch (change->type)
	{
		case CHANGE_ADD:
		case CHANGE_END:
			break;
		default:
			former = this->merging->get(this->merging, change);
			break;
	}
	if (former)
	{
		if (change->type == CHANGE_MOVE)
		{	/* packets may have had the former addresses */
			former->any |= former->family | change->any;
			former->family = change->family;
			row = former->row;
			former->row = change->row;
			change->row = row;
		}
		nflog_change_destroy(change);
		return NULL;
	}
	if (change->type != CHANGE_ADD && change->type != CHANGE_END)
	{
		this->merging->put(this->merging, change, change);
	}
	this->changes->insert_last(this->changes, change);
	return limit(this);
}

METHOD(nflog_changes_t, add, void,
	private_nflog_changes_t *this, nflog_change_t *change)
{
	this->mutex->lock(this->mutex);
	change = add_change(this, change);
	this->fresh = TRUE;
	this->mutex->unlock(this->mutex);
	report(change);
}

/**
 * Remove all changes from the queue.  Mutex is locked.
 */
static linked_list_t *take_all(private_nflog_changes_t *this)
{
	linked_list_t *changes = this->changes;

	this->changes = linked_list_create();
	this->merging->destroy(this->merging);
	this->merging = hashtable_create(change_hash, change_equals, 8);
	return changes;
}

METHOD(nflog_changes_t, take, linked_list_t*,
	private_nflog_changes_t *this)
{
	linked_list_t *changes = NULL;
	timeval_t now;

	time_monotonic(&now);
	this->mutex->lock(this->mutex);
	if (this->fresh || this->urgent ||
		(this->delay && !timercmp(&now, &this->retry, <)))
	{
		changes = take_all(this);
		this->fresh = this->urgent = FALSE;
		this->taken = now;
	}
	this->mutex->unlock(this->mutex);
	return changes;
}

/**
 * Add milliseconds to a time.
 */
static void add_ms(timeval_t *time, u_int ms)
{
	timeval_t add = { ms / 1000, ms % 1000 * 1000 };

	timeradd(time, &add, time);
}

/**
 * Get the milliseconds until a time, 0 if it has passed.
 */
static u_int get_ms(timeval_t *from, timeval_t *to)
{
	timeval_t left;

	if (!timercmp(from, to, <))
	{
		return 0;
	}
	timersub(to, from, &left);
	return left.tv_sec * 1000 + left.tv_usec / 1000 + 1;
}

METHOD(nflog_changes_t, put_back, void,
	private_nflog_changes_t *this, linked_list_t *failed)
{
	linked_list_t *added;
	nflog_change_t *change, *first = NULL;
	timeval_t now;
	bool recovered = FALSE;
	u_int dropped = 0;

	time_monotonic(&now);
	this->mutex->lock(this->mutex);
	this->due = now;
	add_ms(&this->due, min(get_ms(&this->taken, &now) * PAUSE, MAX_PAUSE));
	if (failed->get_count(failed))
	{
		this->delay = this->delay ? min(2 * this->delay, MAX_RETRY) : MIN_RETRY;
		this->retry = now;
		add_ms(&this->retry, this->delay);
		added = take_all(this);
		while (failed->remove_first(failed, (void**)&change) == SUCCESS ||
			   added->remove_first(added, (void**)&change) == SUCCESS)
		{
			change = add_change(this, change);
			first = first ?: change;
		}
		added->destroy(added);
	}
	else
	{
		recovered = this->delay;
		dropped = this->dropped;
		this->dropped = this->delay = 0;
	}
	this->mutex->unlock(this->mutex);
	failed->destroy(failed);
	report(first);
	if (recovered)
	{
		DBG1(DBG_CFG, "nflog-capture: wrote the keys that could not be written "
			 "before, %u are lost", dropped);
	}
}

METHOD(nflog_changes_t, pending, bool,
	private_nflog_changes_t *this)
{
	bool pending;

	this->mutex->lock(this->mutex);
	pending = this->changes->get_count(this->changes) > 0;
	this->mutex->unlock(this->mutex);
	return pending;
}

/**
 * Get the milliseconds until changes are due, UINT_MAX if there are none.
 */
static u_int get_wait(private_nflog_changes_t *this)
{
	timeval_t now;
	u_int wait = UINT_MAX;

	time_monotonic(&now);
	this->mutex->lock(this->mutex);
	if (this->delay)
	{
		wait = get_ms(&now, &this->retry);
	}
	if (this->fresh)
	{
		wait = min(wait, get_ms(&now, &this->due));
	}
	if (this->urgent && this->changes->get_count(this->changes))
	{
		wait = 0;
	}
	this->mutex->unlock(this->mutex);
	return wait;
}

METHOD(nflog_changes_t, is_due, bool,
	private_nflog_changes_t *this)
{
	return !get_wait(this);
}

METHOD(nflog_changes_t, get_delay, u_int,
	private_nflog_changes_t *this)
{
	u_int wait = get_wait(this);

	return wait == UINT_MAX ? 0 : max(wait, 1);
}

METHOD(nflog_changes_t, retry, void,
	private_nflog_changes_t *this)
{
	this->mutex->lock(this->mutex);
	this->urgent = TRUE;
	this->mutex->unlock(this->mutex);
}

METHOD(nflog_changes_t, destroy, void,
	private_nflog_changes_t *this)
{
	if (this->delay)
	{
		DBG1(DBG_CFG, "nflog-capture: keys that could not be written are lost");
	}
	this->changes->destroy_function(this->changes,
									(void*)nflog_change_destroy);
	this->merging->destroy(this->merging);
	this->mutex->destroy(this->mutex);
	free(this);
}

/*
 * Described in header
 */
nflog_changes_t *nflog_changes_create()
{
	private_nflog_changes_t *this;

	INIT(this,
		.public = {
			.add = _add,
			.take = _take,
			.put_back = _put_back,
			.pending = _pending,
			.is_due = _is_due,
			.get_delay = _get_delay,
			.retry = _retry,
			.destroy = _destroy,
		},
		.changes = linked_list_create(),
		.merging = hashtable_create(change_hash, change_equals, 8),
		.mutex = mutex_create(MUTEX_TYPE_DEFAULT),
	);
	return &this->public;
}
