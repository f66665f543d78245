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

#include "retention.h"
#include "key_file.h"

#include <collections/hashtable.h>

/** seconds after which the rows of an SA without a trace are removed, and those of an IKE_SA
 * that ended */
#define GRACE 300
#define GRACE_ENDED 10

typedef struct private_nflog_retention_t private_nflog_retention_t;
typedef struct recent_t recent_t;

/**
 * Private data.
 */
struct private_nflog_retention_t {

	/**
	 * Public interface.
	 */
	nflog_retention_t public;

	/**
	 * Directories of connections, not owned.
	 */
	nflog_store_t *store;

	/**
	 * SAs without a trace so far, by connection and SPI, recent_t.
	 */
	hashtable_t *recent;

	/**
	 * SPIs whose rows stay, found by look(), char* => char*.
	 */
	hashtable_t *spis;
};

/**
 * SA without a trace so far.
 */
struct recent_t {

	/**
	 * Directory of the connection and SPI, "conn/spi".
	 */
	char *name;

	/**
	 * SPI, in there.
	 */
	char *spi;

	/**
	 * When its rows may be removed, monotonic, 0 for an IKE_SA that did not end.
	 */
	time_t limit;
};

/**
 * Destroy a recent SA.
 */
static void recent_destroy(recent_t *this)
{
	free(this->name);
	free(this);
}

/**
 * Destroy a recent SA in a hashtable.
 */
static void recent_destroy_cb(void *value, const void *key)
{
	recent_destroy(value);
}

/**
 * Free a string in a hashtable.
 */
static void str_destroy(void *value, const void *key)
{
	free(value);
}

/**
 * Forget the SPIs found by look().
 */
static void forget(private_nflog_retention_t *this)
{
	if (this->spis)
	{
		this->spis->destroy_function(this->spis, str_destroy);
	}
	this->spis = NULL;
}

METHOD(nflog_retention_t, add, void,
	private_nflog_retention_t *this, char *conn, char *spi)
{
	recent_t *recent, *former;
	char *name;

	if (asprintf(&name, "%s/%s", conn, spi) >= 0)
	{
		INIT(recent,
			.name = name,
			.spi = name + strlen(conn) + 1,
			.limit = strlen(spi) == NFLOG_IKE_DIGITS ?
								0 : time_monotonic(NULL) + GRACE,
		);
		former = this->recent->put(this->recent, recent->name, recent);
		if (former)
		{
			recent_destroy(former);
		}
	}
}

METHOD(nflog_retention_t, end, void,
	private_nflog_retention_t *this, char *spi)
{
	enumerator_t *enumerator;
	recent_t *recent;

	enumerator = this->recent->create_enumerator(this->recent);
	while (enumerator->enumerate(enumerator, NULL, &recent))
	{
		if (streq(recent->spi, spi))
		{
			recent->limit = time_monotonic(NULL) + GRACE_ENDED;
		}
	}
	enumerator->destroy(enumerator);
}

METHOD(nflog_retention_t, expire, u_int,
	private_nflog_retention_t *this, linked_list_t *conns)
{
	time_t now = time_monotonic(NULL), next = 0;
	enumerator_t *enumerator;
	recent_t *recent;

	enumerator = this->recent->create_enumerator(this->recent);
	while (enumerator->enumerate(enumerator, NULL, &recent))
	{
		if (recent->limit && recent->limit < now)
		{
			conns->insert_last(conns, strndup(recent->name,
											  recent->spi - recent->name - 1));
			this->recent->remove_at(this->recent, enumerator);
			recent_destroy(recent);
		}
		else if (recent->limit)
		{
			next = next ? min(next, recent->limit) : recent->limit;
		}
	}
	enumerator->destroy(enumerator);
	return next ? next - now + 1 : 0;
}

/**
 * Add an SPI whose rows stay.
 */
static void add_spi(private_nflog_retention_t *this, char *spi)
{
	if (!this->spis->get(this->spis, spi))
	{
		spi = strdup(spi);
		this->spis->put(this->spis, spi, spi);
	}
}

/**
 * Add the SPIs in the names of files.
 *
 * @param enumerator	enumerator over char*, gets destroyed
 */
static void add_files(private_nflog_retention_t *this, enumerator_t *enumerator)
{
	char *name, spis[2][NFLOG_IKE_DIGITS + 1];

	while (enumerator->enumerate(enumerator, &name))
	{
		if (nflog_trace_name_parse(name, spis))
		{
			add_spi(this, spis[0]);
			add_spi(this, spis[1]);
		}
	}
	enumerator->destroy(enumerator);
}

METHOD(nflog_retention_t, look, void,
	private_nflog_retention_t *this, char *conn)
{
	nflog_pins_t *pins = this->store->get_pins(this->store);
	enumerator_t *enumerator;
	linked_list_t *waiting;
	recent_t *recent;
	time_t now;
	char *name;

	forget(this);
	this->spis = hashtable_create(hashtable_hash_str, hashtable_equals_str, 32);
	add_files(this, this->store->create_trace_enumerator(this->store, conn));
	add_files(this, pins->create_enumerator(pins, conn));

	now = time_monotonic(NULL);
	waiting = linked_list_create();
	enumerator = this->recent->create_enumerator(this->recent);
	while (enumerator->enumerate(enumerator, NULL, &recent))
	{
		if (recent->spi - recent->name - 1 != strlen(conn) ||
			!strpfx(recent->name, conn))
		{
			continue;
		}
		if (this->spis->get(this->spis, recent->spi) ||
			(recent->limit && recent->limit < now))
		{	/* its trace decides from now on, if there is one */
			this->recent->remove_at(this->recent, enumerator);
			recent_destroy(recent);
		}
		else
		{
			waiting->insert_last(waiting, recent->spi);
		}
	}
	enumerator->destroy(enumerator);
	while (waiting->remove_first(waiting, (void**)&name) == SUCCESS)
	{
		add_spi(this, name);
	}
	waiting->destroy(waiting);
}

METHOD(nflog_retention_t, keep, bool,
	private_nflog_retention_t *this, chunk_t spi)
{
	char buf[NFLOG_IKE_DIGITS + 1];

	snprintf(buf, sizeof(buf), "%.*s", (int)spi.len, (char*)spi.ptr);
	return this->spis->get(this->spis, buf) != NULL;
}

METHOD(nflog_retention_t, destroy, void,
	private_nflog_retention_t *this)
{
	forget(this);
	this->recent->destroy_function(this->recent, recent_destroy_cb);
	free(this);
}

/*
 * Described in header
 */
nflog_retention_t *nflog_retention_create(nflog_store_t *store)
{
	private_nflog_retention_t *this;

	INIT(this,
		.public = {
			.add = _add,
			.end = _end,
			.expire = _expire,
			.look = _look,
			.keep = _keep,
			.destroy = _destroy,
		},
		.store = store,
		.recent = hashtable_create(hashtable_hash_str, hashtable_equals_str, 8),
	);
	return &this->public;
}
