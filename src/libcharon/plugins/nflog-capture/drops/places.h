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
 * @defgroup nflog_places nflog_places
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_PLACES_H_
#define NFLOG_PLACES_H_

typedef struct nflog_places_t nflog_places_t;
typedef struct nflog_place_t nflog_place_t;

#include "probe.h"
#include "victims.h"

#include <collections/array.h>

/**
 * Pair of addresses, or subnet of selectors, of some CHILD_SAs.
 */
struct nflog_place_t {
	/** addresses, if subnet has no bits */
	struct nflog_pair_t pair;
	/** subnet */
	struct nflog_subnet_t subnet;
	/** CHILD_SAs, nflog_victim_t, the newest one last, as often as it is in their selectors */
	array_t *victims;
	/** packets for which not all of them were looked at */
	uint64_t overlooked;
	/** TRUE if the kernel did not take it */
	bool refused;
};

/**
 * Has the kernel pass on packets between the addresses and selectors of CHILD_SAs, and finds
 * these by them.
 *
 * It also counts the packets that are not passed on while a CHILD_SA has them, in
 * nflog_victim_t.lapses.
 *
 * Nothing is locked.
 */
struct nflog_places_t {

	/**
	 * Set the addresses of a CHILD_SA, in place of those that it has.
	 *
	 * @param victim	CHILD_SA
	 * @param pair		addresses
	 * @return			FALSE if the kernel can't take them
	 */
	bool (*set_pair)(nflog_places_t *this, nflog_victim_t *victim,
					 struct nflog_pair_t *pair);

	/**
	 * Add the selectors of a CHILD_SA, which has not added any.
	 *
	 * @param victim	CHILD_SA
	 * @return			FALSE if the kernel can't take them
	 */
	bool (*add_selectors)(nflog_places_t *this, nflog_victim_t *victim);

	/**
	 * Remove the addresses and selectors of a CHILD_SA.  What it lacks is counted then.
	 *
	 * @param victim	CHILD_SA
	 */
	void (*remove)(nflog_places_t *this, nflog_victim_t *victim);

	/**
	 * Find addresses.
	 *
	 * @param pair		addresses
	 * @return			these, NULL if no CHILD_SA has them
	 */
	nflog_place_t *(*find_pair)(nflog_places_t *this, struct nflog_pair_t *pair);

	/**
	 * Find the remote subnets that have an address, the smallest one first.
	 *
	 * @param addr		address, mapped, changed to that of the subnet
	 * @param bits		bits of the subnet that was found before, 0 to begin, changed
	 * @return			subnet, NULL if there are no more
	 */
	nflog_place_t *(*find_subnet)(nflog_places_t *this, uint8_t addr[16], u_int *bits);

	/**
	 * Check if there are addresses.
	 */
	bool (*has_pairs)(nflog_places_t *this);

	/**
	 * Set what passes on packets, now and from now on.
	 *
	 * @param probe		programs, not owned, NULL if nothing passes them on anymore
	 * @return			FALSE if the kernel did not take all addresses and selectors
	 */
	bool (*set_probe)(nflog_places_t *this, nflog_probe_t *probe);

	/**
	 * Destroy a nflog_places_t, after all CHILD_SAs were removed.
	 */
	void (*destroy)(nflog_places_t *this);
};

/**
 * Create a nflog_places_t instance.
 */
nflog_places_t *nflog_places_create();

#endif /** NFLOG_PLACES_H_ @}*/
