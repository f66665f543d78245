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
 * @defgroup nflog_ike_captures nflog_ike_captures
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_IKE_CAPTURES_H_
#define NFLOG_IKE_CAPTURES_H_

typedef struct nflog_ike_captures_t nflog_ike_captures_t;

#include "ike_keys.h"
#include "options/options.h"
#include "reader/pipeline.h"

#include <sa/ike_sa.h>

/**
 * Starts and ends the captures of IKE_SAs, and writes their keys.
 *
 * Called with the IKE_SA checked out.  Those that describe it as a candidate do so without
 * child.
 */
struct nflog_ike_captures_t {

	/**
	 * Get what to capture of an IKE_SA: what the first of its children with a capture
	 * point for IKE messages wants.  Without children, as with mediation, it is what a
	 * child without options would want.
	 *
	 * @param subject	IKE_SA, receives the request that decided, and if that is unsure
	 * @param peer_cfg	its connection
	 * @param captured	TRUE if it is captured
	 * @return			configuration, to be destroyed with nflog_cfg_destroy(), NULL if
	 *					it is not captured
	 */
	nflog_cfg_t *(*get_cfg)(nflog_ike_captures_t *this, nflog_candidate_t *subject,
							peer_cfg_t *peer_cfg, bool captured);

	/**
	 * Decide whether to capture an undecided IKE_SA, whose trace does not start yet.
	 *
	 * @param subject	IKE_SA
	 * @param peer_cfg	its connection
	 * @return			FALSE if it is not captured
	 */
	bool (*decide)(nflog_ike_captures_t *this, nflog_candidate_t *subject,
				   peer_cfg_t *peer_cfg);

	/**
	 * Capture an undecided IKE_SA, whose trace does not start yet.
	 *
	 * @param subject	IKE_SA
	 * @param cfg		what to capture
	 */
	void (*capture)(nflog_ike_captures_t *this, nflog_candidate_t *subject,
					nflog_cfg_t *cfg);

	/**
	 * Set the SPIs and the peer of an IKE_SA, creates it if it is unknown.
	 *
	 * @param ike_sa	IKE_SA
	 * @return			its state
	 */
	nflog_ike_state_t (*update)(nflog_ike_captures_t *this, ike_sa_t *ike_sa);

	/**
	 * Start the trace of an IKE_SA that is captured, and write keys that were kept for it.
	 *
	 * @param subject	IKE_SA
	 * @param spis		its SPIs
	 * @param peer_cfg	its connection
	 * @param early		TRUE if it is not established
	 */
	void (*start)(nflog_ike_captures_t *this, nflog_candidate_t *subject,
				  ike_sa_id_t *spis, peer_cfg_t *peer_cfg, bool early);

	/**
	 * Write keys if that is enabled, and their IKE_SA gets a trace.
	 *
	 * @param keys		keys, not owned
	 * @param subject	IKE_SA, or the one that is rekeyed to it
	 * @param peer_cfg	its connection
	 */
	void (*write_keys)(nflog_ike_captures_t *this, nflog_ike_key_set_t *keys,
					   nflog_candidate_t *subject, peer_cfg_t *peer_cfg);

	/**
	 * Write the keys of an IKE_SA that were kept, as its connection is known.
	 *
	 * @param spis		its SPIs
	 * @param subject	IKE_SA
	 * @param peer_cfg	its connection
	 */
	void (*write_kept_keys)(nflog_ike_captures_t *this, ike_sa_id_t *spis,
							nflog_candidate_t *subject, peer_cfg_t *peer_cfg);

	/**
	 * Note that the trace of an IKE_SA reached the limit of a request, or that the IKE_SA is
	 * gone.
	 *
	 * @param id		its unique id
	 * @param request	id of the request that is not to start it again, 0 to forget that
	 */
	void (*set_reached)(nflog_ike_captures_t *this, uint32_t id, uint32_t request);

	/**
	 * Check if the trace of an IKE_SA reached the limit of a request.
	 *
	 * @param subject	IKE_SA, with the request
	 * @return			TRUE if so
	 */
	bool (*has_reached)(nflog_ike_captures_t *this, nflog_candidate_t *subject);

	/**
	 * End the trace of an IKE_SA.
	 *
	 * @param id		its unique id
	 * @param spis		its SPIs
	 * @param up		TRUE if the IKE_SA stays up
	 */
	void (*end)(nflog_ike_captures_t *this, uint32_t id, ike_sa_id_t *spis,
				bool up);

	/**
	 * Destroy a nflog_ike_captures_t.
	 */
	void (*destroy)(nflog_ike_captures_t *this);
};

/**
 * Create a nflog_ike_captures_t instance.
 *
 * @param options	options of CHILD_SAs, not owned
 * @param pipeline	passes on messages and keys, not owned
 * @param ike_keys	keys of IKE_SAs, not owned
 */
nflog_ike_captures_t *nflog_ike_captures_create(nflog_options_t *options,
												nflog_pipeline_t *pipeline,
												nflog_ike_keys_t *ike_keys);

#endif /** NFLOG_IKE_CAPTURES_H_ @}*/
