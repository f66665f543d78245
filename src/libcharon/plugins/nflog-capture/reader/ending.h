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
#include "misses.h"
#include "sa_lookup.h"
#include "rules/rules.h"
#include "traces/writer.h"

/**
 * Objects that the thread works on, not owned.
 */
struct nflog_ending_parts_t {
	/** lanes to close, locked while the SAs that they look up change */
	nflog_lanes_t *lanes;
	/** rules to remove */
	nflog_rules_t *rules;
	/** SAs to remove */
	nflog_sa_lookup_t *sa_lookup;
	/** SAs found by selectors, and excluded SAs, to expire */
	nflog_ts_lookup_t *ts_lookup;
	/** SAs that packets miss */
	nflog_misses_t *misses;
	/** SPIs that expire */
	nflog_early_t *early;
	/** counts dropped packets, all lanes are locked */
	nflog_ip6_fragments_t *ip6_fragments;
	/** IKE messages to flush, and traces of IKE_SAs to end */
	nflog_ike_messages_t *ike_messages;
	/** releases traces */
	nflog_writer_t *writer;
};

/**
 * Thread that ends SAs and the traces of IKE_SAs, expires SPIs, and closes the lanes after the
 * last of these.
 *
 * To end an SA, it removes the rules, then waits for the packets that they logged.
 *
 * If charon does ESP itself (kernel-libipsec), encrypted packets wait in its sender's queue,
 * and decrypted packets for the thread that injects them.  So the rules of such an SA stay
 * until as many packets were seen as the SA counted.
 *
 * Each wait is limited.  If packets are missing then, counters of the trace state it
 * (gave_up).
 *
 * All methods but destroy() are thread-safe, and don't wait.
 */
struct nflog_ending_t {

	/**
	 * Ensure that the thread is running.
	 *
	 * @return			FALSE if it can't be created, not logged
	 */
	bool (*start)(nflog_ending_t *this);

	/**
	 * Wake up the thread, as there may be work.
	 */
	void (*wake)(nflog_ending_t *this);

	/**
	 * End an SA, after all its packets were read.
	 *
	 * @param sa		SA with rules, gets owned
	 */
	void (*add)(nflog_ending_t *this, nflog_sa_t *sa);

	/**
	 * Wait for the packets of an SA passed to add(), whose rules were removed just now.
	 *
	 * @param sa		SA
	 */
	void (*drain)(nflog_ending_t *this, nflog_sa_t *sa);

	/**
	 * Get the packets dropped before their SA or IKE_SA was known.
	 *
	 * @param missed	receives their numbers
	 */
	void (*get_missed)(nflog_ending_t *this, nflog_missed_t *missed);

	/**
	 * Destroy a nflog_ending_t, after all SAs ended, and lanes are closed.
	 */
	void (*destroy)(nflog_ending_t *this);
};

/**
 * Create a nflog_ending_t instance.
 *
 * @param parts		objects to work on, copied
 */
nflog_ending_t *nflog_ending_create(nflog_ending_parts_t *parts);

#endif /** NFLOG_ENDING_H_ @}*/
