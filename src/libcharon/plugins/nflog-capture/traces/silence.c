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

#include "silence.h"

/** about selectors that don't say what should be in the SA */
#define ANY "no packet is known to have left without the SA, as its selectors are all " \
			"addresses, only what XFRM interfaces and VTI devices drop is"

/**
 * Do the counters say why no packet is in the trace?
 */
static bool is_described(nflog_counters_t *count)
{
	return count->packets || count->logged || count->received || count->overrun ||
		   count->unidentified || count->crowded || count->missed || count->gone ||
		   count->absent || (count->has_sa && count->sa);
}

/**
 * Get why nothing was seen.
 */
static char *get_reason(nflog_counters_t *count, nflog_point_t point)
{
	switch (point)
	{
		case POINT_ESP_IN:
			return "no packet with its SPI arrived: the peer sent none, or they were lost or "
				   "dropped on their way";
		case POINT_PLAIN_IN:
			return "no packet arrived in the SA";
		case POINT_ESP_OUT:
		case POINT_PLAIN_OUT:
			if (count->left)
			{
				return NULL;
			}
			if (!count->watched)
			{
				return "no packet was sent in the SA, 'missed' in points captures those that "
					   "leave without it";
			}
			return count->any ? ANY : count->blind
					? "no packet of its selectors was sent, in the SA, or without it and NAT"
					: "no packet of its selectors was sent, in the SA or without it";
		case POINT_IKE_IN:
			return "the peer sent no message, or they were lost on their way";
		case POINT_IKE_OUT:
			return "no message was sent";
		case POINT_MISSED:
			return count->any ? ANY : count->blind
					? "no packet of its selectors left without the SA, those whose addresses "
					  "NAT changed are not known"
					: "no packet of its selectors left without the SA";
		default:
			return NULL;
	}
}

/*
 * Described in header
 */
void nflog_silence_describe(nflog_counters_t *count, nflog_point_t point, nflog_cfg_t *cfg,
							char *buf, size_t len)
{
	char *reason = NULL;
	size_t pos;

	nflog_counters_describe(count, point, buf, len);
	if (cfg->points & 1 << point && !is_described(count))
	{
		reason = get_reason(count, point);
	}
	if (reason)
	{
		pos = strlen(buf);
		snprintf(buf + pos, len - pos, ", %s", reason);
	}
}
