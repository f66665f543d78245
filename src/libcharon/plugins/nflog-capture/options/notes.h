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
 */

#ifndef NFLOG_NOTES_H_
#define NFLOG_NOTES_H_

typedef struct nflog_notes_t nflog_notes_t;

#include <library.h>

/** lines that are logged after reading all files once */
#define NFLOG_MAX_NOTES 100

/**
 * What there is to log after reading files, each line once: not again after
 * they are read the next time.
 *
 * Only log() uses the logger, so that lines can be added when that might be gone.
 * Not thread-safe.
 */
struct nflog_notes_t {

	/**
	 * Add a line, up to NFLOG_MAX_NOTES of them, all others are counted.
	 *
	 * @param fmt		printf format string, without strongSwan's conversions
	 */
	void (*add)(nflog_notes_t *this, const char *fmt, ...)
		__attribute__((format(printf, 2, 3)));

	/**
	 * Set the line that is logged last, however many others there are.
	 *
	 * @param fmt		printf format string, without strongSwan's conversions
	 */
	void (*fail)(nflog_notes_t *this, const char *fmt, ...)
		__attribute__((format(printf, 2, 3)));

	/**
	 * Begin to read files again: lines that are added from now on are logged only if
	 * they were not there the last time.
	 */
	void (*begin)(nflog_notes_t *this);

	/**
	 * Log the lines that were added since begin() was called, for the first time.
	 */
	void (*log)(nflog_notes_t *this);

	/**
	 * Forget all lines, so that all are logged again when files are read.
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
