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
 * @defgroup decrypt_ikev1_fragments ikev1_fragments
 * @{ @ingroup nflog_capture
 */

#ifndef IKEV1_FRAGMENTS_H_
#define IKEV1_FRAGMENTS_H_

#include <library.h>

typedef struct ikev1_fragments_t ikev1_fragments_t;

/**
 * Reassembles IKEv1 messages, whose fragments are not encrypted one by one, unlike those
 * of IKEv2.
 */
struct ikev1_fragments_t {

	/**
	 * Add a message.
	 *
	 * @param message	message, from its IKE header on, of that length
	 * @param counts	TRUE to count its message if that stays incomplete
	 * @param whole		receives the allocated message once it is complete, empty before
	 * @return			TRUE if the message is a fragment
	 */
	bool (*add)(ikev1_fragments_t *this, chunk_t message, bool counts,
				chunk_t *whole);

	/**
	 * Get the number of messages with missing fragments.
	 *
	 * @return			number of messages
	 */
	u_int (*get_incomplete)(ikev1_fragments_t *this);

	/**
	 * Destroy an ikev1_fragments_t.
	 */
	void (*destroy)(ikev1_fragments_t *this);
};

/**
 * Create an ikev1_fragments_t instance.
 */
ikev1_fragments_t *ikev1_fragments_create();

#endif /** IKEV1_FRAGMENTS_H_ @}*/
