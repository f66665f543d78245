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

#include "files/store.h"

/**
 * Types of key tables, those of Wireshark, and our own key file.
 */
enum nflog_keytable_type_t {
	TABLE_ESP = 0,
	TABLE_IKEV2,
	TABLE_IKEV1,
	TABLE_KEYS,
	TABLE_MAX,
};

/**
 * Names of their files, by type.
 */
extern char *nflog_keytable_names[];

/**
 * Callback to decide about a row.
 *
 * @param data		data, as passed to keep()
 * @param type		type of the table
 * @param columns	the columns that identify the row, empty if there are less
 * @return			TRUE to keep the row
 */
typedef bool (*nflog_keytable_cb_t)(void *data,
							nflog_keytable_type_t type, chunk_t columns);

/**
 * A key table of a connection in memory, in the format of a UAT of Wireshark, or
 * our own key file, which nflog-capture(1) describes.
 *
 * A row is identified by its first columns: the SPIs of an IKE_SA, or protocol,
 * addresses and SPI of an ESP SA.  A new row replaces the one with the same, but
 * in our own key file, where only a line that is the same is replaced, as an SPI
 * may be used again, and an IKE_SA may have several sets of keys.
 *
 * Tables are written with the newest rows where Wireshark finds them first: in
 * esp_sa at the top, but those for any address at the end of it, in the IKE
 * tables at the end.
 */
struct nflog_keytable_t {

	/**
	 * Add a row.
	 *
	 * @param row		the row, gets cloned
	 */
	void (*add)(nflog_keytable_t *this, char *row);

	/**
	 * Add a row that is a copy of another one, the newest that is identified by
	 * the given columns, but for these columns.
	 *
	 * @param former	the columns that identify the row to copy
	 * @param columns	the columns that identify the new row
	 */
	void (*copy)(nflog_keytable_t *this, char *former, char *columns);

	/**
	 * Keep some rows only.
	 *
	 * @param cb		called for each row
	 * @param data		passed to callback
	 * @return			TRUE if there are rows that are not kept
	 */
	bool (*keep)(nflog_keytable_t *this, nflog_keytable_cb_t cb,
				 void *data);

	/**
	 * Check if there was no such table before.
	 *
	 * @return			TRUE if it is new
	 */
	bool (*is_new)(nflog_keytable_t *this);

	/**
	 * Write the table, as a whole.
	 *
	 * @return			FALSE if that failed, or if the table could not be read, and
	 *					so must not be written
	 */
	bool (*write)(nflog_keytable_t *this);

	/**
	 * Destroy a nflog_keytable_t, and wipe it.
	 */
	void (*destroy)(nflog_keytable_t *this);
};

/**
 * Create a nflog_keytable_t instance, with the rows that the file has.
 *
 * @param store		store to read and write the table
 * @param conn		directory of the connection
 * @param type		type of table
 */
nflog_keytable_t *nflog_keytable_create(
						nflog_store_t *store, char *conn,
						nflog_keytable_type_t type);

#endif /** NFLOG_KEYTABLE_H_ @}*/
