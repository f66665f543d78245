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
 * @defgroup nflog_whole nflog_whole
 * @{ @ingroup nflog_capture
 *
 * Finds the end of the last whole record in a pcap or pcapng file.
 */

#ifndef NFLOG_WHOLE_H_
#define NFLOG_WHOLE_H_

#include <library.h>

/**
 * Get the bytes of a file up to the end of its last whole record.
 *
 * A part of a record follows there if the process that wrote it was killed, or zeros if power
 * was lost, after the file system stored the size of the file, but not its content.
 *
 * @param fd		file descriptor of a file in the byte order of this machine
 * @param size		bytes in the file
 * @param stop		greater than 0 to stop, only accessed with functions of refcount_t
 * @return			bytes, 0 if not even its header is there, -1 if the file is of another
 *					format, is damaged elsewhere than at its end, can't be read, or on stop
 */
off_t nflog_whole_get(int fd, off_t size, refcount_t *stop);

#endif /** NFLOG_WHOLE_H_ @}*/
