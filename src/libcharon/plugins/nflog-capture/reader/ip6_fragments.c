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

#include <netinet/in.h>
#include <netinet/ip6.h>
#include <netinet/udp.h>
#include <stddef.h>

#include <libmnl/libmnl.h>

#include <collections/hashtable.h>

/**
 * Incomplete packets that are kept.  In all as many bytes as the kernel keeps by
 * default (net.ipv6.ip6frag_high_thresh), for as long as it does
 * (net.ipv6.ip6frag_time, RFC 8200, section 4.5).
 */
static const nflog_limits_t limits = {
	.items = 4096,
	.source_items = 512,
	.bytes = 4 * 1024 * 1024,
	.source_bytes = 1024 * 1024,
	.timeout = 60,
};

/** fragments of a packet, the longest one has 54 with IPv6's smallest MTU */
#define MAX_FRAGMENTS 128

/** extension headers before the fragment header, RFC 8200 allows four */
#define MAX_EXTENSIONS 8

/** longest payload of a packet, IPV6_MAXPLEN in the kernel */
#define MAX_PAYLOAD 65535

/** longest packet that an attribute has, as if NFLOG had copied it */
#define MAX_ATTR_LEN (UINT16_MAX - NLA_HDRLEN)

typedef struct private_nflog_ip6_fragments_t private_nflog_ip6_fragments_t;
typedef struct fragment_t fragment_t;
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
	 * Packets of which fragments are missing, by their key, incomplete_t.
	 */
	hashtable_t *packets;

	/**
	 * Bounds these.
	 */
	nflog_shares_t *shares;

	/**
	 * Packets that were dropped, though the kernel may have delivered them.
	 */
	uint64_t dropped;

	/**
	 * Last complete packet.
	 */
	nflog_logged_t complete;

	/**
	 * Its payload, an attribute.
	 */
	chunk_t payload;
};

/**
 * A fragment as it arrives, RFC 8200, section 4.5.
 */
struct fragment_t {

	/**
	 * What all fragments of a packet have in common, without any padding.
	 */
	struct {
		/** addresses */
		struct in6_addr src, dst;
		/** identification */
		uint32_t id;
		/** interface, if the addresses are valid on a link only, otherwise 0 */
		uint32_t interface;
	} key;

	/**
	 * Headers before the fragment header.
	 */
	chunk_t headers;

	/**
	 * Position of the type of the fragment header in these.
	 */
	size_t type;

	/**
	 * Type of the header behind the fragment header.
	 */
	uint8_t next;

	/**
	 * Position of the data in the packet.
	 */
	size_t offset;

	/**
	 * Do more fragments follow?
	 */
	bool more;

	/**
	 * Data.
	 */
	chunk_t data;
};

/**
 * Data of a fragment that is kept.
 */
struct part_t {

	/**
	 * Next one by position, NULL if this is the last.
	 */
	part_t *next;

	/**
	 * TRUE if it was added to the end, and begins where the one before ends.
	 */
	bool joined;

	/**
	 * Position of the data in the packet.
	 */
	size_t offset;

	/**
	 * Bytes of data.
	 */
	size_t len;

	/**
	 * Data.
	 */
	uint8_t data[];
};

/**
 * A packet of which fragments are missing.
 */
struct incomplete_t {

	/**
	 * Bounds it, has to be first.
	 */
	nflog_held_t held;

	/**
	 * First fragment, without data, its headers are allocated once it arrived.
	 */
	fragment_t first;

	/**
	 * First and last part.
	 */
	part_t *parts, *last;

	/**
	 * Number of parts.
	 */
	u_int count;

	/**
	 * Bytes in all parts.
	 */
	size_t bytes;

	/**
	 * Bytes that the packet has at least, and if it ended, altogether.
	 */
	size_t len;

	/**
	 * TRUE if its last fragment arrived.
	 */
	bool ended;
};

/**
 * What becomes of a fragment.
 */
enum insert_t {
	/** it is kept */
	INSERT_DONE,
	/** it is ignored, its data is known */
	INSERT_DUPLICATE,
	/** it overlaps others, so the packet is dropped, RFC 5722 */
	INSERT_OVERLAP,
};

/**
 * Hash of a key, which no sender can predict.
 */
static u_int key_hash(const void *key)
{
	return chunk_hash(chunk_create((void*)key, sizeof(((fragment_t*)0)->key)));
}

/**
 * Compare keys.
 */
static bool key_equals(const void *a, const void *b)
{
	return memeq(a, b, sizeof(((fragment_t*)0)->key));
}

/**
 * Get the end of a part's data.
 */
