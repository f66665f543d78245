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
 * @defgroup nflog_installing nflog_installing
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_INSTALLING_H_
#define NFLOG_INSTALLING_H_

typedef struct nflog_installing_t nflog_installing_t;
typedef struct nflog_installing_child_t nflog_installing_child_t;

#include "options/criteria.h"

#include <sa/ike_sa.h>
#include <sa/child_sa.h>

/**
 * CHILD_SA that a thread is installing, owned by that thread.
 */
struct nflog_installing_child_t {
	/** the CHILD_SA, owned */
	nflog_candidate_t *subject;
	/** mark of packets that arrive */
	uint32_t mark;
	/** TRUE if options were looked up for it */
	bool decided;
};

/**
 * Remembers the CHILD_SA that the current thread began to install last.
 */
struct nflog_installing_t {

	/**
	 * Remember a CHILD_SA, in place of the last one.
	 *
	 * @param ike_sa	its IKE_SA
	 * @param child_sa	CHILD_SA
	 */
	void (*begin)(nflog_installing_t *this, ike_sa_t *ike_sa, child_sa_t *child_sa);

	/**
	 * Forget the CHILD_SA that was installed, or failed to, if it is the last one.
	 *
	 * @param id		its unique id
	 */
	void (*end)(nflog_installing_t *this, uint32_t id);

	/**
	 * Get the CHILD_SA.
	 *
	 * @return			CHILD_SA, NULL if none is being installed
	 */
	nflog_installing_child_t *(*get)(nflog_installing_t *this);

	/**
	 * Destroy a nflog_installing_t.
	 */
	void (*destroy)(nflog_installing_t *this);
};

/**
 * Create a nflog_installing_t instance.
 */
nflog_installing_t *nflog_installing_create();

#endif /** NFLOG_INSTALLING_H_ @}*/
