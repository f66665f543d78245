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
 * Visits of many files, as a writer of traces makes them that keeps no file open: one system
 * call after the other, or as linked requests of io_uring.
 */

#define _GNU_SOURCE

#include "bench.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <liburing.h>

/** rounds, of which the fastest counts */
#define ROUNDS 5

/** files, and bytes appended to each, two packets of 100 bytes with their attributes */
#define FILES 10000
#define APPEND_LEN 300

/** files for which requests are submitted at once, and requests for each */
#define FILES_AT_ONCE 256
#define REQUESTS 3

/** flags with which a trace is opened */
#define FLAGS (O_WRONLY | O_APPEND | O_NOFOLLOW | O_CLOEXEC)

/** what to append */
static char data[APPEND_LEN];

/**
 * Get the name of a file.
 */
static char *get_name(int i)
{
	static char names[FILES][16];

	snprintf(names[i], sizeof(names[i]), "visit%d", i);
	return names[i];
}

/**
 * Append to all files by system calls.
 */
static void visit_calls(int dir)
{
	int i, fd;

	for (i = 0; i < FILES; i++)
	{
		fd = openat(dir, get_name(i), FLAGS);
		if (write(fd, data, sizeof(data)) != sizeof(data))
		{
			bench_fail("unable to write a file: %s", strerror(errno));
		}
		close(fd);
	}
}

/**
 * Queue the requests for a file, each waits for the one before.
 */
static void queue_visit(struct io_uring *ring, int dir, int file, int slot)
{
	struct io_uring_sqe *sqe;

	sqe = io_uring_get_sqe(ring);
	io_uring_prep_openat_direct(sqe, dir, get_name(file), FLAGS & ~O_CLOEXEC, 0, slot);
	sqe->flags |= IOSQE_IO_LINK;
	sqe = io_uring_get_sqe(ring);
	io_uring_prep_write(sqe, slot, data, sizeof(data), -1);
	sqe->flags |= IOSQE_FIXED_FILE | IOSQE_IO_LINK;
	sqe = io_uring_get_sqe(ring);
	io_uring_prep_close_direct(sqe, slot);
}

/**
 * Append to all files by io_uring.
 */
static void visit_ring(int dir, struct io_uring *ring)
{
	struct io_uring_cqe *cqe;
	int file, slot, i;

	for (file = 0; file < FILES; file += slot)
	{
		for (slot = 0; slot < FILES_AT_ONCE && file + slot < FILES; slot++)
		{
			queue_visit(ring, dir, file + slot, slot);
		}
		io_uring_submit_and_wait(ring, REQUESTS * slot);
		for (i = 0; i < REQUESTS * slot; i++)
		{
			if (io_uring_wait_cqe(ring, &cqe) != 0 || cqe->res < 0)
			{
				bench_fail("unable to write a file: %s", strerror(-cqe->res));
			}
			io_uring_cqe_seen(ring, cqe);
		}
	}
}

/*
 * Described in header
 */
int bench_visits(bench_options_t *options)
{
	uint64_t begin, middle, end, calls = UINT64_MAX, by_ring = UINT64_MAX;
	struct io_uring ring;
	int dir, i, err;

	dir = open(options->dir, O_DIRECTORY | O_RDONLY | O_CLOEXEC);
	err = -io_uring_queue_init(REQUESTS * FILES_AT_ONCE, &ring, 0);
	if (!err)
	{
		err = -io_uring_register_files_sparse(&ring, FILES_AT_ONCE);
	}
	if (err)
	{
		bench_fail("unable to use io_uring: %s", strerror(err));
	}
	for (i = 0; i < FILES; i++)
	{
		close(openat(dir, get_name(i), FLAGS | O_CREAT, 0600));
	}
	bench_prefer(BENCH_TOOL, FALSE);
	for (i = 0; i < ROUNDS; i++)
	{	/* of all threads, as the kernel has some of its own for io_uring */
		begin = bench_time(CLOCK_PROCESS_CPUTIME_ID);
		visit_calls(dir);
		middle = bench_time(CLOCK_PROCESS_CPUTIME_ID);
		visit_ring(dir, &ring);
		end = bench_time(CLOCK_PROCESS_CPUTIME_ID);
		calls = min(calls, middle - begin);
		by_ring = min(by_ring, end - middle);
	}
	for (i = 0; i < FILES; i++)
	{
		unlinkat(dir, get_name(i), 0);
	}
	io_uring_queue_exit(&ring);
	close(dir);
	printf("calls_ns=%.0f uring_ns=%.0f\n", (double)calls / FILES,
		   (double)by_ring / FILES);
	return 0;
}
