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
 * What adding and removing SAs costs, without packets.
 */
#define _GNU_SOURCE

#include "objects.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include <daemon.h>

/** SAs to add and remove while all others exist */
#define SAMPLES 1000

/** time to wait for traces to begin and to end, in s */
#define TIMEOUT 120

/** lifetime of a CHILD_SA of the storm, in s */
#define LIFETIME 2

/**
 * CHILD_SA, with all capture points enabled.
 */
typedef struct {
	nflog_trace_t *esp;
	nflog_trace_t *plain;
	nflog_sa_t *in;
	nflog_sa_t *out;
} child_t;

/**
 * Durations of a call, in us.
 */
typedef struct {
	double *values;
	u_int count;
} samples_t;

static objects_t *objects;

/**
 * Add a sample, for a call that began at the given time.
 */
static void add_sample(samples_t *samples, uint64_t start)
{
	if (samples)
	{
		samples->values = realloc(samples->values, (samples->count + 1) *
								  sizeof(double));
		samples->values[samples->count++] =
							(bench_time(CLOCK_MONOTONIC) - start) / 1000.0;
	}
}

/**
 * Print the distribution of samples, and remove them.
 */
static void print_samples(char *what, samples_t *samples)
{
	qsort(samples->values, samples->count, sizeof(double), bench_double_cmp);
	printf("%s_us count=%u p50=%.0f p99=%.0f max=%.0f\n", what, samples->count,
		   samples->values[samples->count / 2],
		   samples->values[samples->count * 99 / 100],
		   samples->values[samples->count - 1]);
	fflush(stdout);
	free(samples->values);
	memset(samples, 0, sizeof(*samples));
}

/**
 * Get the sum of values in a file of /proc, by the names that begin their lines, in bytes.
 */
static uint64_t get_memory(char *file, char *names[])
{
	char line[256], name[64];
	unsigned long value;
	uint64_t sum = 0;
	FILE *stream;
	int i;

	stream = fopen(file, "r");
	while (stream && fgets(line, sizeof(line), stream))
	{
		if (sscanf(line, "%63[^:]: %lu", name, &value) == 2)
		{
			for (i = 0; names[i]; i++)
			{
				sum += streq(name, names[i]) ? value * 1024 : 0;
			}
		}
	}
	if (!stream)
	{
		bench_fail("unable to read %s: %s", file, strerror(errno));
	}
	fclose(stream);
	return sum;
}

/**
 * Get the memory of the kernel that is not reclaimable, in bytes.
 */
static uint64_t get_kernel()
{
	return get_memory("/proc/meminfo",
					  (char*[]){ "SUnreclaim", "Percpu", "VmallocUsed", NULL });
}

/**
 * Get the memory of this process, in bytes.
 */
static uint64_t get_rss()
{
	return get_memory("/proc/self/status", (char*[]){ "VmRSS", NULL });
}

/**
 * Count the entries of a directory.
 */
static u_int count_entries(char *path)
{
	struct dirent *entry;
	u_int count = 0;
	DIR *dir;

	dir = opendir(path);
	while (dir && (entry = readdir(dir)))
	{
		count += entry->d_name[0] != '.';
	}
	if (dir)
	{
		closedir(dir);
	}
	return count;
}

/**
 * Add an SA, and measure that.
 */
static void add_sa(nflog_sa_t *sa, samples_t *samples)
{
	uint64_t start = bench_time(CLOCK_MONOTONIC);

	if (!objects->pipeline->reader->add(objects->pipeline->reader, sa))
	{
		bench_fail("unable to add an SA");
	}
	add_sample(samples, start);
}

/**
 * Add a CHILD_SA with the given number, as the plugin's child does.
 */
static child_t add_child(bench_options_t *options, u_int number,
						 samples_t *samples)
{
	char label[32], name[64];
	child_t child;

	snprintf(label, sizeof(label), "net{%u}", number + 1);
	snprintf(name, sizeof(name), "net.20261124T200000Z.%.8x-%.8x.esp", number,
			 number);
	child.esp = objects_trace(label, name, POINT_ESP_IN);
	snprintf(name, sizeof(name), "net.20261124T200000Z.%.8x-%.8x.plain", number,
			 number);
	child.plain = objects_trace(label, name, POINT_PLAIN_IN);
	child.in = objects_sa(number, TRUE, options->dst, child.esp, child.plain);
	child.out = objects_sa(number, FALSE, options->dst, child.esp,
						   child.plain);
	add_sa(child.in, samples);
	add_sa(child.out, samples);
	objects->pipeline->writer->start(objects->pipeline->writer, child.esp);
	objects->pipeline->writer->start(objects->pipeline->writer, child.plain);
	return child;
}

/**
 * Remove an SA, and measure that.
 */
static void remove_sa(nflog_sa_t *sa, samples_t *samples)
{
	uint64_t start = bench_time(CLOCK_MONOTONIC);

	objects->pipeline->reader->remove(objects->pipeline->reader, sa);
	add_sample(samples, start);
}

/**
 * Remove a CHILD_SA.
 */
static void remove_child(child_t *child, samples_t *samples)
{
	remove_sa(child->in, samples);
	remove_sa(child->out, samples);
	objects->pipeline->writer->release(objects->pipeline->writer, child->esp);
	objects->pipeline->writer->release(objects->pipeline->writer, child->plain);
}

