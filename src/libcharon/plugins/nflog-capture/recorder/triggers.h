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
 * @defgroup nflog_triggers nflog_triggers
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_TRIGGERS_H_
#define NFLOG_TRIGGERS_H_

typedef struct nflog_triggers_t nflog_triggers_t;

#include "cause.h"

/** triggers that wait for the writer's thread, others are counted, but requests are not */
#define NFLOG_TRIGGERS_MAX 256

/** those among them that anybody can cause */
#define NFLOG_TRIGGERS_OPEN 128

/**
 * Triggers that wait for the writer's thread.
 *
 * Thread-safe, the lock is held for moments.
 */
struct nflog_triggers_t {

	/**
	 * Add a trigger, or count it if there are too many.
	 *
	 * @param trigger	trigger, copied
	 * @param number	number of the request, 0 if it is none
	 * @return			FALSE if it was only counted
	 */
	bool (*add)(nflog_triggers_t *this, nflog_trigger_t *trigger, uint64_t number);

	/**
	 * Take the first trigger.
	 *
	 * @param number	receives the number of the request
	 * @param lost		receives how many were only counted, if there is no trigger
	 * @return			trigger, NULL if there is none
	 */
	nflog_trigger_t *(*take)(nflog_triggers_t *this, uint64_t *number, u_int *lost);

	/**
	 * Check if there are triggers.
	 *
	 * @return			TRUE if so
	 */
	bool (*pending)(nflog_triggers_t *this);

	/**
	 * Destroy a nflog_triggers_t.
	 */
	void (*destroy)(nflog_triggers_t *this);
};

/**
 * Create a nflog_triggers_t instance.
 */
nflog_triggers_t *nflog_triggers_create();

#endif /** NFLOG_TRIGGERS_H_ @}*/
