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


/*
 * Encrypts packets and messages, as the kernel and charon would do.
 */

#ifndef ENCRYPT_H_
#define ENCRYPT_H_

#include "common.h"
#include "keys/keys.h"

#include <crypto/aead.h>
#include <crypto/crypters/crypter.h>
#include <crypto/signers/signer.h>
#include <networking/host.h>

/** what Wireshark says about a packet's integrity */
typedef enum {
	GOOD,
	/** decrypted, but not checked */
	UNCHECKED,
	/** good, but older releases don't know how to check it */
	GOOD_SINCE_4_4,
	/** good, but older releases don't decrypt */
	GOOD_SINCE_4_6,
} result_t;

/**
 * Algorithms to test.
 */
typedef struct {
	encryption_algorithm_t encr;
	uint16_t bits;
	integrity_algorithm_t integ;
	result_t result;
	bool esn;
} test_t;

/** what identifies the SA that was added last */
static uint64_t last_sa;

/** high bits of extended sequence numbers */
static uint32_t high_bits;

/** keys to use once more, they are owned, or new ones if empty */
static chunk_t next_encr_key, next_integ_key;

/**
 * Get an allocated key.
 */
static inline chunk_t create_key(size_t len)
{
	chunk_t key = chunk_alloc(len);
	size_t i;

	for (i = 0; i < len; i++)
	{
		key.ptr[i] = rand();
	}
	return key;
}

/**
 * Get the key to use, or a new one.
 */
static chunk_t get_key(chunk_t *next, size_t len)
{
	chunk_t key = *next;

	*next = chunk_empty;
	return key.len ? key : create_key(len);
}

/**
 * Pad data as ESP and IKE do, the length is followed by more bytes.
 */
static chunk_t pad(chunk_t data, size_t align, chunk_t trailer)
{
	uint8_t padding[255], len;
	size_t i;

	for (i = 0; i < sizeof(padding); i++)
	{
		padding[i] = i + 1;
	}
	align = max(align, 4);
	len = (align - (data.len + 1 + trailer.len) % align) % align;
	return chunk_cat("cccc", data, chunk_create(padding, len),
					 chunk_from_thing(len), trailer);
}

/**
 * Check that strongSwan has an algorithm.
 */
static void check_there(void *object, enum_name_t *names, int algorithm)
{
	if (!object)
	{
		fail_msg("no %N", names, algorithm);
	}
}

/**
 * Encrypt something, which follows a header with two fields for its length.
 *
 * @param encr_key		receives the key used, allocated
 * @param integ_key		receives the key used, allocated
 * @param trailer		what follows the length of the padding
 * @param lens			NULL, or position of two lengths, 32 and 16 bit
 * @return				header, IV, encrypted data, and ICV
 */
static chunk_t seal(test_t *test, chunk_t header, chunk_t data, chunk_t trailer,
					size_t *lens, chunk_t *encr_key, chunk_t *integ_key)
{
	chunk_t iv, plain, encrypted = chunk_empty, signed_data, icv = chunk_empty;
	chunk_t assoc, suffix = chunk_empty;
	uint32_t high = htonl(high_bits);
	crypter_t *crypter = NULL;
	signer_t *signer = NULL;
	aead_t *aead = NULL;
	encryption_algorithm_t encr = test->encr;
	integrity_algorithm_t integ;
	size_t len, icv_len = 0;

	*integ_key = chunk_empty;
	if (test->esn)
	{
		suffix = chunk_from_thing(high);
	}
	if (encryption_algorithm_is_aead(encr))
	{
		if (encr == ENCR_NULL_AUTH_AES_GMAC)
		{
			encr = ENCR_AES_GCM_ICV16;
		}
		aead = lib->crypto->create_aead(lib->crypto, encr, test->bits / 8, 0);
		check_there(aead, encryption_algorithm_names, test->encr);
		*encr_key = get_key(&next_encr_key, aead->get_key_size(aead));
		assert_true(aead->set_key(aead, *encr_key));
		iv = create_key(aead->get_iv_size(aead));
		plain = pad(data, aead->get_block_size(aead), trailer);
		len = header.len + iv.len + plain.len + aead->get_icv_size(aead);
	}
	else
	{
		crypter = lib->crypto->create_crypter(lib->crypto, test->encr,
											  test->bits / 8);
		check_there(crypter, encryption_algorithm_names, test->encr);
		*encr_key = get_key(&next_encr_key, crypter->get_key_size(crypter));
		assert_true(crypter->set_key(crypter, *encr_key));
		iv = create_key(crypter->get_iv_size(crypter));
		plain = pad(data, crypter->get_block_size(crypter), trailer);
		len = header.len + iv.len + plain.len;
		if (test->integ != AUTH_UNDEFINED)
		{
			/* there is no signer with its short ICV, the kernel has it */
			integ = test->integ == AUTH_HMAC_SHA2_256_96 ?
							AUTH_HMAC_SHA2_256_128 : test->integ;
			signer = lib->crypto->create_signer(lib->crypto, integ);
			check_there(signer, integrity_algorithm_names, test->integ);
			*integ_key = get_key(&next_integ_key, signer->get_key_size(signer));
			assert_true(signer->set_key(signer, *integ_key));
			icv_len = integ == test->integ ? signer->get_block_size(signer) : 12;
			len += icv_len;
		}
	}
	if (lens)
	{
		htoun32(header.ptr + lens[0], len);
		htoun16(header.ptr + lens[1], len - lens[1] + 2);
	}
	if (aead)
	{
		assoc = header;
		if (test->esn)
		{	/* high bits are before the low ones */
			assoc = chunk_cata("ccc", chunk_create(header.ptr, 4), suffix,
							   chunk_skip(header, 4));
		}
		if (encr != test->encr)
		{	/* authenticated only, RFC 4543 */
			assoc = chunk_cata("ccc", assoc, iv, plain);
			assert_true(aead->encrypt(aead, chunk_empty, assoc, iv, &icv));
			encrypted = chunk_clone(plain);
		}
		else
		{
			assert_true(aead->encrypt(aead, plain, assoc, iv, &encrypted));
		}
		aead->destroy(aead);
	}
	else
	{
		assert_true(crypter->encrypt(crypter, plain, iv, &encrypted));
		crypter->destroy(crypter);
	}
	if (signer)
	{
		signed_data = chunk_cata("cccc", header, iv, encrypted, suffix);
		assert_true(signer->allocate_signature(signer, signed_data, &icv));
		icv.len = icv_len;
		signer->destroy(signer);
	}
	free(plain.ptr);
	return chunk_cat("cmmm", header, iv, encrypted, icv);
}

