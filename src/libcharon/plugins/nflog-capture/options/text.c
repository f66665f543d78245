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

#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/*
 * Described in header
 */
int nflog_text_open(char *path, struct stat *st)
{
	int fd;

	/* just to open a device might do something */
	if (stat(path, st) == -1)
	{
		return -1;
	}
	if (!S_ISREG(st->st_mode))
	{
		errno = S_ISDIR(st->st_mode) ? EISDIR : EINVAL;
		return -1;
	}
	/* neither a FIFO that it has been replaced with meanwhile, nor what looks
	 * like a file in procfs, may keep us waiting */
	fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd != -1 && (fstat(fd, st) == -1 || !S_ISREG(st->st_mode)))
	{
		close(fd);
		errno = EINVAL;
		return -1;
	}
	return fd;
}

/*
 * Described in header
 */
int nflog_text_read(int fd, struct stat *st, chunk_t *text)
{
	struct stat after;
	size_t len = 0;
	ssize_t got;

	/* one more byte, to notice if the file grows, and to terminate the text */
	*text = chunk_alloc(st->st_size + 1);
	do
	{
		got = read(fd, text->ptr + len, text->len - len);
		len += max(got, 0);
	}
	while (len < text->len && (got > 0 || (got == -1 && errno == EINTR)));

	if (got == -1)
	{
		return errno;
	}
	if (fstat(fd, &after) == -1)
	{
		return errno;
	}
	text->len = min(len, st->st_size) + 1;
	text->ptr[text->len - 1] = '\0';
	return len != st->st_size || after.st_size != st->st_size ||
		   after.st_mtim.tv_sec != st->st_mtim.tv_sec ||
		   after.st_mtim.tv_nsec != st->st_mtim.tv_nsec ? EBUSY : 0;
}
