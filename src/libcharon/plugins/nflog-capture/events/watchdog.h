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
 * @defgroup nflog_watchdog nflog_watchdog
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_WATCHDOG_H_
#define NFLOG_WATCHDOG_H_

typedef struct nflog_watchdog_t nflog_watchdog_t;

#include <library.h>

/** time between two checks of our threads, in s, and for how many of them a thread has to
 * make no progress */
#define NFLOG_WATCHDOG_INTERVAL 5
#define NFLOG_WATCHDOG_CHECKS 4

/**
 * Ends all captures if a thread of ours makes no progress, so that the kernel logs no packets
 * that nobody writes, and starts them again when the thread goes on, after a delay that
 * doubles each time.
 *
 * A job of charon checks the threads, which only looks in memory.
 */
struct nflog_watchdog_t {

	/**
	 * Check the threads once.
	 */
	void (*check)(nflog_watchdog_t *this);

	/**
	 * Destroy a nflog_watchdog_t.
	 */
	void (*destroy)(nflog_watchdog_t *this);
};

/**
 * Create a nflog_watchdog_t instance.
 *
 * @param cb		called when captures have to end, or to start again, by any thread
 * @param data		data to pass to cb
 */
nflog_watchdog_t *nflog_watchdog_create(void (*cb)(void *data), void *data);

#endif /** NFLOG_WATCHDOG_H_ @}*/
