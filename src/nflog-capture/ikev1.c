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

#include <collections/array.h>
#include <collections/hashtable.h>
#include <collections/linked_list.h>
#include <crypto/hashers/hasher.h>

/** type of payload */
#define PAYLOAD_KEY_EXCHANGE 4

/** flag of an encrypted message */
#define FLAG_ENCRYPTED 0x01

/** public values that are kept of an IKE_SA, there should be two */
#define MAX_VALUES 8

/** messages of an exchange that are kept, those of Quick Mode are three */
#define MAX_BLOCKS 64

typedef struct private_ikev1_t private_ikev1_t;
typedef struct sa_t sa_t;
typedef struct exchange_t exchange_t;

/**
 * Private data.
 */
struct private_ikev1_t {

	/**
	 * Public interface.
	 */
	ike_t public;

	/**
	 * IKE_SAs, newest first, sa_t.
	 */
	linked_list_t *sas;

	/**
	 * Reassemble messages, to learn from and to decrypt.
	 */
	ikev1_fragments_t *learning, *decrypting;
};

/**
 * IKE_SA.
 */
struct sa_t {
	/** algorithms and keys */
	nflog_key_ike_t *key;
	/** decrypts, NULL if not supported */
	crypter_t *crypter;
	/** hash for IVs, NULL if not supported */
	hasher_t *hasher;
	/** public values of the key exchange, of initiator and responder, chunk_t */
	array_t *values;
	/** exchanges by message ID, &mid => exchange_t */
	hashtable_t *exchanges;
};

/**
 * An exchange, phase 1 is that with message ID 0.
 */
struct exchange_t {
	/** message ID, in network order */
	uint32_t mid;
	/** the last blocks of its messages, IVs of those that follow, chunk_t */
	array_t *blocks;
};

CALLBACK(chunk_destroy, void,
	chunk_t *chunk, int idx, void *user)
{
	chunk_free(chunk);
}

/**
 * Destroy an exchange.
 */
static void exchange_destroy(void *value, const void *key)
{
	exchange_t *this = value;

	array_destroy_function(this->blocks, chunk_destroy, NULL);
	free(this);
}

/**
 * Hash of a message ID, which is random.
 */
static u_int mid_hash(const void *key)
{
	return *(uint32_t*)key;
}

/**
 * Compare message IDs.
 */
static bool mid_equals(const void *a, const void *b)
{
	return *(uint32_t*)a == *(uint32_t*)b;
}

/**
 * Destroy an IKE_SA.
 */
static void sa_destroy(sa_t *this)
{
	DESTROY_IF(this->crypter);
	DESTROY_IF(this->hasher);
	array_destroy_function(this->values, chunk_destroy, NULL);
	this->exchanges->destroy_function(this->exchanges, exchange_destroy);
	free(this);
}

/**
 * Add a copy of a chunk, unless it's there, or there are too many.
 */
static void add_chunk(array_t *array, chunk_t data, int limit)
{
	chunk_t current;
	int i;

	for (i = 0; i < array_count(array); i++)
	{
		array_get(array, i, &current);
		if (chunk_equals(current, data))
		{
			return;
		}
	}
	if (i < limit)
	{
		data = chunk_clone(data);
		array_insert(array, ARRAY_TAIL, &data);
	}
}

/**
 * Get the length of all payloads.
 *
 * @param type		type of the first one
 * @param data		payloads, and what follows them
 * @param find		type of a payload to find
 * @param found		receives the content of that payload
 * @return			length, 0 if this is not a chain of payloads
 */
static size_t parse_payloads(uint8_t type, chunk_t data, uint8_t find,
							 chunk_t *found)
{
	size_t pos = 0, len;

	while (type)
	{
		if (data.len < pos + 4 || data.ptr[pos + 1] ||
			(len = untoh16(data.ptr + pos + 2)) < 4 || len > data.len - pos)
		{
			return 0;
		}
		if (type == find)
		{
			*found = chunk_create(data.ptr + pos + 4, len - 4);
		}
		type = data.ptr[pos];
		pos += len;
	}
	return pos;
}

/**
 * Get what is encrypted in a message, empty if that can't be.
 */
static chunk_t get_body(sa_t *sa, chunk_t message)
{
	chunk_t body = chunk_skip(message, IKE_HEADER_LEN);
	size_t block = sa->crypter->get_block_size(sa->crypter);

	return body.len % block ? chunk_empty : body;
}

/**
 * Get the message ID, in network order.
 */
static uint32_t get_mid(chunk_t message)
{
	uint32_t mid;

	memcpy(&mid, message.ptr + IKE_MID, sizeof(mid));
	return mid;
}

/**
 * Is a message of an IKE_SA?  Several may have the same SPI of the initiator, and
 * the responder's is not in the first message, nor in every key file.
 */
static bool has_spis(sa_t *sa, chunk_t message)
{
	uint64_t spi_r = untoh64(message.ptr + 8);

	return untoh64(message.ptr) == sa->key->spi_i &&
		   (!spi_r || !sa->key->spi_r || spi_r == sa->key->spi_r);
}

/**
 * Learn the last block of an encrypted message.
 */
