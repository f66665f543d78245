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
typedef struct nflog_listing_t nflog_listing_t;
typedef struct nflog_listing_data_t nflog_listing_data_t;
typedef enum nflog_listing_state_t nflog_listing_state_t;
typedef enum nflog_listing_wait_t nflog_listing_wait_t;

#include "counters.h"
#include "trace.h"
#include "files/trace_name.h"
#include "options/criteria.h"

#include <limits.h>

/** traces that ended, or that there should have been, which are remembered */
#define NFLOG_REGISTRY_HISTORY 1000

/** size of the buffer for why a trace is not written, or what its listing has to say */
#define NFLOG_REGISTRY_NOTE 256

/**
 * State of a trace.
 */
enum nflog_listing_state_t {
	/** its SAs are not installed yet, or its IKE_SA is not established */
	NFLOG_LISTING_WAITING,
	/** packets are written */
	NFLOG_LISTING_RUNNING,
	/** packets can't be written at the moment */
	NFLOG_LISTING_INTERRUPTED,
	/** complete */
	NFLOG_LISTING_ENDED,
	/** wanted, but there is no trace, or not yet */
	NFLOG_LISTING_FAILED,
};

/**
 * Names of states, as in answers on the control socket.
 */
extern enum_name_t *nflog_listing_state_names;

/**
 * What to wait for.
 */
enum nflog_listing_wait_t {
	/** it is not marked anymore, or ended */
	NFLOG_LISTING_HANDLED,
	/** it has begun, or ended */
	NFLOG_LISTING_BEGUN,
	/** it ended */
	NFLOG_LISTING_COMPLETE,
};

/**
 * What is known of a trace at some time.
 */
struct nflog_listing_data_t {
	/** identifies the trace while charon runs, from 1 on */
	uint64_t id;
	/** CHILD_SA or IKE_SA, what it points to is owned by the listing and does not change */
	nflog_candidate_t subject;
	/** capture point of arriving packets, the next one is of leaving packets */
	nflog_point_t point;
	/** state */
	nflog_listing_state_t state;
	/** why it is in that state, or what it lacks, empty if there is nothing to say */
	char note[NFLOG_REGISTRY_NOTE];
	/** when it was created, wall clock */
	time_t since;
	/** when it ended, wall clock, 0 if it did not */
	time_t until;
	/** TRUE if packets can't be written, or could not to the end, which note explains */
	bool interrupted;
	/** directory of its files, owned by the listing, empty before it begins */
	char *dir;
	/** first file, which may be gone, owned by the listing, empty before it begins */
	char *first;
	/** current or last file, empty before it begins */
	char file[NAME_MAX + 1];
	/** both SPIs as in the name of the file, empty before it begins */
	char spis[2][NFLOG_IKE_DIGITS + 1];
	/** how often its files were rotated by hand */
	u_int rotations;
	/** counters of arriving and of leaving packets; while it is written only packets,
	 * bytes, cut, filtered, beyond, budget, refused, received, and overrun */
	nflog_counters_t counts[2];
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
	 * Let the writer handle a trace, if it has begun and not ended: after it has written the
	 * packets that are due, it calls handle().
	 *
	 * @param listing	listing of the trace
	 * @param rotate	TRUE to rotate its files then
	 * @return			FALSE if there is nothing to handle
	 */
	bool (*mark)(nflog_registry_t *this, nflog_listing_t *listing, bool rotate);

	/**
	 * Handle the marked traces.  Called by the writer's thread.
	 */
	void (*handle)(nflog_registry_t *this);

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
