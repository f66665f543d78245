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
typedef struct nflog_victim_t nflog_victim_t;
typedef struct nflog_lost_t nflog_lost_t;

#include "event.h"
#include "reasons.h"
#include "rules/sa.h"
#include "traces/registry.h"
#include "traces/tap.h"

#include <collections/linked_list.h>
#include <kernel/kernel_ipsec.h>

/** CHILD_SAs that get the same packet, at most */
#define NFLOG_VICTIMS_MAX 16

/**
 * CHILD_SA whose dropped packets are captured.
 */
struct nflog_victim_t {
	/** capture point of its trace, with a reference */
	nflog_tap_t tap;
	/** names of connection and CHILD_SA, the latter with its id, owned */
	char *conn, *label;
	/** listing of its trace, owned by that, and what has it */
	nflog_listing_t *listing;
	nflog_registry_t *registry;
	/** inbound and outbound SA at index 1 and 0, SPIs are 0 if there is none */
	nflog_esp_key_t keys[2];
	/** addresses */
	struct nflog_pair_t pair;
	/** TRUE if the addresses are known */
	bool paired;
	/** local and remote selectors, traffic_selector_t, NULL if not known yet */
	linked_list_t *local, *remote;
	/** the same, to match packets, local ones as source */
	nflog_selectors_t *selectors;
	/** TRUE if programs could not be loaded, so that nothing is captured */
	bool failed;
	/** TRUE if its trace was started, set when it is removed */
	bool started;
	/** packets that were not passed on when it was added */
	struct nflog_limits_t since;
};

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
	/** what is known of the SPI, empty if nothing, or which SA it is */
	char known[128];
};

/**
 * Finds the CHILD_SA that a dropped packet is of, in constant time.
 *
 * A packet of ESP or AH is of the SA with its SPI.  If no SA that is captured has it, but it is
 * not known that another one has it, it is of all connections between these addresses: of the
 * newest CHILD_SA of each.  So is an IKE message.  Any other packet is of the CHILD_SAs whose
 * selectors it matches.
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
	 * @param event		packet, whose length is corrected if it was decapsulated from UDP
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
	 * Set what passes on the packets of addresses and selectors, now and from now on.
	 *
	 * @param pair_cb	adds or removes a pair of addresses, returns FALSE on failure, NULL to
	 *					pass on nothing anymore
	 * @param subnet_cb	the same for a subnet
	 * @param data		data to pass to them
	 * @return			FALSE if one failed
	 */
	bool (*set_filter)(nflog_victims_t *this,
					   bool (*pair_cb)(void *data, struct nflog_pair_t *pair, bool add),
					   bool (*subnet_cb)(void *data, struct nflog_subnet_t *subnet, bool add),
					   void *data);

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
