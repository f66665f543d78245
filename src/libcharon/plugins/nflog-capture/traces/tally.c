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

#include "tally.h"

#include <inttypes.h>

#include <collections/array.h>

/** reasons that are counted, at most, and what others are called */
#define MAX_REASONS 24
#define OTHERS "for other reasons"

typedef struct private_nflog_tally_t private_nflog_tally_t;

/**
 * Packets with the same reason.
 */
typedef struct {
	/** reason, owned */
	char *reason;
	/** packets */
	uint64_t count;
} entry_t;

/**
 * Private data.
 */
struct private_nflog_tally_t {

	/**
	 * Public interface.
	 */
	nflog_tally_t public;

	/**
	 * Counts, entry_t.
	 */
	array_t *entries;

	/**
	 * What these lack, NULL for nothing.
	 */
	char *note;
};

/**
 * Find the entry of a reason, NULL if there is none.
 */
static entry_t *find(private_nflog_tally_t *this, char *reason)
{
	entry_t *entry;
	int i;

	for (i = 0; i < array_count(this->entries); i++)
	{
		array_get(this->entries, i, &entry);
		if (streq(entry->reason, reason))
		{
			return entry;
		}
	}
	return NULL;
}

METHOD(nflog_tally_t, add, void,
	private_nflog_tally_t *this, char *reason, uint64_t count)
{
	entry_t *entry = find(this, reason);

	if (!entry && array_count(this->entries) >= MAX_REASONS)
	{
		reason = OTHERS;
		entry = find(this, reason);
	}
	if (!entry)
	{
		INIT(entry,
			.reason = strdup(reason),
		);
		array_insert(this->entries, ARRAY_TAIL, entry);
	}
	entry->count += count;
}

METHOD(nflog_tally_t, set_note, void,
	private_nflog_tally_t *this, char *note)
{
	free(this->note);
	this->note = strdup(note);
}

/**
 * Order entries by their counts.
 */
static int entry_cmp(const void *a, const void *b, void *user)
{
	const entry_t *x = a, *y = b;

	return x->count == y->count ? strcmp(x->reason, y->reason) :
		   x->count > y->count ? -1 : 1;
}

METHOD(nflog_tally_t, describe, void,
	private_nflog_tally_t *this, char *buf, size_t len)
{
	entry_t *entry;
	size_t pos = 0;
	int i;

	*buf = '\0';
	array_sort(this->entries, entry_cmp, NULL);
	for (i = 0; i < array_count(this->entries) && pos < len; i++)
	{
		array_get(this->entries, i, &entry);
		pos += snprintf(buf + pos, len - pos, "%s%" PRIu64 " %s", i ? ", " : ": ",
						entry->count, entry->reason);
	}
	if (this->note && pos < len)
	{
		snprintf(buf + pos, len - pos, ", %s", this->note);
	}
}

METHOD(nflog_tally_t, destroy, void,
	private_nflog_tally_t *this)
{
	entry_t *entry;

	while (array_remove(this->entries, ARRAY_TAIL, &entry))
	{
		free(entry->reason);
		free(entry);
	}
	array_destroy(this->entries);
	free(this->note);
	free(this);
}

/*
 * Described in header
 */
nflog_tally_t *nflog_tally_create()
{
	private_nflog_tally_t *this;

	INIT(this,
		.public = {
			.add = _add,
			.set_note = _set_note,
			.describe = _describe,
			.destroy = _destroy,
		},
		.entries = array_create(0, 0),
	);
	return &this->public;
}
