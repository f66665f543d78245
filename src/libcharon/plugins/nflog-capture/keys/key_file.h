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
 * @defgroup nflog_key_file nflog_key_file
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_KEY_FILE_H_
#define NFLOG_KEY_FILE_H_

typedef struct nflog_key_sa_t nflog_key_sa_t;
typedef struct nflog_key_ike_t nflog_key_ike_t;
typedef struct nflog_row_t nflog_row_t;

#include "files/trace_name.h"

#include <crypto/crypters/crypter.h>
#include <crypto/signers/signer.h>
#include <ipsec/ipsec_types.h>
#include <networking/host.h>

/** name of the key file, next to the traces */
#define NFLOG_KEY_FILE "keys"

/** first line of the key file */
#define NFLOG_KEY_FILE_HEADER "# nflog-capture keys 1, see nflog-capture(1)\n"

/** bytes of the longest line, the plugin writes at most some hundred */
#define NFLOG_KEY_FILE_MAX_LINE 8192

/**
 * The key file: a text file with a line per SA, which nflog-capture(1) describes.
 *
 * The plugin writes it, nflog-capture(1) reads it, both with these functions, which need
 * libstrongswan only.  Lines have no line feed, contain keys, and have to be freed with
 * nflog_secret_free().
 */

/**
 * ESP or AH SA.
 */
struct nflog_key_sa_t {
	/** IPPROTO_ESP or IPPROTO_AH */
	uint8_t proto;
	/** SPI, in host order */
	uint32_t spi;
	/** addresses and ports */
	host_t *src, *dst;
	/** TRUE if encapsulated in UDP */
	bool udp;
	/** TRUE for the inbound SA */
	bool inbound;
	/** TRUE with extended sequence numbers */
	bool esn;
	/** mode of the SA */
	ipsec_mode_t mode;
	/** encryption, ENCR_UNDEFINED for none */
	encryption_algorithm_t encr;
	chunk_t encr_key;
	/** integrity protection, AUTH_UNDEFINED for none */
	integrity_algorithm_t integ;
	chunk_t integ_key;
	/** bytes of the ICV of an SA whose integrity key is not known, only in files of other
	 *  programs, as the following */
	size_t icv;
	/** TRUE if the direction is not known */
	bool undirected;
	/** TRUE for all SAs that have no keys of their own, whatever their SPI is */
	bool any_spi;
};

/**
 * Set of keys of an IKE_SA.
 */
struct nflog_key_ike_t {
	/** SPIs, in host order */
	uint64_t spi_i, spi_r;
	/** version of IKE, 1 or 2 */
	int version;
	/** algorithms, with IKEv1 integ is that of the hash */
	encryption_algorithm_t encr;
	integrity_algorithm_t integ;
	/** keys, IKEv1 encrypts with sk_ei only */
	chunk_t sk_ei, sk_er, sk_ai, sk_ar;
	/** bytes of the ICV if the integrity keys are not known, see nflog_key_sa_t */
	size_t icv;
};

/**
 * Parts of a row that a table needs, point into the line.
 */
struct nflog_row_t {
	/** the columns that identify the row, which begin the line, may be empty */
	chunk_t columns;
	/** SPI in hex, that of the initiator of an IKE_SA, empty if the row is not ours */
	chunk_t spi;
	/** TRUE if the row matches any address */
	bool any;
};

/**
 * Write the columns that identify an ESP or AH SA.
 *
 * @param proto		IPPROTO_ESP or IPPROTO_AH
 * @param spi		SPI, in host order
 * @param src		source address and port
 * @param dst		destination address and port
 * @param udp		TRUE if encapsulated in UDP
 * @return			columns, NULL on failure
 */
char *nflog_key_file_write_columns(uint8_t proto, uint32_t spi, host_t *src,
								   host_t *dst, bool udp);

/**
 * Write the line of an ESP or AH SA.
 *
 * @param sa		SA
 * @return			line, NULL on failure
 */
char *nflog_key_file_write_sa(nflog_key_sa_t *sa);

/**
 * Write the line of a set of keys of an IKE_SA.
 *
 * @param ike		set of keys
 * @return			line, NULL on failure
 */
char *nflog_key_file_write_ike(nflog_key_ike_t *ike);

/**
 * Parse a line.
 *
 * Comments and empty lines are valid, but yield neither an SA nor keys.  A carriage
 * return at the end is ignored.
 *
 * @param line		line, without its line feed, may contain any bytes
 * @param sa		receives ESP or AH SA, allocated, NULL if the line has none
 * @param ike		receives set of keys, allocated, NULL if the line has none
 * @return			FALSE if this is not a valid line
 */
bool nflog_key_file_parse(chunk_t line, nflog_key_sa_t **sa,
						  nflog_key_ike_t **ike);

/**
 * Find the parts of a line that a table needs, without parsing its fields.
 *
 * @param line		line, without its line feed, may contain any bytes
 * @param row		receives the result, points into line
 * @return			FALSE if this is not the line of an SA or a set of keys
 */
bool nflog_key_file_get_row(chunk_t line, nflog_row_t *row);

/**
 * Destroy a nflog_key_sa_t with the hosts and keys in it, and wipe these.
 *
 * @param sa		SA, or NULL
 */
void nflog_key_sa_destroy(nflog_key_sa_t *sa);

/**
 * Destroy a nflog_key_ike_t with the keys in it, and wipe these.
 *
 * @param ike		set of keys, or NULL
 */
void nflog_key_ike_destroy(nflog_key_ike_t *ike);

#endif /** NFLOG_KEY_FILE_H_ @}*/
