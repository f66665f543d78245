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
typedef struct nflog_manager_entry_t nflog_manager_entry_t;

#include "options/options.h"
#include "reader/pipeline.h"

#include <bus/bus.h>
#include <sa/ike_sa.h>
#include <sa/child_sa.h>

/**
 * All captures, brings together what belongs to the same CHILD_SA: events on the
 * bus know the CHILD_SA and its configuration, but come too late, or don't know
 * its SAs, while calls of the kernel interface know these, but nothing else.
 *
 * An SA belongs to the CHILD_SA that the same thread began to install last.  If
 * it is installed later, it belongs to the one with its SPI in the IKE_SA that
 * the thread has checked out.
 *
 * Called by the thread that has the IKE_SA checked out, but for has_sa().
 */
struct nflog_manager_t {

	/**
	 * Learns of CHILD_SAs: implements listener_t interface.
	 */
	listener_t listener;

	/**
	 * An SA is about to be added to the kernel.
	 *
	 * @param id		SA
	 * @param data		data of the SA
	 * @return			TRUE if del_sa() has to be called if it is not added after all
	 */
	bool (*add_sa)(nflog_manager_t *this, kernel_ipsec_sa_id_t *id,
				   kernel_ipsec_add_sa_t *data);

	/**
	 * Begin to capture a CHILD_SA that is up already.
	 *
	 * @param conn		name of its connection
	 * @param child_sa	CHILD_SA
	 * @param cfg		what to capture, gets owned
	 * @return			capture to add its SAs to, NULL if it is captured already
	 */
	nflog_manager_entry_t *(*add_existing)(nflog_manager_t *this,
										   char *conn, child_sa_t *child_sa,
										   nflog_cfg_t *cfg);

	/**
	 * Begin to capture an SA of such a CHILD_SA.
	 *
	 * @param entry		capture
	 * @param id		SA
	 * @param data		data of the SA
	 */
	void (*add_existing_sa)(nflog_manager_t *this,
							nflog_manager_entry_t *entry,
							kernel_ipsec_sa_id_t *id,
							kernel_ipsec_add_sa_t *data);

	/**
	 * There are no more SAs of such a CHILD_SA, but the outbound one may be installed
	 * later.  If none is captured, it's as if the CHILD_SA had not been added.
	 *
	 * @param entry		capture, may be gone afterwards
	 * @param child_sa	CHILD_SA
	 */
	void (*added_existing)(nflog_manager_t *this,
						   nflog_manager_entry_t *entry, child_sa_t *child_sa);

	/**
	 * Check if an SA is captured.
	 *
	 * @param id		SA
	 * @return			TRUE if so
	 */
	bool (*has_sa)(nflog_manager_t *this, kernel_ipsec_sa_id_t *id);

	/**
	 * The addresses or reqid of an SA are about to change.
	 *
	 * @param id		SA, with its old addresses
	 * @param data		changes
	 */
	void (*update_sa)(nflog_manager_t *this, kernel_ipsec_sa_id_t *id,
					  kernel_ipsec_update_sa_t *data);

	/**
	 * The kernel changed an SA, or refused to.
	 *
	 * @param id		SA, with its old addresses
	 * @param data		changes
	 * @param status	what the kernel interface returned
	 */
	void (*updated_sa)(nflog_manager_t *this,
					   kernel_ipsec_sa_id_t *id,
					   kernel_ipsec_update_sa_t *data, status_t status);

	/**
	 * An SA is not in the kernel anymore.
	 *
	 * @param id		SA
	 * @param packets	packets that it processed, NULL if it was gone before charon
	 *					deleted it
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
 * @param pipeline	what packets and keys pass, not owned
 */
nflog_manager_t *nflog_manager_create(nflog_options_t *options,
									  nflog_pipeline_t *pipeline);

#endif /** NFLOG_MANAGER_H_ @}*/
