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

#include "keys.h"
#include "changes.h"
#include "preferences.h"
#include "rows.h"

#include <inttypes.h>

#include <collections/hashtable.h>
#include <collections/linked_list.h>
#include <crypto/crypters/crypter.h>
#include <crypto/signers/signer.h>
#include <threading/mutex.h>

/** Wireshark looks for ESP on this UDP port */
#define NATT_PORT 4500

typedef struct private_nflog_keys_t private_nflog_keys_t;

/**
 * Private data.
 */
struct private_nflog_keys_t {

	/**
	 * Public interface.
	 */
	nflog_keys_t public;

	/**
	 * Where tables are written.
	 */
	nflog_store_t *store;

	/**
	 * Tells whose rows are to stay.
	 */
	nflog_retention_t *retention;

	/**
	 * What was logged, char* => char*, protected by mutex.
	 */
	hashtable_t *told;

	/**
	 * Queued changes.
	 */
	nflog_changes_t *changes;

	/**
	 * Protects told.
	 */
	mutex_t *mutex;
};

/**
 * Queue a row, takes ownership of strings.
 */
static void queue_row(private_nflog_keys_t *this, char *conn,
					  nflog_keytable_type_t table, char *spi, char *row,
					  char *former)
{
	char name[NFLOG_NAME_SIZE];
	nflog_change_t *change;

	change = nflog_change_create(CHANGE_ROW,
									nflog_trace_name_label(conn, name));
	change->table = table;
	change->row = row;
	change->former = former;
	snprintf(change->spi, sizeof(change->spi), "%s", spi);
	this->changes->add(this->changes, change);
}

/**
 * Queue a port that Wireshark has to know.
 */
static void queue_port(private_nflog_keys_t *this, char *conn,
					   uint16_t port)
{
	char name[NFLOG_NAME_SIZE];
	nflog_change_t *change;

	if (port)
	{
		change = nflog_change_create(CHANGE_PREFERENCES,
									nflog_trace_name_label(conn, name));
		change->port = port;
		this->changes->add(this->changes, change);
	}
}

/**
 * Log what Wireshark can not do, once.
 */
static void tell(private_nflog_keys_t *this, char *conn, char *limit,
				 char *what, uint16_t encr, uint16_t integ)
{
	char *text;

	if (!limit ||
		asprintf(&text, "Wireshark %s %s of connection '%s' with %N/%N, "
				 "'nflog-capture decrypt' does it right", limit, what, conn,
				 encryption_algorithm_names, encr, integrity_algorithm_names,
				 integ) < 0)
	{
		return;
	}
	this->mutex->lock(this->mutex);
	if (!this->told->get(this->told, text))
	{
		DBG1(DBG_CHD, "%s", text);
		text = this->told->put(this->told, text, text);
	}
	this->mutex->unlock(this->mutex);
	free(text);
}

/**
 * Get the port that Wireshark has to know to find packets encapsulated in UDP,
 * that of ours, unless it finds them anyway.
 */
static uint16_t get_port(host_t *ours, host_t *theirs)
{
	if (ours->get_port(ours) == NATT_PORT ||
		theirs->get_port(theirs) == NATT_PORT)
	{
		return 0;
	}
	return ours->get_port(ours);
}

/**
 * Write the SPI of an SA.
 */
static char *write_spi(kernel_ipsec_sa_id_t *id, char *buf, size_t len)
{
	snprintf(buf, len, "%.8x", ntohl(id->spi));
	return buf;
}

