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
#include "rows.h"

#include <collections/array.h>
#include <collections/hashtable.h>

typedef struct private_nflog_keytable_t private_nflog_keytable_t;
typedef struct row_t row_t;

/*
 * Described in header
 */
char *nflog_keytable_names[] = {
	"esp_sa",
	"ikev2_decryption_table",
	"ikev1_decryption_table",
	"keys",
};

/**
 * First line of our own key file.
 */
static char header[] = "# nflog-capture keys 1, see nflog-capture(1)\n";

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
	 * Rows by the columns that identify them, chunk_t => row_t.
	 */
	hashtable_t *ids;

	/**
	 * TRUE if the table could not be read, and so must not be written.
	 */
	bool unreadable;

	/**
	 * TRUE if there was none.
	 */
	bool new;
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
	 * The columns that identify it, which begin the line.
	 */
	chunk_t id;

	/**
	 * TRUE if it matches any address.
	 */
	bool any;

	/**
	 * TRUE if there is a newer one.
	 */
	bool obsolete;
};

/**
 * Hash of the columns that identify a row.
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

CALLBACK(row_destroy, void,
	row_t *row, int idx, void *user)
{
	nflog_rows_free(row->line);
	free(row);
}

/**
 * Get the columns that identify a row: the SPIs of an IKE_SA, and protocol,
 * addresses, and SPI of an ESP SA, in our own key file that it is one in addition.
 */
static chunk_t get_id(nflog_keytable_type_t type, char *line)
{
	static const u_int columns[] = { 4, 2, 1, 5 };
	u_int count = columns[type];
	char *pos = line;

	if (type == TABLE_KEYS && strpfx(line, "ike "))
	{
		count = 3;
	}
	while ((pos = strchr(pos, type == TABLE_KEYS ? ' ' : ',')))
	{
		if (--count == 0)
		{
			return chunk_create((u_char*)line, pos - line);
		}
		pos++;
	}
	return chunk_empty;
}

/**
 * Add a row, that replaces the one that is identified by the same columns.
 *
 * @param line		the row, gets owned
 */
static void add_row(private_nflog_keytable_t *this, char *line)
{
	row_t *row, *former;

	INIT(row,
		.line = line,
		.id = get_id(this->type, line),
	);
	row->any = this->type == TABLE_ESP && row->id.len &&
			   memmem(row->id.ptr, row->id.len, "\"*\"", 3);
	array_insert(this->rows, ARRAY_TAIL, row);
	if (row->id.len)
	{
		former = this->ids->put(this->ids, &row->id, row);
		if (former && (this->type != TABLE_KEYS ||
					   streq(former->line, row->line)))
		{
			former->obsolete = TRUE;
		}
	}
}

/**
 * Is this a whole row, or a comment?  What a crash, or somebody else, left
 * incomplete would hide all that follows it.
 */
static bool is_complete(nflog_keytable_type_t type, char *line)
{
	bool quoted = FALSE;
	u_int columns = 1;

	if (type == TABLE_KEYS)
	{	/* the comment at the top is written again */
		return strpfx(line, "esp ") || strpfx(line, "ah ") ||
			   strpfx(line, "ike ");
	}
	if (*line == '#')
	{
		return TRUE;
	}
	for (; *line; line++)
	{
		if (*line == '"')
		{
			quoted = !quoted;
		}
		else if (*line == ',' && !quoted)
		{
			columns++;
		}
	}
	switch (type)
	{
		case TABLE_ESP:
			/* two more since Wireshark 4.4 */
			return !quoted && (columns == 8 || columns == 10);
		case TABLE_IKEV2:
			return !quoted && columns == 8;
		default:
			return columns == 2;
	}
}

/**
 * Read the rows, in the order of time.
 */
static void read_rows(private_nflog_keytable_t *this)
{
	chunk_t content, rest;
	array_t *lines;
	u_char *end;
	char *line;

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
	while (rest.len && (end = memchr(rest.ptr, '\n', rest.len)))
	{
		line = strndup((char*)rest.ptr, end - rest.ptr);
		rest = chunk_skip(rest, end - rest.ptr + 1);
		if (is_complete(this->type, line))
		{
			array_insert(lines, this->type == TABLE_ESP ? ARRAY_HEAD : ARRAY_TAIL,
						 line);
		}
		else
		{
			nflog_rows_free(line);
		}
	}
	while (array_remove(lines, ARRAY_HEAD, &line))
	{
		add_row(this, line);
	}
	array_destroy(lines);
	chunk_clear(&content);
}

METHOD(nflog_keytable_t, add, void,
	private_nflog_keytable_t *this, char *row)
{
	add_row(this, strdup(row));
}

METHOD(nflog_keytable_t, copy, void,
	private_nflog_keytable_t *this, char *former, char *columns)
{
	chunk_t id = chunk_from_str(former);
	row_t *row;
	char *line;

	row = this->ids->get(this->ids, &id);
	if (row && asprintf(&line, "%s%s", columns, row->line + row->id.len) >= 0)
	{
		add_row(this, line);
	}
}

METHOD(nflog_keytable_t, keep, bool,
	private_nflog_keytable_t *this, nflog_keytable_cb_t cb,
	void *data)
{
	bool changed = FALSE;
	row_t *row;
	int i;

	for (i = 0; i < array_count(this->rows); i++)
	{
		array_get(this->rows, i, &row);
		if (!cb(data, this->type, row->id))
		{
			row->obsolete = changed = TRUE;
		}
	}
	return changed;
}

METHOD(nflog_keytable_t, is_new, bool,
	private_nflog_keytable_t *this)
{
	return this->new;
}

/**
 * Append the rows that are (not) for any address to the content.
 */
static void append_rows(private_nflog_keytable_t *this, bool any,
						chunk_t content, size_t *len)
{
	int i, count = array_count(this->rows);
	row_t *row;

	for (i = 0; i < count; i++)
	{
		array_get(this->rows, this->type == TABLE_ESP ? count - 1 - i : i, &row);
		if (!row->obsolete && row->any == any)
		{
			memcpy(content.ptr + *len, row->line, strlen(row->line));
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
	size_t len = this->type == TABLE_KEYS ? strlen(header) : 0;
	bool success;
	int i;

	if (this->unreadable)
	{
		return FALSE;
	}
	for (i = 0; i < array_count(this->rows); i++)
	{
		array_get(this->rows, i, &row);
		len += row->obsolete ? 0 : strlen(row->line) + 1;
	}
	content = chunk_alloc(len);
	len = this->type == TABLE_KEYS ? strlen(header) : 0;
	memcpy(content.ptr, header, len);
	append_rows(this, FALSE, content, &len);
	append_rows(this, TRUE, content, &len);
	success = this->store->replace_file(this->store, this->conn,
							nflog_keytable_names[this->type], content);
	chunk_clear(&content);
	return success;
}

METHOD(nflog_keytable_t, destroy, void,
	private_nflog_keytable_t *this)
{
	this->ids->destroy(this->ids);
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
			.copy = _copy,
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
	);
	read_rows(this);
	return &this->public;
}
