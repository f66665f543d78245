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
 * @defgroup nflog_changes nflog_changes
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_CHANGES_H_
#define NFLOG_CHANGES_H_

typedef struct nflog_changes_t nflog_changes_t;
typedef struct nflog_change_t nflog_change_t;
typedef enum nflog_change_type_t nflog_change_type_t;

#include "keytable.h"
#include "retention.h"

#include <collections/linked_list.h>

/**
 * What is changed.
 */
enum nflog_change_type_t {
	/** a row is added to a table, or copied there */
	CHANGE_ROW,
	/** preferences are written, or get a port */
	CHANGE_PREFERENCES,
	/** rows of traces that are not there are removed */
	CHANGE_PRUNE,
	/** an IKE_SA ended */
	CHANGE_END,
};

/**
 * Change of the tables of a connection, or of its preferences.
 */
struct nflog_change_t {

	/**
	 * What is changed.
	 */
	nflog_change_type_t type;

	/**
	 * Directory of the connection.
	 */
	char conn[NFLOG_NAME_SIZE];

	/**
	 * Table to change.
	 */
	nflog_keytable_type_t table;

	/**
	 * SPI of the SA, that of the initiator of an IKE_SA.
	 */
	char spi[NFLOG_IKE_DIGITS + 1];

	/**
	 * New row, or, if former is set, the columns that identify it.
	 */
	char *row;

	/**
	 * The columns that identify the row to copy, NULL for a new one.
	 */
	char *former;

	/**
	 * Port that Wireshark has to know to find the SA's packets, 0 for none.
	 */
	uint16_t port;
};

/**
 * Create a nflog_change_t.
 *
 * @param type		what is changed
 * @param conn		directory of the connection
 */
nflog_change_t *nflog_change_create(
							nflog_change_type_t type, char *conn);

/**
 * Destroy a nflog_change_t, and wipe its row.
 */
void nflog_change_destroy(nflog_change_t *change);

/**
 * Changes that wait to be written to the disk, bounded, and those that could not
 * be written, which wait for a while that is doubled each time.
 *
 * Any thread may add changes, one takes them.
 */
struct nflog_changes_t {

	/**
	 * Add a change, the oldest one goes if there are too many.
	 *
	 * @param change	change, gets owned
	 */
	void (*add)(nflog_changes_t *this, nflog_change_t *change);

	/**
	 * Take all changes, if there are new ones, or it's time to try again those
	 * that failed.
	 *
	 * @return			list of changes, NULL if there is nothing to do now
	 */
	linked_list_t *(*take)(nflog_changes_t *this);

	/**
	 * Put back the changes that failed, before those that were added meanwhile.
	 * To be called after each take().
	 *
	 * @param failed	changes that failed, gets owned, empty if none did
	 */
	void (*put_back)(nflog_changes_t *this, linked_list_t *failed);

	/**
	 * Check if there are changes.
	 *
	 * @return			TRUE if so
	 */
	bool (*pending)(nflog_changes_t *this);

	/**
	 * Get the time after which take() returns changes that failed.
	 *
	 * @return			time in ms, 0 if there are none
	 */
	u_int (*get_delay)(nflog_changes_t *this);

	/**
	 * Let take() return all changes the next time.
	 */
	void (*retry)(nflog_changes_t *this);

	/**
	 * Destroy a nflog_changes_t.
	 */
	void (*destroy)(nflog_changes_t *this);
};

/**
 * Create a nflog_changes_t instance.
 */
nflog_changes_t *nflog_changes_create();

#endif /** NFLOG_CHANGES_H_ @}*/
