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

#include "ip6_fragments.h"
#include "shares.h"
#include "traces/ip_packet.h"

#include <netinet/in.h>
#include <netinet/ip6.h>
#include <netinet/udp.h>
#include <stddef.h>

#include <libmnl/libmnl.h>

#include <collections/hashtable.h>

/**
 * Limits of incomplete packets: as many bytes in all as the kernel's default
 * (net.ipv6.ip6frag_high_thresh), for the same time (net.ipv6.ip6frag_time, RFC 8200, section
 * 4.5).
 */
static const nflog_limits_t limits = {
	.items = 4096,
	.source_items = 512,
	.bytes = 4 * 1024 * 1024,
	.source_bytes = 1024 * 1024,
	.timeout = 60,
};

/** fragments of a packet, at most, the longest packet has 54 with IPv6's minimum MTU */
#define MAX_FRAGMENTS 128

/** length of the longest payload of a packet, IPV6_MAXPLEN in the kernel */
#define MAX_PAYLOAD 65535

/** length of the longest packet in an attribute, as if NFLOG had copied it */
#define MAX_ATTR_LEN (UINT16_MAX - NLA_HDRLEN)

typedef struct private_nflog_ip6_fragments_t private_nflog_ip6_fragments_t;
typedef struct packet_key_t packet_key_t;
typedef struct part_t part_t;
typedef struct incomplete_t incomplete_t;
typedef enum insert_t insert_t;

/**
 * Private data.
 */
struct private_nflog_ip6_fragments_t {

	/**
	 * Public interface.
	 */
	nflog_ip6_fragments_t public;

	/**
	 * Incomplete packets, packet_key_t => incomplete_t, owned.
	 */
	hashtable_t *packets;

	/**
	 * Bounds incomplete packets.
	 */
	nflog_shares_t *shares;

	/**
	 * Incomplete packets that were dropped, though the kernel may have delivered them.
	 */
	uint64_t dropped;

	/**
	 * Last packet that was completed.
	 */
	nflog_logged_t complete;

	/**
	 * Its payload attribute, owned.
	 */
	chunk_t payload;
};

/**
 * Identifies the packet of a fragment, without any padding.
 */
struct packet_key_t {
	/** addresses */
	struct in6_addr src, dst;
	/** identification */
	uint32_t id;
	/** interface, for addresses that are valid on a link only, otherwise 0 */
	uint32_t interface;
};

/**
 * Data of a fragment.
 */
struct part_t {
	/** next part by position, NULL for the last one */
	part_t *next;
	/** TRUE if it was added at the end, adjacent to the part before */
	bool joined;
	/** position of the data in the packet */
	size_t offset;
	/** bytes of data */
	size_t len;
	/** data, none if the packet is foreign */
	uint8_t data[];
};

/**
 * Incomplete packet.
 */
struct incomplete_t {
	/** bounds the packet, has to be first */
	nflog_held_t held;
	/** identifies the packet */
	packet_key_t key;
	/** headers before the fragment header, allocated with the first fragment */
	chunk_t headers;
	/** position of the fragment header's type in these headers */
	size_t proto_pos;
	/** type of the header behind the fragment header */
	uint8_t proto;
	/** TRUE if the first fragment is neither of ESP, AH, nor UDP */
	bool foreign;
	/** first and last part */
	part_t *parts, *last;
	/** number of parts */
	u_int count;
	/** bytes in all parts */
	size_t bytes;
	/** length of the packet, at least, exact if ended */
	size_t len;
	/** TRUE if the last fragment arrived */
	bool ended;
};

/**
 * Result of inserting a fragment.
 */
enum insert_t {
	/** it is kept */
	INSERT_DONE,
	/** duplicate, ignored */
	INSERT_DUPLICATE,
	/** overlaps others, so the packet is dropped, RFC 5722 */
	INSERT_OVERLAP,
};

/**
 * Hash a key, with a seed that no sender can predict.
 */
