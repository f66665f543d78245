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
 * @defgroup nflog_ip6_fragments nflog_ip6_fragments
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_IP6_FRAGMENTS_H_
#define NFLOG_IP6_FRAGMENTS_H_

typedef struct nflog_ip6_fragments_t nflog_ip6_fragments_t;

#include "group.h"

/**
 * Reassembles IPv6 packets from their fragments: unlike for IPv4, the kernel does so only
 * behind the last hook that sees them.
 *
 * The headers in the first fragment identify a packet.  If it is neither ESP, AH, nor UDP,
 * only which fragments arrived is kept, but no data.
 *
 * Not thread-safe.
 */
struct nflog_ip6_fragments_t {

	/**
	 * Add a fragment.
	 *
	 * Accepts and drops fragments as the kernel does: duplicates are ignored, others that
	 * overlap drop the packet (RFC 5722).  Incomplete packets are dropped after 60 s, with
	 * more than 128 fragments, and the oldest first if all exceed 4,096 packets or 4 MiB of
	 * memory, or those from a single prefix of 64 bits exceed 512 packets or 1 MiB.
	 *
	 * @param logged	fragment
	 * @param now		current time, monotonic
	 * @return			packet of ESP, AH, or UDP that this completes, with the attributes of
	 *					this fragment, valid until the next call, NULL if there is none
	 */
	nflog_logged_t *(*add)(nflog_ip6_fragments_t *this,
						   nflog_logged_t *logged, time_t now);

	/**
	 * Get the number of incomplete packets that were dropped for exceeding a bound, not for
	 * their age, and that may have been ESP, AH, or UDP.
	 *
	 * @return			number of packets
	 */
	uint64_t (*get_dropped)(nflog_ip6_fragments_t *this);

	/**
	 * Destroy a nflog_ip6_fragments_t.
	 */
	void (*destroy)(nflog_ip6_fragments_t *this);
};

/**
 * Create a nflog_ip6_fragments_t instance.
 */
nflog_ip6_fragments_t *nflog_ip6_fragments_create();

#endif /** NFLOG_IP6_FRAGMENTS_H_ @}*/
