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

#include "starts.h"
#include "trace_name.h"

#include <time.h>

#include <collections/hashtable.h>

/** seconds until the writer starts a trace at the latest, usually, after its start was set */
#define MAX_DELAY 60

/** seconds a start may be ahead, more means that the clock was set back */
#define MAX_AHEAD 3600

typedef struct private_nflog_starts_t private_nflog_starts_t;
typedef struct start_t start_t;

/**
 * Private data.
 */
struct private_nflog_starts_t {

	/**
	 * Public interface.
	 */
	nflog_starts_t public;

	/**
	 * Last starts, start_t, by their key.
	 */
	hashtable_t *last;

	/**
	 * When those in the past were forgotten.
	 */
	time_t swept;
};

/**
 * Last start of the traces of one side of an SA.
 */
struct start_t {
	/** directory and name without the start */
	char *key;
	/** last start, seconds since 1970 */
	time_t last;
};

/**
 * Destroy a start_t.
 */
static void start_destroy(void *data, const void *key)
{
	start_t *start = data;

	free(start->key);
	free(start);
}

/**
 * Check if a start does not matter anymore, as all that begins from now on is later.
 */
static bool is_past(start_t *start, time_t now)
{
	return start->last < now - MAX_DELAY || start->last > now + MAX_AHEAD;
}

/**
 * Forget what is in the past, once a second.
 */
static void sweep(private_nflog_starts_t *this, time_t now)
{
	enumerator_t *enumerator;
	start_t *start;

	if (now == this->swept)
	{
		return;
	}
	this->swept = now;
	enumerator = this->last->create_enumerator(this->last);
	while (enumerator->enumerate(enumerator, NULL, &start))
	{
		if (is_past(start, now))
		{
			this->last->remove_at(this->last, enumerator);
			start_destroy(start, NULL);
		}
	}
	enumerator->destroy(enumerator);
}

/**
 * Get the key of a trace (allocated).
 */
static char *get_key(char *dir, char *name)
{
	char *key, *blank = nflog_trace_name_restart(name, 0);

	if (asprintf(&key, "%s/%s", dir, blank) < 0)
	{
		key = NULL;
	}
	free(blank);
	return key;
}

METHOD(nflog_starts_t, take, char*,
	private_nflog_starts_t *this, char *dir, char *name, time_t start)
{
	char *key = get_key(dir, name);
	time_t now = time(NULL);
	start_t *former;

	sweep(this, now);
	former = this->last->get(this->last, key);
	if (former)
	{
		free(key);
		former->last = is_past(former, now) ? start : max(start, former->last + 1);
	}
	else
	{
		INIT(former,
			.key = key,
			.last = start,
		);
		this->last->put(this->last, key, former);
	}
	return nflog_trace_name_restart(name, former->last);
}

METHOD(nflog_starts_t, destroy, void,
	private_nflog_starts_t *this)
{
	this->last->destroy_function(this->last, start_destroy);
	free(this);
}

/*
 * Described in header
 */
nflog_starts_t *nflog_starts_create()
{
	private_nflog_starts_t *this;

	INIT(this,
		.public = {
			.take = _take,
			.destroy = _destroy,
		},
		.last = hashtable_create(hashtable_hash_str, hashtable_equals_str, 8),
	);
	return &this->public;
}
