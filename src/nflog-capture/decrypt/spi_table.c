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

#include "spi_table.h"

#include <collections/hashtable.h>

typedef struct private_spi_table_t private_spi_table_t;
typedef struct entry_t entry_t;

/**
 * Private data.
 */
struct private_spi_table_t {

	/**
	 * Public interface.
	 */
	spi_table_t public;

	/**
	 * Keys, not owned.
	 */
	keyring_t *keys;

	/**
	 * Method to enumerate the keys of an SPI.
	 */
	enumerator_t *(*enumerate)(keyring_t*, uint64_t);

	/**
	 * Constructor and destructor of the objects.
	 */
	void *(*create)(void *key);
	void (*free)(void *object);

	/**
	 * Objects by SPI, &spi => entry_t.
	 */
	hashtable_t *entries;

	/**
	 * The one that get() returned last, NULL for none: packets of an SA mostly follow
	 * each other, and the hash takes long.
	 */
	entry_t *last;
};

/**
 * Objects of an SPI.
 */
struct entry_t {
	/** SPI */
	uint64_t spi;
	/** objects, that of the newest key first */
	linked_list_t *objects;
};

METHOD(spi_table_t, get, linked_list_t*,
	private_spi_table_t *this, uint64_t spi)
{
	enumerator_t *enumerator;
	linked_list_t *objects;
	entry_t *entry;
	void *key, *object;

	entry = this->last;
	if (!entry || entry->spi != spi)
	{
		entry = this->entries->get(this->entries, &spi);
	}
	if (entry)
	{
		this->last = entry;
		return entry->objects;
	}
	objects = linked_list_create();
	enumerator = this->enumerate(this->keys, spi);
	while (enumerator->enumerate(enumerator, &key))
	{
		object = this->create(key);
		if (object)
		{
			objects->insert_last(objects, object);
		}
	}
	enumerator->destroy(enumerator);
	if (!objects->get_count(objects))
	{	/* not kept, as attackers may use any SPI */
		objects->destroy(objects);
		return NULL;
	}
	INIT(entry,
		.spi = spi,
		.objects = objects,
	);
	this->entries->put(this->entries, &entry->spi, entry);
	return objects;
}

METHOD(spi_table_t, destroy, void,
	private_spi_table_t *this)
{
	enumerator_t *enumerator;
	entry_t *entry;

	enumerator = this->entries->create_enumerator(this->entries);
	while (enumerator->enumerate(enumerator, NULL, &entry))
	{
		entry->objects->destroy_function(entry->objects, this->free);
		free(entry);
	}
	enumerator->destroy(enumerator);
	this->entries->destroy(this->entries);
	free(this);
}

/*
 * Described in header
 */
spi_table_t *spi_table_create(keyring_t *keys,
							  enumerator_t *(*enumerate)(keyring_t*, uint64_t),
							  void *(*create)(void *key),
							  void (*destroy)(void *object))
{
	private_spi_table_t *this;

	INIT(this,
		.public = {
			.get = _get,
			.destroy = _destroy,
		},
		.keys = keys,
		.enumerate = enumerate,
		.create = create,
		.free = destroy,
		.entries = hashtable_create(keyring_spi_hash, keyring_spi_equals, 32),
	);
	return &this->public;
}
