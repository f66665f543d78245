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
/*
 * What tests of secrets share: a look into the memory of the process.
 */

#ifndef OWN_MEMORY_H_
#define OWN_MEMORY_H_

#include <fcntl.h>
#include <inttypes.h>

/** bytes of the longest secret, with which it is masked while it must not be in memory, and
 * of the largest mapping that is looked at: shadow memory of sanitizers is larger */
#define MEMORY_MAX_SECRET 64
#define MEMORY_MASK 0x5a
#define MEMORY_MAX_MAPPING ((uint64_t)256 << 20)

/** where a secret was found last, to be printed by a test that fails */
static uint64_t memory_place;
static char memory_mapping[512];

/**
 * Mask a secret, so that it is not found where it is masked.
 */
static inline void memory_mask(uint8_t *masked, uint8_t *secret, size_t len)
{
	/* one byte after the other, so that no vector register has the secret */
	volatile uint8_t *out = masked;
	size_t i;

	for (i = 0; i < len; i++)
	{
		out[i] = secret[i] ^ MEMORY_MASK;
	}
}

/**
 * Count a masked secret in a part of the memory, which is read from /proc.
 */
static inline u_int memory_count_part(int fd, uint64_t begin, uint64_t end,
									  uint8_t *masked, size_t len)
{
	static uint8_t buf[65536];
	uint64_t pos = begin;
	u_int count = 0;
	ssize_t got, i;
	size_t j;

	while (pos < end)
	{
		got = pread(fd, buf, min(sizeof(buf), end - pos), pos);
		if (got < (ssize_t)len)
		{
			break;
		}
		for (i = 0; i + (ssize_t)len <= got; i++)
		{
			for (j = 0; j < len && (buf[i + j] ^ MEMORY_MASK) == masked[j]; j++)
			{
				/* compare bytes */
			}
			if (j == len)
			{
				memory_place = pos + i;
				count++;
			}
		}
		pos += got == sizeof(buf) ? got - len + 1 : got;
	}
	memwipe(buf, sizeof(buf));
	return count;
}

/**
 * Count how often a secret is in the memory of the process that can be written.
 *
 * @param masked	secret, as memory_mask() masked it
 */
static inline u_int memory_count(uint8_t *masked, size_t len)
{
	uint64_t begin, end;
	char text[512], perm[5];
	u_int count = 0, found;
	FILE *maps;
	int fd;

	fd = open("/proc/self/mem", O_RDONLY);
	maps = fopen("/proc/self/maps", "r");
	assert_true(fd >= 0 && maps);
	while (fgets(text, sizeof(text), maps))
	{
		if (sscanf(text, "%" SCNx64 "-%" SCNx64 " %4s", &begin, &end, perm) == 3 &&
			strpfx(perm, "rw") && end - begin < MEMORY_MAX_MAPPING)
		{
			found = memory_count_part(fd, begin, end, masked, len);
			if (found)
			{
				strcpy(memory_mapping, text);
			}
			count += found;
		}
	}
	fclose(maps);
	close(fd);
	return count;
}

#endif /* OWN_MEMORY_H_ */