METHOD(nflog_keys_t, add_esp, void,
	private_nflog_keys_t *this, char *conn, kernel_ipsec_sa_id_t *id,
	kernel_ipsec_add_sa_t *data)
{
	char *row, *limit, spi[NFLOG_ESP_DIGITS + 1];
	uint16_t port = 0;

	write_spi(id, spi, sizeof(spi));
	queue_row(this, conn, TABLE_KEYS, spi, nflog_rows_sa(id, data), NULL);
	if (id->proto != IPPROTO_ESP)
	{
		return;
	}
	row = nflog_rows_esp(id, data, &limit);
	tell(this, conn, limit, data->esn ? "ESP with ESN" : "ESP", data->enc_alg,
		 data->int_alg);
	if (!row)
	{
		return;
	}
	if (data->encap)
	{
		port = data->inbound ? get_port(id->dst, id->src)
							 : get_port(id->src, id->dst);
	}
	queue_row(this, conn, TABLE_ESP, spi, row, NULL);
	queue_port(this, conn, port);
	if (data->encap)
	{
		queue_row(this, conn, TABLE_ESP, spi,
				  nflog_rows_esp_id(id->src, id->dst, id->spi, TRUE),
				  nflog_rows_esp_id(id->src, id->dst, id->spi, FALSE));
	}
}

METHOD(nflog_keys_t, update_esp, void,
	private_nflog_keys_t *this, char *conn, kernel_ipsec_sa_id_t *id,
	kernel_ipsec_update_sa_t *data)
{
	host_t *src = data->new_src, *dst = data->new_dst;
	char spi[NFLOG_ESP_DIGITS + 1];
	uint16_t port = 0;

	write_spi(id, spi, sizeof(spi));
	queue_row(this, conn, TABLE_KEYS, spi,
			  nflog_rows_sa_id(id, src, dst, data->new_encap),
			  nflog_rows_sa_id(id, id->src, id->dst, data->encap));
	if (id->proto != IPPROTO_ESP)
	{
		return;
	}
	if (data->new_encap)
	{	/* which of these is ours is not told */
		port = get_port(src, dst);
	}
	queue_port(this, conn, port);
	queue_row(this, conn, TABLE_ESP, spi,
			  nflog_rows_esp_id(src, dst, id->spi, FALSE),
			  nflog_rows_esp_id(id->src, id->dst, id->spi, FALSE));
	if (data->new_encap)
	{
		queue_row(this, conn, TABLE_ESP, spi,
				  nflog_rows_esp_id(src, dst, id->spi, TRUE),
				  nflog_rows_esp_id(src, dst, id->spi, FALSE));
	}
}

/**
 * Write the SPI of the initiator of an IKE_SA.
 */
static char *write_spi_i(ike_sa_id_t *id, char *buf, size_t len)
{
	snprintf(buf, len, "%.16" PRIx64, be64toh(id->get_initiator_spi(id)));
	return buf;
}

METHOD(nflog_keys_t, add_ike, void,
	private_nflog_keys_t *this, char *conn, ike_version_t version,
	ike_sa_id_t *id, proposal_t *proposal, chunk_t sk_ei, chunk_t sk_er,
	chunk_t sk_ai, chunk_t sk_ar)
{
	uint16_t encr = ENCR_UNDEFINED, integ = AUTH_UNDEFINED, size = 0;
	nflog_keytable_type_t table;
	char *row, *limit, spi[NFLOG_IKE_DIGITS + 1];

	proposal->get_algorithm(proposal, ENCRYPTION_ALGORITHM, &encr, &size);
	proposal->get_algorithm(proposal, INTEGRITY_ALGORITHM, &integ, NULL);
	write_spi_i(id, spi, sizeof(spi));
	queue_row(this, conn, TABLE_KEYS, spi,
			  nflog_rows_ike(version, id, encr, integ, sk_ei, sk_er,
							 sk_ai, sk_ar), NULL);
	if (version == IKEV1)
	{
		table = TABLE_IKEV1;
		row = nflog_rows_ikev1(id, encr, sk_ei, &limit);
	}
	else
	{
		table = TABLE_IKEV2;
		row = nflog_rows_ikev2(id, encr, size, integ, sk_ei, sk_er,
							   sk_ai, sk_ar, &limit);
	}
	tell(this, conn, limit, "IKE_SAs", encr, integ);
	if (row)
	{
		queue_row(this, conn, table, spi, row, NULL);
	}
}

