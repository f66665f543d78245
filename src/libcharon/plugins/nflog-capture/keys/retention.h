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
 * @defgroup nflog_retention nflog_retention
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_RETENTION_H_
#define NFLOG_RETENTION_H_

typedef struct nflog_retention_t nflog_retention_t;

#include "files/store.h"

#include <collections/linked_list.h>

/**
 * Decides which rows of key tables stay.
 *
 * Those are the rows whose SPI is in the name of a trace, and those of SAs that have no
 * trace yet: rows of an ESP or AH SA for five minutes, as its trace begins once there is an
 * SA for the other direction, too, rows of an IKE_SA until ten seconds after its end.
 *
 * Rows of an SA whose trace is running, or is being saved, also stay while there is no such
 * file, see nflog_pins_t.
 *
 * SPIs are those of ESP and AH SAs, or of initiators of IKE_SAs, in hex.
 *
 * For one thread at a time.
 */
struct nflog_retention_t {

	/**
	 * Add an SA that has rows, but perhaps no trace yet.
	 *
	 * @param conn		directory of the connection
	 * @param spi		SPI
	 */
	void (*add)(nflog_retention_t *this, char *conn, char *spi);

	/**
	 * Note that an IKE_SA ended, of any connection.
	 *
	 * @param spi		SPI
	 */
	void (*end)(nflog_retention_t *this, char *spi);

	/**
	 * Find connections with rows of an SA whose time is over, and forget that it had any.
	 *
	 * @param conns		gets directories of connections (char*, allocated)
	 * @return			seconds until the next call has something to do, 0 if no rows wait
	 */
	u_int (*expire)(nflog_retention_t *this, linked_list_t *conns);

	/**
	 * Find the traces of a connection, for keep().
	 *
	 * @param conn		directory of the connection
	 */
	void (*look)(nflog_retention_t *this, char *conn);

	/**
	 * Check if a row of that connection stays.
	 *
	 * @param spi		SPI
	 * @return			TRUE if so
	 */
	bool (*keep)(nflog_retention_t *this, chunk_t spi);

	/**
	 * Destroy a nflog_retention_t.
	 */
	void (*destroy)(nflog_retention_t *this);
};

/**
 * Create a nflog_retention_t instance.
 *
 * @param store		directories of connections, not owned
 */
nflog_retention_t *nflog_retention_create(nflog_store_t *store);

#endif /** NFLOG_RETENTION_H_ @}*/
