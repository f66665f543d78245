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

#define _GNU_SOURCE

#include "fuzz.h"

#include <sys/mman.h>
#include <unistd.h>

/**
 * OpenSSL keeps what it allocates when it is loaded.
 */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:libcrypto";
}

/**
 * Format what is logged, as a logger does, and drop it.
 */
static void dbg_none(debug_t group, level_t level, char *fmt, ...)
{
	char buf[2048];
	va_list args;

	va_start(args, fmt);
	vsnprintf(buf, sizeof(buf), fmt, args);
	va_end(args);
}

void fuzz_init()
{
	dbg = dbg_none;
	if (!library_init("", "fuzz") ||
		!lib->plugins->load(lib->plugins, "aes sha1 sha2 hmac gcm openssl nonce random"))
	{
		abort();
	}
}

int fuzz_file(chunk_t content, char *path)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	if (fd < 0 || write(fd, content.ptr, content.len) != content.len)
	{
		abort();
	}
	snprintf(path, FUZZ_PATH, "/proc/self/fd/%d", fd);
	return fd;
}

bool fuzz_next(chunk_t *input, chunk_t *record)
{
	size_t len;

	if (input->len < 2)
	{
		return FALSE;
	}
	len = untoh16(input->ptr);
	*input = chunk_skip(*input, 2);
	*record = chunk_clone(chunk_create(input->ptr, min(len, input->len)));
	*input = chunk_skip(*input, record->len);
	return TRUE;
}
