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
 * @defgroup nflog_worker nflog_worker
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_WORKER_H_
#define NFLOG_WORKER_H_

typedef struct nflog_worker_t nflog_worker_t;
typedef struct nflog_receiver_t nflog_receiver_t;

#include "pending.h"

#include <collections/linked_list.h>

/** size of the text that states why something failed, and the remedy, in bytes */
#define NFLOG_REASON_LEN 256

/**
 * Receives what the rules log.  Called by the thread of the rules, without any lock.
 */
struct nflog_receiver_t {

	/**
	 * Open the NFLOG groups, before rules log to them.
	 *
	 * @param data		data of the receiver
	 * @param group		receives the first NFLOG group
	 * @param lanes		receives the number of lanes, a power of two, each has two
	 *					groups, and one more follows
	 * @param reason	receives the reason if that failed, with its remedy
	 * @return			FALSE if that failed
	 */
	bool (*open)(void *data, uint16_t *group, u_int *lanes,
				 char reason[NFLOG_REASON_LEN]);

	/**
	 * Rules are about to log packets that leave without their SA, to the group behind those
	 * of the lanes.
	 *
	 * @param data		data of the receiver
	 */
	void (*missed)(void *data);

	/**
	 * There are no rules anymore that log to the NFLOG groups.
	 *
	 * @param data		data of the receiver
	 */
	void (*close)(void *data);

	/**
	 * The rules of an SA were removed, what they logged was added to the counters of its
	 * traces.
	 *
	 * @param data		data of the receiver
	 * @param sa		SA as added, the rules don't use it anymore
	 */
	void (*removed)(void *data, nflog_sa_t *sa);

	/** data of the receiver */
	void *data;
};

/**
 * Has all entries, and the table in the kernel, which it keeps in line with what entries
 * want.
 *
 * All methods but destroy() are called with the mutex of the rules locked.  The thread of
 * the rules calls process() and close(), which unlock the mutex during transactions.
 */
struct nflog_worker_t {

	/**
	 * Add an entry.
	 *
	 * @param entry		entry, gets owned
	 */
	void (*add)(nflog_worker_t *this, nflog_entry_t *entry);

	/**
	 * Remove an entry without rules.
	 *
	 * @param entry		entry
	 * @return			its SA, NULL for IKE messages, to be passed to the receiver
	 */
	nflog_sa_t *(*remove)(nflog_worker_t *this, nflog_entry_t *entry);

	/**
	 * Change the rules of pending entries, some of them at least, in a table that is
	 * created if need be.
	 *
	 * @param removed	receives SAs that were removed, to be passed to the receiver, NULL
	 *					for IKE messages
	 */
	void (*process)(nflog_worker_t *this, linked_list_t *removed);

	/**
	 * Remove the table if there are no entries.
	 *
	 * @return			TRUE if it was removed
	 */
	bool (*close)(nflog_worker_t *this);

	/**
	 * Destroy a nflog_worker_t, after all entries and the table were removed.
	 */
	void (*destroy)(nflog_worker_t *this);
};

/**
 * Create a nflog_worker_t instance.
 *
 * @param receiver	receives what is logged, gets copied
 * @param pending	entries with work to do, not owned
 * @param mutex		mutex of the rules, not owned
 */
nflog_worker_t *nflog_worker_create(nflog_receiver_t *receiver,
									nflog_pending_t *pending, mutex_t *mutex);

#endif /** NFLOG_WORKER_H_ @}*/
