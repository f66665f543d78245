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
 * File, FIFO or character device that is written to.
 *
 * A regular file replaces that of the same name once it is complete.  Until then it has
 * no name, or a temporary one, which is removed on all signals that can be caught.  A
 * FIFO or device is written to directly, and never replaced.
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
	 * Complete the output, and give a regular file its name.
	 *
	 * @return			FALSE if that or a write failed, the reason was printed
	 */
	bool (*finish)(output_t *this);

	/**
	 * Destroy an output_t, remove a regular file that was not finished.
	 */
	void (*destroy)(output_t *this);
};

/**
 * Create an output_t instance.
 *
 * Refuses directories, block devices, sockets, symbolic links that don't lead to a FIFO
 * or character device, and files that are read, by whatever name.  Only its owner can
 * read a regular file.  Opening a FIFO waits for its reader.
 *
 * @param path		path of the file, "-" for stdout, not owned
 * @param inputs	paths of files that are read, "-" for stdin, NULL-terminated
 * @return			output, NULL if refused or on errors, the reason was printed
 */
output_t *output_create(char *path, char *inputs[]);

/**
 * Check that a file is none of those that are read, by whatever name.
 *
 * @param path		path of the file, may not exist
 * @param inputs	paths of files that are read, "-" for stdin, NULL-terminated
 * @return			FALSE if it is one of these, which was printed
 */
bool output_is_other(char *path, char *inputs[]);

#endif /** OUTPUT_H_ @}*/
