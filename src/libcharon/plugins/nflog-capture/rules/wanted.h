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
 * @defgroup nflog_wanted nflog_wanted
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_WANTED_H_
#define NFLOG_WANTED_H_

#include "nets.h"
#include "sa.h"

#include <ipsec/ipsec_types.h>

/** packets that are kept until an SA is there, and bytes of them, at most */
#define NFLOG_WANTED_PACKETS 64
#define NFLOG_WANTED_BYTES (64 * 1024)

/**
 * Packets that an outbound SA should get by its traffic selectors, to capture those that
 * leave without it.  Constant once its SA was added to the reader, but for what is kept.
 *
 * While an SA is negotiated there is one without trace, which keeps packets.
 */
struct nflog_wanted_t {
	/** capture point, has a reference to the trace until the reader releases it, no trace
	 *  while its SA is negotiated */
	nflog_tap_t tap;
	/** counters while there is no trace */
	nflog_counters_t unused;
	/** selectors, from here to the peer */
	nflog_selectors_t *selectors;
	/** pairs of subnets around them, for the rules */
	nflog_nets_t *nets;
	/** mark that its policy requires */
	mark_t mark;
	/** interface ID that its policy requires, 0 if none */
	uint32_t if_id;
	/** number of packets that the kernel dropped before they were read, before it was
	 *  added */
	uint64_t lost;
	/** number of packets for which not all SAs with its subnets were looked at, before it was
	 *  added */
	uint64_t cut;
	/** inbound SPI of its CHILD_SA, in network order */
	uint32_t spi_in;
	/** packets that left while its SA was negotiated, or by devices that may have sent them
	 *  in an SA, nflog_logged_t, owned, changed with the first lane locked, and their bytes */
	linked_list_t *kept;
	size_t bytes;
	/** how many of these the kernel is being asked about, not 0 as long as any are kept
	 *  unless its SA is negotiated, and the number of that request */
	u_int asked, request;
	/** TRUE if all packets logged before its rules were removed were read */
	bool drained;
};

/**
 * Create a nflog_wanted_t.
 *
 * @param trace		trace, gets referenced, NULL while its SA is negotiated
 * @param child		name of the CHILD_SA
 * @param id		unique id of the CHILD_SA
 * @param src		source traffic selectors, get cloned
 * @param dst		destination traffic selectors, get cloned
 * @param mark		mark of the policy
 * @param if_id		interface ID of the policy
 */
nflog_wanted_t *nflog_wanted_create(nflog_trace_t *trace, char *child, uint32_t id,
									linked_list_t *src, linked_list_t *dst, mark_t mark,
									uint32_t if_id);

/**
 * Check if packets are kept, as there is no SA yet.
 *
 * @return			TRUE if so
 */
bool nflog_wanted_is_early(nflog_wanted_t *this);

/**
 * Keep a packet until more is known, up to a limit, beyond which it counts as overrun.
 *
 * @param logged	packet, gets cloned
 */
void nflog_wanted_keep(nflog_wanted_t *this, nflog_logged_t *logged);

/**
 * Take the first packet that was kept.
 *
 * @return			packet, to be freed, NULL if none is kept
 */
nflog_logged_t *nflog_wanted_take(nflog_wanted_t *this);

/**
 * Destroy a nflog_wanted_t, after its trace was released.
 */
void nflog_wanted_destroy(nflog_wanted_t *this);

#endif /** NFLOG_WANTED_H_ @}*/
