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

#include "sa_table.h"
#include "rules/sa.h"

#include <collections/hashtable.h>
#include <threading/mutex.h>

typedef struct private_nflog_sa_table_t private_nflog_sa_table_t;
typedef struct sa_id_t sa_id_t;
typedef struct entry_t entry_t;

/**
 * Private data.
 */
struct private_nflog_sa_table_t {

	/**
	 * Public interface.
	 */
	nflog_sa_table_t public;

	/**
	 * SAs, sa_id_t => entry_t.
	 */
	hashtable_t *entries;

	/**
	 * Protects the entries.
	 */
	mutex_t *mutex;
};

/**
 * Identifies an SA.
 */
struct sa_id_t {

	/**
	 * Destination and SPI.
	 */
	nflog_esp_key_t esp;

	/**
	 * Protocol, e.g. IPPROTO_ESP.
	 */
	uint8_t proto;

	/**
	 * Mark of its packets.
	 */
	mark_t mark;
};

/**
 * An SA.
 */
struct entry_t {

	/**
	 * Key in the table.
	 */
	sa_id_t id;

	/**
	 * TRUE if it is inbound.
	 */
	bool inbound;

	/**
	 * Owner of the SA.
	 */
	void *owner;
};

/**
 * Hash an sa_id_t.
 */
static u_int hash(const void *key)
{
	return nflog_esp_key_hash(&((sa_id_t*)key)->esp);
}

/**
 * Compare two sa_id_t.
 */
static bool equals(const void *key, const void *other)
{
	const sa_id_t *a = key, *b = other;

	return nflog_esp_key_equals(&a->esp, &b->esp) && a->proto == b->proto &&
		   a->mark.value == b->mark.value && a->mark.mask == b->mark.mask;
}

/**
 * Get the key of an SA, whatever its direction.
 */
static sa_id_t get_key(kernel_ipsec_sa_id_t *id)
{
	sa_id_t key = {
		.proto = id->proto,
		.mark = id->mark,
	};

	nflog_sa_set_key(&key.esp, FALSE, id->dst, id->spi);
	return key;
}

METHOD(nflog_sa_table_t, add, bool,
	private_nflog_sa_table_t *this, kernel_ipsec_sa_id_t *id, bool inbound,
	void *owner)
{
	entry_t *entry;
	bool found;

	INIT(entry,
		.id = get_key(id),
		.inbound = inbound,
		.owner = owner,
	);
	this->mutex->lock(this->mutex);
	found = this->entries->get(this->entries, &entry->id) != NULL;
	if (!found)
	{
		this->entries->put(this->entries, &entry->id, entry);
	}
	this->mutex->unlock(this->mutex);
	if (found)
	{
		free(entry);
	}
	return !found;
}

METHOD(nflog_sa_table_t, get, void*,
	private_nflog_sa_table_t *this, kernel_ipsec_sa_id_t *id, bool *inbound)
{
	sa_id_t key = get_key(id);
	void *owner = NULL;
	entry_t *entry;

	this->mutex->lock(this->mutex);
	entry = this->entries->get(this->entries, &key);
	if (entry)
	{
		owner = entry->owner;
		if (inbound)
		{
			*inbound = entry->inbound;
		}
	}
	this->mutex->unlock(this->mutex);
	return owner;
}

METHOD(nflog_sa_table_t, remove_, void,
	private_nflog_sa_table_t *this, kernel_ipsec_sa_id_t *id)
{
	sa_id_t key = get_key(id);
	entry_t *entry;

	this->mutex->lock(this->mutex);
	entry = this->entries->remove(this->entries, &key);
	this->mutex->unlock(this->mutex);
	free(entry);
}

METHOD(nflog_sa_table_t, destroy, void,
	private_nflog_sa_table_t *this)
{
	enumerator_t *enumerator;
	entry_t *entry;

	enumerator = this->entries->create_enumerator(this->entries);
	while (enumerator->enumerate(enumerator, NULL, &entry))
	{
		free(entry);
	}
	enumerator->destroy(enumerator);
	this->entries->destroy(this->entries);
	this->mutex->destroy(this->mutex);
	free(this);
}

/*
 * Described in header
 */
nflog_sa_table_t *nflog_sa_table_create()
{
	private_nflog_sa_table_t *this;

	INIT(this,
		.public = {
			.add = _add,
			.get = _get,
			.remove = _remove_,
			.destroy = _destroy,
		},
		.entries = hashtable_create(hash, equals, 32),
		.mutex = mutex_create(MUTEX_TYPE_DEFAULT),
	);
	return &this->public;
}