static inline size_t end_of(part_t *part)
{
	return part->offset + part->len;
}

/**
 * Set what the fragment header says.
 *
 * @return				FALSE if it has the whole packet, RFC 6946
 */
static bool set_fragment(fragment_t *fragment, chunk_t packet, size_t pos)
{
	struct ip6_frag *frag = (struct ip6_frag*)(packet.ptr + pos);

	fragment->key.id = frag->ip6f_ident;
	fragment->next = frag->ip6f_nxt;
	fragment->offset = ntohs(frag->ip6f_offlg & IP6F_OFF_MASK);
	fragment->more = (frag->ip6f_offlg & IP6F_MORE_FRAG) != 0;
	fragment->headers = chunk_create(packet.ptr, pos);
	fragment->data = chunk_skip(packet, pos + sizeof(*frag));
	return fragment->offset || fragment->more;
}

/**
 * Parse a packet that has a fragment header.
 */
static bool parse(chunk_t packet, uint32_t interface, fragment_t *fragment)
{
	struct ip6_hdr *ip = (struct ip6_hdr*)packet.ptr;
	size_t pos = sizeof(*ip);
	uint8_t proto;
	u_int i;

	if (packet.len < sizeof(*ip) || packet.ptr[0] >> 4 != 6)
	{
		return FALSE;
	}
	packet.len = min(packet.len, sizeof(*ip) + ntohs(ip->ip6_plen));
	memset(fragment, 0, sizeof(*fragment));
	fragment->key.src = ip->ip6_src;
	fragment->key.dst = ip->ip6_dst;
	if (IN6_IS_ADDR_LINKLOCAL(&ip->ip6_dst) || IN6_IS_ADDR_MULTICAST(&ip->ip6_dst))
	{
		fragment->key.interface = interface;
	}
	fragment->type = offsetof(struct ip6_hdr, ip6_nxt);
	proto = ip->ip6_nxt;
	for (i = 0; i <= MAX_EXTENSIONS &&
				pos + sizeof(struct ip6_frag) <= packet.len; i++)
	{
		switch (proto)
		{
			case IPPROTO_HOPOPTS:
			case IPPROTO_ROUTING:
			case IPPROTO_DSTOPTS:
				fragment->type = pos;
				proto = packet.ptr[pos];
				pos += (packet.ptr[pos + 1] + 1) * 8;
				break;
			case IPPROTO_FRAGMENT:
				return set_fragment(fragment, packet, pos);
			default:
				return FALSE;
		}
	}
	return FALSE;
}

/**
 * Does the kernel drop this fragment, without regard to others?  See
 * ipv6_frag_rcv() and ip6_frag_queue() in net/ipv6/reassembly.c.
 */
static bool is_bad(fragment_t *fragment)
{
	size_t min = fragment->next == IPPROTO_UDP ? sizeof(struct udphdr) : 1;

	return (fragment->more && (fragment->data.len & 7)) ||
		   (!fragment->offset && fragment->data.len < min) ||
		   fragment->offset + fragment->data.len > MAX_PAYLOAD;
}

/**
 * Drop a packet.
 */
static void drop(private_nflog_ip6_fragments_t *this, incomplete_t *packet)
{
	part_t *part, *next;

	this->packets->remove(this->packets, &packet->first.key);
	this->shares->remove(this->shares, &packet->held);
	for (part = packet->parts; part; part = next)
	{
		next = part->next;
		free(part);
	}
	free(packet->first.headers.ptr);
	free(packet);
}

/**
 * Find the packet that a fragment is of, or begin one.
 */
static incomplete_t *get_packet(private_nflog_ip6_fragments_t *this,
								fragment_t *fragment, time_t now)
{
	incomplete_t *packet;

	packet = this->packets->get(this->packets, &fragment->key);
	if (!packet)
	{
		INIT(packet,
			.held = {
				.bytes = nflog_shares_size(sizeof(*packet)),
			},
			.first = {
				.key = fragment->key,
			},
		);
		this->packets->put(this->packets, &packet->first.key, packet);
		this->shares->add(this->shares, &packet->held,
						  chunk_from_thing(packet->first.key.src), now);
	}
	return packet;
}

/**
 * Add the data of a fragment to a packet.
 *
 * @param pos			where it is linked
 * @param joined		TRUE if it begins where the part before it ends
 */
