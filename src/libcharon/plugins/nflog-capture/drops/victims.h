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
 * @defgroup nflog_victims nflog_victims
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_VICTIMS_H_
#define NFLOG_VICTIMS_H_

typedef struct nflog_victims_t nflog_victims_t;
typedef struct nflog_lost_t nflog_lost_t;

#include "event.h"
#include "probe.h"
#include "victim.h"

#include <kernel/kernel_ipsec.h>

/** CHILD_SAs that get the same packet, at most */
#define NFLOG_VICTIMS_MAX 16

/**
 * What a dropped packet is.
 */
struct nflog_lost_t {
	/** CHILD_SAs whose packet it is, or may be */
	nflog_victim_t *victims[NFLOG_VICTIMS_MAX];
	/** number of these, 0 if it is of none */
	u_int count;
	/** SPI in host order, 0 if it is no ESP or AH packet */
	uint32_t spi;
	/** TRUE if an SA with it is captured */
	bool sa;
	/** TRUE if it matches the selectors, and was to leave in an SA */
	bool inner;
	/** what is known of the SPI, empty if nothing, or which SA it is */
	char known[128];
};

/**
 * Finds the CHILD_SA that a dropped packet is of, in constant time.
 *
 * A packet of ESP or AH is of the SA with its SPI.  If no SA that is captured has it, but it is
 * not known that another one has it, it is of all connections between these addresses: of the
 * newest CHILD_SA of each.  So is an IKE message.  Any other packet is of the CHILD_SAs whose
 * selectors it matches, also if it was to leave in an SA, but was dropped before it was encrypted.
 *
 * Nothing is locked.
 */
struct nflog_victims_t {

	/**
	 * Add a CHILD_SA, without SAs.
	 *
	 * @param victim	CHILD_SA
	 */
	void (*add)(nflog_victims_t *this, nflog_victim_t *victim);

	/**
	 * Set an SA of a CHILD_SA.
	 *
	 * @param victim	CHILD_SA
	 * @param inbound	TRUE for the inbound SA
	 * @param id		SA
	 * @param src_ts	its selectors, traffic_selector_t, cloned
	 * @param dst_ts	its selectors, cloned
	 * @return			FALSE if the kernel can't take its addresses or selectors
	 */
	bool (*set_sa)(nflog_victims_t *this, nflog_victim_t *victim, bool inbound,
				   kernel_ipsec_sa_id_t *id, linked_list_t *src_ts,
				   linked_list_t *dst_ts);

	/**
	 * Set new addresses of a CHILD_SA.
	 *
	 * @param victim	CHILD_SA
	 * @param inbound	TRUE if they are those of the inbound SA
	 * @param src		source
	 * @param dst		destination
	 * @return			FALSE if the kernel can't take them
	 */
	bool (*set_addresses)(nflog_victims_t *this, nflog_victim_t *victim, bool inbound,
						  host_t *src, host_t *dst);

	/**
	 * Remove a CHILD_SA, its SPIs are remembered.
	 *
	 * @param victim	CHILD_SA, which gets no packets anymore
	 */
	void (*remove)(nflog_victims_t *this, nflog_victim_t *victim);

	/**
	 * Find the CHILD_SAs that a packet is of.
	 *
	 * @param event		packet, whose length is corrected if it was decapsulated from UDP, and
	 *					whose tunnel header is removed if it was not encrypted yet
	 * @param lost		receives them
	 */
	void (*find)(nflog_victims_t *this, struct nflog_event_t *event, nflog_lost_t *lost);

	/**
	 * Enumerate all CHILD_SAs.
	 *
	 * @return			enumerator over nflog_victim_t*
	 */
	enumerator_t *(*create_enumerator)(nflog_victims_t *this);

	/**
	 * Get the number of CHILD_SAs.
	 */
	u_int (*get_count)(nflog_victims_t *this);

	/**
	 * Set what passes on packets, now and from now on.
	 *
	 * @param probe		programs, not owned, NULL if nothing passes them on anymore
	 * @return			FALSE if the kernel did not take all addresses and selectors
	 */
	bool (*set_probe)(nflog_victims_t *this, nflog_probe_t *probe);

	/**
	 * Check if there is any packet to pass on: a CHILD_SA has an SA.
	 */
	bool (*is_ready)(nflog_victims_t *this);

	/**
	 * Destroy a nflog_victims_t, without victims.
	 */
	void (*destroy)(nflog_victims_t *this);
};

/**
 * Create a nflog_victims_t instance.
 */
nflog_victims_t *nflog_victims_create();

#endif /** NFLOG_VICTIMS_H_ @}*/
