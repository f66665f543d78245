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

#include "ike_gone.h"

#include <collections/hashtable.h>
#include <collections/linked_list.h>

#include <sys/time.h>

typedef struct private_nflog_ike_gone_t private_nflog_ike_gone_t;

/**
 * Private data.
 */
struct private_nflog_ike_gone_t {

	/**
	 * Public interface.
	 */
	nflog_ike_gone_t public;

	/**
	 * IKE_SAs that are gone, and those that stay up, in the order their traces end,
	 * nflog_ike_sa_t.
	 */
	linked_list_t *lists[2];

	/**
	 * Those that stay up, by unique id, => nflog_ike_sa_t.  If there are several with an id,
	 * the last one.
	 */
	hashtable_t *up;
};

METHOD(nflog_ike_gone_t, add, void,
	private_nflog_ike_gone_t *this, nflog_ike_sa_t *sa, bool up)
{
	nflog_ike_sa_set_gone(sa, up);
	this->lists[up]->insert_last(this->lists[up], sa);
	if (up)
	{
		gettimeofday(&sa->stopped, NULL);
		this->up->put(this->up, (void*)(uintptr_t)sa->id, sa);
	}
}

METHOD(nflog_ike_gone_t, find, nflog_ike_sa_t*,
	private_nflog_ike_gone_t *this, uint32_t id, nflog_logged_t *logged)
{
	nflog_ike_sa_t *sa = NULL;

	if (this->lists[TRUE]->get_count(this->lists[TRUE]))
	{
		sa = this->up->get(this->up, (void*)(uintptr_t)id);
	}
	if (sa && logged->attrs[NFULA_TIMESTAMP] &&
		timercmp(&logged->time, &sa->stopped, >))
	{
		return NULL;
	}
	return sa;
}

/**
 * Remove the first IKE_SA of a list, if there is one.
 */
static nflog_ike_sa_t *remove_from(private_nflog_ike_gone_t *this, bool up)
{
	nflog_ike_sa_t *sa;
	void *id;

	if (this->lists[up]->remove_first(this->lists[up], (void**)&sa) != SUCCESS)
	{
		return NULL;
	}
	id = (void*)(uintptr_t)sa->id;
	if (up && this->up->get(this->up, id) == sa)
	{
		this->up->remove(this->up, id);
	}
	return sa;
}

METHOD(nflog_ike_gone_t, remove_due, nflog_ike_sa_t*,
	private_nflog_ike_gone_t *this, bool idle, int *timeout)
{
	nflog_ike_sa_t *sa;
	int up, rest;

	*timeout = -1;
	for (up = FALSE; up <= TRUE; up++)
	{
		if (this->lists[up]->get_first(this->lists[up], (void**)&sa) != SUCCESS)
		{
			continue;
		}
		rest = nflog_ike_sa_get_rest(sa, idle);
		if (!rest)
		{
			return remove_from(this, up);
		}
		*timeout = *timeout < 0 ? rest : min(*timeout, rest);
	}
	return NULL;
}

METHOD(nflog_ike_gone_t, remove_first, nflog_ike_sa_t*,
	private_nflog_ike_gone_t *this)
{
	return remove_from(this, FALSE) ?: remove_from(this, TRUE);
}

METHOD(nflog_ike_gone_t, get_count, u_int,
	private_nflog_ike_gone_t *this)
{
	return this->lists[FALSE]->get_count(this->lists[FALSE]) +
		   this->lists[TRUE]->get_count(this->lists[TRUE]);
}

METHOD(nflog_ike_gone_t, destroy, void,
	private_nflog_ike_gone_t *this)
{
	this->lists[FALSE]->destroy(this->lists[FALSE]);
	this->lists[TRUE]->destroy(this->lists[TRUE]);
	this->up->destroy(this->up);
	free(this);
}

/*
 * Described in header
 */
nflog_ike_gone_t *nflog_ike_gone_create()
{
	private_nflog_ike_gone_t *this;

	INIT(this,
		.public = {
			.add = _add,
			.find = _find,
			.remove_due = _remove_due,
			.remove_first = _remove_first,
			.get_count = _get_count,
			.destroy = _destroy,
		},
		.lists = {
			linked_list_create(),
			linked_list_create(),
		},
		.up = hashtable_create(hashtable_hash_ptr, hashtable_equals_ptr, 8),
	);
	return &this->public;
}
