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
 * @defgroup nflog_notes nflog_notes
 * @{ @ingroup nflog_capture
 *
 * What is logged once, though its reason lasts or recurs.
 */

#ifndef NFLOG_NOTES_H_
#define NFLOG_NOTES_H_

typedef struct nflog_notes_t nflog_notes_t;

#include <library.h>

/** limit for the lines that are logged after reading all files once */
#define NFLOG_MAX_NOTES 100

/** seconds after which what recurs may be logged again */
#define NFLOG_LOG_AGAIN 60

/**
 * Check if a condition is to be logged, and note that it is.
 *
 * @param logged	when it was logged last, monotonic, 0 if never, or to log it again,
 *					guarded by the caller
 * @param again		seconds after which it may be logged again, 0 for never
 * @return			TRUE if it is to be logged
 */
bool nflog_log_once(time_t *logged, u_int again);

/**
 * Lines to log after reading files, each of them once: not again after the files are
 * read the next time.
 *
 * Only log() uses the logger, so lines may be added when that might be gone already.
 * Not thread-safe.
 */
struct nflog_notes_t {

	/**
	 * Add a line, lines in excess of NFLOG_MAX_NOTES are only counted.
	 *
	 * @param fmt		printf format string, without strongSwan's conversions
	 */
	void (*add)(nflog_notes_t *this, const char *fmt, ...)
		__attribute__((format(printf, 2, 3)));

	/**
	 * Add the reason why reading failed, as the last line and regardless of the limit.
	 *
	 * @param fmt		printf format string, without strongSwan's conversions
	 */
	void (*fail)(nflog_notes_t *this, const char *fmt, ...)
		__attribute__((format(printf, 2, 3)));

	/**
	 * Begin to read files again: of the lines added from now on, those that were there
	 * the last time are not logged.
	 */
	void (*begin)(nflog_notes_t *this);

	/**
	 * Log the lines that were added since begin(), but not before.
	 */
	void (*log)(nflog_notes_t *this);

	/**
	 * Forget all lines, to log them again after files are read the next time.
	 */
	void (*forget)(nflog_notes_t *this);

	/**
	 * Destroy a nflog_notes_t.
	 */
	void (*destroy)(nflog_notes_t *this);
};

/**
 * Create a nflog_notes_t instance.
 */
nflog_notes_t *nflog_notes_create();

#endif /** NFLOG_NOTES_H_ @}*/
