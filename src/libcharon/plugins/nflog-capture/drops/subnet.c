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

#include "subnet.h"

/** bits of an address that IPv4 addresses have before them when they are mapped */
#define MAPPED_BITS 96

/*
 * Described in header
 */
u_int nflog_pair_hash(const void *key)
{
	return chunk_hash(chunk_create((void*)key, sizeof(struct nflog_pair_t)));
}

/*
 * Described in header
 */
bool nflog_pair_equals(const void *a, const void *b)
{
	return memeq(a, b, sizeof(struct nflog_pair_t));
}

/*
 * Described in header
 */
u_int nflog_subnet_hash(const void *key)
{
	return chunk_hash(chunk_create((void*)key, sizeof(struct nflog_subnet_t)));
}

/*
 * Described in header
 */
bool nflog_subnet_equals(const void *a, const void *b)
{
	return memeq(a, b, sizeof(struct nflog_subnet_t));
}

/*
 * Described in header
 */
void nflog_addr_map(uint8_t to[16], chunk_t from)
{
	memset(to, 0, 16);
	if (from.len == 4)
	{
		memset(to + 10, 0xff, 2);
	}
	memcpy(to + 16 - min(from.len, 16), from.ptr, min(from.len, 16));
}

/*
 * Described in header
 */
void nflog_addr_mask(uint8_t addr[16], u_int bits)
{
	u_int i;

	for (i = bits; i < 128; i++)
	{
		addr[i / 8] &= ~(0x80 >> (i % 8));
	}
}

/*
 * Described in header
 */
bool nflog_subnet_get(traffic_selector_t *ts, bool remote, struct nflog_subnet_t *subnet)
{
	host_t *net = NULL;
	uint8_t mask;

	ts->to_subnet(ts, &net, &mask);
	if (!net)
	{
		return FALSE;
	}
	memset(subnet, 0, sizeof(*subnet));
	subnet->remote = remote;
	nflog_addr_map(subnet->addr, net->get_address(net));
	if (net->get_family(net) == AF_INET)
	{
		mask += MAPPED_BITS;
	}
	nflog_addr_mask(subnet->addr, mask);
	subnet->bits = NFLOG_SUBNET_BITS + mask;
	net->destroy(net);
	return TRUE;
}
