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

#include "cipher.h"

#include <crypto/aead.h>

/** bytes of the ICV of HMAC_SHA2_256_96, which libstrongswan lacks */
#define SHA256_96_LEN 12

typedef struct private_cipher_t private_cipher_t;

ENUM(verdict_names, VERDICT_GOOD, VERDICT_NO_KEY,
	"ICV good",
	"no ICV",
	"integrity key not known",
	"ICV bad",
	"malformed",
	"no key",
);

/**
 * Private data.
 */
struct private_cipher_t {

	/**
	 * Public interface.
	 */
	cipher_t public;

	/**
	 * AEAD, NULL for traditional algorithms.
	 */
	aead_t *aead;

	/**
	 * TRUE if the AEAD authenticates only (RFC 4543).
	 */
	bool gmac;

	/**
	 * Encryption, NULL for none.
	 */
	crypter_t *crypter;

	/**
	 * Integrity, NULL for none.
	 */
	signer_t *signer;

	/**
	 * Length of the ICV, which may be shorter than the signer's.
	 */
	size_t icv_size;

	/**
	 * Verdict on packets whose ICV is not checked.
	 */
	verdict_t unchecked;
};

/**
 * Compare the ICV of data in up to three parts, the first and last of which may be empty.
 */
static bool check_icv(private_cipher_t *this, chunk_t header, chunk_t data,
					  chunk_t suffix, chunk_t icv)
{
	signer_t *signer = this->signer;
	uint8_t expected[HASH_SIZE_SHA512];

	return icv.len == this->icv_size &&
		   signer->get_block_size(signer) <= sizeof(expected) &&
		   (!header.len || signer->get_signature(signer, header, NULL)) &&
		   signer->get_signature(signer, data, suffix.len ? NULL : expected) &&
		   (!suffix.len || signer->get_signature(signer, suffix, expected)) &&
		   memeq_const(expected, icv.ptr, icv.len);
}

METHOD(cipher_t, verify, bool,
	private_cipher_t *this, chunk_t data, chunk_t suffix, chunk_t icv)
{
	return this->signer && check_icv(this, chunk_empty, data, suffix, icv);
}

/**
 * Decrypt with an AEAD.
 */
static verdict_t open_aead(private_cipher_t *this, chunk_t header, chunk_t iv,
						   chunk_t body, chunk_t icv, chunk_t *plain)
{
	chunk_t assoc, empty = chunk_empty;
	bool good;

	if (this->gmac)
	{	/* all data is authenticated, nothing is encrypted */
		assoc = chunk_cat("ccc", header, iv, body);
		good = this->aead->decrypt(this->aead, icv, assoc, iv, &empty);
		chunk_free(&empty);
		chunk_free(&assoc);
		*plain = chunk_clone(body);
	}
	else
	{
		body.len += icv.len;
		good = this->aead->decrypt(this->aead, body, header, iv, plain);
		if (!good)
		{	/* some plugins return data nevertheless */
			chunk_clear(plain);
		}
	}
	return good ? VERDICT_GOOD : VERDICT_BAD;
}

METHOD(cipher_t, open_, verdict_t,
	private_cipher_t *this, chunk_t header, chunk_t data, chunk_t suffix,
	chunk_t *plain)
{
	verdict_t verdict = this->unchecked;
	chunk_t iv = chunk_empty, body, icv;

	*plain = chunk_empty;
	if (this->aead)
	{
		iv.len = this->aead->get_iv_size(this->aead);
	}
	else if (this->crypter)
	{
		iv.len = this->crypter->get_iv_size(this->crypter);
	}
	if (!data.len || data.len < iv.len + this->icv_size)
	{
		return VERDICT_MALFORMED;
	}
	iv.ptr = data.ptr;
	body = chunk_skip(data, iv.len);
	body.len -= this->icv_size;
	icv = chunk_create(body.ptr + body.len, this->icv_size);

	if (this->aead)
	{
		return open_aead(this, header, iv, body, icv, plain);
	}
	if (this->crypter &&
		body.len % this->crypter->get_block_size(this->crypter))
	{
		return VERDICT_MALFORMED;
	}
	if (this->signer)
	{
		verdict = check_icv(this, header,
							chunk_create(data.ptr, iv.len + body.len), suffix,
							icv) ? VERDICT_GOOD : VERDICT_BAD;
	}
	if (!this->crypter || !body.len)
	{
		*plain = chunk_clone(body);
	}
	else if (!this->crypter->decrypt(this->crypter, body, iv, plain))
	{
		chunk_clear(plain);
		return VERDICT_BAD;
	}
	return verdict;
}

METHOD(cipher_t, is_aead, bool,
	private_cipher_t *this)
{
	return this->aead != NULL;
}

METHOD(cipher_t, get_icv_size, size_t,
	private_cipher_t *this)
{
	return this->icv_size;
}

METHOD(cipher_t, destroy, void,
	private_cipher_t *this)
{
	DESTROY_IF(this->aead);
	DESTROY_IF(this->crypter);
	DESTROY_IF(this->signer);
	free(this);
}

/**
 * Get the length of the salt or nonce at the end of a key.
 */
static size_t get_salt(encryption_algorithm_t encr)
{
	switch (encr)
	{
		case ENCR_AES_CCM_ICV8:
		case ENCR_AES_CCM_ICV12:
		case ENCR_AES_CCM_ICV16:
		case ENCR_CAMELLIA_CCM_ICV8:
		case ENCR_CAMELLIA_CCM_ICV12:
		case ENCR_CAMELLIA_CCM_ICV16:
			return 3;
		case ENCR_AES_GCM_ICV8:
		case ENCR_AES_GCM_ICV12:
		case ENCR_AES_GCM_ICV16:
		case ENCR_NULL_AUTH_AES_GMAC:
		case ENCR_CHACHA20_POLY1305:
		case ENCR_AES_CTR:
		case ENCR_CAMELLIA_CTR:
			return 4;
		default:
			return 0;
	}
}

