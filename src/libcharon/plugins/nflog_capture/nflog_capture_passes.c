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

#include "nflog_capture_passes.h"
#include "nflog_capture_packet.h"

#include <libmnl/libmnl.h>

/** packets that are remembered, a power of two, thousands of times what may lie
 * between both passes of a packet */
#define BUCKETS 1024
#define BUCKET_SIZE 4

typedef struct private_nflog_capture_passes_t private_nflog_capture_passes_t;

/**
 * Private data.
 */
struct private_nflog_capture_passes_t {

	/**
	 * Public interface.
	 */
	nflog_capture_passes_t public;

	/**
	 * Keys of packets, 0 where there is none, changed atomically.
	 */
	uint64_t keys[BUCKETS][BUCKET_SIZE];

	/**
	 * Which key of a bucket is replaced next, if all are taken.
	 */
	uint8_t next[BUCKETS];
};

/**
 * Find a key, and put another one in its place.
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

METHOD(nflog_capture_passes_t, is_again, bool,
	private_nflog_capture_passes_t *this, nflog_capture_logged_t *logged,
	uint32_t number, bool vrf)
{
	uint64_t key = nflog_capture_packet_hash(logged, number) ?: 1;
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

METHOD(nflog_capture_passes_t, destroy, void,
	private_nflog_capture_passes_t *this)
{
	free(this);
}

/*
 * Described in header
 */
nflog_capture_passes_t *nflog_capture_passes_create()
{
	private_nflog_capture_passes_t *this;

	INIT(this,
		.public = {
			.is_again = _is_again,
			.destroy = _destroy,
		},
	);
	return &this->public;
}
