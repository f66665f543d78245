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

#include "keytable.h"
#include "uat.h"
#include "process/secret.h"

#include <collections/array.h>
#include <collections/hashtable.h>

typedef struct private_nflog_keytable_t private_nflog_keytable_t;
typedef struct row_t row_t;
typedef struct sa_t sa_t;

/*
 * Described in header
 */
char *nflog_keytable_names[] = {
	"esp_sa",
	"ikev2_decryption_table",
	"ikev1_decryption_table",
	NFLOG_KEY_FILE,
};

/**
 * Private data.
 */
struct private_nflog_keytable_t {

	/**
	 * Public interface.
	 */
	nflog_keytable_t public;

	/**
	 * Store to read and write the table.
	 */
	nflog_store_t *store;

	/**
	 * Directory of the connection.
	 */
	char *conn;

	/**
	 * Type of the table.
	 */
	nflog_keytable_type_t type;

	/**
	 * Rows, oldest first, row_t.
	 */
	array_t *rows;

	/**
	 * Newest rows by the columns that identify them, chunk_t => row_t.
	 */
	hashtable_t *ids;

	/**
	 * SAs by what nflog_keytable_get_sa() returns, hash => sa_t.
	 */
	hashtable_t *sas;

	/**
	 * Lines of the file that are none of the table.
	 */
	u_int bad;

	/**
	 * TRUE if the table could not be read, and so must not be written.
	 */
	bool unreadable;

	/**
	 * TRUE if there was none.
	 */
	bool new;

	/**
	 * TRUE if it has to be written.
	 */
	bool changed;
};

/**
 * Row of a table.
 */
struct row_t {

	/**
	 * The whole line, without line feed.
	 */
	char *line;

	/**
	 * Positions of its parts.
	 */
	nflog_row_t columns;

	/**
	 * SA of the row, NULL if the row is not ours.
	 */
	sa_t *sa;

	/**
	 * TRUE if it is not to be written.
	 */
	bool obsolete;
};

/**
 * SA in a table.
 */
struct sa_t {

	/**
	 * Row to copy the keys from, may be obsolete.
	 */
	row_t *source;

	/**
	 * Rows with its last addresses, oldest first, and their number.
	 */
	row_t *rows[NFLOG_MAX_ADDRESSES];
	u_int count;
};

/**
 * Hash the columns that identify a row.
 */
static u_int id_hash(const void *key)
{
	return chunk_hash(*(chunk_t*)key);
}

/**
 * Compare the columns that identify a row.
 */
static bool id_equals(const void *a, const void *b)
{
	return chunk_equals(*(chunk_t*)a, *(chunk_t*)b);
}

/**
 * Destroy an SA.
 */
static void sa_destroy(void *value, const void *key)
{
	free(value);
}

CALLBACK(row_destroy, void,
	row_t *row, int idx, void *user)
{
	nflog_secret_free(row->line);
	free(row);
}

/**
 * Parse a line, FALSE if it is no line of the table.
 */
static bool parse(nflog_keytable_type_t type, chunk_t line, nflog_row_t *row)
{
	return type == TABLE_KEYS ? nflog_key_file_get_row(line, row)
							  : nflog_uat_parse(type, line, row);
}

/**
 * Identify the SA of a row.
 */
static uint32_t get_sa_hash(chunk_t line, nflog_row_t *row)
{
	return chunk_hash_inc(chunk_skip(line, row->columns.len),
						  chunk_hash(row->spi)) ?: 1;
}

/*
 * Described in header
 */
uint32_t nflog_keytable_get_sa(nflog_keytable_type_t type, char *row)
{
	chunk_t line = chunk_from_str(row ?: "");
	nflog_row_t columns;

	if (!row || !parse(type, line, &columns) || !columns.columns.len)
	{
		return 0;
	}
	return get_sa_hash(line, &columns);
}

/**
 * Make a row obsolete, and remove it from those of its SA.
 */
static void remove_row(row_t *row)
{
	sa_t *sa = row->sa;
	u_int i, count = 0;

	row->obsolete = TRUE;
	for (i = 0; sa && i < sa->count; i++)
	{
		if (sa->rows[i] != row)
		{
			sa->rows[count++] = sa->rows[i];
		}
	}
	if (sa)
	{
		sa->count = count;
	}
}

/**
 * Find the SA of a row, or create it.
 */
static sa_t *get_sa(private_nflog_keytable_t *this, row_t *row)
{
	uint32_t hash;
	sa_t *sa;

	if (!row->columns.spi.len || !row->columns.columns.len)
	{
		return NULL;
	}
	hash = get_sa_hash(chunk_from_str(row->line), &row->columns);
	sa = this->sas->get(this->sas, (void*)(uintptr_t)hash);
	if (!sa)
	{
		INIT(sa);
		this->sas->put(this->sas, (void*)(uintptr_t)hash, sa);
	}
	return sa;
}

static void add_any(private_nflog_keytable_t *this, row_t *source, int family);

