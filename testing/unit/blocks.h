/*
 * What a directory has of the disk, counted independently of what is tested.
 */

#ifndef BLOCKS_H_
#define BLOCKS_H_

#include <ftw.h>
#include <stdint.h>
#include <sys/stat.h>

/** bytes that were counted so far */
static uint64_t blocks_sum;

static inline int blocks_add(const char *path, const struct stat *st, int type,
							 struct FTW *ftw)
{
	blocks_sum += (uint64_t)st->st_blocks * 512;
	return 0;
}

/**
 * Get the bytes that the disk has given to a directory, and all in it, 0 if there is none.
 */
static inline uint64_t blocks_used(char *path)
{
	blocks_sum = 0;
	nftw(path, blocks_add, 16, FTW_PHYS);
	return blocks_sum;
}

#endif /* BLOCKS_H_ */
