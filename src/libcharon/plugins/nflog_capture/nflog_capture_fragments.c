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

#include "nflog_capture_fragments.h"

#include <netinet/in.h>
#include <netinet/ip6.h>
#include <stddef.h>

#include <libmnl/libmnl.h>

#include <collections/linked_list.h>

/** bytes of fragments to keep */
#define MAX_BYTES (1024 * 1024)

typedef struct private_nflog_capture_fragments_t private_nflog_capture_fragments_t;
typedef struct fragment_t fragment_t;
typedef struct incomplete_t incomplete_t;

/**
 * Private data.
 */
struct private_nflog_capture_fragments_t {

	/**
	 * Public interface.
	 */
	nflog_capture_fragments_t public;

	/**
	 * Packets of which fragments are missing, oldest first, incomplete_t.
	 */
	linked_list_t *packets;

	/**
	 * Bytes of their fragments.
	 */
	size_t bytes;

	/**
	 * Last complete packet.
	 */
	nflog_capture_logged_t complete;

	/**
	 * Its payload, an attribute.
	 */
	chunk_t payload;
};

/**
 * A fragment, RFC 8200, section 4.5.
 */
struct fragment_t {

	/**
	 * Source and destination address, and identification.
	 */
	struct {
		struct in6_addr src, dst;
		uint32_t id;
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
 * A packet of which fragments are missing.
 */
struct incomplete_t {

	/**
	 * Its fragments, in order, fragment_t with data and headers allocated.
	 */
	linked_list_t *fragments;

	/**
	 * Bytes of data.
	 */
	size_t bytes;

	/**
	 * Bytes of data that the packet has, 0 if not known.
	 */
	size_t len;
};

/**
 * Parse a packet that has a fragment header.
 */
static bool parse(chunk_t packet, fragment_t *fragment)
{
	struct ip6_hdr *ip = (struct ip6_hdr*)packet.ptr;
	struct ip6_frag *frag;
	size_t pos = sizeof(*ip);
	uint8_t proto;

	if (packet.len < sizeof(*ip) || packet.ptr[0] >> 4 != 6)
	{
		return FALSE;
	}
	memset(fragment, 0, sizeof(*fragment));
	fragment->key.src = ip->ip6_src;
	fragment->key.dst = ip->ip6_dst;
	fragment->type = offsetof(struct ip6_hdr, ip6_nxt);
	proto = ip->ip6_nxt;
	while (pos + sizeof(*frag) <= packet.len)
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
				frag = (struct ip6_frag*)(packet.ptr + pos);
				fragment->key.id = frag->ip6f_ident;
				fragment->next = frag->ip6f_nxt;
				fragment->offset = ntohs(frag->ip6f_offlg & IP6F_OFF_MASK);
				fragment->more = (frag->ip6f_offlg & IP6F_MORE_FRAG) != 0;
				fragment->headers = chunk_create(packet.ptr, pos);
				fragment->data = chunk_skip(packet, pos + sizeof(*frag));
				/* with neither it is the whole packet, RFC 6946 */
				return fragment->offset || fragment->more;
			default:
				return FALSE;
		}
	}
	return FALSE;
}

/**
 * Destroy a fragment.
 */
static void fragment_destroy(fragment_t *this)
{
	free(this->headers.ptr);
	free(this->data.ptr);
	free(this);
}

/**
 * Drop a packet, which is not in the list anymore.
 */
static void drop(private_nflog_capture_fragments_t *this,
				 incomplete_t *packet)
{
	this->bytes -= packet->bytes;
	packet->fragments->destroy_function(packet->fragments,
										(void*)fragment_destroy);
	free(packet);
}

/**
 * Find the packet that a fragment is of, or begin one.
 */
static incomplete_t *get_packet(private_nflog_capture_fragments_t *this,
								fragment_t *fragment)
{
	incomplete_t *packet, *found = NULL;
	enumerator_t *enumerator;
	fragment_t *first;

	enumerator = this->packets->create_enumerator(this->packets);
	while (!found && enumerator->enumerate(enumerator, &packet))
	{
		packet->fragments->get_first(packet->fragments, (void**)&first);
		if (memeq(&first->key, &fragment->key, sizeof(first->key)))
		{
			found = packet;
		}
	}
	enumerator->destroy(enumerator);
	if (!found)
	{
		INIT(found,
			.fragments = linked_list_create(),
		);
		this->packets->insert_last(this->packets, found);
	}
	return found;
}

/**
 * Insert a fragment in order.
 */
