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
 * @defgroup nflog_misses nflog_misses
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_MISSES_H_
#define NFLOG_MISSES_H_

typedef struct nflog_misses_t nflog_misses_t;

#include "devices.h"
#include "policies.h"
#include "rules/sa.h"
#include "traces/queue.h"

/**
 * Finds the SA that a packet missed, and why.
 *
 * A packet that left without SA missed the SA whose selectors match it most closely, as it
 * left, or before NAT, and that was added last, among those whose missed packets are
 * captured.  The addresses that rules look up are wider, see nflog_nets_t, other packets are
 * ignored.
 *
 * What leaves by a VTI device or XFRM interface has missed it only if there is no policy for
 * that device, then the device drops it.  Otherwise it is on its way to an SA.  As the policy
 * may be one that charon did not install, the SA keeps these packets, and those that left by
 * a device that is not known yet, until judge(), or until it is removed.
 *
 * With selectors of all destinations, multicasts and what stays on the link don't count.
 *
 * Not thread-safe, the first lane has to be locked, all lanes to add and remove SAs.
 */
struct nflog_misses_t {

	/**
	 * Add an SA.
	 *
	 * @param sa		SA, not owned, ignored if it wants no missed packets
	 */
	void (*add)(nflog_misses_t *this, nflog_sa_t *sa);

	/**
	 * Remove an SA.
	 *
	 * @param sa		SA as added
	 */
	void (*remove)(nflog_misses_t *this, nflog_sa_t *sa);

	/**
	 * Queue a packet for the trace of the SA that it missed.
	 *
	 * @param lane		lane that it was read by
	 * @param logged	packet
	 */
	void (*handle)(nflog_misses_t *this, u_int lane, nflog_logged_t *logged);

	/**
	 * Decide on the packets that SAs keep, and about whose devices the kernel was asked since
	 * they left: queue them, unless these devices have sent packets.
	 *
	 * @param lane		lane to queue them by
	 */
	void (*judge)(nflog_misses_t *this, u_int lane);

	/**
	 * Queue the packets that left while SAs were negotiated for the SAs that they missed, and
	 * count those that were not kept.  All lanes have to be locked.
	 *
	 * @param lane		lane to queue them by
	 * @param early		what kept them, without trace, removed
	 * @param sa		SA that was negotiated, added
	 */
	void (*adopt)(nflog_misses_t *this, u_int lane, nflog_sa_t *early, nflog_sa_t *sa);

	/**
	 * Note if the addresses of packets before NAT can't be learned, may be called without a
	 * lock.
	 *
	 * @param blind		TRUE if so
	 */
	void (*set_blind)(nflog_misses_t *this, bool blind);

	/**
	 * Destroy a nflog_misses_t.
	 */
	void (*destroy)(nflog_misses_t *this);
};

/**
 * Create a nflog_misses_t instance.
 *
 * @param queue		gets packets, not owned
 * @param policies	policies that charon installed, not owned
 * @param devices	network devices, not owned
 */
nflog_misses_t *nflog_misses_create(nflog_queue_t *queue, nflog_policies_t *policies,
									nflog_devices_t *devices);

#endif /** NFLOG_MISSES_H_ @}*/
