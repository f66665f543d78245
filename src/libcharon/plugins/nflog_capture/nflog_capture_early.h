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
 * @defgroup nflog_capture_early nflog_capture_early
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_CAPTURE_EARLY_H_
#define NFLOG_CAPTURE_EARLY_H_

typedef struct nflog_capture_early_t nflog_capture_early_t;

#include "nflog_capture_queue.h"
#include "nflog_capture_sa.h"

#include <collections/linked_list.h>

/** allocated SPIs to wait for packets of, at most */
#define NFLOG_CAPTURE_EARLY_SPIS 1024

/** bytes of memory for the packets of an allocated SPI, at most */
#define NFLOG_CAPTURE_EARLY_SPI_BYTES (256 * 1024)

/** bytes of memory for the packets of all allocated SPIs, at most */
#define NFLOG_CAPTURE_EARLY_BYTES (4 * 1024 * 1024)

/**
 * Keeps packets that arrive for an SPI before there is an SA that has it.
 *
 * The peer may use an SPI as soon as it learns it, but the SA is installed only
 * once the exchange completes.  Meanwhile the kernel has no more than a larval
 * state for the SPI, and drops what arrives (XFRM_STATE_ACQ, xfrm_input() in
 * net/xfrm/xfrm_input.c).  It is not known yet if the CHILD_SA will be captured,
 * so packets are kept in memory only: they are queued for the trace of the SA
 * that adopts them, or dropped if none does.
 *
 * What packets can take is bounded by the constants above, an SPI that is not
 * used is given up after some time, and a packet takes constant time.  Packets
 * that are dropped for lack of memory are counted, in the counters overrun and
 * received of the capture point that adopts the SPI.
 *
 * All methods are thread-safe.
 */
struct nflog_capture_early_t {

	/**
	 * Wait for packets of an SPI that was allocated.
	 *
	 * @param sa		inbound SA with that SPI, but without traces, gets owned
	 *					if successful, its capture point on the wire is set up
	 * @return			FALSE if there is one already, or if there are too many
	 */
	bool (*add)(nflog_capture_early_t *this, nflog_capture_sa_t *sa);

	/**
	 * Have an SPI not expire, as its SA is about to be installed.  Its packets are
	 * kept until it is adopted or settled.
	 *
	 * @param key		destination and SPI
	 * @return			FALSE if it was not added, or expired already
	 */
	bool (*claim)(nflog_capture_early_t *this, nflog_capture_wire_key_t *key);

	/**
	 * Remove an SPI that has no rules.
	 *
	 * @param sa		as added
	 */
	void (*remove)(nflog_capture_early_t *this, nflog_capture_sa_t *sa);

	/**
	 * Keep a packet if it has an SPI that was added, called by readers.
	 *
	 * @param logged	packet that arrived, as logged, gets copied
	 * @return			TRUE if so, also if there is no memory left for it
	 */
	bool (*keep)(nflog_capture_early_t *this, nflog_capture_logged_t *logged);

	/**
	 * Queue the kept packets for the trace of the SA that takes over the rules for
	 * an SPI, which was claimed.
	 *
	 * @param sa		inbound SA, not owned, used until it is settled
	 * @param queue		queue to add the packets to, and to publish them
	 * @param lane		lane of the queue that nobody else uses meanwhile
	 */
	void (*adopt)(nflog_capture_early_t *this, nflog_capture_sa_t *sa,
				  nflog_capture_queue_t *queue, u_int lane);

	/**
	 * The SA with an SPI was installed, or there will be none.
	 *
	 * @param key		destination and SPI
	 * @param adopter	receives the SA that took over the rules for the SPI,
	 *					NULL if none did, so that they have to be collected
	 * @return			FALSE if the SPI was not added
	 */
	bool (*settle)(nflog_capture_early_t *this, nflog_capture_wire_key_t *key,
				   nflog_capture_sa_t **adopter);

	/**
	 * Collect the SPIs for which no SA was installed, or not in time.
	 *
	 * @param sas		list to add to, nflog_capture_sa_t, which remain valid until
	 *					purge() is called
	 * @return			time until another one expires, in ms, -1 if there is none
	 */
	int (*collect)(nflog_capture_early_t *this, linked_list_t *sas);

	/**
	 * Remove what was collected, once there are no rules for it anymore.
	 */
	void (*purge)(nflog_capture_early_t *this);

	/**
	 * Have all SPIs expire that are not claimed.
	 */
	void (*expire)(nflog_capture_early_t *this);

	/**
	 * Get the number of SPIs.
	 *
	 * @return			SPIs that were added, and neither settled by an SA nor
	 *					purged
	 */
	u_int (*get_count)(nflog_capture_early_t *this);

	/**
	 * Destroy a nflog_capture_early_t.
	 */
	void (*destroy)(nflog_capture_early_t *this);
};

/**
 * Create a nflog_capture_early_t instance.
 *
 * @param lifetime		how long an SPI may be unused, in s
 */
nflog_capture_early_t *nflog_capture_early_create(u_int lifetime);

#endif /** NFLOG_CAPTURE_EARLY_H_ @}*/
