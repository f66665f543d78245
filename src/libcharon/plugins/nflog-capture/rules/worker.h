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

/** longest text of why something failed, with its remedy */
#define NFLOG_REASON_LEN 256

/**
 * Receives what the rules log, called by the thread of the rules, which has nothing
 * locked.
 */
struct nflog_receiver_t {

	/**
	 * Have the NFLOG groups open, before there are rules, and while there are.
	 *
	 * @param data		data of the receiver
	 * @param group		receives the first NFLOG group
	 * @param lanes		receives the number of lanes, a power of two, each has two
	 *					groups
	 * @param reason	receives the reason if not possible, with its remedy
	 * @return			FALSE if not possible
	 */
	bool (*open)(void *data, uint16_t *group, u_int *lanes,
				 char reason[NFLOG_REASON_LEN]);

	/**
	 * There are no rules anymore.
	 *
	 * @param data		data of the receiver
	 */
	void (*close)(void *data);

	/**
	 * The rules of an SA were removed, logged packets were added to the counters of
	 * its traces.
	 *
	 * @param data		data of the receiver
	 * @param sa		SA as added, not used here anymore
	 */
	void (*removed)(void *data, nflog_sa_t *sa);

	/** data of the receiver */
	void *data;
};

/**
 * Thread that brings the rules of SAs, and of IKE messages, in place.
 *
 * It owns the table, which exists while there are entries, carries out what is wanted of
 * several entries in one transaction, tries again what failed, and builds the table
 * again if it is not known what the kernel carried out.
 *
 * The thread starts with the first entry, so it has the capabilities of its caller.
 * All methods but lock() and destroy() are called with the mutex locked.
 */
struct nflog_worker_t {

	/**
	 * Lock the mutex, which guards all entries.
	 */
	void (*lock)(nflog_worker_t *this);

	/**
	 * Unlock the mutex, and log what there is to log.
	 */
	void (*unlock)(nflog_worker_t *this);

	/**
	 * Add an entry, and wait until its rules are in place, as apply() does.
	 *
	 * @param entry		entry, gets owned
	 * @return			TRUE if so
	 */
	bool (*add)(nflog_worker_t *this, nflog_entry_t *entry);

	/**
	 * Have the rules of an entry changed to what is wanted, and wait for that, for
	 * nflog_values_max_wait() at most.  The mutex is not locked meanwhile.
	 *
	 * Once somebody waited in vain, nobody else does, until the thread goes on.
	 *
	 * @param entry		entry
	 * @return			TRUE if all rules are in place, FALSE if that is tried again,
	 *					which is logged, or if the entry was removed meanwhile, so
	 *					neither it nor its SA are to be used anymore
	 */
	bool (*apply)(nflog_worker_t *this, nflog_entry_t *entry);

	/**
	 * Have the packets counted that were logged so far, and wait for that, as apply()
	 * does.
	 *
	 * @param entry		entry, of an SA that was just installed
	 */
	void (*count_early)(nflog_worker_t *this, nflog_entry_t *entry);

	/**
	 * Have the rules of an entry changed to what is wanted, without waiting.
	 *
	 * @param entry		entry
	 */
	void (*change)(nflog_worker_t *this, nflog_entry_t *entry);

	/**
	 * Remove an entry, and then its rules.  The receiver gets its SA.
	 *
	 * @param entry		entry
	 * @return			TRUE if it is gone already, as there is no thread, so that the
	 *					receiver does not get the SA
	 */
	bool (*remove)(nflog_worker_t *this, nflog_entry_t *entry);

	/**
	 * Try again now what failed.
	 */
	void (*retry)(nflog_worker_t *this);

	/**
	 * Destroy a nflog_worker_t, once all entries were removed, with the table.
	 */
	void (*destroy)(nflog_worker_t *this);
};

/**
 * Create a nflog_worker_t instance.
 *
 * @param receiver	receives what is logged, gets copied
 */
nflog_worker_t *nflog_worker_create(nflog_receiver_t *receiver);

#endif /** NFLOG_WORKER_H_ @}*/
