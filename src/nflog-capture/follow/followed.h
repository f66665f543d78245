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
 * @defgroup nflog_followed followed
 * @{ @ingroup nflog_capture
 */

#ifndef FOLLOWED_H_
#define FOLLOWED_H_

#include "captures/merge.h"

#include <dirent.h>

typedef struct followed_t followed_t;

/**
 * A trace that is followed: reads its files one after the other, while they are written.
 */
struct followed_t {

	/** the next packet, if ready is set */
	merged_packet_t next;

	/** for the owner: TRUE if there is a next packet, and if files changed since then */
	bool ready, changed;

	/**
	 * Add a file, unless it is known, or older than the one that is read.
	 *
	 * @param file		name of the file
	 * @param created	TRUE if it was created, maybe with the name of one that is gone
	 */
	void (*add)(followed_t *this, char *file, bool created);

	/**
	 * Skip the packets in all files that were added.
	 */
	void (*skip)(followed_t *this);

	/**
	 * Read the next packet.
	 *
	 * @return			FALSE if there is none yet
	 */
	bool (*read)(followed_t *this);

	/**
	 * Close the file until the next packet is read.
	 */
	void (*close)(followed_t *this);

	/**
	 * Destroy a followed_t.
	 */
	void (*destroy)(followed_t *this);
};

/**
 * Create a followed_t instance.
 *
 * @param capture	the trace, not owned
 * @param file		name of its first file
 */
followed_t *followed_create(capture_t *capture, char *file);

/**
 * List the files of traces in a directory, those of a ring in the order of their numbers.
 *
 * @param dir		directory
 * @param entries	receives its entries, each has to be freed, as does the array
 * @return			number of entries, -1 with errno set on failure
 */
int followed_scan(char *dir, struct dirent ***entries);

#endif /** FOLLOWED_H_ @}*/
