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

#include "key_file.h"
#include "keytable.h"

#include <collections/linked_list.h>

/**
 * Type of a change.
 */
enum nflog_change_type_t {
	/** a row of a new SA is added to a table */
	CHANGE_ADD,
	/** an SA gets a row with other addresses */
	CHANGE_MOVE,
	/** preferences are written, or a port is added to them */
	CHANGE_PREFERENCES,
	/** rows of traces that no longer exist are removed */
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
	 * SA that is moved, as returned by nflog_keytable_get_sa().
	 */
	uint32_t sa;

	/**
	 * New row, or its identifying columns if an SA is moved, owned.
	 */
	char *row;

	/**
	 * Family of these addresses, if an SA is moved.
	 */
	nflog_any_t family;

	/**
	 * Families for which a row for any address is added as well.
	 */
	nflog_any_t any;

	/**
	 * UDP port on which Wireshark has to expect ESP, 0 for none.
	 */
	uint16_t port;
};

/**
 * Create a nflog_change_t.
 *
 * @param type		what is changed
 * @param conn		directory of the connection
 */
nflog_change_t *nflog_change_create(nflog_change_type_t type, char *conn);

/**
 * Destroy a nflog_change_t, and wipe its row.
 */
void nflog_change_destroy(nflog_change_t *change);

/**
 * Queue of changes to be written to the disk, at most 65536.
 *
 * Changes that failed are tried again after 250 ms, and then after twice the time as
 * before, up to 30 s.
 *
 * A peer decides how often its SAs change addresses, and tables are written as a whole.
 * So writing takes at most a tenth of the time, unless it takes longer than 500 ms.  What
 * is queued meanwhile is merged: an SA that changes its addresses several times gets a
 * row with the last ones, and rows for any address that stand for the others.
 *
 * Any thread may add changes, one thread takes them.  No method blocks for longer than
 * it takes to go through the list.
 */
struct nflog_changes_t {

	/**
	 * Add a change, and drop the oldest one if there are too many.
	 *
	 * @param change	change, gets owned
	 */
	void (*add)(nflog_changes_t *this, nflog_change_t *change);

	/**
	 * Take all changes, if there are new ones, or if it is time to retry.
	 *
	 * @return			list of changes, NULL if there is nothing to do now
	 */
	linked_list_t *(*take)(nflog_changes_t *this);

	/**
	 * Put back changes that failed, before those added meanwhile.  Call this after each
	 * take().
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
	 * Check if changes should be taken now, keeping to the limit above.
	 *
	 * @return			TRUE if so
	 */
	bool (*is_due)(nflog_changes_t *this);

	/**
	 * Get the time until changes should be taken.
	 *
	 * @return			time in ms, 0 if there are none
	 */
	u_int (*get_delay)(nflog_changes_t *this);

	/**
	 * Have all changes taken now.
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
