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


#include "pace.h"
#include "options/values.h"

/** times recorder_interval for triggers that anybody can cause */
#define OPEN_FACTOR 10

/** seconds before the next attempt if a folder could not be created */
#define RETRY 10

/*
 * Described in header
 */
void nflog_pace_begin(nflog_pace_t *pace, nflog_cause_t cause)
{
	time_t now = time_monotonic(NULL);

	if (nflog_cause_is_open(cause))
	{
		pace->open_begun = now;
	}
	else if (cause != CAUSE_REQUESTED)
	{
		pace->begun = now;
	}
	pace->failed = 0;
}

/*
 * Described in header
 */
void nflog_pace_fail(nflog_pace_t *pace)
{
	pace->failed = time_monotonic(NULL);
}

/*
 * Described in header
 */
void nflog_pace_skip(nflog_pace_t *pace, nflog_trigger_t *trigger, char *conn, char *reason)
{
	if (!pace->skipped++)
	{
		pace->since = trigger->time.tv_sec;
		if (reason)
		{
			DBG1(DBG_CHD, "nflog-capture: %s, not saving what the recorder of connection "
				 "'%s' holds, %s", nflog_cause_describe(trigger->cause), conn, reason);
		}
	}
}

/*
 * Described in header
 */
char *nflog_pace_check(nflog_pace_t *pace, nflog_cause_t cause)
{
	uint64_t interval = nflog_values_recorder_interval();
	time_t now = time_monotonic(NULL), begun = pace->begun;

	if (cause == CAUSE_REQUESTED)
	{
		return NULL;
	}
	if (nflog_cause_is_open(cause))
	{
		interval *= OPEN_FACTOR;
		begun = max(begun, pace->open_begun);
	}
	if (begun && now - begun < interval)
	{
		return "the last folder is too recent, see recorder_interval";
	}
	return pace->failed && now - pace->failed < RETRY ?
					"no folder could be created a moment ago" : NULL;
}
