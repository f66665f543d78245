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
 * Rules for the SAs, and IKE messages, that are captured, in a table of ours that exists
 * as long as there are any.
 *
 * A thread owns the table, as transactions of any process delay those of others.  It
 * changes several SAs in one transaction.  Methods that add rules wait for the thread for
 * nflog_values_max_wait() at most, and don't wait at all while it is stuck.  All others
 * never wait.
 *
 * What fails is tried again: after a second, which doubles up to a minute, when another
 * SA is added, and by retry().  If the kernel refuses the rules of one side of an SA, the
 * other side is captured.  If an element belongs to another SA, it is added once that
 * releases it.  If it is not known what the kernel carried out, the table is built again.
 * The counters of an SA's traces get the time for which it was not captured.
 *
 * All methods are thread-safe.  No two threads use the same SA, except that one may remove
 * it while another one waits for its rules.
 */
struct nflog_rules_t {

	/**
	 * Log the packets of an SA, or of an SPI that gets one, which has counters for ESP
	 * but no traces.
	 *
	 * @param sa		SA to add, not owned, used until it was removed
	 * @return			TRUE if its rules are in place, FALSE if they are missing, which
	 *					is logged, or if it was removed meanwhile
	 */
	bool (*add)(nflog_rules_t *this, nflog_sa_t *sa);

	/**
	 * Log the packets of an SA with the rules that were added for its SPI.
	 *
	 * @param spi		SPI as added, the rules don't use it anymore
	 * @param sa		SA to add, as for add()
	 * @return			as by add()
	 */
	bool (*take_over)(nflog_rules_t *this, nflog_sa_t *spi,
					  nflog_sa_t *sa);

	/**
	 * Count the packets that were logged so far of an SA that was just installed as
	 * early ones, or a little later if that takes long.
	 *
	 * @param sa		SA as added
	 */
	void (*count_early)(nflog_rules_t *this, nflog_sa_t *sa);

	/**
	 * Log the packets of an SA also for the address and reqid that it is about to get.
	 *
	 * @param sa		SA as added
	 * @param next		next address and reqid
	 * @return			as by add()
	 */
	bool (*extend)(nflog_rules_t *this, nflog_sa_t *sa,
				   nflog_match_t *next);

	/**
	 * Log the packets of an extended SA for one address and reqid only.
	 *
	 * @param sa		SA as added
	 * @param keep		its address and reqid
	 */
	void (*reduce)(nflog_rules_t *this, nflog_sa_t *sa,
				   nflog_match_t *keep);

	/**
	 * Stop logging the packets of an SA.  The receiver gets it back.
	 *
	 * @param sa		SA as added
	 */
	void (*remove)(nflog_rules_t *this, nflog_sa_t *sa);

	/**
	 * Log IKE messages on the ports of charon's socket, at least until they are not
	 * wanted anymore, and end_ike() is called.
	 *
	 * @param enable	TRUE if they are wanted
	 */
	void (*log_ike)(nflog_rules_t *this, bool enable);

	/**
	 * Stop logging IKE messages, unless they are wanted.
	 */
	void (*end_ike)(nflog_rules_t *this);

	/**
	 * Check if IKE messages are wanted.
	 *
	 * @return			TRUE if log_ike() enabled them
	 */
	bool (*wants_ike)(nflog_rules_t *this);

	/**
	 * Check if IKE messages are logged, or will be once that is possible.  Does not
	 * lock anything.
	 *
	 * @return			TRUE if log_ike() enabled them, and end_ike() did not stop that
	 */
	bool (*has_ike)(nflog_rules_t *this);

	/**
	 * Get for how long IKE messages were not logged, although they were wanted.
	 *
	 * @return			time in ms, up to now
	 */
	uint64_t (*get_ike_missed)(nflog_rules_t *this);

	/**
	 * Try again what failed.
	 */
	void (*retry)(nflog_rules_t *this);

	/**
	 * Destroy a nflog_rules_t and the table, after all SAs were removed, and all other
	 * calls have returned.
	 */
	void (*destroy)(nflog_rules_t *this);
};

/**
 * Create a nflog_rules_t instance.
 *
 * Its thread is created by the first call that needs it, so that it has CAP_NET_ADMIN
 * if the caller has it.
 *
 * @param receiver	receives what is logged, gets copied
 */
nflog_rules_t *nflog_rules_create(nflog_receiver_t *receiver);

#endif /** NFLOG_RULES_H_ @}*/
