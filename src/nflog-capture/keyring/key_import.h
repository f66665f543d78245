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
 * @defgroup decrypt_key_import key_import
 * @{ @ingroup nflog_capture
 */

#ifndef KEY_IMPORT_H_
#define KEY_IMPORT_H_

#include "keys/key_file.h"

typedef struct key_import_t key_import_t;
typedef struct key_import_sink_t key_import_sink_t;

/**
 * Receives keys that are read.
 */
struct key_import_sink_t {

	/**
	 * Add an ESP or AH SA.
	 *
	 * @param sa		SA, gets owned
	 */
	void (*add_sa)(key_import_sink_t *this, nflog_key_sa_t *sa);

	/**
	 * Add a set of keys of an IKE_SA.
	 *
	 * @param ike		set of keys, gets owned
	 */
	void (*add_ike)(key_import_sink_t *this, nflog_key_ike_t *ike);
};

/**
 * Reads the keys in a file, line by line, whose format it recognizes by what is in there:
 * nflog-capture(1)'s key file, Wireshark's tables esp_sa, ikev1_decryption_table and
 * ikev2_decryption_table, the output of "ip xfrm state", and the files that tcpdump reads
 * with its option -E.
 */
struct key_import_t {

	/**
	 * Parse the next line.
	 *
	 * @param line		line, without its line feed, may contain any bytes
	 * @param reason	receives why the line can't be used, NULL if it is malformed
	 * @return			FALSE if it can't be used
	 */
	bool (*parse)(key_import_t *this, chunk_t line, const char **reason);

	/**
	 * Use what the last lines had.
	 *
	 * @param reason	receives why they can't be used, NULL if they are malformed
	 * @return			FALSE if they can't be used
	 */
	bool (*finish)(key_import_t *this, const char **reason);

	/**
	 * Destroy a key_import_t, and wipe what is left of keys.
	 */
	void (*destroy)(key_import_t *this);
};

/**
 * Create a key_import_t instance, for a single file.
 *
 * @param sink		receives keys, not owned
 */
key_import_t *key_import_create(key_import_sink_t *sink);

/**
 * Parse a row of Wireshark's esp_sa.
 *
 * @param columns	columns, without quotes
 * @param count		number of columns
 * @param sink		receives the SA, twice if it is unknown if it has extended sequence
 *					numbers
 * @param reason	receives why the row can't be used, if there is a reason
 * @return			FALSE if it can't be used
 */
bool key_wireshark_parse_esp(char *columns[], int count, key_import_sink_t *sink,
							 const char **reason);

/**
 * Parse a row of Wireshark's ikev1_decryption_table, which lacks algorithms, so there is a
 * set of keys for each that fits.
 *
 * @param columns	columns, without quotes
 * @param sink		receives sets of keys
 * @return			FALSE if it can't be used
 */
bool key_wireshark_parse_ikev1(char *columns[], key_import_sink_t *sink);

/**
 * Parse a row of Wireshark's ikev2_decryption_table.
 *
 * @param columns	eight columns, without quotes
 * @param sink		receives the set of keys
 * @param reason	receives why the row can't be used, if there is a reason
 * @return			FALSE if it can't be used
 */
bool key_wireshark_parse_ikev2(char *columns[], key_import_sink_t *sink,
							   const char **reason);

/**
 * Parse a part of what "ip xfrm state" prints about an SA: a line, or with its option -o
 * what is between two backslashes.
 *
 * @param sa		SA, gets what the part says
 * @param words		words, NULL-terminated
 * @param reason	receives why the SA can't be used, if that is so
 * @return			FALSE if the part is malformed
 */
bool key_xfrm_parse(nflog_key_sa_t *sa, char *words[], const char **reason);

/**
 * Parse a line of a file for tcpdump's option -E: [spi@address] algorithm:secret.
 *
 * @param line		line, gets modified
 * @param sink		receives the SA
 * @param reason	receives why the line can't be used, if there is a reason
 * @return			FALSE if it can't be used
 */
bool key_tcpdump_parse(char *line, key_import_sink_t *sink, const char **reason);

/**
 * Parse a key in hex that begins with 0x, or as ASCII text.
 *
 * @param text		key
 * @param key		receives allocated key, empty if there is none
 * @return			FALSE if it is malformed
 */
bool key_import_parse_key(char *text, chunk_t *key);

/**
 * Create an SA of a program that does not tell its direction.
 *
 * @param proto		IPPROTO_ESP or IPPROTO_AH
 */
nflog_key_sa_t *key_import_create_sa(uint8_t proto);

#endif /** KEY_IMPORT_H_ @}*/
