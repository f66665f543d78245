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

#include <collections/linked_list.h>
#include <crypto/hashers/hasher.h>

/** type of payload */
#define PAYLOAD_KEY_EXCHANGE 4

/** flag of an encrypted message */
#define FLAG_ENCRYPTED 0x01

/** exchanges of an IKE_SA whose IVs are kept, the oldest ones are forgotten */
#define MAX_CHAINS 64

typedef struct private_ikev1_t private_ikev1_t;
typedef struct sa_t sa_t;
typedef struct chain_t chain_t;

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
};

/**
 * IKE_SA.
 */
struct sa_t {
	/** algorithms and keys */
	key_ike_t *key;
	/** decrypts, NULL if not supported */
	crypter_t *crypter;
	/** hash for IVs, NULL if not supported */
	hasher_t *hasher;
	/** public values of the key exchange, of initiator and responder */
	chunk_t public_values[2];
	/** IVs, newest first, chain_t */
	linked_list_t *chains;
};

/**
 * IVs of the messages of an exchange, each is the end of the last message.
 */
struct chain_t {
	/** message ID, in network order, 0 for phase 1 */
	uint32_t mid;
	/** IV of the next message */
	chunk_t iv;
	/** the last message, and its IV, as it may be sent again */
	chunk_t last, last_iv;
};

/**
 * Destroy a chain of IVs.
 */
static void chain_destroy(chain_t *this)
{
	chunk_free(&this->iv);
	chunk_free(&this->last);
	chunk_free(&this->last_iv);
	free(this);
}

/**
 * Destroy an IKE_SA.
 */
static void sa_destroy(sa_t *this)
{
	DESTROY_IF(this->crypter);
	DESTROY_IF(this->hasher);
	chunk_free(&this->public_values[0]);
	chunk_free(&this->public_values[1]);
	this->chains->destroy_function(this->chains, (void*)chain_destroy);
	free(this);
}

/**
 * Find the chain of an exchange, NULL if there is none.
 */
static chain_t *find_chain(sa_t *sa, uint32_t mid)
{
	enumerator_t *enumerator;
	chain_t *current, *found = NULL;

	enumerator = sa->chains->create_enumerator(sa->chains);
	while (!found && enumerator->enumerate(enumerator, &current))
	{
		if (current->mid == mid)
		{
			found = current;
		}
	}
	enumerator->destroy(enumerator);
	return found;
}

/**
 * Get the chain of an exchange, NULL if its first IV can't be told as messages
 * are missing.
 */
