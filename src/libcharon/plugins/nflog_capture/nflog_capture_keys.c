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

#include "nflog_capture_keys.h"
#include "nflog_capture_keytable.h"
#include "nflog_capture_owners.h"
#include "nflog_capture_preferences.h"
#include "nflog_capture_rows.h"

#include <inttypes.h>

#include <collections/hashtable.h>
#include <collections/linked_list.h>
#include <crypto/crypters/crypter.h>
#include <crypto/signers/signer.h>
#include <threading/mutex.h>

/** Wireshark looks for ESP on this UDP port */
#define NATT_PORT 4500

typedef struct private_nflog_capture_keys_t private_nflog_capture_keys_t;
typedef struct change_t change_t;

/**
 * Private data.
 */
struct private_nflog_capture_keys_t {

	/**
	 * Public interface.
	 */
	nflog_capture_keys_t public;

	/**
	 * Where tables are written.
	 */
	nflog_capture_store_t *store;

	/**
	 * Tells whose rows are to stay.
	 */
	nflog_capture_owners_t *owners;

	/**
	 * What was logged, char* => char*, protected by mutex.
	 */
	hashtable_t *told;

	/**
	 * Queued changes, change_t.
	 */
	linked_list_t *changes;

	/**
	 * Protects changes and told.
	 */
	mutex_t *mutex;
};

/**
 * Queued change of a table.
 */
struct change_t {

	/**
	 * Directory of the connection.
	 */
	char conn[NFLOG_CAPTURE_NAME_SIZE];

	/**
	 * Table to change, TABLE_MAX for the end of an IKE_SA.
	 */
	nflog_capture_keytable_type_t table;