METHOD(nflog_keys_t, end_ike, void,
	private_nflog_keys_t *this, ike_sa_id_t *id)
{
	nflog_change_t *change;

	change = nflog_change_create(CHANGE_END, "");
	write_spi_i(id, change->spi, sizeof(change->spi));
	this->changes->add(this->changes, change);
}

METHOD(nflog_keys_t, pending, bool,
	private_nflog_keys_t *this)
{
	return this->changes->pending(this->changes);
}

METHOD(nflog_keys_t, get_delay, u_int,
	private_nflog_keys_t *this)
{
	return this->changes->get_delay(this->changes);
}

METHOD(nflog_keys_t, retry, void,
	private_nflog_keys_t *this)
{
	this->changes->retry(this->changes);
}

/**
 * Free a string in a hashtable.
 */
static void str_destroy(void *value, const void *key)
{
	free(value);
}

CALLBACK(keep_row, bool,
	nflog_retention_t *retention, nflog_keytable_type_t type,
	chunk_t columns)
{
	return retention->keep(retention, type, columns);
}

/**
 * Remove the rows of traces that are not there any more, FALSE if that failed.
 */
static bool prune_conn(private_nflog_keys_t *this, char *conn)
{
	nflog_keytable_t *table;
	bool success = TRUE;
	int i;

	this->retention->look(this->retention, conn);
	for (i = 0; i < TABLE_MAX; i++)
	{
		table = nflog_keytable_create(this->store, conn, i);
		if (table->keep(table, keep_row, this->retention))
		{
			success &= table->write(table);
		}
		table->destroy(table);
	}
	return success;
}

METHOD(nflog_keys_t, prune, void,
	private_nflog_keys_t *this, char *conn)
{
	if (!prune_conn(this, conn))
	{
		this->changes->add(this->changes,
						   nflog_change_create(CHANGE_PRUNE, conn));
	}
}

/**
 * Apply rows to the tables of a connection.
 *
 * @param changes	changes, those that can't be written stay in there
 */
static void flush_rows(private_nflog_keys_t *this, char *conn,
					   linked_list_t *changes)
{
	nflog_keytable_t *table, *tables[TABLE_MAX] = {};
	bool written[TABLE_MAX] = {}, new = FALSE;
	enumerator_t *enumerator;
	nflog_change_t *change;
	int i;

	enumerator = changes->create_enumerator(changes);
	while (enumerator->enumerate(enumerator, &change))
	{
		if (change->type == CHANGE_ROW)
		{
			this->retention->add(this->retention, conn, change->spi);
			table = tables[change->table];
			if (!table)
			{
				table = nflog_keytable_create(this->store, conn,
											  change->table);
				tables[change->table] = table;
				new = new || table->is_new(table);
			}
			if (!change->former)
			{
				table->add(table, change->row);
			}
			else
			{
				table->copy(table, change->former, change->row);
			}
		}
	}
	/* traces may have been removed by someone else as well */
	this->retention->look(this->retention, conn);
	for (i = 0; i < TABLE_MAX; i++)
	{
		if (tables[i])
		{
			tables[i]->keep(tables[i], keep_row, this->retention);
			written[i] = tables[i]->write(tables[i]);
			tables[i]->destroy(tables[i]);
		}
	}
	changes->reset_enumerator(changes, enumerator);
	while (enumerator->enumerate(enumerator, &change))
	{
		if (change->type == CHANGE_ROW && written[change->table])
		{
			changes->remove_at(changes, enumerator);
			nflog_change_destroy(change);
		}
	}
	enumerator->destroy(enumerator);
	if (new)
	{
		changes->insert_last(changes,
				nflog_change_create(CHANGE_PREFERENCES, conn));
	}
}

/**
 * Apply changes of a connection.
 *
 * @param changes	changes, those that can't be written stay in there
 */
