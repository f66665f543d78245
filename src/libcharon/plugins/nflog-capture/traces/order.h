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
 * @defgroup nflog_order nflog_order
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_ORDER_H_
#define NFLOG_ORDER_H_

typedef struct nflog_progress_t nflog_progress_t;

#include "trace.h"

/**
 * How far packets have been read.
 */
struct nflog_progress_t {
	/** all up to this one have been read, see nflog_logged_t, if is_known */
	uint32_t order;
	/** order is known */
	bool is_known;
	/** there was nothing left to read */
	bool idle;
};

/**
 * Get how far the packets of two sources have been read.
 *
 * @param a			progress of the one
 * @param b			progress of the other
 * @return			progress of both
 */
nflog_progress_t nflog_progress_both(nflog_progress_t a,
									 nflog_progress_t b);

/**
 * Compare the order of two packets, or other numbers that may wrap.
 *
 * @param a			order of a packet
 * @param b			order of another packet
 * @return			negative if a is before b, 0 if they are the same, or positive
 */
static inline int nflog_order_cmp(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b);
}

/**
 * Get the later one of two packets.
 *
 * @param a			order of a packet, which may wrap
 * @param b			order of another packet
 * @return			one of them
 */
uint32_t nflog_later(uint32_t a, uint32_t b);

/**
 * Collect the packets of a trace in the order of their times.
 *
 * The times of those that the kernel did not stamp are corrected by those that it did.
 *
 * @param trace		trace
 * @param packets	filled with the packets
 * @return			number of packets
 */
u_int nflog_order_collect(nflog_trace_t *trace, nflog_packet_t **packets);

/**
 * Get the number of packets that are due, none that is to be written before them may come
 * anymore.
 *
 * @param packets	packets, in the order of their times
 * @param count		number of packets
 * @param progress	how far the readers got
 * @param many		TRUE if there are many packets
 * @param used		how much of the memory is used, in percent
 * @return			number of packets, from the first on
 */
u_int nflog_order_get_due(nflog_packet_t **packets, u_int count,
						  nflog_progress_t *progress, bool many, u_int used);

#endif /** NFLOG_ORDER_H_ @}*/
