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
	/** all packets up to this one were read, see nflog_logged_t, valid if is_known */
	uint32_t order;
	/** TRUE if order is known */
	bool is_known;
	/** TRUE if nothing was left to read */
	bool idle;
};

/**
 * Get the progress of two sources together.
 *
 * @param a			progress of the first source
 * @param b			progress of the second source
 * @return			progress that holds for both
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
 * Check if a packet was logged after another one, and at the same time or later.
 *
 * @param a			packet
 * @param b			packet that should follow
 * @return			TRUE if so
 */
static inline bool nflog_order_is_sorted(nflog_packet_t *a, nflog_packet_t *b)
{
	return nflog_order_cmp(a->order, b->order) <= 0 &&
		   (a->sec < b->sec || (a->sec == b->sec && a->usec <= b->usec));
}

/**
 * Get the later one of two packets.
 *
 * @param a			order of a packet, which may wrap
 * @param b			order of another packet
 * @return			order of the later one
 */
uint32_t nflog_later(uint32_t a, uint32_t b);

/**
 * Collect the packets of a trace, in the order of time.
 *
 * Corrects the times of packets that the kernel did not stamp by those that it did.
 *
 * @param trace		trace
 * @param packets	receives the packets
 * @return			number of packets
 */
u_int nflog_order_collect(nflog_trace_t *trace, nflog_packet_t **packets);

/**
 * Get the number of packets that are due, i.e. no packet can arrive anymore that has to be
 * written before them.
 *
 * @param packets	packets, in the order of time
 * @param count		number of packets
 * @param progress	progress of the readers
 * @param many		TRUE if there are many packets, to use the shorter reordering window
 * @param used		memory in use, in percent
 * @return			number of packets that are due, from the first on
 */
u_int nflog_order_get_due(nflog_packet_t **packets, u_int count,
						  nflog_progress_t *progress, bool many, u_int used);

#endif /** NFLOG_ORDER_H_ @}*/
