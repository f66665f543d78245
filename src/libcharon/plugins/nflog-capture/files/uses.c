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

#include "uses.h"

#include <limits.h>

#include <collections/hashtable.h>
#include <threading/thread.h>

typedef struct private_nflog_uses_t private_nflog_uses_t;
typedef struct use_t use_t;

/**
 * Private data.
 */
struct private_nflog_uses_t {

	/**
	 * Public interface.
	 */
	nflog_uses_t public;

	/**
	 * Files, "<conn>/<name>", char* => use_t.
	 */
	hashtable_t *files;
};

/**
 * Use of a file.
 */
struct use_t {

	/** "<conn>/<name>" */
	char *key;

	/** state, not TRACE_COMPLETE */
	nflog_trace_state_t state;

	/** how to release it, NULL if that is not possible, its data, and the thread */
	nflog_release_cb_t cb;
	void *data;
	thread_t *thread;
};

/**
 * Destroy a use.
 */
static void use_destroy(use_t *use)
{
	free(use->key);
	free(use);
}

/**
 * Find a use.
 *
 * @return			use, NULL if there is none
 */
static use_t *find(private_nflog_uses_t *this, char *conn, char *name)
{
	char key[PATH_MAX];

	snprintf(key, sizeof(key), "%s/%s", conn, name);
	return this->files->get(this->files, key);
}

METHOD(nflog_uses_t, set, nflog_trace_state_t,
	private_nflog_uses_t *this, char *conn, char *name, nflog_trace_state_t state)
{
	nflog_trace_state_t former = TRACE_COMPLETE;
	use_t *use = find(this, conn, name);

	if (use)
	{
		former = use->state;
		this->files->remove(this->files, use->key);
		use_destroy(use);
	}
	if (state == TRACE_COMPLETE)
	{
		return former;
	}
	INIT(use,
		.state = state,
	);
	if (asprintf(&use->key, "%s/%s", conn, name) < 0)
	{
		free(use);
		return former;
	}
	this->files->put(this->files, use->key, use);
	return former;
}

METHOD(nflog_uses_t, set_release, void,
	private_nflog_uses_t *this, char *conn, char *name, nflog_release_cb_t cb,
	void *data)
{
	use_t *use = find(this, conn, name);

	if (use)
	{
		use->cb = cb;
		use->data = data;
		use->thread = thread_current();
	}
}

METHOD(nflog_uses_t, is_used, bool,
	private_nflog_uses_t *this, char *conn, char *name)
{
	use_t *use = find(this, conn, name);

	return use && use->state == TRACE_USED;
}

METHOD(nflog_uses_t, get_release, bool,
	private_nflog_uses_t *this, char *conn, char *name, nflog_release_cb_t *cb,
	void **data)
{
	use_t *use = find(this, conn, name);

	if (!use || !use->cb || use->thread != thread_current())
	{
		return FALSE;
	}
	*cb = use->cb;
	*data = use->data;
	return TRUE;
}

METHOD(nflog_uses_t, list, void,
	private_nflog_uses_t *this, char *conn, linked_list_t *names)
{
	enumerator_t *enumerator;
	char *key;

	enumerator = this->files->create_enumerator(this->files);
	while (enumerator->enumerate(enumerator, &key, NULL))
	{
		if (strpfx(key, conn) && key[strlen(conn)] == '/')
		{
			names->insert_last(names, strdup(key + strlen(conn) + 1));
		}
	}
	enumerator->destroy(enumerator);
}

METHOD(nflog_uses_t, destroy, void,
	private_nflog_uses_t *this)
{
	this->files->destroy_function(this->files, (void*)use_destroy);
	free(this);
}

/*
 * Described in header
 */
nflog_uses_t *nflog_uses_create()
{
	private_nflog_uses_t *this;

	INIT(this,
		.public = {
			.set = _set,
			.set_release = _set_release,
			.is_used = _is_used,
			.get_release = _get_release,
			.list = _list,
			.destroy = _destroy,
		},
		.files = hashtable_create(hashtable_hash_str, hashtable_equals_str, 8),
	);
	return &this->public;
}
