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
 * @defgroup nflog_space nflog_space
 * @{ @ingroup nflog_capture
 *
 * How much of the disk may be used: the options max_total and min_free, and what is free.
 */

#ifndef NFLOG_SPACE_H_
#define NFLOG_SPACE_H_

typedef struct nflog_space_t nflog_space_t;
typedef struct nflog_disk_limits_t nflog_disk_limits_t;
typedef enum nflog_lack_t nflog_lack_t;

#include <library.h>

/** value of min_free if the option is not set: a share of the file system, up to a limit */
#define NFLOG_MIN_FREE_DEFAULT UINT64_MAX

/**
 * What there is not enough of.
 */
enum nflog_lack_t {
	NFLOG_LACK_NONE = 0,
	/** of the disk budget, max_total */
	NFLOG_LACK_BUDGET,
	/** of bytes on the disk, min_free */
	NFLOG_LACK_BYTES,
	/** of inodes on the disk, min_free */
	NFLOG_LACK_INODES,
};

/**
 * Limits on the use of the disk, as options set them.
 */
struct nflog_disk_limits_t {
	/** bytes that all files may have, 0 for no limit */
	uint64_t max_total;
	/** bytes of the file system to leave free, or NFLOG_MIN_FREE_DEFAULT */
	uint64_t min_free;
};

/**
 * A file system, as it is now.
 */
struct nflog_space_t {
	/** bytes in a block, a power of two */
	uint64_t block;
	/** bytes of the file system, and those that are free for charon's user */
	uint64_t size, free;
	/** inodes that are free, UINT64_MAX if it has no limit on them */
	uint64_t inodes;
	/** bytes and inodes of these that are to stay free, inodes in the same proportion */
	uint64_t min_free, min_inodes;
};

/**
 * Read the options.
 *
 * @param limits	receives them
 */
void nflog_space_get_limits(nflog_disk_limits_t *limits);

/**
 * Look at the file system of a directory.
 *
 * @param dir		path of the directory
 * @param limits	limits
 * @param space		receives what is there, without limits if the directory does not exist
 */
void nflog_space_get(char *dir, nflog_disk_limits_t *limits, nflog_space_t *space);

/**
 * Get the bytes that a file should have at most, so that the oldest one can be removed
 * without losing much: a sixteenth of what all may have, 16 KiB to 256 MiB.
 *
 * @param wanted	bytes that are wanted, which is fine up to four times as much, 0 for any
 */
uint64_t nflog_space_get_piece(nflog_disk_limits_t *limits, nflog_space_t *space,
							   uint64_t wanted);

/**
 * Get the bytes that the disk may give to a file that grows, at most.
 *
 * @param given		bytes that it has given
 * @param size		size of the file in bytes then
 */
uint64_t nflog_space_get_growth(nflog_space_t *space, uint64_t given, uint64_t size);

/**
 * Check what there is not enough of.
 *
 * @param used		bytes that all files have
 * @param needed	bytes that they need in addition
 * @param gain		bytes that removing files would gain
 * @param files		number of these
 * @param credit	bytes of removed files that the file system may not have freed yet
 * @param create	TRUE if a file is to be created
 */
nflog_lack_t nflog_space_get_lack(nflog_disk_limits_t *limits, nflog_space_t *space,
								  uint64_t used, uint64_t needed, uint64_t gain,
								  uint64_t files, uint64_t credit, bool create);

#endif /** NFLOG_SPACE_H_ @}*/
