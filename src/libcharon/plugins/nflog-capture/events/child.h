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
 * @defgroup nflog_child nflog_child
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_CHILD_H_
#define NFLOG_CHILD_H_

typedef struct nflog_child_t nflog_child_t;
typedef struct nflog_processed_t nflog_processed_t;

#include "recount.h"
#include "options/cfg.h"
#include "options/criteria.h"
#include "reader/pipeline.h"

#include <kernel/kernel_interface.h>

/**
 * Number of packets that an SA processed while it was captured.
 */
struct nflog_processed_t {
	/** TRUE if the SA was gone from the kernel, so the number is not known */
	bool gone;
	/** TRUE if the number is known */
	bool known;
	/** packets at least, and how many more there may have been */
	uint64_t packets, slack;
};

/**
 * Captures one CHILD_SA: its two SAs in its two traces, and writes their keys.
 *
 * Not thread-safe, used by the thread that has the CHILD_SA's IKE_SA checked out.
 */
struct nflog_child_t {

	/**
	 * Capture an SA, before the kernel has it.
	 *
	 * @param id		SA, as given to the kernel
	 * @param data		data of the SA, as given to the kernel
	 * @return			TRUE if its changes and its end matter, as packets or keys of it
	 *					are captured
	 */
	bool (*add_sa)(nflog_child_t *this, kernel_ipsec_sa_id_t *id,
				   kernel_ipsec_add_sa_t *data);

	/**
	 * Prepare for changes of the addresses or the reqid of an SA.
	 *
	 * @param inbound	TRUE for the inbound SA
	 * @param data		changes
	 */
	void (*update_sa)(nflog_child_t *this, bool inbound,
					  kernel_ipsec_update_sa_t *data);

	/**
	 * Complete or undo changes of an SA.
	 *
	 * @param inbound	TRUE for the inbound SA
	 * @param id		SA, with its old addresses
	 * @param data		changes
	 * @param success	TRUE if the kernel made them
	 */
	void (*updated_sa)(nflog_child_t *this, bool inbound,
					   kernel_ipsec_sa_id_t *id,
					   kernel_ipsec_update_sa_t *data, bool success);

	/**
	 * End the capture of an SA.
	 *
	 * @param inbound	TRUE for the inbound SA
	 * @param processed	number of packets that the SA processed
	 */
	void (*del_sa)(nflog_child_t *this, bool inbound,
				   nflog_processed_t *processed);

	/**
	 * Count the packets of SAs that live on again when the traces end.
	 *
	 * @param recount	counts them, gets referenced
	 */
	void (*recount)(nflog_child_t *this, nflog_recount_t *recount);

	/**
	 * Set the outbound SPI, as the outbound SA may be installed later.
	 *
	 * @param spi		SPI, in network order
	 * @return			TRUE if the outbound SA was not added yet
	 */
	bool (*set_spi_out)(nflog_child_t *this, uint32_t spi);

	/**
	 * Set what the traces of an SA lack, or why there are none, for lists.
	 *
	 * @param inbound	TRUE for the inbound SA
	 * @param note		text
	 */
	void (*set_note)(nflog_child_t *this, bool inbound, char *note);

	/**
	 * Check if all traces have as many packets as requested.
	 *
	 * @return			TRUE if so
	 */
	bool (*is_full)(nflog_child_t *this);

	/**
	 * Destroy a nflog_child_t, its traces end.
	 */
	void (*destroy)(nflog_child_t *this);
};

/**
 * Create a nflog_child_t instance.
 *
 * @param subject	CHILD_SA, cloned
 * @param mark		mark of packets that arrive, 0 for none
 * @param start		when the capture starts, part of the names of traces
 * @param cfg		what to capture, gets owned
 * @param pipeline	passes on packets and keys, not owned
 */
nflog_child_t *nflog_child_create(nflog_candidate_t *subject, uint32_t mark,
								  time_t start, nflog_cfg_t *cfg,
								  nflog_pipeline_t *pipeline);

#endif /** NFLOG_CHILD_H_ @}*/
