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
 * @defgroup nflog_past nflog_past
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_PAST_H_
#define NFLOG_PAST_H_

typedef struct nflog_past_t nflog_past_t;

#include <library.h>

/** SPIs that are remembered */
#define NFLOG_PAST_MAX 1024

/**
 * Remembers the SPIs of the last inbound SAs that are gone, as a peer may still use them.
 *
 * Nothing is locked.
 */
struct nflog_past_t {

	/**
	 * Remember the SPI of an SA that is gone.
	 *
	 * @param spi		SPI, in network order
	 * @param label		name of the CHILD_SA, with its unique id
	 */
	void (*add)(nflog_past_t *this, uint32_t spi, char *label);

	/**
	 * Describe whose SPI it was.
	 *
	 * @param spi		SPI, in network order
	 * @param buf		receives the text, unchanged if nothing is known of it
	 * @param len		size of buf
	 */
	void (*describe)(nflog_past_t *this, uint32_t spi, char *buf, size_t len);

	/**
	 * Destroy a nflog_past_t.
	 */
	void (*destroy)(nflog_past_t *this);
};

/**
 * Create a nflog_past_t instance.
 */
nflog_past_t *nflog_past_create();

#endif /** NFLOG_PAST_H_ @}*/
