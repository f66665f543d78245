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

#include "tap.h"

/*
 * Described in header
 */
void nflog_tap_init(nflog_tap_t *tap,
					nflog_trace_t *trace,
					nflog_point_t point, char *label)
{
	char suffix[32];
	int cut;

	memset(tap, 0, sizeof(*tap));
	tap->point = point;
	if (trace)
	{
		tap->trace = trace->get_ref(trace);
		tap->count = trace->get_count(trace, point);
		tap->link = trace->get_link(trace);
		/* cut a long name at its begin, as the unique id identifies the SA */
		cut = snprintf(suffix, sizeof(suffix), " %N", nflog_point_names,
					   point) + strlen(label) + 1 - sizeof(tap->prefix);
		snprintf(tap->prefix, sizeof(tap->prefix), "%s%s", label + max(0, cut),
				 suffix);
	}
}