/**
 * Prepend an IP header.
 */
static chunk_t add_ip(host_t *src, host_t *dst, uint8_t proto, chunk_t payload)
{
	uint8_t header[40] = {};
	chunk_t a = src->get_address(src), b = dst->get_address(dst);

	if (src->get_family(src) == AF_INET)
	{
		header[0] = 0x45;
		htoun16(header + 2, 20 + payload.len);
		header[8] = 64;
		header[9] = proto;
		memcpy(header + 12, a.ptr, a.len);
		memcpy(header + 16, b.ptr, b.len);
		return chunk_cat("cm", chunk_create(header, 20), payload);
	}
	header[0] = 0x60;
	htoun16(header + 4, payload.len);
	header[6] = proto;
	header[7] = 64;
	memcpy(header + 8, a.ptr, a.len);
	memcpy(header + 24, b.ptr, b.len);
	return chunk_cat("cm", chunk_create(header, 40), payload);
}

/**
 * Prepend an UDP header.
 */
static chunk_t add_udp(uint16_t src, uint16_t dst, chunk_t payload)
{
	uint8_t header[8] = {};

	htoun16(header, src);
	htoun16(header + 2, dst);
	htoun16(header + 4, 8 + payload.len);
	return chunk_cat("cm", chunk_create(header, sizeof(header)), payload);
}

/**
 * Encrypt an ESP packet of an SA, and add the SA with its keys.
 *
 * @param sa		data of the SA, but for algorithms and keys
 */
static inline chunk_t add_esp_sa(nflog_keys_t *keys, test_t *test,
								 kernel_ipsec_sa_id_t *id,
								 kernel_ipsec_add_sa_t *sa, uint32_t seq,
								 chunk_t data, uint8_t next)
{
	uint8_t header[8];
	chunk_t esp;

	sa->enc_alg = test->encr;
	sa->int_alg = test->integ;
	sa->esn = test->esn;
	htoun32(header, ntohl(id->spi));
	htoun32(header + 4, seq);
	esp = seal(test, chunk_from_thing(header), data, chunk_from_thing(next),
			   NULL, &sa->enc_key, &sa->int_key);
	last_sa = keys->add_esp(keys, "gw", id, sa);
	chunk_clear(&sa->enc_key);
	chunk_clear(&sa->int_key);
	return esp;
}

/**
 * Add an IKE_SA with its keys, the same in both directions.
 */
static inline void add_ike_sa(nflog_keys_t *keys, test_t *test,
							  ike_version_t version, uint64_t spi_i,
							  uint64_t spi_r, chunk_t encr_key,
							  chunk_t integ_key)
{
	proposal_t *proposal;
	ike_sa_id_t *id;

	id = ike_sa_id_create(version, htobe64(spi_i), htobe64(spi_r), TRUE);
	proposal = proposal_create(PROTO_IKE, 1);
	proposal->add_algorithm(proposal, ENCRYPTION_ALGORITHM, test->encr,
							test->bits);
	if (test->integ != AUTH_UNDEFINED)
	{
		proposal->add_algorithm(proposal, INTEGRITY_ALGORITHM, test->integ, 0);
	}
	keys->add_ike(keys, "gw", version, id, proposal, encr_key, encr_key,
				  integ_key, integ_key);
	proposal->destroy(proposal);
	id->destroy(id);
}

#endif /* ENCRYPT_H_ */
