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
 * @defgroup decrypt_key_file key_file
 * @{ @ingroup nflog_capture
 */

#ifndef KEY_FILE_H_
#define KEY_FILE_H_

#include <networking/host.h>
#include <ipsec/ipsec_types.h>

#include "cipher.h"

typedef struct key_file_t key_file_t;
typedef struct key_sa_t key_sa_t;
typedef struct key_ike_t key_ike_t;

/**
 * ESP or AH SA.
 */
struct key_sa_t {
	/** IPPROTO_ESP or IPPROTO_AH */
	uint8_t proto;
	/** SPI, in host order */
	uint32_t spi;
	/** addresses */
	host_t *src, *dst;
	/** TRUE if encapsulated in UDP */
	bool udp;
	/** TRUE for the inbound SA */
	bool inbound;
	/** TRUE with extended sequence numbers */
	bool esn;
	/** mode of the SA */
	ipsec_mode_t mode;
	/** encryption */
	encryption_algorithm_t encr;
	chunk_t encr_key;
	/** integrity protection */
	integrity_algorithm_t integ;
	chunk_t integ_key;
};

/**
 * Set of keys of an IKE_SA.
 */
struct key_ike_t {
	/** SPIs, in host order */
	uint64_t spi_i, spi_r;
	/** version of IKE, 1 or 2 */
	int version;
	/** algorithms */
	encryption_algorithm_t encr;
	integrity_algorithm_t integ;
	/** keys, for IKEv1 there is sk_ei only */
	chunk_t sk_ei, sk_er, sk_ai, sk_ar;
};

/**
 * The key file beside the traces, nflog-capture(1) describes it.
 */
struct key_file_t {

	/**
	 * Enumerate ESP and AH SAs, the oldest one first.
	 *
	 * @return			enumerator over key_sa_t*
	 */
	enumerator_t *(*create_sa_enumerator)(key_file_t *this);

	/**
	 * Enumerate sets of keys of IKE_SAs, the oldest one first.
	 *
	 * @return			enumerator over key_ike_t*
	 */
	enumerator_t *(*create_ike_enumerator)(key_file_t *this);

	/**
	 * Read another key file in addition.
	 *
	 * @param path		path of the file
	 * @return			FALSE if the file can't be read, the reason was printed
	 */
	bool (*add)(key_file_t *this, char *path);

	/**
	 * Get the number of lines that could not be understood, the first ones of which
	 * were reported.
	 *
	 * @return			number of lines
	 */
	u_int (*get_errors)(key_file_t *this);

	/**
	 * Destroy a key_file_t, and wipe the keys.
	 */
	void (*destroy)(key_file_t *this);
};

/**
 * Read a key file.
 *
 * @param path		path of the file
 * @return			keys, NULL if the file can't be read, the reason was printed
 */
key_file_t *key_file_create(char *path);

#endif /** KEY_FILE_H_ @}*/
