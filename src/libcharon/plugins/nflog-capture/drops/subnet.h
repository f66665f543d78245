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
 * @defgroup nflog_subnet nflog_subnet
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_SUBNET_H_
#define NFLOG_SUBNET_H_

/*
 * Addresses and selectors, as the programs in the kernel know them.
 */

#include "event.h"

#include <collections/linked_list.h>
#include <networking/host.h>
#include <selectors/traffic_selector.h>

/**
 * Hash a pair of addresses, for hashtables.
 */
u_int nflog_pair_hash(const void *key);

/**
 * Compare two pairs of addresses.
 */
bool nflog_pair_equals(const void *a, const void *b);

/**
 * Hash a subnet, for hashtables.
 */
u_int nflog_subnet_hash(const void *key);

/**
 * Compare two subnets.
 */
bool nflog_subnet_equals(const void *a, const void *b);

/**
 * Map an IPv4 address, or copy an IPv6 address.
 *
 * @param to		receives the mapped address
 * @param from		address of 4 or 16 bytes
 */
void nflog_addr_map(uint8_t to[16], chunk_t from);

/**
 * Clear the bits of an address behind those that count.
 *
 * @param addr		mapped address
 * @param bits		bits that count
 */
void nflog_addr_mask(uint8_t addr[16], u_int bits);

/**
 * Get the smallest subnet with all addresses of a selector.
 *
 * @param ts		selector
 * @param remote	TRUE if it is one of the remote side
 * @param subnet	receives the subnet
 * @return			FALSE if it has none
 */
bool nflog_subnet_get(traffic_selector_t *ts, bool remote, struct nflog_subnet_t *subnet);

#endif /** NFLOG_SUBNET_H_ @}*/
