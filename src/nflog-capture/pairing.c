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
	/** the next one of the chain, NONE for none */
	uint32_t next;
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
	 * First copy of each chain, the oldest one.
	 */
	uint32_t chains[CHAINS];
};

/**
 * Remove a copy from its chain.
 */
static void unlink_slot(private_pairing_t *this, uint32_t index)
{
	slot_t *slot = &this->slots[index];
	uint32_t *pos = &this->chains[slot->copy.key % CHAINS];

	while (*pos != index)
	{
		pos = &this->slots[*pos].next;
	}
	*pos = slot->next;
	slot->waits = FALSE;
}

METHOD(pairing_t, add, bool,
	private_pairing_t *this, copy_t *copy, copy_t *other)
{
	uint32_t *pos = &this->chains[copy->key % CHAINS], index;
	slot_t *slot;
	u_int i;

	for (i = 0; *pos != NONE && i < MAX_STEPS; pos = &slot->next, i++)
	{
		slot = &this->slots[*pos];
		if (slot->copy.key == copy->key && slot->copy.side != copy->side)
		{
			*other = slot->copy;
			slot->waits = FALSE;
			*pos = slot->next;
			return TRUE;
		}
	}
	index = this->added++ % PAIRING_MAX;
	slot = &this->slots[index];
	if (slot->waits)
	{
		unlink_slot(this, index);
		this->cb(this->data, &slot->copy);
		/* it may have been the one before in this chain */
		pos = &this->chains[copy->key % CHAINS];
	}
	*slot = (slot_t){
		.copy = *copy,
		.next = *pos,
		.waits = TRUE,
	};
	*pos = index;
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
	return &this->public;
}
