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

/** steps between a power of two and the next one, so values are exact to 3 % */
#define QUANTILES_STEPS 32

/** powers of two, the highest one of microseconds is an hour */
#define QUANTILES_POWERS 32

/**
 * Distribution of values, in memory that does not depend on their number.
 */
struct quantiles_t {
	/** number of values, by their size */
	uint32_t counts[QUANTILES_POWERS][QUANTILES_STEPS];
	/** number of all, and of those below 0 */
	uint64_t count, negative;
	/** lowest and highest value */
	int64_t min, max;
};

/**
 * Add a value.
 *
 * @param value		value, those below 0 are counted as 0
 */
void quantiles_add(quantiles_t *this, int64_t value);

/**
 * Get the value that a part of all values does not exceed.
 *
 * @param part		part, from 0 to 1
 * @return			value, 0 if there are none
 */
int64_t quantiles_get(quantiles_t *this, double part);

#endif /** QUANTILES_H_ @}*/
