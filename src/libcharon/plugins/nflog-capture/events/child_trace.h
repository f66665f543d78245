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
 * @defgroup nflog_child_trace nflog_child_trace
 * @{ @ingroup nflog_capture
 *
 * Traces of CHILD_SAs.
 */

#ifndef NFLOG_CHILD_TRACE_H_
#define NFLOG_CHILD_TRACE_H_

#include "options/request.h"
#include "reader/pipeline.h"

#include <time.h>

/**
 * Create the trace of a CHILD_SA for a pair of capture points, or for one that has a trace of
 * its own.
 *
 * @param pipeline	passes on packets, and has the listings
 * @param subject	the CHILD_SA
 * @param point		capture point, that of arriving packets of a pair
 * @param cfg		options, cloned
 * @param listing	receives its listing, which the trace owns
 * @return			trace, with a reference of the caller
 */
nflog_trace_t *nflog_child_trace_create(nflog_pipeline_t *pipeline,
										nflog_candidate_t *subject, nflog_point_t point,
										nflog_cfg_t *cfg, nflog_listing_t **listing);

/**
 * Start a trace, once both SPIs are known, which are part of its name.
 *
 * @param writer	writes traces
 * @param trace		trace, NULL to do nothing
 * @param child		name of the CHILD_SA
 * @param start		when the capture started
 * @param spi_in	inbound SPI, in network order
 * @param spi_out	outbound SPI
 * @param kind		what it has, NFLOG_NAME_ESP etc.
 */
void nflog_child_trace_start(nflog_writer_t *writer, nflog_trace_t *trace, char *child,
							 time_t start, uint32_t spi_in, uint32_t spi_out, char *kind);

/**
 * Release a reference to a trace.
 *
 * @param writer	writes traces
 * @param trace		trace, NULL to do nothing
 * @param started	TRUE if it was started, otherwise it is the last reference
 */
void nflog_child_trace_release(nflog_writer_t *writer, nflog_trace_t *trace, bool started);

#endif /** NFLOG_CHILD_TRACE_H_ @}*/
