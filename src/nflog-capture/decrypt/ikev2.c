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

#include "ike.h"
#include "spi_table.h"

#include <collections/linked_list.h>

/** types of payloads that are encrypted: as a whole, and a fragment of one */
#define PAYLOAD_ENCRYPTED 46
#define PAYLOAD_FRAGMENT 53

/** flags of messages for the direction: initiator, response */
#define FLAG_INITIATOR 0x08
#define FLAG_RESPONSE 0x20

/** bytes before the IV in an encrypted payload, and in a fragment */
#define ENCRYPTED_LEN 4
#define FRAGMENT_LEN 8

/** fragments of a message, and messages that are reassembled at a time */
#define MAX_FRAGMENTS 1024
#define MAX_REASSEMBLED 64

/** bytes of the fragments of a message, that has to fit in an IP packet */
#define MAX_LEN 65000

typedef struct private_ikev2_t private_ikev2_t;
typedef struct set_t set_t;
typedef struct message_t message_t;
typedef struct reassembly_t reassembly_t;

/**
 * Private data.
 */
struct private_ikev2_t {

	/**
	 * Public interface.
	 */
	ike_t public;

	/**
	 * Keys, not owned.
	 */
	keyring_t *keys;

	/**
	 * Sets of keys by the SPI of the initiator, set_t.
	 */
	spi_table_t *sets;

	/**
	 * Reassemblies, newest last, reassembly_t.
	 */
	linked_list_t *fragments;

	/**
	 * Incomplete messages whose reassembly was dropped.
	 */
	u_int incomplete;
};

/**
 * Set of keys of an IKE_SA.
 */
struct set_t {
	/** algorithms and keys */
	nflog_key_ike_t *key;
	/** decrypts messages of initiator and responder, NULL if not supported */
	cipher_t *i, *r;
};

/**
 * Encrypted message.
 */
struct message_t {
	/** the whole message */
	chunk_t data;
	/** position of the field with the type of the encrypted payload */
	size_t type;
	/** position of the encrypted payload */
	size_t payload;
	/** position of the IV */
	size_t iv;
	/** type of the first payload that is encrypted */
	uint8_t next;
	/** number of the fragment, and of all, 0 if it's none */
	uint16_t number, total;
};

/**
 * Reassembly of a message.
 */
struct reassembly_t {
	/** SPIs, flags and message ID, as in the headers */
	uint8_t spis[16], flags, mid[4];
	/** the message up to the encrypted payload */
	chunk_t header;
	/** decrypted payloads, by number */
	chunk_t *parts;
	/** number of fragments */
	uint16_t total, missing;
	/** bytes of the payloads that are there */
	size_t len;
	/** TRUE if the message was complete, its fragments are sent again */
	bool complete;
};

/**
 * Forget the fragments of a message.
 */
static void reset(reassembly_t *this)
{
	u_int i;

	for (i = 0; i < this->total; i++)
	{
		chunk_clear(&this->parts[i]);
	}
	chunk_free(&this->header);
	this->missing = this->total;
	this->len = 0;
}

/**
 * Destroy a reassembly.
 */
static void reassembly_destroy(reassembly_t *this)
{
	reset(this);
	free(this->parts);
	free(this);
}

/**
 * Find the encrypted payload.
 *
 * @return			VERDICT_UNCHECKED if there is none
 */
static verdict_t parse(message_t *message, chunk_t data)
{
	size_t pos = IKE_HEADER_LEN, len;
	uint8_t type = data.ptr[IKE_NEXT];

	message->data = data;
	message->type = IKE_NEXT;
	while (type)
	{
		if (data.len < pos + 4 || (len = untoh16(data.ptr + pos + 2)) < 4 ||
			len > data.len - pos)
		{
			return VERDICT_MALFORMED;
		}
		if (type == PAYLOAD_ENCRYPTED || type == PAYLOAD_FRAGMENT)
		{
			break;
		}
		message->type = pos;
		type = data.ptr[pos];
		pos += len;
	}
	if (!type)
	{
		return VERDICT_UNCHECKED;
	}
	message->payload = pos;
	message->next = data.ptr[pos];
	message->iv = pos + ENCRYPTED_LEN;
	if (type == PAYLOAD_FRAGMENT)
	{
		message->iv = pos + FRAGMENT_LEN;
		if (data.len < message->iv)
		{
			return VERDICT_MALFORMED;
		}
		message->number = untoh16(data.ptr + pos + 4);
		message->total = untoh16(data.ptr + pos + 6);
		if (!message->number || message->number > message->total ||
			message->total > MAX_FRAGMENTS)
		{
			return VERDICT_MALFORMED;
		}
	}
	/* it's always the last one */
	return pos + len == data.len ? VERDICT_GOOD : VERDICT_MALFORMED;
}

