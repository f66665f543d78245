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
 * @defgroup nflog_drops nflog_drops
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_DROPS_H_
#define NFLOG_DROPS_H_

typedef struct nflog_drops_t nflog_drops_t;

#include "victims.h"
#include "traces/queue.h"
#include "traces/writer.h"

/**
 * Captures packets that the kernel dropped, for the capture point "dropped".
 *
 * A thread loads programs into the kernel with the first SA, and reads the packets, as long as
 * there are CHILD_SAs to capture for.  If they can't be loaded, it is logged what is missing,
 * and tried again each minute, or by retry().
 *
 * All methods but destroy() are thread-safe.  They note for the thread what is to change, the
 * lock is held for nothing else.
 */
struct nflog_drops_t {

	/**
	 * Capture dropped packets of a CHILD_SA.
	 *
	 * @param trace		trace, gets referenced
	 * @param conn		name of the connection
	 * @param label		name of the CHILD_SA, with its unique id
	 * @param registry	has the listing, not owned
	 * @param listing	listing of the trace, not owned
	 * @return			CHILD_SA, to be passed to remove()
	 */
	nflog_victim_t *(*add)(nflog_drops_t *this, nflog_trace_t *trace, char *conn,
						   char *label, nflog_registry_t *registry,
						   nflog_listing_t *listing);

	/**
	 * Set an SA of a CHILD_SA.
	 *
	 * @param victim	CHILD_SA
	 * @param id		SA
	 * @param data		its data
	 */
	void (*set_sa)(nflog_drops_t *this, nflog_victim_t *victim, kernel_ipsec_sa_id_t *id,
				   kernel_ipsec_add_sa_t *data);

	/**
	 * Set that an SA of a CHILD_SA has new addresses.
	 *
	 * @param victim	CHILD_SA
	 * @param inbound	TRUE for the inbound SA
	 * @param data		its data
	 */
	void (*update_sa)(nflog_drops_t *this, nflog_victim_t *victim, bool inbound,
					  kernel_ipsec_update_sa_t *data);

	/**
	 * Capture no more packets of a CHILD_SA.  What the kernel dropped before is still written,
	 * then the trace is released.
	 *
	 * @param victim	CHILD_SA
	 * @param started	TRUE if its trace was started
	 */
	void (*remove)(nflog_drops_t *this, nflog_victim_t *victim, bool started);

	/**
	 * Try again at once if programs could not be loaded.
	 */
	void (*retry)(nflog_drops_t *this);

	/**
	 * Destroy a nflog_drops_t, after all CHILD_SAs were removed.
	 */
	void (*destroy)(nflog_drops_t *this);
};

/**
 * Keep the capabilities that this requires when charon drops others.  Called before it does.
 */
void nflog_drops_keep_caps();

/**
 * Create a nflog_drops_t instance.
 *
 * @param queue		receives packets, not owned
 * @param lane		number of the lane in there that nobody else uses
 * @param writer	writes traces, not owned
 */
nflog_drops_t *nflog_drops_create(nflog_queue_t *queue, u_int lane, nflog_writer_t *writer);

#endif /** NFLOG_DROPS_H_ @}*/
