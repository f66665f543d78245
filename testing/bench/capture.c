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

#include "objects.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>

#include <daemon.h>

/**
 * Write the counters.
 */
static void write_summary(char *dir, nflog_counters_t *count)
{
	char path[PATH_MAX];
	FILE *file;

	snprintf(path, sizeof(path), "%s/summary", dir);
	file = fopen(path, "w");
	if (!file)
	{
		bench_fail("unable to write %s: %s", path, strerror(errno));
	}
	fprintf(file, "packets %" PRIu64 "\nlogged %" PRIu64 "\nlost %" PRIu64
			"\noverrun %" PRIu64 "\n", count->packets, count->logged,
			count->logged - count->received + count->overrun + count->refused,
			count->overrun);
	fclose(file);
}

/*
 * Described in header
 */
int bench_capture(bench_options_t *options)
{
	nflog_trace_t *traces[options->captured];
	nflog_sa_t *sas[options->captured];
	struct rlimit limit = { options->files, options->files };
	objects_t *objects;
	char label[32], name[32];
	sigset_t set;
	u_int i;
	int sig;

	if (options->files && setrlimit(RLIMIT_NOFILE, &limit) != 0)
	{
		bench_fail("unable to limit file descriptors: %s", strerror(errno));
	}
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);

	bench_init(options);
	objects = objects_create(options->lanes);
	objects->recorder = options->recorder;
	/* the sequence numbers of an SA have gaps, as those of all are consecutive */
	lib->settings->set_str(lib->settings, "%s.plugins.nflog-capture.recorder_lost", "0",
						   lib->ns);
	for (i = 0; i < options->captured; i++)
	{
		snprintf(label, sizeof(label), "net{%u}", i + 1);
		snprintf(name, sizeof(name), "net.%u.esp", i + 1);
		traces[i] = objects_trace(label, name, POINT_ESP_IN);
		sas[i] = objects_sa(i, !options->out, options->dst, traces[i], NULL);
		if (!objects->pipeline->reader->add(objects->pipeline->reader, sas[i]))
		{
			bench_fail("unable to add SA %u", i + 1);
		}
		objects->pipeline->writer->start(objects->pipeline->writer, traces[i]);
	}
	/* the parent process waits for this */
	raise(SIGSTOP);
	sigwait(&set, &sig);
	for (i = 0; i < options->captured; i++)
	{
		objects->pipeline->reader->remove(objects->pipeline->reader, sas[i]);
		objects->pipeline->writer->release(objects->pipeline->writer, traces[i]);
	}
	objects_destroy();
	write_summary(options->dir, &objects->total);
	libcharon_deinit();
	library_deinit();
	return 0;
}
