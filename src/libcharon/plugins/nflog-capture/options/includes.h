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
 * @defgroup nflog_includes nflog_includes
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_INCLUDES_H_
#define NFLOG_INCLUDES_H_

typedef struct nflog_includes_t nflog_includes_t;

#include "watch.h"

/** bytes that a file and those that it includes may have */
#define NFLOG_MAX_SIZE (64 << 20)

/** files that may be included, a file counts each time that it is */
#define NFLOG_MAX_FILES 65536

/** files that may be read at once, each of them included by the one before.
 * strongSwan's parser has no limit but that of open files, usually 1024 */
#define NFLOG_MAX_DEPTH 1000

/**
 * Reads a file, and those that it includes, as a stack of texts.
 *
 * strongSwan's parser opens whatever an include statement matches, a FIFO keeps
 * it for ever, and reads a file that includes itself until there are no
 * descriptors left.  Here nothing but regular files is opened, and a file is
 * not read within itself, which would add nothing to its settings.
 *
 * There may be secrets in the texts, so they are wiped.  Not thread-safe.  Nothing
 * in here uses what strongSwan frees when it stops.
 */
struct nflog_includes_t {

	/**
	 * Include the files that match a pattern, the first one is read next.
	 *
	 * Files that are not there, that are not regular ones, or not readable, are
	 * skipped, as strongSwan's parser does, except for the outermost one.
	 *
	 * @param pattern	pattern as for glob(3), relative to the current file
	 * @return			FALSE if reading failed or exceeds a limit, see get_error()
	 */
	bool (*include)(nflog_includes_t *this, char *pattern);

	/**
	 * Get what has not been read yet of the current file.
	 *
	 * @return			text, null-terminated, to be advanced by the caller, NULL
	 *					if there is no file left
	 */
	chunk_t *(*get_text)(nflog_includes_t *this);

	/**
	 * Leave the current file, at the end of its text, for the next one.
	 *
	 * @return			FALSE if reading failed or exceeds a limit, see get_error()
	 */
	bool (*next)(nflog_includes_t *this);

	/**
	 * Note what is wrong at the current position, the first error is kept.
	 *
	 * @param fmt		printf format string
	 */
	void (*fail)(nflog_includes_t *this, const char *fmt, ...);

	/**
	 * Get what failed.
	 *
	 * @param passing	set to TRUE if it might work if tried again
	 * @return			text that begins with file and line, NULL if nothing failed
	 */
	char *(*get_error)(nflog_includes_t *this, bool *passing);

	/**
	 * Get a file that was changed while it was read.
	 *
	 * @return			path, NULL if there was none
	 */
	char *(*get_changing)(nflog_includes_t *this);

	/**
	 * Get a hash of all that was read.
	 *
	 * @return			hash
	 */
	uint64_t (*get_hash)(nflog_includes_t *this);

	/**
	 * Wipe all texts, and destroy a nflog_includes_t.
	 */
	void (*destroy)(nflog_includes_t *this);
};

/**
 * Create a nflog_includes_t instance.
 *
 * @param watch		gets to know files and directories before they are read
 * @param notes		gets a line for each file that is skipped
 * @param changing	TRUE to accept files that change while they are read, of those
 *					only complete lines are used, else reading fails
 * @param stop		reading fails once this is TRUE
 */
nflog_includes_t *nflog_includes_create(nflog_watch_t *watch,
										nflog_notes_t *notes, bool changing,
										bool *stop);

#endif /** NFLOG_INCLUDES_H_ @}*/
