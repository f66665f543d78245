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
 * @defgroup nflog_ts_lookup nflog_ts_lookup
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_TS_LOOKUP_H_
#define NFLOG_TS_LOOKUP_H_

typedef struct nflog_ts_lookup_t nflog_ts_lookup_t;

#include "rules/sa.h"

/**
 * Finds the SA of a packet in the clear by traffic selectors, if the kernel does not
 * have the SA, so packets pass a TUN device, or if they came through a VTI device.
 *
 * SAs that are not captured are known as well, if charon does ESP itself, as what is
 * theirs must not get into the traces of others.
 *
 * Several threads may call use() and the methods that find SAs at the same time, but
 * none then calls anything else, but wait().
 */
struct nflog_ts_lookup_t {

	/**
	 * Add an SA that is captured.
	 *
	 * @param sa		SA, not owned, nothing is done if it has no selectors
	 */
	void (*add)(nflog_ts_lookup_t *this, nflog_sa_t *sa);

	/**
	 * Wait until packets can be found of an SA that was added, if that depends on VTI
	 * devices.  Lanes need not be locked.
	 *
	 * @param sa		SA as added
	 * @param deadline	how long to wait at most, monotonic
	 */
	void (*wait)(nflog_ts_lookup_t *this, nflog_sa_t *sa,
				 timeval_t *deadline);

	/**
	 * Remove an SA, packets that may have been its, but could not be found, are added
	 * to its counters.
	 *
	 * @param sa		SA as added
	 */
	void (*remove)(nflog_ts_lookup_t *this, nflog_sa_t *sa);

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
	void (*exclude)(nflog_ts_lookup_t *this, nflog_sa_t *sa);

	/**
	 * End an excluded SA, once packets that were logged before have been read.
	 *
	 * @param dst		destination address
	 * @param spi		SPI, in network order, need not be excluded
	 */
	void (*include)(nflog_ts_lookup_t *this, host_t *dst, uint32_t spi);

	/**
	 * Remove excluded SAs that ended, once all of their packets were read.
	 *
	 * @param idle		TRUE if all packets that the kernel passed on were read
	 * @return			TRUE if there are any left
	 */
	bool (*expire)(nflog_ts_lookup_t *this, bool idle);

	/**
	 * A packet of an SA was seen in ESP.
	 *
	 * @param sa		SA as added
	 */
	void (*use)(nflog_ts_lookup_t *this, nflog_sa_t *sa);

	/**
	 * Find the SA of a packet that passed a TUN device.
	 *
	 * @param logged	packet, as logged
	 * @param inbound	TRUE if it arrived
	 * @return			SA, NULL if there is none that is captured in the clear
	 */
	nflog_sa_t *(*find_tun)(nflog_ts_lookup_t *this, nflog_logged_t *logged,
							bool inbound);

	/**
	 * Find the SA of a packet that arrived through a VTI device.
	 *
	 * @param logged	packet, as logged
	 * @return			SA, NULL if there is none that is captured in the clear
	 */
	nflog_sa_t *(*find_vti)(nflog_ts_lookup_t *this, nflog_logged_t *logged);

	/**
	 * There is a new table, the counters of which begin with 0.
	 */
	void (*reset)(nflog_ts_lookup_t *this);

	/**
	 * Destroy a nflog_ts_lookup_t.
	 */
	void (*destroy)(nflog_ts_lookup_t *this);
};

/**
 * Create a nflog_ts_lookup_t instance.
 */
nflog_ts_lookup_t *nflog_ts_lookup_create();

#endif /** NFLOG_TS_LOOKUP_H_ @}*/
