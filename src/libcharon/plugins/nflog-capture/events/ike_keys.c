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

#include "ike_keys.h"
#include "process/secret.h"

#include <collections/hashtable.h>
#include <threading/mutex.h>
#include <threading/thread_value.h>

/** IKE_SAs whose keys are kept at most */
#define MAX_KEPT 10000

typedef struct private_nflog_ike_keys_t private_nflog_ike_keys_t;

/**
 * Private data.
 */
struct private_nflog_ike_keys_t {

	/**
	 * Public interface.
	 */
	nflog_ike_keys_t public;

	/**
	 * Keys that the current thread derived, nflog_ike_key_set_t.
	 */
	thread_value_t *derived;

	/**
	 * Keys of IKE_SAs whose connection is not known, ike_sa_id_t => nflog_ike_key_set_t.
	 */
	hashtable_t *kept;

	/**
	 * IKE_SAs whose keys were written, ike_sa_id_t => ike_sa_id_t.
	 */
	hashtable_t *written;

	/**
	 * Protects kept and written.
	 */
	mutex_t *mutex;
};

/**
 * Hash an IKE_SA by its SPIs.
 */
static u_int id_hash(const void *key)
{
	ike_sa_id_t *id = (ike_sa_id_t*)key;

	return id->get_initiator_spi(id) ^ id->get_responder_spi(id);
}

/**
 * Compare IKE_SAs by their SPIs.
 */
static bool id_equals(const void *a, const void *b)
{
	ike_sa_id_t *x = (ike_sa_id_t*)a, *y = (ike_sa_id_t*)b;

	return x->get_initiator_spi(x) == y->get_initiator_spi(y) &&
		   x->get_responder_spi(x) == y->get_responder_spi(y);
}

METHOD(nflog_ike_keys_t, derive, void,
	private_nflog_ike_keys_t *this, chunk_t sk_ei, chunk_t sk_er,
	chunk_t sk_ai, chunk_t sk_ar)
{
	nflog_ike_key_set_t *keys;

	INIT(keys,
		.sk_ei = nflog_secret_clone(sk_ei),
		.sk_er = nflog_secret_clone(sk_er),
		.sk_ai = nflog_secret_clone(sk_ai),
		.sk_ar = nflog_secret_clone(sk_ar),
	);
	nflog_ike_key_set_destroy(this->derived->get(this->derived));
	this->derived->set(this->derived, keys);
}

METHOD(nflog_ike_keys_t, get, nflog_ike_key_set_t*,
	private_nflog_ike_keys_t *this, ike_sa_t *ike_sa)
{
	nflog_ike_key_set_t *keys;
	proposal_t *proposal;
	ike_sa_id_t *id;

	keys = this->derived->get(this->derived);
	this->derived->set(this->derived, NULL);
	proposal = ike_sa->get_proposal(ike_sa);
	if (!keys || !proposal)
	{
		nflog_ike_key_set_destroy(keys);
		return NULL;
	}
	id = ike_sa->get_id(ike_sa);
	keys->id = id->clone(id);
	keys->version = ike_sa->get_version(ike_sa);
	keys->proposal = proposal->clone(proposal, 0);
	return keys;
}

METHOD(nflog_ike_keys_t, keep, void,
	private_nflog_ike_keys_t *this, nflog_ike_key_set_t *keys)
{
	this->mutex->lock(this->mutex);
	if (this->kept->get_count(this->kept) < MAX_KEPT)
	{
		keys->former = this->kept->put(this->kept, keys->id, keys);
		keys = NULL;
	}
	this->mutex->unlock(this->mutex);
	nflog_ike_key_set_destroy(keys);
}

METHOD(nflog_ike_keys_t, remove_, nflog_ike_key_set_t*,
	private_nflog_ike_keys_t *this, ike_sa_id_t *id)
{
	nflog_ike_key_set_t *keys;

	this->mutex->lock(this->mutex);
	keys = this->kept->remove(this->kept, id);
	this->mutex->unlock(this->mutex);
	return keys;
}

METHOD(nflog_ike_keys_t, set_written, void,
	private_nflog_ike_keys_t *this, ike_sa_id_t *id, bool written)
{
	ike_sa_id_t *former;

	if (written)
	{
		id = id->clone(id);
	}
	this->mutex->lock(this->mutex);
	former = written ? this->written->put(this->written, id, id)
					 : this->written->remove(this->written, id);
	this->mutex->unlock(this->mutex);
	DESTROY_IF(former);
}

METHOD(nflog_ike_keys_t, is_written, bool,
	private_nflog_ike_keys_t *this, ike_sa_id_t *id)
{
	bool written;

	this->mutex->lock(this->mutex);
	written = this->written->get(this->written, id) != NULL;
	this->mutex->unlock(this->mutex);
	return written;
}

METHOD(nflog_ike_keys_t, destroy, void,
	private_nflog_ike_keys_t *this)
{
	enumerator_t *enumerator;
	nflog_ike_key_set_t *keys;
	ike_sa_id_t *id;

	enumerator = this->kept->create_enumerator(this->kept);
	while (enumerator->enumerate(enumerator, NULL, &keys))
	{
		nflog_ike_key_set_destroy(keys);
	}
	enumerator->destroy(enumerator);
	this->kept->destroy(this->kept);
	enumerator = this->written->create_enumerator(this->written);
	while (enumerator->enumerate(enumerator, NULL, &id))
	{
		id->destroy(id);
	}
	enumerator->destroy(enumerator);
	this->written->destroy(this->written);
	this->derived->destroy(this->derived);
	this->mutex->destroy(this->mutex);
	free(this);
}

/*
 * Described in header
 */
nflog_ike_keys_t *nflog_ike_keys_create()
{
	private_nflog_ike_keys_t *this;

	INIT(this,
		.public = {
			.derive = _derive,
			.get = _get,
			.keep = _keep,
			.remove = _remove_,
			.set_written = _set_written,
			.is_written = _is_written,
			.destroy = _destroy,
		},
		.derived = thread_value_create((void*)nflog_ike_key_set_destroy),
		.kept = hashtable_create(id_hash, id_equals, 32),
		.written = hashtable_create(id_hash, id_equals, 32),
		.mutex = mutex_create(MUTEX_TYPE_DEFAULT),
	);
	return &this->public;
}

/*
 * Described in header
 */
void nflog_ike_key_set_destroy(nflog_ike_key_set_t *keys)
{
	if (keys)
	{
		nflog_ike_key_set_destroy(keys->former);
		DESTROY_IF(keys->id);
		DESTROY_IF(keys->proposal);
		nflog_secret_clear(&keys->sk_ei);
		nflog_secret_clear(&keys->sk_er);
		nflog_secret_clear(&keys->sk_ai);
		nflog_secret_clear(&keys->sk_ar);
		free(keys);
	}
}
