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
 * @defgroup nflog_request nflog_request
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_REQUEST_H_
#define NFLOG_REQUEST_H_

typedef struct nflog_request_t nflog_request_t;
typedef struct nflog_request_option_t nflog_request_option_t;

#include "criteria.h"
#include "values.h"

/** maximum number of options of a request */
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
	/** s after which the request is removed, 0 for never, from when the captures that have
	 * to wait for former ones have started */
	u_int duration;
	/** packets after which a trace takes no more, a capture that it started ends once all of
	 * its traces have that many, 0 for no limit */
	uint64_t packets;
	/** when it was added, wall clock, set by add() */
	time_t added;
	/** TRUE once it was applied to all SAs that were up when it was added */
	bool applied;
	/** what that did: CHILD_SAs and IKE_SAs whose capture started, was running already,
	 * ended, and could not be started, which is logged */
	u_int started, running, ended, failed;
	/** CHILD_SAs whose capture starts once their former one has ended */
	u_int follows;
	/** those among the started ones whose keys are not known */
	u_int without_keys;
};

/**
 * Clone a request, with all that it points to.
 *
 * @return			clone, to be destroyed with nflog_request_destroy()
 */
nflog_request_t *nflog_request_clone(nflog_request_t *request);

/**
 * Destroy a request that was cloned.
 */
void nflog_request_destroy(nflog_request_t *request);

/**
 * Check if a request is for all SAs.
 */
bool nflog_request_is_all(nflog_request_t *request);

/**
 * Check if a request replaces an earlier one: one with the same criteria, or any if it is
 * for all SAs and has no duration.
 *
 * @return			TRUE if so
 */
bool nflog_request_replaces(nflog_request_t *request, nflog_request_t *other);

/**
 * Check a request, and parse its options.
 *
 * @param values	receives values of the options
 * @param filters	compiles filters
 * @param error		receives what is wrong with it
 * @return			FALSE if it is invalid
 */
bool nflog_request_parse(nflog_request_t *request, nflog_values_t *values,
						 nflog_filters_t *filters, char error[NFLOG_REQUEST_ERROR]);

#endif /** NFLOG_REQUEST_H_ @}*/
