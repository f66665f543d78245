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

#include "pairing.h"

/** chains of copies by their keys */
#define CHAINS 65536

/** copies of a chain that are looked at, as packets may be equal */
#define MAX_STEPS 128

/** index that ends a chain */
#define NONE UINT32_MAX

typedef struct private_pairing_t private_pairing_t;
typedef struct slot_t slot_t;

/**
 * Copy that waits.
 */
struct slot_t {
	/** the copy */
	copy_t copy;
	/** the next one of the chain, and the one before, NONE for none */
	uint32_t next, prev;
	/** FALSE once it was found */
	bool waits;
};

/**
 * Private data.
 */
struct private_pairing_t {

	/**
	 * Public interface.
	 */
	pairing_t public;

	/**
	 * Called for copies that are given up, with data.
	 */
	pairing_cb_t cb;
	void *data;

	/**
	 * Copies, a ring in the order in which they were added.
	 */
	slot_t slots[PAIRING_MAX];

	/**
	 * Number of copies that were added.
	 */
	uint64_t added;

	/**
	 * First and last copy of each chain, the oldest one is the first.
	 */
	uint32_t chains[CHAINS], ends[CHAINS];
};

/**
 * Get where the link to a copy is, from the one before or after it.
 */
static uint32_t *get_link(private_pairing_t *this, slot_t *slot, bool before)
{
	uint32_t other = before ? slot->prev : slot->next, chain = slot->copy.key % CHAINS;

	if (other == NONE)
	{
		return before ? &this->chains[chain] : &this->ends[chain];
	}
	return before ? &this->slots[other].next : &this->slots[other].prev;
}

/**
 * Remove a copy from its chain.
 */
static void unlink_slot(private_pairing_t *this, slot_t *slot)
{
	*get_link(this, slot, TRUE) = slot->next;
	*get_link(this, slot, FALSE) = slot->prev;
	slot->waits = FALSE;
}

METHOD(pairing_t, add, bool,
	private_pairing_t *this, copy_t *copy, copy_t *other)
{
	uint32_t chain = copy->key % CHAINS, index = this->chains[chain];
	slot_t *slot;
	u_int i;

	for (i = 0; index != NONE && i < MAX_STEPS; index = slot->next, i++)
	{
		slot = &this->slots[index];
		if (slot->copy.key == copy->key && slot->copy.side != copy->side)
		{
			*other = slot->copy;
			unlink_slot(this, slot);
			return TRUE;
		}
	}
	index = this->added++ % PAIRING_MAX;
	slot = &this->slots[index];
	if (slot->waits)
	{
		unlink_slot(this, slot);
		this->cb(this->data, &slot->copy);
	}
	*slot = (slot_t){
		.copy = *copy,
		.next = NONE,
		.prev = this->ends[chain],
		.waits = TRUE,
	};
	*get_link(this, slot, TRUE) = index;
	*get_link(this, slot, FALSE) = index;
	return FALSE;
}

METHOD(pairing_t, destroy, void,
	private_pairing_t *this)
{
	uint64_t i;
	slot_t *slot;

	for (i = this->added > PAIRING_MAX ? this->added - PAIRING_MAX : 0; i < this->added; i++)
	{
		slot = &this->slots[i % PAIRING_MAX];
		if (slot->waits)
		{
			this->cb(this->data, &slot->copy);
		}
	}
	free(this);
}

/*
 * Described in header
 */
pairing_t *pairing_create(pairing_cb_t cb, void *data)
{
	private_pairing_t *this;

	INIT(this,
		.public = {
			.add = _add,
			.destroy = _destroy,
		},
		.cb = cb,
		.data = data,
	);
	memset(this->chains, 0xff, sizeof(this->chains));
	memset(this->ends, 0xff, sizeof(this->ends));
	return &this->public;
}
