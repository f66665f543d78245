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
 * @defgroup nflog_requests nflog_requests
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_REQUESTS_H_
#define NFLOG_REQUESTS_H_

typedef struct nflog_requests_t nflog_requests_t;
typedef enum nflog_request_event_t nflog_request_event_t;
typedef void (*nflog_requests_cb_t)(void *data);

#include "request.h"

/** maximum number of requests that select something, one for all SAs may be added */
#define NFLOG_MAX_REQUESTS 256

/**
 * What a request did to a CHILD_SA or an IKE_SA.
 */
enum nflog_request_event_t {
	/** its capture started */
	NFLOG_REQUEST_STARTED,
	/** its capture started, but its keys are not known */
	NFLOG_REQUEST_STARTED_WITHOUT_KEYS,
	/** it was captured already */
	NFLOG_REQUEST_RUNNING,
	/** its capture ended */
	NFLOG_REQUEST_ENDED,
	/** it could not be captured */
	NFLOG_REQUEST_FAILED,
	/** its capture starts once its last one has ended */
	NFLOG_REQUEST_FOLLOWS,
};

/**
 * Has what "nflog-capture start" and "stop" asked for, for as long as charon runs.
 *
 * The last request that matches an SA decides whether it is captured, whatever
 * swanctl.conf says, and however often it is loaded.  Of those that match none, the options
 * in swanctl.conf and strongswan.conf decide.  A request applies to SAs that are up, and to
 * those that come up while it exists.  A capture that runs keeps its options, starting it
 * again requires to stop it first.  For an IKE_SA, a start without IKE messages comes after
 * all others, see nflog_demand_find().
 *
 * A request replaces an earlier one with the same criteria, one for all SAs without a
 * duration all earlier ones.  It leaves with the IKE_SA that it names, or whose CHILD_SA it
 * names.  When a request is removed, or
 * its duration is over, captures that nothing else wants end, and what it stopped
 * starts if the options want it.
 *
 * Look-ups only access memory.  All methods are thread-safe, and hold no lock while they
 * call others.
 */
struct nflog_requests_t {

	/**
	 * Add a request, which is applied to what is up a little later.
	 *
	 * Takes up to a second, and reads files, if it has a filter, so only a thread that
	 * nobody waits for may call this.
	 *
	 * @param request	request, cloned
	 * @param error		receives why it is refused, to be shown to the user
	 * @return			its id, 0 if it is refused
	 */
	uint32_t (*add)(nflog_requests_t *this, nflog_request_t *request,
					char error[NFLOG_REQUEST_ERROR]);

	/**
	 * Remove a request.
	 *
	 * @param id		its id
	 * @return			FALSE if there is none with this id
	 */
	bool (*remove)(nflog_requests_t *this, uint32_t id);

	/**
	 * Remove all requests.
	 *
	 * @return			number of requests
	 */
	u_int (*remove_all)(nflog_requests_t *this);

	/**
	 * Enumerate the requests as they are now, in the order they were added.
	 *
	 * @return			enumerator over nflog_request_t*, which are valid until it is
	 *					destroyed
	 */
	enumerator_t *(*create_enumerator)(nflog_requests_t *this);

	/**
	 * Wait until a request was applied to all SAs that were up when it was added, which
	 * takes as long as IKE_SAs are in use, or former captures of SAs that it starts to
	 * capture are ending.
	 *
	 * @param id		its id
	 * @param timeout	ms to wait at most
	 * @return			TRUE if it was applied, or is gone
	 */
	bool (*wait)(nflog_requests_t *this, uint32_t id, u_int timeout);

	/**
	 * Decide on a CHILD_SA or an IKE_SA.
	 *
	 * @param candidate	CHILD_SA or IKE_SA
	 * @param cfg		its options, which a start overrides
	 * @return			id of the request that decides, 0 if none matches
	 */
	uint32_t (*decide)(nflog_requests_t *this, nflog_candidate_t *candidate,
					   nflog_cfg_t *cfg);

	/**
	 * Check if requests may start captures at some capture points.
	 *
	 * @param conn		name of the connection, NULL for any
	 * @param points	capture points, a bit (1 << nflog_point_t) for each
	 * @return			FALSE if none does
	 */
	bool (*has_point)(nflog_requests_t *this, char *conn, u_int points);

	/**
	 * Let requests for an IKE_SA apply to the one that it was rekeyed to.
	 *
	 * @param old		unique id of the IKE_SA
	 * @param new		unique id of the new one
	 */
	void (*ike_rekeyed)(nflog_requests_t *this, uint32_t old, uint32_t new);

	/**
	 * Remove the requests for an IKE_SA, or one of its CHILD_SAs, as it is gone.
	 *
	 * @param id		unique id of the IKE_SA
	 */
	void (*ike_gone)(nflog_requests_t *this, uint32_t id);

	/**
	 * Begin to apply requests to what is up, by one thread at a time.
	 *
	 * @return			to be passed to done()
	 */
	uint32_t (*begin)(nflog_requests_t *this);

	/**
	 * Count what a request did, while it is applied.
	 *
	 * @param id		its id, may be gone, or 0
	 * @param event		what it did
	 */
	void (*count)(nflog_requests_t *this, uint32_t id, nflog_request_event_t event);

	/**
	 * All requests were applied to what is up.
	 *
	 * @param begun		as returned by begin()
	 * @param success	FALSE if that will be tried again
	 */
	void (*done)(nflog_requests_t *this, uint32_t begun, bool success);

	/**
	 * Destroy a nflog_requests_t, after all jobs ended.
	 */
	void (*destroy)(nflog_requests_t *this);
};

/**
 * Create a nflog_requests_t instance.
 *
 * @param cb		called when requests have to be applied to what is up, must not block
 * @param data		data to pass to cb
 */
nflog_requests_t *nflog_requests_create(nflog_requests_cb_t cb, void *data);

#endif /** NFLOG_REQUESTS_H_ @}*/
