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

/**
 * @defgroup decrypt_cipher cipher
 * @{ @ingroup nflog_capture
 */

#ifndef CIPHER_H_
#define CIPHER_H_

#include <library.h>
#include <crypto/crypters/crypter.h>
#include <crypto/signers/signer.h>

typedef struct cipher_t cipher_t;
typedef enum verdict_t verdict_t;

/**
 * Result of decrypting a packet, from best to worst.
 */
enum verdict_t {
	/** ICV is good */
	VERDICT_GOOD,
	/** there is no ICV */
	VERDICT_UNCHECKED,
	/** there is an ICV, but no key to check it */
	VERDICT_NO_INTEG,
	/** ICV is bad, or without one decrypting yields no valid data */
	VERDICT_BAD,
	/** truncated or malformed */
	VERDICT_MALFORMED,
	/** there is no key */
	VERDICT_NO_KEY,
	VERDICT_MAX,
};

/**
 * Names of verdicts.
 */
extern enum_name_t *verdict_names;

/**
 * Check if a packet with this verdict was decrypted, and nothing is known to be wrong.
 */
static inline bool verdict_is_decrypted(verdict_t verdict)
{
	return verdict <= VERDICT_NO_INTEG;
}

/**
 * Encryption and integrity protection of one direction of an ESP SA or IKEv2 SA, only the
 * latter of an AH SA.
 */
struct cipher_t {

	/**
	 * Check the ICV, and decrypt.
	 *
	 * @param header	authenticated data before the IV
	 * @param data		IV, encrypted data, ICV
	 * @param suffix	authenticated data after that, not with AEADs
	 * @param plain		receives allocated data, empty if not decrypted
	 * @return			one of VERDICT_GOOD, _UNCHECKED, _NO_INTEG, _BAD and _MALFORMED
	 */
	verdict_t (*open)(cipher_t *this, chunk_t header, chunk_t data,
					  chunk_t suffix, chunk_t *plain);

	/**
	 * Check an ICV only.
	 *
	 * @param data		authenticated data
	 * @param suffix	authenticated data that follows
	 * @param icv		ICV, of the length that get_icv_size() returns
	 * @return			TRUE if the ICV is good
	 */
	bool (*verify)(cipher_t *this, chunk_t data, chunk_t suffix, chunk_t icv);

	/**
	 * Check if this is an AEAD.
	 */
	bool (*is_aead)(cipher_t *this);

	/**
	 * Get the length of the ICV.
	 */
	size_t (*get_icv_size)(cipher_t *this);

	/**
	 * Destroy a cipher_t.
	 */
	void (*destroy)(cipher_t *this);
};

/**
 * Create a cipher_t instance.
 *
 * @param encr		encryption algorithm, ENCR_UNDEFINED for none
 * @param encr_key	key, with salt or nonce
 * @param integ		integrity algorithm, AUTH_UNDEFINED for none
 * @param integ_key	key
 * @param icv		bytes of the ICV if its key is not known, integ is AUTH_UNDEFINED then
 * @return			cipher, NULL if libstrongswan lacks an algorithm, or a key has the
 *					wrong length
 */
cipher_t *cipher_create(encryption_algorithm_t encr, chunk_t encr_key,
							  integrity_algorithm_t integ, chunk_t integ_key,
							  size_t icv);

/**
 * Check if libstrongswan has algorithms, with keys of some length.
 *
 * @param encr		encryption algorithm, ENCR_UNDEFINED for none
 * @param integ		integrity algorithm, AUTH_UNDEFINED for none
 * @return			TRUE if it has both
 */
bool cipher_is_known(encryption_algorithm_t encr, integrity_algorithm_t integ);

/**
 * Get the Debian package with the plugin of libstrongswan that has algorithms.
 *
 * @param encr		encryption algorithm, ENCR_UNDEFINED for none
 * @param integ		integrity algorithm, AUTH_UNDEFINED for none
 * @return			name of the package
 */
char *cipher_get_package(encryption_algorithm_t encr, integrity_algorithm_t integ);

#endif /** CIPHER_H_ @}*/
