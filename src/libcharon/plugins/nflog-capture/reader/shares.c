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

#include "shares.h"

#include <collections/hashtable.h>

/** bytes of an IPv6 address that identify a link, and so its owner */
#define PREFIX_LEN 8

/** lists that an item is in: of all items, and of its source */
#define ALL 0
#define OWN 1

typedef struct private_nflog_shares_t private_nflog_shares_t;
typedef struct ages_t ages_t;

/**
 * List of items by age.
 */
struct ages_t {

	/**
	 * Oldest and latest item, NULL if there is none.
	 */
	nflog_held_t *first, *last;

	/**
	 * Number of items.
	 */
	u_int items;

	/**
	 * Bytes of memory they take.
	 */
	size_t bytes;
};

/**
 * Source of items, exists while it has any.
 */
struct nflog_source_t {

	/**
	 * Address, or IPv6 prefix.
	 */
	struct in6_addr key;

	/**
	 * Items of this source.
	 */
	ages_t own;
};

/**
 * Private data.
 */
struct private_nflog_shares_t {

	/**
	 * Public interface.
	 */
	nflog_shares_t public;

	/**
	 * Limits of what is held.
	 */
	nflog_limits_t limits;

	/**
	 * Callback to drop an item, and its data.
	 */
	nflog_drop_cb_t drop;
	void *data;

	/**
	 * All items.
	 */
	ages_t all;

	/**
	 * Sources of items, struct in6_addr => nflog_source_t, owned.
	 */
	hashtable_t *sources;
};

/**
 * Hash a source, with a seed that no sender can predict.
 */
static u_int source_hash(const void *key)
{
	return chunk_hash(chunk_create((void*)key, sizeof(struct in6_addr)));
}

/**
 * Compare sources.
 */
static bool source_equals(const void *a, const void *b)
{
	return memeq(a, b, sizeof(struct in6_addr));
}

/**
 * Append an item.
 */
static void append(ages_t *ages, nflog_held_t *item, int i)
{
	item->links[i].prev = ages->last;
	item->links[i].next = NULL;
	if (ages->last)
	{
		ages->last->links[i].next = item;
	}
	else
	{
		ages->first = item;
	}
	ages->last = item;
	ages->items++;
	ages->bytes += item->bytes;
}

/**
 * Remove an item from a list.
 */
static void take_out(ages_t *ages, nflog_held_t *item, int i)
{
	nflog_held_t *prev = item->links[i].prev;
	nflog_held_t *next = item->links[i].next;

	if (prev)
	{
		prev->links[i].next = next;
	}
	else
	{
		ages->first = next;
	}
	if (next)
	{
		next->links[i].prev = prev;
	}
	else
	{
		ages->last = prev;
	}
	ages->items--;
	ages->bytes -= item->bytes;
}

/**
 * Get a source, created if there is none.
 */
static nflog_source_t *get_source(private_nflog_shares_t *this,
								  chunk_t address)
{
	nflog_source_t *source;
	struct in6_addr key;

	nflog_shares_source(address, &key);
	source = this->sources->get(this->sources, &key);
	if (!source)
	{
		INIT(source,
			.key = key,
		);
		this->sources->put(this->sources, &source->key, source);
	}
	return source;
}

METHOD(nflog_shares_t, add, void,
	private_nflog_shares_t *this, nflog_held_t *item,
	chunk_t source, time_t now)
{
	item->source = get_source(this, source);
	item->since = now;
	item->bytes += nflog_shares_size(sizeof(*item->source));
	append(&this->all, item, ALL);
	append(&item->source->own, item, OWN);
}

METHOD(nflog_shares_t, grow, void,
	private_nflog_shares_t *this, nflog_held_t *item,
	size_t bytes)
{
	item->bytes += bytes;
	item->source->own.bytes += bytes;
	this->all.bytes += bytes;
}

METHOD(nflog_shares_t, remove_, void,
	private_nflog_shares_t *this, nflog_held_t *item)
{
	nflog_source_t *source = item->source;

	take_out(&this->all, item, ALL);
	take_out(&source->own, item, OWN);
	if (!source->own.items)
	{
		this->sources->remove(this->sources, &source->key);
		free(source);
	}
	item->source = NULL;
}

METHOD(nflog_shares_t, expire, void,
	private_nflog_shares_t *this, time_t now)
{
	nflog_held_t *oldest;

	while ((oldest = this->all.first) &&
		   now - oldest->since >= this->limits.timeout)
	{
		this->drop(this->data, oldest, FALSE);
	}
}

/**
 * Get an item to drop after one was added or grew, NULL if all limits hold.
 */
static nflog_held_t *get_excess(private_nflog_shares_t *this,
								nflog_held_t *item)
{
	ages_t *own = &item->source->own;

	if (own->items > this->limits.source_items ||
		own->bytes > this->limits.source_bytes)
	{
		return own->first;
	}
	if (this->all.items > this->limits.items ||
		this->all.bytes > this->limits.bytes)
	{
		return this->all.first;
	}
	return NULL;
}

METHOD(nflog_shares_t, limit, void,
	private_nflog_shares_t *this, nflog_held_t *item)
{
	nflog_held_t *excess;

	do
	{
		excess = get_excess(this, item);
		if (excess)
		{
			this->drop(this->data, excess, TRUE);
		}
	}
	while (excess && excess != item);
}

METHOD(nflog_shares_t, destroy, void,
	private_nflog_shares_t *this)
{
	this->sources->destroy(this->sources);
	free(this);
}

/*
 * Described in header
 */
void nflog_shares_source(chunk_t address, struct in6_addr *source)
{
	memset(source, 0, sizeof(*source));
	memcpy(source, address.ptr, min(address.len, PREFIX_LEN));
}

/*
 * Described in header
 */
nflog_shares_t *nflog_shares_create(const nflog_limits_t *limits,
									nflog_drop_cb_t drop, void *data)
{
	private_nflog_shares_t *this;

	INIT(this,
		.public = {
			.add = _add,
			.grow = _grow,
			.remove = _remove_,
			.expire = _expire,
			.limit = _limit,
			.destroy = _destroy,
		},
		.limits = *limits,
		.drop = drop,
		.data = data,
		.sources = hashtable_create(source_hash, source_equals, 32),
	);
	return &this->public;
}
