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
 * @defgroup nflog_existing nflog_existing
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_EXISTING_H_
#define NFLOG_EXISTING_H_

typedef struct nflog_existing_t nflog_existing_t;

#include "manager.h"

/**
 * Captures CHILD_SAs that are up already, if they are configured so, or came up before
 * options were read for the first time.
 */
struct nflog_existing_t {

	/**
	 * Capture CHILD_SAs after options changed, or after that failed.
	 *
	 * Waits for IKE_SAs that are in use.  Called without any lock, by one thread at a
	 * time.
	 *
	 * @param again		TRUE to log what fails on level 2 only
	 * @return			FALSE to try again later, as an SA could not be read
	 */
	bool (*capture)(nflog_existing_t *this, bool again);

	/**
	 * Destroy a nflog_existing_t.
	 */
	void (*destroy)(nflog_existing_t *this);
};

/**
 * Create a nflog_existing_t instance.
 *
 * @param options	options of CHILD_SAs, not owned
 * @param manager	has the captures, not owned
 */
nflog_existing_t *nflog_existing_create(nflog_options_t *options,
										nflog_manager_t *manager);

#endif /** NFLOG_EXISTING_H_ @}*/
