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

#include "ikev1_fragments.h"
#include "ike.h"

#include <collections/linked_list.h>

/** type of payload */
#define PAYLOAD_FRAGMENT 132

/** bytes of a fragment payload before the data */
#define FRAGMENT_LEN 8

/** flag of the last fragment */
#define FLAG_LAST 0x01

/** fragments of a message, and messages that are reassembled at a time */
#define MAX_FRAGMENTS 255
#define MAX_REASSEMBLED 64

/** bytes of a message, which has to fit into an IP packet */
#define MAX_LEN 65000

typedef struct private_ikev1_fragments_t private_ikev1_fragments_t;
typedef struct reassembly_t reassembly_t;

/**
 * Private data.
 */
struct private_ikev1_fragments_t {

	/**
	 * Public interface.
	 */
	ikev1_fragments_t public;

	/**
	 * Reassemblies, newest last, reassembly_t.
	 */
	linked_list_t *reassemblies;

	/**
	 * Incomplete messages whose reassembly was dropped.
	 */
	u_int incomplete;
};

/**
 * Reassembly of a message.
 */
struct reassembly_t {
	/** SPIs, as in the header */
	uint8_t spis[16];
	/** ID of the fragments */
	uint16_t id;
	/** data, by number */
	chunk_t parts[MAX_FRAGMENTS];
	/** number of parts, 0 if not known */
	u_int total;
	/** bytes of the parts that were received */
	size_t len;
	/** parts that were received again after the message was complete, and their bytes */
	bool again[MAX_FRAGMENTS];
	size_t again_len;
	/** TRUE if it is complete */
	bool complete;
	/** TRUE to count it as incomplete */
	bool counts;
};

/**
 * Destroy a reassembly.
 */
static void reassembly_destroy(reassembly_t *this)
{
	int i;

	for (i = 0; i < MAX_FRAGMENTS; i++)
	{
		chunk_free(&this->parts[i]);
	}
	free(this);
}

/**
 * Start over with a fragment of another message.  Parts that were received again after
 * the last message was complete belong to the new one.
 */
static void reset(private_ikev1_fragments_t *this, reassembly_t *reassembly,
				  bool counts)
{
	int i;

	this->incomplete += reassembly->counts;
	reassembly->len = 0;
	for (i = 0; i < MAX_FRAGMENTS; i++)
	{
		if (!reassembly->again[i])
		{
			chunk_free(&reassembly->parts[i]);
		}
		reassembly->len += reassembly->parts[i].len;
		reassembly->again[i] = FALSE;
	}
	reassembly->total = 0;
	reassembly->again_len = 0;
	reassembly->complete = FALSE;
	reassembly->counts = counts;
}

/**
 * Find or create the reassembly of a message.
 */
static reassembly_t *get_reassembly(private_ikev1_fragments_t *this,
									chunk_t message, uint16_t id, bool counts)
{
	enumerator_t *enumerator;
	reassembly_t *found = NULL, *current;

	enumerator = this->reassemblies->create_enumerator(this->reassemblies);
	while (!found && enumerator->enumerate(enumerator, &current))
	{
		if (current->id == id &&
			memeq(current->spis, message.ptr, sizeof(current->spis)))
		{
			found = current;
		}
	}
	enumerator->destroy(enumerator);
	if (found)
	{
		return found;
	}
	if (this->reassemblies->get_count(this->reassemblies) >= MAX_REASSEMBLED)
	{
		this->reassemblies->remove_first(this->reassemblies, (void**)&current);
		this->incomplete += current->counts;
		reassembly_destroy(current);
	}
	INIT(found,
		.id = id,
		.counts = counts,
	);
	memcpy(found->spis, message.ptr, sizeof(found->spis));
	this->reassemblies->insert_last(this->reassemblies, found);
	return found;
}

/**
 * Join the parts, empty if the result is no message.
 */
