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
 * @defgroup nflog_capture_names nflog_capture_names
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_CAPTURE_NAMES_H_
#define NFLOG_CAPTURE_NAMES_H_

#include <library.h>

/**
 * Get what Wireshark calls the algorithms of an ESP SA, in the table esp_sa.
 *
 * Wireshark's packet-ipsec.c has the names.  It has none for AES-CCM, but opens
 * it as AES-CTR: the blocks of the key stream are the same, if the nonce of CTR
 * (RFC 3686) is the flags of CCM, 03, and its salt (RFC 4309).
 *
 * @param encr			encryption algorithm
 * @param integ			integrity algorithm, AUTH_UNDEFINED with AEADs
 * @param encr_name		set to the name for encryption
 * @param integ_name	set to the name for integrity
 * @return				FALSE if Wireshark does not know the algorithms
 */
bool nflog_capture_names_esp(uint16_t encr, uint16_t integ, char **encr_name,
							 char **integ_name);

/**
 * Get what Wireshark calls the algorithms of an IKE_SA, in the table
 * ikev2_decryption_table, with the names of packet-isakmp.c.
 *
 * @param encr			encryption algorithm
 * @param key_size		size of its key, in bits
 * @param integ			integrity algorithm, AUTH_UNDEFINED with AEADs
 * @param encr_name		set to the name for encryption
 * @param integ_name	set to the name for integrity
 * @param checked		set to FALSE if Wireshark can't check integrity, in which
 *						case it does not accept keys for it
 * @return				FALSE if Wireshark does not know the algorithms
 */
bool nflog_capture_names_ike(uint16_t encr, uint16_t key_size, uint16_t integ,
							 char **encr_name, char **integ_name,
							 bool *checked);

#endif /** NFLOG_CAPTURE_NAMES_H_ @}*/
