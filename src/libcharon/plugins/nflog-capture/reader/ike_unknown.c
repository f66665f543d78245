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
#include "ike_unknown.h"
#include "shares.h"

#include <collections/hashtable.h>

/**
 * Limits of conversations with kept messages.  charon creates an IKE_SA within milliseconds of
 * the first message.
 */
static const nflog_limits_t limits = {
	.items = 8192,
	.source_items = 1024,
	.bytes = 4 * 1024 * 1024,
	.source_bytes = 1024 * 1024,
	.timeout = 30,
};

/** bytes of kept messages of a conversation, at most, an IKE_SA_INIT has 1 to 2 KB */
#define MAX_CONVERSATION (8 * 1024)

/** number of counters of dropped messages, several sources may share one */
#define COUNTERS 1024

/** bytes of memory that an element of a list takes */
#define ELEMENT_SIZE (3 * sizeof(void*))

typedef struct private_nflog_ike_unknown_t private_nflog_ike_unknown_t;
typedef struct conversation_t conversation_t;
typedef struct counter_t counter_t;

/**
 * Counter of dropped messages.
 */
struct counter_t {

	/**
	 * Messages dropped, sent and received.
	 */
	uint64_t dropped[2];

	/**
	 * When the last one was dropped, monotonic.
	 */
	time_t last;
};

/**
 * Private data.
 */
struct private_nflog_ike_unknown_t {

	/**
	 * Public interface.
	 */
	nflog_ike_unknown_t public;

	/**
	 * Conversations, nflog_ike_key_t => conversation_t, owned.
	 */
	hashtable_t *conversations;

	/**
	 * Bounds conversations.
	 */
	nflog_shares_t *shares;

	/**
	 * Counters of dropped messages, by hash of the source.
	 */
	counter_t counters[COUNTERS];

	/**
	 * Time of the current call, monotonic.
	 */
	time_t now;
};

/**
 * Conversation: messages with the same initiator SPI and peer.
 */
struct conversation_t {

	/**
	 * Bounds the conversation, has to be first.
	 */
	nflog_held_t held;

	/**
	 * Initiator SPI and address of the peer.
	 */
	nflog_ike_key_t key;

	/**
	 * Messages, nflog_kept_t.
	 */
	linked_list_t *messages;

	/**
	 * Bytes of memory they take.
	 */
	size_t bytes;
};

/**
 * Get the counter of dropped messages for a conversation.
 *
 * @return				counter, reset if it was not used lately
 */
static counter_t *get_counter(private_nflog_ike_unknown_t *this,
							  nflog_ike_key_t *key)
{
	struct in6_addr source;
	counter_t *counter;

	nflog_shares_source(chunk_from_thing(key->peer), &source);
	counter = &this->counters[chunk_hash(chunk_from_thing(source)) % COUNTERS];
	if (this->now - counter->last >= limits.timeout)
	{
		memset(counter, 0, sizeof(*counter));
	}
	return counter;
}

/**
 * Count a dropped message.
 */
static void count_dropped(private_nflog_ike_unknown_t *this,
						  nflog_ike_key_t *key, bool inbound)
{
	counter_t *counter = get_counter(this, key);

	counter->dropped[inbound]++;
	counter->last = this->now;
}

/**
 * Destroy a conversation.
 */
static void drop(private_nflog_ike_unknown_t *this,
				 conversation_t *conversation)
{
	this->conversations->remove(this->conversations, &conversation->key);
	this->shares->remove(this->shares, &conversation->held);
	conversation->messages->destroy_function(conversation->messages,
										(void*)nflog_kept_destroy);
	free(conversation);
}

/**
 * Drop a conversation that expired, or exceeds a limit, which counts its messages.
 */
static void drop_held(void *data, nflog_held_t *held, bool excess)
{
	private_nflog_ike_unknown_t *this = data;
	conversation_t *conversation = (conversation_t*)held;
	enumerator_t *enumerator;
	nflog_kept_t *kept;

	if (excess)
	{
		enumerator = conversation->messages->create_enumerator(
													conversation->messages);
		while (enumerator->enumerate(enumerator, &kept))
		{
			count_dropped(this, &conversation->key, kept->inbound);
		}
		enumerator->destroy(enumerator);
	}
	drop(this, conversation);
}

/**
 * Get a conversation, created if there is none.
 */
