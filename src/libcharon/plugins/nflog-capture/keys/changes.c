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
#include "rows.h"

#include <threading/mutex.h>

/** changes that may wait to be written, each takes less than a kilobyte */
#define MAX_CHANGES 65536

/** first and longest delay until what failed is tried again, in ms */
#define MIN_RETRY 250
#define MAX_RETRY 30000

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
	 * TRUE if there are some that were not tried yet.
	 */
	bool fresh;

	/**
	 * Delay before what failed is tried again, in ms, 0 if nothing failed, and
	 * when that is, monotonic.
	 */
	u_int delay;
	timeval_t retry;

	/**
	 * Changes that were dropped, as too many were waiting.
	 */
	u_int dropped;

	/**
	 * Protects all of the above.
	 */
	mutex_t *mutex;
};

/*
 * Described in header
 */
nflog_change_t *nflog_change_create(
							nflog_change_type_t type, char *conn)
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
	nflog_rows_free(change->row);
	free(change->former);
	free(change);
}

/**
 * Remove the oldest changes that are too many, mutex is locked.
 */
static void limit(private_nflog_changes_t *this)
{
	nflog_change_t *oldest;

	while (this->changes->get_count(this->changes) > MAX_CHANGES &&
		   this->changes->remove_first(this->changes,
									   (void**)&oldest) == SUCCESS)
	{
		if (!this->dropped++)
		{
			DBG1(DBG_CFG, "too many keys wait to be written, the oldest ones are "
				 "lost, first that of SA %s in '%s'", oldest->spi, oldest->conn);
		}
		nflog_change_destroy(oldest);
	}
}

METHOD(nflog_changes_t, add, void,
	private_nflog_changes_t *this, nflog_change_t *change)
{
	this->mutex->lock(this->mutex);
	this->changes->insert_last(this->changes, change);
	this->fresh = TRUE;
	limit(this);
	this->mutex->unlock(this->mutex);
}

METHOD(nflog_changes_t, take, linked_list_t*,
	private_nflog_changes_t *this)
{
	linked_list_t *changes = NULL;
	timeval_t now;

	time_monotonic(&now);
	this->mutex->lock(this->mutex);
	if (this->fresh || (this->delay && !timercmp(&now, &this->retry, <)))
	{
		changes = this->changes;
		this->changes = linked_list_create();
		this->fresh = FALSE;
	}
	this->mutex->unlock(this->mutex);
	return changes;
}

METHOD(nflog_changes_t, put_back, void,
	private_nflog_changes_t *this, linked_list_t *failed)
{
	nflog_change_t *change;
	timeval_t add;
	bool recovered = FALSE;
	u_int dropped = 0;

	this->mutex->lock(this->mutex);
	if (failed->get_count(failed))
	{
		this->delay = this->delay ? min(2 * this->delay, MAX_RETRY) : MIN_RETRY;
		add = (timeval_t){ this->delay / 1000, this->delay % 1000 * 1000 };
		time_monotonic(&this->retry);
		timeradd(&this->retry, &add, &this->retry);
		while (failed->remove_last(failed, (void**)&change) == SUCCESS)
		{
			this->changes->insert_first(this->changes, change);
		}
		limit(this);
	}
	else
	{
		recovered = this->delay;
		dropped = this->dropped;
		this->dropped = this->delay = 0;
	}
	this->mutex->unlock(this->mutex);
	failed->destroy(failed);
	if (recovered)
	{
		DBG1(DBG_CFG, "keys that could not be written are written now, %u are lost",
			 dropped);
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

METHOD(nflog_changes_t, get_delay, u_int,
	private_nflog_changes_t *this)
{
	timeval_t now, left;
	u_int delay = 0;

	time_monotonic(&now);
	this->mutex->lock(this->mutex);
	if (this->delay)
	{
		delay = 1;
		if (timercmp(&now, &this->retry, <))
		{
			timersub(&this->retry, &now, &left);
			delay += left.tv_sec * 1000 + left.tv_usec / 1000;
		}
	}
	this->mutex->unlock(this->mutex);
	return delay;
}

METHOD(nflog_changes_t, retry, void,
	private_nflog_changes_t *this)
{
	this->mutex->lock(this->mutex);
	this->fresh = TRUE;
	this->mutex->unlock(this->mutex);
}

METHOD(nflog_changes_t, destroy, void,
	private_nflog_changes_t *this)
{
	if (this->delay)
	{
		DBG1(DBG_CFG, "keys that could not be written are lost");
	}
	this->changes->destroy_function(this->changes,
									(void*)nflog_change_destroy);
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
			.get_delay = _get_delay,
			.retry = _retry,
			.destroy = _destroy,
		},
		.changes = linked_list_create(),
		.mutex = mutex_create(MUTEX_TYPE_DEFAULT),
	);
	return &this->public;
}
