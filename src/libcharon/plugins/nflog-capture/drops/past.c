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

#include "past.h"

#include <time.h>

#include <collections/hashtable.h>

typedef struct private_nflog_past_t private_nflog_past_t;

/**
 * SPI of an SA that is gone.
 */
typedef struct {
	/** SPI, in network order, 0 if there is none */
	uint32_t spi;
	/** CHILD_SA */
	char label[80];
	/** when it went, monotonic */
	time_t gone;
} entry_t;

/**
 * Private data.
 */
struct private_nflog_past_t {

	/**
	 * Public interface.
	 */
	nflog_past_t public;

	/**
	 * SAs in a ring, and the number of those that were added, the oldest one is next.
	 */
	entry_t ring[NFLOG_PAST_MAX];
	u_int next;

	/**
	 * The same by SPI, entry_t.
	 */
	hashtable_t *spis;
};

METHOD(nflog_past_t, add, void,
	private_nflog_past_t *this, uint32_t spi, char *label)
{
	entry_t *entry = &this->ring[this->next++ % NFLOG_PAST_MAX];
	void *key = (void*)(uintptr_t)entry->spi;

	if (entry->spi && this->spis->get(this->spis, key) == entry)
	{
		this->spis->remove(this->spis, key);
	}
	entry->spi = spi;
	entry->gone = time_monotonic(NULL);
	snprintf(entry->label, sizeof(entry->label), "%s", label);
	this->spis->put(this->spis, (void*)(uintptr_t)spi, entry);
}

METHOD(nflog_past_t, describe, void,
	private_nflog_past_t *this, uint32_t spi, char *buf, size_t len)
{
	entry_t *entry = this->spis->get(this->spis, (void*)(uintptr_t)spi);

	if (entry)
	{
		snprintf(buf, len, "the SPI was that of %s, deleted %u s ago", entry->label,
				 (u_int)(time_monotonic(NULL) - entry->gone));
	}
}

METHOD(nflog_past_t, destroy, void,
	private_nflog_past_t *this)
{
	this->spis->destroy(this->spis);
	free(this);
}

/*
 * Described in header
 */
nflog_past_t *nflog_past_create()
{
	private_nflog_past_t *this;

	INIT(this,
		.public = {
			.add = _add,
			.describe = _describe,
			.destroy = _destroy,
		},
		.spis = hashtable_create(hashtable_hash_ptr, hashtable_equals_ptr, 8),
	);
	return &this->public;
}
