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
 * What it learns is bounded by the trace.  The time that it takes for a message is
 * bounded by the length of the message.
 */
struct ikev1_sa_t {

	/**
	 * Check if a message is one of the IKE_SA.  Several may have the same SPI of the
	 * initiator, and the responder's is not in the first message, nor in every key
	 * file.
	 *
	 * @param message	message, from its header on
	 * @return			TRUE if so
	 */
	bool (*has_spis)(ikev1_sa_t *this, chunk_t message);

	/**
	 * Learn the IVs of other messages.
	 *
	 * @param message	whole message, from its header on
	 */
	void (*learn)(ikev1_sa_t *this, chunk_t message);

	/**
	 * Decrypt a message.  Its IV is the end of the one before in its exchange, or it is
	 * the first one.
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
