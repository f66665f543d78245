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

#include "recorder.h"

#include <collections/hashtable.h>

typedef struct private_nflog_recorder_t private_nflog_recorder_t;
typedef struct entry_t entry_t;

/**
 * Private data.
 */
struct private_nflog_recorder_t {

	/**
	 * Public interface.
	 */
	nflog_recorder_t public;

	/**
	 * Has the files, not owned.
	 */
	nflog_store_t *store;

	/**
	 * Connections, directory => entry_t.
	 */
	hashtable_t *entries;
};

/**
 * Connection with a recorder.
 */
struct entry_t {

	/**
	 * Name of the connection, and of its directory.
	 */
	char *conn;
	char dir[NFLOG_NAME_SIZE];

	/**
	 * What is held of it.
	 */
	nflog_tape_t *tape;

	/**
	 * Seconds after a trigger that are saved as well.
	 */
	u_int after;
};

METHOD(nflog_recorder_t, get_tape, nflog_tape_t*,
	private_nflog_recorder_t *this, char *conn, uint64_t size, u_int after)
{
	char dir[NFLOG_NAME_SIZE];
	entry_t *entry;

	entry = this->entries->get(this->entries, nflog_trace_name_label(conn, dir));
	if (!entry)
	{
		INIT(entry,
			.conn = strdup(conn),
			.tape = nflog_tape_create(this->store, dir, size),
		);
		memcpy(entry->dir, dir, sizeof(dir));
		this->entries->put(this->entries, entry->dir, entry);
	}
	entry->tape->set_size(entry->tape, size);
	entry->after = after;
	return entry->tape;
}

/**
 * Destroy a connection.
 */
static void entry_destroy(entry_t *entry, const void *key)
{
	entry->tape->destroy(entry->tape);
	free(entry->conn);
	free(entry);
}

METHOD(nflog_recorder_t, destroy, void,
	private_nflog_recorder_t *this)
{
	this->entries->destroy_function(this->entries, (void*)entry_destroy);
	free(this);
}

/*
 * Described in header
 */
nflog_recorder_t *nflog_recorder_create(nflog_store_t *store)
{
	private_nflog_recorder_t *this;

	INIT(this,
		.public = {
			.get_tape = _get_tape,
			.destroy = _destroy,
		},
		.store = store,
		.entries = hashtable_create(hashtable_hash_str, hashtable_equals_str, 8),
	);
	return &this->public;
}
