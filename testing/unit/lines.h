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
 * All that is logged on level 1, and how many traces of CHILD_SAs ended.
 */

#ifndef LINES_H_
#define LINES_H_

#include <pthread.h>
#include <time.h>

#include <daemon.h>

/** how long to wait for the end of all traces before the test fails, in s */
#define END_TIMEOUT 120

/** the lines that were logged on level 1, and how many traces of CHILD_SAs ended */
static char *log_lines[512];
static u_int log_count, log_ends;

/** SAs, SPIs and IKE messages that wait for their rules, on a busy machine */
static int log_missing;
static pthread_mutex_t log_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t log_cond = PTHREAD_COND_INITIALIZER;

/**
 * Keep a line.
 */
static void keep(level_t level, char *fmt, va_list args)
{
	char buf[2048];

	if (level <= LEVEL_CTRL)
	{
		vsnprintf(buf, sizeof(buf), fmt, args);
		pthread_mutex_lock(&log_mutex);
		if (log_count < countof(log_lines))
		{
			log_lines[log_count++] = strdup(buf);
		}
		log_missing += strstr(buf, "until rules are in place") != NULL;
		log_missing -= strstr(buf, "rules were missing") &&
					   strstr(buf, " ms");
		log_ends += strstr(buf, " ended: ") && strstr(buf, " of CHILD_SA ");
		pthread_cond_broadcast(&log_cond);
		pthread_mutex_unlock(&log_mutex);
	}
}

/**
 * Keep what libstrongswan logs.
 */
static void keep_lines(debug_t group, level_t level, char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	keep(level, fmt, args);
	va_end(args);
}

/**
 * Keep what is logged on the bus.
 */
static void keep_bus_lines(bus_t *bus, debug_t group, level_t level, char *fmt,
						   ...)
{
	va_list args;

	va_start(args, fmt);
	keep(level, fmt, args);
	va_end(args);
}

/**
 * Print all lines, to find out why a test failed.
 */
static void print_lines()
{
	u_int i;

	for (i = 0; i < log_count; i++)
	{
		print_error("%s\n", log_lines[i]);
	}
}

/**
 * Forget all lines.
 */
static void clear_lines()
{
	while (log_count)
	{
		free(log_lines[--log_count]);
	}
	log_ends = 0;
}

/**
 * Wait until so many traces of CHILD_SAs ended.
 */
static void wait_for_ends(u_int count)
{
	struct timespec deadline;
	bool reached;
	int err = 0;

	clock_gettime(CLOCK_REALTIME, &deadline);
	deadline.tv_sec += END_TIMEOUT;
	pthread_mutex_lock(&log_mutex);
	while (log_ends < count && !err)
	{
		err = pthread_cond_timedwait(&log_cond, &log_mutex, &deadline);
	}
	reached = log_ends == count;
	pthread_mutex_unlock(&log_mutex);
	assert_true(reached);
}

#endif /* LINES_H_ */
