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
 * @defgroup nflog_manager nflog_manager
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_MANAGER_H_
#define NFLOG_MANAGER_H_

typedef struct nflog_manager_t nflog_manager_t;
typedef struct nflog_manager_sa_t nflog_manager_sa_t;

#include "capture.h"
#include "options/options.h"

#include <bus/bus.h>
#include <sa/ike_sa.h>
#include <sa/child_sa.h>

/**
 * SA of a CHILD_SA that is up already.
 */
struct nflog_manager_sa_t {
	/** identifies the SA in the kernel */
	kernel_ipsec_sa_id_t id;
	/** data of the SA */
	kernel_ipsec_add_sa_t data;
};

/**
 * Has the captures of all CHILD_SAs, and finds the CHILD_SA that an SA belongs to.
 *
 * Events on the bus know the CHILD_SA and its configuration, but come too late or don't
 * know its SAs.  Calls of the kernel interface know these, but nothing else.  An SA
 * belongs to the CHILD_SA that the same thread began to install last.  An outbound SA
 * that is installed later belongs to the CHILD_SA with its SPI in the IKE_SA that the
 * thread has checked out.
 *
 * Called by the thread that has the IKE_SA checked out, which makes that the owner of a
 * capture for that time, except for has_sa() and has_any(), which any thread may call.
 */
struct nflog_manager_t {

	/**
	 * Learns of CHILD_SAs: implements listener_t interface.
	 */
	listener_t listener;

	/**
	 * Capture an SA that is about to be added to the kernel, if that is enabled.
	 *
	 * @param id		SA
	 * @param data		data of the SA
	 * @return			TRUE if del_sa() has to be called, even if the kernel refuses the
	 *					SA
	 */
	bool (*add_sa)(nflog_manager_t *this, kernel_ipsec_sa_id_t *id,
				   kernel_ipsec_add_sa_t *data);

	/**
	 * Capture a CHILD_SA that is up already, unless it is captured or that is ending.
	 *
	 * @param subject	CHILD_SA, cloned
	 * @param child_sa	CHILD_SA
	 * @param cfg		what to capture, gets owned
	 * @param sas		its SAs, the outbound one may be installed later
	 * @param count		number of SAs
	 * @return			TRUE if it is captured from now on
	 */
	bool (*add_existing)(nflog_manager_t *this, nflog_candidate_t *subject,
						 child_sa_t *child_sa, nflog_cfg_t *cfg,
						 nflog_manager_sa_t *sas, u_int count);

	/**
	 * End the capture of a CHILD_SA that stays up.
	 *
	 * The packets logged up to now are still read.  Its traces get the number of packets
	 * that its SAs processed from the begin of the capture to its end.
	 *
	 * @param child_sa	CHILD_SA
	 * @return			FALSE if it was not captured
	 */
	bool (*end)(nflog_manager_t *this, child_sa_t *child_sa);

	/**
	 * Get the state of the capture of a CHILD_SA.
	 *
	 * @param child_sa	CHILD_SA
	 * @return			state
	 */
	nflog_capture_state_t (*get_state)(nflog_manager_t *this, child_sa_t *child_sa);

	/**
	 * Let packets that may be of a CHILD_SA, which is wanted but is not going to be captured
	 * anymore, get into the traces of what it was rekeyed to.  They are kept out otherwise, if
	 * charon does ESP itself.
	 *
	 * @param dst		destination address of its inbound SA
	 * @param spi		SPI of that, in network order, 0 if there is none
	 */
	void (*include)(nflog_manager_t *this, host_t *dst, uint32_t spi);

	/**
	 * Have the callback called when the last capture of a CHILD_SA has ended.
	 *
	 * @param child_sa	CHILD_SA
	 * @return			FALSE if it has ended already
	 */
	bool (*follow)(nflog_manager_t *this, child_sa_t *child_sa);

	/**
	 * Check if the last capture of a CHILD_SA ended as it reached its limit of packets.
	 *
	 * @param child_sa	CHILD_SA
	 * @param request	id of the request with this limit
	 * @return			TRUE if so
	 */
	bool (*has_reached)(nflog_manager_t *this, child_sa_t *child_sa, uint32_t request);

	/**
	 * Check if any CHILD_SA is captured.
	 *
	 * @return			TRUE if so
	 */
	bool (*has_any)(nflog_manager_t *this);

	/**
	 * Check if an SA is captured.
	 *
	 * @param id		SA
	 * @return			TRUE if so
	 */
	bool (*has_sa)(nflog_manager_t *this, kernel_ipsec_sa_id_t *id);

	/**
	 * Prepare for changes of the addresses or the reqid of an SA.
	 *
	 * @param id		SA, with its old addresses
	 * @param data		changes
	 */
	void (*update_sa)(nflog_manager_t *this, kernel_ipsec_sa_id_t *id,
					  kernel_ipsec_update_sa_t *data);

	/**
	 * Complete changes of an SA, or undo them if the kernel refused them.
	 *
	 * @param id		SA, with its old addresses
	 * @param data		changes
	 * @param status	result of the kernel interface
	 */
	void (*updated_sa)(nflog_manager_t *this,
					   kernel_ipsec_sa_id_t *id,
					   kernel_ipsec_update_sa_t *data, status_t status);

	/**
	 * End the capture of an SA that is not in the kernel anymore.
	 *
	 * @param id		SA
	 * @param packets	number of packets that it processed, NULL if it was gone before
	 *					charon deleted it
	 */
	void (*del_sa)(nflog_manager_t *this, kernel_ipsec_sa_id_t *id,
				   uint64_t *packets);

	/**
	 * Destroy a nflog_manager_t, all captures end.
	 */
	void (*destroy)(nflog_manager_t *this);
};

/**
 * Create a nflog_manager_t instance.
 *
 * @param options	options of CHILD_SAs, not owned
 * @param pipeline	passes on packets and keys, not owned
 * @param cb		called by the writer's thread when a capture has ended that follow() was
 *					called for
 * @param data		data to pass to cb
 */
nflog_manager_t *nflog_manager_create(nflog_options_t *options,
									  nflog_pipeline_t *pipeline,
									  nflog_recount_cb_t cb, void *data);

#endif /** NFLOG_MANAGER_H_ @}*/
