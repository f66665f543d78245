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
 * @defgroup nflog_text nflog_text
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_TEXT_H_
#define NFLOG_TEXT_H_

#include <library.h>

#include <sys/stat.h>

/**
 * Open a regular file, nothing else is opened.
 *
 * @param st		receives its state
 * @return			file descriptor, -1 on errors, with EISDIR or EINVAL in errno
 *					for what is not a regular file
 */
int nflog_text_open(char *path, struct stat *st);

/**
 * Read all of a regular file.
 *
 * @param fd		file descriptor
 * @param st		state of the file before
 * @param text		receives the text, null-terminated (allocated), also on errors
 * @return			0, or an error number, EBUSY if the file was changed meanwhile
 */
int nflog_text_read(int fd, struct stat *st, chunk_t *text);

#endif /** NFLOG_TEXT_H_ @}*/
