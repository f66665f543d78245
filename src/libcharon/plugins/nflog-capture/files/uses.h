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
 * @defgroup nflog_uses nflog_uses
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_USES_H_
#define NFLOG_USES_H_

typedef struct nflog_uses_t nflog_uses_t;

#include "quota.h"

#include <collections/linked_list.h>

/**
 * Files of traces that this process uses, or wants, and how to release them.
 *
 * For one thread at a time.
 */
struct nflog_uses_t {

	/**
	 * Set the state of a file, forgets how to release it.
	 *
	 * @param conn		name of the directory
	 * @param name		name of the file
	 * @param state		state
	 * @return			former state
	 */
	nflog_trace_state_t (*set)(nflog_uses_t *this, char *conn, char *name,
							   nflog_trace_state_t state);

	/**
	 * Set how the current thread may release a file in TRACE_USED.
	 *
	 * @param conn		name of the directory
	 * @param name		name of the file
	 * @param cb		callback
	 * @param data		data to pass to cb
	 */
	void (*set_release)(nflog_uses_t *this, char *conn, char *name,
						nflog_release_cb_t cb, void *data);

	/**
	 * Check if a file is in TRACE_USED.
	 *
	 * @param conn		name of the directory
	 * @param name		name of the file
	 * @return			TRUE if so
	 */
	bool (*is_used)(nflog_uses_t *this, char *conn, char *name);

	/**
	 * Get how the current thread may release a file.
	 *
	 * @param conn		name of the directory
	 * @param name		name of the file
	 * @param cb		receives the callback
	 * @param data		receives data to pass to it
	 * @return			FALSE if it can't
	 */
	bool (*get_release)(nflog_uses_t *this, char *conn, char *name,
						nflog_release_cb_t *cb, void **data);

	/**
	 * List the files of a directory.
	 *
	 * @param conn		name of the directory
	 * @param names		gets the names of files, char*, all owned by the caller
	 */
	void (*list)(nflog_uses_t *this, char *conn, linked_list_t *names);

	/**
	 * Destroy a nflog_uses_t.
	 */
	void (*destroy)(nflog_uses_t *this);
};

/**
 * Create a nflog_uses_t instance.
 */
nflog_uses_t *nflog_uses_create();

#endif /** NFLOG_USES_H_ @}*/
