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

#include "successors.h"

#include <stdio.h>

#include <collections/hashtable.h>
#include <collections/linked_list.h>
#include <threading/mutex.h>

typedef struct private_nflog_successors_t private_nflog_successors_t;
typedef struct successor_t successor_t;

/**
 * Private data.
 */
struct private_nflog_successors_t {

	/**
	 * Public interface.
	 */
	nflog_successors_t public;

	/**
	 * CHILD_SAs that came up, key => successor_t, and the same ordered by time.
	 */
	hashtable_t *table;
	linked_list_t *list;

	/**
	 * Protects these.
	 */
	mutex_t *mutex;
};

/**
 * CHILD_SA that came up.
 */
struct successor_t {
	/** its key */
	char *key;
	/** unique id of its IKE_SA */
	uint32_t ike_id;
	/** when it came up, monotonic */
	time_t time;
};

/**
 * Destroy a successor.
 */
static void successor_destroy(successor_t *successor)
{
	free(successor->key);
	free(successor);
}

/**
 * Forget a successor, the mutex is locked.
 */
static void forget(private_nflog_successors_t *this, successor_t *successor)
{
	this->table->remove(this->table, successor->key);
	this->list->remove(this->list, successor, NULL);
	successor_destroy(successor);
}

METHOD(nflog_successors_t, get_key, char*,
	private_nflog_successors_t *this, ike_sa_t *ike_sa, child_sa_t *child_sa)
{
	enumerator_t *enumerator;
	char *key = NULL;

	enumerator = ike_sa->create_child_sa_enumerator(ike_sa);
	if ((child_sa || enumerator->enumerate(enumerator, &child_sa)) &&
		asprintf(&key, "%s/%s/%Y/%H", ike_sa->get_name(ike_sa),
				 child_sa->get_name(child_sa), ike_sa->get_other_eap_id(ike_sa),
				 ike_sa->get_other_host(ike_sa)) < 0)
	{
		key = NULL;
	}
	enumerator->destroy(enumerator);
	return key;
}

METHOD(nflog_successors_t, up, void,
	private_nflog_successors_t *this, ike_sa_t *ike_sa, child_sa_t *child_sa)
{
	successor_t *successor, *former;
	time_t now = time_monotonic(NULL);
	char *key = get_key(this, ike_sa, child_sa);

	if (!key)
	{
		return;
	}
	INIT(successor,
		.key = key,
		.ike_id = ike_sa->get_unique_id(ike_sa),
		.time = now,
	);
	this->mutex->lock(this->mutex);
	former = this->table->get(this->table, key);
	if (former)
	{
		forget(this, former);
	}
	while (this->list->get_first(this->list, (void**)&former) == SUCCESS &&
		   (now - former->time > NFLOG_SUCCESSORS_AGE ||
			this->list->get_count(this->list) >= NFLOG_SUCCESSORS_MAX))
	{
		forget(this, former);
	}
	this->table->put(this->table, successor->key, successor);
	this->list->insert_last(this->list, successor);
	this->mutex->unlock(this->mutex);
}

METHOD(nflog_successors_t, down, void,
	private_nflog_successors_t *this, ike_sa_t *ike_sa, child_sa_t *child_sa)
{
	char *key = get_key(this, ike_sa, child_sa);
	successor_t *successor;

	this->mutex->lock(this->mutex);
	successor = key ? this->table->get(this->table, key) : NULL;
	if (successor && successor->ike_id == ike_sa->get_unique_id(ike_sa))
	{
		forget(this, successor);
	}
	this->mutex->unlock(this->mutex);
	free(key);
}

METHOD(nflog_successors_t, has, bool,
	private_nflog_successors_t *this, char *key, uint32_t ike_id)
{
	successor_t *successor;
	bool found;

	this->mutex->lock(this->mutex);
	successor = this->table->get(this->table, key);
	found = successor && successor->ike_id != ike_id &&
			time_monotonic(NULL) - successor->time <= NFLOG_SUCCESSORS_AGE;
	this->mutex->unlock(this->mutex);
	return found;
}

METHOD(nflog_successors_t, destroy, void,
	private_nflog_successors_t *this)
{
	this->table->destroy(this->table);
	this->list->destroy_function(this->list, (void*)successor_destroy);
	this->mutex->destroy(this->mutex);
	free(this);
}

/*
 * Described in header
 */
nflog_successors_t *nflog_successors_create()
{
	private_nflog_successors_t *this;

	INIT(this,
		.public = {
			.up = _up,
			.down = _down,
			.get_key = _get_key,
			.has = _has,
			.destroy = _destroy,
		},
		.table = hashtable_create(hashtable_hash_str, hashtable_equals_str, 8),
		.list = linked_list_create(),
		.mutex = mutex_create(MUTEX_TYPE_DEFAULT),
	);
	return &this->public;
}
