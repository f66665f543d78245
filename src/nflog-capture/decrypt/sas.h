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
 * @defgroup decrypt_sas sas
 * @{ @ingroup nflog_capture
 */

#ifndef SAS_H_
#define SAS_H_

#include "keyring/cipher.h"
#include "keyring/keyring.h"
#include "wire_packet.h"

typedef struct sas_t sas_t;

/**
 * The ESP and AH SAs of a keyring.
 *
 * The objects that decrypt the packets of an SA are created with the first of these.  For
 * one thread at a time.
 */
struct sas_t {

	/**
	 * Decrypt an ESP or AH packet.
	 *
	 * With extended sequence numbers, pass the packets of an SA roughly in the order in
	 * which they were sent.
	 *
	 * @param packet	ESP or AH packet
	 * @param plain		receives allocated IP packet in the clear, empty if there
	 *					is none
	 * @param comment	receives a description of the packet, its SA and the verdict
	 * @param len		bytes of the buffer for the comment
	 * @return			verdict, VERDICT_NO_KEY if the SA is not in the keyring
	 */
	verdict_t (*decrypt)(sas_t *this, wire_packet_t *packet, chunk_t *plain,
						 char *comment, size_t len);

	/**
	 * Get the SA of the last packet.
	 *
	 * @param spi		receives the SPI of the packet, in host order
	 * @param seq		receives the low 32 bits of its sequence number
	 * @return			SA of the keyring, NULL if the packet was not decrypted
	 */
	nflog_key_sa_t *(*get_sa)(sas_t *this, uint32_t *spi, uint32_t *seq);

	/**
	 * Destroy a sas_t.
	 */
	void (*destroy)(sas_t *this);
};

/**
 * Create a sas_t instance.
 *
 * @param keys		keys, not owned
 */
sas_t *sas_create(keyring_t *keys);

#endif /** SAS_H_ @}*/
