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
 * @defgroup nflog_uat nflog_uat
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_UAT_H_
#define NFLOG_UAT_H_

#include "key_file.h"
#include "keytable.h"

/**
 * Rows of Wireshark's key tables, with its names of algorithms.
 *
 * Rows have no line feed, contain keys, and have to be freed with nflog_secret_free().
 * They are NULL if Wireshark does not know the algorithms, or
 * on failure.
 *
 * Functions that write them return the limit of Wireshark, or of its older releases, as
 * in "does not check the ICVs of", NULL for none.
 */

/**
 * Write the columns that identify an ESP SA in esp_sa.
 *
 * @param src		source address
 * @param dst		destination address
 * @param spi		SPI, in host order
 * @return			columns, NULL on failure
 */
char *nflog_uat_write_columns(host_t *src, host_t *dst, uint32_t spi);

/**
 * Write the columns of a row of esp_sa that matches any address.
 *
 * @param family	address family, AF_INET or AF_INET6
 * @param spi		SPI, in hex
 * @return			columns, NULL on failure
 */
char *nflog_uat_write_any(int family, chunk_t spi);

/**
 * Write the row of an ESP SA in esp_sa.
 *
 * Wireshark has no name for AES-CCM, but opens it as AES-CTR: the blocks of the
 * key stream are the same if the nonce of CTR (RFC 3686) is the flags of CCM,
 * 03, and its salt (RFC 4309).
 *
 * With extended sequence numbers the row has two more columns, supported since Wireshark
 * 4.4.  Older releases warn about them, and decrypt, but consider the ICVs bad, with or
 * without these columns.
 *
 * Wireshark before 4.6 warns about a row with ChaCha20-Poly1305, and skips it.
 *
 * @param sa		SA
 * @param limit		receives the limit of Wireshark, see above
 * @return			row, see above
 */
char *nflog_uat_write_esp(nflog_key_sa_t *sa, char **limit);

/**
 * Write the row of an IKEv2 SA in ikev2_decryption_table.
 *
 * @param ike		set of keys
 * @param size		size of the encryption key in bits, without salt or nonce
 * @param limit		receives the limit of Wireshark, see above
 * @return			row, see above
 */
char *nflog_uat_write_ikev2(nflog_key_ike_t *ike, uint16_t size, char **limit);

/**
 * Write the row of an IKEv1 SA in ikev1_decryption_table.
 *
 * @param ike		set of keys
 * @param limit		receives the limit of Wireshark, see above
 * @return			row, see above
 */
char *nflog_uat_write_ikev1(nflog_key_ike_t *ike, char **limit);

/**
 * Find the parts of a line that a table needs.  Comments, and rows that are not ours, are
 * valid, but yield no SPI, and perhaps no columns.
 *
 * Wireshark ignores all lines after one that is incomplete.
 *
 * @param type		type of the table
 * @param line		line, without its line feed, may contain any bytes
 * @param row		receives the result, points into line
 * @return			FALSE if this is no complete line of the table
 */
bool nflog_uat_parse(nflog_keytable_type_t type, chunk_t line, nflog_row_t *row);

/**
 * Get the address family of a row in esp_sa.
 *
 * @param columns	columns that identify the row
 * @return			AF_INET or AF_INET6
 */
int nflog_uat_get_family(chunk_t columns);

#endif /** NFLOG_UAT_H_ @}*/
