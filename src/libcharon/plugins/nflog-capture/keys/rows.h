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
 * @defgroup nflog_rows nflog_rows
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_ROWS_H_
#define NFLOG_ROWS_H_

#include <crypto/crypters/crypter.h>
#include <crypto/signers/signer.h>
#include <kernel/kernel_ipsec.h>
#include <sa/ike_sa.h>

/**
 * Rows of key tables, with Wireshark's names of algorithms, and of our own key
 * file, with strongSwan's.
 *
 * All are allocated, without a line feed, and NULL if there is no memory.
 */

/**
 * Get the columns that identify an ESP SA in esp_sa.
 *
 * @param src		source address
 * @param dst		destination address
 * @param spi		SPI, in network order
 * @param any		TRUE for a row that matches any address
 * @return			columns
 */
char *nflog_rows_esp_id(host_t *src, host_t *dst, uint32_t spi,
						bool any);

/**
 * Get the row of an ESP SA in esp_sa.
 *
 * Wireshark has no name for AES-CCM, but opens it as AES-CTR: the blocks of the
 * key stream are the same if the nonce of CTR (RFC 3686) is the flags of CCM,
 * 03, and its salt (RFC 4309).
 *
 * With extended sequence numbers there are two more columns, which Wireshark
 * knows since 4.4. Older releases ignore them, with a warning, decrypt, but call
 * the ICVs bad. They would do so without these columns as well.
 *
 * A row with ChaCha20-Poly1305 is skipped by Wireshark before 4.6, with a
 * warning.
 *
 * @param id		SA, as given to the kernel
 * @param data		algorithms and keys, as given to the kernel
 * @param limit		receives what (not every) Wireshark can do with the SA, as in
 *					"does not check ICVs", NULL if there is no such limit
 * @return			row, NULL if Wireshark does not know the algorithms
 */
char *nflog_rows_esp(kernel_ipsec_sa_id_t *id,
					 kernel_ipsec_add_sa_t *data, char **limit);

/**
 * Get the row of an IKEv2 SA in ikev2_decryption_table.
 *
 * @param id		SPIs of the IKE_SA
 * @param encr		encryption algorithm
 * @param size		size of its key in bits
 * @param integ		integrity algorithm
 * @param sk_ei		encryption key of the initiator, with salt or nonce
 * @param sk_er		encryption key of the responder
 * @param sk_ai		integrity key of the initiator
 * @param sk_ar		integrity key of the responder
 * @param limit		receives what Wireshark can not do, see above
 * @return			row, NULL if Wireshark does not know the algorithms
 */
char *nflog_rows_ikev2(ike_sa_id_t *id, uint16_t encr, uint16_t size,
					   uint16_t integ, chunk_t sk_ei, chunk_t sk_er,
					   chunk_t sk_ai, chunk_t sk_ar, char **limit);

/**
 * Get the row of an IKEv1 SA in ikev1_decryption_table.
 *
 * @param id		SPIs of the IKE_SA
 * @param encr		encryption algorithm
 * @param key		encryption key
 * @param limit		receives what Wireshark can not do, see above
 * @return			row, NULL if Wireshark does not know the algorithm
 */
char *nflog_rows_ikev1(ike_sa_id_t *id, uint16_t encr, chunk_t key,
					   char **limit);

/**
 * Get the columns that identify an ESP or AH SA in our own key file.
 *
 * @param id		SPI and protocol
 * @param src		source address and port
 * @param dst		destination address and port
 * @param encap		TRUE if encapsulated in UDP
 * @return			columns
 */
char *nflog_rows_sa_id(kernel_ipsec_sa_id_t *id, host_t *src,
					   host_t *dst, bool encap);

/**
 * Get the line of an ESP or AH SA in our own key file.
 *
 * @param id		SA, as given to the kernel
 * @param data		algorithms and keys, as given to the kernel
 * @return			line
 */
char *nflog_rows_sa(kernel_ipsec_sa_id_t *id,
					kernel_ipsec_add_sa_t *data);

/**
 * Get the line of a set of keys of an IKE_SA in our own key file.
 *
 * @param version	IKE version
 * @param id		SPIs of the IKE_SA
 * @param encr		encryption algorithm
 * @param integ		integrity algorithm, with IKEv1 that of the hash
 * @param sk_ei		encryption key of the initiator, or of both with IKEv1
 * @param sk_er		encryption key of the responder
 * @param sk_ai		integrity key of the initiator
 * @param sk_ar		integrity key of the responder
 * @return			line
 */
char *nflog_rows_ike(ike_version_t version, ike_sa_id_t *id,
					 uint16_t encr, uint16_t integ, chunk_t sk_ei,
					 chunk_t sk_er, chunk_t sk_ai, chunk_t sk_ar);

/**
 * Wipe and free a row.
 *
 * @param row		row, or NULL
 */
void nflog_rows_free(char *row);

#endif /** NFLOG_ROWS_H_ @}*/
