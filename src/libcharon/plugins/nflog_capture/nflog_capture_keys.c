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
#include "nflog_capture_rows.h"

#include <collections/hashtable.h>
#include <collections/linked_list.h>
#include <crypto/crypters/crypter.h>
#include <crypto/signers/signer.h>
#include <threading/mutex.h>

/** digits of an ESP SPI in the name of a trace */
#define SPI_DIGITS 8

/** seconds in which an SA must have got a trace, or else its row is removed */
#define GRACE 300

typedef struct private_nflog_capture_keys_t private_nflog_capture_keys_t;
typedef struct change_t change_t;
typedef struct recent_t recent_t;

/**
 * What makes Wireshark use the tables, and show the capture point of packets.
 */
static char preferences[] =
	"# Wireshark's preferences for the traces in this directory\n"
	"esp.enable_encryption_decode: TRUE\n"
	"esp.enable_authentication_check: TRUE\n"
	"gui.column.format:\n"
	"\t\"No.\", \"%m\",\n"
	"\t\"Time\", \"%t\",\n"
	"\t\"Source\", \"%s\",\n"
	"\t\"Destination\", \"%d\",\n"
	"\t\"Protocol\", \"%p\",\n"
	"\t\"Length\", \"%L\",\n"
	"\t\"Point\", \"%Cus:nflog.prefix:0:R\",\n"
	"\t\"Info\", \"%i\"\n";

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
	 * Rows written lately, oldest first, recent_t.
	 */
	linked_list_t *recent;

	/**
	 * Queued changes, change_t.
	 */
	linked_list_t *changes;

	/**
	 * Protects changes.
	 */
	mutex_t *mutex;
};

/**
 * A row that was written before its SA got a trace.
 */
struct recent_t {

	/**
	 * Name of the connection.
	 */
	char *conn;

	/**
	 * SPI, empty for an IKE_SA.
	 */
	char spi[SPI_DIGITS + 1];

	/**
	 * When it was written.
	 */
	time_t time;
};

/**
 * Queued change of a table.
 */
struct change_t {

	/**
	 * Name of the connection.
	 */
	char *conn;

	/**
	 * Table to change.
	 */
	nflog_capture_keytable_type_t table;

	/**
	 * SPI of an ESP SA, 0 for an IKE_SA.
	 */
	uint32_t spi;

	/**
	 * New row, or, if former is set, the columns that identify it.
	 */
	char *row;

	/**
	 * The columns that identify the row to copy, NULL for a new one.
	 */
	char *former;
};

/**
 * Destroy a change.
 */
static void change_destroy(change_t *this)
{
	if (this->row)
	{
		memwipe(this->row, strlen(this->row));
	}
	free(this->row);
	free(this->former);
	free(this->conn);
	free(this);
}

/**
 * Destroy a recent row.
 */
static void recent_destroy(recent_t *this)
{
	free(this->conn);
	free(this);
}

/**
 * Queue a change, takes ownership of strings.
 */
static void queue(private_nflog_capture_keys_t *this, char *conn,
				  nflog_capture_keytable_type_t table, uint32_t spi, char *row,
				  char *former)
{
	change_t *change;

	INIT(change,
		.conn = strdup(conn),
		.table = table,
		.spi = spi,
		.row = row,
		.former = former,
	);
	this->mutex->lock(this->mutex);
	this->changes->insert_last(this->changes, change);
	this->mutex->unlock(this->mutex);
}

METHOD(nflog_capture_keys_t, add_esp, void,
	private_nflog_capture_keys_t *this, char *conn, kernel_ipsec_sa_id_t *id,
	kernel_ipsec_add_sa_t *data)
{
	char *row;

	if (id->proto != IPPROTO_ESP)
	{
		return;
	}
	row = nflog_capture_rows_esp(id, data);
	if (row)
	{
		queue(this, conn, TABLE_ESP, id->spi, row, NULL);
	}
	else if (data->inbound)
	{	/* once per CHILD_SA will do */
		DBG1(DBG_CHD, "no row in key table for ESP SAs of connection '%s', "
			 "Wireshark%s does not decrypt %N/%N", conn,
			 data->enc_alg == ENCR_CHACHA20_POLY1305 ? " before 4.6" : "",
			 encryption_algorithm_names, data->enc_alg,
			 integrity_algorithm_names, data->int_alg);
	}
}

