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
 * The rules of an SA: those that are wanted, and those that are in the kernel.  IKE
 * messages have an entry as well.
 */

#ifndef NFLOG_ENTRY_H_
#define NFLOG_ENTRY_H_

typedef struct nflog_side_t nflog_side_t;
typedef enum nflog_entry_state_t nflog_entry_state_t;

#include "use.h"
#include "sa.h"

/** sides of an SA, that of IKE messages is the first one; the last one are packets that
 *  leave without it */
#define NFLOG_SIDE_ESP 0
#define NFLOG_SIDE_PLAIN 1
#define NFLOG_SIDE_MISSED 2
#define NFLOG_SIDES 3

/** a bit for each side */
#define NFLOG_ALL_SIDES ((1 << NFLOG_SIDES) - 1)

/**
 * One side of an SA, each is captured even if the kernel refuses the rules of others.
 *
 * The thread of the rules changes have with the mutex locked, and reads it without.
 * It uses next and result while the entry is busy.  The mutex guards all else.
 */
struct nflog_side_t {
	/** entry that it is a side of */
	nflog_entry_t *entry;
	/** counters of the capture point, NULL if not captured, or of IKE messages */
	nflog_counters_t *count;
	/** what is wanted, what is in the table, and what is after the transaction */
	nflog_use_t want, have, next;
	/** errno of the last transaction, 0 if it succeeded or there was none, and that of
	 *  the current one */
	int err, result;
	/** TRUE if not all that is wanted is in the table */
	bool missing;
	/** since when that is so, monotonic */
	timeval_t since;
	/** for how long that was so before, in ms */
	uint64_t missed;
};

/**
 * What is to be done for an entry, see nflog_pending_t.
 */
enum nflog_entry_state_t {
	/** nothing */
	ENTRY_IDLE,
	/** to change its rules */
	ENTRY_QUEUED,
	/** to try again later */
	ENTRY_FAILED,
	/** to try again once another SA releases an element */
	ENTRY_BLOCKED,
};

/** number of states */
#define NFLOG_ENTRY_STATES 4

/**
 * An SA, or IKE messages, that was added to the rules.
 *
 * Owned by the rules and guarded by their mutex, but for fields of the thread, which are
 * accessed like those of nflog_side_t.
 */
struct nflog_entry_t {
	/** the SA, NULL for IKE messages; it must not be used once removed */
	nflog_sa_t *sa;
	/** its sides */
	nflog_side_t sides[NFLOG_SIDES];
	/** element that counts what passes the TUN device, the thread's */
	nflog_element_t tun;
	/** TRUE to count the packets logged so far as early ones, and TRUE if the current
	 *  transaction does that, the thread's */
	bool count_early, counting;
	/** what is to be done */
	nflog_entry_state_t state;
	/** TRUE while the thread changes its rules */
	bool busy;
	/** TRUE if it is to be removed */
	bool removing;
	/** sides that were logged as missing, a bit each, and one more if blocked */
	u_int logged;
	/** references: one of the rules, and one of each thread that waits */
	u_int refs;
};

/**
 * Create a nflog_entry_t with one reference, which wants what its SA needs.
 *
 * @param sa		SA, not owned, NULL for IKE messages
 * @return			entry
 */
nflog_entry_t *nflog_entry_create(nflog_sa_t *sa);

/**
 * Release a reference, the last one frees the entry.
 *
 * @param this		entry
 */
void nflog_entry_put_ref(nflog_entry_t *this);

/**
 * Have an SA take over the rules of its SPI.
 *
 * @param this		entry of the SPI
 * @param sa		SA, not owned
 */
void nflog_entry_set_sa(nflog_entry_t *this, nflog_sa_t *sa);

/**
 * Set for which addresses and reqids rules are wanted.
 *
 * @param this		entry
 * @param match		address and reqid
 * @param other		another address and reqid, NULL if none
 */
void nflog_entry_want(nflog_entry_t *this, nflog_match_t *match,
					  nflog_match_t *other);

/**
 * Get the sides of which not all that is wanted is in the table.
 *
 * @param this		entry
 * @return			one bit for each side, 0 if the entry is complete
 */
u_int nflog_entry_get_incomplete(nflog_entry_t *this);

/**
 * Check if an incomplete entry only waits for elements of other SAs.
 *
 * @param this		entry
 * @return			TRUE if so
 */
bool nflog_entry_is_blocked(nflog_entry_t *this);

/**
 * Check if an entry is about to release an element that another one waits for.
 *
 * @param this		entry, the transaction of which succeeded
 * @param other		entry that waits
 * @return			TRUE if so
 */
bool nflog_entry_unblocks(nflog_entry_t *this, nflog_entry_t *other);

/**
 * Check if anything of an entry is in the table.
 *
 * @param this		entry
 * @return			TRUE if so
 */
bool nflog_entry_is_used(nflog_entry_t *this);

/**
 * Begin to measure for how long incomplete sides are not captured.
 *
 * @param this		entry
 */
void nflog_entry_begin_missing(nflog_entry_t *this);

/**
 * End to do so for complete sides, or for all if the entry is to be removed, and add
 * the time to their counters.
 *
 * @param this		entry
 * @return			TRUE if sides were missing, and none is anymore
 */
bool nflog_entry_end_missing(nflog_entry_t *this);

/**
 * Get for how long an entry was not captured, up to now.
 *
 * @param this		entry
 * @return			time of the side that missed more, in ms, at least 1 if one is
 *					missing now
 */
uint64_t nflog_entry_get_missed(nflog_entry_t *this);

/**
 * Handle the loss of the table with all that it counted.
 *
 * @param this		entry
 */
void nflog_entry_lose(nflog_entry_t *this);

/**
 * Prepare the change of an entry to what is wanted.
 *
 * @param this		entry, gets busy
 */
void nflog_entry_begin(nflog_entry_t *this);

/**
 * Change the rules of entries in one transaction, or in one for each side if the kernel
 * refuses that, so that one of them does not prevent the others.
 *
 * Called without the mutex.
 *
 * @param table		table
 * @param entries	entries that are busy
 * @param count		number of entries
 * @return			FALSE if it is not known what is in the table
 */
bool nflog_entry_change(nflog_nft_table_t *table, nflog_entry_t **entries,
						u_int count);

/**
 * Note what was changed, add what removed elements counted to the counters of the sides.
 *
 * @param this		entry, is not busy anymore
 * @return			errno of a side that failed, EEXIST only if no side failed
 *					otherwise, 0 if successful
 */
int nflog_entry_end(nflog_entry_t *this);

/**
 * Check if an entry is for an SPI that has no SA yet.
 *
 * @param this		entry
 * @return			TRUE if so
 */
bool nflog_entry_is_spi(nflog_entry_t *this);

/**
 * Name an entry, or one of its sides if it has two, for log messages.
 *
 * @param this		entry
 * @param sides		sides to name, a bit each
 * @param buf		receives the text
 * @param len		size of buf
 * @return			buf
 */
char *nflog_entry_name(nflog_entry_t *this, u_int sides, char *buf, size_t len);

#endif /** NFLOG_ENTRY_H_ @}*/
