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
 * @defgroup nflog_recount nflog_recount
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_RECOUNT_H_
#define NFLOG_RECOUNT_H_

typedef struct nflog_recount_t nflog_recount_t;

#include "traces/trace.h"

#include <kernel/kernel_ipsec.h>

/**
 * Called when traces have ended, must not block.
 */
typedef void (*nflog_recount_cb_t)(void *data);

/**
 * Counts the packets of SAs again that live on when their capture ends.
 *
 * Packets pass while the rules of an SA are removed.  So when that begins, the SA
 * processed the least that a trace may have, and when the trace ends the most.
 *
 * It exists as long as one of its traces, or a reference.
 */
struct nflog_recount_t {

	/**
	 * Add an SA, before any trace.
	 *
	 * @param inbound	TRUE for the inbound SA
	 * @param id		SA, cloned
	 * @param before	packets that it processed before it was captured, at least
	 */
	void (*add_sa)(nflog_recount_t *this, bool inbound, kernel_ipsec_sa_id_t *id,
				   uint64_t before);

	/**
	 * Count when a trace ends, which happens in the writer's thread.
	 *
	 * @param trace		trace of the SAs, with the packets counted when the capture ended
	 * @param in		its capture point of arriving packets
	 */
	void (*add_trace)(nflog_recount_t *this, nflog_trace_t *trace, nflog_point_t in);

	/**
	 * Check if any of the traces has not ended yet.  Thread-safe.
	 *
	 * @return			TRUE if so
	 */
	bool (*is_pending)(nflog_recount_t *this);

	/**
	 * Have the callback called once when the last of the traces has ended.  Thread-safe.
	 *
	 * @return			FALSE if they have ended already
	 */
	bool (*await)(nflog_recount_t *this);

	/**
	 * Release the reference of the creator.
	 */
	void (*destroy)(nflog_recount_t *this);
};

/**
 * Create a nflog_recount_t instance.
 *
 * @param cb		called by the writer's thread when traces have ended that are awaited
 * @param data		data to pass to cb
 */
nflog_recount_t *nflog_recount_create(nflog_recount_cb_t cb, void *data);

#endif /** NFLOG_RECOUNT_H_ @}*/