static void insert(private_nflog_capture_fragments_t *this,
				   incomplete_t *packet, fragment_t *fragment)
{
	enumerator_t *enumerator;
	fragment_t *current, *copy;

	copy = malloc_thing(fragment_t);
	*copy = *fragment;
	copy->headers = chunk_clone(fragment->headers);
	copy->data = chunk_clone(fragment->data);

	enumerator = packet->fragments->create_enumerator(packet->fragments);
	while (enumerator->enumerate(enumerator, &current))
	{
		if (current->offset > fragment->offset)
		{
			break;
		}
	}
	packet->fragments->insert_before(packet->fragments, enumerator, copy);
	enumerator->destroy(enumerator);

	packet->bytes += fragment->data.len;
	this->bytes += fragment->data.len;
	if (!fragment->more)
	{
		packet->len = fragment->offset + fragment->data.len;
	}
}

/**
 * Put a packet together.
 *
 * @return				FALSE if the fragments do not fit
 */
static bool assemble(private_nflog_capture_fragments_t *this,
					 incomplete_t *packet)
{
	struct nlattr *attr;
	struct ip6_hdr *ip;
	enumerator_t *enumerator;
	fragment_t *fragment;
	chunk_t whole;
	size_t pos = 0;
	bool fits = TRUE;

	packet->fragments->get_first(packet->fragments, (void**)&fragment);
	whole.len = fragment->headers.len + packet->len;
	if (NLA_HDRLEN + whole.len > UINT16_MAX)
	{
		return FALSE;
	}
	chunk_free(&this->payload);
	this->payload = chunk_alloc(NLA_HDRLEN + whole.len);
	attr = (struct nlattr*)this->payload.ptr;
	attr->nla_type = NFULA_PAYLOAD;
	attr->nla_len = NLA_HDRLEN + whole.len;
	whole.ptr = this->payload.ptr + NLA_HDRLEN;

	memcpy(whole.ptr, fragment->headers.ptr, fragment->headers.len);
	whole.ptr[fragment->type] = fragment->next;
	ip = (struct ip6_hdr*)whole.ptr;
	ip->ip6_plen = htons(whole.len - sizeof(*ip));
	whole = chunk_skip(whole, fragment->headers.len);

	enumerator = packet->fragments->create_enumerator(packet->fragments);
	while (fits && enumerator->enumerate(enumerator, &fragment))
	{
		fits = fragment->offset == pos &&
			   fragment->data.len <= whole.len - pos;
		if (fits)
		{
			memcpy(whole.ptr + pos, fragment->data.ptr, fragment->data.len);
			pos += fragment->data.len;
		}
	}
	enumerator->destroy(enumerator);
	return fits && pos == whole.len;
}

METHOD(nflog_capture_fragments_t, add, nflog_capture_logged_t*,
	private_nflog_capture_fragments_t *this, nflog_capture_logged_t *logged)
{
	struct nlattr *attr = logged->attrs[NFULA_PAYLOAD];
	fragment_t fragment;
	incomplete_t *packet, *oldest;
	bool complete;

	if (!parse(chunk_create(mnl_attr_get_payload(attr),
							mnl_attr_get_payload_len(attr)), &fragment))
	{
		return NULL;
	}
	packet = get_packet(this, &fragment);
	insert(this, packet, &fragment);
	if (packet->len && packet->bytes >= packet->len)
	{
		this->packets->remove(this->packets, packet, NULL);
		complete = assemble(this, packet);
		drop(this, packet);
		if (complete)
		{
			this->complete = *logged;
			this->complete.attrs[NFULA_PAYLOAD] = (struct nlattr*)
															this->payload.ptr;
			return &this->complete;
		}
	}
	while (this->bytes > MAX_BYTES &&
		   this->packets->remove_first(this->packets,
									   (void**)&oldest) == SUCCESS)
	{
		drop(this, oldest);
	}
	return NULL;
}

METHOD(nflog_capture_fragments_t, destroy, void,
	private_nflog_capture_fragments_t *this)
{
	incomplete_t *packet;

	while (this->packets->remove_first(this->packets,
									   (void**)&packet) == SUCCESS)
	{
		drop(this, packet);
	}
	this->packets->destroy(this->packets);
	chunk_free(&this->payload);
	free(this);
}

/*
 * Described in header
 */
nflog_capture_fragments_t *nflog_capture_fragments_create()
{
	private_nflog_capture_fragments_t *this;

	INIT(this,
		.public = {
			.add = _add,
			.destroy = _destroy,
		},
		.packets = linked_list_create(),
	);
	return &this->public;
}
