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
 * @defgroup nflog_sa_lookup nflog_sa_lookup
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_SA_LOOKUP_H_
#define NFLOG_SA_LOOKUP_H_

typedef struct nflog_sa_lookup_t nflog_sa_lookup_t;

#include "ts_lookup.h"

/**
 * Finds the SA of a logged packet: in ESP, by destination and SPI; in the clear, by the number
 * that the rules compute, or by traffic selectors if the kernel does not have the SA, or the
 * packet came through a VTI device.
 *
 * Several threads may call find() at the same time, all other methods exclude each other and
 * find() (the caller locks all lanes).
 */
struct nflog_sa_lookup_t {

	/**
	 * Add an SA.
	 *
	 * @param sa		SA, not owned
	 * @return			NULL on success, else the reason why it can't be found: another SA has
	 *					its destination and SPI, or its number in the clear; it has to be
	 *					removed then
	 */
	char *(*add)(nflog_sa_lookup_t *this, nflog_sa_t *sa);

	/**
	 * Change the destination of an SA in ESP, and its reqid in the clear.
	 *
	 * Packets with the former ones are found too until they change again, as they may be on
	 * their way.  What another SA has stays with that SA.
	 *
	 * @param sa		SA as added
	 * @param match		new address and reqid
	 * @return			NULL on success, else the reason why packets are not found by these
	 */
	char *(*move)(nflog_sa_lookup_t *this, nflog_sa_t *sa,
				 nflog_match_t *match);

	/**
	 * Remove an SA.  Packets that may have been of the SA, but could not be found, are added to
	 * its counters.
	 *
	 * @param sa		SA as added
	 */
	void (*remove)(nflog_sa_lookup_t *this, nflog_sa_t *sa);

	/**
	 * Find the capture point of the SA to which a packet belongs.
	 *
	 * @param logged	packet, its mark is removed if it is the number
	 * @return			capture point with a trace, NULL if there is none
	 */
	nflog_tap_t *(*find)(nflog_sa_lookup_t *this,
						 nflog_logged_t *logged);

	/**
	 * Get the number of SAs.
	 *
	 * @return			SAs added, and not removed
	 */
	u_int (*get_count)(nflog_sa_lookup_t *this);

	/**
	 * Destroy a nflog_sa_lookup_t.
	 */
	void (*destroy)(nflog_sa_lookup_t *this);
};

/**
 * Create a nflog_sa_lookup_t instance.
 *
 * @param ts_lookup	finds SAs by their traffic selectors, not owned
 */
nflog_sa_lookup_t *nflog_sa_lookup_create(nflog_ts_lookup_t *ts_lookup);

#endif /** NFLOG_SA_LOOKUP_H_ @}*/
