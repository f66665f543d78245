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

#include "seqno.h"

/*
 * Described in header
 */
bool seqno_try(seqno_t *this, uint32_t low,
			   bool (*try)(void *data, uint32_t high), void *data)
{
	uint32_t candidates[SEQNO_FIRST], high = this->highest >> 32;
	int64_t distance;
	u_int i, count = 0;

	if (!this->esn)
	{
		return try(data, 0);
	}
	if (!this->known)
	{	/* a trace may begin late */
		for (count = 0; count < SEQNO_FIRST; count++)
		{
			candidates[count] = count;
		}
	}
	else
	{
		distance = (int64_t)low - (uint32_t)this->highest;
		if (distance < -(int64_t)(1U << 31))
		{	/* went past the highest value */
			candidates[count++] = high + 1;
			candidates[count++] = high;
		}
		else if (distance > (int64_t)(1U << 31) && high)
		{	/* a late one, from before that */
			candidates[count++] = high - 1;
			candidates[count++] = high;
		}
		else
		{	/* the distance is too large if packets are missing */
			candidates[count++] = high;
			candidates[count++] = high + 1;
		}
	}
	for (i = 0; i < count; i++)
	{
		if (try(data, candidates[i]))
		{
			this->known = TRUE;
			this->highest = max(this->highest,
								(uint64_t)candidates[i] << 32 | low);
			return TRUE;
		}
	}
	return FALSE;
}
