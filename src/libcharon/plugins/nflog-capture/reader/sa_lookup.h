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
 * Finds the SA of a logged packet: on the wire by destination and SPI in the
 * packet, in the clear by the number that the kernel's rules compute, or by its
 * selectors if the kernel does not have the SA, or the packet came through a VTI
 * device.
 *
 * Several threads may call find() at the same time, but none then calls anything
 * else.
 */
struct nflog_sa_lookup_t {

	/**
	 * Add an SA.
	 *
	 * @param sa		SA, not owned
	 * @return			NULL if successful, else the reason why it can't be found, as
	 *					another SA has its destination and SPI on the wire, or the
	 *					same number in the clear, it is to be removed then
	 */
	char *(*add)(nflog_sa_lookup_t *this, nflog_sa_t *sa);

	/**
	 * Change the destination of an SA on the wire, and its reqid in the clear.
	 *
	 * Packets with those before may still be on their way, these are found too,
	 * until they change once more.  What another SA has already stays
	 * with that.
	 *
	 * @param sa		SA as added
	 * @param match		new address and reqid
	 * @return			reason why its packets are not found by them, NULL if they are
	 */
	char *(*move)(nflog_sa_lookup_t *this, nflog_sa_t *sa,
				 nflog_match_t *match);

	/**
	 * Remove an SA, packets that may have been its, but could not be found, are added
	 * to its counters.
	 *
	 * @param sa		SA as added
	 */
	void (*remove)(nflog_sa_lookup_t *this, nflog_sa_t *sa);

	/**
	 * Find the capture point of the SA to which a packet belongs.
	 *
	 * @param logged	packet, as logged
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