static conversation_t *get_conversation(private_nflog_ike_unknown_t *this,
										nflog_ike_key_t *key)
{
	conversation_t *conversation;

	conversation = this->conversations->get(this->conversations, key);
	if (!conversation)
	{
		INIT(conversation,
			.held = {
				.bytes = nflog_shares_size(sizeof(*conversation)) +
						 nflog_shares_size(sizeof(linked_list_t)),
			},
			.key = *key,
			.messages = linked_list_create(),
		);
		this->conversations->put(this->conversations, &conversation->key,
								 conversation);
		this->shares->add(this->shares, &conversation->held,
						  chunk_from_thing(conversation->key.peer), this->now);
	}
	return conversation;
}

/**
 * Add a message to a conversation.
 */
static void add_kept(private_nflog_ike_unknown_t *this,
					 conversation_t *conversation, nflog_kept_t *kept)
{
	conversation->messages->insert_last(conversation->messages, kept);
	conversation->bytes += kept->bytes;
	this->shares->grow(this->shares, &conversation->held, kept->bytes);
}

METHOD(nflog_ike_unknown_t, add, void,
	private_nflog_ike_unknown_t *this, nflog_ike_key_t *key,
	nflog_logged_t *logged, bool inbound, time_t now)
{
	nflog_ike_key_t first = *key;
	nflog_kept_t *kept;
	conversation_t *conversation;

	first.spi_r = 0;
	this->now = now;
	this->shares->expire(this->shares, now);
	kept = nflog_kept_create(logged, inbound);
	conversation = get_conversation(this, &first);
	if (conversation->bytes + kept->bytes <= MAX_CONVERSATION)
	{
		add_kept(this, conversation, kept);
	}
	else
	{	/* the first messages matter most */
		count_dropped(this, &first, inbound);
		nflog_kept_destroy(kept);
	}
	this->shares->limit(this->shares, &conversation->held);
}

METHOD(nflog_ike_unknown_t, put, void,
	private_nflog_ike_unknown_t *this, nflog_ike_key_t *key,
	linked_list_t *list, time_t now)
{
	nflog_kept_t *kept;
	conversation_t *conversation;

	this->now = now;
	conversation = get_conversation(this, key);
	while (list->remove_first(list, (void**)&kept) == SUCCESS)
	{
		add_kept(this, conversation, kept);
	}
	this->shares->limit(this->shares, &conversation->held);
}

METHOD(nflog_ike_unknown_t, take, void,
	private_nflog_ike_unknown_t *this, nflog_ike_key_t *key,
	linked_list_t *list, uint64_t dropped[2], time_t now)
{
	counter_t *counter;
	nflog_kept_t *kept;
	conversation_t *conversation;

	this->now = now;
	counter = get_counter(this, key);
	memcpy(dropped, counter->dropped, sizeof(counter->dropped));
	conversation = this->conversations->get(this->conversations, key);
	if (conversation)
	{
		while (conversation->messages->remove_first(conversation->messages,
													(void**)&kept) == SUCCESS)
		{
			list->insert_last(list, kept);
		}
		drop(this, conversation);
	}
}

METHOD(nflog_ike_unknown_t, destroy, void,
	private_nflog_ike_unknown_t *this)
{
	enumerator_t *enumerator;
	conversation_t *conversation;

	enumerator = this->conversations->create_enumerator(this->conversations);
	while (enumerator->enumerate(enumerator, NULL, &conversation))
	{
		drop(this, conversation);
	}
	enumerator->destroy(enumerator);
	this->conversations->destroy(this->conversations);
	this->shares->destroy(this->shares);
	free(this);
}

/*
 * Described in header
 */
nflog_ike_unknown_t *nflog_ike_unknown_create()
{
	private_nflog_ike_unknown_t *this;

	INIT(this,
		.public = {
			.add = _add,
			.put = _put,
			.take = _take,
			.destroy = _destroy,
		},
		.conversations = hashtable_create(nflog_ike_key_hash,
										  nflog_ike_key_equals, 32),
	);
	this->shares = nflog_shares_create(&limits, drop_held, this);
	return &this->public;
}

/*
 * Described in header
 */
nflog_kept_t *nflog_kept_create(nflog_logged_t *logged,
								bool inbound)
{
	nflog_kept_t *this;
	size_t bytes;

	INIT(this,
		.inbound = inbound,
		.logged = nflog_logged_clone(logged, &bytes),
	);
	this->bytes = nflog_shares_size(sizeof(*this)) +
				  nflog_shares_size(bytes) +
				  nflog_shares_size(ELEMENT_SIZE);
	return this;
}

/*
 * Described in header
 */
void nflog_kept_destroy(nflog_kept_t *this)
{
	free(this->logged);
	free(this);
}