/**
 * Add a row to those of its SA.  If there are too many, replace the oldest one by a row
 * for any address.
 */
static void add_to_sa(private_nflog_keytable_t *this, row_t *row)
{
	sa_t *sa = row->sa;
	row_t *oldest;
	u_int i;

	for (i = 0; i < sa->count; i++)
	{
		if (chunk_equals(sa->rows[i]->columns.columns, row->columns.columns))
		{
			remove_row(sa->rows[i]);
			break;
		}
	}
	if (sa->count == countof(sa->rows))
	{
		oldest = sa->rows[0];
		remove_row(oldest);
		if (this->type == TABLE_ESP)
		{
			add_any(this, oldest, nflog_uat_get_family(oldest->columns.columns));
		}
	}
	sa->rows[sa->count++] = row;
}

/**
 * Add a row.
 *
 * @param line		the row, gets owned, NULL for none
 * @param replace	TRUE to replace the row of another SA with the same columns, FALSE
 *					to add nothing in that case
 */
static void add_row(private_nflog_keytable_t *this, char *line, bool replace)
{
	row_t *row, *former = NULL;

	INIT(row,
		.line = line,
	);
	if (!line || !parse(this->type, chunk_from_str(line), &row->columns))
	{
		row_destroy(row, 0, NULL);
		return;
	}
	row->sa = get_sa(this, row);
	if (row->columns.columns.len)
	{
		former = this->ids->get(this->ids, &row->columns.columns);
	}
	if (former && this->type != TABLE_KEYS)
	{
		if (!replace && !former->obsolete && former->sa != row->sa)
		{
			row_destroy(row, 0, NULL);
			return;
		}
		remove_row(former);
	}
	if (row->columns.columns.len)
	{
		this->ids->put(this->ids, &row->columns.columns, row);
	}
	if (row->sa)
	{
		row->sa->source = row;
	}
	if (row->sa && !row->columns.any)
	{
		add_to_sa(this, row);
	}
	array_insert(this->rows, ARRAY_TAIL, row);
	this->changed = TRUE;
}

/**
 * Add a row with other columns to an SA, unless another SA has them.
 *
 * @param source	row with the keys of the SA
 * @param columns	columns that identify the new row
 */
static void copy_row(private_nflog_keytable_t *this, row_t *source,
					 char *columns)
{
	nflog_secret_text_t text = {};

	nflog_secret_append(&text, chunk_from_str(columns));
	nflog_secret_append(&text, chunk_skip(chunk_from_str(source->line),
										  source->columns.columns.len));
	add_row(this, nflog_secret_take(&text), FALSE);
}

/**
 * Add a row for any address to an SA, unless it has one.
 */
static void add_any(private_nflog_keytable_t *this, row_t *source, int family)
{
	char *columns = nflog_uat_write_any(family, source->columns.spi);
	chunk_t id = chunk_from_str(columns ?: "");
	row_t *former;

	former = this->ids->get(this->ids, &id);
	if (columns && (!former || former->obsolete || former->sa != source->sa))
	{
		copy_row(this, source, columns);
	}
	nflog_secret_free(columns);
}

/**
 * Add rows for any address of some families to an SA.
 */
static void add_families(private_nflog_keytable_t *this, row_t *source,
						 nflog_any_t any)
{
	if (source && any & ANY_IPV4)
	{
		add_any(this, source, AF_INET);
	}
	if (source && any & ANY_IPV6)
	{
		add_any(this, source, AF_INET6);
	}
}

/**
 * Read the rows, in the order of time.
 */
static void read_rows(private_nflog_keytable_t *this)
{
	chunk_t content, rest, line;
	nflog_row_t row;
	array_t *lines;
	u_char *end;
	char *str;

	if (!this->store->read_file(this->store, this->conn,
								nflog_keytable_names[this->type],
								&content))
	{
		this->unreadable = TRUE;
		return;
	}
	this->new = !content.len;
	lines = array_create(0, 0);
	rest = content;
	/* incomplete lines are removed, as Wireshark ignores all that follows them */
	while (rest.len && (end = memchr(rest.ptr, '\n', rest.len)))
	{
		line = chunk_create(rest.ptr, end - rest.ptr);
		rest = chunk_skip(rest, line.len + 1);
		if (line.len && line.ptr[line.len - 1] == '\r')
		{
			line.len--;
		}
		if (parse(this->type, line, &row))
		{
			str = nflog_secret_copy_text(line);
			if (!str)
			{	/* not written without it */
				this->unreadable = TRUE;
				break;
			}
			array_insert(lines, ARRAY_TAIL, str);
		}
		else if (line.len && line.ptr[0] != '#')
		{	/* the first line of the key file is written again */
			this->bad++;
		}
	}
	this->bad += rest.len > 0;
	while (array_remove(lines, this->type == TABLE_ESP ? ARRAY_TAIL : ARRAY_HEAD,
						&str))
	{
		add_row(this, str, TRUE);
	}
	array_destroy(lines);
	nflog_secret_clear(&content);
	this->changed = FALSE;
}