METHOD(nflog_capture_keys_t, update_esp, void,
	private_nflog_capture_keys_t *this, char *conn, kernel_ipsec_sa_id_t *id,
	host_t *src, host_t *dst)
{
	if (id->proto == IPPROTO_ESP)
	{
		queue(this, conn, TABLE_ESP, id->spi,
			  nflog_capture_rows_esp_id(src, dst, id->spi),
			  nflog_capture_rows_esp_id(id->src, id->dst, id->spi));
	}
}

METHOD(nflog_capture_keys_t, add_ike, void,
	private_nflog_capture_keys_t *this, char *conn, ike_version_t version,
	ike_sa_id_t *id, proposal_t *proposal, chunk_t sk_ei, chunk_t sk_er,
	chunk_t sk_ai, chunk_t sk_ar)
{
	uint16_t encr = ENCR_UNDEFINED, integ = AUTH_UNDEFINED, size = 0;
	char *row;

	if (version == IKEV1)
	{
		queue(this, conn, TABLE_IKEV1, 0, nflog_capture_rows_ikev1(id, sk_ei),
			  NULL);
		return;
	}
	proposal->get_algorithm(proposal, ENCRYPTION_ALGORITHM, &encr, &size);
	proposal->get_algorithm(proposal, INTEGRITY_ALGORITHM, &integ, NULL);
	row = nflog_capture_rows_ikev2(id, encr, size, integ, sk_ei, sk_er, sk_ai,
								   sk_ar);
	if (row)
	{
		queue(this, conn, TABLE_IKEV2, 0, row, NULL);
	}
	else
	{
		DBG1(DBG_CHD, "no row in key table for IKE_SAs of connection '%s', "
			 "Wireshark does not decrypt %N/%N", conn,
			 encryption_algorithm_names, encr, integrity_algorithm_names, integ);
	}
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
 * What remains of a connection, to prune its tables.
 */
typedef struct {
	/** SPIs of its traces, char* => char* */
	hashtable_t *spis;
	/** TRUE if there is any trace */
	bool traces;
} remains_t;

/**
 * Add an SPI to those that remain.
 */
static void add_spi(remains_t *remains, char *digits)
{
	char *spi = strndup(digits, SPI_DIGITS);

	if (remains->spis->get(remains->spis, spi))
	{
		free(spi);
	}
	else
	{
		remains->spis->put(remains->spis, spi, spi);
	}
}

/**
 * Collect the SPIs in the name of a trace, <child>.<start>.<in>-<out>.esp.pcap.
 */
static void add_spis(remains_t *remains, char *name)
{
	char *pos = name;

	while ((pos = strchr(pos, '-')))
	{
		if (pos - name > SPI_DIGITS && pos[-SPI_DIGITS - 1] == '.' &&
			strlen(pos) > SPI_DIGITS + 1 && pos[SPI_DIGITS + 1] == '.')
		{
			add_spi(remains, pos - SPI_DIGITS);
			add_spi(remains, pos + 1);
		}
		pos++;
	}
}

/**
 * Find out what remains of a connection, including rows that were written just
 * before the SA gets its trace.
 */
static void get_remains(private_nflog_capture_keys_t *this, char *conn,
						remains_t *remains)
{
	enumerator_t *enumerator;
	recent_t *recent;
	time_t limit;
	char *name;

	remains->spis = hashtable_create(hashtable_hash_str, hashtable_equals_str,
									 32);
	enumerator = this->store->create_trace_enumerator(this->store, conn);
	while (enumerator->enumerate(enumerator, &name))
	{
		remains->traces = TRUE;
		add_spis(remains, name);
	}
	enumerator->destroy(enumerator);

	limit = time_monotonic(NULL) - GRACE;
	while (this->recent->get_first(this->recent, (void**)&recent) == SUCCESS &&
		   recent->time < limit)
	{
		this->recent->remove_first(this->recent, (void**)&recent);
		recent_destroy(recent);
	}
	enumerator = this->recent->create_enumerator(this->recent);
	while (enumerator->enumerate(enumerator, &recent))
	{
		if (streq(recent->conn, conn))
		{
			remains->traces = TRUE;
			add_spi(remains, recent->spi);
		}
	}
	enumerator->destroy(enumerator);
}

/**
 * Free a string in a hashtable.
 */
static void str_destroy(void *value, const void *key)
{
	free(value);
}

CALLBACK(has_trace, bool,
	remains_t *remains, nflog_capture_keytable_type_t type, chunk_t columns)
{
	char spi[SPI_DIGITS + 1];
	u_char *pos;

	if (type != TABLE_ESP)
	{
		return remains->traces;
	}
	/* the last column is the SPI, as we write it, "0x01234567" */
	if (columns.len < SPI_DIGITS + 4)
	{
		return TRUE;
	}
	pos = columns.ptr + columns.len - SPI_DIGITS - 4;
	if (!strneq((char*)pos, "\"0x", 3))
	{
		return TRUE;
	}
	snprintf(spi, sizeof(spi), "%.*s", SPI_DIGITS, (char*)pos + 3);
	return remains->spis->get(remains->spis, spi) != NULL;
}

METHOD(nflog_capture_keys_t, prune, void,
	private_nflog_capture_keys_t *this, char *conn)
{
	remains_t remains = {};
	nflog_capture_keytable_t *table;
	int i;

	get_remains(this, conn, &remains);
	for (i = 0; i < TABLE_MAX; i++)
	{
		table = nflog_capture_keytable_create(this->store, conn, i);
		if (table->keep(table, has_trace, &remains))
		{
			table->write(table);
		}
		table->destroy(table);
	}
	remains.spis->destroy_function(remains.spis, str_destroy);
}

/**
 * Apply a change to a table.
 */
static void apply(private_nflog_capture_keys_t *this,
				  nflog_capture_keytable_t *table, change_t *change)
{
	recent_t *recent;

	INIT(recent,
		.conn = strdup(change->conn),
		.time = time_monotonic(NULL),
	);
	if (change->spi)
	{
		snprintf(recent->spi, sizeof(recent->spi), "%.8x", ntohl(change->spi));
	}
	this->recent->insert_last(this->recent, recent);

	if (change->former)
	{
		table->copy(table, change->former, change->row);
	}
	else
	{
		table->add(table, change->row);
	}
}

/**
 * Apply changes to the tables of a connection.
 */
static void flush_conn(private_nflog_capture_keys_t *this, char *conn,
					   linked_list_t *changes)
{
	nflog_capture_keytable_t *tables[TABLE_MAX] = {};
	remains_t remains = {};
	chunk_t content;
	change_t *change;
	int i;

	while (changes->remove_first(changes, (void**)&change) == SUCCESS)
	{
		if (!tables[change->table])
		{
			tables[change->table] = nflog_capture_keytable_create(
											this->store, conn, change->table);
		}
		apply(this, tables[change->table], change);
		change_destroy(change);
	}
	/* traces may have been removed by someone else as well */
	get_remains(this, conn, &remains);
	for (i = 0; i < TABLE_MAX; i++)
	{
		if (tables[i])
		{
			tables[i]->keep(tables[i], has_trace, &remains);
			tables[i]->write(tables[i]);
			tables[i]->destroy(tables[i]);
		}
	}
	remains.spis->destroy_function(remains.spis, str_destroy);
	if (this->store->read_file(this->store, conn, "preferences", &content))
	{
		if (!content.len)
		{
			this->store->replace_file(this->store, conn, "preferences",
									  chunk_from_str(preferences));
		}
		chunk_free(&content);
	}
}

METHOD(nflog_capture_keys_t, flush, void,
	private_nflog_capture_keys_t *this)
{
	linked_list_t *changes, *list;
	enumerator_t *enumerator;
	hashtable_t *conns;
	change_t *change;
	char *conn;

	this->mutex->lock(this->mutex);
	changes = this->changes;
	this->changes = linked_list_create();
	this->mutex->unlock(this->mutex);

	conns = hashtable_create(hashtable_hash_str, hashtable_equals_str, 8);
	while (changes->remove_first(changes, (void**)&change) == SUCCESS)
	{
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
}

METHOD(nflog_capture_keys_t, destroy, void,
	private_nflog_capture_keys_t *this)
{
	this->changes->destroy_function(this->changes, (void*)change_destroy);
	this->recent->destroy_function(this->recent, (void*)recent_destroy);
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
			.pending = _pending,
			.flush = _flush,
			.prune = _prune,
			.destroy = _destroy,
		},
		.store = store,
		.recent = linked_list_create(),
		.changes = linked_list_create(),
		.mutex = mutex_create(MUTEX_TYPE_DEFAULT),
	);
	return &this->public;
}