/**
 * Create the AEAD.
 */
static bool create_aead(private_cipher_t *this, encryption_algorithm_t encr,
						chunk_t key)
{
	size_t salt = get_salt(encr);

	this->gmac = encr == ENCR_NULL_AUTH_AES_GMAC;
	if (this->gmac)
	{
		encr = ENCR_AES_GCM_ICV16;
	}
	if (key.len > salt)
	{
		this->aead = lib->crypto->create_aead(lib->crypto, encr,
											  key.len - salt, salt);
	}
	if (!this->aead || this->aead->get_key_size(this->aead) != key.len ||
		!this->aead->set_key(this->aead, key))
	{
		return FALSE;
	}
	this->icv_size = this->aead->get_icv_size(this->aead);
	return TRUE;
}

/**
 * Create the crypter.
 */
static bool create_crypter(private_cipher_t *this,
						   encryption_algorithm_t encr, chunk_t key)
{
	size_t salt = get_salt(encr);

	if (encr == ENCR_UNDEFINED || encr == ENCR_NULL)
	{
		return !key.len;
	}
	if (key.len > salt)
	{
		this->crypter = lib->crypto->create_crypter(lib->crypto, encr,
													key.len - salt);
	}
	return this->crypter &&
		   this->crypter->get_key_size(this->crypter) == key.len &&
		   this->crypter->set_key(this->crypter, key);
}

/**
 * Create the signer.
 */
static bool create_signer(private_cipher_t *this,
						  integrity_algorithm_t integ, chunk_t key)
{
	integrity_algorithm_t untruncated = integ;

	if (integ == AUTH_UNDEFINED)
	{
		return TRUE;
	}
	if (integ == AUTH_HMAC_SHA2_256_96)
	{
		untruncated = AUTH_HMAC_SHA2_256_128;
	}
	this->signer = lib->crypto->create_signer(lib->crypto, untruncated);
	if (!this->signer || !key.len || !this->signer->set_key(this->signer, key))
	{
		return FALSE;
	}
	this->icv_size = SHA256_96_LEN;
	if (integ == untruncated)
	{
		this->icv_size = this->signer->get_block_size(this->signer);
	}
	return TRUE;
}

/*
 * Described in header
 */
cipher_t *cipher_create(encryption_algorithm_t encr, chunk_t encr_key,
							  integrity_algorithm_t integ, chunk_t integ_key,
							  size_t icv)
{
	private_cipher_t *this;
	bool success;

	INIT(this,
		.public = {
			.open = _open_,
			.verify = _verify,
			.is_aead = _is_aead,
			.get_icv_size = _get_icv_size,
			.destroy = _destroy,
		},
		.icv_size = icv,
		.unchecked = icv ? VERDICT_NO_INTEG : VERDICT_UNCHECKED,
	);
	if (encryption_algorithm_is_aead(encr))
	{
		success = create_aead(this, encr, encr_key);
	}
	else
	{
		success = create_crypter(this, encr, encr_key) &&
				  create_signer(this, integ, integ_key);
	}
	if (!success)
	{
		destroy(this);
		return NULL;
	}
	return &this->public;
}

/**
 * Check if an enumerator has an algorithm.
 *
 * @param enumerator	over algorithm and name of the plugin, gets destroyed
 */
static bool has_algorithm(enumerator_t *enumerator, int algorithm)
{
	const char *plugin;
	bool found = FALSE;
	int current;

	while (!found && enumerator->enumerate(enumerator, &current, &plugin))
	{
		found = current == algorithm;
	}
	enumerator->destroy(enumerator);
	return found;
}

/*
 * Described in header
 */
bool cipher_is_known(encryption_algorithm_t encr, integrity_algorithm_t integ)
{
	crypto_factory_t *crypto = lib->crypto;

	if (encryption_algorithm_is_aead(encr))
	{
		return has_algorithm(crypto->create_aead_enumerator(crypto),
					encr == ENCR_NULL_AUTH_AES_GMAC ? ENCR_AES_GCM_ICV16 : encr);
	}
	return (encr == ENCR_UNDEFINED || encr == ENCR_NULL ||
			has_algorithm(crypto->create_crypter_enumerator(crypto), encr)) &&
		   (integ == AUTH_UNDEFINED ||
			has_algorithm(crypto->create_signer_enumerator(crypto),
					integ == AUTH_HMAC_SHA2_256_96 ? AUTH_HMAC_SHA2_256_128 : integ));
}

/*
 * Described in header
 */
char *cipher_get_package(encryption_algorithm_t encr, integrity_algorithm_t integ)
{
	switch (encr)
	{
		case ENCR_AES_GCM_ICV8:
		case ENCR_AES_GCM_ICV12:
		case ENCR_AES_GCM_ICV16:
		case ENCR_NULL_AUTH_AES_GMAC:
		case ENCR_3DES:
		case ENCR_CAMELLIA_CBC:
			return integ == AUTH_AES_CMAC_96 ? "libstrongswan-extra-plugins"
											 : "libstrongswan-standard-plugins";
		case ENCR_AES_CBC:
		case ENCR_NULL:
		case ENCR_UNDEFINED:
			return integ == AUTH_AES_CMAC_96 ? "libstrongswan-extra-plugins"
											 : "libstrongswan";
		default:
			return "libstrongswan-extra-plugins";
	}
}
