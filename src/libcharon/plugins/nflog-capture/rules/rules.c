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
	 * Takes back SAs.
	 */
	nflog_receiver_t receiver;

	/**
	 * Brings the rules in place.
	 */
	nflog_worker_t *worker;

	/**
	 * IKE messages, NULL if there are no rules for them, guarded by the worker's mutex,
	 * set atomically.
	 */
	nflog_entry_t *ike;

	/**
	 * TRUE if IKE messages are wanted, rules for them may stay otherwise, guarded by
	 * the worker's mutex.
	 */
	bool want_ike;

	/**
	 * Time for which IKE messages were missed when they were wanted before, in ms,
	 * guarded by the worker's mutex.
	 */
	uint64_t ike_missed;
};

METHOD(nflog_rules_t, add_, bool,
	private_nflog_rules_t *this, nflog_sa_t *sa)
{
	bool complete;

	this->worker->lock(this->worker);
	complete = this->worker->add(this->worker, nflog_entry_create(sa));
	this->worker->unlock(this->worker);
	return complete;
}

METHOD(nflog_rules_t, take_over, bool,
	private_nflog_rules_t *this, nflog_sa_t *spi,
	nflog_sa_t *sa)
{
	bool complete;

	this->worker->lock(this->worker);
	nflog_entry_set_sa(spi->entry, sa);
	spi->entry = NULL;
	complete = this->worker->apply(this->worker, sa->entry);
	this->worker->unlock(this->worker);
	return complete;
}

METHOD(nflog_rules_t, count_early, void,
	private_nflog_rules_t *this, nflog_sa_t *sa)
{
	this->worker->lock(this->worker);
	this->worker->count_early(this->worker, sa->entry);
	this->worker->unlock(this->worker);
}

METHOD(nflog_rules_t, extend, bool,
	private_nflog_rules_t *this, nflog_sa_t *sa,
	nflog_match_t *next)
{
	bool complete;

	this->worker->lock(this->worker);
	nflog_entry_want(sa->entry, &sa->match, next);
	complete = this->worker->apply(this->worker, sa->entry);
	this->worker->unlock(this->worker);
	return complete;
}

METHOD(nflog_rules_t, reduce, void,
	private_nflog_rules_t *this, nflog_sa_t *sa,
	nflog_match_t *keep)
{
	this->worker->lock(this->worker);
	nflog_entry_want(sa->entry, keep, NULL);
	this->worker->change(this->worker, sa->entry);
	this->worker->unlock(this->worker);
}

METHOD(nflog_rules_t, remove_, void,
	private_nflog_rules_t *this, nflog_sa_t *sa)
{
	bool gone;

	this->worker->lock(this->worker);
	gone = this->worker->remove(this->worker, sa->entry);
	this->worker->unlock(this->worker);
	if (gone)
	{
		this->receiver.removed(this->receiver.data, sa);
	}
}

/**
 * Set or reset the entry of IKE messages, the worker's mutex is locked.
 */
static void set_ike(private_nflog_rules_t *this, nflog_entry_t *ike)
{
	__atomic_store_n(&this->ike, ike, __ATOMIC_RELAXED);
}

METHOD(nflog_rules_t, log_ike, void,
	private_nflog_rules_t *this, bool enable)
{
	this->worker->lock(this->worker);
	this->want_ike = enable;
	if (enable && !this->ike)
	{
		set_ike(this, nflog_entry_create(NULL));
		this->worker->add(this->worker, this->ike);
	}
	this->worker->unlock(this->worker);
}

METHOD(nflog_rules_t, end_ike, void,
	private_nflog_rules_t *this)
{
	this->worker->lock(this->worker);
	if (this->ike && !this->want_ike)
	{
		this->ike_missed += nflog_entry_get_missed(this->ike);
		this->worker->remove(this->worker, this->ike);
		set_ike(this, NULL);
	}
	this->worker->unlock(this->worker);
}

METHOD(nflog_rules_t, wants_ike, bool,
	private_nflog_rules_t *this)
{
	bool wants;

	this->worker->lock(this->worker);
	wants = this->want_ike;
	this->worker->unlock(this->worker);
	return wants;
}

METHOD(nflog_rules_t, has_ike, bool,
	private_nflog_rules_t *this)
{
	/* called by a lane for packets, so it waits for no lock, and logs nothing */
	return __atomic_load_n(&this->ike, __ATOMIC_RELAXED) != NULL;
}

METHOD(nflog_rules_t, get_ike_missed, uint64_t,
	private_nflog_rules_t *this)
{
	uint64_t ms;

	this->worker->lock(this->worker);
	ms = this->ike_missed;
	if (this->ike)
	{
		ms += nflog_entry_get_missed(this->ike);
	}
	this->worker->unlock(this->worker);
	return ms;
}

METHOD(nflog_rules_t, retry, void,
	private_nflog_rules_t *this)
{
	this->worker->lock(this->worker);
	this->worker->retry(this->worker);
	this->worker->unlock(this->worker);
}

METHOD(nflog_rules_t, destroy, void,
	private_nflog_rules_t *this)
{
	log_ike(this, FALSE);
	end_ike(this);
	this->worker->destroy(this->worker);
	free(this);
}

/*
 * Described in header
 */
nflog_rules_t *nflog_rules_create(nflog_receiver_t *receiver)
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
		.worker = nflog_worker_create(receiver),
	);
	return &this->public;
}
