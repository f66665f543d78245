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
 * @defgroup nflog_recorder nflog_recorder
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_RECORDER_H_
#define NFLOG_RECORDER_H_

typedef struct nflog_recorder_t nflog_recorder_t;

#include "tape.h"

/**
 * Holds the newest packets of connections with the option "recorder".
 *
 * Used by the writer's thread.
 */
struct nflog_recorder_t {

	/**
	 * Get the tape of a connection, whose options are those of the trace that began last.
	 *
	 * @param conn		name of the connection
	 * @param size		bytes to hold
	 * @param after		seconds after a trigger that are saved as well
	 * @return			tape, valid as long as the recorder
	 */
	nflog_tape_t *(*get_tape)(nflog_recorder_t *this, char *conn, uint64_t size,
							  u_int after);

	/**
	 * Destroy a nflog_recorder_t, after all traces ended.
	 */
	void (*destroy)(nflog_recorder_t *this);
};

/**
 * Create a nflog_recorder_t instance.
 *
 * @param store		has the files, not owned
 */
nflog_recorder_t *nflog_recorder_create(nflog_store_t *store);

#endif /** NFLOG_RECORDER_H_ @}*/
