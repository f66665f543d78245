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
 * @defgroup nflog_nets nflog_nets
 * @{ @ingroup nflog_capture
 *
 * Pairs of subnets around traffic selectors, which a hash table finds: addresses are cut to
 * the prefixes of a class, then compared.  To have few classes, lengths of prefixes are
 * rounded down to multiples of four bits, of eight for IPv6, but not to 0.  So pairs are
 * wider than the selectors, which may have protocols and ports as well.
 */

#ifndef NFLOG_NETS_H_
#define NFLOG_NETS_H_

typedef struct nflog_net_class_t nflog_net_class_t;
typedef struct nflog_net_pair_t nflog_net_pair_t;
typedef struct nflog_nets_t nflog_nets_t;

#include <library.h>
#include <collections/linked_list.h>

/** pairs of an SA, at most: if its selectors have more, wider pairs include them */
#define NFLOG_NETS_MAX 32

/** indexes of a pair's sides */
#define NFLOG_NET_SRC 0
#define NFLOG_NET_DST 1

/**
 * Pairs with prefixes of the same lengths, no two of which overlap.  There are 426 classes.
 */
struct nflog_net_class_t {
	/** AF_INET or AF_INET6 */
	uint8_t family;
	/** TRUE if selectors of both sides are all addresses, not only the pair around them */
	uint8_t any;
	/** bits of the prefixes of source and destination */
	uint8_t prefix[2];
};

/**
 * Pair of subnets, without any padding, compared as bytes.
 */
struct nflog_net_pair_t {
	/** family and prefixes */
	nflog_net_class_t class;
	/** network addresses, in IPv4 the first four bytes, others 0 */
	uint8_t addr[2][16];
};

/**
 * Pairs of the selectors of an SA, no two are the same.
 */
struct nflog_nets_t {
	/** number of pairs */
	u_int count;
	/** the pairs */
	nflog_net_pair_t pairs[];
};

/**
 * Create pairs.
 *
 * @param src		source traffic selectors, as traffic_selector_t
 * @param dst		destination traffic selectors
 * @return			pairs, to be freed
 */
nflog_nets_t *nflog_nets_create(linked_list_t *src, linked_list_t *dst);

/**
 * Check if the selectors of all pairs are all addresses.
 *
 * @return			TRUE if so
 */
bool nflog_nets_are_any(nflog_nets_t *this);

/**
 * Get the bytes of an address.
 *
 * @param family	AF_INET or AF_INET6
 * @return			number of bytes
 */
size_t nflog_net_len(uint16_t family);

/**
 * Get the pair of a class that includes two addresses.
 *
 * @param class		class
 * @param src		source address, of the class' family
 * @param dst		destination address
 * @return			pair
 */
nflog_net_pair_t nflog_net_pair(nflog_net_class_t *class, chunk_t src, chunk_t dst);

/**
 * Hash a nflog_net_pair_t, for hashtables.
 */
u_int nflog_net_pair_hash(const void *pair);

/**
 * Compare two nflog_net_pair_t, for hashtables.
 */
bool nflog_net_pair_equals(const void *a, const void *b);

/**
 * Clear the bits of an address behind a prefix.
 *
 * @param addr		address
 * @param len		its bytes
 * @param prefix	bits of the prefix
 */
void nflog_net_mask(uint8_t *addr, size_t len, uint8_t prefix);

#endif /** NFLOG_NETS_H_ @}*/