	/**
	 * SPI of the SA, that of the initiator of an IKE_SA.
	 */
	char spi[NFLOG_CAPTURE_IKE_DIGITS + 1];

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
 * Destroy a change.
 */
static void change_destroy(change_t *this)
{
	nflog_capture_rows_free(this->row);
	free(this->former);
	free(this);
}

/**
 * Queue a change, takes ownership of strings.
 */
static void queue(private_nflog_capture_keys_t *this, char *conn,
				  nflog_capture_keytable_type_t table, char *spi, uint16_t port,
				  char *row, char *former)
{
	change_t *change;

	INIT(change,
		.table = table,
		.row = row,
		.former = former,
		.port = port,
	);
	nflog_capture_store_name(conn, change->conn);
	snprintf(change->spi, sizeof(change->spi), "%s", spi);
	this->mutex->lock(this->mutex);
	this->changes->insert_last(this->changes, change);
	this->mutex->unlock(this->mutex);
}

/**
 * Log what Wireshark can not do, once.
 */
static void tell(private_nflog_capture_keys_t *this, char *conn, char *limit,
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

METHOD(nflog_capture_keys_t, add_esp, void,
	private_nflog_capture_keys_t *this, char *conn, kernel_ipsec_sa_id_t *id,
	kernel_ipsec_add_sa_t *data)
{
	char *row, *limit, spi[NFLOG_CAPTURE_ESP_DIGITS + 1];
	uint16_t port = 0;

	write_spi(id, spi, sizeof(spi));
	queue(this, conn, TABLE_KEYS, spi, 0, nflog_capture_rows_sa(id, data), NULL);
	if (id->proto != IPPROTO_ESP)
	{
		return;
	}
	row = nflog_capture_rows_esp(id, data, &limit);
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
	queue(this, conn, TABLE_ESP, spi, port, row, NULL);
	if (data->encap)
	{
		queue(this, conn, TABLE_ESP, spi, 0,
			  nflog_capture_rows_esp_id(id->src, id->dst, id->spi, TRUE),
			  nflog_capture_rows_esp_id(id->src, id->dst, id->spi, FALSE));
	}
}

METHOD(nflog_capture_keys_t, update_esp, void,
	private_nflog_capture_keys_t *this, char *conn, kernel_ipsec_sa_id_t *id,
	kernel_ipsec_update_sa_t *data)
{
	host_t *src = data->new_src, *dst = data->new_dst;
	char spi[NFLOG_CAPTURE_ESP_DIGITS + 1];
	uint16_t port = 0;

	write_spi(id, spi, sizeof(spi));
	queue(this, conn, TABLE_KEYS, spi, 0,
		  nflog_capture_rows_sa_id(id, src, dst, data->new_encap),
		  nflog_capture_rows_sa_id(id, id->src, id->dst, data->encap));
	if (id->proto != IPPROTO_ESP)
	{
		return;
	}
	if (data->new_encap)
	{	/* which of these is ours is not told */
		port = get_port(src, dst);
	}
	queue(this, conn, TABLE_ESP, spi, port,
		  nflog_capture_rows_esp_id(src, dst, id->spi, FALSE),
		  nflog_capture_rows_esp_id(id->src, id->dst, id->spi, FALSE));
	if (data->new_encap)
	{
		queue(this, conn, TABLE_ESP, spi, 0,
			  nflog_capture_rows_esp_id(src, dst, id->spi, TRUE),
			  nflog_capture_rows_esp_id(src, dst, id->spi, FALSE));
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

METHOD(nflog_capture_keys_t, add_ike, void,
	private_nflog_capture_keys_t *this, char *conn, ike_version_t version,
	ike_sa_id_t *id, proposal_t *proposal, chunk_t sk_ei, chunk_t sk_er,
	chunk_t sk_ai, chunk_t sk_ar)
{
	uint16_t encr = ENCR_UNDEFINED, integ = AUTH_UNDEFINED, size = 0;
	nflog_capture_keytable_type_t table;
	char *row, *limit, spi[NFLOG_CAPTURE_IKE_DIGITS + 1];

	proposal->get_algorithm(proposal, ENCRYPTION_ALGORITHM, &encr, &size);
	proposal->get_algorithm(proposal, INTEGRITY_ALGORITHM, &integ, NULL);
	write_spi_i(id, spi, sizeof(spi));
	queue(this, conn, TABLE_KEYS, spi, 0,
		  nflog_capture_rows_ike(version, id, encr, integ, sk_ei, sk_er, sk_ai,
								 sk_ar), NULL);
	if (version == IKEV1)
	{
		table = TABLE_IKEV1;
		row = nflog_capture_rows_ikev1(id, encr, sk_ei, &limit);
	}
	else
	{
		table = TABLE_IKEV2;
		row = nflog_capture_rows_ikev2(id, encr, size, integ, sk_ei, sk_er,
									   sk_ai, sk_ar, &limit);
	}
	tell(this, conn, limit, "IKE_SAs", encr, integ);
	if (row)
	{
		queue(this, conn, table, spi, 0, row, NULL);
	}
}

METHOD(nflog_capture_keys_t, end_ike, void,
	private_nflog_capture_keys_t *this, ike_sa_id_t *id)
{
	char spi[NFLOG_CAPTURE_IKE_DIGITS + 1];

	queue(this, "", TABLE_MAX, write_spi_i(id, spi, sizeof(spi)), 0, NULL, NULL);
}

METHOD(nflog_capture_keys_t, pending, bool,
	private_nflog_capture_keys_t *this)
{
	bool pending;

	this->mutex->lock(this->mutex);
	pending = this->changes->get_count(this->changes) > 0;
	this->mutex->unlock(this->mutex);
	return pending;
}

/**
 * Free a string in a hashtable.
 */
static void str_destroy(void *value, const void *key)
{
	free(value);
}

CALLBACK(keep_row, bool,
	nflog_capture_owners_t *owners, nflog_capture_keytable_type_t type,
	chunk_t columns)
{
	return owners->keep(owners, type, columns);
}

METHOD(nflog_capture_keys_t, prune, void,
	private_nflog_capture_keys_t *this, char *conn)
{
	nflog_capture_keytable_t *table;
	int i;

	this->owners->look(this->owners, conn);
	for (i = 0; i < TABLE_MAX; i++)
	{
		table = nflog_capture_keytable_create(this->store, conn, i);
		if (table->keep(table, keep_row, this->owners))
		{
			table->write(table);
		}
		table->destroy(table);
	}
}

/**
 * Apply changes to the tables of a connection.
 */
static void flush_conn(private_nflog_capture_keys_t *this, char *conn,
					   linked_list_t *changes)
{
	nflog_capture_keytable_t *table, *tables[TABLE_MAX] = {};
	change_t *change;
	bool new = FALSE;
	int i;

	while (changes->remove_first(changes, (void**)&change) == SUCCESS)
	{
		if (change->row)
		{
			this->owners->add(this->owners, conn, change->spi);
			table = tables[change->table];
			if (!table)
			{
				table = nflog_capture_keytable_create(this->store, conn,
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
		if (change->port)
		{
			nflog_capture_preferences_write(this->store, conn, change->port);
		}
		change_destroy(change);
	}
	/* traces may have been removed by someone else as well */
	this->owners->look(this->owners, conn);
	for (i = 0; i < TABLE_MAX; i++)
	{
		if (tables[i])
		{
			tables[i]->keep(tables[i], keep_row, this->owners);
			tables[i]->write(tables[i]);
			tables[i]->destroy(tables[i]);
		}
	}
	if (new)
	{
		nflog_capture_preferences_write(this->store, conn, 0);
	}
}

METHOD(nflog_capture_keys_t, flush, void,
	private_nflog_capture_keys_t *this)
{
	linked_list_t *changes, *ends, *list;
	enumerator_t *enumerator;
	hashtable_t *conns;
	change_t *change;
	char *conn;

	this->mutex->lock(this->mutex);
	changes = this->changes;
	this->changes = linked_list_create();
	this->mutex->unlock(this->mutex);

	conns = hashtable_create(hashtable_hash_str, hashtable_equals_str, 8);
	ends = linked_list_create();
	while (changes->remove_first(changes, (void**)&change) == SUCCESS)
	{
		if (change->table == TABLE_MAX)
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
		list->destroy(list);
		free(conn);
	}
	enumerator->destroy(enumerator);
	conns->destroy(conns);

	/* last, so that rows of short IKE_SAs are not there for ever */
	while (ends->remove_first(ends, (void**)&change) == SUCCESS)
	{
		this->owners->end(this->owners, change->spi);
		change_destroy(change);
	}
	ends->destroy(ends);
}

METHOD(nflog_capture_keys_t, destroy, void,
	private_nflog_capture_keys_t *this)
{
	this->changes->destroy_function(this->changes, (void*)change_destroy);
	this->owners->destroy(this->owners);
	this->told->destroy_function(this->told, str_destroy);
	this->mutex->destroy(this->mutex);
	free(this);
}

/*
 * Described in header
 */
nflog_capture_keys_t *nflog_capture_keys_create(nflog_capture_store_t *store)
{
	private_nflog_capture_keys_t *this;

	INIT(this,
		.public = {
			.add_esp = _add_esp,
			.update_esp = _update_esp,
			.add_ike = _add_ike,
			.end_ike = _end_ike,
			.pending = _pending,
			.flush = _flush,
			.prune = _prune,
			.destroy = _destroy,
		},
		.store = store,
		.owners = nflog_capture_owners_create(store),
		.told = hashtable_create(hashtable_hash_str, hashtable_equals_str, 8),
		.changes = linked_list_create(),
		.mutex = mutex_create(MUTEX_TYPE_DEFAULT),
	);
	return &this->public;
}
