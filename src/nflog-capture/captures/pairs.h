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
 * @defgroup nflog_pairs pairs
 * @{ @ingroup nflog_capture
 */

#ifndef PAIRS_H_
#define PAIRS_H_

#include "keyring/keyring.h"
#include "merge.h"
#include "ties.h"

typedef struct pairs_t pairs_t;

/**
 * Finds the two copies of packets, in traces of the same CHILD_SA.
 *
 * With the keys of an SA, copies are equal once one is decrypted.  Without them, the first
 * packet in the clear is the first one in ESP, and so on, as long as the lengths agree: the
 * difference varies by the padding only.  Once it does not, a packet is missing in one of
 * the traces, or was split, and no others of the SA are tied.
 */
struct pairs_t {

	/**
	 * Set the keys, before the first packet, and when they change.
	 *
	 * @param keys		keys, not owned, NULL for none
	 */
	void (*set_keys)(pairs_t *this, keyring_t *keys);

	/**
	 * Tie a packet to its other copy.
	 *
	 * @param merged	packet
	 * @param plain		decrypted packet, empty if it was not encrypted, or not decrypted
	 * @param tie		receives what is known about it, the id is 0 if it can't be tied
	 * @param other		receives the other copy
	 * @return			TRUE if that was found
	 */
	bool (*tie)(pairs_t *this, merged_packet_t *merged, chunk_t plain,
				tie_t *tie, tie_t *other);

	/**
	 * Destroy a pairs_t.
	 */
	void (*destroy)(pairs_t *this);
};

/**
 * Create a pairs_t instance.
 */
pairs_t *pairs_create();

#endif /** PAIRS_H_ @}*/
