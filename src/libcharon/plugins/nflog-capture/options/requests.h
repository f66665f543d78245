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
typedef struct nflog_request_t nflog_request_t;
typedef struct nflog_request_option_t nflog_request_option_t;

#include "cfg.h"
#include "criteria.h"

/** maximum number of requests, and of options of each */
#define NFLOG_MAX_REQUESTS 256
#define NFLOG_MAX_REQUEST_OPTIONS 32

/** size of the buffer for an error */
#define NFLOG_REQUEST_ERROR 512

/**
 * Option of a request to start, as in swanctl.conf.
 */
struct nflog_request_option_t {
	/** name, without a leading or trailing blank */
	char *name;
	/** value */
	char *value;
};

/**
 * Request to start or stop captures at run time.
 */
struct nflog_request_t {
	/** identifies it, from 1 on, never used again, set by add() */
	uint32_t id;
	/** TRUE to start captures, FALSE to stop them */
	bool start;
	/** what to start or stop */
	nflog_criteria_t criteria;
	/** options of a start, override those in swanctl.conf and strongswan.conf */
	nflog_request_option_t *options;
	/** number of options */
	u_int count;
	/** s after which the request is removed, 0 for never */
	u_int duration;
	/** packets per trace after which a capture that it started ends, 0 for no limit */
	uint64_t packets;
	/** when it was added, wall clock, set by add() */
	time_t added;
	/** TRUE once it was applied to all SAs that were up when it was added */
	bool applied;
	/** what that did: CHILD_SAs and IKE_SAs whose capture started, was running already,
	 * ended, and could not be started, which is logged */
	u_int started, running, ended, failed;
	/** IKE_SAs among those started whose keys are not known anymore */
	u_int without_keys;
};

/**
 * Has what "nflog-capture start" and "stop" asked for, for as long as charon runs.
 *
 * The last request that matches an SA decides whether it is captured, whatever
 * swanctl.conf says, and however often it is loaded.  Of those that match none, the options
 * in swanctl.conf and strongswan.conf decide.  A request applies to SAs that are up, and to
 * those that come up while it exists.  A capture that runs keeps its options, starting it
 * again requires to stop it first.
 *
 * A request replaces an earlier one with the same criteria.  When a request is removed, or
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
	 * Enumerate the requests as they are now, in the order they were added.
	 *
	 * @return			enumerator over nflog_request_t*, which are valid until it is
	 *					destroyed
	 */
	enumerator_t *(*create_enumerator)(nflog_requests_t *this);

	/**
	 * Wait until a request was applied to all SAs that were up when it was added, which
	 * takes as long as IKE_SAs are in use.
	 *
	 * @param id		its id
	 * @param timeout	ms to wait at most
	 * @return			TRUE if it was applied, or is gone
	 */
	bool (*wait)(nflog_requests_t *this, uint32_t id, u_int timeout);
};

#endif /** NFLOG_REQUESTS_H_ @}*/
