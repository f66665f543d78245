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
 * @defgroup nflog_child_drops nflog_child_drops
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_CHILD_DROPS_H_
#define NFLOG_CHILD_DROPS_H_

typedef struct nflog_child_drops_t nflog_child_drops_t;

#include "reader/pipeline.h"

/**
 * Captures packets of a CHILD_SA that the kernel dropped.
 *
 * Used by the thread that has its IKE_SA checked out.
 */
struct nflog_child_drops_t {

	/**
	 * Set an SA of the CHILD_SA.
	 *
	 * @param id		SA
	 * @param data		its data
	 */
	void (*add_sa)(nflog_child_drops_t *this, kernel_ipsec_sa_id_t *id,
				   kernel_ipsec_add_sa_t *data);

	/**
	 * Set that an SA was updated.
	 *
	 * @param inbound	TRUE for the inbound SA
	 * @param data		its data
	 */
	void (*update_sa)(nflog_child_drops_t *this, bool inbound, kernel_ipsec_update_sa_t *data);

	/**
	 * Start the trace.
	 *
	 * @param start		when the capture started
	 * @param spi_in	inbound SPI
	 * @param spi_out	outbound SPI
	 */
	void (*start)(nflog_child_drops_t *this, time_t start, uint32_t spi_in, uint32_t spi_out);

	/**
	 * Check if the trace has as many packets as requested.
	 *
	 * @return			TRUE if so
	 */
	bool (*is_full)(nflog_child_drops_t *this);

	/**
	 * Get the trace.
	 *
	 * @return			trace, owned by this object
	 */
	nflog_trace_t *(*get_trace)(nflog_child_drops_t *this);

	/**
	 * Destroy a nflog_child_drops_t, the trace ends.
	 */
	void (*destroy)(nflog_child_drops_t *this);
};

/**
 * Create a nflog_child_drops_t instance.
 *
 * @param subject	CHILD_SA, cloned
 * @param cfg		what to capture, cloned
 * @param pipeline	passes on packets, not owned
 * @return			NULL if such packets are not captured
 */
nflog_child_drops_t *nflog_child_drops_create(nflog_candidate_t *subject, nflog_cfg_t *cfg,
									nflog_pipeline_t *pipeline);

#endif /** NFLOG_CHILD_DROPS_H_ @}*/
