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

#define _GNU_SOURCE

#include "keytables.h"
#include "changes.h"
#include "keytable.h"
#include "retention.h"
#include "process/secret.h"

#include <limits.h>
#include <unistd.h>

#include <collections/hashtable.h>

/**
 * Preferences that make Wireshark use the tables, and show capture points.
 *
 * The list of ports is not the default one: with that, Wireshark takes UDP-encapsulated
 * packets for another protocol if the other port, that of a NAT, is a well-known one.
 */
static char preferences[] =
	"# Wireshark's preferences for the traces in this directory\n"
	"esp.enable_encryption_decode: TRUE\n"
	"esp.enable_authentication_check: TRUE\n"
	"udpencap.udp.port: 4500,4501\n"
	"gui.column.format:\n"
	"\t\"No.\", \"%m\",\n"
	"\t\"Time\", \"%t\",\n"
	"\t\"Source\", \"%s\",\n"
	"\t\"Destination\", \"%d\",\n"
	"\t\"Protocol\", \"%p\",\n"
	"\t\"Length\", \"%L\",\n"
	"\t\"Point\", \"%Cus:nflog.prefix:0:R\",\n"
	"\t\"Info\", \"%i\"\n";

/** begin of the line with the ports */
#define PORTS "\nudpencap.udp.port:"

/** ports in that line, as sockets may get a new one each time */
#define MAX_PORTS 32

typedef struct private_nflog_keytables_t private_nflog_keytables_t;

/**
 * Private data.
 */
struct private_nflog_keytables_t {

	/**
	 * Public interface.
	 */
	nflog_keytables_t public;

	/**
	 * Directories of connections, not owned.
	 */
	nflog_store_t *store;

	/**
	 * Decides which rows stay, owned.
	 */
	nflog_retention_t *retention;

	/**
	 * Directories of connections whose keys were written, char* => char*.
	 */
	hashtable_t *announced;

	/**
	 * Those whose tables were put in order since charon was started, char* => char*.
	 */
	hashtable_t *checked;
};

/**
 * Log where the keys of a connection are, the first time that any are written.
 */
static void announce(private_nflog_keytables_t *this, char *conn)
{
	char path[PATH_MAX];

	if (!this->announced->get(this->announced, conn))
	{
		conn = strdup(conn);
		this->announced->put(this->announced, conn, conn);
		DBG1(DBG_CHD, "nflog-capture: KEYS of connection '%s' are stored in %s, which "
			 "decrypt all traffic of its captured SAs, only %s can read them", conn,
			 this->store->get_path(this->store, conn, path, sizeof(path)),
			 geteuid() ? "root and the user of charon" : "root");
	}
}

/**
 * Check if a port may be added to the line with ports.
 */
static bool may_add(char *pos, uint16_t port)
{
	char *next = pos;
	u_int count = 0;

	while (*pos && *pos != '\n')
	{
		if (strtoul(pos, &next, 10) == port && next != pos)
		{
			return FALSE;
		}
		count += next != pos;
		pos = next == pos ? pos + 1 : next;
	}
	return count < MAX_PORTS;
}

/**
 * Write the preferences for Wireshark that the traces of a connection need, so that its
 * directory is a complete configuration.
 *
 * An existing file is kept, as the user may have changed it.  Only the port is added to
 * those on which Wireshark expects ESP, up to a limit.
 *
 * @param port		UDP port of encapsulated packets, 0 for the default one
 * @return			FALSE if that failed, to be tried again
 */
