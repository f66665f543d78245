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
 * Determines which packets the kernel's IPsec dropped in the meantime, by the
 * counters in /proc/net/xfrm_stat.  These are of the network namespace, not of
 * single SAs.
 *
 * The kernel adds up the counters of all processors whenever that file is read,
 * so this is not done for each of many captures that begin or end together.
 */
struct nflog_xfrm_stat_t {

	/**
	 * Get what was dropped up to now, or up to a tenth of a second ago.
	 *
	 * @return			to be passed to report() or put()
	 */
	nflog_dropped_t *(*get)(nflog_xfrm_stat_t *this);

	/**
	 * Log the counters that moved since, if any.
	 *
	 * @param since		what was dropped before
	 * @param label		name of what was captured meanwhile
	 */
	void (*report)(nflog_xfrm_stat_t *this, nflog_dropped_t *since,
				   char *label);

	/**
	 * Release what get() returned.
	 *
	 * @param dropped	what was dropped
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
