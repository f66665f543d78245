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
 * @defgroup nflog_tap nflog_tap
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_TAP_H_
#define NFLOG_TAP_H_

typedef struct nflog_tap_t nflog_tap_t;

#include "trace.h"

/** size of a log prefix, NF_LOG_PREFIXLEN in the kernel's nf_log.h */
#define NFLOG_PREFIX_LEN 128

/**
 * One capture point of an SA: what is needed for each packet that is seen there.
 */
struct nflog_tap_t {
	/** trace for the packets, with a reference, NULL if not captured here */
	nflog_trace_t *trace;
	/** the trace's counters for this point, may be those of a former SA too */
	nflog_counters_t *count;
	/** link type of the trace */
	nflog_link_t link;
	/** capture point */
	nflog_point_t point;
	/** TRUE if packets are kept for now, see nflog_early_t */
	bool early;
	/** log prefix: SA, its unique id, capture point */
	char prefix[NFLOG_PREFIX_LEN];
};

/**
 * Set up a capture point.
 *
 * @param tap		capture point
 * @param trace		trace, of which this gets a reference, NULL if not captured here
 * @param point		which one it is
 * @param label		name of the SA, with its unique id
 */
void nflog_tap_init(nflog_tap_t *tap,
					nflog_trace_t *trace,
					nflog_point_t point, char *label);

#endif /** NFLOG_TAP_H_ @}*/
