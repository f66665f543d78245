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
 * @defgroup nflog_sa_table nflog_sa_table
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_SA_TABLE_H_
#define NFLOG_SA_TABLE_H_

typedef struct nflog_sa_table_t nflog_sa_table_t;

#include <kernel/kernel_interface.h>

/**
 * Table of captured SAs, which are identified as in the kernel: by destination, SPI,
 * protocol, and mark (xfrm_state_lookup() in xfrm_state.c).  Peers choose the SPI of
 * outbound SAs, so several may choose the same one, even with the same address behind
 * a NAT.
 *
 * Thread-safe.
 */
struct nflog_sa_table_t {

	/**
	 * Add an SA.
	 *
	 * @param id		identifies the SA
	 * @param inbound	TRUE if it is inbound
	 * @param owner		owner of the SA, has to exist until the SA is removed
	 * @return			FALSE if there is an SA with this id
	 */
	bool (*add)(nflog_sa_table_t *this, kernel_ipsec_sa_id_t *id, bool inbound,
				void *owner);

	/**
	 * Find an SA.
	 *
	 * @param id		identifies the SA
	 * @param inbound	receives TRUE if it is inbound, may be NULL
	 * @return			owner of the SA, NULL if it is not captured
	 */
	void *(*get)(nflog_sa_table_t *this, kernel_ipsec_sa_id_t *id,
				 bool *inbound);

	/**
	 * Remove an SA.
	 *
	 * @param id		identifies the SA
	 */
	void (*remove)(nflog_sa_table_t *this, kernel_ipsec_sa_id_t *id);

	/**
	 * Destroy a nflog_sa_table_t.
	 */
	void (*destroy)(nflog_sa_table_t *this);
};

/**
 * Create a nflog_sa_table_t instance.
 */
nflog_sa_table_t *nflog_sa_table_create();

#endif /** NFLOG_SA_TABLE_H_ @}*/
