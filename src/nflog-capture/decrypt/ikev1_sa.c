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

#include "ikev1_sa.h"

#include <collections/array.h>
#include <collections/hashtable.h>
#include <crypto/crypters/crypter.h>
#include <crypto/hashers/hasher.h>

/** type of payload */
#define PAYLOAD_KEY_EXCHANGE 4

/** public values that are kept of an IKE_SA, there should be two, and their bytes, the
 * largest group has 1024 */
#define MAX_VALUES 8
#define MAX_VALUE_LEN 2048

/** bytes of a block, and so of an IV */
#define MAX_BLOCK 16

/** messages of an exchange that are kept, those of Quick Mode are three */
#define MAX_BLOCKS 64

typedef struct private_ikev1_sa_t private_ikev1_sa_t;
typedef struct exchange_t exchange_t;

/**
 * Private data.
 */
struct private_ikev1_sa_t {
	/** public interface */
	ikev1_sa_t public;
	/** algorithms and keys */
	nflog_key_ike_t *key;
	/** decrypts, NULL if not supported */
	crypter_t *crypter;
	/** hash for IVs, NULL if not supported */
	hasher_t *hasher;
	/** public values of the key exchange, of initiator and responder, chunk_t */
	array_t *values;
	/** hashes of two of these, one of which is the initial IV, chunk_t */
	array_t *initial;
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
 * Hash a message ID, keyed, as attackers may choose it.
 */
static u_int mid_hash(const void *key)
{
	return chunk_hash(chunk_create((u_char*)key, sizeof(uint32_t)));
}

/**
 * Compare message IDs.
 */
static bool mid_equals(const void *a, const void *b)
{
	return *(uint32_t*)a == *(uint32_t*)b;
}

/**
 * Add a copy of a chunk, unless it's there, or there are too many.
 *
 * @return			TRUE if it was added
 */
static bool add_chunk(array_t *array, chunk_t data, int limit)
{
	chunk_t current;
	int i;

	for (i = 0; i < array_count(array); i++)
	{
		array_get(array, i, &current);
		if (chunk_equals(current, data))
		{
			return FALSE;
		}
	}
	if (i >= limit)
	{
		return FALSE;
	}
	data = chunk_clone(data);
	array_insert(array, ARRAY_TAIL, &data);
	return TRUE;
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
 * Get the encrypted part of a message, empty if its length is invalid.
 */
static chunk_t get_body(private_ikev1_sa_t *this, chunk_t message)
{
	chunk_t body = chunk_skip(message, IKE_HEADER_LEN);
	size_t block = this->crypter->get_block_size(this->crypter);

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

METHOD(ikev1_sa_t, has_spis, bool,
	private_ikev1_sa_t *this, chunk_t message)
{
	uint64_t spi_r = untoh64(message.ptr + 8);

	return untoh64(message.ptr) == this->key->spi_i &&
		   (!spi_r || !this->key->spi_r || spi_r == this->key->spi_r);
}

/**
 * Learn the last block of an encrypted message.
 */
static void learn_block(private_ikev1_sa_t *this, chunk_t message)
{
	chunk_t body = get_body(this, message);
	uint32_t mid = get_mid(message);
	exchange_t *exchange;

	if (!body.len)
	{
		return;
	}
	exchange = this->exchanges->get(this->exchanges, &mid);
	if (!exchange)
	{
		INIT(exchange,
			.mid = mid,
			.blocks = array_create(sizeof(chunk_t), 0),
		);
		this->exchanges->put(this->exchanges, &exchange->mid, exchange);
	}
	add_chunk(exchange->blocks, chunk_skip(body, body.len -
								this->crypter->get_block_size(this->crypter)),
			  MAX_BLOCKS);
}

/**
 * Hash two values to an IV.
 *
 * @param iv		buffer of MAX_BLOCK bytes for the result
 * @return			IV, in that buffer, empty on failure
 */
static chunk_t create_iv(private_ikev1_sa_t *this, chunk_t a, chunk_t b, uint8_t *iv)
{
	uint8_t hash[HASH_SIZE_SHA512];
	size_t len = this->crypter->get_block_size(this->crypter);

	if (len > this->hasher->get_hash_size(this->hasher) ||
		!this->hasher->get_hash(this->hasher, a, NULL) ||
		!this->hasher->get_hash(this->hasher, b, hash))
	{
		return chunk_empty;
	}
	memcpy(iv, hash, len);
	return chunk_create(iv, len);
}

/**
 * Learn a public value.  The initial IV is a hash of those of initiator and responder,
 * but which one is whose is not known.
 */
static void learn_value(private_ikev1_sa_t *this, chunk_t value)
{
	uint8_t buf[MAX_BLOCK];
	chunk_t other, iv;
	int i;

	if (!value.len || value.len > MAX_VALUE_LEN ||
		!add_chunk(this->values, value, MAX_VALUES))
	{
		return;
	}
	for (i = 0; i < array_count(this->values) - 1; i++)
	{
		array_get(this->values, i, &other);
		iv = create_iv(this, other, value, buf);
		add_chunk(this->initial, iv, MAX_VALUES * MAX_VALUES);
		iv = create_iv(this, value, other, buf);
		add_chunk(this->initial, iv, MAX_VALUES * MAX_VALUES);
	}
}

/**
 * Try an IV, which affects the first block only, so this is cheap.
 *
 * @param raw		body of the message, decrypted with an IV of zeros
 * @param plain		receives the message if this is its IV
 */
static bool try_iv(chunk_t message, chunk_t raw, chunk_t iv, chunk_t *plain)
{
	chunk_t none;
	size_t len;

	if (!iv.len)
	{
		return FALSE;
	}
	memxor(raw.ptr, iv.ptr, iv.len);
	len = parse_payloads(message.ptr[IKE_NEXT], raw, 0, &none);
	if (len)
	{
		*plain = chunk_cat("cc", chunk_create(message.ptr, IKE_HEADER_LEN),
						   chunk_create(raw.ptr, len));
		plain->ptr[IKE_FLAGS] &= ~IKEV1_ENCRYPTED;
		htoun32(plain->ptr + IKE_LENGTH, plain->len);
	}
	memxor(raw.ptr, iv.ptr, iv.len);
	return len > 0;
}

/**
 * Try the IVs that follow from the last blocks of phase 1, or the initial IVs, which
 * are these IVs in phase 1, and hashed with the message ID afterwards.
 */
static bool try_blocks(private_ikev1_sa_t *this, chunk_t message, chunk_t raw, array_t *blocks,
					   chunk_t *plain)
{
	uint32_t mid = get_mid(message);
	uint8_t buf[MAX_BLOCK];
	chunk_t block, iv;
	bool success = FALSE;
	int i;

	for (i = 0; i < array_count(blocks) && !success; i++)
	{
		array_get(blocks, i, &block);
		iv = mid ? create_iv(this, block, chunk_from_thing(mid), buf) : block;
		success = try_iv(message, raw, iv, plain);
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
static verdict_t try_first(private_ikev1_sa_t *this, chunk_t message, chunk_t raw, chunk_t *plain)
{
	exchange_t *phase1 = NULL;

	if (get_mid(message))
	{
		phase1 = this->exchanges->get(this->exchanges, &(uint32_t){ 0 });
	}
	if ((phase1 && try_blocks(this, message, raw, phase1->blocks, plain)) ||
		try_blocks(this, message, raw, this->initial, plain))
	{
		return VERDICT_UNCHECKED;
	}
	/* without a block of phase 1 its end may not be in the trace */
	return phase1 || (!get_mid(message) && array_count(this->values) > 1)
														? VERDICT_BAD
														: VERDICT_NO_KEY;
}

METHOD(ikev1_sa_t, decrypt, verdict_t,
	private_ikev1_sa_t *this, chunk_t message, chunk_t *plain)
{
	uint8_t zeros[MAX_BLOCK] = {};
	uint32_t mid = get_mid(message);
	exchange_t *exchange;
	chunk_t block, body, raw;
	verdict_t verdict;
	int i;

	if (!this->crypter || !this->hasher)
	{
		return VERDICT_NO_KEY;
	}
	body = get_body(this, message);
	if (!body.len)
	{
		return VERDICT_MALFORMED;
	}
	if (!this->crypter->decrypt(this->crypter, body, chunk_create(zeros,
							  this->crypter->get_iv_size(this->crypter)), &raw))
	{
		return VERDICT_BAD;
	}
	verdict = try_first(this, message, raw, plain);
	exchange = this->exchanges->get(this->exchanges, &mid);
	for (i = 0; exchange && i < array_count(exchange->blocks) &&
				verdict != VERDICT_UNCHECKED; i++)
	{
		array_get(exchange->blocks, i, &block);
		if (try_iv(message, raw, block, plain))
		{
			verdict = VERDICT_UNCHECKED;
		}
	}
	chunk_clear(&raw);
	return verdict;
}

METHOD(ikev1_sa_t, learn, void,
	private_ikev1_sa_t *this, chunk_t message)
{
	chunk_t value = chunk_empty;

	if (!this->crypter || !this->hasher)
	{
		return;
	}
	if (message.ptr[IKE_FLAGS] & IKEV1_ENCRYPTED)
	{
		learn_block(this, message);
		return;
	}
	parse_payloads(message.ptr[IKE_NEXT], chunk_skip(message, IKE_HEADER_LEN),
				   PAYLOAD_KEY_EXCHANGE, &value);
	learn_value(this, value);
}

METHOD(ikev1_sa_t, destroy, void,
	private_ikev1_sa_t *this)
{
	DESTROY_IF(this->crypter);
	DESTROY_IF(this->hasher);
	array_destroy_function(this->values, chunk_destroy, NULL);
	array_destroy_function(this->initial, chunk_destroy, NULL);
	this->exchanges->destroy_function(this->exchanges, exchange_destroy);
	free(this);
}

/*
 * Described in header
 */
ikev1_sa_t *ikev1_sa_create(nflog_key_ike_t *key)
{
	private_ikev1_sa_t *this;

	INIT(this,
		.public = {
			.has_spis = _has_spis,
			.learn = _learn,
			.decrypt = _decrypt,
			.destroy = _destroy,
		},
		.key = key,
		.crypter = lib->crypto->create_crypter(lib->crypto, key->encr,
											   key->sk_ei.len),
		.hasher = lib->crypto->create_hasher(lib->crypto,
							hasher_algorithm_from_integrity(key->integ, NULL)),
		.values = array_create(sizeof(chunk_t), 0),
		.initial = array_create(sizeof(chunk_t), 0),
		.exchanges = hashtable_create(mid_hash, mid_equals, 8),
	);
	/* IKEv1 has ciphers in CBC mode only */
	if (this->crypter &&
		(this->crypter->get_key_size(this->crypter) != key->sk_ei.len ||
		 this->crypter->get_block_size(this->crypter) < 8 ||
		 this->crypter->get_block_size(this->crypter) > MAX_BLOCK ||
		 this->crypter->get_iv_size(this->crypter) !=
								this->crypter->get_block_size(this->crypter) ||
		 !this->crypter->set_key(this->crypter, key->sk_ei)))
	{
		this->crypter->destroy(this->crypter);
		this->crypter = NULL;
	}
	return &this->public;
}

