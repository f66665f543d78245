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
 * @defgroup nflog_follower follower
 * @{ @ingroup nflog_capture
 */

#ifndef FOLLOWER_H_
#define FOLLOWER_H_

#include "captures/merge.h"

#include <signal.h>

typedef struct follower_t follower_t;

/**
 * Reads the packets of traces as they are written, in the order of time as far as they
 * are written at about the same time.
 *
 * Traces that are created, files of rings, and directories of connections join.  It reads
 * files only, so whoever writes them never waits for it.  Memory is bounded, but for some
 * hundred bytes per trace.
 */
struct follower_t {

	/**
	 * Follow the traces in a directory, and in those created in there later.
	 *
	 * @param dir		directory of a connection
	 * @param begin		TRUE to read what its traces have already
	 * @return			FALSE if it can't be watched, the reason was printed
	 */
	bool (*add_dir)(follower_t *this, char *dir, bool begin);

	/**
	 * Follow all directories in the base directory.
	 *
	 * @param begin		TRUE to read what their traces have already
	 * @return			FALSE if one can't be watched, the reason was printed
	 */
	bool (*add_all)(follower_t *this, bool begin);

	/**
	 * Wait for packets, or for a signal.
	 *
	 * @param signals	mask of signals while waiting
	 * @param fd		file descriptor of the pipe that is written to
	 * @return			FALSE on failure, or if nobody reads the pipe
	 */
	bool (*wait)(follower_t *this, const sigset_t *signals, int fd);

	/**
	 * Look for packets, without waiting for them.
	 */
	void (*look)(follower_t *this);

	/**
	 * Check if key files changed since this was called last.
	 *
	 * @return			TRUE if so
	 */
	bool (*have_keys_changed)(follower_t *this);

	/**
	 * Read the next packet.
	 *
	 * @param merged	receives the packet, valid until the next one is read
	 * @return			FALSE if there is none now
	 */
	bool (*read)(follower_t *this, merged_packet_t *merged);

	/**
	 * Enumerate the directories that exist.
	 *
	 * @return			enumerator over char*
	 */
	enumerator_t *(*create_dir_enumerator)(follower_t *this);

	/**
	 * Destroy a follower_t.
	 */
	void (*destroy)(follower_t *this);
};

/**
 * Create a follower_t instance.
 *
 * @param base		directory in which those of connections are created, NULL for none
 * @param names		names of connections to follow as soon as they have a directory, char*,
 *					not owned, NULL-terminated, empty for all
 * @param plain		TRUE for traces in the clear only
 * @return			NULL on failure, the reason was printed
 */
follower_t *follower_create(char *base, char *names[], bool plain);

#endif /** FOLLOWER_H_ @}*/
