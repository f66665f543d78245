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

/**
 * @defgroup nflog_use nflog_use
 * @{ @ingroup nflog_capture
 *
 * What a side of an SA uses in our table.
 */

#ifndef NFLOG_USE_H_
#define NFLOG_USE_H_

typedef struct nflog_use_t nflog_use_t;

#include "nft_table.h"

/** elements of a side: for its address and reqid, and for the next ones */
#define NFLOG_MAX_ELEMENTS 2

/**
 * What a side of an SA uses in the table.
 */
struct nflog_use_t {
	/** elements */
	nflog_element_t elements[NFLOG_MAX_ELEMENTS];
	/** number of elements */
	u_int count;
	/** chains, a bit for each nflog_need_t */
	u_int needs;
	/** pairs of subnets whose packets without SA are logged, NULL if none, not owned */
	nflog_nets_t *nets;
};

/**
 * Check if an element is used.
 *
 * @param this		what is used
 * @param element	element
 * @return			TRUE if so
 */
bool nflog_use_contains(nflog_use_t *this, nflog_element_t *element);

/**
 * Add an element, unless it is used.
 *
 * @param this		what is used, has fewer than NFLOG_MAX_ELEMENTS
 * @param element	element
 */
void nflog_use_add(nflog_use_t *this, nflog_element_t element);

/**
 * Check if anything is used.
 *
 * @param this		what is used
 * @return			TRUE if so
 */
bool nflog_use_is_any(nflog_use_t *this);

/**
 * Check if all of what is wanted is used.
 *
 * @param this		what is used
 * @param want		what is wanted
 * @return			TRUE if so
 */
bool nflog_use_covers(nflog_use_t *this, nflog_use_t *want);

/**
 * Remove elements and subnets from the table that are not used next.  Chains stay.
 *
 * @param this		what is used
 * @param next		what is used next
 * @param table		table
 */
void nflog_use_remove(nflog_use_t *this, nflog_use_t *next, nflog_nft_table_t *table);

/**
 * Add elements and subnets to the table that were not used before.  Chains are there.
 *
 * @param this		what is used
 * @param before	what was used before
 * @param table		table
 */
void nflog_use_apply(nflog_use_t *this, nflog_use_t *before, nflog_nft_table_t *table);

#endif /** NFLOG_USE_H_ @}*/
