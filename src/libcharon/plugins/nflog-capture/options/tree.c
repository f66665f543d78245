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

#include "tree.h"

#include <collections/hashtable.h>

typedef struct private_nflog_tree_t private_nflog_tree_t;

/**
 * Private data.
 */
struct private_nflog_tree_t {

	/**
	 * Public interface.
	 */
	nflog_tree_t public;

	/**
	 * All items, by their name, section and type.
	 */
	hashtable_t *items;

	/**
	 * Last item that was added.
	 */
	nflog_item_t *latest;
};

/**
 * Hash an item.
 */
static u_int item_hash(const void *key)
{
	const nflog_item_t *item = key;

	return chunk_hash_inc(chunk_from_thing(item->parent),
						  chunk_hash(chunk_from_str(item->name)));
}

/**
 * Is this the same item, whatever is in it?
 */
static bool item_equals(const void *a, const void *b)
{
	const nflog_item_t *x = a, *y = b;

	return x->parent == y->parent && x->type == y->type &&
		   streq(x->name, y->name);
}

/**
 * Wipe and free a value.
 */
static void free_value(char *value)
{
	if (value)
	{
		memwipe(value, strlen(value));
		free(value);
	}
}

METHOD(nflog_tree_t, find, nflog_item_t*,
	private_nflog_tree_t *this, nflog_item_t *parent, char *name,
	nflog_item_type_t type)
{
	nflog_item_t key = {
		.parent = parent,
		.name = name,
		.type = type,
	};

	return this->items->get(this->items, &key);
}

METHOD(nflog_tree_t, add, nflog_item_t*,
	private_nflog_tree_t *this, nflog_item_t *parent, char *name,
	nflog_item_type_t type)
{
	nflog_item_t *item;

	item = find(this, parent, name, type);
	if (item)
	{
		free(name);
		return item;
	}
	INIT(item,
		.parent = parent,
		.name = name,
		.type = type,
		.former = this->latest,
	);
	this->latest = item;
	this->items->put(this->items, item, item);
	if (type == ITEM_REFERENCE)
	{
		array_insert_create(&parent->references, ARRAY_TAIL, item);
		return item;
	}
	if (parent->last)
	{
		parent->last->next = item;
	}
	else
	{
		parent->first = item;
	}
	parent->last = item;
	parent->count++;
	return item;
}

METHOD(nflog_tree_t, set, void,
	private_nflog_tree_t *this, nflog_item_t *item, char *value)
{
	item->cleared = !value && (item->value || item->cleared);
	free_value(item->value);
	item->value = value;
}

METHOD(nflog_tree_t, destroy, void,
	private_nflog_tree_t *this)
{
	nflog_item_t *item;

	this->items->destroy(this->items);
	while ((item = this->latest))
	{
		this->latest = item->former;
		array_destroy(item->references);
		free_value(item->value);
		free(item->name);
		free(item);
	}
	free(this);
}

/*
 * Described in header
 */
nflog_tree_t *nflog_tree_create()
{
	private_nflog_tree_t *this;

	INIT(this,
		.public = {
			.find = _find,
			.add = _add,
			.set = _set,
			.destroy = _destroy,
		},
		.items = hashtable_create(item_hash, item_equals, 1024),
	);
	INIT(this->latest,
		.type = ITEM_SECTION,
	);
	this->public.top = this->latest;
	return &this->public;
}
