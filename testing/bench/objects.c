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

#include "objects.h"
#include "reader/lanes.h"
#include "options/values.h"

#include <daemon.h>

/** the only instance, as traces have no reference to it */
static objects_t objects;

/** original method of traces, called by the replacement */
static void (*trace_end)(nflog_trace_t *trace);

/**
 * Add up the counters of a trace before it is destroyed.  Called by the writer's thread.
 */
static void add_counts(nflog_trace_t *trace)
{
	nflog_counters_t *total = &objects.total, *count;
	nflog_point_t point;

	trace_end(trace);
	for (point = 0; point < POINT_MAX; point++)
	{
		count = trace->get_count(trace, point);
		total->logged += count->logged;
		total->received += count->received;
		total->overrun += count->overrun;
		total->refused += count->refused;
		total->packets += count->packets;
	}
	ref_get(&objects.ended);
}

/*
 * Described in header
 */
nflog_trace_t *objects_trace(char *label, char *name,
							 nflog_point_t point)
{
	nflog_cfg_t cfg = { .link = LINK_NFLOG, .recorder = objects.recorder };
	nflog_trace_t *trace;

	trace = nflog_trace_create(objects.pipeline->store, "conn", label, point,
							   &cfg);
	trace->set_name(trace, name);
	trace->set_recorder(trace, objects.pipeline->recorder);
	trace_end = trace->end;
	trace->end = add_counts;
	return trace;
}

/*
 * Described in header
 */
nflog_sa_t *objects_sa(u_int number, bool inbound, char *dst,
					   nflog_trace_t *esp,
					   nflog_trace_t *plain)
{
	nflog_sa_t *sa;
	host_t *host;

	host = host_create_from_string(dst, 0);
	if (!host)
	{
		bench_fail("'%s' is not an address", dst);
	}
	sa = nflog_sa_create("conn", "net", number + 1, inbound, host,
						 bench_spi(number), number + 1, esp, plain);
	host->destroy(host);
	return sa;
}

/*
 * Described in header
 */
objects_t *objects_create(u_int lanes)
{
	lanes = lanes ?: nflog_lanes_number();
	objects.pipeline = nflog_pipeline_create(lanes, nflog_values_buffer_size());
	if (!objects.pipeline)
	{
		bench_fail("no memory for packets");
	}
	return &objects;
}

/*
 * Described in header
 */
void objects_destroy()
{
	objects.pipeline->destroy(objects.pipeline);
}
