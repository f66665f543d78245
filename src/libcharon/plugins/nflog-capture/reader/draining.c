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

#include "draining.h"

#include <collections/linked_list.h>
#include <threading/mutex.h>

/**
 * How long to wait for packets that rules counted, in ms.  The kernel passes
 * them on within a tick of its clock, unless it lost them, but on a busy machine
 * it may take a while until it gets to that.
 */
#define DRAIN_TIMEOUT 1000

/**
 * How long to do so while other packets arrive without end, in ms.  What the
 * kernel had queued by then has been read long before.
 */
#define DRAIN_LIMIT 3000

typedef struct private_nflog_draining_t private_nflog_draining_t;

/**
 * Private data.
 */
struct private_nflog_draining_t {

	/**
	 * Public interface.
	 */
	nflog_draining_t public;

	/**
	 * SAs, nflog_sa_t.
	 */
	linked_list_t *sas;

	/**
	 * Protects the list.
	 */
	mutex_t *mutex;
};

METHOD(nflog_draining_t, add, void,
	private_nflog_draining_t *this, nflog_sa_t *sa)
{
	time_monotonic(&sa->deadline);
	timeval_add_ms(&sa->deadline, DRAIN_TIMEOUT);
	this->mutex->lock(this->mutex);
	this->sas->insert_last(this->sas, sa);
	this->mutex->unlock(this->mutex);
}

METHOD(nflog_draining_t, has_any, bool,
	private_nflog_draining_t *this)
{
	bool found;

	this->mutex->lock(this->mutex);
	found = this->sas->get_count(this->sas) > 0;
	this->mutex->unlock(this->mutex);
	return found;
}

/**
 * Are there packets at this capture point that the kernel did not pass on?
 */
static bool is_missing(nflog_tap_t *tap)
{
	return tap->trace && tap->count->logged > tap->count->received;
}

/**
 * Are there packets on the TUN device that the kernel did not pass on?
 */
static bool is_missing_tun(nflog_sa_t *sa)
{
	return sa->read &&
		   sa->passed > __atomic_load_n(sa->read, __ATOMIC_RELAXED);
}

METHOD(nflog_draining_t, remove_, nflog_sa_t*,
	private_nflog_draining_t *this, bool idle)
{
	nflog_sa_t *sa, *found = NULL;
	enumerator_t *enumerator;
	timeval_t now, wait = {
		.tv_sec = (DRAIN_LIMIT - DRAIN_TIMEOUT) / 1000,
		.tv_usec = (DRAIN_LIMIT - DRAIN_TIMEOUT) % 1000 * 1000,
	};

	time_monotonic(&now);
	if (!idle)
	{
		timersub(&now, &wait, &now);
	}
	this->mutex->lock(this->mutex);
	enumerator = this->sas->create_enumerator(this->sas);
	while (!found && enumerator->enumerate(enumerator, &sa))
	{
		if ((!is_missing(&sa->esp) && !is_missing(&sa->plain) &&
			 !is_missing_tun(sa)) ||
			!timercmp(&now, &sa->deadline, <))
		{
			this->sas->remove_at(this->sas, enumerator);
			found = sa;
		}
	}
	enumerator->destroy(enumerator);
	this->mutex->unlock(this->mutex);
	return found;
}

METHOD(nflog_draining_t, destroy, void,
	private_nflog_draining_t *this)
{
	this->sas->destroy(this->sas);
	this->mutex->destroy(this->mutex);
	free(this);
}

/*
 * Described in header
 */
nflog_draining_t *nflog_draining_create()
{
	private_nflog_draining_t *this;

	INIT(this,
		.public = {
			.add = _add,
			.has_any = _has_any,
			.remove = _remove_,
			.destroy = _destroy,
		},
		.sas = linked_list_create(),
		.mutex = mutex_create(MUTEX_TYPE_DEFAULT),
	);
	return &this->public;
}
