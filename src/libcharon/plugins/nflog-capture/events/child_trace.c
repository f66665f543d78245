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

#include "child_trace.h"
#include "files/trace_name.h"

/*
 * Described in header
 */
nflog_trace_t *nflog_child_trace_create(nflog_pipeline_t *pipeline,
										nflog_candidate_t *subject, nflog_point_t point,
										nflog_cfg_t *cfg, nflog_listing_t **listing)
{
	nflog_trace_t *trace;
	char label[256];

	snprintf(label, sizeof(label), "%s{%u}", subject->child, subject->child_id);
	trace = nflog_trace_create(pipeline->store, subject->conn, label, point, cfg);
	*listing = pipeline->registry->add(pipeline->registry, subject, point);
	trace->set_listing(trace, pipeline->registry, *listing);
	trace->set_addresses(trace, pipeline->addresses);
	trace->set_recorder(trace, pipeline->recorder);
	return trace;
}

/*
 * Described in header
 */
void nflog_child_trace_start(nflog_writer_t *writer, nflog_trace_t *trace, char *child,
							 time_t start, uint32_t spi_in, uint32_t spi_out, char *kind)
{
	char *name;

	if (trace)
	{
		name = nflog_trace_name_child(child, start, spi_in, spi_out, kind);
		trace->set_name(trace, name);
		writer->start(writer, trace);
		free(name);
	}
}

/*
 * Described in header
 */
void nflog_child_trace_release(nflog_writer_t *writer, nflog_trace_t *trace, bool started)
{
	if (trace && started)
	{
		writer->release(writer, trace);
	}
	else if (trace)
	{
		trace->destroy(trace);
	}
}