/**
 * Wait until the given number of traces has ended.
 */
static void wait_ended(u_int count)
{
	uint64_t start = bench_time(CLOCK_MONOTONIC);

	while (objects->ended < count)
	{
		if (bench_time(CLOCK_MONOTONIC) - start > TIMEOUT * 1000000000ULL)
		{
			bench_fail("%u of %u traces ended", objects->ended, count);
		}
		usleep(1000);
	}
}

/**
 * Add and remove CHILD_SAs at a constant rate.
 *
 * @param first		number of the first CHILD_SA
 * @return			number of traces
 */
static u_int storm(bench_options_t *options, u_int first)
{
	u_int i, count = options->storm * options->seconds, backlog = 0,
		  ended = objects->ended, old = options->storm * LIFETIME, gone = 0;
	uint64_t start, now, due, rss = get_rss(), peak = 0;
	child_t *children = calloc(count, sizeof(child_t));
	samples_t add = {}, remove = {};

	start = bench_time(CLOCK_MONOTONIC);
	for (i = 0; i < count + old; i++)
	{
		due = start + i * 1000000000ULL / options->storm;
		now = bench_time(CLOCK_MONOTONIC);
		if (now < due)
		{
			usleep((due - now) / 1000);
		}
		if (i < count)
		{
			children[i] = add_child(options, first + i, &add);
		}
		if (i >= old)
		{
			remove_child(&children[i - old], &remove);
			gone += 2;
		}
		if (i % options->storm == 0)
		{
			backlog = max(backlog, gone - (objects->ended - ended));
			peak = max(peak, get_rss());
		}
	}
	now = bench_time(CLOCK_MONOTONIC);
	backlog = max(backlog, gone - (objects->ended - ended));
	wait_ended(ended + 2 * count);
	printf("storm wanted=%u/s got=%.0f/s backlog=%u traces, gone after %.1f s, "
		   "rss_growth=%.1f MiB\n", options->storm,
		   (count + old) * 1e9 / (now - start), backlog,
		   (bench_time(CLOCK_MONOTONIC) - now) / 1e9,
		   (max(peak, rss) - rss) / 1048576.0);
	print_samples("storm_add", &add);
	print_samples("storm_remove", &remove);
	free(children);
	return 2 * count;
}

/*
 * Described in header
 */
int bench_sas(bench_options_t *options)
{
	u_int count = options->sas / 2, i, ended = 0;
	child_t *children = calloc(count + SAMPLES, sizeof(child_t));
	samples_t add = {}, remove = {};
	uint64_t start, rss, kernel;

	bench_prefer(BENCH_ALL, options->realtime);
	bench_init(options);
	objects = objects_create(options->lanes);
	printf("idle threads=%u descriptors=%u\n", count_entries("/proc/self/task"),
		   count_entries("/proc/self/fd"));
	/* create what does not depend on the number of SAs */
	children[0] = add_child(options, 0, NULL);
	while (!children[0].plain->is_started(children[0].plain))
	{
		usleep(1000);
	}
	rss = get_rss();
	kernel = get_kernel();
	start = bench_time(CLOCK_MONOTONIC);
	for (i = 1; i < count; i++)
	{
		children[i] = add_child(options, i, &add);
	}
	printf("added sas=%u seconds=%.2f\n", 2 * (i - 1),
		   (bench_time(CLOCK_MONOTONIC) - start) / 1e9);
	print_samples("add_all", &add);
	while (!children[count - 1].plain->is_started(children[count - 1].plain))
	{
		usleep(1000);
	}
	printf("memory user=%.0f kernel=%.0f bytes/SA\n",
		   ((double)get_rss() - rss) / (2 * (count - 1)),
		   ((double)get_kernel() - kernel) / (2 * (count - 1)));
	printf("busy threads=%u descriptors=%u\n", count_entries("/proc/self/task"),
		   count_entries("/proc/self/fd"));
	bench_freeze(options, TRUE);
	for (i = count; i < count + SAMPLES / 2; i++)
	{
		children[i] = add_child(options, i, &add);
	}
	print_samples("add", &add);
	for (; i < count + SAMPLES; i++)
	{	/* replace one CHILD_SA by another */
		remove_child(&children[i - SAMPLES / 2], &remove);
		children[i] = add_child(options, i, &add);
		ended += 2;
	}
	bench_freeze(options, FALSE);
	print_samples("remove", &remove);
	print_samples("add_while_removing", &add);
	wait_ended(ended);
	if (options->storm)
	{
		ended += storm(options, count + SAMPLES);
	}
	start = bench_time(CLOCK_MONOTONIC);
	for (i = 0; i < count + SAMPLES; i++)
	{
		if (i < count || i >= count + SAMPLES / 2)
		{
			remove_child(&children[i], &remove);
			ended += 2;
		}
	}
	print_samples("remove_all", &remove);
	wait_ended(ended);
	printf("removed sas=%u seconds=%.2f\n", 2 * (count + SAMPLES / 2),
		   (bench_time(CLOCK_MONOTONIC) - start) / 1e9);
	objects_destroy();
	printf("idle threads=%u descriptors=%u\n", count_entries("/proc/self/task"),
		   count_entries("/proc/self/fd"));
	libcharon_deinit();
	library_deinit();
	free(children);
	return 0;
}
