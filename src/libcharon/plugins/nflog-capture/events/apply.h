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
 * @defgroup nflog_apply nflog_apply
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_APPLY_H_
#define NFLOG_APPLY_H_

typedef struct nflog_apply_t nflog_apply_t;

#include "ike.h"
#include "manager.h"

/**
 * Makes the captures of what is up match what is wanted: ends those that are not wanted
 * anymore, and starts those of CHILD_SAs that are wanted and not captured, if they are
 * configured so, or came up before options were read for the first time.
 *
 * A capture that goes on keeps its options.
 */
struct nflog_apply_t {

	/**
	 * Start and end captures after options or requests changed, or after that failed.
	 *
	 * Waits for IKE_SAs that are in use.  Called without any lock, by one thread at a
	 * time.
	 *
	 * @param again		TRUE to log what fails on level 2 only
	 * @return			FALSE to try again later, as an SA could not be read, or is still
	 *					in use by its last capture
	 */
	bool (*apply)(nflog_apply_t *this, bool again);

	/**
	 * Destroy a nflog_apply_t.
	 */
	void (*destroy)(nflog_apply_t *this);
};

/**
 * Create a nflog_apply_t instance.
 *
 * @param options	options of CHILD_SAs, not owned
 * @param requests	requests to start and stop captures, learns what they did, not owned
 * @param manager	has the captures of CHILD_SAs, not owned
 * @param ike		captures IKE_SAs, not owned
 */
nflog_apply_t *nflog_apply_create(nflog_options_t *options, nflog_requests_t *requests,
								  nflog_manager_t *manager, nflog_ike_t *ike);

#endif /** NFLOG_APPLY_H_ @}*/
