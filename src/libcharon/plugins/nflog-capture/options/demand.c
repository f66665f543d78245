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

#include "demand.h"

#include <time.h>

/*
 * Described in header
 */
nflog_demand_t *nflog_demand_create(nflog_request_t *request, nflog_values_t *values)
{
	nflog_demand_t *demand;

	INIT(demand,
		.request = nflog_request_clone(request),
		.values = *values,
		.end = request->duration ? time_monotonic(NULL) + request->duration : 0,
		.ike_ids = {
			request->criteria.ike_id,
		},
	);
	request = demand->request;
	request->added = time(NULL);
	request->applied = FALSE;
	request->started = request->running = request->ended = request->failed = 0;
	request->follows = request->without_keys = 0;
	return demand;
}

/**
 * Check if an IKE_SA is the one that is named, or a CHILD_SA that is named belongs to.
 */
static bool is_ike_sa(nflog_demand_t *demand, uint32_t id)
{
	return id && (demand->ike_ids[0] == id || demand->ike_ids[1] == id);
}

/*
 * Described in header
 */
bool nflog_demand_match(nflog_demand_t *demand, nflog_candidate_t *candidate)
{
	nflog_criteria_t criteria = demand->request->criteria;

	if (!criteria.child_id && !criteria.spi)
	{
		if (criteria.ike_id && !is_ike_sa(demand, candidate->ike_id))
		{
			return FALSE;
		}
		criteria.ike_id = 0;
		return nflog_criteria_match(&criteria, candidate);
	}
	if (!nflog_criteria_match(&criteria, candidate))
	{
		return demand->child && is_ike_sa(demand, candidate->ike_id) &&
			   streq(demand->child, candidate->child) &&
			   (candidate->child_id ? demand->reqid == candidate->reqid
									: demand->request->start);
	}
	if (!demand->child)
	{
		demand->ike_ids[0] = candidate->ike_id;
		demand->child = strdup(candidate->child);
		demand->reqid = candidate->reqid;
	}
	return TRUE;
}

/*
 * Described in header
 */
void nflog_demand_ike_rekeyed(nflog_demand_t *demand, uint32_t old, uint32_t new)
{
	if (demand->ike_ids[0] == old)
	{
		demand->ike_ids[0] = new;
		demand->ike_ids[1] = old;
	}
}

/*
 * Described in header
 */
bool nflog_demand_ike_gone(nflog_demand_t *demand, uint32_t id)
{
	if (demand->ike_ids[1] == id)
	{	/* the one that was rekeyed */
		demand->ike_ids[1] = 0;
		return FALSE;
	}
	return id && demand->ike_ids[0] == id;
}

/*
 * Described in header
 */
bool nflog_demand_is_over(nflog_demand_t *demand)
{
	return demand->end && !demand->waits && time_monotonic(NULL) >= demand->end;
}

/**
 * Check if a request starts captures, but not of IKE messages.
 *
 * @param points		capture points if it has none
 */
static bool leaves_ike_out(nflog_demand_t *demand, u_int points)
{
	return demand->request->start &&
		   !((demand->values.cfg.points ?: points) & NFLOG_IKE_POINTS);
}

/*
 * Described in header
 */
nflog_demand_t *nflog_demand_find(linked_list_t *list, nflog_candidate_t *candidate,
								  u_int points)
{
	nflog_demand_t *entry, *found = NULL, *aside = NULL;
	enumerator_t *enumerator;

	enumerator = list->create_enumerator(list);
	while (enumerator->enumerate(enumerator, &entry))
	{
		if (nflog_demand_is_over(entry))
		{
			continue;
		}
		if (nflog_demand_match(entry, candidate))
		{
			if (!candidate->child_id && leaves_ike_out(entry, points))
			{
				aside = entry;
			}
			else
			{
				found = entry;
			}
		}
		else
		{
			candidate->unsure |= nflog_criteria_may_match(&entry->request->criteria,
														  candidate);
		}
	}
	enumerator->destroy(enumerator);
	return found ?: aside;
}

/*
 * Described in header
 */
time_t nflog_demand_get_end(linked_list_t *list)
{
	enumerator_t *enumerator;
	nflog_demand_t *entry;
	time_t first = 0;

	enumerator = list->create_enumerator(list);
	while (enumerator->enumerate(enumerator, &entry))
	{
		if (entry->end && !entry->waits && (!first || entry->end < first))
		{
			first = entry->end;
		}
	}
	enumerator->destroy(enumerator);
	return first;
}

/*
 * Described in header
 */
void nflog_demand_set_applied(nflog_demand_t *demand, bool success)
{
	demand->tried = TRUE;
	if (demand->request->follows)
	{
		return;
	}
	demand->request->applied = TRUE;
	demand->settled |= success;
	if (demand->waits && demand->end)
	{
		demand->end = time_monotonic(NULL) + demand->request->duration;
	}
	demand->waits = FALSE;
}

/*
 * Described in header
 */
void nflog_demand_destroy(nflog_demand_t *demand)
{
	nflog_cfg_clear(&demand->values.cfg);
	nflog_request_destroy(demand->request);
	free(demand->child);
	free(demand);
}
