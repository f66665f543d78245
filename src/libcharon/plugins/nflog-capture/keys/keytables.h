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
 * @defgroup nflog_keytables nflog_keytables
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_KEYTABLES_H_
#define NFLOG_KEYTABLES_H_

typedef struct nflog_keytables_t nflog_keytables_t;

#include "files/store.h"

#include <collections/linked_list.h>

/**
 * The key tables of all connections, and their preferences for Wireshark.
 *
 * For one thread at a time, as it blocks on the disk.
 */
struct nflog_keytables_t {

	/**
	 * Apply changes, and remove rows of traces that no longer exist from each table that
	 * is read for that.
	 *
	 * @param changes	changes, nflog_change_t, those that could not be written stay in
	 *					the list
	 */
	void (*apply)(nflog_keytables_t *this, linked_list_t *changes);

	/**
	 * Find connections with rows that have no trace and are to be removed now, as in
	 * nflog_retention_t.
	 *
	 * @param conns		gets directories of connections (char*, allocated)
	 * @return			seconds until the next call has something to do, 0 if no rows wait
	 */
	u_int (*expire)(nflog_keytables_t *this, linked_list_t *conns);

	/**
	 * Destroy a nflog_keytables_t.
	 */
	void (*destroy)(nflog_keytables_t *this);
};

/**
 * Create a nflog_keytables_t instance.
 *
 * @param store		directories of connections, not owned
 */
nflog_keytables_t *nflog_keytables_create(nflog_store_t *store);

#endif /** NFLOG_KEYTABLES_H_ @}*/
