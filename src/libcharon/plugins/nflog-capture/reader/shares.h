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
 * Limits of what is held, in all, and of a single source.
 */
struct nflog_limits_t {
	/** number of items */
	u_int items, source_items;
	/** bytes of memory */
	size_t bytes, source_bytes;
	/** time after which expire() drops an item, in s */
	time_t timeout;
};

/**
 * Item that is held, the first member of the struct that it is about.
 */
struct nflog_held_t {
	/** previous and next item by age, of all, and of the same source, internal */
	struct {
		nflog_held_t *prev, *next;
	} links[2];
	/** source, internal */
	nflog_source_t *source;
	/** bytes of memory that the item takes, set by the owner */
	size_t bytes;
	/** when it was added, monotonic */
	time_t since;
};

/**
 * Callback to drop an item, which has to call remove().
 *
 * @param data		data, as passed to nflog_shares_create()
 * @param item		item
 * @param excess	TRUE if a limit is exceeded, FALSE if the item expired
 */
typedef void (*nflog_drop_cb_t)(void *data, nflog_held_t *item, bool excess);

/**
 * Bounds what packets from anywhere can make grow, so that no single source, an IPv4 address
 * or an IPv6 prefix of 64 bits, takes the share of others.
 *
 * Constant time for each item.  Items are owned by the caller.  Not thread-safe.
 */
struct nflog_shares_t {

	/**
	 * Hold an item.
	 *
	 * @param item		item, with its bytes set
	 * @param source	source address, 4 or 16 bytes
	 * @param now		current time, monotonic
	 */
	void (*add)(nflog_shares_t *this, nflog_held_t *item,
				chunk_t source, time_t now);

	/**
	 * Add to the memory of an item.
	 *
	 * @param item		item
	 * @param bytes		bytes to add
	 */
	void (*grow)(nflog_shares_t *this, nflog_held_t *item,
				 size_t bytes);

	/**
	 * Stop holding an item.
	 *
	 * @param item		item
	 */
	void (*remove)(nflog_shares_t *this, nflog_held_t *item);

	/**
	 * Drop expired items.
	 *
	 * @param now		current time, monotonic
	 */
	void (*expire)(nflog_shares_t *this, time_t now);

	/**
	 * Drop items after one was added or grew, until all limits hold: the oldest ones of its
	 * source if that exceeds its share, then the oldest ones of all.
	 *
	 * @param item		item that was added or grew, may be dropped as well
	 */
	void (*limit)(nflog_shares_t *this, nflog_held_t *item);

	/**
	 * Destroy a nflog_shares_t, which has to hold nothing.
	 */
	void (*destroy)(nflog_shares_t *this);
};

/**
 * Get the memory that an allocation takes, with the overhead of the C library.
 *
 * @param size		bytes to allocate
 * @return			bytes of memory taken
 */
static inline size_t nflog_shares_size(size_t size)
{
	return round_up(size + sizeof(size_t), 2 * sizeof(size_t));
}

/**
 * Get the source of an address: the address, or the IPv6 prefix.
 *
 * @param address	address, 4 or 16 bytes
 * @param source	receives the source
 */
void nflog_shares_source(chunk_t address, struct in6_addr *source);

/**
 * Create a nflog_shares_t instance.
 *
 * @param limits	limits, copied
 * @param drop		callback to drop an item
 * @param data		data to pass to drop
 */
nflog_shares_t *nflog_shares_create(const nflog_limits_t *limits,
									nflog_drop_cb_t drop, void *data);

#endif /** NFLOG_SHARES_H_ @}*/
