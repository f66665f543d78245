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

#include "victim.h"

#include <inttypes.h>

/*
 * Described in header
 */
nflog_victim_t *nflog_victim_create(nflog_trace_t *trace, char *conn, char *label,
									nflog_registry_t *registry, nflog_listing_t *listing)
{
	nflog_victim_t *victim;

	INIT(victim,
		.conn = strdup(conn),
		.label = strdup(label),
		.registry = registry,
		.listing = listing,
	);
	nflog_tap_init(&victim->tap, trace, POINT_DROPPED, label);
	return victim;
}

/**
 * Set for a trace what it lacks.
 */
static void set_note(nflog_victim_t *victim, char *note)
{
	victim->tap.count->tally->set_note(victim->tap.count->tally, note);
	victim->registry->set_note(victim->registry, victim->listing, note);
}

/*
 * Described in header
 */
void nflog_victim_note_failure(nflog_victim_t *victim, const char *error)
{
	char note[256];

	snprintf(note, sizeof(note), "dropped packets are not captured: %s", error);
	set_note(victim, note);
	victim->failed = TRUE;
}

/*
 * Described in header
 */
void nflog_victim_note_success(nflog_victim_t *victim, bool all)
{
	if (!all)
	{
		set_note(victim, "maybe some dropped packets are not captured: too many addresses and "
				 "selectors");
	}
	else if (victim->failed)
	{
		set_note(victim, "dropped packets were not captured at first");
	}
	victim->failed = FALSE;
}

/*
 * Described in header
 */
void nflog_victim_note_limit(nflog_victim_t *victim)
{
	set_note(victim, "some dropped packets are not captured: too many addresses and "
			 "selectors");
}

/**
 * Append a number of packets to a note, unless there are none.
 */
static void append(char *note, size_t len, uint64_t count, char *what)
{
	size_t pos = strlen(note);

	if (count)
	{
		snprintf(note + pos, len - pos, "%s %" PRIu64 " %s", pos ? "," : "maybe some of",
				 count, what);
	}
}

/*
 * Described in header
 */
void nflog_victim_note_lapses(nflog_victim_t *victim)
{
	nflog_tally_t *tally = victim->tap.count->tally;
	char note[256] = "";

	append(note, sizeof(note), victim->lapses.beyond, "beyond the limit of a second");
	append(note, sizeof(note), victim->lapses.full, "that did not fit into the ring buffer");
	append(note, sizeof(note), victim->lapses.nested, "that interrupted another one");
	append(note, sizeof(note), victim->lapses.overlooked, "of too many CHILD_SAs");
	if (note[0])
	{
		tally->set_note(tally, note);
	}
}

/*
 * Described in header
 */
void nflog_victim_destroy(nflog_victim_t *victim)
{
	free(victim->conn);
	free(victim->label);
	free(victim);
}