static void add_part(private_nflog_ip6_fragments_t *this,
					 incomplete_t *packet, fragment_t *fragment, part_t **pos,
					 bool joined)
{
	part_t *part;

	part = malloc(sizeof(*part) + fragment->data.len);
	part->next = *pos;
	part->joined = joined;
	part->offset = fragment->offset;
	part->len = fragment->data.len;
	memcpy(part->data, fragment->data.ptr, fragment->data.len);
	*pos = part;
	if (!part->next)
	{
		packet->last = part;
	}
	packet->count++;
	packet->bytes += part->len;
	this->shares->grow(this->shares, &packet->held,
					   nflog_shares_size(sizeof(*part) + part->len));
}

/**
 * Insert a fragment.  What lies within others that arrived in order is a
 * duplicate, as in the kernel's inet_frag_queue_insert().
 */
static insert_t insert(private_nflog_ip6_fragments_t *this,
					   incomplete_t *packet, fragment_t *fragment)
{
	part_t **pos = &packet->parts, *first, *last = packet->last;
	size_t offset = fragment->offset, end = offset + fragment->data.len;

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
 * Add a fragment to its packet.
 *
 * @return				FALSE if the packet has to be dropped
 */
static bool add_fragment(private_nflog_ip6_fragments_t *this,
						 incomplete_t *packet, fragment_t *fragment)
{
	size_t end = fragment->offset + fragment->data.len;

	if (!fragment->data.len || (packet->ended && end > packet->len) ||
		(!fragment->more && (end < packet->len)))
	{
		return FALSE;
	}
	packet->ended |= !fragment->more;
	packet->len = max(packet->len, end);
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
		packet->first = *fragment;
		packet->first.data = chunk_empty;
		packet->first.headers = chunk_clone(fragment->headers);
		this->shares->grow(this->shares, &packet->held,
						   nflog_shares_size(fragment->headers.len));
	}
	if (packet->count > MAX_FRAGMENTS)
	{
		this->dropped++;
		return FALSE;
	}
	return TRUE;
}

/**
 * Put a packet together, of which NFLOG would copy as much.
 *
 * @return				FALSE if it is too long
 */
static bool assemble(private_nflog_ip6_fragments_t *this,
					 incomplete_t *packet)
{
	fragment_t *first = &packet->first;
	struct nlattr *attr;
	struct ip6_hdr *ip;
	chunk_t whole;
	size_t len;
	part_t *part;

	len = first->headers.len + packet->len;
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

	memcpy(whole.ptr, first->headers.ptr, first->headers.len);
	whole.ptr[first->type] = first->next;
	ip = (struct ip6_hdr*)whole.ptr;
	ip->ip6_plen = htons(len - sizeof(*ip));
	whole = chunk_skip(whole, first->headers.len);
	for (part = packet->parts; part && part->offset < whole.len;
		 part = part->next)
	{
		memcpy(whole.ptr + part->offset, part->data,
			   min(part->len, whole.len - part->offset));
	}
	return TRUE;
}

/**
 * Drop packets that are too old, as the kernel does.
 */
static void expire(private_nflog_ip6_fragments_t *this, time_t now)
{
	nflog_held_t *oldest;

	while ((oldest = this->shares->get_expired(this->shares, now)))
	{
		drop(this, (incomplete_t*)oldest);
	}
}

/**
 * Drop packets until there are not too many, after one grew.
 */
static void limit(private_nflog_ip6_fragments_t *this, incomplete_t *packet)
{
	nflog_held_t *excess;

	do
	{
		excess = this->shares->get_excess(this->shares, &packet->held);
		if (excess)
		{
			drop(this, (incomplete_t*)excess);
			this->dropped++;
		}
	}
	while (excess && excess != &packet->held);
}

METHOD(nflog_ip6_fragments_t, add, nflog_logged_t*,
	private_nflog_ip6_fragments_t *this, nflog_logged_t *logged,
	time_t now)
{
	struct nlattr *attr = logged->attrs[NFULA_PAYLOAD];
	struct nlattr *in = logged->attrs[NFULA_IFINDEX_INDEV];
	fragment_t fragment;
	incomplete_t *packet;
	bool complete;

	expire(this, now);
	if (!parse(chunk_create(mnl_attr_get_payload(attr),
							mnl_attr_get_payload_len(attr)),
			   in ? mnl_attr_get_u32(in) : 0, &fragment) || is_bad(&fragment))
	{
		return NULL;
	}
	packet = get_packet(this, &fragment, now);
	if (!add_fragment(this, packet, &fragment))
	{
		drop(this, packet);
		return NULL;
	}
	if (!packet->ended || packet->bytes < packet->len)
	{
		limit(this, packet);
		return NULL;
	}
	complete = assemble(this, packet);
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
		.shares = nflog_shares_create(&limits),
	);
	return &this->public;
}
