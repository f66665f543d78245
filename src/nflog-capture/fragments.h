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
 * @defgroup decrypt_fragments fragments
 * @{ @ingroup nflog_capture
 */

#ifndef FRAGMENTS_H_
#define FRAGMENTS_H_

#include <library.h>

typedef struct fragments_t fragments_t;

/**
 * Reassembles messages of IKEv1 that were sent in fragments, each in a message of
 * its own.  Those of IKEv2 are encrypted one by one.
 */
struct fragments_t {

	/**
	 * Add a message.
	 *
	 * @param message	message, from its IKE header on, of that length
	 * @param whole		receives the allocated message that is complete now, empty
	 *					if that's not yet the case
	 * @return			TRUE if the message is a fragment
	 */
	bool (*add)(fragments_t *this, chunk_t message, chunk_t *whole);

	/**
	 * Destroy a fragments_t.
	 */
	void (*destroy)(fragments_t *this);
};

/**
 * Create a fragments_t instance.
 */
fragments_t *fragments_create();

#endif /** FRAGMENTS_H_ @}*/
