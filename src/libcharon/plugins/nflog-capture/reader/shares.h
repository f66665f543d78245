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

/**
 * @defgroup nflog_shares nflog_shares
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_SHARES_H_
#define NFLOG_SHARES_H_

typedef struct nflog_shares_t nflog_shares_t;
typedef struct nflog_limits_t nflog_limits_t;
typedef struct nflog_held_t nflog_held_t;
typedef struct nflog_source_t nflog_source_t;

#include <library.h>

#include <netinet/in.h>

/**
 * What may be held, in all, and of a single source.
 */
struct nflog_limits_t {
	/** number of items */
	u_int items, source_items;
	/** bytes of memory */
	size_t bytes, source_bytes;
	/** how long an item may be held, in s */
	time_t timeout;
};

/**
 * Item that is held, to be the first member of what it is about.
 */
struct nflog_held_t {
	/** former and next item by age, of all, and of the same source */
	struct {
		nflog_held_t *prev, *next;
	} links[2];
	/** source it is from, internal */
	nflog_source_t *source;
	/** bytes of memory it takes */
	size_t bytes;
	/** since when it is held, monotonic */
	time_t since;
};

/**
 * Callback to drop an item, which has to remove it.
 *
 * @param data		data, as passed to nflog_shares_create()
 * @param item		item
 * @param excess	TRUE if there is too much, FALSE if its time is over
 */
typedef void (*nflog_drop_cb_t)(void *data, nflog_held_t *item, bool excess);

/**
 * Bounds what packets from anywhere can make grow, so that a single source, an
 * IPv4 address or an IPv6 prefix of 64 bits, does not take the share of others.
 *
 * All takes constant time.  Items are owned by the caller.  Not thread-safe.
 */
struct nflog_shares_t {

	/**
	 * Hold an item.
	 *
	 * @param item		item, its bytes are set
	 * @param source	address it is from, 4 or 16 bytes
	 * @param now		current time, monotonic
	 */
	void (*add)(nflog_shares_t *this, nflog_held_t *item,
				chunk_t source, time_t now);

	/**
	 * An item that is held takes more memory.
	 *
	 * @param item		item
	 * @param bytes		bytes to add
	 */
	void (*grow)(nflog_shares_t *this, nflog_held_t *item,
				 size_t bytes);

	/**
	 * Hold an item no longer.
	 *
	 * @param item		item
	 */
	void (*remove)(nflog_shares_t *this, nflog_held_t *item);

	/**
	 * Drop items whose time is over.
	 *
	 * @param now		current time, monotonic
	 */
	void (*expire)(nflog_shares_t *this, time_t now);

	/**
	 * Drop items until there is not too much, after one was added or grew: the
	 * oldest ones of its source if that exceeds its share, then the oldest ones of
	 * all.
	 *
	 * @param item		item that was added or grew, may be dropped too
	 */
	void (*limit)(nflog_shares_t *this, nflog_held_t *item);

	/**
	 * Destroy a nflog_shares_t, that holds nothing.
	 */
	void (*destroy)(nflog_shares_t *this);
};

/**
 * Get the bytes of memory that an allocation takes, with what the C library adds
 * to it.
 *
 * @param size		bytes that are allocated
 * @return			bytes of memory
 */
static inline size_t nflog_shares_size(size_t size)
{
	return round_up(size + sizeof(size_t), 2 * sizeof(size_t));
}

/**
 * Get what counts as a source.
 *
 * @param address	address, 4 or 16 bytes
 * @param source	receives what identifies the source
 */
void nflog_shares_source(chunk_t address, struct in6_addr *source);

/**
 * Create a nflog_shares_t instance.
 *
 * @param limits	what may be held
 * @param drop		called to drop an item
 * @param data		data to pass to drop
 */
nflog_shares_t *nflog_shares_create(const nflog_limits_t *limits,
									nflog_drop_cb_t drop, void *data);

#endif /** NFLOG_SHARES_H_ @}*/
