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
 * A packet that arrives in a VRF passes prerouting with the device it came by, then, without
 * leaving the softirq, with the VRF as device (vrf_l3_rcv() in drivers/net/vrf.c).  But
 * packets decapsulated from ESP that arrived in a VRF have the VRF as device both times, and
 * multicast passes once only.  Rules can't distinguish these, as the kernel does not have sdif
 * at prerouting.
 *
 * So this remembers the last packets, by what NAT does not change between both passes, and by
 * the kernel's time stamp.  Only a packet with a VRF as device can be a second pass, then the
 * first one is forgotten.  So no packet is missed where there is no VRF.
 *
 * Memory and time per packet are constant.  Thread-safe, without locks.
 */
struct nflog_passes_t {

	/**
	 * Check if a packet passes for the second time, remember it otherwise.
	 *
	 * @param logged	packet, logged at prerouting
	 * @param number	number of its SA
	 * @param vrf		TRUE if its device is a VRF
	 * @return			TRUE if it passes for the second time
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
