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
 * @defgroup nflog_keytable nflog_keytable
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_KEYTABLE_H_
#define NFLOG_KEYTABLE_H_

typedef struct nflog_keytable_t nflog_keytable_t;
typedef enum nflog_keytable_type_t nflog_keytable_type_t;
typedef enum nflog_any_t nflog_any_t;

#include "files/store.h"

/**
 * Types of key tables, those of Wireshark, and the key file.
 */
enum nflog_keytable_type_t {
	TABLE_ESP = 0,
	TABLE_IKEV2,
	TABLE_IKEV1,
	TABLE_KEYS,
	TABLE_MAX,
};

/**
 * Address families for which an SA gets a row for any address, flags.
 */
enum nflog_any_t {
	ANY_NONE = 0,
	ANY_IPV4 = (1 << 0),
	ANY_IPV6 = (1 << 1),
};

/** rows with addresses of an SA in a table, however often its peer changes these */
#define NFLOG_MAX_ADDRESSES 4

/**
 * Names of their files, by type.
 */
extern char *nflog_keytable_names[];

/**
 * Callback to decide whether a row stays.
 *
 * @param data		data, as passed to keep()
 * @param spi		SPI in hex, as we write it
 * @return			TRUE to keep the row
 */
typedef bool (*nflog_keytable_cb_t)(void *data, chunk_t spi);

/**
 * A key table of a connection in memory, in the format of a UAT of Wireshark, or
 * the key file.
 *
 * A row is identified by its first columns: the SPIs of an IKE_SA, or protocol,
 * addresses and SPI of an ESP SA.  A new row replaces the one with the same columns, with
 * two exceptions: in the key file only an equal line is replaced, as an SPI may be used
 * again, and an IKE_SA may have several sets of keys.  In the table of IKEv1 none is
 * replaced, as only the initiator's SPI identifies a row, which a peer may choose.
 *
 * An SA is identified by its SPI and keys.  It has a row for each of its last addresses,
 * at most NFLOG_MAX_ADDRESSES, as a peer decides how often these change.  Packets with
 * older addresses match a row for any address in esp_sa.  The key file needs none, as
 * nflog-capture(1) tries all keys of an SPI.
 *
 * Wireshark finds the newest rows first: in esp_sa they are at the top, followed by those
 * for any address, in the IKE tables at the end.
 *
 * For one thread at a time.
 */
struct nflog_keytable_t {

	/**
	 * Add the row of a new SA.
	 *
	 * @param row		row, gets cloned
	 * @param any		families for which a row for any address is added as well
	 */
	void (*add)(nflog_keytable_t *this, char *row, nflog_any_t any);

	/**
	 * Add a row with other addresses to an SA, with the keys of its other rows.  Does
	 * nothing if it has none, or if another SA has these columns.
	 *
	 * @param sa		SA, as returned by nflog_keytable_get_sa()
	 * @param columns	columns that identify the new row
	 * @param any		families for which a row for any address is added as well
	 */
	void (*move)(nflog_keytable_t *this, uint32_t sa, char *columns,
				 nflog_any_t any);

	/**
	 * Remove rows.  Rows that are not ours always stay.
	 *
	 * @param cb		called for each row
	 * @param data		passed to callback
	 * @return			number of rows that were removed
	 */
	u_int (*keep)(nflog_keytable_t *this, nflog_keytable_cb_t cb, void *data);

	/**
	 * Check if the table did not exist before.
	 *
	 * @return			TRUE if it is new
	 */
	bool (*is_new)(nflog_keytable_t *this);

	/**
	 * Write the table as a whole, if it changed.
	 *
	 * @return			FALSE if that failed, or if the table is not written because it
	 *					could not be read
	 */
	bool (*write)(nflog_keytable_t *this);

	/**
	 * Destroy a nflog_keytable_t, and wipe it.
	 */
	void (*destroy)(nflog_keytable_t *this);
};

/**
 * Create a nflog_keytable_t instance, and read the file.
 *
 * @param store		store to read and write the table, not owned
 * @param conn		directory of the connection
 * @param type		type of table
 */
nflog_keytable_t *nflog_keytable_create(
						nflog_store_t *store, char *conn,
						nflog_keytable_type_t type);

/**
 * Identify the SA of a row by its SPI and keys.
 *
 * @param type		type of table
 * @param row		row as we write it, NULL if there is none
 * @return			hash, only valid in this process, 0 if there is no row
 */
uint32_t nflog_keytable_get_sa(nflog_keytable_type_t type, char *row);

#endif /** NFLOG_KEYTABLE_H_ @}*/
