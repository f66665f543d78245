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

#define _GNU_SOURCE

#include "pairs.h"

#include "decrypt/wire_packet.h"
#include "segments.h"

#include <collections/hashtable.h>

/** how much a packet grows in ESP: SPI, sequence number, and the trailer without padding,
 * up to the largest IV, padding and ICV, with headers of IPv6 and UDP */
#define MIN_GROWTH 10
#define MAX_GROWTH (8 + 16 + 17 + 32 + 48)

/** how much that varies by padding, to blocks of 16 bytes */
#define MAX_PADDING 15

typedef struct private_pairs_t private_pairs_t;
typedef struct order_t order_t;

/**
 * Private data.
 */
struct private_pairs_t {

	/**
	 * Public interface.
	 */
	pairs_t public;

	/**
	 * Keys, not owned, NULL for none.
	 */
	keyring_t *keys;

	/**
	 * Copies that wait for the other one.
	 */
	ties_t *ties;

	/**
	 * Packets in the clear that may be split.
	 */
	segments_t *segments;

	/**
	 * SAs without keys by the path of their traces, order_t.
	 */
	hashtable_t *orders;
};

/**
 * Packets of an SA, whose order is all that is known.
 */
struct order_t {
	/** path of the traces of its CHILD_SA, and direction */
	char *path;
	/** number of packets in ESP, and in the clear */
	uint64_t counts[2];
	/** least and largest growth so far */
	int least, most;
	/** TRUE if the order says nothing anymore */
	bool broken;
};

METHOD(pairs_t, set_keys, void,
	private_pairs_t *this, keyring_t *keys)
{
	this->keys = keys;
}

/**
 * Get SPI and sequence number of a packet in ESP or AH.
 */
static bool get_seq(chunk_t ip, tie_t *tie)
{
	wire_packet_t packet;
	chunk_t payload;
	size_t pos;

	wire_packet_parse(&packet, ip);
	if (packet.kind != PACKET_ESP && packet.kind != PACKET_AH)
	{
		return FALSE;
	}
	payload = wire_packet_payload(&packet);
	pos = packet.kind == PACKET_AH ? 4 : 0;
	if (payload.len < pos + 8)
	{
		return FALSE;
	}
	tie->spi = untoh32(payload.ptr + pos);
	tie->seq = untoh32(payload.ptr + pos + 4);
	return TRUE;
}

/**
 * Check if there are keys with an SPI.
 */
static bool has_spi(keyring_t *keys, uint64_t spi)
{
	enumerator_t *enumerator;
	nflog_key_sa_t *sa;
	bool found;

	enumerator = keys->create_sa_enumerator(keys, spi);
	found = enumerator->enumerate(enumerator, &sa);
	enumerator->destroy(enumerator);
	return found;
}

/**
 * Check if there are keys of the SA of a packet, in the clear that is the one that it
 * leaves, or enters.
 */
static bool has_keys(private_pairs_t *this, capture_t *capture, tie_t *tie)
{
	uint64_t spi = tie->spi;

	if (tie->clear)
	{
		spi = capture->spis[tie->directed && tie->inbound ? 0 : 1];
	}
	return this->keys && (has_spi(this->keys, spi) ||
						  has_spi(this->keys, KEYRING_ANY_SPI));
}

/**
 * Get the order of the packets of an SA.
 */
static order_t *get_order(private_pairs_t *this, capture_t *capture, bool inbound)
{
	order_t *order;
	char *path, *end;

	end = strrchr(capture->name, '.');
	if (!end || asprintf(&path, "%s/%.*s %d", capture->dir,
						 (int)(end - capture->name), capture->name, inbound) < 0)
	{
		return NULL;
	}
	order = this->orders->get(this->orders, path);
	if (order)
	{
		free(path);
		return order;
	}
	INIT(order,
		.path = path,
	);
	this->orders->put(this->orders, order->path, order);
	return order;
}

/**
 * Tie a packet of an SA without keys.
 */
static bool tie_order(private_pairs_t *this, capture_t *capture, tie_t *tie,
					  tie_t *other)
{
	order_t *order;
	uint64_t key;
	int growth;

	order = tie->directed ? get_order(this, capture, tie->inbound) : NULL;
	if (!order || order->broken)
	{
		return FALSE;
	}
	key = ties_hash_position(order->counts[tie->clear]++, tie->inbound,
							 capture->spis);
	if (!this->ties->tie(this->ties, key, tie, other))
	{
		return FALSE;
	}
	growth = tie->clear ? (int)other->len - (int)tie->len
						: (int)tie->len - (int)other->len;
	if (!order->most)
	{
		order->least = order->most = growth;
	}
	order->least = min(order->least, growth);
	order->most = max(order->most, growth);
	order->broken = order->least < MIN_GROWTH || order->most > MAX_GROWTH ||
					order->most - order->least > MAX_PADDING;
	if (order->broken)
	{
		tie->id = 0;
	}
	return !order->broken;
}

/**
 * Tie a packet that is known in the clear.
 *
 * @param ip		the packet in the clear
 */
static bool tie_content(private_pairs_t *this, capture_t *capture, chunk_t ip,
						tie_t *tie, tie_t *other)
{
	if (this->ties->tie(this->ties, ties_hash(ip, capture->spis), tie, other))
	{
		return TRUE;
	}
	if (tie->clear)
	{
		this->segments->add(this->segments, ip, capture->spis, tie);
		return FALSE;
	}
	if (this->segments->find(this->segments, ip, capture->spis, other))
	{
		tie->id = other->id;
		return TRUE;
	}
	return FALSE;
}

METHOD(pairs_t, tie, bool,
	private_pairs_t *this, merged_packet_t *merged, chunk_t plain, tie_t *tie,
	tie_t *other)
{
	capture_t *capture = merged->capture;
	chunk_t ip = merged->packet.ip;

	*tie = (tie_t){
		.clear = capture->kind == CAPTURE_PLAIN,
		.inbound = merged->point <= POINT_PLAIN_IN,
		.directed = merged->point != POINT_UNKNOWN,
		.len = ip.len,
	};
	if (!ip.len || (capture->kind != CAPTURE_PLAIN && capture->kind != CAPTURE_ESP) ||
		(!tie->clear && !get_seq(ip, tie)))
	{
		return FALSE;
	}
	if (plain.len || (tie->clear && has_keys(this, capture, tie)))
	{
		return tie_content(this, capture, tie->clear ? ip : plain, tie, other);
	}
	/* a packet that can't be decrypted in spite of keys has no copy */
	return !has_keys(this, capture, tie) && tie_order(this, capture, tie, other);
}

/**
 * Destroy an order_t.
 */
static void order_destroy(void *value, const void *key)
{
	order_t *this = value;

	free(this->path);
	free(this);
}

METHOD(pairs_t, destroy, void,
	private_pairs_t *this)
{
	this->orders->destroy_function(this->orders, order_destroy);
	this->segments->destroy(this->segments);
	this->ties->destroy(this->ties);
	free(this);
}

/*
 * Described in header
 */
pairs_t *pairs_create()
{
	private_pairs_t *this;

	INIT(this,
		.public = {
			.set_keys = _set_keys,
			.tie = _tie,
			.destroy = _destroy,
		},
		.ties = ties_create(),
		.segments = segments_create(),
		.orders = hashtable_create(hashtable_hash_str, hashtable_equals_str, 8),
	);
	return &this->public;
}
