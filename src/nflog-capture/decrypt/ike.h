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
 * @defgroup decrypt_ike ike
 * @{ @ingroup nflog_capture
 */

#ifndef IKE_H_
#define IKE_H_

#include "keyring/cipher.h"
#include "keyring/keyring.h"
#include "wire_packet.h"

typedef struct ike_t ike_t;

/** bytes of an IKE header, and where its fields are */
#define IKE_HEADER_LEN 28
#define IKE_NEXT 16
#define IKE_VERSION 17
#define IKE_FLAGS 19
#define IKE_MID 20
#define IKE_LENGTH 24

/**
 * Decrypts the messages of IKEv1 or IKEv2.
 *
 * In a decrypted message, the encrypted payload is replaced by the payloads in it.
 */
struct ike_t {

	/**
	 * Learn IVs from a message, no-op with IKEv2.
	 *
	 * Pass all messages before the first one is decrypted, as those of IKEv1 may be in
	 * any order.
	 *
	 * @param message	message, from its header on, of that length
	 */
	void (*learn)(ike_t *this, chunk_t message);

	/**
	 * Decrypt a message, unless it is in the clear.
	 *
	 * @param message	message, from its header on, of that length
	 * @param inside	TRUE if it was inside of another packet, so it may lack a key
	 * @param encrypted	receives FALSE if the message is in the clear
	 * @param plain		receives allocated message, empty if there is none, as for all
	 *					fragments but the last
	 * @return			verdict about the message if it is encrypted
	 */
	verdict_t (*decrypt)(ike_t *this, chunk_t message, bool inside,
						 bool *encrypted, chunk_t *plain);

	/**
	 * Get the number of messages with missing fragments.
	 *
	 * @return			number of messages
	 */
	u_int (*get_incomplete)(ike_t *this);

	/**
	 * Destroy an ike_t.
	 */
	void (*destroy)(ike_t *this);
};

/**
 * Create an ike_t for IKEv1.
 *
 * @param keys		keys, not owned
 */
ike_t *ikev1_create(keyring_t *keys);

/**
 * Create an ike_t for IKEv2.
 *
 * @param keys		keys, not owned
 */
ike_t *ikev2_create(keyring_t *keys);

#endif /** IKE_H_ @}*/
