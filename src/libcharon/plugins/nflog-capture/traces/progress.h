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
 * @defgroup nflog_progress nflog_progress
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_PROGRESS_H_
#define NFLOG_PROGRESS_H_

typedef struct nflog_progress_t nflog_progress_t;

#include <library.h>

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

#endif /** NFLOG_PROGRESS_H_ @}*/
