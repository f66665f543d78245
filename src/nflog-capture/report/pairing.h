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
 * @defgroup nflog_pairing pairing
 * @{ @ingroup nflog_capture
 */

#ifndef PAIRING_H_
#define PAIRING_H_

#include <sys/time.h>

#include <library.h>

typedef struct pairing_t pairing_t;
typedef struct copy_t copy_t;

/** copies that wait for another one */
#define PAIRING_MAX 65536

/**
 * Copy of a packet.
 */
struct copy_t {
	/** what all copies of a packet have in common, a hash that is not 0 */
	uint64_t key;
	/** when it was captured */
	struct timeval time;
	/** which of two copies it is, 0 or 1 */
	u_int side;
	/** its number, if it has one */
	uint32_t number;
	/** what it belongs to */
	void *data;
};

/**
 * Called for a copy without another one.
 */
typedef void (*pairing_cb_t)(void *data, copy_t *copy);

/**
 * Finds the second copy of packets.  More than PAIRING_MAX copies do not wait: the oldest one
 * is given up.
 */
struct pairing_t {

	/**
	 * Add a copy.
	 *
	 * @param copy		copy
	 * @param other		receives the oldest one of the other side
	 * @return			TRUE if there is one, which waits no more
	 */
	bool (*add)(pairing_t *this, copy_t *copy, copy_t *other);

	/**
	 * Destroy a pairing_t, all copies that wait are given up.
	 */
	void (*destroy)(pairing_t *this);
};

/**
 * Create a pairing_t instance.
 *
 * @param cb		called for copies that are given up
 * @param data		data to pass to it
 */
pairing_t *pairing_create(pairing_cb_t cb, void *data);

#endif /** PAIRING_H_ @}*/
