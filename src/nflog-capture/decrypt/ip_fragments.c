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

#include "ip_fragments.h"
#include "traces/ip_packet.h"

#include <netinet/in.h>

#include <collections/linked_list.h>

/** bytes of a unit of a fragment's position, and most of these in a packet */
#define UNIT 8
#define MAX_UNITS (65536 / UNIT)

#define IPV6_LEN 40
#define FRAGMENT_LEN 8
#define MAX_LEN 65535

/** ports of IKE, and of ESP in UDP */
#define IKE_PORT 500
#define NATT_PORT 4500

typedef struct private_ip_fragments_t private_ip_fragments_t;
typedef struct partial_t partial_t;

/**
 * Private data.
 */
struct private_ip_fragments_t {

	/**
	 * Public interface.
	 */
	ip_fragments_t public;

	/**
	 * Packets that are put together, partial_t, newest first.
	 */
	linked_list_t *partials;

	/**
	 * Packets that were put together, and those of them that were dropped before.
	 */
	u_int complete, incomplete;
};

/**
 * A packet that is put together.
 */
struct partial_t {
	/** addresses, those of IPv4 are followed by zeros */
	uint8_t src[16], dst[16];
	/** identification, as in the header */
	uint32_t id;
	/** protocol, 0 with IPv6, where only the first fragment has it */
	uint8_t proto;
	/** TRUE for IPv6 */
	bool ipv6;
	/** TRUE to count it if fragments are missing */
	bool counts;
	/** headers of the first fragment, empty until it is there */
	chunk_t header;
	/** position in the header of the field with the protocol, and of the fragment header,
	 * 0 with IPv4 */
	size_t proto_pos;
	/** protocol that the fragment header has */
	uint8_t next;
	/** what was fragmented, as far as it is known */
	chunk_t data;
	/** its bytes, 0 until the last fragment is there */
	size_t len;
	/** units that are there, and their number */
	uint8_t there[MAX_UNITS / 8];
	u_int units;
};

/**
 * Forget all fragments of a packet.
 */
static void reset(partial_t *this)
{
	chunk_free(&this->header);
	chunk_free(&this->data);
	memset(this->there, 0, sizeof(this->there));
	this->units = 0;
	this->len = 0;
}

/**
 * Destroy a packet.
 */
static void partial_destroy(partial_t *this)
{
	reset(this);
	free(this);
}

/**
 * Check if a packet with missing fragments may be one of IPsec.
 */
static bool is_ipsec(partial_t *this)
{
	uint16_t src, dst;

	switch (this->ipv6 && this->header.len ? this->next : this->proto)
	{
		case IPPROTO_ESP:
		case IPPROTO_AH:
			return TRUE;
		case IPPROTO_UDP:
			if (!this->header.len || this->data.len < 4)
			{
				return TRUE;
			}
			src = untoh16(this->data.ptr);
			dst = untoh16(this->data.ptr + 2);
			return src == IKE_PORT || dst == IKE_PORT || src == NATT_PORT ||
				   dst == NATT_PORT;
		default:
			/* unknown with IPv6 until the first fragment is there */
			return this->ipv6 && !this->header.len;
	}
}

/**
 * Check if a packet has to be counted as incomplete.
 */
static bool is_incomplete(partial_t *this)
{
	return this->counts && this->units && is_ipsec(this);
}

/**
 * Find the packet of a fragment, and move it to the front.
 */
static partial_t *find(private_ip_fragments_t *this, partial_t *key)
{
	enumerator_t *enumerator;
	partial_t *partial, *found = NULL;
	bool first = TRUE;

	enumerator = this->partials->create_enumerator(this->partials);
	while (!found && enumerator->enumerate(enumerator, &partial))
	{
		if (partial->id == key->id && partial->proto == key->proto &&
			partial->ipv6 == key->ipv6 &&
			memeq(partial->src, key->src, sizeof(key->src)) &&
			memeq(partial->dst, key->dst, sizeof(key->dst)))
		{
			found = partial;
			if (!first)
			{
				this->partials->remove_at(this->partials, enumerator);
			}
			break;
		}
		first = FALSE;
	}
	enumerator->destroy(enumerator);
	if (found && !first)
	{
		this->partials->insert_first(this->partials, found);
	}
	return found;
}

/**
 * Create the packet of a fragment.
 */
static partial_t *create_partial(private_ip_fragments_t *this, partial_t *key)
{
	partial_t *partial;

	if (this->partials->get_count(this->partials) >= IP_FRAGMENTS_MAX)
	{
		this->partials->remove_last(this->partials, (void**)&partial);
		this->incomplete += is_incomplete(partial);
		partial_destroy(partial);
	}
	INIT(partial);
	*partial = *key;
	this->partials->insert_first(this->partials, partial);
	return partial;
}

/**
 * Check which of the units from a position on are there.
 *
 * @param some		receives TRUE if some are
 * @return			TRUE if all are
 */
static bool has_units(partial_t *this, size_t pos, size_t count, bool *some)
{
	bool all = TRUE, there;
	size_t i;

	*some = FALSE;
	for (i = pos; i < pos + count; i++)
	{
		there = this->there[i / 8] & (1 << (i % 8));
		all = all && there;
		*some = *some || there;
	}
	return all;
}