/**
 * Replace the encrypted payload by the payloads in it.
 */
static chunk_t compose(message_t *message, uint8_t next, chunk_t payloads)
{
	chunk_t data;

	data = chunk_cat("cc", chunk_create(message->data.ptr, message->payload),
					 payloads);
	data.ptr[message->type] = next;
	htoun32(data.ptr + IKE_LENGTH, data.len);
	return data;
}

/**
 * Find or create the reassembly of a message.
 */
static reassembly_t *get_reassembly(private_ikev2_t *this, message_t *message)
{
	enumerator_t *enumerator;
	reassembly_t *found = NULL, *current;
	uint8_t *header = message->data.ptr;

	enumerator = this->fragments->create_enumerator(this->fragments);
	while (!found && enumerator->enumerate(enumerator, &current))
	{
		if (memeq(current->spis, header, sizeof(current->spis)) &&
			memeq(current->mid, header + IKE_MID, sizeof(current->mid)) &&
			current->flags == header[IKE_FLAGS])
		{
			found = current;
		}
	}
	enumerator->destroy(enumerator);
	if (found && found->total != message->total)
	{	/* sent again, in other fragments (RFC 7383, section 2.5.1) */
		reset(found);
		found->total = found->missing = message->total;
		found->parts = realloc(found->parts, found->total * sizeof(chunk_t));
		memset(found->parts, 0, found->total * sizeof(chunk_t));
	}
	if (!found)
	{
		if (this->fragments->get_count(this->fragments) >= MAX_REASSEMBLED)
		{
			this->fragments->remove_first(this->fragments, (void**)&current);
			this->incomplete += !current->complete;
			reassembly_destroy(current);
		}
		INIT(found,
			.flags = header[IKE_FLAGS],
			.parts = calloc(message->total, sizeof(chunk_t)),
			.total = message->total,
			.missing = message->total,
		);
		memcpy(found->spis, header, sizeof(found->spis));
		memcpy(found->mid, header + IKE_MID, sizeof(found->mid));
		this->fragments->insert_last(this->fragments, found);
	}
	return found;
}

/**
 * Add a fragment, return the message once it is complete.
 *
 * @param payloads	decrypted payloads, gets owned
 */
static chunk_t reassemble(private_ikev2_t *this, message_t *message,
						  chunk_t payloads)
{
	reassembly_t *reassembly = get_reassembly(this, message);
	chunk_t data, *part = &reassembly->parts[message->number - 1];
	size_t len;
	u_int i;

	if (part->ptr || reassembly->len + payloads.len > MAX_LEN)
	{	/* sent again, or too long */
		chunk_clear(&payloads);
		return chunk_empty;
	}
	*part = payloads;
	reassembly->len += payloads.len;
	if (message->number == 1)
	{	/* others have neither payloads before nor the type */
		reassembly->header = compose(message, message->next, chunk_empty);
	}
	if (--reassembly->missing)
	{
		return chunk_empty;
	}
	data = chunk_alloc(reassembly->header.len + reassembly->len);
	memcpy(data.ptr, reassembly->header.ptr, reassembly->header.len);
	len = reassembly->header.len;
	for (i = 0; i < reassembly->total; i++)
	{
		memcpy(data.ptr + len, reassembly->parts[i].ptr,
			   reassembly->parts[i].len);
		len += reassembly->parts[i].len;
	}
	htoun32(data.ptr + IKE_LENGTH, data.len);
	reset(reassembly);
	reassembly->complete = TRUE;
	return data;
}

/**
 * Decrypt with one set of keys, and remove the padding.
 */
static verdict_t open_message(set_t *set, message_t *message, chunk_t *payloads)
{
	cipher_t *cipher;
	verdict_t verdict;
	uint8_t padding;

	*payloads = chunk_empty;
	cipher = message->data.ptr[IKE_FLAGS] & FLAG_INITIATOR ? set->i : set->r;
	if (!cipher)
	{
		return VERDICT_NO_KEY;
	}
	verdict = cipher->open(cipher,
							  chunk_create(message->data.ptr, message->iv),
							  chunk_skip(message->data, message->iv),
							  chunk_empty, payloads);
	if (payloads->len)
	{
		padding = payloads->ptr[payloads->len - 1];
		if (padding < payloads->len)
		{
			payloads->len -= padding + 1;
			return verdict;
		}
		chunk_clear(payloads);
	}
	return max(verdict, VERDICT_BAD);
}

