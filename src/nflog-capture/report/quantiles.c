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

#include "quantiles.h"

/** power of two of the values that have a step each */
#define EXACT 5

/*
 * Described in header
 */
void quantiles_add(quantiles_t *this, int64_t value)
{
	uint64_t size = max(value, 0);
	u_int power = 0, step;

	this->min = this->count ? min(this->min, value) : value;
	this->max = this->count ? max(this->max, value) : value;
	this->count++;
	this->negative += value < 0;
	if (size >= QUANTILES_STEPS)
	{
		power = 63 - __builtin_clzll(size) - EXACT + 1;
	}
	if (power >= QUANTILES_POWERS)
	{
		power = QUANTILES_POWERS - 1;
		step = QUANTILES_STEPS - 1;
	}
	else
	{
		step = power ? (size >> (power - 1)) - QUANTILES_STEPS : size;
	}
	this->counts[power][step]++;
}

/*
 * Described in header
 */
int64_t quantiles_get(quantiles_t *this, double part)
{
	uint64_t rank = part * this->count, seen = 0;
	int64_t value;
	u_int i, j;

	rank = min(rank, this->count - 1);
	for (i = 0; this->count && i < QUANTILES_POWERS; i++)
	{
		for (j = 0; j < QUANTILES_STEPS; j++)
		{
			seen += this->counts[i][j];
			if (seen > rank)
			{
				value = i ? ((int64_t)QUANTILES_STEPS + j) << (i - 1) : j;
				return max(this->min, min(value, this->max));
			}
		}
	}
	return 0;
}
