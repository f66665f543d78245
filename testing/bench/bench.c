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

#define _GNU_SOURCE

#include "bench.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <linux/fs.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <daemon.h>

/*
 * Described in header
 */
uint32_t bench_spi(u_int number)
{
	/* an odd factor gives each number a different value, which looks random */
	return htonl(0xc0000000 | (number * 0x9e3779b1 & 0x0fffffff));
}

/*
 * Described in header
 */
uint64_t bench_time(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

/*
 * Described in header
 */
void bench_fail(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fprintf(stderr, "bench: ");
	vfprintf(stderr, format, args);
	fprintf(stderr, "\n");
	va_end(args);
	exit(1);
}

/*
 * Described in header
 */
void bench_prefer(int cpu, bool realtime)
{
	struct sched_param param = { .sched_priority = 1 };
	cpu_set_t set;
	long i, count = sysconf(_SC_NPROCESSORS_ONLN);
	FILE *file;

	CPU_ZERO(&set);
	for (i = 0; i < count; i++)
	{
		if (cpu == BENCH_ALL || (cpu == BENCH_TOOL ? i > 0 : i == cpu % count))
		{
			CPU_SET(i, &set);
		}
	}
	if (count > 1 && sched_setaffinity(0, sizeof(set), &set) != 0)
	{
		bench_fail("unable to set the processor: %s", strerror(errno));
	}
	/* the kernel may share processors among sessions first, each has its priority */
	setsid();
	file = fopen("/proc/self/autogroup", "w");
	if (file)
	{
		fprintf(file, "-20\n");
		fclose(file);
	}
	if (setpriority(PRIO_PROCESS, 0, -20) != 0 ||
		(realtime && sched_setscheduler(0, SCHED_RR, &param) != 0))
	{
		bench_fail("unable to set the priority: %s", strerror(errno));
	}
}

/*
 * Described in header
 */
void bench_freeze(bench_options_t *options, bool on)
{
	int fd;

	if (options->freeze)
	{
		fd = open(options->freeze, O_RDONLY | O_CLOEXEC);
		if (fd < 0 || ioctl(fd, on ? FIFREEZE : FITHAW, 0) != 0)
		{
			bench_fail("unable to freeze %s: %s", options->freeze,
					   strerror(errno));
		}
		close(fd);
	}
}

/*
 * Described in header
 */
int bench_double_cmp(const void *a, const void *b)
{
	double x = *(double*)a, y = *(double*)b;

	return x < y ? -1 : x > y;
}

/*
 * Described in header
 */
void bench_init(bench_options_t *options)
{
	char path[PATH_MAX];
	FILE *file;

	/* empty, so the machine's does not matter */
	snprintf(path, sizeof(path), "%s/strongswan.conf", options->dir);
	file = fopen(path, "a");
	if (!file)
	{
		bench_fail("unable to write %s: %s", path, strerror(errno));
	}
	fclose(file);
	if (!library_init(path, "bench") || !libcharon_init())
	{
		bench_fail("unable to initialize libcharon");
	}
	lib->settings->set_str(lib->settings, "bench.plugins.nflog-capture.dir",
						   options->dir);
	lib->settings->set_str(lib->settings,
						   "bench.plugins.nflog-capture.max_total", "100g");
	lib->settings->set_int(lib->settings, "bench.plugins.nflog-capture.group",
						   options->group);
}

static const struct option longopts[] = {
	{ "dst", required_argument, NULL, 'd' },
	{ "rate", required_argument, NULL, 'r' },
	{ "count", required_argument, NULL, 'c' },
	{ "senders", required_argument, NULL, 'p' },
	{ "size", required_argument, NULL, 's' },
	{ "sas", required_argument, NULL, 'n' },
	{ "captured", required_argument, NULL, 'm' },
	{ "out", no_argument, NULL, 'o' },
	{ "dir", required_argument, NULL, 'D' },
	{ "netns", required_argument, NULL, 'N' },
	{ "inject", no_argument, NULL, 'i' },
	{ "group", required_argument, NULL, 'g' },
	{ "lanes", required_argument, NULL, 'l' },
	{ "rules", no_argument, NULL, 'R' },
	{ "files", required_argument, NULL, 'f' },
	{ "recorder", required_argument, NULL, 'B' },
	{ "freeze", required_argument, NULL, 'F' },
	{ "busy", required_argument, NULL, 'b' },
	{ "realtime", no_argument, NULL, 'T' },
	{ "exact", no_argument, NULL, 'e' },
	{ "storm", required_argument, NULL, 'S' },
	{ "seconds", required_argument, NULL, 't' },
	{ "cbc", no_argument, NULL, 'C' },
	{ NULL, 0, NULL, 0 },
};

static const struct {
	char *name;
	int (*run)(bench_options_t *options);
} commands[] = {
	{ "capture", bench_capture },
	{ "count", bench_count },
	{ "trial", bench_trial },
	{ "sas", bench_sas },
	{ "esp", bench_esp },
	{ "write", bench_write },
	{ "limits", bench_limits },
	{ "visits", bench_visits },
	{ "drops", bench_drops },
};

/**
 * Print usage, and exit.
 */
static void __attribute__((noreturn)) usage()
{
	fprintf(stderr,
		"usage: bench capture|count|trial|sas|esp|write|limits|visits|drops [options] "
		"[-- tool...]\n"
		"  trial    send packets while the tool captures them\n"
		"  capture  the plugin as a tool\n"
		"  count    a tool that only counts\n"
		"  sas      add and remove SAs\n"
		"  esp      write a trace to be decrypted\n"
		"  write    a tool that writes with as little work as possible\n"
		"  limits   limits of the machine\n"
		"  visits   visits of many files, by system calls and by io_uring\n"
		"  drops    a flood of packets that the kernel drops\n"
		"see bench.h for the options\n");
	exit(2);
}

/**
 * Parse a number.
 */
static u_int number(const char *arg)
{
	unsigned long value;
	char *end;

	value = strtoul(arg, &end, 10);
	if (*arg < '0' || *arg > '9' || *end || value > UINT32_MAX)
	{
		bench_fail("'%s' is not a number", arg);
	}
	return value;
}

int main(int argc, char *argv[])
{
	bench_options_t options = {
		.dst = "10.9.0.1",
		.size = 1400,
		.senders = 1,
		.sas = 1,
		.captured = UINT32_MAX,
		.dir = ".",
		.group = 4500,
		.seconds = 10,
	};
	int i, opt;

	while ((opt = getopt_long(argc, argv, "", longopts, NULL)) != -1)
	{
		switch (opt)
		{
			case 'd': options.dst = optarg; break;
			case 'r': options.rate = number(optarg); break;
			case 'c': options.count = number(optarg); break;
			case 'p': options.senders = number(optarg); break;
			case 's': options.size = number(optarg); break;
			case 'n': options.sas = number(optarg); break;
			case 'm': options.captured = number(optarg); break;
			case 'o': options.out = TRUE; break;
			case 'D': options.dir = optarg; break;
			case 'N': options.netns = optarg; break;
			case 'i': options.inject = TRUE; break;
			case 'g': options.group = number(optarg); break;
			case 'l': options.lanes = number(optarg); break;
			case 'R': options.rules = TRUE; break;
			case 'f': options.files = number(optarg); break;
			case 'B': options.recorder = number(optarg); break;
			case 'F': options.freeze = optarg; break;
			case 'b': options.busy = number(optarg); break;
			case 'T': options.realtime = TRUE; break;
			case 'e': options.exact = TRUE; break;
			case 'S': options.storm = number(optarg); break;
			case 't': options.seconds = number(optarg); break;
			case 'C': options.cbc = TRUE; break;
			default: usage();
		}
	}
	if (optind == argc || !options.sas || !options.senders ||
		options.size < 20 + sizeof(probe_t) || options.size > 65535)
	{
		usage();
	}
	options.captured = min(options.captured, options.sas);
	options.tool = argv + optind + 1;
	for (i = 0; i < countof(commands); i++)
	{
		if (streq(argv[optind], commands[i].name))
		{
			return commands[i].run(&options);
		}
	}
	usage();
}
