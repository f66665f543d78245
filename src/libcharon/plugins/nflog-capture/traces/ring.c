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

#include "ring.h"

#include <collections/array.h>

typedef struct private_nflog_ring_t private_nflog_ring_t;

/**
 * Private data.
 */
struct private_nflog_ring_t {

	/**
	 * Public interface.
	 */
	nflog_ring_t public;

	/**
	 * Files, part_t, the oldest one first, and their number without those that continue
	 * others.
	 */
	array_t *parts;
	u_int count;
};

/**
 * File.
 */
typedef struct {

	/** its number */
	u_int number;

	/** TRUE if it continues the one before */
	bool continues;
} part_t;

METHOD(nflog_ring_t, add, void,
	private_nflog_ring_t *this, u_int number, bool continues)
{
	part_t last, part = {
		.number = number,
		.continues = continues && this->count,
	};

	if (!array_get(this->parts, ARRAY_TAIL, &last) || last.number != number)
	{
		this->count += !part.continues;
		array_insert(this->parts, ARRAY_TAIL, &part);
	}
}

METHOD(nflog_ring_t, get_count, u_int,
	private_nflog_ring_t *this)
{
	return this->count;
}

METHOD(nflog_ring_t, get_oldest, u_int,
	private_nflog_ring_t *this)
{
	part_t part = {};

	array_get(this->parts, ARRAY_HEAD, &part);
	return part.number;
}

METHOD(nflog_ring_t, remove_oldest, void,
	private_nflog_ring_t *this)
{
	part_t next;

	if (array_remove(this->parts, ARRAY_HEAD, NULL) &&
		(!array_get(this->parts, ARRAY_HEAD, &next) || !next.continues))
	{
		this->count--;
	}
}

METHOD(nflog_ring_t, destroy, void,
	private_nflog_ring_t *this)
{
	array_destroy(this->parts);
	free(this);
}

/*
 * Described in header
 */
nflog_ring_t *nflog_ring_create()
{
	private_nflog_ring_t *this;

	INIT(this,
		.public = {
			.add = _add,
			.get_count = _get_count,
			.get_oldest = _get_oldest,
			.remove_oldest = _remove_oldest,
			.destroy = _destroy,
		},
		.parts = array_create(sizeof(part_t), 0),
	);
	return &this->public;
}
