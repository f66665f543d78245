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

#include "rules/sa.h"

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
	 * Wait until packets can be found of an SA that was added, if that depends on VTI
	 * devices.  Readers need not be locked.
	 *
	 * @param sa		SA as added
	 * @param deadline	how long to wait at most, monotonic
	 */
	void (*wait)(nflog_sa_lookup_t *this, nflog_sa_t *sa,
				 timeval_t *deadline);

	/**
	 * Remove an SA, packets that may have been its, but could not be found, are added
	 * to its counters.
	 *
	 * @param sa		SA as added
	 */
	void (*remove)(nflog_sa_lookup_t *this, nflog_sa_t *sa);

	/**
	 * Add an SA with selectors that is not captured.
	 *
	 * Packets in the clear that match its selectors more closely than those of
	 * captured SAs are not found.  Neither are those that match as closely if it is
	 * newer, or if they arrive, when the SA that they came out of is not known.  They
	 * are counted as not identified, in case they are of the captured SA.
	 *
	 * @param sa		SA without traces, gets owned
	 */
	void (*exclude)(nflog_sa_lookup_t *this, nflog_sa_t *sa);

	/**
	 * End an excluded SA, once packets that were logged before have been read.
	 *
	 * @param dst		destination address
	 * @param spi		SPI, in network order, need not be excluded
	 */
	void (*include)(nflog_sa_lookup_t *this, host_t *dst, uint32_t spi);

	/**
	 * Remove excluded SAs that ended, once all of their packets were read.
	 *
	 * @param idle		TRUE if all packets that the kernel passed on were read
	 * @return			TRUE if there are any left
	 */
	bool (*expire)(nflog_sa_lookup_t *this, bool idle);

	/**
	 * Find the capture point of the SA to which a packet belongs.
	 *
	 * @param logged	packet, as logged
	 * @return			capture point with a trace, NULL if there is none
	 */
	nflog_tap_t *(*find)(nflog_sa_lookup_t *this,
						 nflog_logged_t *logged);

	/**
	 * There is a new table, the counters of which begin with 0.
	 */
	void (*reset)(nflog_sa_lookup_t *this);

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
 */
nflog_sa_lookup_t *nflog_sa_lookup_create();

#endif /** NFLOG_SA_LOOKUP_H_ @}*/