/**
 * Copy a fragment into its packet.
 */
static void add_data(partial_t *this, nflog_ip_packet_t *ip, size_t begin)
{
	chunk_t data = chunk_skip(ip->data, begin);
	size_t pos = ip->offset / UNIT, count = (data.len + UNIT - 1) / UNIT, i;
	bool some;

	if (!data.len || (has_units(this, pos, count, &some) && count))
	{	/* nothing, sent again, or captured twice */
		return;
	}
	if (some || (this->len && ip->offset + data.len > this->len) ||
		(!ip->more && ip->offset + data.len < this->data.len))
	{	/* another packet with the same identification */
		reset(this);
	}
	if (this->data.len < ip->offset + data.len)
	{
		this->data.ptr = realloc(this->data.ptr, ip->offset + data.len);
		this->data.len = ip->offset + data.len;
	}
	memcpy(this->data.ptr + ip->offset, data.ptr, data.len);
	for (i = pos; i < pos + count; i++)
	{
		this->there[i / 8] |= 1 << (i % 8);
	}
	this->units += count;
	if (!ip->more)
	{
		this->len = ip->offset + data.len;
	}
	if (!ip->offset)
	{
		chunk_free(&this->header);
		this->header = chunk_clone(chunk_create(ip->data.ptr, ip->fragment_pos ?: begin));
		this->proto_pos = ip->fragment_proto_pos;
		this->next = ip->fragment_pos ? ip->data.ptr[ip->fragment_pos] : ip->proto;
	}
}

/**
 * Put a complete packet together.
 */
static chunk_t compose(partial_t *this)
{
	chunk_t whole;
	uint16_t sum;

	whole = chunk_cat("cc", this->header, chunk_create(this->data.ptr, this->len));
	if (this->ipv6)
	{
		whole.ptr[this->proto_pos] = this->next;
		htoun16(whole.ptr + 4, whole.len - IPV6_LEN);
	}
	else
	{
		htoun16(whole.ptr + 2, whole.len);
		memset(whole.ptr + 6, 0, 2);
		memset(whole.ptr + 10, 0, 2);
		sum = chunk_internet_checksum(chunk_create(whole.ptr, this->header.len));
		memcpy(whole.ptr + 10, &sum, sizeof(sum));
	}
	return whole;
}

METHOD(ip_fragments_t, add, bool,
	private_ip_fragments_t *this, chunk_t data, bool counts, chunk_t *whole)
{
	partial_t key = { .counts = counts }, *partial;
	nflog_ip_packet_t ip;
	size_t begin, len;

	*whole = chunk_empty;
	nflog_ip_packet_parse(&ip, data);
	if (!ip.fragment_pos && !ip.payload)
	{
		return FALSE;
	}
	begin = ip.fragment_pos ? ip.fragment_pos + FRAGMENT_LEN : ip.payload;
	if (begin > ip.data.len)
	{
		return FALSE;
	}
	len = ip.data.len - begin;
	if (ip.offset + len > MAX_LEN || (ip.more && len % UNIT) || (ip.more && !len))
	{	/* not even a fragment that anybody would accept */
		return FALSE;
	}
	memcpy(key.src, ip.src.ptr, ip.src.len);
	memcpy(key.dst, ip.dst.ptr, ip.dst.len);
	key.id = ip.id;
	key.ipv6 = ip.fragment_pos > 0;
	key.proto = key.ipv6 ? 0 : ip.proto;
	partial = find(this, &key) ?: create_partial(this, &key);
	add_data(partial, &ip, begin);
	if (!partial->header.len || !(partial->len || !ip.more) ||
		partial->units < (partial->len + UNIT - 1) / UNIT ||
		partial->header.len + partial->len > MAX_LEN)
	{
		return FALSE;
	}
	*whole = compose(partial);
	this->complete++;
	this->partials->remove(this->partials, partial, NULL);
	partial_destroy(partial);
	return TRUE;
}

METHOD(ip_fragments_t, get_complete, u_int,
	private_ip_fragments_t *this)
{
	return this->complete;
}

METHOD(ip_fragments_t, get_incomplete, u_int,
	private_ip_fragments_t *this)
{
	u_int incomplete = this->incomplete;
	enumerator_t *enumerator;
	partial_t *partial;

	enumerator = this->partials->create_enumerator(this->partials);
	while (enumerator->enumerate(enumerator, &partial))
	{
		incomplete += is_incomplete(partial);
	}
	enumerator->destroy(enumerator);
	return incomplete;
}

METHOD(ip_fragments_t, destroy, void,
	private_ip_fragments_t *this)
{
	this->partials->destroy_function(this->partials, (void*)partial_destroy);
	free(this);
}

/*
 * Described in header
 */
ip_fragments_t *ip_fragments_create()
{
	private_ip_fragments_t *this;

	INIT(this,
		.public = {
			.add = _add,
			.get_complete = _get_complete,
			.get_incomplete = _get_incomplete,
			.destroy = _destroy,
		},
		.partials = linked_list_create(),
	);
	return &this->public;
}
