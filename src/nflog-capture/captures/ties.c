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

#include "ties.h"

#include <netinet/in.h>

/** buckets of the hashtable, a power of two */
#define BUCKETS (2 * TIES_MAX)

/** bytes of a packet that are hashed */
#define MAX_HASHED 512

/** lengths of headers without options */
#define IPV4_LEN 20
#define IPV6_LEN 40

typedef struct private_ties_t private_ties_t;
typedef struct entry_t entry_t;

/**
 * A copy that waits for the other one.
 */
struct entry_t {
	/** key of the packet */
	uint64_t key;
	/** what is known about it, its id is 0 if the entry is not used */
	tie_t tie;
	/** next entry in its bucket, which is newer, UINT32_MAX for none */
	uint32_t next;
};

/**
 * Private data.
 */
struct private_ties_t {

	/**
	 * Public interface.
	 */
	ties_t public;

	/**
	 * Last id that was given.
	 */
	uint64_t last;

	/**
	 * Copies, reused in turn.
	 */
	entry_t entries[TIES_MAX];

	/**
	 * Entry to use next.
	 */
	uint32_t pos;

	/**
	 * Oldest entry by hash, UINT32_MAX for none.
	 */
	uint32_t buckets[BUCKETS];
};

/**
 * Find the reference to an entry in its bucket, or to the end.
 *
 * @param pos		index of the entry, UINT32_MAX for one that is the other copy of tie
 */
static uint32_t *find(private_ties_t *this, uint64_t key, uint32_t pos, tie_t *tie)
{
	uint32_t *ref = &this->buckets[key % BUCKETS];
	entry_t *entry;

	while (*ref != UINT32_MAX)
	{
		entry = &this->entries[*ref];
		if (tie ? entry->key == key && entry->tie.clear != tie->clear : *ref == pos)
		{
			break;
		}
		ref = &entry->next;
	}
	return ref;
}

/**
 * Remove an entry from its bucket.
 */
static void remove_entry(private_ties_t *this, uint32_t *ref)
{
	entry_t *entry = &this->entries[*ref];

	*ref = entry->next;
	entry->tie.id = 0;
}

METHOD(ties_t, tie, bool,
	private_ties_t *this, uint64_t key, tie_t *tie, tie_t *other)
{
	uint32_t *ref = find(this, key, UINT32_MAX, tie);
	entry_t *entry;

	if (*ref != UINT32_MAX)
	{
		*other = this->entries[*ref].tie;
		tie->id = other->id;
		remove_entry(this, ref);
		return TRUE;
	}
	tie->id = ++this->last;
	entry = &this->entries[this->pos];
	if (entry->tie.id)
	{
		remove_entry(this, find(this, entry->key, this->pos, NULL));
	}
	*entry = (entry_t){
		.key = key,
		.tie = *tie,
		.next = UINT32_MAX,
	};
	/* no entry has this index, so that is the end */
	*find(this, key, UINT32_MAX, NULL) = this->pos;
	this->pos = (this->pos + 1) % TIES_MAX;
	return FALSE;
}

METHOD(ties_t, destroy, void,
	private_ties_t *this)
{
	free(this);
}

/**
 * Set a checksum to zero.
 */
static void clear_checksum(uint8_t *buf, size_t len, size_t transport, uint8_t proto)
{
	size_t pos;

	switch (proto)
	{
		case IPPROTO_TCP:
			pos = transport + 16;
			break;
		case IPPROTO_UDP:
			pos = transport + 6;
			break;
		case IPPROTO_ICMP:
		case IPPROTO_ICMPV6:
			pos = transport + 2;
			break;
		default:
			return;
	}
	if (pos + 2 <= len)
	{
		memset(buf + pos, 0, 2);
	}
}

/*
 * Described in header
 */
uint64_t ties_hash_bytes(chunk_t data, uint64_t spis[2])
{
	uint64_t key[2] = {};
	static uint64_t seed;

	while (!seed)
	{
		seed = ((uint64_t)chunk_hash(data) << 32) | chunk_hash(chunk_from_thing(key));
	}
	key[0] = seed ^ spis[0];
	key[1] = seed ^ spis[1];
	return chunk_mac(data, (u_char*)key);
}

/*
 * Described in header
 */
uint64_t ties_hash(chunk_t ip, uint64_t spis[2])
{
	uint8_t buf[MAX_HASHED];
	size_t len = min(ip.len, sizeof(buf)), header;

	memcpy(buf, ip.ptr, len);
	if (len >= IPV4_LEN && buf[0] >> 4 == 4)
	{
		header = (buf[0] & 0x0f) * 4;
		/* DSCP, TTL and the checksum of these */
		buf[1] = buf[8] = buf[10] = buf[11] = 0;
		if (!((buf[6] & 0x1f) | buf[7]))
		{	/* no fragment, or the first one */
			clear_checksum(buf, len, header, buf[9]);
		}
	}
	else if (len >= IPV6_LEN && buf[0] >> 4 == 6)
	{
		buf[0] = 0x60;
		buf[1] = buf[2] = buf[3] = buf[7] = 0;
		clear_checksum(buf, len, IPV6_LEN, buf[6]);
	}
	return ties_hash_bytes(chunk_create(buf, len), spis);
}

/*
 * Described in header
 */
uint64_t ties_hash_position(uint64_t position, bool inbound, uint64_t spis[2])
{
	uint64_t data[] = { position, inbound };

	return ties_hash_bytes(chunk_from_thing(data), spis);
}

/*
 * Described in header
 */
ties_t *ties_create()
{
	private_ties_t *this;

	INIT(this,
		.public = {
			.tie = _tie,
			.destroy = _destroy,
		},
	);
	memset(this->buckets, 0xff, sizeof(this->buckets));
	return &this->public;
}