static void learn_block(sa_t *sa, chunk_t message)
{
	chunk_t body = get_body(sa, message);
	uint32_t mid = get_mid(message);
	exchange_t *exchange;

	if (!body.len)
	{
		return;
	}
	exchange = sa->exchanges->get(sa->exchanges, &mid);
	if (!exchange)
	{
		INIT(exchange,
			.mid = mid,
			.blocks = array_create(sizeof(chunk_t), 0),
		);
		sa->exchanges->put(sa->exchanges, &exchange->mid, exchange);
	}
	add_chunk(exchange->blocks, chunk_skip(body, body.len -
								sa->crypter->get_block_size(sa->crypter)),
			  MAX_BLOCKS);
}

/**
 * Learn from a whole message.
 */
static void learn_whole(private_ikev1_t *this, chunk_t message)
{
	enumerator_t *enumerator;
	chunk_t value;
	sa_t *sa;

	enumerator = this->sas->create_enumerator(this->sas);
	while (enumerator->enumerate(enumerator, &sa))
	{
		if (!has_spis(sa, message) || !sa->crypter)
		{
			continue;
		}
		if (message.ptr[IKE_FLAGS] & FLAG_ENCRYPTED)
		{
			learn_block(sa, message);
			continue;
		}
		value = chunk_empty;
		parse_payloads(message.ptr[IKE_NEXT],
					   chunk_skip(message, IKE_HEADER_LEN),
					   PAYLOAD_KEY_EXCHANGE, &value);
		if (value.len)
		{
			add_chunk(sa->values, value, MAX_VALUES);
		}
	}
	enumerator->destroy(enumerator);
}

METHOD(ike_t, learn, void,
	private_ikev1_t *this, chunk_t message)
{
	chunk_t whole;

	if (!this->learning->add(this->learning, message, &whole))
	{
		learn_whole(this, message);
	}
	else if (whole.len)
	{
		learn_whole(this, whole);
		chunk_free(&whole);
	}
}

/**
 * Try to decrypt with an IV.
 */
static bool try_iv(sa_t *sa, chunk_t message, chunk_t iv, chunk_t *plain)
{
	chunk_t payloads = chunk_empty, none;
	size_t len = 0;

	iv.len = min(iv.len, sa->crypter->get_iv_size(sa->crypter));
	if (iv.len == sa->crypter->get_iv_size(sa->crypter) &&
		sa->crypter->decrypt(sa->crypter, get_body(sa, message), iv, &payloads))
	{
		len = parse_payloads(message.ptr[IKE_NEXT], payloads, 0, &none);
	}
	if (len)
	{
		*plain = chunk_cat("cc", chunk_create(message.ptr, IKE_HEADER_LEN),
						   chunk_create(payloads.ptr, len));
		plain->ptr[IKE_FLAGS] &= ~FLAG_ENCRYPTED;
		htoun32(plain->ptr + IKE_LENGTH, plain->len);
	}
	chunk_clear(&payloads);
	return len > 0;
}

/**
 * Try to decrypt with a hash of two values as IV.
 */
static bool try_hash(sa_t *sa, chunk_t message, chunk_t a, chunk_t b,
					 chunk_t *plain)
{
	chunk_t iv;
	bool success;

	if (!sa->hasher->allocate_hash(sa->hasher, chunk_cata("cc", a, b), &iv))
	{
		return FALSE;
	}
	success = try_iv(sa, message, iv, plain);
	chunk_free(&iv);
	return success;
}

/**
 * Try the IVs that follow from the initial one of phase 1, the hash of both public
 * values, that of the initiator first.  Which is whose is not known.
 */
static bool try_initial(sa_t *sa, chunk_t message, chunk_t *plain)
{
	uint32_t mid = get_mid(message);
	int i, j, count = array_count(sa->values);
	bool success = FALSE;
	chunk_t a, b, iv;

	for (i = 0; i < count && !success; i++)
	{
		for (j = 0; j < count && !success; j++)
		{
			array_get(sa->values, i, &a);
			array_get(sa->values, j, &b);
			if (i == j || !sa->hasher->allocate_hash(sa->hasher,
												chunk_cata("cc", a, b), &iv))
			{
				continue;
			}
			iv.len = min(iv.len, sa->crypter->get_iv_size(sa->crypter));
			success = mid ? try_hash(sa, message, iv, chunk_from_thing(mid), plain)
						  : try_iv(sa, message, iv, plain);
			chunk_free(&iv);
		}
	}
	return success;
}

/**
 * Try the IVs that the first message of an exchange may have (RFC 2409, appendix
 * B): in phase 1 the initial one, in others a hash of the message ID and the last
 * block of phase 1.
 *
 * That block is the end of any message of phase 1, if others are not in the trace,
 * or came later.  If none was encrypted before it's the initial IV: the third
 * message of Aggressive Mode may be in the clear (section 5.4), and errors are
 * reported in Informational exchanges before phase 1 ends.
 *
 * @return			VERDICT_NO_KEY if none is known
 */
