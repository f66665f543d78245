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
 * @defgroup nflog_ike nflog_ike
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_IKE_H_
#define NFLOG_IKE_H_

typedef struct nflog_ike_t nflog_ike_t;

#include "options/options.h"
#include "reader/pipeline.h"

#include <bus/bus.h>

/**
 * Listener that captures IKE_SAs and writes their keys, if that is enabled for a child
 * of their connection.
 *
 * A responder does not know the connection before IKE_AUTH, until then messages and keys
 * are kept in memory.
 *
 * Called with the IKE_SA checked out, except for reload().
 */
struct nflog_ike_t {

	/**
	 * Implements listener_t interface.
	 */
	listener_t listener;

	/**
	 * Capture IKE messages if that is enabled for any child, after options changed.
	 */
	void (*reload)(nflog_ike_t *this);

	/**
	 * End the capture of an IKE_SA that is not to be captured anymore, or start that of one
	 * that is up already, if it is to be captured at once.
	 *
	 * @param ike_sa	IKE_SA with a connection
	 * @param missed	TRUE to start it in any case, as it may have been missed before
	 */
	void (*apply)(nflog_ike_t *this, ike_sa_t *ike_sa, bool missed);

	/**
	 * Check if any IKE_SA is captured, any thread may call this.
	 *
	 * @return			TRUE if so
	 */
	bool (*has_any)(nflog_ike_t *this);

	/**
	 * Destroy a nflog_ike_t, all keys are wiped.
	 */
	void (*destroy)(nflog_ike_t *this);
};

/**
 * Create a nflog_ike_t instance.
 *
 * @param options	options of CHILD_SAs, not owned
 * @param requests	learns what IKE_SAs are rekeyed to, and what it did, not owned
 * @param pipeline	passes on messages and keys, not owned
 */
nflog_ike_t *nflog_ike_create(nflog_options_t *options, nflog_requests_t *requests,
							  nflog_pipeline_t *pipeline);

#endif /** NFLOG_IKE_H_ @}*/
