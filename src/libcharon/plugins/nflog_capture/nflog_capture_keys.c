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
#include "nflog_capture_names.h"

#include <inttypes.h>

#include <daemon.h>
#include <collections/hashtable.h>
#include <collections/linked_list.h>
#include <crypto/crypters/crypter.h>
#include <crypto/signers/signer.h>
#include <threading/mutex.h>

/** flags in the first byte of AES-CCM's counter blocks (RFC 4309, section 4) */
#define CCM_FLAGS 0x03

/** digits of an ESP SPI in the name of a trace */
#define SPI_DIGITS 8

typedef struct private_nflog_capture_keys_t private_nflog_capture_keys_t;
typedef struct change_t change_t;

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
	 * Queued changes, change_t.
	 */
	linked_list_t *changes;

	/**
	 * Protects changes.
	 */
	mutex_t *mutex;
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
 * Queue a change, takes ownership of strings.
 */
static void queue(private_nflog_capture_keys_t *this, char *conn,
				  nflog_capture_keytable_type_t table, char *row, char *former)
{
	change_t *change;

	INIT(change,
		.conn = strdup(conn),
		.table = table,
		.row = row,
		.former = former,
	);
	this->mutex->lock(this->mutex);
	this->changes->insert_last(this->changes, change);
	this->mutex->unlock(this->mutex);
}

/**
 * Format the columns that identify an ESP SA.
 */
static char *format_esp_id(host_t *src, host_t *dst, uint32_t spi)
{
	char *id;

	if (asprintf(&id, "\"%s\",\"%H\",\"%H\",\"0x%.8x\"",
				 dst->get_family(dst) == AF_INET ? "IPv4" : "IPv6", src, dst,
				 ntohl(spi)) < 0)
	{
		return NULL;
	}
	return id;
}

/**
 * Get the key of an SA as Wireshark wants it, to be cleared.
 */
static chunk_t get_esp_key(kernel_ipsec_add_sa_t *data)
{
	chunk_t key;
	size_t salt = 3;

	switch (data->enc_alg)
	{
		case ENCR_AES_CCM_ICV8:
		case ENCR_AES_CCM_ICV12:
		case ENCR_AES_CCM_ICV16:
			/* salt and flags of CCM make up the nonce of CTR */
			key = chunk_alloc(data->enc_key.len + 1);
			memcpy(key.ptr, data->enc_key.ptr, data->enc_key.len - salt);
			key.ptr[data->enc_key.len - salt] = CCM_FLAGS;
			memcpy(key.ptr + data->enc_key.len - salt + 1,
				   data->enc_key.ptr + data->enc_key.len - salt, salt);
			return key;
		default:
			return chunk_clone(data->enc_key);
	}
}

METHOD(nflog_capture_keys_t, add_esp, void,
	private_nflog_capture_keys_t *this, char *conn, kernel_ipsec_sa_id_t *id,
	kernel_ipsec_add_sa_t *data)
{
	char *encr, *integ, *columns, *row;
	chunk_t key;
	int len;

	if (id->proto != IPPROTO_ESP)
	{
		return;
	}
	if (!nflog_capture_names_esp(data->enc_alg, data->int_alg, &encr, &integ))
	{
		if (data->inbound)
		{	/* once per CHILD_SA will do */
			DBG1(DBG_CHD, "Wireshark can't decrypt ESP traces of connection "
				 "'%s' with %N and %N, there is no row in esp_sa", conn,
				 encryption_algorithm_names, data->enc_alg,
				 integrity_algorithm_names, data->int_alg);
		}
		return;
	}
	columns = format_esp_id(id->src, id->dst, id->spi);
	if (columns)
	{
		key = get_esp_key(data);
		/* the two last columns are for Wireshark 4.4 and newer, older releases
		 * ignore them, with a warning, and call the ICVs bad */
		len = asprintf(&row, "%s,\"%s\",\"0x%+B\",\"%s\",\"0x%+B\"%s", columns,
					   encr, &key, integ, &data->int_key,
					   data->esn ? ",\"64-bit\",\"0\"" : "");
		if (len >= 0)
		{
			queue(this, conn, TABLE_ESP, row, NULL);
		}
		chunk_clear(&key);
		free(columns);
	}
}

METHOD(nflog_capture_keys_t, update_esp, void,
	private_nflog_capture_keys_t *this, char *conn, kernel_ipsec_sa_id_t *id,
	host_t *src, host_t *dst)
{
	char *former, *columns;

	if (id->proto == IPPROTO_ESP)
	{
		former = format_esp_id(id->src, id->dst, id->spi);
		columns = format_esp_id(src, dst, id->spi);
		if (former && columns)
		{
			queue(this, conn, TABLE_ESP, columns, former);
		}
		else
		{
			free(former);
			free(columns);
		}
	}
}

/**
 * Format the row of an IKEv2 SA.
 */
