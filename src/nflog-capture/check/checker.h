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
 * @defgroup nflog_checker checker
 * @{ @ingroup nflog_capture
 */

#ifndef CHECKER_H_
#define CHECKER_H_

#include <stdio.h>

#include <library.h>
#include <collections/hashtable.h>

typedef struct checker_t checker_t;
typedef struct finding_t finding_t;

/**
 * Something that is wrong.
 */
struct finding_t {
	/** path of the file or directory */
	char *path;
	/** kind of the finding, a word for programs */
	const char *kind;
	/** what is wrong, and what to do */
	char *text;
	const char *remedy;
	/** TRUE if it was repaired */
	bool repaired;
};

/**
 * Callback for findings.
 *
 * @param data		data, as passed to checker_create()
 * @param finding	finding, valid during the call
 */
typedef void (*checker_cb_t)(void *data, finding_t *finding);

/**
 * Checks directories with traces.
 */
struct checker_t {

	/**
	 * Check a directory, of all connections or of one.
	 *
	 * @param dir		path of the directory
	 * @return			FALSE if it can't be read, the reason was printed
	 */
	bool (*check)(checker_t *this, char *dir);

	/**
	 * Destroy a checker_t.
	 */
	void (*destroy)(checker_t *this);
};

/**
 * Create a checker_t instance.
 *
 * @param repair	TRUE to repair what can be repaired, but no file that a charon writes
 * @param cb		gets findings
 * @param data		data to pass to cb
 */
checker_t *checker_create(bool repair, checker_cb_t cb, void *data);

/**
 * Result of reading a trace to its end.
 */
typedef struct {
	/** bytes up to the end of the last whole packet, 0 if not even the header is */
	uint64_t end;
	/** why it can't be read to its end, NULL if it can */
	const char *reason;
	/** TRUE if it ends within a packet or the header, so the rest is of no use */
	bool torn;
	/** TRUE for each SPI in its name if it has packets that need keys */
	bool needs_keys[2];
	/** TRUE if it is compressed, so only decrypt reads it */
	bool compressed;
} check_trace_t;

/**
 * Read a trace to its end.
 *
 * @param path		path of the file
 * @param spis		SPIs in its name
 * @param result	receives the result
 * @return			FALSE if it can't be opened, the reason was printed
 */
bool check_trace(char *path, uint64_t spis[2], check_trace_t *result);

/**
 * SPIs that a key table has, and lines that are wrong.
 */
typedef struct {
	/** SPIs as in the names of traces, char* => char*, both owned */
	hashtable_t *spis;
	/** number of the first line that can't be used, 0 if there is none, and of all */
	u_int line, wrong;
} check_keys_t;

/**
 * Read a key table.
 *
 * @param file		file to read, gets closed
 * @param result	receives the result
 * @return			FALSE on errors, see errno
 */
bool check_keys(FILE *file, check_keys_t *result);

/**
 * Free the SPIs of a key table.
 */
void check_keys_clear(check_keys_t *result);

#endif /** CHECKER_H_ @}*/
