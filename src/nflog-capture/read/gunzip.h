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
 * @defgroup decrypt_gunzip gunzip
 * @{ @ingroup nflog_capture
 */

#ifndef GUNZIP_H_
#define GUNZIP_H_

#include <library.h>

typedef struct gunzip_t gunzip_t;

/**
 * Callback to read compressed bytes.
 *
 * @param data		data, as passed to gunzip_create()
 * @param buf		receives bytes
 * @param len		size of buf
 * @return			number of bytes, 0 at the end, -1 on errors, see errno
 */
typedef ssize_t (*gunzip_read_t)(void *data, void *buf, size_t len);

/**
 * Decompresses a gzip file, which may consist of several that were concatenated.
 */
struct gunzip_t {

	/**
	 * Read decompressed bytes.
	 *
	 * @param buf		receives bytes
	 * @param len		size of buf
	 * @return			number of bytes, 0 at the end, -1 on errors, errno is EBADMSG if
	 *					the file is damaged, or ends too early
	 */
	ssize_t (*read)(gunzip_t *this, void *buf, size_t len);

	/**
	 * Destroy a gunzip_t.
	 */
	void (*destroy)(gunzip_t *this);
};

/**
 * Check if a file begins like one of gzip.
 *
 * @param begin		first bytes of the file, two at least
 */
bool gunzip_is_gzip(chunk_t begin);

/**
 * Create a gunzip_t instance.
 *
 * @param read		reads compressed bytes
 * @param data		data to pass to it
 * @return			NULL if the program was built without zlib
 */
gunzip_t *gunzip_create(gunzip_read_t read, void *data);

#endif /** GUNZIP_H_ @}*/
