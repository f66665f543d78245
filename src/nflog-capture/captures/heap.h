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
 * @defgroup nflog_heap heap
 * @{ @ingroup nflog_capture
 */

#ifndef HEAP_H_
#define HEAP_H_

#include <library.h>

typedef struct heap_t heap_t;

/**
 * Compare two items.
 *
 * @return			below 0 if a is before b, above 0 if it is after it, 0 if they are equal
 */
typedef int (*heap_compare_t)(const void *a, const void *b);

/**
 * Items, of which the first one in order is found in constant time, and is removed in
 * logarithmic time (a binary heap).
 */
struct heap_t {

	/**
	 * Add an item.
	 *
	 * @param item		item, not owned
	 */
	void (*insert)(heap_t *this, void *item);

	/**
	 * Get the first item.
	 *
	 * @return			item, NULL if there is none
	 */
	void *(*get_first)(heap_t *this);

	/**
	 * Put the first item where it belongs, after it was changed to be later.
	 */
	void (*update_first)(heap_t *this);

	/**
	 * Remove the first item.
	 *
	 * @return			item, NULL if there is none
	 */
	void *(*remove_first)(heap_t *this);

	/**
	 * Destroy a heap_t, but no items.
	 */
	void (*destroy)(heap_t *this);
};

/**
 * Create a heap_t instance.
 *
 * @param compare	defines the order
 */
heap_t *heap_create(heap_compare_t compare);

#endif /** HEAP_H_ @}*/
