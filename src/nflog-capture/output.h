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
 * @defgroup decrypt_output output
 * @{ @ingroup nflog_capture
 */

#ifndef OUTPUT_H_
#define OUTPUT_H_

#include <library.h>

typedef struct output_t output_t;

/**
 * File, FIFO or device that is written to.
 *
 * A regular file has no name, or a temporary one that is removed whenever a signal
 * can be caught, until it is complete, and then replaces that of the same name.
 * Anything else is written to directly, and never replaced.
 */
struct output_t {

	/**
	 * Write some bytes.
	 *
	 * @param data		bytes to write
	 * @return			FALSE if this or an earlier write failed
	 */
	bool (*write)(output_t *this, chunk_t data);

	/**
	 * Complete it, and put a regular file in its place.
	 *
	 * @return			FALSE if that, or a write, failed, the reason was printed
	 */
	bool (*finish)(output_t *this);

	/**
	 * Destroy an output_t, and a regular file if it was not finished.
	 */
	void (*destroy)(output_t *this);
};

/**
 * Create an output_t instance.
 *
 * Refused are directories, block devices, sockets, symbolic links that don't lead
 * to a FIFO or character device, and files that are read, by whatever name.  A
 * regular file gets readable for its owner only.  Opening a FIFO waits for its
 * reader.
 *
 * @param path		path of the file, "-" for stdout, not owned
 * @param inputs	paths of files that are read, "-" for stdin, ends with NULL
 * @return			output, NULL if that's not possible, the reason was printed
 */
output_t *output_create(char *path, char *inputs[]);

#endif /** OUTPUT_H_ @}*/