static bool write_preferences(nflog_store_t *store, char *conn, uint16_t port)
{
	chunk_t content;
	char *old, *new, *pos;
	bool success = TRUE;
	int len;

	if (!store->read_file(store, conn, "preferences", &content))
	{
		return FALSE;
	}
	if (content.len && memchr(content.ptr, 0, content.len))
	{	/* not written by us or Wireshark */
		DBG1(DBG_CFG, "nflog-capture: unable to parse the preferences of connection "
			 "'%s', remove them to have them written again", conn);
		nflog_secret_clear(&content);
		return TRUE;
	}
	old = content.len ? strndup((char*)content.ptr, content.len)
					  : strdup(preferences);
	pos = strstr(old, PORTS);
	if (port && pos && may_add(pos + strlen(PORTS), port))
	{
		pos += strlen(PORTS) + strcspn(pos + strlen(PORTS), "\n");
		len = asprintf(&new, "%.*s,%u%s", (int)(pos - old), old, port, pos);
	}
	else
	{	/* a user may have removed the ports on purpose */
		len = content.len ? -1 : asprintf(&new, "%s", old);
	}
	if (len >= 0)
	{
		success = store->replace_file(store, conn, "preferences",
									  chunk_from_str(new));
		free(new);
	}
	free(old);
	nflog_secret_clear(&content);
	return success;
}

CALLBACK(keep_row, bool,
	nflog_retention_t *retention, chunk_t spi)
{
	return retention->keep(retention, spi);
}

/**
 * Apply a change to the tables of a connection.
 *
 * @param tables	those read so far, others are read if needed
 */
static void apply_change(private_nflog_keytables_t *this, char *conn,
						 nflog_keytable_t *tables[TABLE_MAX],
						 nflog_change_t *change)
{
	nflog_keytable_t *table;
	int i;

	switch (change->type)
	{
		case CHANGE_ADD:
		case CHANGE_MOVE:
			this->retention->add(this->retention, conn, change->spi);
			i = change->table;
			table = tables[i] ?: nflog_keytable_create(this->store, conn, i);
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
				tables[i] = tables[i] ?: nflog_keytable_create(this->store, conn, i);
			}
			break;
		default:
			break;
	}
}

/**
 * Log that rows were removed the first time, as a former charon did not get to that.
 *
 * @param added		TRUE if rows were added, and others made space for these
 */
static void log_removed(private_nflog_keytables_t *this, char *conn, u_int removed,
						bool added)
{
	char path[PATH_MAX];

	if (!this->checked->get(this->checked, conn))
	{
		conn = strdup(conn);
		this->checked->put(this->checked, conn, conn);
		if (removed && !added)
		{
			DBG1(DBG_CHD, "nflog-capture: removed %u rows of keys without traces from the "
				 "tables in '%s'", removed,
				 this->store->get_path(this->store, conn, path, sizeof(path)));
		}
	}
}

/**
 * Write the tables of a connection that were read, without rows of traces that no longer
 * exist.
 *
 * @param added		TRUE if rows were added
 * @param written	receives TRUE for each table that was written
 * @return			TRUE if all were
 */
static bool write_tables(private_nflog_keytables_t *this, char *conn,
						 nflog_keytable_t *tables[TABLE_MAX], bool added,
						 bool written[TABLE_MAX])
{
	bool all = TRUE;
	u_int removed = 0;
	int i;

	/* others may remove traces, too */
	this->retention->look(this->retention, conn);
	for (i = 0; i < TABLE_MAX; i++)
	{
		if (tables[i])
		{
			removed += tables[i]->keep(tables[i], keep_row, this->retention);
			written[i] = tables[i]->write(tables[i]);
			all = all && written[i];
		}
	}
	log_removed(this, conn, removed, added);
	return all;
}

/**
 * Apply the changes of a connection.  Each table that changes is read and written once.
 *
 * @param changes	changes, those that failed stay in the list
 */
