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
 * @defgroup decrypt_keyring keyring
 * @{ @ingroup nflog_capture
 */

#ifndef KEYRING_H_
#define KEYRING_H_

#include "keys/key_file.h"

#include <library.h>

typedef struct keyring_t keyring_t;

/** newest SAs with the same SPI, and sets of keys with the same initiator SPI, that are
 * used: all of them are tried for a packet that fits none */
#define KEYRING_MAX_SAME 64

/** stands for the SPI of the SAs whose keys are for any SPI, see create_sa_enumerator() */
#define KEYRING_ANY_SPI (1ULL << 32)

/**
 * The keys of all key files, our own ones and those of other programs, see
 * nflog-capture(1).
 *
 * Once all key files were added, any thread may use all methods.
 */
struct keyring_t {

	/**
	 * Enumerate ESP and AH SAs with an SPI, the newest one first.
	 *
	 * @param spi		SPI, in host order, or KEYRING_ANY_SPI
	 * @return			enumerator over nflog_key_sa_t*
	 */
	enumerator_t *(*create_sa_enumerator)(keyring_t *this, uint64_t spi);

	/**
	 * Enumerate sets of keys of IKE_SAs with an initiator SPI, the newest one first.
	 *
	 * @param spi_i		SPI of the initiator, in host order
	 * @return			enumerator over nflog_key_ike_t*
	 */
	enumerator_t *(*create_ike_enumerator)(keyring_t *this, uint64_t spi_i);

	/**
	 * Check if there are keys of any IKE_SA of a version.
	 *
	 * @param version	version of IKE
	 * @return			TRUE if so
	 */
	bool (*has_ike)(keyring_t *this, int version);

	/**
	 * Print, once, that libstrongswan lacks the algorithms of an SA.
	 *
	 * @param sa		SA of this keyring
	 */
	void (*report)(keyring_t *this, nflog_key_sa_t *sa);

	/**
	 * Print, once, that libstrongswan lacks the algorithms of an IKE_SA.
	 *
	 * @param ike		set of keys of this keyring
	 */
	void (*report_ike)(keyring_t *this, nflog_key_ike_t *ike);

	/**
	 * Read another key file, of any format that key_import_t recognizes.
	 *
	 * @param path		path of the file, "-" for stdin
	 * @return			FALSE if the file can't be read, the reason was printed
	 */
	bool (*add)(keyring_t *this, char *path);

	/**
	 * Get the number of lines that could not be parsed, or kept.
	 *
	 * @return			number of lines
	 */
	u_int (*get_errors)(keyring_t *this);

	/**
	 * Destroy a keyring_t, and wipe the keys.
	 */
	void (*destroy)(keyring_t *this);
};

/**
 * Create a keyring_t instance.
 *
 * @param path		path of the first key file to read, as with add()
 * @return			keyring, NULL if the file can't be read, the reason was printed
 */
keyring_t *keyring_create(char *path);

/**
 * Check that a key file which no option names is a regular file, if it exists, as another
 * one could block the program.
 *
 * @param path		path of the file
 * @return			FALSE if it is not, which was printed
 */
bool keyring_may_read(char *path);

/**
 * Hash an SPI of 64 bits, keyed, as attackers may choose it.
 */
u_int keyring_spi_hash(const void *key);

/**
 * Compare SPIs of 64 bits.
 */
bool keyring_spi_equals(const void *a, const void *b);

#endif /** KEYRING_H_ @}*/
