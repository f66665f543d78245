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
 * @defgroup nflog_passes nflog_passes
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_PASSES_H_
#define NFLOG_PASSES_H_

typedef struct nflog_passes_t nflog_passes_t;

#include "group.h"

/**
 * Finds packets in the clear that pass prerouting for the second time, in a VRF.
 *
 * If a packet arrives in a VRF, it passes with the device it came by, and then, in
 * the same go, with the VRF for its device (vrf_l3_rcv() in drivers/net/vrf.c).  But
 * an SA the ESP packets of which arrive in a VRF hands over what is in them with the
 * VRF for their device, so both passes have that; and what is multicast passes once
 * only.  Rules can't distinguish these, as the kernel's sdif is not there at
 * prerouting.
 *
 * So this remembers the last packets, by what NAT does not change between both
 * passes, and the kernel's time stamp.  Only a packet with a VRF for its device may
 * be the second pass of one of these, which is forgotten with it.  So nothing is
 * missing where there is no VRF.
 *
 * Memory is constant, and so is the time for a packet.  It is thread-safe, and takes
 * no lock.
 */
struct nflog_passes_t {

	/**
	 * Check if a packet passes for the second time, and remember it if not.
	 *
	 * @param logged	packet, as logged at prerouting
	 * @param number	number of its SA
	 * @param vrf		TRUE if a VRF is its device
	 * @return			TRUE if it has passed before
	 */
	bool (*is_again)(nflog_passes_t *this,
					 nflog_logged_t *logged, uint32_t number, bool vrf);

	/**
	 * Destroy a nflog_passes_t.
	 */
	void (*destroy)(nflog_passes_t *this);
};

/**
 * Create a nflog_passes_t instance.
 */
nflog_passes_t *nflog_passes_create();

#endif /** NFLOG_PASSES_H_ @}*/
