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

#include <collections/hashtable.h>

/** limit for the bytes in a file and those it includes */
#define NFLOG_MAX_SIZE (64 << 20)

/** limit for include statements and the files they refer to, each counts as often as it
 * is read */
#define NFLOG_MAX_FILES 65536

/** limit for files that include each other, strongSwan's parser is limited by the
 * number of open files only, which usually is 1024 */
#define NFLOG_MAX_DEPTH 1000

/**
 * Reads a file, and those that it includes, as a stack of texts.
 *
 * strongSwan's parser opens whatever an include statement matches: it hangs on a FIFO,
 * and reads a file that includes itself until it runs out of file descriptors.  This
 * opens regular files only, and does not read a file within itself, which would not
 * add any setting.
 *
 * Texts may contain secrets and are wiped.  Not thread-safe.  Uses nothing that
 * strongSwan frees when it stops.
 */
struct nflog_includes_t {

	/**
	 * Include the files that match a pattern, the first one is read next.
	 *
	 * Skips what does not exist, is not a regular file, or may not be read, as
	 * strongSwan's parser does, unless it is the outermost file.
	 *
	 * @param pattern	pattern as for glob(3), relative to the current file
	 * @return			FALSE if reading failed or a limit is exceeded, see error
	 */
	bool (*include)(nflog_includes_t *this, char *pattern);

	/**
	 * Get what is left of the current file.
	 *
	 * @return			text, null-terminated, to be advanced by the caller, NULL
	 *					if there is no file left
	 */
	chunk_t *(*get_text)(nflog_includes_t *this);

	/**
	 * Get the path of the current file.
	 *
	 * @return			path, valid until next() is called, NULL if there is no file left
	 */
	char *(*get_path)(nflog_includes_t *this);

	/**
	 * Proceed to the next file, at the end of the current one.
	 *
	 * @return			FALSE if reading failed or a limit is exceeded, see error
	 */
	bool (*next)(nflog_includes_t *this);

	/**
	 * Set the error at the current position, unless there is one already.
	 *
	 * @param fmt		printf format string
	 * @return			FALSE
	 */
	bool (*fail)(nflog_includes_t *this, const char *fmt, ...);

	/**
	 * Wipe all texts, and destroy a nflog_includes_t.
	 */
	void (*destroy)(nflog_includes_t *this);

	/**
	 * Error, begins with file and line, NULL if there was none.
	 */
	char *error;

	/**
	 * TRUE if the reason of the error may have gone the next time.
	 */
	bool transient;

	/**
	 * Path of the last file that changed while it was read, NULL if none did.
	 */
	char *changing;

	/**
	 * Paths of the files that were read, char* => itself, may be replaced.
	 */
	hashtable_t *files;

	/**
	 * Hash of all texts.
	 */
	uint64_t hash;
};

/**
 * Create a nflog_includes_t instance.
 *
 * @param watch		watches files and directories from before they are read
 * @param notes		gets a line for each file that is skipped
 * @param changing	TRUE to accept files that change while they are read, of which
 *					complete lines are used, FALSE to fail
 * @param stop		set to TRUE by any thread to let reading fail
 */
nflog_includes_t *nflog_includes_create(nflog_watch_t *watch,
										nflog_notes_t *notes, bool changing,
										bool *stop);

#endif /** NFLOG_INCLUDES_H_ @}*/
