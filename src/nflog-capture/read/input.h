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
 * @defgroup decrypt_input input
 * @{ @ingroup nflog_capture
 */

#ifndef INPUT_H_
#define INPUT_H_

#include <library.h>

typedef struct input_t input_t;

/** most bytes that peek() returns */
#define INPUT_MAX_PEEK (16 * 1024 * 1024 + 4096)

/**
 * The bytes of a file, decompressed if it is one of gzip, several times if needed.
 *
 * Bytes that are appended to the file after the input was created are not read.  A pipe
 * is copied to a temporary file without a name first.
 */
struct input_t {

	/**
	 * Get the next bytes, without going on.
	 *
	 * @param len		number of bytes, INPUT_MAX_PEEK at most
	 * @return			bytes, valid until the next call, fewer at the end of the file or
	 *					on errors
	 */
	chunk_t (*peek)(input_t *this, size_t len);

	/**
	 * Go on.
	 *
	 * @param len		number of bytes to skip
	 * @return			FALSE if there are fewer
	 */
	bool (*skip)(input_t *this, uint64_t len);

	/**
	 * Check if the file is compressed, while it is open.
	 */
	bool (*is_compressed)(input_t *this);

	/**
	 * Get the number of bytes that were skipped.
	 */
	uint64_t (*get_position)(input_t *this);

	/**
	 * Go back to the first byte.
	 *
	 * @return			FALSE on errors, the reason was printed
	 */
	bool (*rewind)(input_t *this);

	/**
	 * Close the file until rewind() is called.
	 */
	void (*close)(input_t *this);

	/**
	 * Get the error that ended reading.
	 *
	 * @return			error, NULL for none
	 */
	const char *(*get_error)(input_t *this);

	/**
	 * Destroy a input_t.
	 */
	void (*destroy)(input_t *this);
};

/**
 * Open a file, to be read from its first byte on.
 *
 * @param path		path of the file, a FIFO or another pipe, "-" for stdin, not
 *					owned
 * @return			input, NULL if it can't be read, the reason was printed
 */
input_t *input_create(char *path);

/**
 * Print why a file can't be opened.
 *
 * @param path		path of the file
 * @param reason	reason
 * @return			FALSE
 */
bool input_refuse(char *path, const char *reason);

#endif /** INPUT_H_ @}*/
