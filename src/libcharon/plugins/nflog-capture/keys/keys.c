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
#include "keytables.h"
#include "uat.h"
#include "process/secret.h"

#include <inttypes.h>

#include <collections/hashtable.h>
#include <threading/mutex.h>

/** UDP port on which Wireshark expects ESP */
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
	 * Tables, for the thread that calls flush(), owned.
	 */
	nflog_keytables_t *tables;

	/**
	 * Messages that were logged, char* => char*.
	 */
	hashtable_t *logged;

	/**
	 * Queued changes.
	 */
	nflog_changes_t *changes;

	/**
	 * Guards logged.
	 */
	mutex_t *mutex;
};

/**
 * Create a change of a row.
 *
 * @param row		row, gets owned, NULL on failure
 */
static nflog_change_t *create_change(nflog_change_type_t type, char *conn,
									 nflog_keytable_type_t table, char *spi,
									 char *row)
{
	char name[NFLOG_NAME_SIZE];
	nflog_change_t *change;

	change = nflog_change_create(type, nflog_trace_name_label(conn, name));
	change->table = table;
	change->row = row;
	snprintf(change->spi, sizeof(change->spi), "%s", spi);
	return change;
}

/**
 * Queue the row of a new SA.
 *
 * @param row		row, gets owned, NULL on failure
 * @param any		families for which a row for any address is added as well
 * @return			identifies the SA in the table
 */
static uint32_t add_row(private_nflog_keys_t *this, char *conn,
						nflog_keytable_type_t table, char *spi, char *row,
						nflog_any_t any)
{
	nflog_change_t *change;
	uint32_t sa = nflog_keytable_get_sa(table, row);

	change = create_change(CHANGE_ADD, conn, table, spi, row);
	change->any = any;
	this->changes->add(this->changes, change);
	return sa;
}

/**
 * Queue other addresses of an SA.
 *
 * @param columns	columns that identify the row, get owned, NULL on failure
 */
static void move_row(private_nflog_keys_t *this, char *conn,
					 nflog_keytable_type_t table, char *spi, uint32_t sa,
					 char *columns, nflog_any_t family, nflog_any_t any)
{
	nflog_change_t *change;

	if (sa)
	{
		change = create_change(CHANGE_MOVE, conn, table, spi, columns);
		change->sa = sa;
		change->family = family;
		change->any = any;
		this->changes->add(this->changes, change);
	}
	else
	{
		nflog_secret_free(columns);
	}
}

/**
 * Queue a UDP port on which Wireshark has to expect ESP, unless it is 0.
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
 * Log a limit of Wireshark, once.
 */
static void log_limit(private_nflog_keys_t *this, char *conn, char *limit,
					  char *what, uint16_t encr, uint16_t integ)
{
	char *text;
	bool new;

	if (!limit ||
		asprintf(&text, "nflog-capture: Wireshark %s %s of connection '%s' with "
				 "%N/%N, use 'nflog-capture decrypt'", limit, what, conn,
				 encryption_algorithm_names, encr, integrity_algorithm_names,
				 integ) < 0)
	{
		return;
	}
	this->mutex->lock(this->mutex);
	new = !this->logged->get(this->logged, text);
	if (new)
	{
		this->logged->put(this->logged, text, text);
	}
	this->mutex->unlock(this->mutex);
	if (new)
	{	/* the hashtable owns it */
		DBG1(DBG_CHD, "%s", text);
	}
	else
	{
		free(text);
	}
}

/**
 * Get our UDP port if Wireshark does not already expect ESP on it, 0 otherwise.
 */
static uint16_t get_port(host_t *src, host_t *dst, bool inbound)
{
	if (src->get_port(src) == NATT_PORT || dst->get_port(dst) == NATT_PORT)
	{
		return 0;
	}
	return inbound ? dst->get_port(dst) : src->get_port(src);
}

/**
 * Get the family of an address.
 */
static nflog_any_t get_family(host_t *host)
{
	return host->get_family(host) == AF_INET ? ANY_IPV4 : ANY_IPV6;
}

METHOD(nflog_keys_t, add_esp, uint64_t,
	private_nflog_keys_t *this, char *conn, kernel_ipsec_sa_id_t *id,
	kernel_ipsec_add_sa_t *data)
{
	nflog_key_sa_t sa = {
		.proto = id->proto,
		.spi = ntohl(id->spi),
		.src = id->src,
		.dst = id->dst,
		.udp = data->encap,
		.inbound = data->inbound,
		.esn = data->esn,
		.mode = data->mode,
		.encr = data->enc_alg,
		.encr_key = data->enc_key,
		.integ = data->int_alg,
		.integ_key = data->int_key,
	};
	char *row, *limit, spi[NFLOG_ESP_DIGITS + 1];
	uint32_t esp = 0, keys;

	snprintf(spi, sizeof(spi), "%.8x", sa.spi);
	keys = add_row(this, conn, TABLE_KEYS, spi, nflog_key_file_write_sa(&sa),
				   ANY_NONE);
	if (id->proto == IPPROTO_ESP)
	{
		row = nflog_uat_write_esp(&sa, &limit);
		log_limit(this, conn, limit, sa.esn ? "ESP with ESN" : "ESP", sa.encr,
				  sa.integ);
		if (row)
		{
			esp = add_row(this, conn, TABLE_ESP, spi, row,
						  sa.udp ? get_family(id->dst) : ANY_NONE);
			queue_port(this, conn, sa.udp ? get_port(id->src, id->dst,
													 data->inbound) : 0);
		}
	}
	DBG2(DBG_CHD, "nflog-capture: queued keys of %s SA %s of connection '%s'",
		 sa.inbound ? "inbound" : "outbound", spi, conn);
	return (uint64_t)esp << 32 | keys;
}