static char *format_ikev2(char *conn, ike_sa_id_t *id, proposal_t *proposal,
						  chunk_t sk_ei, chunk_t sk_er, chunk_t sk_ai,
						  chunk_t sk_ar)
{
	uint16_t encr = ENCR_UNDEFINED, integ = AUTH_UNDEFINED, size = 0;
	char *encr_name, *integ_name, *row;
	bool checked;

	proposal->get_algorithm(proposal, ENCRYPTION_ALGORITHM, &encr, &size);
	proposal->get_algorithm(proposal, INTEGRITY_ALGORITHM, &integ, NULL);
	if (!nflog_capture_names_ike(encr, size, integ, &encr_name, &integ_name,
								 &checked))
	{
		DBG1(DBG_CHD, "Wireshark can't decrypt IKE messages of connection '%s' "
			 "with %N and %N, there is no row in %s", conn,
			 encryption_algorithm_names, encr, integrity_algorithm_names, integ,
			 nflog_capture_keytable_names[TABLE_IKEV2]);
		return NULL;
	}
	if (!checked)
	{
		sk_ai = sk_ar = chunk_empty;
	}
	if (asprintf(&row, "%.16" PRIx64 ",%.16" PRIx64 ",%+B,%+B,\"%s\",%+B,%+B,"
				 "\"%s\"", be64toh(id->get_initiator_spi(id)),
				 be64toh(id->get_responder_spi(id)), &sk_ei, &sk_er, encr_name,
				 &sk_ai, &sk_ar, integ_name) < 0)
	{
		return NULL;
	}
	return row;
}

METHOD(nflog_capture_keys_t, add_ike, void,
	private_nflog_capture_keys_t *this, char *conn, ike_version_t version,
	ike_sa_id_t *id, proposal_t *proposal, chunk_t sk_ei, chunk_t sk_er,
	chunk_t sk_ai, chunk_t sk_ar)
{
	char *row;

	if (version == IKEV1)
	{
		if (asprintf(&row, "%.16" PRIx64 ",%+B",
					 be64toh(id->get_initiator_spi(id)), &sk_ei) >= 0)
		{
			queue(this, conn, TABLE_IKEV1, row, NULL);
		}
	}
	else
	{
		row = format_ikev2(conn, id, proposal, sk_ei, sk_er, sk_ai, sk_ar);
		if (row)
		{
			queue(this, conn, TABLE_IKEV2, row, NULL);
		}
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
 * Apply a change to a table.
 */
static void apply(nflog_capture_keytable_t *table, change_t *change)
{
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
		apply(tables[change->table], change);
		change_destroy(change);
	}
	for (i = 0; i < TABLE_MAX; i++)
	{
		if (tables[i])
		{
			tables[i]->write(tables[i]);
			tables[i]->destroy(tables[i]);
		}
	}
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

/**
 * Collect the SPIs in the name of a trace, <child>.<start>.<in>-<out>.esp.pcap.
 */
static void collect_spis(hashtable_t *spis, char *name)
{
	char *pos = name, *spi;

	while ((pos = strchr(pos, '-')))
	{
		if (pos - name > SPI_DIGITS && pos[-SPI_DIGITS - 1] == '.' &&
			strlen(pos) > SPI_DIGITS + 1 && pos[SPI_DIGITS + 1] == '.')
		{
			spi = strndup(pos - SPI_DIGITS, SPI_DIGITS);
			free(spis->put(spis, spi, spi));
			spi = strndup(pos + 1, SPI_DIGITS);
			free(spis->put(spis, spi, spi));
		}
		pos++;
	}
}

/**
 * What remains of a connection, to prune its tables.
 */
typedef struct {
	/** SPIs of its traces, char* */
	hashtable_t *spis;
	/** TRUE if there is any trace */
	bool traces;
} remains_t;

CALLBACK(has_trace, bool,
	remains_t *remains, nflog_capture_keytable_type_t type, chunk_t columns)
{
	char spi[SPI_DIGITS + 1];

	if (type != TABLE_ESP)
	{
		return remains->traces;
	}
	if (columns.len <= SPI_DIGITS)
	{	/* not one of our rows */
		return TRUE;
	}
	/* the last column is the SPI, followed by a quote */
	snprintf(spi, sizeof(spi), "%.*s", SPI_DIGITS,
			 columns.ptr + columns.len - 1 - SPI_DIGITS);
	return remains->spis->get(remains->spis, spi) != NULL;
}

METHOD(nflog_capture_keys_t, prune, void,
	private_nflog_capture_keys_t *this, char *conn)
{
	remains_t remains = {
		.spis = hashtable_create(hashtable_hash_str, hashtable_equals_str, 32),
	};
	nflog_capture_keytable_t *table;
	enumerator_t *enumerator;
	char *name;
	int i;

	enumerator = this->store->create_trace_enumerator(this->store, conn);
	while (enumerator->enumerate(enumerator, &name))
	{
		remains.traces = TRUE;
		collect_spis(remains.spis, name);
	}
	enumerator->destroy(enumerator);

	for (i = 0; i < TABLE_MAX; i++)
	{
		table = nflog_capture_keytable_create(this->store, conn, i);
		if (table->keep(table, has_trace, &remains))
		{
			table->write(table);
		}
		table->destroy(table);
	}

	enumerator = remains.spis->create_enumerator(remains.spis);
	while (enumerator->enumerate(enumerator, NULL, &name))
	{
		free(name);
	}
	enumerator->destroy(enumerator);
	remains.spis->destroy(remains.spis);
}

METHOD(nflog_capture_keys_t, destroy, void,
	private_nflog_capture_keys_t *this)
{
	this->changes->destroy_function(this->changes, (void*)change_destroy);
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
		.changes = linked_list_create(),
		.mutex = mutex_create(MUTEX_TYPE_DEFAULT),
	);
	return &this->public;
}