static u_int key_hash(const void *key)
{
	return chunk_hash(chunk_create((void*)key, sizeof(packet_key_t)));
}

/**
 * Compare keys.
 */
static bool key_equals(const void *a, const void *b)
{
	return memeq(a, b, sizeof(packet_key_t));
}

/**
 * Get the end of a part's data.
 */
static inline size_t end_of(part_t *part)
{
	return part->offset + part->len;
}

/**
 * Get the data of a fragment: all that follows the fragment header.
 */
static chunk_t get_data(nflog_ip_packet_t *fragment)
{
	return chunk_skip(fragment->data,
					  fragment->fragment_pos + sizeof(struct ip6_frag));
}

/**
 * Set the key of a fragment's packet.
 */
static void set_key(packet_key_t *key, nflog_ip_packet_t *fragment,
					nflog_logged_t *logged)
{
	struct nlattr *in = logged->attrs[NFULA_IFINDEX_INDEV];

	memset(key, 0, sizeof(*key));
	memcpy(&key->src, fragment->src.ptr, sizeof(key->src));
	memcpy(&key->dst, fragment->dst.ptr, sizeof(key->dst));
	key->id = fragment->id;
	if (in && (IN6_IS_ADDR_LINKLOCAL(&key->dst) ||
			   IN6_IS_ADDR_MULTICAST(&key->dst)))
	{
		key->interface = mnl_attr_get_u32(in);
	}
}

/**
 * Check if the kernel drops this fragment, regardless of others, see ipv6_frag_rcv() and
 * ip6_frag_queue() in net/ipv6/reassembly.c.
 */
static bool is_bad(nflog_ip_packet_t *fragment)
{
	size_t len = get_data(fragment).len, min;

	if ((fragment->more && (len & 7)) || fragment->offset + len > MAX_PAYLOAD)
	{
		return TRUE;
	}
	if (fragment->offset || !fragment->payload)
	{	/* not the first one, or not all headers are there, so nothing else to check */
		return FALSE;
	}
	min = fragment->proto == IPPROTO_UDP ? sizeof(struct udphdr) : 1;
	return fragment->payload + min > fragment->data.len;
}

/**
 * Check if a packet with this header may be of an SA, or an IKE message.
 */
static bool is_wanted(uint8_t proto)
{
	return proto == IPPROTO_ESP || proto == IPPROTO_AH || proto == IPPROTO_UDP;
}

/**
 * Drop a packet.
 */
static void drop(private_nflog_ip6_fragments_t *this, incomplete_t *packet)
{
	part_t *part, *next;

	this->packets->remove(this->packets, &packet->key);
	this->shares->remove(this->shares, &packet->held);
	for (part = packet->parts; part; part = next)
	{
		next = part->next;
		free(part);
	}
	free(packet->headers.ptr);
	free(packet);
}

/**
 * Drop a packet that exceeds a limit, or expired, as the kernel does.
 */
static void drop_held(void *data, nflog_held_t *held, bool excess)
{
	private_nflog_ip6_fragments_t *this = data;
	incomplete_t *packet = (incomplete_t*)held;

	if (excess && !packet->foreign)
	{
		this->dropped++;
	}
	drop(this, packet);
}

/**
 * Get the packet of a fragment, created if there is none.
 */
static incomplete_t *get_packet(private_nflog_ip6_fragments_t *this,
								packet_key_t *key, time_t now)
{
	incomplete_t *packet;

	packet = this->packets->get(this->packets, key);
	if (!packet)
	{
		INIT(packet,
			.held = {
				.bytes = nflog_shares_size(sizeof(*packet)),
			},
			.key = *key,
		);
		this->packets->put(this->packets, &packet->key, packet);
		this->shares->add(this->shares, &packet->held,
						  chunk_from_thing(packet->key.src), now);
	}
	return packet;
}

/**
 * Add a part with the data of a fragment to a packet.
 *
 * @param pos			link to insert the part at
 * @param joined		TRUE if it is adjacent to the part before
 */
