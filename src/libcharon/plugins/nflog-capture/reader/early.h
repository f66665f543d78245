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

/** allocated SPIs that wait for packets, at most */
#define NFLOG_EARLY_SPIS 1024

/** bytes of memory for the packets of an SPI, at most */
#define NFLOG_EARLY_SPI_BYTES (256 * 1024)

/** bytes of memory for the packets of all SPIs, at most */
#define NFLOG_EARLY_BYTES (4 * 1024 * 1024)

/**
 * Keeps packets that arrive for an SPI that has no SA yet.
 *
 * The peer may use an SPI as soon as it learns it, but charon installs the SA only once the
 * exchange completes.  Meanwhile the kernel has a larval state for the SPI, and drops
 * what arrives (XFRM_STATE_ACQ, xfrm_input() in net/xfrm/xfrm_input.c).  As it is not known
 * yet if the CHILD_SA is captured, packets are kept in memory only: they are queued for the
 * trace of the SA that adopts them, or dropped if none does.
 *
 * The constants above bound the memory, an SPI without SA expires as it does in the kernel,
 * and each packet takes constant time.  Packets dropped for lack of memory count as received
 * and overrun at the capture point that adopts the SPI.
 *
 * All methods are thread-safe.  Lanes must not be locked when calling methods that take
 * rules.
 */
struct nflog_early_t {

	/**
	 * Begin to keep packets of an allocated SPI, and have them logged.
	 *
	 * Does nothing if the SPI is known already, or if there are too many, which is logged.
	 * The SPI expires some time after this returns, it must not be claimed or settled before.
	 *
	 * @param rules		rules to add the SPI to
	 * @param conn		name of the connection
	 * @param dst		destination address
	 * @param spi		SPI, in network order
	 */
	void (*expect)(nflog_early_t *this, nflog_rules_t *rules,
				   char *conn, host_t *dst, uint32_t spi);

	/**
	 * Keep an SPI from expiring, as its SA is about to be installed.  Its packets are kept
	 * until it is adopted or settled.
	 *
	 * @param key		destination and SPI
	 * @return			SA added to the rules for it, not owned, NULL if the SPI is not
	 *					expected, or expired
	 */
	nflog_sa_t *(*claim)(nflog_early_t *this,
						 nflog_esp_key_t *key);

	/**
	 * Keep a packet if its SPI is expected.  Called by readers.
	 *
	 * @param logged	packet that arrived, gets cloned
	 * @return			TRUE if it is expected, also if there is no memory to keep it
	 */
	bool (*keep)(nflog_early_t *this, nflog_logged_t *logged);

	/**
	 * Queue the kept packets for the trace of the SA that takes over the rules of a claimed
	 * SPI.  Must not be called by two threads at the same time.
	 *
	 * @param sa		inbound SA, not owned, has to exist until settle()
	 */
	void (*adopt)(nflog_early_t *this, nflog_sa_t *sa);

	/**
	 * End an SPI, as its SA was installed, or there will be none.  If it was adopted, count
	 * the packets logged up to now as early.
	 *
	 * @param rules		rules the SPI was added to
	 * @param dst		destination address
	 * @param spi		SPI, in network order, need not be expected
	 * @return			TRUE if rules have to be removed, with remove()
	 */
	bool (*settle)(nflog_early_t *this, nflog_rules_t *rules,
				   host_t *dst, uint32_t spi);

	/**
	 * Remove the rules for SPIs that got no SA, or not in time.  The receiver of the rules
	 * calls removed() later.
	 *
	 * @param rules		rules the SPIs were added to
	 * @return			time until the next SPI expires, in ms, -1 if there is none
	 */
	int (*remove)(nflog_early_t *this, nflog_rules_t *rules);

	/**
	 * Destroy an SPI, as its rules were removed.
	 *
	 * @param sa		SA added to the rules for it
	 */
	void (*removed)(nflog_early_t *this, nflog_sa_t *sa);

	/**
	 * Expire all SPIs that are not claimed.
	 */
	void (*expire)(nflog_early_t *this);

	/**
	 * Get the number of SPIs.
	 *
	 * @return			number of SPIs that are expected, or have rules to remove
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
 * @param queue			where adopted packets are queued, in the lane without reader, not
 *						owned
 */
nflog_early_t *nflog_early_create(nflog_queue_t *queue);

#endif /** NFLOG_EARLY_H_ @}*/