METHOD(nflog_keytable_t, add, void,
	private_nflog_keytable_t *this, char *row, nflog_any_t any)
{
	uint32_t hash = nflog_keytable_get_sa(this->type, row);
	sa_t *sa;

	/* an initiator of IKEv1 may choose the SPI of another one */
	add_row(this, nflog_secret_copy_text(chunk_from_str(row ?: "")),
			this->type != TABLE_IKEV1);
	sa = this->sas->get(this->sas, (void*)(uintptr_t)hash);
	add_families(this, sa ? sa->source : NULL, any);
}

METHOD(nflog_keytable_t, move, void,
	private_nflog_keytable_t *this, uint32_t hash, char *columns,
	nflog_any_t any)
{
	sa_t *sa = this->sas->get(this->sas, (void*)(uintptr_t)hash);

	if (sa && sa->source && columns)
	{
		copy_row(this, sa->source, columns);
		add_families(this, sa->source, any);
	}
}

METHOD(nflog_keytable_t, keep, u_int,
	private_nflog_keytable_t *this, nflog_keytable_cb_t cb, void *data)
{
	u_int removed = 0;
	row_t *row;
	int i;

	for (i = 0; i < array_count(this->rows); i++)
	{
		array_get(this->rows, i, &row);
		if (!row->obsolete && row->columns.spi.len && !cb(data, row->columns.spi))
		{
			remove_row(row);
			this->changed = TRUE;
			removed++;
		}
	}
	return removed;
}

METHOD(nflog_keytable_t, is_new, bool,
	private_nflog_keytable_t *this)
{
	return this->new;
}

/**
 * Append rows to the content.
 *
 * @param any		TRUE for those for any address, FALSE for all others
 */
static void append_rows(private_nflog_keytable_t *this, bool any,
						chunk_t content, size_t *len)
{
	int i, count = array_count(this->rows);
	row_t *row;

	for (i = 0; i < count; i++)
	{
		array_get(this->rows, this->type == TABLE_ESP ? count - 1 - i : i, &row);
		if (!row->obsolete && row->columns.any == any)
		{
			nflog_secret_copy(content.ptr + *len, row->line, strlen(row->line));
			*len += strlen(row->line);
			content.ptr[(*len)++] = '\n';
		}
	}
}

METHOD(nflog_keytable_t, write_, bool,
	private_nflog_keytable_t *this)
{
	chunk_t content;
	row_t *row;
	char *header = this->type == TABLE_KEYS ? NFLOG_KEY_FILE_HEADER : "";
	size_t len = strlen(header);
	bool success;
	int i;

	if (!this->changed || this->unreadable)
	{
		return !this->changed;
	}
	for (i = 0; i < array_count(this->rows); i++)
	{
		array_get(this->rows, i, &row);
		len += row->obsolete ? 0 : strlen(row->line) + 1;
	}
	content = chunk_create(nflog_secret_alloc(len), len);
	if (!content.ptr)
	{
		return FALSE;
	}
	len = strlen(header);
	memcpy(content.ptr, header, len);
	append_rows(this, FALSE, content, &len);
	append_rows(this, TRUE, content, &len);
	success = this->store->replace_file(this->store, this->conn,
							nflog_keytable_names[this->type], content);
	nflog_secret_clear(&content);
	if (success)
	{
		DBG3(DBG_CFG, "nflog-capture: wrote %zu bytes to '%s' of connection '%s'", len,
			 nflog_keytable_names[this->type], this->conn);
	}
	if (success && this->bad)
	{
		DBG1(DBG_CFG, "nflog-capture: removed %u lines from '%s' of connection '%s' "
			 "that could not be parsed", this->bad,
			 nflog_keytable_names[this->type], this->conn);
		this->bad = 0;
	}
	this->changed = !success;
	return success;
}

METHOD(nflog_keytable_t, destroy, void,
	private_nflog_keytable_t *this)
{
	this->ids->destroy(this->ids);
	this->sas->destroy_function(this->sas, sa_destroy);
	array_destroy_function(this->rows, row_destroy, NULL);
	free(this->conn);
	free(this);
}

/*
 * Described in header
 */
nflog_keytable_t *nflog_keytable_create(
						nflog_store_t *store, char *conn,
						nflog_keytable_type_t type)
{
	private_nflog_keytable_t *this;

	INIT(this,
		.public = {
			.add = _add,
			.move = _move,
			.keep = _keep,
			.is_new = _is_new,
			.write = _write_,
			.destroy = _destroy,
		},
		.store = store,
		.conn = strdup(conn),
		.type = type,
		.rows = array_create(0, 0),
		.ids = hashtable_create(id_hash, id_equals, 32),
		.sas = hashtable_create(hashtable_hash_ptr, hashtable_equals_ptr, 32),
	);
	read_rows(this);
	return &this->public;
}
