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

#include "sequences.h"
#include "cli/text.h"

#include <inttypes.h>
#include <stdio.h>

#include <collections/array.h>
#include <collections/hashtable.h>

/** SAs that are printed, the sum has all of them */
#define MAX_PRINTED 20

typedef struct private_sequences_t private_sequences_t;
typedef struct entry_t entry_t;

/**
 * Private data.
 */
struct private_sequences_t {

	/**
	 * Public interface.
	 */
	sequences_t public;

	/**
	 * SAs, by what identifies them, entry_t.
	 */
	hashtable_t *entries;

	/**
	 * The same, in the order of their first packets.
	 */
	array_t *ordered;

	/**
	 * The one of the last packet, as packets of an SA mostly follow each other.
	 */
	entry_t *last;
};

/**
 * An SA.
 */
struct entry_t {
	/** its keys, which identify it together with the SPI, as they may be for any */
	const void *sa;
	/** SPI, in host order */
	uint32_t spi;
	/** its numbers */
	sequence_t sequence;
};

/**
 * Get the number that is nearest to the highest one.
 */
static uint64_t extend(sequence_t *this, uint32_t low)
{
	uint64_t number = (this->highest & ~(uint64_t)UINT32_MAX) | low;
	uint64_t half = 1ULL << 31;

	if (number + half < this->highest)
	{
		return number + (1ULL << 32);
	}
	if (number > this->highest + half && number > UINT32_MAX)
	{
		return number - (1ULL << 32);
	}
	return number;
}

/**
 * Note that a number is there, or not.
 *
 * @return			TRUE if it was there before
 */
static bool set_there(sequence_t *this, uint64_t number, bool there)
{
	uint8_t *byte = &this->there[number % SEQUENCE_WINDOW / 8], bit = 1 << (number % 8);
	bool before = *byte & bit;

	*byte = there ? *byte | bit : *byte & ~bit;
	return before;
}

/*
 * Described in header
 */
sequence_state_t sequence_add(sequence_t *this, uint32_t low, uint64_t *distance)
{
	uint64_t number, i;

	*distance = 0;
	if (!this->packets++)
	{
		this->first = this->highest = low;
		set_there(this, low, TRUE);
		return SEQUENCE_NEXT;
	}
	number = extend(this, low);
	if (number > this->highest)
	{
		*distance = number - this->highest - 1;
		this->missing += *distance;
		for (i = 1; i <= min(*distance + 1, SEQUENCE_WINDOW); i++)
		{
			set_there(this, this->highest + i, FALSE);
		}
		this->highest = number;
		set_there(this, number, TRUE);
		return *distance ? SEQUENCE_GAP : SEQUENCE_NEXT;
	}
	*distance = this->highest - number;
	if (*distance >= SEQUENCE_WINDOW)
	{
		this->late++;
		return SEQUENCE_OLD;
	}
	if (set_there(this, number, TRUE))
	{
		this->replayed++;
		return SEQUENCE_REPLAYED;
	}
	this->late++;
	if (number < this->first)
	{	/* from before the first packet, between them others are missing */
		this->missing += this->first - number - 1;
		this->first = number;
	}
	else
	{
		this->missing--;
	}
	return SEQUENCE_LATE;
}

/**
 * Hash what identifies an SA.
 */
static u_int hash(entry_t *this)
{
	return chunk_hash_inc(chunk_from_thing(this->spi), hashtable_hash_ptr(this->sa));
}

/**
 * Compare what identifies SAs.
 */
static bool equals(entry_t *a, entry_t *b)
{
	return a->sa == b->sa && a->spi == b->spi;
}

/**
 * Get the entry of an SA.
 */
static entry_t *get_entry(private_sequences_t *this, const void *sa, uint32_t spi)
{
	entry_t *entry = this->last, key = {
		.sa = sa,
		.spi = spi,
	};

	if (!entry || !equals(entry, &key))
	{
		entry = this->entries->get(this->entries, &key);
	}
	if (!entry)
	{
		INIT(entry,
			.sa = sa,
			.spi = spi,
		);
		this->entries->put(this->entries, entry, entry);
		array_insert(this->ordered, ARRAY_TAIL, entry);
	}
	this->last = entry;
	return entry;
}

METHOD(sequences_t, add, bool,
	private_sequences_t *this, const void *sa, uint32_t spi, uint32_t low, char *text,
	size_t len)
{
	uint64_t distance;

	switch (sequence_add(&get_entry(this, sa, spi)->sequence, low, &distance))
	{
		case SEQUENCE_NEXT:
			return FALSE;
		case SEQUENCE_GAP:
			snprintf(text, len, ", after %" PRIu64 " missing", distance);
			break;
		case SEQUENCE_LATE:
			snprintf(text, len, ", late by %" PRIu64, distance);
			break;
		case SEQUENCE_REPLAYED:
			snprintf(text, len, ", replayed");
			break;
		case SEQUENCE_OLD:
			snprintf(text, len, ", late by %" PRIu64 ", or replayed", distance);
			break;
	}
	return TRUE;
}

METHOD(sequences_t, print, void,
	private_sequences_t *this, FILE *file)
{
	u_int i, printed = 0, others = 0;
	sequence_t *sequence;
	entry_t *entry;

	for (i = 0; i < array_count(this->ordered); i++)
	{
		array_get(this->ordered, i, &entry);
		sequence = &entry->sequence;
		if (!sequence->missing && !sequence->late && !sequence->replayed)
		{
			continue;
		}
		if (printed++ < MAX_PRINTED)
		{
			text_print(file, "SA %.8x: %" PRIu64 " packets, %" PRIu64 " missing, %" PRIu64
					   " late, %" PRIu64 " replayed\n", entry->spi, sequence->packets,
					   sequence->missing, sequence->late, sequence->replayed);
		}
		else
		{
			others++;
		}
	}
	if (others)
	{
		text_print(file, "%u other SAs have missing, late or replayed packets\n", others);
	}
}

METHOD(sequences_t, destroy, void,
	private_sequences_t *this)
{
	entry_t *entry;

	while (array_remove(this->ordered, ARRAY_HEAD, &entry))
	{
		free(entry);
	}
	array_destroy(this->ordered);
	this->entries->destroy(this->entries);
	free(this);
}

/*
 * Described in header
 */
sequences_t *sequences_create()
{
	private_sequences_t *this;

	INIT(this,
		.public = {
			.add = _add,
			.print = _print,
			.destroy = _destroy,
		},
		.entries = hashtable_create((void*)hash, (void*)equals, 8),
		.ordered = array_create(0, 0),
	);
	return &this->public;
}
