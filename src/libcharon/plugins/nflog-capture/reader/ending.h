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
 * @defgroup nflog_ending nflog_ending
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_ENDING_H_
#define NFLOG_ENDING_H_

typedef struct nflog_ending_t nflog_ending_t;
typedef struct nflog_ending_parts_t nflog_ending_parts_t;

#include "early.h"
#include "ike_messages.h"
#include "ip6_fragments.h"
#include "lanes.h"
#include "sa_lookup.h"
#include "rules/rules.h"
#include "traces/writer.h"

/**
 * What the thread works on, not owned.
 */
struct nflog_ending_parts_t {
	/** lanes to close, locked while the SAs that they look up change */
	nflog_lanes_t *lanes;
	/** rules to remove */
	nflog_rules_t *rules;
	/** SAs to remove */
	nflog_sa_lookup_t *sa_lookup;
	/** SAs that are not captured */
	nflog_ts_lookup_t *ts_lookup;
	/** SPIs that expire */
	nflog_early_t *early;
	/** counts what was dropped, used with all lanes locked */
	nflog_ip6_fragments_t *ip6_fragments;
	/** IKE messages to flush, and traces of IKE_SAs to end */
	nflog_ike_messages_t *ike_messages;
	/** to which traces are released */
	nflog_writer_t *writer;
};

/**
 * Thread that ends SAs, the traces of IKE_SAs, and the waiting for SPIs, and that closes
 * the lanes after the last of these.
 *
 * Rules of an SA are removed first, then the packets are awaited that they logged.
 *
 * If charon itself does ESP (kernel-libipsec), packets that it encrypted wait in
 * the queue of its sender, and decrypted ones for the thread that passes them on.
 * The rules of such an SA stay until these were seen: as many as the SA counted.
 *
 * Each wait has a limit.  If that is reached before all packets were read, the counters
 * of the trace say so.
 *
 * All methods are thread-safe, and return at once.
 */
struct nflog_ending_t {

	/**
	 * Make sure that the thread is running.
	 *
	 * @return			FALSE if it can't be created
	 */
	bool (*start)(nflog_ending_t *this);

	/**
	 * Wake up the thread, as there may be something to do.
	 */
	void (*wake)(nflog_ending_t *this);

	/**
	 * End an SA, once all packets are read.
	 *
	 * @param sa		SA with rules, gets owned
	 */
	void (*add)(nflog_ending_t *this, nflog_sa_t *sa);

	/**
	 * The rules of such an SA were removed just now.
	 *
	 * @param sa		SA
	 */
	void (*drain)(nflog_ending_t *this, nflog_sa_t *sa);

	/**
	 * Get the packets that were dropped before it was known whose they are.
	 *
	 * @param missed	receives their numbers
	 */
	void (*get_missed)(nflog_ending_t *this, nflog_missed_t *missed);

	/**
	 * Destroy a nflog_ending_t, after all SAs have ended, and lanes were closed.
	 */
	void (*destroy)(nflog_ending_t *this);
};

/**
 * Create a nflog_ending_t instance.
 *
 * @param parts		what the thread works on
 */
nflog_ending_t *nflog_ending_create(nflog_ending_parts_t *parts);

#endif /** NFLOG_ENDING_H_ @}*/
