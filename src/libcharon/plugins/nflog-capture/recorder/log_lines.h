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
 * @defgroup nflog_log_lines nflog_log_lines
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_LOG_LINES_H_
#define NFLOG_LOG_LINES_H_

typedef struct nflog_log_lines_t nflog_log_lines_t;

#include <library.h>
#include <collections/linked_list.h>

#include <stdio.h>

/** bytes of lines of known connections, and of others, which anybody can cause, to keep */
#define NFLOG_LOG_LINES_KNOWN (8 << 20)
#define NFLOG_LOG_LINES_OTHER (1 << 20)

/** bytes of lines of one known connection, which leaves most to others */
#define NFLOG_LOG_LINES_CONN (256 << 10)

/**
 * Keeps the last lines that charon logged, of levels 0 and 1, which have no keys.
 *
 * Thread-safe.  The lock is held for moments by the threads that log, and no file is
 * accessed meanwhile.
 */
struct nflog_log_lines_t {

	/**
	 * Begin or stop to keep lines.
	 *
	 * @param enable	TRUE to begin, FALSE to stop, and to forget all
	 */
	void (*enable)(nflog_log_lines_t *this, bool enable);

	/**
	 * Get the lines that belong to a connection: those of its IKE_SAs, also before their
	 * connection was known, and those of this plugin about it, about the files in its
	 * directory, and about all connections, such as that a disk did not respond.
	 *
	 * @param conn		name of the connection
	 * @param ids		unique ids of IKE_SAs that belong to it, too, if their connection was
	 *					never known, uint32_t as pointer, for linked_list_t
	 * @param path		path of its directory, with a slash behind
	 * @param since		seconds since 1970 before which lines are left out
	 * @param max		bytes of lines at most, the oldest ones are left out, which is said, as it
	 *					is if some are not kept anymore
	 * @param out		receives the lines, not open on a file
	 * @return			number of lines
	 */
	u_int (*print)(nflog_log_lines_t *this, char *conn, linked_list_t *ids, char *path,
				   time_t since, size_t max, FILE *out);

	/**
	 * Destroy a nflog_log_lines_t.
	 */
	void (*destroy)(nflog_log_lines_t *this);
};

/**
 * Create a nflog_log_lines_t instance, which is not enabled.
 */
nflog_log_lines_t *nflog_log_lines_create();

#endif /** NFLOG_LOG_LINES_H_ @}*/
