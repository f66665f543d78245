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
 * @defgroup nflog_pending nflog_pending
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_PENDING_H_
#define NFLOG_PENDING_H_

typedef struct nflog_pending_t nflog_pending_t;

#include "entry.h"

#include <threading/mutex.h>

/**
 * SAs with rules that are to be changed, when to try again what failed, after a
 * second, which doubles to a minute, and what to log about that.
 *
 * Not thread-safe, guarded by the mutex of the rules.
 */
struct nflog_pending_t {

	/**
	 * Have the rules of an SA changed.
	 *
	 * @param sa		SA, not owned
	 * @param first		TRUE to do that before others
	 */
	void (*add)(nflog_pending_t *this, nflog_entry_t *sa,
				bool first);

	/**
	 * Get an SA with rules to change, it's not pending anymore.
	 *
	 * @return			SA, NULL if there is none
	 */
	nflog_entry_t *(*take)(nflog_pending_t *this);

	/**
	 * Check if there are SAs with rules to change.
	 *
	 * @return			TRUE if so
	 */
	bool (*has_any)(nflog_pending_t *this);

	/**
	 * Have the rules of an SA, which could not be changed, changed later.
	 *
	 * @param sa		SA, not owned
	 */
	void (*fail)(nflog_pending_t *this, nflog_entry_t *sa);

	/**
	 * Note why rules could not be added, a new reason is logged.
	 *
	 * @param reason	reason, with its remedy
	 */
	void (*note)(nflog_pending_t *this, const char *reason);

	/**
	 * Get the reason why rules could not be added.
	 *
	 * @return			reason as noted, NULL if there is none
	 */
	const char *(*get_reason)(nflog_pending_t *this);

	/**
	 * Try again now what failed.
	 *
	 * @return			TRUE if there is something to try
	 */
	bool (*retry)(nflog_pending_t *this);

	/**
	 * Try again what failed if it is due, or forget the reason if nothing is left.
	 *
	 * @return			when to call this again, monotonic, NULL if nothing is left
	 */
	timeval_t *(*check)(nflog_pending_t *this);

	/**
	 * Forget an SA, wherever it is.
	 *
	 * @param sa		SA
	 */
	void (*remove)(nflog_pending_t *this, nflog_entry_t *sa);

	/**
	 * Have it logged that an SA is not captured, as rules are missing.  Nothing is
	 * logged for an SPI, as the SA that gets it has the same to say.
	 *
	 * @param sa		SA
	 * @param reason	why that is so, gets copied
	 */
	void (*log_missing)(nflog_pending_t *this, nflog_entry_t *sa,
						const char *reason);

	/**
	 * Have it logged that the rules of an SA are in place, after they were missing.
	 *
	 * @param sa		SA
	 */
	void (*log_complete)(nflog_pending_t *this, nflog_entry_t *sa);

	/**
	 * Have it logged, on level 2, how the rules of an SA are being changed, before it is
	 * noted in the entry.
	 *
	 * @param sa		SA
	 */
	void (*log_changed)(nflog_pending_t *this, nflog_entry_t *sa);

	/**
	 * Have it logged that an SA ended while rules were missing.
	 *
	 * @param sa		SA
	 */
	void (*log_ended)(nflog_pending_t *this, nflog_entry_t *sa);

	/**
	 * Check if there is anything to log.
	 *
	 * @return			TRUE if so
	 */
	bool (*has_lines)(nflog_pending_t *this);

	/**
	 * Unlock the mutex of the rules, and then log what there is to log.
	 *
	 * Writing a log file may take as long as its file system likes, and charon's
	 * threads wait for that mutex.
	 *
	 * @param mutex		mutex, locked
	 */
	void (*unlock)(nflog_pending_t *this, mutex_t *mutex);

	/**
	 * Destroy a nflog_pending_t.
	 */
	void (*destroy)(nflog_pending_t *this);
};

/**
 * Create a nflog_pending_t instance.
 */
nflog_pending_t *nflog_pending_create();

#endif /** NFLOG_PENDING_H_ @}*/
