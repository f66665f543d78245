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
 * @defgroup nflog_quantiles quantiles
 * @{ @ingroup nflog_capture
 */

#ifndef QUANTILES_H_
#define QUANTILES_H_

#include <library.h>

typedef struct quantiles_t quantiles_t;

/** steps between a power of two and the next one, which is 3 % of a value or less */
#define QUANTILES_STEPS 32

/** powers of two, the highest one of microseconds is 19 hours */
#define QUANTILES_POWERS 32

/** counters of values above or below the base */
#define QUANTILES_COUNTS (QUANTILES_POWERS * QUANTILES_STEPS)

/** values of which the lowest one is the base, fewer than that are kept as they are */
#define QUANTILES_FIRST 32

/**
 * Distribution of values, in memory that does not depend on their number.
 *
 * Values are counted by their distance from a base, which is close to the lowest one: so
 * the offset between two clocks that differ costs no precision.
 */
struct quantiles_t {
	/** number of values that are not below the base, and of those below, by their distance */
	uint32_t counts[2][QUANTILES_COUNTS];
	/** first values */
	int64_t first[QUANTILES_FIRST];
	/** lowest one of these */
	int64_t base;
	/** number of all, and of those below 0 */
	uint64_t count, negative;
	/** lowest and highest value */
	int64_t min, max;
};

/**
 * Add a value.
 *
 * @param value		value
 */
void quantiles_add(quantiles_t *this, int64_t value);

/**
 * Get a value that at least a part of all values does not exceed.
 *
 * It is above the least such value by at most 3 % of its distance from the base, and
 * never above the highest value.
 *
 * @param part		part, from 0 to 1
 * @return			value, 0 if there are none
 */
int64_t quantiles_get(quantiles_t *this, double part);

#endif /** QUANTILES_H_ @}*/
