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

#include "passes.h"
#include "traces/ip_packet.h"

#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <stddef.h>

#include <libmnl/libmnl.h>

/** packets to remember, a power of two, thousands of times those that may lie between
 * both passes of a packet */
#define BUCKETS 1024
#define BUCKET_SIZE 4

/** bytes at the begin and at the end of a packet that are hashed */
#define HASHED_LEN 64

typedef struct private_nflog_passes_t private_nflog_passes_t;

/**
 * Private data.
 */
struct private_nflog_passes_t {

	/**
	 * Public interface.
	 */
	nflog_passes_t public;

	/**
	 * Keys of packets, 0 if unused, changed atomically.
	 */
	uint64_t keys[BUCKETS][BUCKET_SIZE];

	/**
	 * Key of each bucket to replace next if all are used.
	 */
	uint8_t next[BUCKETS];
};

/**
 * Mix bytes into a hash.
 */
static uint64_t mix(uint64_t hash, const void *data, size_t len)
{
	const uint8_t *pos = data;
	uint64_t word;
	size_t size;

	for (; len; len -= size, pos += size)
	{
		size = min(len, sizeof(word));
		word = 0;
		memcpy(&word, pos, size);
		/* multiplier of MurmurHash64A */
		word *= 0xc6a4a7935bd1e995ULL;
		word ^= word >> 47;
		hash = (hash ^ word) * 0xc6a4a7935bd1e995ULL;
	}
	return hash ^ hash >> 32;
}

/**
 * Mix the begin and the end of long data into a hash.
 */
static uint64_t mix_ends(uint64_t hash, chunk_t data)
{
	hash = mix(hash, data.ptr, min(data.len, HASHED_LEN));
	if (data.len > HASHED_LEN)
	{
		data = chunk_skip(data, max(HASHED_LEN, data.len - HASHED_LEN));
		hash = mix(hash, data.ptr, data.len);
	}
	return hash;
}

/**
 * Hash a packet, its time stamp, and the number of its SA, without what NAT changes:
 * addresses, ports, and checksums.
 */
static uint64_t get_hash(nflog_logged_t *logged, uint64_t number)
{
	struct nlattr *stamp = logged->attrs[NFULA_TIMESTAMP];
	struct nlattr *payload = logged->attrs[NFULA_PAYLOAD];
	chunk_t packet = chunk_create(mnl_attr_get_payload(payload),
								  mnl_attr_get_payload_len(payload)), data;
	size_t ports = 0, checksum = 0;
	uint64_t hash = mix(number, &packet.len, sizeof(packet.len));
	nflog_ip_packet_t ip;

	if (stamp)
	{
		hash = mix(hash, mnl_attr_get_payload(stamp),
				   mnl_attr_get_payload_len(stamp));
	}
	if (!nflog_ip_packet_parse(&ip, packet))
	{
		return mix_ends(hash, packet);
	}
	if (ip.src.len == 4)
	{	/* length, identification, fragment, TTL, protocol */
		hash = mix(hash, packet.ptr + 2, 8);
	}
	else
	{	/* length, next header, hop limit */
		hash = mix(hash, packet.ptr + 4, 4);
	}
	data = chunk_skip(packet, ip.payload);
	if (!ip.offset)
	{
		switch (ip.proto)
		{
			case IPPROTO_TCP:
			case IPPROTO_UDP:
				ports = 2 * sizeof(uint16_t);
				checksum = nflog_ip_checksum_offset(ip.proto);
				break;
			case IPPROTO_ICMP:
			case IPPROTO_ICMPV6:
				/* NAT also changes the identifier behind the checksum */
				checksum = offsetof(struct icmphdr, checksum);
				break;
		}
	}
	if (checksum && checksum + 2 * sizeof(uint16_t) <= data.len)
	{
		hash = mix(hash, data.ptr + ports, checksum - ports);
		data = chunk_skip(data, checksum + (ports ? 1 : 2) * sizeof(uint16_t));
	}
	return mix_ends(hash, data);
}

/**
 * Find a key, and replace it by another one.
 */
static bool replace(uint64_t bucket[BUCKET_SIZE], uint64_t key, uint64_t with)
{
	uint64_t expected;
	int i;

	for (i = 0; i < BUCKET_SIZE; i++)
	{
		expected = key;
		if (__atomic_load_n(&bucket[i], __ATOMIC_RELAXED) == key &&
			__atomic_compare_exchange_n(&bucket[i], &expected, with, FALSE,
										__ATOMIC_RELAXED, __ATOMIC_RELAXED))
		{
			return TRUE;
		}
	}
	return FALSE;
}

METHOD(nflog_passes_t, is_again, bool,
	private_nflog_passes_t *this, nflog_logged_t *logged,
	uint32_t number, bool vrf)
{
	uint64_t key = get_hash(logged, number) ?: 1;
	u_int i = key % BUCKETS, next;

	if (vrf && replace(this->keys[i], key, 0))
	{
		return TRUE;
	}
	if (!replace(this->keys[i], 0, key))
	{
		next = __atomic_fetch_add(&this->next[i], 1, __ATOMIC_RELAXED);
		__atomic_store_n(&this->keys[i][next % BUCKET_SIZE], key,
						 __ATOMIC_RELAXED);
	}
	return FALSE;
}

METHOD(nflog_passes_t, destroy, void,
	private_nflog_passes_t *this)
{
	free(this);
}

/*
 * Described in header
 */
nflog_passes_t *nflog_passes_create()
{
	private_nflog_passes_t *this;

	INIT(this,
		.public = {
			.is_again = _is_again,
			.destroy = _destroy,
		},
	);
	return &this->public;
}
