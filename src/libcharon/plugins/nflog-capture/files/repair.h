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
 * @defgroup nflog_repair nflog_repair
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_REPAIR_H_
#define NFLOG_REPAIR_H_

typedef struct nflog_repair_t nflog_repair_t;

#include "store.h"

/**
 * Puts all directories in order after charon was killed, or power was lost: a part of a record
 * at the end of a trace is cut, as what reads it would fail there, and so are zeros; traces
 * without even a header are removed, and so are temporary files.  What a process writes to is
 * left alone.  One line in the log for each directory in which something was to be done.
 *
 * A thread of this object does it, once.
 */
struct nflog_repair_t {

	/**
	 * Start the thread, once.
	 *
	 * @return			FALSE if it can't be created, which is logged
	 */
	bool (*start)(nflog_repair_t *this);

	/**
	 * Stop the thread if it has not ended yet, even within a file, and destroy a
	 * nflog_repair_t.
	 */
	void (*destroy)(nflog_repair_t *this);
};

/**
 * Create a nflog_repair_t instance.
 *
 * @param store		has the directories, not owned
 * @param cb		called by the thread for each directory, when its files are in order, so
 *					that its keys can be
 * @param data		data to pass to cb
 */
nflog_repair_t *nflog_repair_create(nflog_store_t *store, void (*cb)(void *data, char *conn),
									void *data);

#endif /** NFLOG_REPAIR_H_ @}*/
