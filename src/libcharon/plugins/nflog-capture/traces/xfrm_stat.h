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
 * @defgroup nflog_xfrm_stat nflog_xfrm_stat
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_XFRM_STAT_H_
#define NFLOG_XFRM_STAT_H_

typedef struct nflog_xfrm_stat_t nflog_xfrm_stat_t;
typedef struct nflog_dropped_t nflog_dropped_t;

#include <library.h>

/**
 * Determines which packets the kernel's IPsec dropped while something was captured, by the
 * counters in /proc/net/xfrm_stat.  These count for the network namespace, not for single
 * SAs.
 *
 * Reading the file makes the kernel sum up the counters of all processors, so traces that
 * begin together share one reading.  Thread-safe, but reads a file, so charon's threads
 * must not call this.
 */
struct nflog_xfrm_stat_t {

	/**
	 * Get the counters, as they are now, or were up to a tenth of a second ago.
	 *
	 * @return			counters, to be released with put()
	 */
	nflog_dropped_t *(*get)(nflog_xfrm_stat_t *this);

	/**
	 * Get the number of packets that were dropped, for whatever reason.
	 *
	 * @param dropped	counters, as returned by get()
	 * @return			packets
	 */
	uint64_t (*get_total)(nflog_xfrm_stat_t *this, nflog_dropped_t *dropped);

	/**
	 * Log the counters that increased since then, if any.
	 *
	 * @param since		counters, as returned by get()
	 * @param label		name of what was captured meanwhile
	 */
	void (*report)(nflog_xfrm_stat_t *this, nflog_dropped_t *since,
				   char *label);

	/**
	 * Release counters.
	 *
	 * @param dropped	counters, as returned by get()
	 */
	void (*put)(nflog_xfrm_stat_t *this, nflog_dropped_t *dropped);

	/**
	 * Destroy a nflog_xfrm_stat_t.
	 */
	void (*destroy)(nflog_xfrm_stat_t *this);
};

/**
 * Create a nflog_xfrm_stat_t instance.
 */
nflog_xfrm_stat_t *nflog_xfrm_stat_create();

#endif /** NFLOG_XFRM_STAT_H_ @}*/
