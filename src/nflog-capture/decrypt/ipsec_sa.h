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
 * @defgroup decrypt_ipsec_sa ipsec_sa
 * @{ @ingroup nflog_capture
 */

#ifndef IPSEC_SA_H_
#define IPSEC_SA_H_

#include "keyring/cipher.h"
#include "keyring/keyring.h"
#include "wire_packet.h"

typedef struct ipsec_sa_t ipsec_sa_t;

/**
 * ESP or AH SA, decrypts and checks its packets.
 */
struct ipsec_sa_t {

	/**
	 * Decrypt a packet.
	 *
	 * @param packet	packet of this SA
	 * @param plain		receives allocated IP packet, empty if there is none
	 * @return			verdict about the packet
	 */
	verdict_t (*decrypt)(ipsec_sa_t *this, wire_packet_t *packet,
						 chunk_t *plain);

	/**
	 * Destroy an ipsec_sa_t.
	 */
	void (*destroy)(ipsec_sa_t *this);
};

/**
 * Create the ipsec_sa_t of an ESP SA.
 *
 * @param key		algorithms and keys, not owned
 * @return			SA, NULL if the algorithms aren't supported
 */
ipsec_sa_t *esp_sa_create(nflog_key_sa_t *key);

/**
 * Create the ipsec_sa_t of an AH SA.
 *
 * @param key		algorithms and keys, not owned
 * @return			SA, NULL if the algorithms aren't supported
 */
ipsec_sa_t *ah_sa_create(nflog_key_sa_t *key);

/**
 * Remove the AH header of a packet whose SA has no keys, which is in the clear.
 *
 * @param packet	AH packet
 * @param plain		receives allocated IP packet, empty if there is none
 * @return			VERDICT_NO_INTEG, or VERDICT_MALFORMED
 */
verdict_t ah_sa_remove(wire_packet_t *packet, chunk_t *plain);

#endif /** IPSEC_SA_H_ @}*/
