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
 * @defgroup nflog_successors nflog_successors
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_SUCCESSORS_H_
#define NFLOG_SUCCESSORS_H_

typedef struct nflog_successors_t nflog_successors_t;

#include <sa/child_sa.h>
#include <sa/ike_sa.h>

/** seconds for which a CHILD_SA that came up is remembered, and how many of them are */
#define NFLOG_SUCCESSORS_AGE 30
#define NFLOG_SUCCESSORS_MAX 4096

/**
 * Knows which CHILD_SAs came up lately, to tell an IKE_SA that was reauthenticated from one
 * that ended: with IKEv2 the peer sets up another one, with the same CHILD_SAs, and deletes
 * the former one, before or after that (RFC 7296, section 2.8.3).
 *
 * Thread-safe, the lock is held for moments.
 */
struct nflog_successors_t {

	/**
	 * Note that a CHILD_SA is up.
	 *
	 * @param ike_sa	its IKE_SA
	 * @param child_sa	CHILD_SA
	 */
	void (*up)(nflog_successors_t *this, ike_sa_t *ike_sa, child_sa_t *child_sa);

	/**
	 * Note that it is not anymore.
	 *
	 * @param ike_sa	its IKE_SA
	 * @param child_sa	CHILD_SA
	 */
	void (*down)(nflog_successors_t *this, ike_sa_t *ike_sa, child_sa_t *child_sa);

	/**
	 * Get the key of a CHILD_SA, to look for it later: its connection, name, and peer.
	 *
	 * @param ike_sa	its IKE_SA
	 * @param child_sa	CHILD_SA, NULL for any of the IKE_SA
	 * @return			key (allocated), NULL if there is no CHILD_SA
	 */
	char *(*get_key)(nflog_successors_t *this, ike_sa_t *ike_sa, child_sa_t *child_sa);

	/**
	 * Check if a CHILD_SA came up lately with another IKE_SA, and still is.
	 *
	 * @param key		its key
	 * @param ike_id	unique id of the IKE_SA that ended
	 * @return			TRUE if so
	 */
	bool (*has)(nflog_successors_t *this, char *key, uint32_t ike_id);

	/**
	 * Destroy a nflog_successors_t.
	 */
	void (*destroy)(nflog_successors_t *this);
};

/**
 * Create a nflog_successors_t instance.
 */
nflog_successors_t *nflog_successors_create();

#endif /** NFLOG_SUCCESSORS_H_ @}*/