static chunk_t join(reassembly_t *this)
{
	chunk_t whole;
	size_t len = 0;
	u_int i;

	for (i = 0; i < this->total; i++)
	{
		len += this->parts[i].len;
	}
	whole = chunk_alloc(len);
	for (i = 0, len = 0; i < this->total; i++)
	{
		if (this->parts[i].len)
		{
			memcpy(whole.ptr + len, this->parts[i].ptr, this->parts[i].len);
			len += this->parts[i].len;
		}
	}
	if (len < IKE_HEADER_LEN || untoh32(whole.ptr + IKE_LENGTH) != len ||
		!memeq(whole.ptr, this->spis, sizeof(this->spis)))
	{
		chunk_free(&whole);
	}
	return whole;
}

/**
 * Check if all parts were received.
 */
static bool is_complete(reassembly_t *this)
{
	u_int i;

	for (i = 0; i < this->total; i++)
	{
		if (!this->parts[i].ptr)
		{
			return FALSE;
		}
	}
	return this->total;
}

METHOD(ikev1_fragments_t, add, bool,
	private_ikev1_fragments_t *this, chunk_t message, bool counts,
	chunk_t *whole)
{
	chunk_t payload = chunk_skip(message, IKE_HEADER_LEN), data, *part;
	reassembly_t *reassembly;
	uint8_t number;
	size_t len;
	bool last;

	*whole = chunk_empty;
	if (message.ptr[IKE_NEXT] != PAYLOAD_FRAGMENT || payload.len < FRAGMENT_LEN ||
		(len = untoh16(payload.ptr + 2)) <= FRAGMENT_LEN || len > payload.len ||
		!(number = payload.ptr[6]))
	{
		return FALSE;
	}
	last = payload.ptr[7] & FLAG_LAST;
	data = chunk_create(payload.ptr + FRAGMENT_LEN, len - FRAGMENT_LEN);
	reassembly = get_reassembly(this, message, untoh16(payload.ptr + 4), counts);
	part = &reassembly->parts[number - 1];
	/* many implementations use the same ID for all messages */
	if ((part->ptr && !chunk_equals(*part, data)) ||
		(reassembly->total && (last ? number != reassembly->total
									: number > reassembly->total)))
	{
		reset(this, reassembly, counts);
	}
	if (last)
	{
		reassembly->total = number;
	}
	if (reassembly->complete && !reassembly->again[number - 1])
	{
		reassembly->again[number - 1] = TRUE;
		reassembly->again_len += data.len;
	}
	else if (part->ptr)
	{	/* received again before the message is complete */
	}
	else if (reassembly->len + data.len <= MAX_LEN)
	{
		*part = chunk_clone(data);
		reassembly->len += data.len;
	}
	/* a message that is sent again is returned again */
	if (reassembly->complete ? reassembly->again_len == reassembly->len
							 : is_complete(reassembly))
	{
		*whole = join(reassembly);
		memset(reassembly->again, 0, sizeof(reassembly->again));
		reassembly->again_len = 0;
		reassembly->complete = TRUE;
		/* the parts may not yield a message */
		reassembly->counts = reassembly->counts && !whole->len;
	}
	return TRUE;
}

METHOD(ikev1_fragments_t, get_incomplete, u_int,
	private_ikev1_fragments_t *this)
{
	enumerator_t *enumerator;
	reassembly_t *reassembly;
	u_int incomplete = this->incomplete;

	enumerator = this->reassemblies->create_enumerator(this->reassemblies);
	while (enumerator->enumerate(enumerator, &reassembly))
	{
		incomplete += reassembly->counts;
	}
	enumerator->destroy(enumerator);
	return incomplete;
}

METHOD(ikev1_fragments_t, destroy, void,
	private_ikev1_fragments_t *this)
{
	this->reassemblies->destroy_function(this->reassemblies,
										 (void*)reassembly_destroy);
	free(this);
}

/*
 * Described in header
 */
ikev1_fragments_t *ikev1_fragments_create()
{
	private_ikev1_fragments_t *this;

	INIT(this,
		.public = {
			.add = _add,
			.get_incomplete = _get_incomplete,
			.destroy = _destroy,
		},
		.reassemblies = linked_list_create(),
	);
	return &this->public;
}
