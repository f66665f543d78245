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
 * @defgroup nflog_ring nflog_ring
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_RING_H_
#define NFLOG_RING_H_

typedef struct nflog_ring_t nflog_ring_t;

#include <library.h>

/**
 * The files of a ring, by number.
 *
 * A file that gets too large is continued in others, which count as one in the ring, and are
 * removed together.
 *
 * Used by one thread, nothing is locked.
 */
struct nflog_ring_t {

	/**
	 * Add a file, unless it was the last one that was added.
	 *
	 * @param number	its number
	 * @param continues	TRUE if it continues the last one, if there is any
	 */
	void (*add)(nflog_ring_t *this, u_int number, bool continues);

	/**
	 * Get the number of files, without those that continue others.
	 *
	 * @return			number of files
	 */
	u_int (*get_count)(nflog_ring_t *this);

	/**
	 * Get the oldest file, if there is any.
	 *
	 * @return			its number
	 */
	u_int (*get_oldest)(nflog_ring_t *this);

	/**
	 * Note that the oldest file was removed.
	 */
	void (*remove_oldest)(nflog_ring_t *this);

	/**
	 * Destroy a nflog_ring_t.
	 */
	void (*destroy)(nflog_ring_t *this);
};

/**
 * Create a nflog_ring_t instance.
 */
nflog_ring_t *nflog_ring_create();

#endif /** NFLOG_RING_H_ @}*/
