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
 * @defgroup nflog_listing nflog_listing
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_LISTING_H_
#define NFLOG_LISTING_H_

typedef struct nflog_listing_t nflog_listing_t;
typedef struct nflog_listing_data_t nflog_listing_data_t;
typedef enum nflog_listing_state_t nflog_listing_state_t;

#include "counters.h"
#include "packet.h"
#include "files/trace_name.h"
#include "options/criteria.h"

#include <limits.h>

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
 * What is known of a trace, as nflog_listing_data_t, but in less memory.  Guarded by the
 * registry that has it.
 */
struct nflog_listing_t {

	/**
	 * Identifies the trace.
	 */
	uint64_t id;

	/**
	 * CHILD_SA or IKE_SA, owned.  And if more was known later, the same with that, NULL
	 * before.
	 */
	nflog_candidate_t *subject, *completed;

	/**
	 * Capture point of arriving packets, and state of the trace.
	 */
	nflog_point_t point;
	nflog_listing_state_t state;

	/**
	 * What the trace lacks, and why packets can't be written, NULL if there is nothing to
	 * say.
	 */
	char *note, *error;

	/**
	 * When it was created, and when it ended.
	 */
	time_t since, until;

	/**
	 * Directory of its files, the first and the current one, NULL before it begins.
	 */
	char *dir, *first, *file;

	/**
	 * SPIs as in the name of the file.
	 */
	char spis[2][NFLOG_IKE_DIGITS + 1];

	/**
	 * How often its files were rotated, and its counters.
	 */
	u_int rotations;
	nflog_counters_t counts[2];

	/**
	 * The trace, NULL before it begins, and after it ended.
	 */
	nflog_trace_t *trace;

	/**
	 * References.
	 */
	u_int refs;
};

/**
 * Create a listing with one reference.
 *
 * @param subject	CHILD_SA or IKE_SA, cloned
 * @param point		capture point of arriving packets
 * @param state		state
 */
nflog_listing_t *nflog_listing_create(nflog_candidate_t *subject, nflog_point_t point,
									  nflog_listing_state_t state);

/**
 * Destroy a listing without references.
 */
void nflog_listing_destroy(nflog_listing_t *listing);

/**
 * Replace a string of a listing, unless it is the same.
 *
 * @param to		string to replace, NULL for none
 * @param from		new one, cloned, NULL for none
 */
void nflog_listing_set(char **to, const char *from);

/**
 * Set the state of a trace that has not ended, by what else is known of it.
 */
void nflog_listing_set_state(nflog_listing_t *listing);

/**
 * Get what is known of a trace.
 *
 * @param data		receives the data
 */
void nflog_listing_get(nflog_listing_t *listing, nflog_listing_data_t *data);

#endif /** NFLOG_LISTING_H_ @}*/
