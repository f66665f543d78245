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
#include "ikev1_sa.h"
#include "spi_table.h"

typedef struct private_ikev1_t private_ikev1_t;

/**
 * Private data.
 */
struct private_ikev1_t {

	/**
	 * Public interface.
	 */
	ike_t public;

	/**
	 * IKE_SAs by the SPI of the initiator, ikev1_sa_t.
	 */
	spi_table_t *sas;

	/**
	 * Reassemble messages, to learn from and to decrypt.
	 */
	ikev1_fragments_t *learning, *decrypting;
};

/**
 * Create an IKE_SA, NULL if it is one of another version.
 */
static ikev1_sa_t *create_sa(nflog_key_ike_t *key)
{
	return key->version == 1 ? ikev1_sa_create(key) : NULL;
}

/**
 * Destroy an IKE_SA.
 */
static void destroy_sa(ikev1_sa_t *sa)
{
	sa->destroy(sa);
}

/**
 * Get the IKE_SAs with the initiator SPI of a message.
 *
 * @return			list of ikev1_sa_t, NULL if there are none
 */
static linked_list_t *get_sas(private_ikev1_t *this, chunk_t message)
{
	return this->sas->get(this->sas, untoh64(message.ptr));
}

/**
 * Learn from a whole message.
 */
static void learn_whole(private_ikev1_t *this, chunk_t message)
{
	linked_list_t *sas = get_sas(this, message);
	enumerator_t *enumerator;
	ikev1_sa_t *sa;

	if (!sas)
	{
		return;
	}
	enumerator = sas->create_enumerator(sas);
	while (enumerator->enumerate(enumerator, &sa))
	{
		if (sa->has_spis(sa, message))
		{
			sa->learn(sa, message);
		}
	}
	enumerator->destroy(enumerator);
}

METHOD(ike_t, learn, void,
	private_ikev1_t *this, chunk_t message)
{
	chunk_t whole;

	if (!this->learning->add(this->learning, message, FALSE, &whole))
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
 * Decrypt a whole message.
 */
static verdict_t decrypt_whole(private_ikev1_t *this, chunk_t message,
							   bool *encrypted, chunk_t *plain)
{
	linked_list_t *sas = get_sas(this, message);
	enumerator_t *enumerator;
	verdict_t verdict, best = VERDICT_NO_KEY;
	ikev1_sa_t *sa;

	*encrypted = message.ptr[IKE_FLAGS] & IKEV1_ENCRYPTED;
	if (!*encrypted || !sas)
	{
		return VERDICT_NO_KEY;
	}
	enumerator = sas->create_enumerator(sas);
	while (best != VERDICT_UNCHECKED && enumerator->enumerate(enumerator, &sa))
	{
		if (sa->has_spis(sa, message))
		{
			verdict = sa->decrypt(sa, message, plain);
			best = min(best, verdict);
		}
	}
	enumerator->destroy(enumerator);
	return best;
}

METHOD(ike_t, decrypt, verdict_t,
	private_ikev1_t *this, chunk_t message, bool inside, bool *encrypted,
	chunk_t *plain)
{
	verdict_t verdict = VERDICT_UNCHECKED;
	bool counts = !inside || get_sas(this, message);
	chunk_t whole;

	*plain = chunk_empty;
	if (!this->decrypting->add(this->decrypting, message, counts, &whole))
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

METHOD(ike_t, get_incomplete, u_int,
	private_ikev1_t *this)
{
	return this->decrypting->get_incomplete(this->decrypting);
}

METHOD(ike_t, destroy, void,
	private_ikev1_t *this)
{
	this->learning->destroy(this->learning);
	this->decrypting->destroy(this->decrypting);
	this->sas->destroy(this->sas);
	free(this);
}

/*
 * Described in header
 */
ike_t *ikev1_create(keyring_t *keys)
{
	private_ikev1_t *this;

	INIT(this,
		.public = {
			.learn = _learn,
			.decrypt = _decrypt,
			.get_incomplete = _get_incomplete,
			.destroy = _destroy,
		},
		.sas = spi_table_create(keys, keys->create_ike_enumerator,
								(void*)create_sa, (void*)destroy_sa),
		.learning = ikev1_fragments_create(),
		.decrypting = ikev1_fragments_create(),
	);
	return &this->public;
}
