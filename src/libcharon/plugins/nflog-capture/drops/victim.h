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
 * @defgroup nflog_victim nflog_victim
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_VICTIM_H_
#define NFLOG_VICTIM_H_

typedef struct nflog_victim_t nflog_victim_t;

#include "event.h"
#include "rules/sa.h"
#include "traces/registry.h"
#include "traces/tap.h"

#include <collections/linked_list.h>

/**
 * Packets that were dropped, but may be missing in a trace, as others of the same addresses or
 * selectors.
 */
typedef struct {
	/** as there were too many in a second */
	uint64_t beyond;
	/** as the ring buffer was full */
	uint64_t full;
	/** as another packet was being dropped on the same processor, of the whole machine */
	uint64_t nested;
	/** as too many CHILD_SAs have these addresses or selectors */
	uint64_t overlooked;
} nflog_lapses_t;

/**
 * CHILD_SA whose dropped packets are captured.
 */
struct nflog_victim_t {
	/** capture point of its trace, with a reference */
	nflog_tap_t tap;
	/** names of connection and CHILD_SA, the latter with its id, owned */
	char *conn, *label;
	/** listing of its trace, owned by that, and what has it */
	nflog_listing_t *listing;
	nflog_registry_t *registry;
	/** inbound and outbound SA at index 1 and 0, SPIs are 0 if there is none */
	nflog_esp_key_t keys[2];
	/** addresses */
	struct nflog_pair_t pair;
	/** TRUE if the addresses are known */
	bool paired;
	/** local and remote selectors, traffic_selector_t, NULL if not known yet */
	linked_list_t *local, *remote;
	/** the same, to match packets, local ones as source */
	nflog_selectors_t *selectors;
	/** TRUE if programs could not be loaded, so that nothing is captured */
	bool failed;
	/** TRUE if its trace was started, set when it is removed */
	bool started;
	/** packets that it may lack; complete when it was removed, before, what was counted when it
	 * was added is subtracted */
	nflog_lapses_t lapses;
};

/**
 * Create a CHILD_SA, without SAs.
 *
 * @param trace		trace, gets referenced
 * @param conn		name of the connection, cloned
 * @param label		name of the CHILD_SA, with its unique id, cloned
 * @param registry	has the listing, not owned
 * @param listing	listing of the trace, not owned
 */
nflog_victim_t *nflog_victim_create(nflog_trace_t *trace, char *conn, char *label,
									nflog_registry_t *registry, nflog_listing_t *listing);

/**
 * Note that no dropped packets of a CHILD_SA are captured.
 *
 * @param error		why
 */
void nflog_victim_note_failure(nflog_victim_t *victim, const char *error);

/**
 * Note that dropped packets of a CHILD_SA are captured from now on.
 *
 * @param all		TRUE if the kernel took the addresses and selectors of all CHILD_SAs
 */
void nflog_victim_note_success(nflog_victim_t *victim, bool all);

/**
 * Note that the kernel took no more addresses or selectors.
 */
void nflog_victim_note_limit(nflog_victim_t *victim);

/**
 * Note how many packets the trace of a CHILD_SA that was removed may lack.
 */
void nflog_victim_note_lapses(nflog_victim_t *victim);

/**
 * Destroy a CHILD_SA that was removed, after its trace was released.
 */
void nflog_victim_destroy(nflog_victim_t *victim);

#endif /** NFLOG_VICTIM_H_ @}*/