METHOD(nflog_keys_t, update_esp, void,
	private_nflog_keys_t *this, char *conn, uint64_t sa, bool inbound,
	kernel_ipsec_sa_id_t *id, kernel_ipsec_update_sa_t *data)
{
	host_t *src = data->new_src, *dst = data->new_dst;
	nflog_any_t family = get_family(dst);
	char spi[NFLOG_ESP_DIGITS + 1];

	snprintf(spi, sizeof(spi), "%.8x", ntohl(id->spi));
	DBG2(DBG_CHD, "nflog-capture: queued addresses %H and %H of SA %s of connection "
		 "'%s'", src, dst, spi, conn);
	move_row(this, conn, TABLE_KEYS, spi, sa,
			 nflog_key_file_write_columns(id->proto, ntohl(id->spi), src, dst,
										  data->new_encap), family, ANY_NONE);
	if (sa >> 32)
	{
		queue_port(this, conn, data->new_encap ? get_port(src, dst, inbound) : 0);
		move_row(this, conn, TABLE_ESP, spi, sa >> 32,
				 nflog_uat_write_columns(src, dst, ntohl(id->spi)), family,
				 data->new_encap ? family : ANY_NONE);
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
	nflog_key_ike_t ike = {
		.spi_i = be64toh(id->get_initiator_spi(id)),
		.spi_r = be64toh(id->get_responder_spi(id)),
		.version = version == IKEV1 ? 1 : 2,
		.sk_ei = sk_ei,
		.sk_er = sk_er,
		.sk_ai = sk_ai,
		.sk_ar = sk_ar,
	};
	nflog_keytable_type_t table;
	char *row, *limit, spi[NFLOG_IKE_DIGITS + 1];

	proposal->get_algorithm(proposal, ENCRYPTION_ALGORITHM, &encr, &size);
	proposal->get_algorithm(proposal, INTEGRITY_ALGORITHM, &integ, NULL);
	ike.encr = encr;
	ike.integ = integ;
	write_spi_i(id, spi, sizeof(spi));
	add_row(this, conn, TABLE_KEYS, spi, nflog_key_file_write_ike(&ike), ANY_NONE);
	if (version == IKEV1)
	{
		table = TABLE_IKEV1;
		row = nflog_uat_write_ikev1(&ike, &limit);
	}
	else
	{
		table = TABLE_IKEV2;
		row = nflog_uat_write_ikev2(&ike, size, &limit);
	}
	log_limit(this, conn, limit, "IKE_SAs", encr, integ);
	if (row)
	{
		add_row(this, conn, table, spi, row, ANY_NONE);
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

METHOD(nflog_keys_t, is_due, bool,
	private_nflog_keys_t *this)
{
	return this->changes->is_due(this->changes);
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

METHOD(nflog_keys_t, prune, void,
	private_nflog_keys_t *this, char *conn)
{
	this->changes->add(this->changes, nflog_change_create(CHANGE_PRUNE, conn));
}

METHOD(nflog_keys_t, expire, u_int,
	private_nflog_keys_t *this)
{
	linked_list_t *conns = linked_list_create();
	char *conn;
	u_int next;

	next = this->tables->expire(this->tables, conns);
	while (conns->remove_first(conns, (void**)&conn) == SUCCESS)
	{
		prune(this, conn);
		free(conn);
	}
	conns->destroy(conns);
	return next;
}

METHOD(nflog_keys_t, flush, void,
	private_nflog_keys_t *this)
{
	linked_list_t *changes;

	changes = this->changes->take(this->changes);
	if (changes)
	{
		this->tables->apply(this->tables, changes);
		this->changes->put_back(this->changes, changes);
	}
}

/**
 * Free a string in a hashtable.
 */
static void str_destroy(void *value, const void *key)
{
	free(value);
}

METHOD(nflog_keys_t, destroy, void,
	private_nflog_keys_t *this)
{
	this->changes->destroy(this->changes);
	this->tables->destroy(this->tables);
	this->logged->destroy_function(this->logged, str_destroy);
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
			.expire = _expire,
			.is_due = _is_due,
			.get_delay = _get_delay,
			.retry = _retry,
			.flush = _flush,
			.prune = _prune,
			.destroy = _destroy,
		},
		.tables = nflog_keytables_create(store),
		.logged = hashtable_create(hashtable_hash_str, hashtable_equals_str, 8),
		.changes = nflog_changes_create(),
		.mutex = mutex_create(MUTEX_TYPE_DEFAULT),
	);
	return &this->public;
}
