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
 * @defgroup nflog_pieces nflog_pieces
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_PIECES_H_
#define NFLOG_PIECES_H_

typedef struct nflog_pieces_t nflog_pieces_t;

#include "files/store.h"

/** files of a trace that are remembered at most */
#define NFLOG_PIECES_MAX 4096

/**
 * The complete files of a trace, and how many packets are in them, to find out what of the
 * trace was removed by the end.
 *
 * The oldest files are removed first, so a look at the first one suffices to see if any was.
 * Files that begin before the last NFLOG_PIECES_MAX ones are forgotten, as if they stayed.
 *
 * Used by one thread, nothing is locked.
 */
struct nflog_pieces_t {

	/**
	 * Add a complete file.
	 *
	 * @param name		name of the file
	 * @param packets	packets in it
	 * @param until		time of the last one, in s since 1970
	 */
	void (*add)(nflog_pieces_t *this, char *name, uint64_t packets, time_t until);

	/**
	 * Forget a file, which the trace itself removed.
	 *
	 * @param name		name of the file
	 */
	void (*forget)(nflog_pieces_t *this, char *name);

	/**
	 * Describe what was removed.
	 *
	 * @param buf		buffer, receives the end of the end line, empty if all is there
	 * @param len		size of buf, in bytes
	 */
	void (*describe)(nflog_pieces_t *this, char *buf, size_t len);

	/**
	 * Destroy a nflog_pieces_t.
	 */
	void (*destroy)(nflog_pieces_t *this);
};

/**
 * Create a nflog_pieces_t instance.
 *
 * @param store		has the files, not owned
 * @param dir		directory of the connection
 */
nflog_pieces_t *nflog_pieces_create(nflog_store_t *store, char *dir);

#endif /** NFLOG_PIECES_H_ @}*/