static void flush_conn(private_nflog_keys_t *this, char *conn,
					   linked_list_t *changes)
{
	enumerator_t *enumerator;
	nflog_change_t *change;
	bool done, pruned = FALSE;

	flush_rows(this, conn, changes);
	enumerator = changes->create_enumerator(changes);
	while (enumerator->enumerate(enumerator, &change))
	{
		switch (change->type)
		{
			case CHANGE_PREFERENCES:
				done = nflog_preferences_write(this->store, conn,
											   change->port);
				break;
			case CHANGE_PRUNE:
				/* once, however often it failed before */
				done = pruned || prune_conn(this, conn);
				pruned = TRUE;
				break;
			default:
				done = FALSE;
				break;
		}
		if (done)
		{
			changes->remove_at(changes, enumerator);
			nflog_change_destroy(change);
		}
	}
	enumerator->destroy(enumerator);
}

METHOD(nflog_keys_t, flush, void,
	private_nflog_keys_t *this)
{
	linked_list_t *changes, *ends, *failed, *list;
	enumerator_t *enumerator;
	hashtable_t *conns;
	nflog_change_t *change;
	char *conn;

	changes = this->changes->take(this->changes);
	if (!changes)
	{
		return;
	}
	conns = hashtable_create(hashtable_hash_str, hashtable_equals_str, 8);
	ends = linked_list_create();
	failed = linked_list_create();
	while (changes->remove_first(changes, (void**)&change) == SUCCESS)
	{
		if (change->type == CHANGE_END)
		{
			ends->insert_last(ends, change);
			continue;
		}
		list = conns->get(conns, change->conn);
		if (!list)
		{
			list = linked_list_create();
			conns->put(conns, strdup(change->conn), list);
		}
		list->insert_last(list, change);
	}
	changes->destroy(changes);

	enumerator = conns->create_enumerator(conns);
	while (enumerator->enumerate(enumerator, &conn, &list))
	{
		flush_conn(this, conn, list);
		while (list->remove_first(list, (void**)&change) == SUCCESS)
		{
			failed->insert_last(failed, change);
		}
		list->destroy(list);
		free(conn);
	}
	enumerator->destroy(enumerator);
	conns->destroy(conns);

	/* last, so that rows of short IKE_SAs are not there for ever */
	enumerator = ends->create_enumerator(ends);
	while (enumerator->enumerate(enumerator, &change))
	{
		this->retention->end(this->retention, change->spi);
	}
	enumerator->destroy(enumerator);
	while (ends->remove_first(ends, (void**)&change) == SUCCESS)
	{
		if (failed->get_count(failed))
		{	/* its rows may be among these, and so begin anew */
			failed->insert_last(failed, change);
		}
		else
		{
			nflog_change_destroy(change);
		}
	}
	ends->destroy(ends);
	this->changes->put_back(this->changes, failed);
}

METHOD(nflog_keys_t, destroy, void,
	private_nflog_keys_t *this)
{
	this->changes->destroy(this->changes);
	this->retention->destroy(this->retention);
	this->told->destroy_function(this->told, str_destroy);
	this->mutex->destroy(this->mutex);
	free(this);
}

/*
 * Described in header
 */
nflog_keys_t *nflog_keys_create(nflog_store_t *store)
{
	private_nflog_keys_t *this;

	INIT(this,
		.public = {
			.add_esp = _add_esp,
			.update_esp = _update_esp,
			.add_ike = _add_ike,
			.end_ike = _end_ike,
			.pending = _pending,
			.get_delay = _get_delay,
			.retry = _retry,
			.flush = _flush,
			.prune = _prune,
			.destroy = _destroy,
		},
		.store = store,
		.retention = nflog_retention_create(store),
		.told = hashtable_create(hashtable_hash_str, hashtable_equals_str, 8),
		.changes = nflog_changes_create(),
		.mutex = mutex_create(MUTEX_TYPE_DEFAULT),
	);
	return &this->public;
}