static void apply_conn(private_nflog_keytables_t *this, char *conn,
					   linked_list_t *changes)
{
	nflog_keytable_t *tables[TABLE_MAX] = {};
	bool written[TABLE_MAX] = {}, all, done, new = FALSE;
	bool added = FALSE;
	enumerator_t *enumerator;
	nflog_change_t *change;
	int i;

	enumerator = changes->create_enumerator(changes);
	while (enumerator->enumerate(enumerator, &change))
	{
		apply_change(this, conn, tables, change);
		added = added || change->type == CHANGE_ADD;
		new = new || (change->type == CHANGE_ADD &&
					  tables[change->table]->is_new(tables[change->table]));
	}
	enumerator->destroy(enumerator);
	all = write_tables(this, conn, tables, added, written);
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
				done = write_preferences(this->store, conn, change->port);
				break;
			case CHANGE_PRUNE:
				done = all;
				break;
			default:
				done = written[change->table];
				if (done && change->type == CHANGE_ADD)
				{
					announce(this, conn);
				}
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

/**
 * Sort changes by connection, leave those that are not of one.
 *
 * @return			lists of changes, char* => linked_list_t*, all owned
 */
static hashtable_t *sort_by_conn(linked_list_t *changes)
{
	enumerator_t *enumerator;
	nflog_change_t *change;
	hashtable_t *conns;
	linked_list_t *list;

	conns = hashtable_create(hashtable_hash_str, hashtable_equals_str, 8);
	enumerator = changes->create_enumerator(changes);
	while (enumerator->enumerate(enumerator, &change))
	{
		if (change->type == CHANGE_END)
		{
			continue;
		}
		list = conns->get(conns, change->conn);
		if (!list)
		{
			list = linked_list_create();
			conns->put(conns, strdup(change->conn), list);
		}
		changes->remove_at(changes, enumerator);
		list->insert_last(list, change);
	}
	enumerator->destroy(enumerator);
	return conns;
}

/**
 * Note the end of IKE_SAs.
 *
 * @param ends		changes of this type, removed unless others failed
 * @param failed	TRUE if some did: their rows may be among these, and begin anew
 */
static void apply_ends(private_nflog_keytables_t *this, linked_list_t *ends, bool failed)
{
	enumerator_t *enumerator;
	nflog_change_t *change;

	enumerator = ends->create_enumerator(ends);
	while (enumerator->enumerate(enumerator, &change))
	{
		this->retention->end(this->retention, change->spi);
		if (!failed)
		{
			ends->remove_at(ends, enumerator);
			nflog_change_destroy(change);
		}
	}
	enumerator->destroy(enumerator);
}

METHOD(nflog_keytables_t, apply, void,
	private_nflog_keytables_t *this, linked_list_t *changes)
{
	linked_list_t *failed, *list;
	enumerator_t *enumerator;
	nflog_change_t *change;
	hashtable_t *conns;
	char *conn;

	failed = linked_list_create();
	conns = sort_by_conn(changes);
	enumerator = conns->create_enumerator(conns);
	while (enumerator->enumerate(enumerator, &conn, &list))
	{
		apply_conn(this, conn, list);
		while (list->remove_first(list, (void**)&change) == SUCCESS)
		{
			failed->insert_last(failed, change);
		}
		list->destroy(list);
		free(conn);
	}
	enumerator->destroy(enumerator);
	conns->destroy(conns);

	/* after their rows were added, so that these don't stay forever */
	apply_ends(this, changes, failed->get_count(failed) > 0);
	while (failed->remove_last(failed, (void**)&change) == SUCCESS)
	{
		changes->insert_first(changes, change);
	}
	failed->destroy(failed);
}

METHOD(nflog_keytables_t, expire, u_int,
	private_nflog_keytables_t *this, linked_list_t *conns)
{
	return this->retention->expire(this->retention, conns);
}

/**
 * Free the name of a connection.
 */
static void announced_destroy(void *value, const void *key)
{
	free(value);
}

METHOD(nflog_keytables_t, destroy, void,
	private_nflog_keytables_t *this)
{
	this->retention->destroy(this->retention);
	this->announced->destroy_function(this->announced, announced_destroy);
	this->checked->destroy_function(this->checked, announced_destroy);
	free(this);
}

/*
 * Described in header
 */
nflog_keytables_t *nflog_keytables_create(nflog_store_t *store)
{
	private_nflog_keytables_t *this;

	INIT(this,
		.public = {
			.apply = _apply,
			.expire = _expire,
			.destroy = _destroy,
		},
		.store = store,
		.retention = nflog_retention_create(store),
		.announced = hashtable_create(hashtable_hash_str, hashtable_equals_str, 8),
		.checked = hashtable_create(hashtable_hash_str, hashtable_equals_str, 8),
	);
	return &this->public;
}