static chain_t *get_chain(sa_t *sa, uint32_t mid)
{
	chain_t *chain, *phase1, *oldest;
	chunk_t seed, iv;
	size_t size;

	chain = find_chain(sa, mid);
	if (chain)
	{
		return chain;
	}
	if (!mid)
	{	/* RFC 2409, appendix B: a hash of both public values */
		seed = chunk_cata("cc", sa->public_values[0], sa->public_values[1]);
		if (!sa->public_values[1].ptr)
		{
			return NULL;
		}
	}
	else
	{	/* a hash of the last IV of phase 1, and the message ID */
		phase1 = find_chain(sa, 0);
		if (!phase1)
		{
			return NULL;
		}
		seed = chunk_cata("cc", phase1->iv, chunk_from_thing(mid));
	}
	size = sa->crypter->get_iv_size(sa->crypter);
	if (!sa->hasher->allocate_hash(sa->hasher, seed, &iv))
	{
		return NULL;
	}
	if (iv.len < size)
	{
		chunk_free(&iv);
		return NULL;
	}
	iv.len = size;
	INIT(chain,
		.mid = mid,
		.iv = iv,
	);
	sa->chains->insert_first(sa->chains, chain);
	if (sa->chains->get_count(sa->chains) > MAX_CHAINS)
	{
		sa->chains->remove_last(sa->chains, (void**)&oldest);
		if (!oldest->mid)
		{	/* that of phase 1 is needed for all others */
			sa->chains->insert_first(sa->chains, oldest);
			sa->chains->remove_last(sa->chains, (void**)&oldest);
		}
		chain_destroy(oldest);
	}
	return chain;
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
 * Keep the public values that a message in the clear has.
 */
static void keep_public_value(sa_t *sa, chunk_t data)
{
	chunk_t value = chunk_empty;

	parse_payloads(data.ptr[IKE_NEXT], chunk_skip(data, IKE_HEADER_LEN),
				   PAYLOAD_KEY_EXCHANGE, &value);
	if (!value.len)
	{
		return;
	}
	if (!sa->public_values[0].ptr)
	{
		sa->public_values[0] = chunk_clone(value);
	}
	else if (!sa->public_values[1].ptr &&
			 !chunk_equals(sa->public_values[0], value))
	{
		sa->public_values[1] = chunk_clone(value);
	}
}

/**
 * Decrypt the payloads of a message.
 */
static verdict_t open_message(sa_t *sa, chunk_t data, chunk_t *plain)
{
	chunk_t body = chunk_skip(data, IKE_HEADER_LEN), payloads, none, iv;
	size_t block, len;
	chain_t *chain;
	uint32_t mid;

	if (!sa->crypter || !sa->hasher)
	{
		return VERDICT_NO_KEY;
	}
	block = sa->crypter->get_block_size(sa->crypter);
	if (body.len < block || body.len % block)
	{
		return VERDICT_MALFORMED;
	}
	memcpy(&mid, data.ptr + IKE_MID, sizeof(mid));
	chain = get_chain(sa, mid);
	if (!chain)
	{
		return VERDICT_NO_KEY;
	}
	if (!chunk_equals(chain->last, body))
	{
		chunk_free(&chain->last);
		chunk_free(&chain->last_iv);
		chain->last = chunk_clone(body);
		chain->last_iv = chain->iv;
		chain->iv = chunk_clone(chunk_skip(body, body.len - block));
	}
	iv = chain->last_iv;
	if (!sa->crypter->decrypt(sa->crypter, body, iv, &payloads))
	{
		return VERDICT_BAD;
	}
	len = parse_payloads(data.ptr[IKE_NEXT], payloads, 0, &none);
	if (len)
	{
		*plain = chunk_cat("cc", chunk_create(data.ptr, IKE_HEADER_LEN),
						   chunk_create(payloads.ptr, len));
		plain->ptr[IKE_FLAGS] &= ~FLAG_ENCRYPTED;
		htoun32(plain->ptr + IKE_LENGTH, plain->len);
	}
	chunk_clear(&payloads);
	return len ? VERDICT_UNCHECKED : VERDICT_BAD;
}

METHOD(ike_t, decrypt, verdict_t,
	private_ikev1_t *this, chunk_t data, bool *encrypted, chunk_t *plain)
{
	enumerator_t *enumerator;
	verdict_t verdict = VERDICT_NO_KEY;
	sa_t *sa;

	*plain = chunk_empty;
	*encrypted = data.ptr[IKE_FLAGS] & FLAG_ENCRYPTED;
	enumerator = this->sas->create_enumerator(this->sas);
	while (enumerator->enumerate(enumerator, &sa))
	{	/* the responder's SPI is not in the first message */
		if (untoh64(data.ptr) != sa->key->spi_i)
		{
			continue;
		}
		if (*encrypted)
		{
			verdict = open_message(sa, data, plain);
			break;
		}
		keep_public_value(sa, data);
	}
	enumerator->destroy(enumerator);
	return verdict;
}

METHOD(ike_t, destroy, void,
	private_ikev1_t *this)
{
	this->sas->destroy_function(this->sas, (void*)sa_destroy);
	free(this);
}

/**
 * Create the description of an IKE_SA.
 */
static sa_t *sa_create(key_ike_t *key)
{
	sa_t *sa;

	INIT(sa,
		.key = key,
		.crypter = lib->crypto->create_crypter(lib->crypto, key->encr,
											   key->sk_ei.len),
		.hasher = lib->crypto->create_hasher(lib->crypto,
							hasher_algorithm_from_integrity(key->integ, NULL)),
		.chains = linked_list_create(),
	);
	if (sa->crypter && (sa->crypter->get_key_size(sa->crypter) != key->sk_ei.len ||
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
ike_t *ikev1_create(key_file_t *keys)
{
	private_ikev1_t *this;
	enumerator_t *enumerator;
	key_ike_t *key;

	INIT(this,
		.public = {
			.decrypt = _decrypt,
			.destroy = _destroy,
		},
		.sas = linked_list_create(),
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
