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
 * @defgroup nflog_filter nflog_filter
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_FILTER_H_
#define NFLOG_FILTER_H_

typedef struct nflog_filter_t nflog_filter_t;
typedef struct nflog_filters_t nflog_filters_t;

#include <library.h>

/**
 * Compiled filter expression for IP packets, see pcap-filter(7).
 *
 * Immutable, any thread that has a reference may use it.
 */
struct nflog_filter_t {

	/**
	 * Check if a packet matches.
	 *
	 * @param packet	IP packet, or its first bytes
	 * @param original	length of the whole packet, in bytes
	 * @return			TRUE if so
	 */
	bool (*match)(nflog_filter_t *this, chunk_t packet, u_int original);

	/**
	 * Get a reference to the filter.
	 *
	 * @return			this
	 */
	nflog_filter_t *(*get_ref)(nflog_filter_t *this);

	/**
	 * Release a reference, destroy the filter with the last one.
	 */
	void (*destroy)(nflog_filter_t *this);
};

/**
 * Cache of filters, to compile each expression once.  Not thread-safe.
 */
struct nflog_filters_t {

	/**
	 * Get a filter, compiles it if necessary.
	 *
	 * Takes up to a second and reads files such as /etc/services, so charon's threads
	 * must not call this.  Names of hosts are refused, as resolving them might block.
	 *
	 * @param expression	expression
	 * @return				reference to the filter, NULL if the expression is invalid
	 */
	nflog_filter_t *(*get)(nflog_filters_t *this, char *expression);

	/**
	 * Remove the filters that were not requested since this was last called.
	 */
	void (*sweep)(nflog_filters_t *this);

	/**
	 * Destroy a nflog_filters_t.
	 */
	void (*destroy)(nflog_filters_t *this);
};

/**
 * Create a nflog_filters_t instance.
 */
nflog_filters_t *nflog_filters_create();

#endif /** NFLOG_FILTER_H_ @}*/
