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
 * @defgroup nflog_addresses nflog_addresses
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_ADDRESSES_H_
#define NFLOG_ADDRESSES_H_

typedef struct nflog_addresses_t nflog_addresses_t;

#include <library.h>

/**
 * Knows the addresses of this machine, and those that it had in the last minute: those of
 * all devices, including VRFs and those that charon ignores, and virtual IPs.
 *
 * Packets are written some time after they passed, so it is known when an address was there:
 * the kernel reports changes, which are read before a packet is judged that passed later.
 *
 * Used by the writer's thread only.
 */
struct nflog_addresses_t {

	/**
	 * Read what changed, or all when it is called for the first time.
	 */
	void (*refresh)(nflog_addresses_t *this);

	/**
	 * Check if a packet from or to an address is of this machine itself: if it had the
	 * address when the packet passed, or if it is one that is never forwarded, i.e.
	 * unspecified, a broadcast to all, or a multicast.
	 *
	 * @param address	4 or 16 bytes
	 * @param sec		time of the packet, seconds since 1970
	 * @param usec		and microseconds
	 * @return			TRUE if so
	 */
	bool (*is_local)(nflog_addresses_t *this, chunk_t address, uint32_t sec,
					 uint32_t usec);

	/**
	 * Destroy a nflog_addresses_t.
	 */
	void (*destroy)(nflog_addresses_t *this);
};

/**
 * Create a nflog_addresses_t instance.
 */
nflog_addresses_t *nflog_addresses_create();

#endif /** NFLOG_ADDRESSES_H_ @}*/
