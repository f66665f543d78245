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
 * @defgroup nflog_rules nflog_rules
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_RULES_H_
#define NFLOG_RULES_H_

typedef struct nflog_rules_t nflog_rules_t;

#include "worker.h"

/**
 * Rules for the SAs that are captured, in our table, which exists while there
 * are any.
 *
 * A thread adds and removes rules, those of several SAs in one transaction, see
 * nflog_worker_t, as the kernel handles transactions one after the other, including those
 * of other processes, while they are sent.  Methods that add rules wait for the thread
 * for nflog_values_max_wait() at most, the others don't wait.
 *
 * What fails is tried again: after a second, which doubles up to a minute, when another
 * SA is added, and by retry().  If it is not known what the kernel carried out, the
 * table is removed and built again with all that is wanted.  The counters of an SA's
 * traces get the time for which it was not captured.
 *
 * All methods are thread-safe.  No two threads use the same SA, except that it may be
 * removed while another one waits for its rules.
 */
struct nflog_rules_t {

	/**
	 * Log the packets of an SA, or of an SPI that gets one, which has no traces but
	 * counters for the wire.
	 *
	 * @param sa		SA to add, not owned, used until it was removed
	 * @return			TRUE if its rules are in place, FALSE if that is tried again,
	 *					which is logged, or if it was removed meanwhile
	 */
	bool (*add)(nflog_rules_t *this, nflog_sa_t *sa);

	/**
	 * Log the packets of an SA with the rules that were added for its SPI.
	 *
	 * @param spi		SPI as added, not used here anymore
	 * @param sa		SA to add, as with add()
	 * @return			TRUE if its rules are in place, see add()
	 */
	bool (*take_over)(nflog_rules_t *this, nflog_sa_t *spi,
					  nflog_sa_t *sa);

	/**
	 * Count the packets that were logged so far of an SA that was just installed, in
	 * the counter early of its trace, which may be a little later.
	 *
	 * @param sa		SA as added
	 */
	void (*count_early)(nflog_rules_t *this, nflog_sa_t *sa);

	/**
	 * Log the packets of an SA also under the address and the reqid that it is
	 * about to get.
	 *
	 * @param sa		SA as added
	 * @param next		its next address and reqid
	 * @return			TRUE if the rules are in place, FALSE if that is tried again,
	 *					which is logged
	 */
	bool (*extend)(nflog_rules_t *this, nflog_sa_t *sa,
				   nflog_match_t *next);

	/**
	 * Log the packets of an extended SA under one address and reqid only.
	 *
	 * @param sa		SA as added
	 * @param keep		address and reqid that it has
	 */
	void (*reduce)(nflog_rules_t *this, nflog_sa_t *sa,
				   nflog_match_t *keep);

	/**
	 * Stop logging the packets of an SA, the receiver gets it back.
	 *
	 * @param sa		SA as added
	 */
	void (*remove)(nflog_rules_t *this, nflog_sa_t *sa);

	/**
	 * Begin to log IKE messages, on the ports of charon's socket, or go on to do so
	 * until end_ike() is called.
	 *
	 * @param enable	TRUE to log them, FALSE if they need not be anymore
	 */
	void (*log_ike)(nflog_rules_t *this, bool enable);

	/**
	 * Stop logging IKE messages, unless log_ike() enabled that since.
	 */
	void (*end_ike)(nflog_rules_t *this);

	/**
	 * Check if IKE messages are to be logged.
	 *
	 * @return			TRUE if log_ike() enabled that
	 */
	bool (*wants_ike)(nflog_rules_t *this);

	/**
	 * Check if IKE messages are logged, or will be once that is possible.
	 *
	 * @return			TRUE if log_ike() enabled that, and end_ike() did not stop it
	 */
	bool (*has_ike)(nflog_rules_t *this);

	/**
	 * Get for how long IKE messages were not logged, though they were to be.
	 *
	 * @return			time in ms, up to now
	 */
	uint64_t (*get_ike_missed)(nflog_rules_t *this);

	/**
	 * Try again what failed.
	 */
	void (*retry)(nflog_rules_t *this);

	/**
	 * Destroy a nflog_rules_t, and with it the table, after all SAs were
	 * removed, and all other calls have returned.
	 */
	void (*destroy)(nflog_rules_t *this);
};

/**
 * Create a nflog_rules_t instance.
 *
 * Its thread starts with the first call of a method, by a thread that has
 * CAP_NET_ADMIN.
 *
 * @param receiver	receives what is logged, gets copied
 */
nflog_rules_t *nflog_rules_create(nflog_receiver_t *receiver);

#endif /** NFLOG_RULES_H_ @}*/
