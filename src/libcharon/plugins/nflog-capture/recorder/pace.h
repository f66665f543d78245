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
 * @defgroup nflog_pace nflog_pace
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_PACE_H_
#define NFLOG_PACE_H_

typedef struct nflog_pace_t nflog_pace_t;

#include "cause.h"

/**
 * How often a connection gets a folder, all is zero at first.  What anybody can cause delays
 * nothing else.
 */
struct nflog_pace_t {
	/** when the last folder began, and the last one that anybody can cause, and when none
	 * could be created, monotonic, 0 if there was none */
	time_t begun, open_begun, failed;
	/** triggers since then that were not saved, and when the first one was, seconds since
	 * 1970 */
	u_int skipped;
	time_t since;
};

/**
 * Note that a folder began, or that one goes on for something else.
 *
 * @param cause		cause
 */
void nflog_pace_begin(nflog_pace_t *pace, nflog_cause_t cause);

/**
 * Note that no folder could be created.
 */
void nflog_pace_fail(nflog_pace_t *pace);

/**
 * Count a trigger for which there is no folder, which is logged the first time.
 *
 * @param trigger	trigger
 * @param conn		name of the connection
 * @param reason	why there is none, in words, NULL if it is logged already
 */
void nflog_pace_skip(nflog_pace_t *pace, nflog_trigger_t *trigger, char *conn,
					 char *reason);

/**
 * Check if it is too soon for another folder.
 *
 * @param cause		cause
 * @return			why, in words, NULL if it is not
 */
char *nflog_pace_check(nflog_pace_t *pace, nflog_cause_t cause);

#endif /** NFLOG_PACE_H_ @}*/
