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
 * @defgroup nflog_demand nflog_demand
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_DEMAND_H_
#define NFLOG_DEMAND_H_

typedef struct nflog_demand_t nflog_demand_t;

#include "request.h"

/**
 * Request that is in force, guarded by nflog_requests_t.
 */
struct nflog_demand_t {
	/** the request itself */
	nflog_request_t *request;
	/** options of a start */
	nflog_values_t values;
	/** when it is removed, monotonic, 0 for never */
	time_t end;
	/** unique id of the IKE_SA that it names, or of that of the CHILD_SA that it names, and
	 * of the one that was rekeyed to this, 0 for none */
	uint32_t ike_ids[2];
	/** name and reqid of that CHILD_SA, which stay when it is rekeyed, NULL if not seen yet */
	char *child;
	uint32_t reqid;
	/** number of changes of requests when it was added, or removed */
	uint32_t change;
	/** TRUE once nothing of it is left to be tried again */
	bool settled;
	/** TRUE once it was tried to apply it */
	bool tried;
	/** TRUE while captures wait for former ones to end, its time does not run until then */
	bool waits;
};

/**
 * Create a nflog_demand_t, its time begins now.
 *
 * @param request	request, cloned
 * @param values	its options, what they point to gets owned
 */
nflog_demand_t *nflog_demand_create(nflog_request_t *request, nflog_values_t *values);

/**
 * Check if an SA matches: what a CHILD_SA that it names is rekeyed to as well, and to start
 * with it, the IKE_SA of that.
 *
 * @param candidate	CHILD_SA or IKE_SA
 * @return			TRUE if it matches
 */
bool nflog_demand_match(nflog_demand_t *demand, nflog_candidate_t *candidate);

/**
 * Note that an IKE_SA was rekeyed.
 *
 * @param old		its unique id
 * @param new		unique id of the new one
 */
void nflog_demand_ike_rekeyed(nflog_demand_t *demand, uint32_t old, uint32_t new);

/**
 * Note that an IKE_SA is gone.
 *
 * @param id		its unique id
 * @return			TRUE if nothing matches anymore
 */
bool nflog_demand_ike_gone(nflog_demand_t *demand, uint32_t id);

/**
 * Check if the time of a request is over, which does not run while it waits.
 */
bool nflog_demand_is_over(nflog_demand_t *demand);

/**
 * Find the one in a list that decides on an SA: the last one that matches, and whose time is
 * not over.  For an IKE_SA, a start that wants no IKE messages only decides if no other one
 * matches, so it does not end what others started.
 *
 * @param list		list of nflog_demand_t
 * @param candidate	CHILD_SA or IKE_SA
 * @param points	capture points of a start that has no others
 * @return			the one that decides, NULL if there is none
 */
nflog_demand_t *nflog_demand_find(linked_list_t *list, nflog_candidate_t *candidate,
								  u_int points);

/**
 * Get when the first one in a list ends, of those that do not wait.
 *
 * @param list		list of nflog_demand_t
 * @return			its end, 0 if none does
 */
time_t nflog_demand_get_end(linked_list_t *list);

/**
 * Note that a request was applied, its time begins once nothing waits anymore.
 *
 * @param success	FALSE if that will be tried again
 */
void nflog_demand_set_applied(nflog_demand_t *demand, bool success);

/**
 * Destroy a nflog_demand_t.
 */
void nflog_demand_destroy(nflog_demand_t *demand);

#endif /** NFLOG_DEMAND_H_ @}*/