static void add_part(private_nflog_ip6_fragments_t *this,
					 incomplete_t *packet, nflog_ip_packet_t *fragment,
					 part_t **pos, bool joined)
{
	chunk_t data = get_data(fragment);
	size_t size;
	part_t *part;

	size = sizeof(*part) + (packet->foreign ? 0 : data.len);
	part = malloc(size);
	part->next = *pos;
	part->joined = joined;
	part->offset = fragment->offset;
	part->len = data.len;
	if (!packet->foreign)
	{
		memcpy(part->data, data.ptr, data.len);
	}
	*pos = part;
	if (!part->next)
	{
		packet->last = part;
	}
	packet->count++;
	packet->bytes += part->len;
	this->shares->grow(this->shares, &packet->held, nflog_shares_size(size));
}

/**
 * Insert a fragment.  One within others that arrived in order is a duplicate, as in the
 * kernel's inet_frag_queue_insert().
 */
static insert_t insert(private_nflog_ip6_fragments_t *this,
					   incomplete_t *packet, nflog_ip_packet_t *fragment)
{
	part_t **pos = &packet->parts, *first, *last = packet->last;
	size_t offset = fragment->offset, end = offset + get_data(fragment).len;

	if (!last)
	{
		add_part(this, packet, fragment, pos, FALSE);
		return INSERT_DONE;
	}
	if (end > end_of(last))
	{
		if (offset < end_of(last))
		{
			return INSERT_OVERLAP;
		}
		add_part(this, packet, fragment, &last->next, offset == end_of(last));
		return INSERT_DONE;
	}
	while (TRUE)
	{
		first = last = *pos;
		while (last->next && last->next->joined)
		{
			last = last->next;
		}
		if (end <= first->offset)
		{
			add_part(this, packet, fragment, pos, FALSE);
			return INSERT_DONE;
		}
		if (offset < end_of(last))
		{
			return offset >= first->offset && end <= end_of(last)
						? INSERT_DUPLICATE : INSERT_OVERLAP;
		}
		pos = &last->next;
	}
}

/**
 * Set the headers of a packet by its first fragment.
 */
static void set_headers(private_nflog_ip6_fragments_t *this,
						incomplete_t *packet, nflog_ip_packet_t *fragment)
{
	packet->headers = chunk_clone(chunk_create(fragment->data.ptr,
											   fragment->fragment_pos));
	packet->proto_pos = fragment->fragment_proto_pos;
	packet->proto = fragment->data.ptr[fragment->fragment_pos];
	this->shares->grow(this->shares, &packet->held,
					   nflog_shares_size(packet->headers.len));
}

/**
 * Add a fragment to its packet.
 *
 * @return				FALSE if the packet has to be dropped
 */
static bool add_fragment(private_nflog_ip6_fragments_t *this,
						 incomplete_t *packet, nflog_ip_packet_t *fragment)
{
	size_t end = fragment->offset + get_data(fragment).len;

	if (end == fragment->offset || (packet->ended && end > packet->len) ||
		(!fragment->more && end < packet->len))
	{
		return FALSE;
	}
	packet->ended |= !fragment->more;
	packet->len = max(packet->len, end);
	if (!fragment->offset && fragment->payload && !packet->headers.ptr)
	{	/* headers of other fragments may differ, RFC 8200, section 4.5 */
		packet->foreign = !is_wanted(fragment->proto);
	}
	switch (insert(this, packet, fragment))
	{
		case INSERT_OVERLAP:
			return FALSE;
		case INSERT_DUPLICATE:
			return TRUE;
		case INSERT_DONE:
			break;
	}
	if (!fragment->offset)
	{
		set_headers(this, packet, fragment);
	}
	return TRUE;
}

/**
 * Reassemble a packet, as much as NFLOG would copy.
 *
 * @return				FALSE if the packet is too long
 */
