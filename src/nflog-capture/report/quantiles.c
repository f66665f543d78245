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

#include <stdlib.h>

/** power of two of the values that have a step each */
#define EXACT 5

/**
 * Count a value by its distance from the base.
 */
static void count_value(quantiles_t *this, int64_t value)
{
	bool below = value < this->base;
	uint64_t size = below ? (uint64_t)this->base - value : (uint64_t)value - this->base;
	u_int power = 0, step;

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
	this->counts[below][power * QUANTILES_STEPS + step]++;
}

/*
 * Described in header
 */
void quantiles_add(quantiles_t *this, int64_t value)
{
	int i;

	this->min = this->count ? min(this->min, value) : value;
	this->max = this->count ? max(this->max, value) : value;
	this->negative += value < 0;
	if (this->count >= QUANTILES_FIRST)
	{
		count_value(this, value);
	}
	else
	{
		this->first[this->count] = value;
		if (this->count == QUANTILES_FIRST - 1)
		{
			this->base = this->min;
			for (i = 0; i < QUANTILES_FIRST; i++)
			{
				count_value(this, this->first[i]);
			}
		}
	}
	this->count++;
}

/**
 * Get the lowest distance that is counted in a step.
 */
static int64_t get_lowest(int step)
{
	int power = step / QUANTILES_STEPS;

	step %= QUANTILES_STEPS;
	return power ? ((int64_t)QUANTILES_STEPS + step) << (power - 1) : step;
}

/**
 * Compare values.
 */
static int compare(const void *a, const void *b)
{
	int64_t x = *(int64_t*)a, y = *(int64_t*)b;

	return x < y ? -1 : x > y;
}

/*
 * Described in header
 */
int64_t quantiles_get(quantiles_t *this, double part)
{
	int64_t first[QUANTILES_FIRST], highest;
	uint64_t rank, seen = 0;
	int i;

	if (!this->count)
	{
		return 0;
	}
	rank = part * this->count;
	rank = min(rank, this->count - 1);
	if (this->count < QUANTILES_FIRST)
	{
		memcpy(first, this->first, sizeof(first));
		qsort(first, this->count, sizeof(first[0]), compare);
		return first[rank];
	}
	for (i = QUANTILES_COUNTS - 1; i >= 0; i--)
	{
		seen += this->counts[1][i];
		if (seen > rank)
		{
			return min(this->base - get_lowest(i), this->max);
		}
	}
	for (i = 0; i < QUANTILES_COUNTS - 1; i++)
	{
		seen += this->counts[0][i];
		if (seen > rank)
		{
			highest = this->base + get_lowest(i + 1) - 1;
			return min(highest, this->max);
		}
	}
	return this->max;
}
