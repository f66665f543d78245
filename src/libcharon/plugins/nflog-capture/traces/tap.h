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

/** size of a log prefix, NF_LOG_PREFIXLEN in the kernel's nf_log.h, in bytes */
#define NFLOG_PREFIX_LEN 128

/**
 * Capture point of an SA, with all that is needed for a packet seen there.  Its owner guards
 * it.
 */
struct nflog_tap_t {
	/** trace, with a reference, NULL if nothing is captured here */
	nflog_trace_t *trace;
	/** counters of the trace for this point, may include those of a former SA */
	nflog_counters_t *count;
	/** link type of the trace */
	nflog_link_t link;
	/** capture point */
	nflog_point_t point;
	/** TRUE while packets are kept, see nflog_early_t */
	bool early;
	/** log prefix: name of the SA, with its unique id, and capture point */
	char prefix[NFLOG_PREFIX_LEN];
};

/**
 * Set up a capture point.
 *
 * @param tap		capture point to initialize
 * @param trace		trace, gets referenced, NULL if nothing is captured here
 * @param point		which capture point it is
 * @param label		name of the SA, with its unique id
 */
void nflog_tap_init(nflog_tap_t *tap,
					nflog_trace_t *trace,
					nflog_point_t point, char *label);

#endif /** NFLOG_TAP_H_ @}*/
