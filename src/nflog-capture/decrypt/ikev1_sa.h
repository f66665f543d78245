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
 * @defgroup decrypt_ikev1_sa ikev1_sa
 * @{ @ingroup nflog_capture
 */

#ifndef IKEV1_SA_H_
#define IKEV1_SA_H_

#include "ike.h"

typedef struct ikev1_sa_t ikev1_sa_t;

/** flag of an encrypted message */
#define IKEV1_ENCRYPTED 0x01

/**
 * IKE_SA of IKEv1, decrypts its messages.
 *
 * Memory is bounded by the length of the trace, time per message by that of the message.
 */
struct ikev1_sa_t {

	/**
	 * Check if a message has the SPIs of the IKE_SA.  Several IKE_SAs may have the same
	 * initiator SPI, and the responder's may be missing in the message or key file.
	 *
	 * @param message	message, from its header on
	 * @return			TRUE if so
	 */
	bool (*has_spis)(ikev1_sa_t *this, chunk_t message);

	/**
	 * Learn the IVs of other messages from a message.
	 *
	 * @param message	whole message, from its header on
	 */
	void (*learn)(ikev1_sa_t *this, chunk_t message);

	/**
	 * Decrypt a message.  Its IV is the last block of the message before in the exchange,
	 * or derived if it is the first one.
	 *
	 * @param message	whole message, from its header on
	 * @param plain		receives allocated message, unchanged unless it is decrypted
	 * @return			VERDICT_UNCHECKED if it is decrypted, VERDICT_BAD, _MALFORMED or
	 *					_NO_KEY if not
	 */
	verdict_t (*decrypt)(ikev1_sa_t *this, chunk_t message, chunk_t *plain);

	/**
	 * Destroy an ikev1_sa_t.
	 */
	void (*destroy)(ikev1_sa_t *this);
};

/**
 * Create an ikev1_sa_t instance.
 *
 * @param key		algorithms and keys, not owned
 */
ikev1_sa_t *ikev1_sa_create(nflog_key_ike_t *key);

#endif /** IKEV1_SA_H_ @}*/
