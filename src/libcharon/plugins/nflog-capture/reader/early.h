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
 * @defgroup nflog_early nflog_early
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_EARLY_H_
#define NFLOG_EARLY_H_

typedef struct nflog_early_t nflog_early_t;

#include "traces/queue.h"
#include "rules/rules.h"
#include "rules/sa.h"

/** allocated SPIs to wait for packets of, at most */
#define NFLOG_EARLY_SPIS 1024

/** bytes of memory for the packets of an allocated SPI, at most */
#define NFLOG_EARLY_SPI_BYTES (256 * 1024)

/** bytes of memory for the packets of all allocated SPIs, at most */
#define NFLOG_EARLY_BYTES (4 * 1024 * 1024)

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
 * used is given up once the kernel does, and a packet takes constant time.  Packets
 * that are dropped for lack of memory are counted, in the counters overrun and
 * received of the capture point that adopts the SPI.
 *
 * All methods are thread-safe.  Readers must not be locked for those that take
 * rules.
 */
struct nflog_early_t {

	/**
	 * Wait for packets of an SPI that was allocated, and have them logged.
	 *
	 * Nothing happens if there is one already, or if there are too many, which is
	 * logged.  The SPI expires some time after this returns, and is not to be claimed
	 * or settled before.
	 *
	 * @param rules		rules to add to
	 * @param conn		name of the connection
	 * @param dst		destination address
	 * @param spi		SPI, in network order
	 */
	void (*expect)(nflog_early_t *this, nflog_rules_t *rules,
				   char *conn, host_t *dst, uint32_t spi);

	/**
	 * Have an SPI not expire, as its SA is about to be installed.  Its packets are
	 * kept until it is adopted or settled.
	 *
	 * @param key		destination and SPI
	 * @return			SA that was added to the rules for it, NULL if it is not
	 *					expected, or expired already
	 */
	nflog_sa_t *(*claim)(nflog_early_t *this,
						 nflog_esp_key_t *key);

	/**
	 * Keep a packet if its SPI is expected, called by readers.
	 *
	 * @param logged	packet that arrived, as logged, gets copied
	 * @return			TRUE if so, also if there is no memory left for it
	 */
	bool (*keep)(nflog_early_t *this, nflog_logged_t *logged);

	/**
	 * Queue the kept packets for the trace of the SA that takes over the rules for
	 * an SPI, which was claimed.  No two threads may call this at the same time.
	 *
	 * @param sa		inbound SA, not owned, used until it is settled
	 */
	void (*adopt)(nflog_early_t *this, nflog_sa_t *sa);

	/**
	 * The SA with an SPI was installed, or there will be none.  If it adopted the
	 * SPI, this counts the packets that were logged up to now.
	 *
	 * @param rules		rules to which the SPI was added
	 * @param dst		destination address
	 * @param spi		SPI, in network order, need not be expected
	 * @return			TRUE if rules have to be removed
	 */
	bool (*settle)(nflog_early_t *this, nflog_rules_t *rules,
				   host_t *dst, uint32_t spi);

	/**
	 * Remove the rules for SPIs that got no SA, or not in time, the rules' receiver
	 * calls removed() later.
	 *
	 * @param rules		rules to which the SPIs were added
	 * @return			time until another one expires, in ms, -1 if there is none
	 */
	int (*remove)(nflog_early_t *this, nflog_rules_t *rules);

	/**
	 * An SPI has no rules anymore.
	 *
	 * @param sa		SA that was added to the rules for it
	 */
	void (*removed)(nflog_early_t *this, nflog_sa_t *sa);

	/**
	 * Have all SPIs expire that are not claimed.
	 */
	void (*expire)(nflog_early_t *this);

	/**
	 * Get the number of SPIs.
	 *
	 * @return			SPIs that are expected, or have rules to remove
	 */
	u_int (*get_count)(nflog_early_t *this);

	/**
	 * Destroy a nflog_early_t.
	 */
	void (*destroy)(nflog_early_t *this);
};

/**
 * Create a nflog_early_t instance.
 *
 * @param queue			where adopted packets are queued, in the lane that no reader
 *						has
 */
nflog_early_t *nflog_early_create(nflog_queue_t *queue);

#endif /** NFLOG_EARLY_H_ @}*/
