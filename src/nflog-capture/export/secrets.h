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
 * @defgroup nflog_secrets secrets
 * @{ @ingroup nflog_capture
 */

#ifndef SECRETS_H_
#define SECRETS_H_

#include "captures/captures.h"

typedef struct secrets_t secrets_t;

/**
 * Rows of the key tables next to traces, as far as these need them: those of the SAs whose
 * packets are in ESP, and of IKE_SAs.
 */
struct secrets_t {

	/**
	 * Get the number of rows of Wireshark's tables.
	 *
	 * @return			number of rows in all tables but the key file
	 */
	u_int (*get_count)(secrets_t *this);

	/**
	 * Get the number of keys in the key file, which has also those that Wireshark has no
	 * name for.
	 *
	 * @return			number of rows in the key file
	 */
	u_int (*get_key_count)(secrets_t *this);

	/**
	 * Get the rows of ESP SAs, with all columns.
	 *
	 * @return			lines, allocated, to be wiped
	 */
	chunk_t (*get_esp)(secrets_t *this);

	/**
	 * Write all tables to a directory, which is a configuration of Wireshark then.
	 *
	 * @param dir		directory, created if it does not exist, refused if others can write
	 *					to it
	 * @return			FALSE on failure, the reason was printed
	 */
	bool (*write)(secrets_t *this, char *dir);

	/**
	 * Destroy a secrets_t, and wipe it.
	 */
	void (*destroy)(secrets_t *this);
};

/**
 * Create a secrets_t instance.
 *
 * @param captures	enumerator over capture_t*, gets destroyed
 */
secrets_t *secrets_create(enumerator_t *captures);

/**
 * Add the paths of all files with keys, and of Wireshark's settings, that may be in a
 * directory.
 *
 * @param dir		directory
 * @param paths		receives paths, allocated char*
 */
void secrets_add_paths(char *dir, array_t *paths);

/**
 * Check that writing tables to a directory replaces none of the files that are read.
 *
 * @param dir		directory, may not exist
 * @param inputs	paths of files that are read, NULL-terminated
 * @return			FALSE if it would, which was printed
 */
bool secrets_may_replace(char *dir, char *inputs[]);

/**
 * Remove the tables that were written to a directory, and the directory if it is empty
 * then.
 *
 * @param dir		directory, may not exist
 * @return			FALSE on failure, the reason was printed
 */
bool secrets_remove(char *dir);

/**
 * Write the tables of traces to a directory, and print what it has.
 *
 * @param captures	enumerator over capture_t*, gets destroyed
 * @param dir		directory, see write()
 * @return			exit status, STATUS_BAD if there are no keys
 */
int secrets_write(enumerator_t *captures, char *dir);

#endif /** SECRETS_H_ @}*/
