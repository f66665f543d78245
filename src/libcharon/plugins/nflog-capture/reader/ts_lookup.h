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

#include "devices.h"
#include "rules/sa.h"

/**
 * Finds the SA of a packet in the clear by traffic selectors, if the kernel does not have the
 * SA, so packets pass a TUN device, or if they came through a VTI device.
 *
 * If charon does ESP itself, SAs that are not captured are known as well (excluded), to keep
 * their packets out of the traces of others.
 *
 * Several threads may call use(), find_tun() and find_vti() at the same time.  All other
 * methods, but wait(), exclude each other and these (the caller locks all lanes).
 */
struct nflog_ts_lookup_t {

	/**
	 * Add an SA that is captured.
	 *
	 * @param sa		SA, not owned, ignored if it has no selectors
	 */
	void (*add)(nflog_ts_lookup_t *this, nflog_sa_t *sa);

	/**
	 * Wait until the keys of VTI devices are known, if packets of an SA are found by them.
	 * Lanes need not be locked.
	 *
	 * @param sa		SA as added
	 * @param deadline	how long to wait at most, monotonic
	 */
	void (*wait)(nflog_ts_lookup_t *this, nflog_sa_t *sa,
				 timeval_t *deadline);

	/**
	 * Remove an SA.  Packets that may have been of the SA, but could not be found, are added to
	 * its counters.
	 *
	 * @param sa		SA as added
	 */
	void (*remove)(nflog_ts_lookup_t *this, nflog_sa_t *sa);

	/**
	 * Exclude an SA with selectors, which is not captured.
	 *
	 * A packet in the clear is not found if it matches these selectors more closely than those
	 * of captured SAs, or as closely, and the excluded SA is newer, or the packet arrived, as
	 * its SA is unknown then.  It is counted as unidentified, as it may be of the captured SA.
	 * If that is the same SA, whose capture ends, its packets are found until it is removed.
	 *
	 * @param sa		SA without traces, owned from now on
	 */
	void (*exclude)(nflog_ts_lookup_t *this, nflog_sa_t *sa);

	/**
	 * End an excluded SA, after packets logged so far are read.
	 *
	 * @param dst		destination address
	 * @param spi		SPI, in network order, need not be excluded
	 */
	void (*include)(nflog_ts_lookup_t *this, host_t *dst, uint32_t spi);

	/**
	 * Remove excluded SAs that ended, if all of their packets were read.
	 *
	 * @param idle		TRUE if all packets that the kernel passed on were read
	 * @return			TRUE if there are excluded SAs left
	 */
	bool (*expire)(nflog_ts_lookup_t *this, bool idle);

	/**
	 * Note that a packet of an SA was seen in ESP.
	 *
	 * @param sa		SA as added
	 */
	void (*use)(nflog_ts_lookup_t *this, nflog_sa_t *sa);

	/**
	 * Find the SA of a packet that passed a TUN device.
	 *
	 * @param logged	packet
	 * @param inbound	TRUE if it arrived
	 * @return			SA, NULL if no SA captured in the clear matches
	 */
	nflog_sa_t *(*find_tun)(nflog_ts_lookup_t *this, nflog_logged_t *logged,
							bool inbound);

	/**
	 * Find the SA of a packet that arrived through a VTI device.
	 *
	 * @param logged	packet
	 * @return			SA, NULL if no SA captured in the clear matches
	 */
	nflog_sa_t *(*find_vti)(nflog_ts_lookup_t *this, nflog_logged_t *logged);

	/**
	 * Reset counts, as there is a new table, whose counters begin with 0.
	 */
	void (*reset)(nflog_ts_lookup_t *this);

	/**
	 * Destroy a nflog_ts_lookup_t.
	 */
	void (*destroy)(nflog_ts_lookup_t *this);
};

/**
 * Create a nflog_ts_lookup_t instance.
 *
 * @param devices	knows VTI devices, not owned
 */
nflog_ts_lookup_t *nflog_ts_lookup_create(nflog_devices_t *devices);

#endif /** NFLOG_TS_LOOKUP_H_ @}*/
