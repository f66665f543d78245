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

#include "nets.h"

#include <networking/host.h>
#include <selectors/traffic_selector.h>

/**
 * One side of the pairs: subnets, of both families.
 */
typedef struct {
	uint8_t family;
	/* TRUE if it is all addresses, not only around several others */
	uint8_t any;
	uint8_t prefix;
	uint8_t addr[16];
} net_t;

/*
 * Described in header
 */
size_t nflog_net_len(uint16_t family)
{
	return family == AF_INET ? 4 : 16;
}

/*
 * Described in header
 */
void nflog_net_mask(uint8_t *addr, size_t len, uint8_t prefix)
{
	size_t i;

	for (i = 0; i < len; i++)
	{
		if (8 * (i + 1) > prefix)
		{
			addr[i] &= 8 * i >= prefix ? 0 : 0xff << (8 - prefix % 8);
		}
	}
}

/**
 * Round down the length of a prefix, but not to 0.
 */
static uint8_t round_prefix(uint16_t family, uint8_t prefix)
{
	return (prefix & ~(family == AF_INET ? 3 : 7)) ?: min(prefix, 1);
}

/*
 * Described in header
 */
nflog_net_pair_t nflog_net_pair(nflog_net_class_t *class, chunk_t src, chunk_t dst)
{
	nflog_net_pair_t pair = {
		.class = *class,
	};
	size_t len = nflog_net_len(class->family);

	memcpy(pair.addr[NFLOG_NET_SRC], src.ptr, min(len, src.len));
	memcpy(pair.addr[NFLOG_NET_DST], dst.ptr, min(len, dst.len));
	nflog_net_mask(pair.addr[NFLOG_NET_SRC], len, class->prefix[NFLOG_NET_SRC]);
	nflog_net_mask(pair.addr[NFLOG_NET_DST], len, class->prefix[NFLOG_NET_DST]);
	return pair;
}

/*
 * Described in header
 */
u_int nflog_net_pair_hash(const void *pair)
{
	return chunk_hash(chunk_create((void*)pair, sizeof(nflog_net_pair_t)));
}

/*
 * Described in header
 */
bool nflog_net_pair_equals(const void *a, const void *b)
{
	return memeq(a, b, sizeof(nflog_net_pair_t));
}

/**
 * Get the subnets of selectors of one family.
 *
 * @param nets			receives them, has space for all selectors
 * @return				number of subnets
 */
static u_int get_nets(linked_list_t *list, uint16_t family, net_t *nets)
{
	enumerator_t *enumerator;
	traffic_selector_t *ts;
	u_int count = 0;
	chunk_t addr;
	host_t *host;
	net_t *net;

	enumerator = list->create_enumerator(list);
	while (enumerator->enumerate(enumerator, &ts))
	{
		net = &nets[count];
		ts->to_subnet(ts, &host, &net->prefix);
		if (host->get_family(host) == family)
		{
			addr = host->get_address(host);
			net->family = family;
			net->any = !net->prefix;
			net->prefix = round_prefix(family, net->prefix);
			memcpy(net->addr, addr.ptr, addr.len);
			nflog_net_mask(net->addr, addr.len, net->prefix);
			count++;
		}
		host->destroy(host);
	}
	enumerator->destroy(enumerator);
	return count;
}

/**
 * Compare the addresses of subnets, for qsort().
 */
static int compare(const void *a, const void *b)
{
	return memcmp(((net_t*)a)->addr, ((net_t*)b)->addr, sizeof(((net_t*)a)->addr));
}

/**
 * Get the length of the prefix of the smallest subnet that includes two of them.
 */
static uint8_t get_common(net_t *a, net_t *b)
{
	uint8_t prefix = min(a->prefix, b->prefix), i, diff;

	for (i = 0; 8 * i < prefix; i++)
	{
		diff = a->addr[i] ^ b->addr[i];
		if (diff)
		{
			return min(prefix, 8 * i + __builtin_clz(diff) - 24);
		}
	}
	return prefix;
}

/**
 * Replace the two subnets with the longest common prefix, which are neighbors if sorted, by
 * one around them.
 *
 * @param nets			two subnets at least, sorted
 * @return				number of subnets
 */
static u_int merge(net_t *nets, u_int count)
{
	u_int i, best = 0;
	net_t *net;

	for (i = 1; i < count - 1; i++)
	{
		if (get_common(&nets[i], &nets[i + 1]) > get_common(&nets[best], &nets[best + 1]))
		{
			best = i;
		}
	}
	net = &nets[best];
	/* one that is all addresses includes the other */
	net->any |= net[1].any;
	net->prefix = round_prefix(net->family, get_common(net, net + 1));
	nflog_net_mask(net->addr, nflog_net_len(net->family), net->prefix);
	memmove(net + 1, net + 2, (count - best - 2) * sizeof(*net));
	return count - 1;
}

/**
 * Add a pair, unless it is there.
 */
static void add_pair(nflog_nets_t *this, net_t *src, net_t *dst)
{
	nflog_net_class_t class = {
		.family = src->family,
		.any = src->any && dst->any,
		.prefix = { src->prefix, dst->prefix },
	};
	size_t len = nflog_net_len(src->family);
	nflog_net_pair_t pair;
	u_int i;

	pair = nflog_net_pair(&class, chunk_create(src->addr, len),
						  chunk_create(dst->addr, len));
	for (i = 0; i < this->count; i++)
	{
		if (nflog_net_pair_equals(&this->pairs[i], &pair))
		{
			return;
		}
	}
	this->pairs[this->count++] = pair;
}

/**
 * Add the pairs of one family.
 */
static void add_family(nflog_nets_t *this, linked_list_t *src_ts, linked_list_t *dst_ts,
					   uint16_t family)
{
	u_int src_count, dst_count, i, j;
	net_t *src, *dst;

	src = calloc(src_ts->get_count(src_ts), sizeof(*src));
	dst = calloc(dst_ts->get_count(dst_ts), sizeof(*dst));
	src_count = get_nets(src_ts, family, src);
	dst_count = get_nets(dst_ts, family, dst);
	qsort(src, src_count, sizeof(*src), compare);
	qsort(dst, dst_count, sizeof(*dst), compare);
	/* half of the pairs for each family */
	while (src_count * dst_count > NFLOG_NETS_MAX / 2)
	{
		if (src_count > dst_count)
		{
			src_count = merge(src, src_count);
		}
		else
		{
			dst_count = merge(dst, dst_count);
		}
	}
	for (i = 0; i < src_count; i++)
	{
		for (j = 0; j < dst_count; j++)
		{
			add_pair(this, &src[i], &dst[j]);
		}
	}
	free(src);
	free(dst);
}

/*
 * Described in header
 */
nflog_nets_t *nflog_nets_create(linked_list_t *src, linked_list_t *dst)
{
	nflog_nets_t *this;

	this = calloc(1, sizeof(*this) + NFLOG_NETS_MAX * sizeof(*this->pairs));
	add_family(this, src, dst, AF_INET);
	add_family(this, src, dst, AF_INET6);
	return realloc(this, sizeof(*this) + this->count * sizeof(*this->pairs));
}

/*
 * Described in header
 */
bool nflog_nets_are_any(nflog_nets_t *this)
{
	u_int i;

	for (i = 0; i < this->count; i++)
	{
		if (!this->pairs[i].class.any)
		{
			return FALSE;
		}
	}
	return this->count > 0;
}
