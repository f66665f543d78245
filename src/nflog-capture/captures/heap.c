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

#include "heap.h"

typedef struct private_heap_t private_heap_t;

/**
 * Private data.
 */
struct private_heap_t {

	/**
	 * Public interface.
	 */
	heap_t public;

	/**
	 * Defines the order.
	 */
	heap_compare_t compare;

	/**
	 * Items, none is before the one at (its index - 1) / 2.
	 */
	void **items;

	/**
	 * Number of items, and of those that there is memory for.
	 */
	u_int count, size;
};

/**
 * Swap two items.
 */
static void swap(private_heap_t *this, u_int a, u_int b)
{
	void *item = this->items[a];

	this->items[a] = this->items[b];
	this->items[b] = item;
}

METHOD(heap_t, insert, void,
	private_heap_t *this, void *item)
{
	u_int pos = this->count++, parent;

	if (this->count > this->size)
	{
		this->size = max(64, 2 * this->size);
		this->items = realloc(this->items, this->size * sizeof(void*));
	}
	this->items[pos] = item;
	while (pos)
	{
		parent = (pos - 1) / 2;
		if (this->compare(this->items[pos], this->items[parent]) >= 0)
		{
			break;
		}
		swap(this, pos, parent);
		pos = parent;
	}
}

METHOD(heap_t, get_first, void*,
	private_heap_t *this)
{
	return this->count ? this->items[0] : NULL;
}

METHOD(heap_t, update_first, void,
	private_heap_t *this)
{
	u_int pos = 0, next;

	while ((next = 2 * pos + 1) < this->count)
	{
		if (next + 1 < this->count &&
			this->compare(this->items[next + 1], this->items[next]) < 0)
		{
			next++;
		}
		if (this->compare(this->items[pos], this->items[next]) <= 0)
		{
			break;
		}
		swap(this, pos, next);
		pos = next;
	}
}

METHOD(heap_t, remove_first, void*,
	private_heap_t *this)
{
	void *item;

	if (!this->count)
	{
		return NULL;
	}
	item = this->items[0];
	this->items[0] = this->items[--this->count];
	update_first(this);
	return item;
}

METHOD(heap_t, destroy, void,
	private_heap_t *this)
{
	free(this->items);
	free(this);
}

/*
 * Described in header
 */
heap_t *heap_create(heap_compare_t compare)
{
	private_heap_t *this;

	INIT(this,
		.public = {
			.insert = _insert,
			.get_first = _get_first,
			.update_first = _update_first,
			.remove_first = _remove_first,
			.destroy = _destroy,
		},
		.compare = compare,
	);
	return &this->public;
}
