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
 * @defgroup nflog_net_table nflog_net_table
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_NET_TABLE_H_
#define NFLOG_NET_TABLE_H_

typedef struct nflog_net_table_t nflog_net_table_t;

#include "rules/nets.h"

#include <networking/host.h>

/** values with the same pair and number that are looked at, at most, so that the time that a
 *  packet takes has a bound */
#define NFLOG_NET_TABLE_VALUES 1024

/**
 * Called for a value whose subnets include a packet's addresses.
 *
 * @param data		data passed to find()
 * @param value		value
 * @param pair		pair of subnets
 */
typedef void (*nflog_net_table_cb_t)(void *data, void *value, nflog_net_pair_t *pair);

/**
 * Finds values, such as SAs, by pairs of subnets around their traffic selectors.
 *
 * The time that takes depends on the number of different lengths of prefixes only, as each
 * takes one look at a hash table.  Not thread-safe.
 */
struct nflog_net_table_t {

	/**
	 * Add a value.
	 *
	 * @param nets		pairs of subnets
	 * @param number	number that has to be the same, besides the pair
	 * @param value		value
	 */
	void (*add)(nflog_net_table_t *this, nflog_nets_t *nets, uint32_t number,
				void *value);

	/**
	 * Remove a value.
	 *
	 * @param nets		pairs as passed to add()
	 * @param number	number as passed to add()
	 * @param value		value
	 */
	void (*remove)(nflog_net_table_t *this, nflog_nets_t *nets, uint32_t number,
				   void *value);

	/**
	 * Find all values for two addresses, of the same pair the one added last first.
	 *
	 * @param src		source address
	 * @param dst		destination address
	 * @param number	number
	 * @param cb		called for each
	 * @param data		passed to cb
	 */
	void (*find)(nflog_net_table_t *this, host_t *src, host_t *dst, uint32_t number,
				 nflog_net_table_cb_t cb, void *data);

	/**
	 * Get how often find() did not look at all values with some pairs, as there are too many.
	 *
	 * @param nets		pairs as passed to add(), added
	 * @param number	number as passed to add()
	 * @return			number since a value with the pair was added first
	 */
	uint64_t (*get_cut)(nflog_net_table_t *this, nflog_nets_t *nets, uint32_t number);

	/**
	 * Destroy a nflog_net_table_t, values stay.
	 */
	void (*destroy)(nflog_net_table_t *this);
};

/**
 * Create a nflog_net_table_t instance.
 */
nflog_net_table_t *nflog_net_table_create();

#endif /** NFLOG_NET_TABLE_H_ @}*/
