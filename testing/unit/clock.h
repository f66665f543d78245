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
 * A monotonic clock that tests can set ahead, to wait for nothing.
 */

#ifndef CLOCK_H_
#define CLOCK_H_

#include <library.h>

#include <time.h>

/** seconds by which the clock is ahead */
static time_t ahead;

/**
 * The clock of libstrongswan, called instead of its own.
 */
time_t time_monotonic(timeval_t *tv)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	if (tv)
	{
		tv->tv_sec = ts.tv_sec + ahead;
		tv->tv_usec = ts.tv_nsec / 1000;
	}
	return ts.tv_sec + ahead;
}

#endif /* CLOCK_H_ */