static verdict_t try_first(sa_t *sa, chunk_t message, chunk_t *plain)
{
	uint32_t mid = get_mid(message);
	exchange_t *phase1 = NULL;
	chunk_t block;
	int i, count = 0;

	if (mid)
	{
		phase1 = sa->exchanges->get(sa->exchanges, &(uint32_t){ 0 });
		count = phase1 ? array_count(phase1->blocks) : 0;
	}
	for (i = 0; i < count; i++)
	{
		array_get(phase1->blocks, i, &block);
		if (try_hash(sa, message, block, chunk_from_thing(mid), plain))
		{
			return VERDICT_UNCHECKED;
		}
	}
	if (try_initial(sa, message, plain))
	{
		return VERDICT_UNCHECKED;
	}
	/* without a block of phase 1 its end may not be in the trace */
	return count || (!mid && array_count(sa->values) > 1) ? VERDICT_BAD
														   : VERDICT_NO_KEY;
}

/**
 * Decrypt a message.  Its IV is the end of the one before, or it's the first.
 */
static verdict_t open_message(sa_t *sa, chunk_t message, chunk_t *plain)
{
	uint32_t mid = get_mid(message);
	exchange_t *exchange;
	chunk_t block;
	verdict_t verdict;
	int i;

	if (!sa->crypter || !sa->hasher)
	{
		return VERDICT_NO_KEY;
	}
	if (!get_body(sa, message).len)
	{
		return VERDICT_MALFORMED;
	}
	verdict = try_first(sa, message, plain);
	exchange = sa->exchanges->get(sa->exchanges, &mid);
	for (i = 0; exchange && i < array_count(exchange->blocks) &&
				verdict != VERDICT_UNCHECKED; i++)
	{
		array_get(exchange->blocks, i, &block);
		if (try_iv(sa, message, block, plain))
		{
			verdict = VERDICT_UNCHECKED;
		}
	}
	return verdict;
}

/**
 * Decrypt a whole message.
 */
static verdict_t decrypt_whole(private_ikev1_t *this, chunk_t message,
							   bool *encrypted, chunk_t *plain)
{
	enumerator_t *enumerator;
	verdict_t verdict, best = VERDICT_NO_KEY;
	sa_t *sa;

	*encrypted = message.ptr[IKE_FLAGS] & FLAG_ENCRYPTED;
	enumerator = this->sas->create_enumerator(this->sas);
	while (*encrypted && best != VERDICT_UNCHECKED &&
		   enumerator->enumerate(enumerator, &sa))
	{
		if (has_spis(sa, message))
		{
			verdict = open_message(sa, message, plain);
			best = min(best, verdict);
		}
	}
	enumerator->destroy(enumerator);
	return best;
}

METHOD(ike_t, decrypt, verdict_t,
	private_ikev1_t *this, chunk_t message, bool *encrypted, chunk_t *plain)
{
	verdict_t verdict = VERDICT_UNCHECKED;
	chunk_t whole;

	*plain = chunk_empty;
	if (!this->decrypting->add(this->decrypting, message, &whole))
	{
		return decrypt_whole(this, message, encrypted, plain);
	}
	/* fragments are in the clear, the last one brings the message */
	*encrypted = FALSE;
	if (whole.len)
	{
		verdict = decrypt_whole(this, whole, encrypted, plain);
		chunk_free(&whole);
	}
	return verdict;
}

METHOD(ike_t, destroy, void,
	private_ikev1_t *this)
{
	this->learning->destroy(this->learning);
	this->decrypting->destroy(this->decrypting);
	this->sas->destroy_function(this->sas, (void*)sa_destroy);
	free(this);
}

/**
 * Create the description of an IKE_SA.
 */
static sa_t *sa_create(nflog_key_ike_t *key)
{
	sa_t *sa;

	INIT(sa,
		.key = key,
		.crypter = lib->crypto->create_crypter(lib->crypto, key->encr,
											   key->sk_ei.len),
		.hasher = lib->crypto->create_hasher(lib->crypto,
							hasher_algorithm_from_integrity(key->integ, NULL)),
		.values = array_create(sizeof(chunk_t), 0),
		.exchanges = hashtable_create(mid_hash, mid_equals, 8),
	);
	if (sa->crypter &&
		(sa->crypter->get_key_size(sa->crypter) != key->sk_ei.len ||
		 !sa->crypter->set_key(sa->crypter, key->sk_ei)))
	{
		sa->crypter->destroy(sa->crypter);
		sa->crypter = NULL;
	}
	return sa;
}

/*
 * Described in header
 */
ike_t *ikev1_create(keyring_t *keys)
{
	private_ikev1_t *this;
	enumerator_t *enumerator;
	nflog_key_ike_t *key;

	INIT(this,
		.public = {
			.learn = _learn,
			.decrypt = _decrypt,
			.destroy = _destroy,
		},
		.sas = linked_list_create(),
		.learning = ikev1_fragments_create(),
		.decrypting = ikev1_fragments_create(),
	);
	enumerator = keys->create_ike_enumerator(keys);
	while (enumerator->enumerate(enumerator, &key))
	{
		if (key->version == 1)
		{
			this->sas->insert_first(this->sas, sa_create(key));
		}
	}
	enumerator->destroy(enumerator);
	return &this->public;
}
