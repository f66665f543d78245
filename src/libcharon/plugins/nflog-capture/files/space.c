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

#include "space.h"
#include "options/values.h"

#include <sys/statvfs.h>

/** default disk budget */
#define MAX_TOTAL "1g"

/** share of the file system that stays free by default, and the bytes this is at most */
#define FREE_SHARE 20
#define FREE_MAX (1ULL << 30)

/** share of the budget that a file has at most, and bounds of that in bytes */
#define PIECES 16
#define MIN_PIECE (16 << 10)
#define MAX_PIECE (256 << 20)

/** how many times as much may be wanted */
#define MAX_WANTED 4

/** size of a block if it is not known, bytes */
#define BLOCK 4096

/** blocks after which a file needs more to find these: extents in the inode of ext4
 * (Documentation/filesystems/ext4/ifork.rst) */
#define DIRECT_BLOCKS 4

/** bytes to whose blocks an additional one may refer */
#define PER_INDEX (1 << 20)

/*
 * Described in header
 */
void nflog_space_get_limits(nflog_disk_limits_t *limits)
{
	char *value;

	/* invalid ones are logged when options are read */
	value = lib->settings->get_str(lib->settings, "%s.plugins.nflog-capture.max_total",
								   MAX_TOTAL, lib->ns);
	if (!nflog_values_size(value, &limits->max_total))
	{
		nflog_values_size(MAX_TOTAL, &limits->max_total);
	}
	value = lib->settings->get_str(lib->settings, "%s.plugins.nflog-capture.min_free",
								   NULL, lib->ns);
	if (!value || !nflog_values_size(value, &limits->min_free))
	{
		limits->min_free = NFLOG_MIN_FREE_DEFAULT;
	}
}

/*
 * Described in header
 */
void nflog_space_get(char *dir, nflog_disk_limits_t *limits, nflog_space_t *space)
{
	struct statvfs st;

	*space = (nflog_space_t){
		.block = BLOCK,
		.size = UINT64_MAX,
		.free = UINT64_MAX,
		.inodes = UINT64_MAX,
	};
	if (statvfs(dir, &st) != 0 || !st.f_blocks)
	{
		return;
	}
	space->block = st.f_frsize ?: BLOCK;
	space->size = (uint64_t)st.f_blocks * space->block;
	space->free = (uint64_t)st.f_bavail * space->block;
	space->min_free = limits->min_free;
	if (limits->min_free == NFLOG_MIN_FREE_DEFAULT)
	{
		space->min_free = min(space->size / FREE_SHARE, FREE_MAX);
	}
	if (st.f_files)
	{	/* Btrfs has no limit */
		space->inodes = st.f_favail;
		space->min_inodes = (double)space->min_free / space->size * st.f_files;
	}
}

/*
 * Described in header
 */
uint64_t nflog_space_get_piece(nflog_disk_limits_t *limits, nflog_space_t *space,
							   uint64_t wanted)
{
	uint64_t total = limits->max_total ? min(limits->max_total, space->size)
									   : space->size;
	uint64_t piece = min(max(total / PIECES, MIN_PIECE), MAX_PIECE);

	return wanted && wanted <= MAX_WANTED * piece ? wanted : piece;
}

/*
 * Described in header
 */
uint64_t nflog_space_get_growth(nflog_space_t *space, uint64_t given, uint64_t size)
{
	uint64_t total = (size + space->block - 1) & ~(space->block - 1);

	if (total <= given)
	{
		return 0;
	}
	if (total > DIRECT_BLOCKS * space->block)
	{
		total += space->block * (1 + (total - given) / PER_INDEX);
	}
	return total - given;
}

/*
 * Described in header
 */
nflog_lack_t nflog_space_get_lack(nflog_disk_limits_t *limits, nflog_space_t *space,
								  uint64_t used, uint64_t needed, uint64_t gain,
								  uint64_t files, uint64_t credit, bool create)
{
	uint64_t total = used + needed;

	if (limits->max_total && total - min(total, gain) > limits->max_total)
	{
		return NFLOG_LACK_BUDGET;
	}
	/* less than 2^64, as options are less than 2^63 */
	if (needed && min(space->free, INT64_MAX) + gain + credit < needed + space->min_free)
	{
		return NFLOG_LACK_BYTES;
	}
	/* of file systems without inodes, any number is left */
	if (create && min(space->inodes, INT64_MAX) + files <= space->min_inodes)
	{
		return NFLOG_LACK_INODES;
	}
	return NFLOG_LACK_NONE;
}
