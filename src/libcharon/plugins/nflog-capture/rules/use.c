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

#include "use.h"

/*
 * Described in header
 */
bool nflog_use_contains(nflog_use_t *this, nflog_element_t *element)
{
	nflog_element_t *other;
	u_int i;

	for (i = 0; i < this->count; i++)
	{
		other = &this->elements[i];
		if (streq(other->set, element->set) && other->len == element->len &&
			memeq(other->key, element->key, element->len))
		{
			return TRUE;
		}
	}
	return FALSE;
}

/*
 * Described in header
 */
void nflog_use_add(nflog_use_t *this, nflog_element_t element)
{
	if (!nflog_use_contains(this, &element))
	{
		this->elements[this->count++] = element;
	}
}

/*
 * Described in header
 */
bool nflog_use_is_any(nflog_use_t *this)
{
	return this->needs || this->nets;
}

/*
 * Described in header
 */
bool nflog_use_covers(nflog_use_t *this, nflog_use_t *want)
{
	u_int i;

	for (i = 0; i < want->count; i++)
	{
		if (!nflog_use_contains(this, &want->elements[i]))
		{
			return FALSE;
		}
	}
	return !(want->needs & ~this->needs) && (!want->nets || this->nets);
}

/**
 * Add or remove the elements of one list that are not in another one.
 */
static void change_elements(nflog_nft_table_t *table, nflog_use_t *use,
							nflog_use_t *other,
							void (*change)(nflog_nft_table_t *table,
										   nflog_element_t *element))
{
	u_int i;

	for (i = 0; i < use->count; i++)
	{
		if (!nflog_use_contains(other, &use->elements[i]))
		{
			change(table, &use->elements[i]);
		}
	}
}

/*
 * Described in header
 */
void nflog_use_remove(nflog_use_t *this, nflog_use_t *next, nflog_nft_table_t *table)
{
	change_elements(table, this, next, table->remove);
	if (this->nets && !next->nets)
	{
		table->unwatch(table, this->nets);
	}
}

/*
 * Described in header
 */
void nflog_use_apply(nflog_use_t *this, nflog_use_t *before, nflog_nft_table_t *table)
{
	change_elements(table, this, before, table->add);
	if (this->nets && !before->nets)
	{
		table->watch(table, this->nets);
	}
}
