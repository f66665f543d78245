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

/**
 * Decides which rows of key tables stay.
 *
 * Those are the rows of an SPI in the name of a trace, and rows of SAs that did
 * not get their trace yet: some minutes for one of an ESP SA, until it ended for
 * an IKE_SA, which might not send a message of its own for a long time.
 *
 * SPIs are those of ESP and AH SAs, or of the initiator of an IKE_SA, in hex.
 *
 * For one thread at a time.
 */
struct nflog_retention_t {

	/**
	 * Add an SA that has rows, and should get a trace.
	 *
	 * @param conn		directory of the connection
	 * @param spi		SPI
	 */
	void (*add)(nflog_retention_t *this, char *conn, char *spi);

	/**
	 * Note that an IKE_SA ended, of whatever connection.
	 *
	 * @param spi		SPI
	 */
	void (*end)(nflog_retention_t *this, char *spi);

	/**
	 * Find the traces of a connection, before calling keep().
	 *
	 * @param conn		directory of the connection
	 */
	void (*look)(nflog_retention_t *this, char *conn);

	/**
	 * Check if a row is to be kept.
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
 * @param store		where the traces are, not owned
 */
nflog_retention_t *nflog_retention_create(nflog_store_t *store);

#endif /** NFLOG_RETENTION_H_ @}*/
