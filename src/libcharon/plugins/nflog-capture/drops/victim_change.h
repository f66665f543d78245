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
 * @defgroup nflog_victim_change nflog_victim_change
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_VICTIM_CHANGE_H_
#define NFLOG_VICTIM_CHANGE_H_

typedef struct nflog_victim_change_t nflog_victim_change_t;

#include "victims.h"

/**
 * Change of a CHILD_SA whose dropped packets are captured.
 *
 * charon's threads create it, the thread that reads packets applies it, as that changes maps in
 * the kernel.
 */
struct nflog_victim_change_t {

	/**
	 * Apply it.
	 *
	 * @param victims	has the CHILD_SA then
	 * @return			FALSE if the kernel can't take its addresses or selectors
	 */
	bool (*apply)(nflog_victim_change_t *this, nflog_victims_t *victims);

	/**
	 * Get the CHILD_SA.
	 *
	 * @return			CHILD_SA, not owned
	 */
	nflog_victim_t *(*get_victim)(nflog_victim_change_t *this);

	/**
	 * Check if the CHILD_SA is removed by this.
	 */
	bool (*is_removal)(nflog_victim_change_t *this);

	/**
	 * Destroy a nflog_victim_change_t.
	 */
	void (*destroy)(nflog_victim_change_t *this);
};

/**
 * Create a change that adds a CHILD_SA.
 *
 * @param victim	CHILD_SA
 */
nflog_victim_change_t *nflog_victim_change_create_add(nflog_victim_t *victim);

/**
 * Create a change that sets an SA of a CHILD_SA.
 *
 * @param victim	CHILD_SA
 * @param id		SA, cloned
 * @param data		its data, selectors are cloned
 */
nflog_victim_change_t *nflog_victim_change_create_sa(nflog_victim_t *victim,
								kernel_ipsec_sa_id_t *id, kernel_ipsec_add_sa_t *data);

/**
 * Create a change that sets new addresses of an SA.
 *
 * @param victim	CHILD_SA
 * @param inbound	TRUE for the inbound SA
 * @param data		new addresses, cloned
 */
nflog_victim_change_t *nflog_victim_change_create_addresses(nflog_victim_t *victim,
								bool inbound, kernel_ipsec_update_sa_t *data);

/**
 * Create a change that removes a CHILD_SA.
 *
 * @param victim	CHILD_SA, not freed
 */
nflog_victim_change_t *nflog_victim_change_create_removal(nflog_victim_t *victim);

#endif /** NFLOG_VICTIM_CHANGE_H_ @}*/
