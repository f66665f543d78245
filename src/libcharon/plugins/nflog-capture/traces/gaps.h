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
 * @defgroup nflog_gaps nflog_gaps
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_GAPS_H_
#define NFLOG_GAPS_H_

typedef struct nflog_gaps_t nflog_gaps_t;

#include <library.h>

/**
 * Gaps of a trace, in which its packets could not be written.  Begins zeroed, for one thread.
 */
struct nflog_gaps_t {
	/** packets that could not be written, and the time of the first and last one */
	uint64_t missing;
	time_t since, until;
	/** last reason, an errno or NFLOG_OVER_BUDGET */
	int error;
	/** number of gaps */
	u_int count;
	/** TRUE during a gap, and missing when it began */
	bool gap;
	uint64_t before;
	/** when a resumption was logged last, monotonic */
	time_t logged;
};

/**
 * Begin a gap, the reason was logged.
 *
 * @param error		reason
 */
void nflog_gaps_begin(nflog_gaps_t *gaps, int error);

/**
 * Count packets that could not be written.
 *
 * @param count		number of packets
 * @param first		time of the first one
 * @param last		time of the last one
 */
void nflog_gaps_add(nflog_gaps_t *gaps, u_int count, time_t first, time_t last);

/**
 * End a gap, as packets can be written again, which is logged, if there is one.
 *
 * @param file		current file of the trace
 * @param conn		name of the connection
 */
void nflog_gaps_end(nflog_gaps_t *gaps, char *file, char *conn);

/**
 * Get why packets can't be written, and the remedy.
 *
 * @param buf		receives the text
 * @param len		size of buf
 * @return			buf, NULL unless this is in a gap
 */
char *nflog_gaps_get_reason(nflog_gaps_t *gaps, char *buf, size_t len);

/**
 * Describe all gaps, for the end line.
 *
 * @param buf		receives the text, empty if there are none
 * @param len		size of buf
 */
void nflog_gaps_describe(nflog_gaps_t *gaps, char *buf, size_t len);

#endif /** NFLOG_GAPS_H_ @}*/