static bool assemble(private_nflog_ip6_fragments_t *this,
					 incomplete_t *packet)
{
	struct nlattr *attr;
	struct ip6_hdr *ip;
	chunk_t whole;
	size_t len;
	part_t *part;

	len = packet->headers.len + packet->len;
	if (len - sizeof(*ip) > MAX_PAYLOAD)
	{
		return FALSE;
	}
	whole.len = min(len, MAX_ATTR_LEN);
	chunk_free(&this->payload);
	this->payload = chunk_alloc(NLA_HDRLEN + whole.len);
	attr = (struct nlattr*)this->payload.ptr;
	attr->nla_type = NFULA_PAYLOAD;
	attr->nla_len = this->payload.len;
	whole.ptr = this->payload.ptr + NLA_HDRLEN;

	memcpy(whole.ptr, packet->headers.ptr, packet->headers.len);
	whole.ptr[packet->proto_pos] = packet->proto;
	ip = (struct ip6_hdr*)whole.ptr;
	ip->ip6_plen = htons(len - sizeof(*ip));
	whole = chunk_skip(whole, packet->headers.len);
	for (part = packet->parts; part && part->offset < whole.len;
		 part = part->next)
	{
		memcpy(whole.ptr + part->offset, part->data,
			   min(part->len, whole.len - part->offset));
	}
	return TRUE;
}

METHOD(nflog_ip6_fragments_t, add, nflog_logged_t*,
	private_nflog_ip6_fragments_t *this, nflog_logged_t *logged,
	time_t now)
{
	struct nlattr *attr = logged->attrs[NFULA_PAYLOAD];
	nflog_ip_packet_t fragment;
	packet_key_t key;
	incomplete_t *packet;
	bool complete;

	this->shares->expire(this->shares, now);
	nflog_ip_packet_parse(&fragment,
						  chunk_create(mnl_attr_get_payload(attr),
									   mnl_attr_get_payload_len(attr)));
	if (!fragment.fragment_pos || !nflog_ip_packet_is_fragment(&fragment) ||
		is_bad(&fragment))
	{
		return NULL;
	}
	set_key(&key, &fragment, logged);
	packet = get_packet(this, &key, now);
	if (!add_fragment(this, packet, &fragment))
	{
		drop(this, packet);
		return NULL;
	}
	if (packet->count > MAX_FRAGMENTS)
	{
		drop_held(this, &packet->held, TRUE);
		return NULL;
	}
	if (!packet->ended || packet->bytes < packet->len)
	{
		this->shares->limit(this->shares, &packet->held);
		return NULL;
	}
	complete = !packet->foreign && assemble(this, packet);
	drop(this, packet);
	if (!complete)
	{
		return NULL;
	}
	this->complete = *logged;
	this->complete.attrs[NFULA_PAYLOAD] = (struct nlattr*)this->payload.ptr;
	this->complete.fragment = FRAGMENT_WHOLE;
	return &this->complete;
}

METHOD(nflog_ip6_fragments_t, get_dropped, uint64_t,
	private_nflog_ip6_fragments_t *this)
{
	return this->dropped;
}

METHOD(nflog_ip6_fragments_t, destroy, void,
	private_nflog_ip6_fragments_t *this)
{
	enumerator_t *enumerator;
	incomplete_t *packet;

	enumerator = this->packets->create_enumerator(this->packets);
	while (enumerator->enumerate(enumerator, NULL, &packet))
	{
		drop(this, packet);
	}
	enumerator->destroy(enumerator);
	this->packets->destroy(this->packets);
	this->shares->destroy(this->shares);
	chunk_free(&this->payload);
	free(this);
}

/*
 * Described in header
 */
nflog_ip6_fragments_t *nflog_ip6_fragments_create()
{
	private_nflog_ip6_fragments_t *this;

	INIT(this,
		.public = {
			.add = _add,
			.get_dropped = _get_dropped,
			.destroy = _destroy,
		},
		.packets = hashtable_create(key_hash, key_equals, 32),
		.shares = nflog_shares_create(&limits, drop_held, this),
	);
	return &this->public;
}
