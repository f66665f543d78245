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
 * @defgroup nflog_entry nflog_entry
 * @{ @ingroup nflog_capture
 *
 * The rules of an SA: those that are wanted, and those that are in place.  IKE messages
 * have an entry as well.
 */

#ifndef NFLOG_ENTRY_H_
#define NFLOG_ENTRY_H_

typedef struct nflog_elements_t nflog_elements_t;

#include "nft_table.h"
#include "sa.h"

/** elements of an SA: on the wire and in the clear, of two addresses and reqids */
#define NFLOG_MAX_ELEMENTS 4

/**
 * Elements of an SA.
 */
struct nflog_elements_t {

	/**
	 * Elements.
	 */
	nflog_element_t list[NFLOG_MAX_ELEMENTS];

	/**
	 * Number of elements.
	 */
	u_int count;
};

/**
 * SA that was added to the rules.
 *
 * Owned by the worker, and guarded by its mutex.  Fields marked as the thread's are
 * changed with the mutex locked, but the worker's thread reads them without it while it
 * is busy with the entry.
 */
struct nflog_entry_t {

	/**
	 * The SA, NULL for IKE messages.
	 */
	nflog_sa_t *sa;

	/**
	 * Elements that are wanted.
	 */
	nflog_elements_t want;

	/**
	 * Elements that are in the table, the thread's.
	 */
	nflog_elements_t have;

	/**
	 * Elements that are in the table after the transaction, the thread's.
	 */
	nflog_elements_t next;

	/**
	 * Element that counts what passes the TUN device, if it needs that, the thread's.
	 */
	nflog_element_t tun;

	/**
	 * Chains that it needs, nflog_need_t.
	 */
	u_int needs;

	/**
	 * Chains that it uses in the table, and after the transaction, the thread's.
	 */
	u_int used, next_used;

	/**
	 * TRUE if the packets logged so far are to be counted as early ones, and TRUE if
	 * the transaction does so, the thread's.
	 */
	bool count_early, counting;

	/**
	 * Number of references: that of the rules, and one of each thread that waits.
	 */
	u_int refs;

	/**
	 * TRUE if it's in the queue.
	 */
	bool queued;

	/**
	 * TRUE if it's in the list of entries to try again.
	 */
	bool failed;

	/**
	 * TRUE while the thread changes its rules.
	 */
	bool busy;

	/**
	 * TRUE if it is to be removed.
	 */
	bool removing;

	/**
	 * TRUE if not all that is wanted is logged.
	 */
	bool missing;

	/**
	 * Time since which rules are missing, if they are, monotonic.
	 */
	timeval_t since;

	/**
	 * Time for which rules were missing before, in ms.
	 */
	uint64_t missed;
};

/**
 * Create a nflog_entry_t.
 *
 * @param sa		SA, not owned, NULL for IKE messages
 * @return			SA with one reference, the elements of its address and reqid are
 *					wanted
 */
nflog_entry_t *nflog_entry_create(nflog_sa_t *sa);

/**
 * Get a reference, so that the entry outlives its removal while the mutex is unlocked.
 *
 * That does not keep the SA, which must not be used once it was removed.
 *
 * @param this		SA
 * @return			SA
 */
nflog_entry_t *nflog_entry_get_ref(nflog_entry_t *this);

/**
 * Release a reference, the last one frees it.
 *
 * @param this		SA
 */
void nflog_entry_put_ref(nflog_entry_t *this);

/**
 * Have an SA take over the rules of its SPI.
 *
 * @param this		SPI, as created for a description without traces
 * @param sa		SA, not owned
 */
void nflog_entry_set_sa(nflog_entry_t *this, nflog_sa_t *sa);

/**
 * Want elements for addresses and reqids only.
 *
 * @param this		SA
 * @param match		its address and reqid
 * @param other		those that it may have as well, NULL if none
 */
void nflog_entry_want(nflog_entry_t *this, nflog_match_t *match,
					  nflog_match_t *other);

/**
 * Is all that is wanted of an SA in the table?
 *
 * @param this		SA
 * @return			TRUE if so
 */
bool nflog_entry_is_complete(nflog_entry_t *this);

/**
 * Not all that is wanted of an SA is logged from now on.
 *
 * @param this		SA
 */
void nflog_entry_begin_missing(nflog_entry_t *this);

/**
 * Add the time for which an SA was not logged, if any, also to the counters of its
 * traces.
 *
 * @param this		SA
 */
void nflog_entry_end_missing(nflog_entry_t *this);

/**
 * Get the time for which an SA was not logged, up to now.
 *
 * @param this		SA
 * @return			time in ms, at least 1 if it is not logged now
 */
uint64_t nflog_entry_get_missed(nflog_entry_t *this);

/**
 * The table is gone with all that was counted.
 *
 * @param this		SA
 */
void nflog_entry_lose(nflog_entry_t *this);

/**
 * The table was changed as it was to be, add what removed elements counted to the
 * counters of the SA's traces.
 *
 * @param this		SA
 */
void nflog_entry_changed(nflog_entry_t *this);

/**
 * Change the rules of SAs to what they are to be next, in one transaction, or in one
 * for each if the kernel refuses that, so that one SA does not keep the others
 * from it.
 *
 * @param table	table
 * @param sas		SAs
 * @param errors	receives an errno for each of them, 0 if successful
 * @param count		number of SAs
 */
void nflog_entry_change(nflog_nft_table_t *table, nflog_entry_t **sas,
						int *errors, u_int count);

/**
 * Is it not known what the kernel did, if changing rules failed?
 *
 * @param err		errno
 * @return			TRUE if the table has to be given up
 */
bool nflog_entry_is_uncertain(int err);

/**
 * Is it about an SPI, which has no SA yet?
 *
 * @param this		SA
 * @return			TRUE if its packets are kept only
 */
bool nflog_entry_is_spi(nflog_entry_t *this);

/**
 * Name an SA for log messages.
 *
 * @param this		SA
 * @param buf		receives the text
 * @param len		size of buf
 * @return			buf
 */
char *nflog_entry_name(nflog_entry_t *this, char *buf, size_t len);

#endif /** NFLOG_ENTRY_H_ @}*/
