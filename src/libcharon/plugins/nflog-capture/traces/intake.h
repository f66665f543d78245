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
 * @defgroup nflog_intake nflog_intake
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_INTAKE_H_
#define NFLOG_INTAKE_H_

typedef struct nflog_intake_t nflog_intake_t;

#include "addresses.h"
#include "counters.h"
#include "packet.h"
#include "options/cfg.h"

/**
 * Decides which packets a trace stores: those that match its filter, are of the gateway
 * itself or forwarded, as wanted, and are not beyond the number that was requested.
 *
 * Used by the writer's thread, but for is_full().
 */
struct nflog_intake_t {

	/**
	 * Prepare for packets, when the trace begins.
	 */
	void (*start)(nflog_intake_t *this);

	/**
	 * Decide on a packet, and count it if it is not stored.
	 *
	 * @param packet	packet
	 * @param count		counters of its capture point
	 * @return			TRUE to store it
	 */
	bool (*take)(nflog_intake_t *this, nflog_packet_t *packet, nflog_counters_t *count);

	/**
	 * Check if there are as many packets as requested.  Thread-safe.
	 *
	 * @return			TRUE if so
	 */
	bool (*is_full)(nflog_intake_t *this);

	/**
	 * Set what knows the addresses of the gateway, required for the option "local".
	 *
	 * @param addresses	knows them, not owned
	 */
	void (*set_addresses)(nflog_intake_t *this, nflog_addresses_t *addresses);

	/**
	 * Destroy a nflog_intake_t.
	 */
	void (*destroy)(nflog_intake_t *this);
};

/**
 * Create a nflog_intake_t instance.
 *
 * @param point		capture point of arriving packets, the next one is of leaving packets
 * @param cfg		options, not owned
 */
nflog_intake_t *nflog_intake_create(nflog_point_t point, nflog_cfg_t *cfg);

#endif /** NFLOG_INTAKE_H_ @}*/
