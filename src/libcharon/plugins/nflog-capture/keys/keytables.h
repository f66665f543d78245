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

#include "retention.h"
#include "files/store.h"

#include <collections/linked_list.h>

/**
 * Change the tables of a connection, and its preferences.  Each table that changes is
 * read and written once, and rows of traces that do not exist anymore are removed from
 * it.  Blocks on the disk.
 *
 * @param store		where the tables are
 * @param retention	decides which rows stay
 * @param conn		directory of the connection
 * @param changes	changes of this connection, nflog_change_t, those that could not be
 *					written stay in there
 */
void nflog_keytables_change(nflog_store_t *store, nflog_retention_t *retention,
							char *conn, linked_list_t *changes);

#endif /** NFLOG_KEYTABLES_H_ @}*/
