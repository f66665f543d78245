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
 * @defgroup nflog_secret nflog_secret
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_SECRET_H_
#define NFLOG_SECRET_H_

typedef struct nflog_secret_text_t nflog_secret_text_t;

#include <utils/chunk.h>

/** bytes of memory with secrets that are locked at most, RLIMIT_MEMLOCK may allow fewer */
#define NFLOG_SECRET_MAX_LOCKED (8 * 1024 * 1024)

/**
 * Memory for keys, and for files that may have secrets.
 *
 * It is on pages of its own, which are locked in memory (mlock(2)), as far as
 * RLIMIT_MEMLOCK allows, left out of core dumps (madvise(2)), and wiped when it is freed.
 * Nothing is ever moved without being wiped where it was.
 *
 * If no more memory can be locked, this is logged once, and the memory is used as it is.
 *
 * All functions may be called by any thread, and take constant time, but for that to wipe.
 */

/**
 * Allocate memory.
 *
 * @param len		number of bytes
 * @return			memory, zeroed, NULL if there is none
 */
void *nflog_secret_alloc(size_t len);

/**
 * Wipe and free memory.
 *
 * @param secret	memory from nflog_secret_alloc(), or NULL
 */
void nflog_secret_free(void *secret);

/**
 * Copy secrets without vector registers, which the dynamic linker and signal handlers save
 * on the stack: memcpy() leaves its last bytes there.
 *
 * @param to		where to, must not overlap
 * @param from		where from
 * @param len		number of bytes
 */
void nflog_secret_copy(void *to, const void *from, size_t len);

/**
 * Clone a chunk.
 *
 * @param data		chunk to copy
 * @return			copy, to be freed with nflog_secret_clear(), empty if there is no memory
 */
chunk_t nflog_secret_clone(chunk_t data);

/**
 * Wipe and free the data of a chunk, and make it empty.
 *
 * @param data		chunk, the beginning of memory from nflog_secret_alloc(), or empty
 */
void nflog_secret_clear(chunk_t *data);

/**
 * Read all of a file.
 *
 * @param fd		file, at its beginning
 * @param data		receives the content, to be freed with nflog_secret_clear()
 * @return			FALSE on failure, with errno set
 */
bool nflog_secret_read(int fd, chunk_t *data);

/**
 * Get the bytes that are allocated.
 *
 * @param locked	receives the bytes of all pages that are locked, or NULL
 * @return			bytes that were requested, and not freed yet
 */
size_t nflog_secret_get_size(size_t *locked);

/**
 * Text with secrets that is put together, begin with an empty one ({}).
 */
struct nflog_secret_text_t {
	/** null-terminated text, from nflog_secret_alloc(), NULL if it is empty */
	char *text;
	/** its length, and how much fits in without a null byte */
	size_t len, size;
	/** TRUE if memory was missing */
	bool failed;
};

/**
 * Append formatted text.
 *
 * @param text		text to append to
 * @param fmt		format, printf() leaves its arguments on the stack, so no secrets
 */
void nflog_secret_printf(nflog_secret_text_t *text, const char *fmt, ...);

/**
 * Append data as it is.
 *
 * @param text		text to append to
 * @param data		data, without null bytes
 */
void nflog_secret_append(nflog_secret_text_t *text, chunk_t data);

/**
 * Append data in lower-case hex digits.
 *
 * @param text		text to append to
 * @param data		data
 */
void nflog_secret_append_hex(nflog_secret_text_t *text, chunk_t data);

/**
 * Take the text over.
 *
 * @param text		text, gets empty
 * @return			text, to be freed with nflog_secret_free(), NULL if it is empty, or if
 *					memory was missing
 */
char *nflog_secret_take(nflog_secret_text_t *text);

/**
 * Copy a text.
 *
 * @param data		text, without null bytes
 * @return			null-terminated copy, as from nflog_secret_take()
 */
char *nflog_secret_copy_text(chunk_t data);

#endif /** NFLOG_SECRET_H_ @}*/
