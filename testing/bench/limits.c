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
 * Limits of the machine, without which the figures of tools say little.
 */

#define _GNU_SOURCE

#include "bench.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/** rounds, of which the fastest counts, and repetitions in each */
#define ROUNDS 5
#define CALLS 1000000
#define PAGES 65536

/** bytes to write, in all and at once, the latter fit in caches */
#define FILE_LEN (256 * 1024 * 1024)
#define WRITE_LEN (256 * 1024)

/** bytes to write at once without the page cache, as a block of the queue */
#define DIRECT_LEN (1024 * 1024)

/**
 * Measure a system call that does nothing, in ns.
 */
static double measure_call(bench_options_t *options)
{
	uint64_t begin = bench_time(CLOCK_MONOTONIC);
	u_int i;

	for (i = 0; i < CALLS; i++)
	{
		syscall(SYS_getppid);
	}
	return (double)(bench_time(CLOCK_MONOTONIC) - begin) / CALLS;
}

/**
 * Measure touching memory that was just mapped, in ns per page.
 */
static double measure_touch(bench_options_t *options)
{
	size_t page = sysconf(_SC_PAGESIZE), len = PAGES * page, i;
	uint64_t begin, time;
	uint8_t *data;

	data = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, 0,
				0);
	if (data == MAP_FAILED)
	{
		bench_fail("unable to map memory: %s", strerror(errno));
	}
	/* huge pages would hide the cost */
	madvise(data, len, MADV_NOHUGEPAGE);
	begin = bench_time(CLOCK_MONOTONIC);
	for (i = 0; i < len; i += page)
	{
		data[i] = 1;
	}
	time = bench_time(CLOCK_MONOTONIC) - begin;
	munmap(data, len);
	return (double)time / PAGES;
}

/**
 * Measure writing a packet of 1400 bytes, among many, to a file in the directory.
 *
 * @param flags		additional flags for open(2)
 * @param len		bytes to write at once
 * @return			processor time in ns, 0 if the file system does not support the flags
 */
static double measure_file(bench_options_t *options, int flags, size_t len)
{
	uint64_t begin, time;
	char path[PATH_MAX];
	void *data;
	size_t done;
	int fd;

	snprintf(path, sizeof(path), "%s/limits", options->dir);
	fd = open(path, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC | flags, 0600);
	if (fd < 0 && errno == EINVAL)
	{
		return 0;
	}
	/* whole pages, for O_DIRECT */
	data = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, 0, 0);
	if (fd < 0 || data == MAP_FAILED)
	{
		bench_fail("unable to prepare %s: %s", path, strerror(errno));
	}
	memset(data, 1, len);
	begin = bench_time(CLOCK_THREAD_CPUTIME_ID);
	for (done = 0; done < FILE_LEN; done += len)
	{
		if (write(fd, data, len) != len)
		{
			bench_fail("unable to write %s: %s", path, strerror(errno));
		}
	}
	time = bench_time(CLOCK_THREAD_CPUTIME_ID) - begin;
	close(fd);
	unlink(path);
	munmap(data, len);
	return (double)time * 1400 / FILE_LEN;
}

/**
 * Measure writing through the page cache.
 */
static double measure_write(bench_options_t *options)
{
	return measure_file(options, 0, WRITE_LEN);
}

/**
 * Measure writing past the page cache.
 */
static double measure_direct(bench_options_t *options)
{
	return measure_file(options, O_DIRECT, DIRECT_LEN);
}

static const struct {
	char *name;
	double (*measure)(bench_options_t *options);
} limits[] = {
	{ "call_ns", measure_call },
	{ "touch_ns", measure_touch },
	{ "write_ns", measure_write },
	{ "direct_ns", measure_direct },
};

/*
 * Described in header
 */
int bench_limits(bench_options_t *options)
{
	double best, current;
	int i, round;

	bench_prefer(BENCH_TOOL, FALSE);
	for (i = 0; i < countof(limits); i++)
	{
		best = limits[i].measure(options);
		for (round = 1; round < ROUNDS; round++)
		{
			current = limits[i].measure(options);
			best = min(best, current);
		}
		printf("%s%s=%.0f", i ? " " : "", limits[i].name, best);
	}
	printf("\n");
	return 0;
}
