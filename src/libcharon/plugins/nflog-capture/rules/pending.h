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
 * Entries with rules to change, when to try again what failed, and lines to log about
 * that.
 *
 * What failed is tried again after a second, which doubles up to a minute.  An entry that
 * is blocked by another SA is tried again once that releases the element.
 *
 * Not thread-safe, guarded by the mutex of the rules.
 */
struct nflog_pending_t {

	/**
	 * Queue an entry to have its rules changed.
	 *
	 * @param entry		entry, not owned
	 * @param first		TRUE to do that before others
	 */
	void (*add)(nflog_pending_t *this, nflog_entry_t *entry, bool first);

	/**
	 * Get the next entry from the queue, and remove it there.
	 *
	 * @return			entry, NULL if there is none
	 */
	nflog_entry_t *(*take)(nflog_pending_t *this);

	/**
	 * Check if there are entries in the queue.
	 *
	 * @return			TRUE if so
	 */
	bool (*has_any)(nflog_pending_t *this);

	/**
	 * Try again later to change the rules of an entry, unless it is in the queue.
	 *
	 * @param entry		entry, not owned
	 */
	void (*fail)(nflog_pending_t *this, nflog_entry_t *entry);

	/**
	 * Queue the entries that wait for elements that an entry is about to release.
	 *
	 * @param entry		entry, the transaction of which succeeded
	 */
	void (*unblock)(nflog_pending_t *this, nflog_entry_t *entry);

	/**
	 * Queue all entries that failed.
	 *
	 * @return			TRUE if there are any
	 */
	bool (*retry)(nflog_pending_t *this);

	/**
	 * Forget an entry.
	 *
	 * @param entry		entry
	 */
	void (*remove)(nflog_pending_t *this, nflog_entry_t *entry);

	/**
	 * Set why rules could not be added.  A reason that differs from the last one is
	 * logged.
	 *
	 * @param reason	reason, with its remedy, gets copied
	 */
	void (*set_reason)(nflog_pending_t *this, const char *reason);

	/**
	 * Queue what failed if it is due, or forget the reason if nothing failed is left.
	 *
	 * @return			when to call this again, monotonic, NULL if nothing failed is left
	 */
	timeval_t *(*check)(nflog_pending_t *this);

	/**
	 * Log a line once the mutex is unlocked.
	 *
	 * @param level		log level
	 * @param fmt		format of printf(3), without strongSwan's own conversions
	 */
	void (*log)(nflog_pending_t *this, level_t level, const char *fmt, ...);

	/**
	 * Log which sides of an entry are not captured, and why, if that changed.  Nothing is
	 * logged for an SPI, as the SA that gets it has the same to log.
	 *
	 * @param entry		entry
	 */
	void (*log_missing)(nflog_pending_t *this, nflog_entry_t *entry);

	/**
	 * Log that an entry is captured now, or ended, and for how long it was not.
	 *
	 * @param entry		entry
	 */
	void (*log_missed)(nflog_pending_t *this, nflog_entry_t *entry);

	/**
	 * Check if there are lines to log.
	 *
	 * @return			TRUE if so
	 */
	bool (*has_lines)(nflog_pending_t *this);

	/**
	 * Unlock the mutex of the rules, then log all lines.
	 *
	 * Writing a log file takes as long as its file system does, and charon's threads
	 * wait for that mutex.
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
