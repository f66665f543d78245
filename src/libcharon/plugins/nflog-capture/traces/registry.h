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
 * @defgroup nflog_registry nflog_registry
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_REGISTRY_H_
#define NFLOG_REGISTRY_H_

typedef struct nflog_registry_t nflog_registry_t;
typedef enum nflog_listing_wait_t nflog_listing_wait_t;

#include "listing.h"
#include "trace.h"

/** traces that ended, or that there should have been, which are remembered */
#define NFLOG_REGISTRY_HISTORY 1000

/**
 * What to wait for.
 */
enum nflog_listing_wait_t {
	/** it has begun, or ended */
	NFLOG_LISTING_BEGUN,
	/** it ended */
	NFLOG_LISTING_COMPLETE,
};

/**
 * Knows all traces: those that are written, and of those that ended, or failed to begin,
 * the last NFLOG_REGISTRY_HISTORY.
 *
 * A listing belongs to the trace that was created with it, until end() or drop().  What is
 * known of a trace is copied when the trace has written packets, so whoever looks at
 * listings does not use counters of others.
 *
 * All methods but destroy() are thread-safe.  The lock is held for moments only, no other
 * one is locked meanwhile, and no file accessed.
 */
struct nflog_registry_t {

	/**
	 * Add a listing for a trace.
	 *
	 * @param subject	CHILD_SA or IKE_SA, cloned
	 * @param point		capture point of arriving packets
	 * @return			listing, to be passed to end() or drop()
	 */
	nflog_listing_t *(*add)(nflog_registry_t *this, nflog_candidate_t *subject,
						   nflog_point_t point);

	/**
	 * Remember that a trace was wanted, but that there is none.
	 *
	 * @param subject	CHILD_SA or IKE_SA, cloned
	 * @param point		capture point of arriving packets
	 * @param note		why there is none
	 */
	void (*refuse)(nflog_registry_t *this, nflog_candidate_t *subject,
				   nflog_point_t point, char *note);

	/**
	 * Set what a trace lacks, or why it does not begin.
	 *
	 * @param listing	listing of the trace
	 * @param note		text
	 */
	void (*set_note)(nflog_registry_t *this, nflog_listing_t *listing, char *note);

	/**
	 * Note that a trace begins, after update() if its file can't be created.  Called by the
	 * writer's thread.
	 *
	 * @param listing	listing of the trace
	 * @param trace		the trace
	 * @param dir		directory of its files
	 * @param file		name of its first file
	 */
	void (*begin)(nflog_registry_t *this, nflog_listing_t *listing,
				  nflog_trace_t *trace, char *dir, char *file);

	/**
	 * Note that a trace has written packets, or failed to.  Called by the writer's thread.
	 *
	 * @param listing	listing of the trace
	 * @param counts	counters of both capture points
	 * @param file		name of its current file
	 * @param error		why packets can't be written, NULL if they can
	 */
	void (*update)(nflog_registry_t *this, nflog_listing_t *listing,
				   nflog_counters_t *counts, char *file, const char *error);

	/**
	 * Note that a trace ended, which owns its listing no longer.  Called by the writer's
	 * thread.
	 *
	 * @param listing	listing of the trace
	 * @param counts	counters of both capture points, complete
	 */
	void (*end)(nflog_registry_t *this, nflog_listing_t *listing,
				nflog_counters_t *counts);

	/**
	 * Forget a trace that never began, or remember it as failed, if it has a note.
	 *
	 * @param listing	listing of the trace
	 */
	void (*drop)(nflog_registry_t *this, nflog_listing_t *listing);

	/**
	 * Get all listings, in the order they were added.
	 *
	 * @param count		receives their number
	 * @return			array (allocated) of listings, each is to be released
	 */
	nflog_listing_t **(*get_all)(nflog_registry_t *this, u_int *count);

	/**
	 * Get what is known of a trace.
	 *
	 * @param listing	listing of the trace
	 * @param data		receives the data
	 */
	void (*get)(nflog_registry_t *this, nflog_listing_t *listing,
				nflog_listing_data_t *data);

	/**
	 * Release a listing.
	 *
	 * @param listing	listing that get_all() returned
	 */
	void (*release)(nflog_registry_t *this, nflog_listing_t *listing);

	/**
	 * Let the writer handle a trace, unless it ended: once it has written all packets that
	 * were logged until now, it calls handle().  A trace that was created begins before that,
	 * unless it waits for its SA.
	 *
	 * @param listing	listing of the trace
	 * @param rotate	TRUE to rotate its files then
	 * @return			number of the mark, for wait_mark(), 0 if there is nothing to handle
	 */
	uint64_t (*mark)(nflog_registry_t *this, nflog_listing_t *listing, bool rotate);

	/**
	 * Get the time of the first mark that was not handled.
	 *
	 * @param time		receives the time, monotonic
	 * @return			FALSE if no trace is marked
	 */
	bool (*get_mark)(nflog_registry_t *this, timeval_t *time);

	/**
	 * Handle the traces that were marked up to some time, in that order.  Called by the
	 * writer's thread.
	 *
	 * @param until		all packets logged until then are written, monotonic time
	 */
	void (*handle)(nflog_registry_t *this, timeval_t *until);

	/**
	 * Wait until a trace was handled, or ended.
	 *
	 * @param listing	listing of the trace
	 * @param mark		number of the mark
	 * @param timeout	ms to wait at most
	 * @return			FALSE if that did not happen
	 */
	bool (*wait_mark)(nflog_registry_t *this, nflog_listing_t *listing, uint64_t mark,
					  u_int timeout);

	/**
	 * Wait for a trace.
	 *
	 * @param listing	listing of the trace
	 * @param what		what to wait for
	 * @param timeout	ms to wait at most
	 * @return			FALSE if that did not happen
	 */
	bool (*wait)(nflog_registry_t *this, nflog_listing_t *listing,
				 nflog_listing_wait_t what, u_int timeout);

	/**
	 * Destroy a nflog_registry_t, no trace is left.
	 */
	void (*destroy)(nflog_registry_t *this);
};

/**
 * Create a nflog_registry_t instance.
 */
nflog_registry_t *nflog_registry_create();

#endif /** NFLOG_REGISTRY_H_ @}*/