METHOD(ike_t, learn, void,
	private_ikev2_t *this, chunk_t data)
{
	/* each message has its IV */
}

/**
 * Destroy a set of keys.
 */
static void set_destroy(set_t *set)
{
	DESTROY_IF(set->i);
	DESTROY_IF(set->r);
	free(set);
}

/**
 * Create a set of keys, NULL if it is one of another version.
 */
static set_t *set_create(nflog_key_ike_t *key)
{
	set_t *set;

	if (key->version != 2)
	{
		return NULL;
	}
	INIT(set,
		.key = key,
		.i = cipher_create(key->encr, key->sk_ei, key->integ, key->sk_ai,
						   key->icv),
		.r = cipher_create(key->encr, key->sk_er, key->integ, key->sk_ar,
						   key->icv),
	);
	return set;
}

METHOD(ike_t, decrypt, verdict_t,
	private_ikev2_t *this, chunk_t data, bool inside, bool *encrypted,
	chunk_t *plain)
{
	enumerator_t *enumerator;
	linked_list_t *sets;
	message_t message = {};
	chunk_t payloads = chunk_empty, current;
	verdict_t verdict, result = VERDICT_NO_KEY;
	set_t *set;

	*plain = chunk_empty;
	*encrypted = TRUE;
	verdict = parse(&message, data);
	if (verdict != VERDICT_GOOD)
	{
		*encrypted = verdict != VERDICT_UNCHECKED;
		return verdict;
	}
	sets = this->sets->get(this->sets, untoh64(data.ptr));
	if (!sets)
	{
		return VERDICT_NO_KEY;
	}
	/* an IKE_SA has several sets if there were IKE_INTERMEDIATE exchanges */
	enumerator = sets->create_enumerator(sets);
	while (!verdict_is_decrypted(result) &&
		   enumerator->enumerate(enumerator, &set))
	{
		if (untoh64(data.ptr) == set->key->spi_i &&
			untoh64(data.ptr + 8) == set->key->spi_r)
		{
			if (!set->i || !set->r)
			{
				this->keys->report_ike(this->keys, set->key);
			}
			verdict = open_message(set, &message, &current);
			if (verdict < result)
			{	/* if all are bad, it is the verdict of the newest one */
				chunk_clear(&payloads);
				payloads = current;
				result = verdict;
			}
			else
			{
				chunk_clear(&current);
			}
		}
	}
	enumerator->destroy(enumerator);
	if (!payloads.ptr)
	{
		return result;
	}
	if (message.total && result == VERDICT_BAD)
	{	/* anybody may have sent it, it must not take the place of the real one */
		chunk_clear(&payloads);
	}
	else if (message.total)
	{
		*plain = reassemble(this, &message, payloads);
	}
	else
	{
		*plain = compose(&message, message.next, payloads);
		chunk_clear(&payloads);
	}
	return result;
}

METHOD(ike_t, get_incomplete, u_int,
	private_ikev2_t *this)
{
	enumerator_t *enumerator;
	reassembly_t *reassembly;
	u_int incomplete = this->incomplete;

	enumerator = this->fragments->create_enumerator(this->fragments);
	while (enumerator->enumerate(enumerator, &reassembly))
	{
		incomplete += !reassembly->complete;
	}
	enumerator->destroy(enumerator);
	return incomplete;
}

METHOD(ike_t, destroy, void,
	private_ikev2_t *this)
{
	this->sets->destroy(this->sets);
	this->fragments->destroy_function(this->fragments,
									  (void*)reassembly_destroy);
	free(this);
}

/*
 * Described in header
 */
ike_t *ikev2_create(keyring_t *keys)
{
	private_ikev2_t *this;

	INIT(this,
		.public = {
			.learn = _learn,
			.decrypt = _decrypt,
			.get_incomplete = _get_incomplete,
			.destroy = _destroy,
		},
		.keys = keys,
		.sets = spi_table_create(keys, keys->create_ike_enumerator,
								 (void*)set_create, (void*)set_destroy),
		.fragments = linked_list_create(),
	);
	return &this->public;
}
