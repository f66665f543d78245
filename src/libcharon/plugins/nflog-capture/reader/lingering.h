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
 * @defgroup nflog_lingering nflog_lingering
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_LINGERING_H_
#define NFLOG_LINGERING_H_

typedef struct nflog_lingering_t nflog_lingering_t;

#include "rules/sa.h"

#include <collections/linked_list.h>

/**
 * SAs that are gone, but packets of which charon may still have.
 *
 * If charon itself does ESP (kernel-libipsec), packets that it encrypted wait in
 * the queue of its sender, and decrypted ones for the thread that passes them on.
 * The rules of an SA have to stay until they were seen: as many as the SA counted.
 *
 * Used by the reader's thread only.
 */
struct nflog_lingering_t {

	/**
	 * Take SAs that linger from a list, and append those that don't anymore.
	 *
	 * All lanes have to be locked.
	 *
	 * @param removing	SAs that are gone, those whose rules can be removed remain
	 */
	void (*filter)(nflog_lingering_t *this, linked_list_t *removing);

	/**
	 * Get the number of SAs.
	 *
	 * @return			SAs that linger
	 */
	u_int (*get_count)(nflog_lingering_t *this);

	/**
	 * Destroy a nflog_lingering_t, which is empty.
	 */
	void (*destroy)(nflog_lingering_t *this);
};

/**
 * Create a nflog_lingering_t instance.
 */
nflog_lingering_t *nflog_lingering_create();

#endif /** NFLOG_LINGERING_H_ @}*/
