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

#include "keytables.h"
#include "changes.h"
#include "keytable.h"
#include "preferences.h"

CALLBACK(keep_row, bool,
	nflog_retention_t *retention, chunk_t spi)
{
	return retention->keep(retention, spi);
}

/**
 * Apply a change to the tables of a connection.
 *
 * @param tables	those that have been read before
 */
static void apply(nflog_store_t *store, nflog_retention_t *retention, char *conn,
				  nflog_keytable_t *tables[TABLE_MAX], nflog_change_t *change)
{
	nflog_keytable_t *table;
	int i;

	switch (change->type)
	{
		case CHANGE_ADD:
		case CHANGE_MOVE:
			retention->add(retention, conn, change->spi);
			i = change->table;
			table = tables[i] ?: nflog_keytable_create(store, conn, i);
			tables[i] = table;
			if (change->type == CHANGE_ADD)
			{
				table->add(table, change->row, change->any);
			}
			else
			{
				table->move(table, change->sa, change->row, change->any);
			}
			break;
		case CHANGE_PRUNE:
			for (i = 0; i < TABLE_MAX; i++)
			{
				tables[i] = tables[i] ?: nflog_keytable_create(store, conn, i);
			}
			break;
		default:
			break;
	}
}

/**
 * Write the tables of a connection that were read, without the rows of traces that do
 * not exist anymore.
 *
 * @param written	receives TRUE for those that were written
 * @return			TRUE if all were
 */
static bool write_tables(nflog_retention_t *retention, char *conn,
						 nflog_keytable_t *tables[TABLE_MAX],
						 bool written[TABLE_MAX])
{
	bool all = TRUE;
	int i;

	/* others may have removed traces as well */
	retention->look(retention, conn);
	for (i = 0; i < TABLE_MAX; i++)
	{
		if (tables[i])
		{
			tables[i]->keep(tables[i], keep_row, retention);
			written[i] = tables[i]->write(tables[i]);
			all = all && written[i];
		}
	}
	return all;
}

/*
 * Described in header
 */
void nflog_keytables_change(nflog_store_t *store, nflog_retention_t *retention,
							char *conn, linked_list_t *changes)
{
	nflog_keytable_t *tables[TABLE_MAX] = {};
	bool written[TABLE_MAX] = {}, all, done, new = FALSE;
	enumerator_t *enumerator;
	nflog_change_t *change;
	int i;

	enumerator = changes->create_enumerator(changes);
	while (enumerator->enumerate(enumerator, &change))
	{
		apply(store, retention, conn, tables, change);
		new = new || (change->type == CHANGE_ADD &&
					  tables[change->table]->is_new(tables[change->table]));
	}
	enumerator->destroy(enumerator);
	all = write_tables(retention, conn, tables, written);
	if (new)
	{
		changes->insert_last(changes,
							 nflog_change_create(CHANGE_PREFERENCES, conn));
	}
	enumerator = changes->create_enumerator(changes);
	while (enumerator->enumerate(enumerator, &change))
	{
		switch (change->type)
		{
			case CHANGE_PREFERENCES:
				done = nflog_preferences_write(store, conn,
											   change->port);
				break;
			case CHANGE_PRUNE:
				done = all;
				break;
			default:
				done = written[change->table];
				break;
		}
		if (done)
		{
			changes->remove_at(changes, enumerator);
			nflog_change_destroy(change);
		}
	}
	enumerator->destroy(enumerator);
	for (i = 0; i < TABLE_MAX; i++)
	{
		DESTROY_IF(tables[i]);
	}
}
