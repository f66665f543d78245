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
 * @defgroup decrypt_decrypter decrypter
 * @{ @ingroup nflog_capture
 */

#ifndef DECRYPTER_H_
#define DECRYPTER_H_

#include "keyring/cipher.h"
#include "keyring/keyring.h"
#include "wire_packet.h"

typedef struct decrypter_t decrypter_t;

/** size of the buffer for a packet's comment */
#define DECRYPTER_COMMENT_LEN 256

/** layers of encryption that are removed: the kernel removes no more from a packet that
 * arrives (XFRM_MAX_DEPTH in include/net/xfrm.h) */
#define DECRYPTER_MAX_LAYERS 6

/**
 * Decrypts packets with the keys of a keyring, and counts them.
 *
 * If a tunnel is in another one, a decrypted packet contains ESP, AH, IPComp or IKE again.
 * Each call removes one layer.  IP fragments are put together first, the last one of them
 * yields the decrypted packet.
 */
struct decrypter_t {

	/**
	 * Learn the IVs of IKEv1 from a packet.  Pass all packets before the first one is
	 * decrypted.
	 *
	 * @param data		IP packet
	 * @return			FALSE if the keyring has no keys of IKEv1, there is no need to pass
	 *					others then
	 */
	bool (*learn)(decrypter_t *this, chunk_t data);

	/**
	 * Decrypt a packet by one layer, if it is encrypted.
	 *
	 * @param depth		number of layers that were removed before
	 * @param packet	IP packet
	 * @param plain		receives allocated IP packet, empty if there is none
	 * @param comment	receives a comment, buffer of DECRYPTER_COMMENT_LEN bytes, empty if
	 *					the packet is not encrypted
	 * @return			TRUE if the decrypted packet may be encrypted in turn, pass that
	 *					as well
	 */
	bool (*decrypt)(decrypter_t *this, u_int depth, wire_packet_t *packet,
					chunk_t *plain, char *comment);

	/**
	 * Get the SA of the packet that was passed to decrypt() last.
	 *
	 * @param spi		receives the SPI of the packet, in host order, or NULL
	 * @param seq		receives the low 32 bits of its sequence number
	 * @return			ESP or AH SA of the keyring, NULL if the packet was not decrypted
	 */
	nflog_key_sa_t *(*get_sa)(decrypter_t *this, uint32_t *spi, uint32_t *seq);

	/**
	 * Create a decrypter for another thread.  Pass neither IKE messages nor IP fragments to
	 * it, which have to be decrypted in the order of capture.
	 *
	 * @return			decrypter, its counters are 0
	 */
	decrypter_t *(*clone)(decrypter_t *this);

	/**
	 * Add the counters of a clone.
	 *
	 * @param other		decrypter created by clone()
	 */
	void (*add)(decrypter_t *this, decrypter_t *other);

	/**
	 * Print the summary.
	 *
	 * @param file		file to print to
	 */
	void (*print)(decrypter_t *this, FILE *file);

	/**
	 * Check if all encrypted packets were decrypted, no ICV was bad, and no fragment of
	 * a packet or IKE message was missing.  Packets inside of others may lack a key.
	 *
	 * @return			TRUE if so
	 */
	bool (*is_good)(decrypter_t *this);

	/**
	 * Check if there was any packet to decrypt: ESP, AH, IPComp, or IKE.
	 *
	 * @return			FALSE if there were others only, TRUE also if there were none at all
	 */
	bool (*has_work)(decrypter_t *this);

	/**
	 * Destroy a decrypter_t.
	 */
	void (*destroy)(decrypter_t *this);
};

/**
 * Create a decrypter_t instance.
 *
 * @param keys		keys, not owned
 */
decrypter_t *decrypter_create(keyring_t *keys);

#endif /** DECRYPTER_H_ @}*/
