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

#include "when.h"

#include <ctype.h>
#include <errno.h>
#include <time.h>

/**
 * Parse a fraction of a second, if there is one.
 *
 * @param pos		where it begins, receives where it ends
 * @return			microseconds
 */
static suseconds_t parse_fraction(char **pos)
{
	suseconds_t usec = 0, unit = 100000;

	if (**pos == '.')
	{
		for ((*pos)++; isdigit((u_char)**pos); (*pos)++)
		{
			usec += (**pos - '0') * unit;
			unit /= 10;
		}
	}
	return usec;
}

/**
 * Parse how long ago something was.
 */
static bool parse_ago(char *str, struct timeval *when)
{
	static const struct {
		char unit;
		time_t seconds;
	} units[] = {
		{ 's', 1 }, { 'm', 60 }, { 'h', 60 * 60 }, { 'd', 24 * 60 * 60 },
	};
	unsigned long count;
	char *end;
	int i;

	if (!isdigit((u_char)*str))
	{
		return FALSE;
	}
	count = strtoul(str, &end, 10);
	for (i = 0; i < countof(units); i++)
	{
		if (end[0] == units[i].unit && !end[1] && count < INT32_MAX)
		{
			gettimeofday(when, NULL);
			when->tv_sec -= count * units[i].seconds;
			return TRUE;
		}
	}
	return FALSE;
}

/**
 * Parse seconds since 1970.
 */
static bool parse_epoch(char *str, struct timeval *when)
{
	char *end;

	if (*str++ != '@' || !isdigit((u_char)*str))
	{
		return FALSE;
	}
	errno = 0;
	when->tv_sec = strtoll(str, &end, 10);
	if (errno)
	{
		return FALSE;
	}
	when->tv_usec = parse_fraction(&end);
	return !*end;
}

/**
 * Check that a month has such a day.
 */
static bool is_valid(struct tm *tm)
{
	struct tm day = {
		.tm_year = tm->tm_year,
		.tm_mon = tm->tm_mon,
		.tm_mday = tm->tm_mday,
	};

	timegm(&day);
	return day.tm_mon == tm->tm_mon;
}

/**
 * Parse date and time.
 */
static bool parse_date(char *str, struct timeval *when)
{
	static char *formats[] = {
		"%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M",
		"%Y-%m-%d %H:%M", "%Y-%m-%d", "%H:%M:%S", "%H:%M",
	};
	time_t now = time(NULL);
	struct tm tm;
	char *pos;
	int i;

	for (i = 0; i < countof(formats); i++)
	{
		localtime_r(&now, &tm);
		tm.tm_sec = 0;
		if (streq(formats[i], "%Y-%m-%d"))
		{
			tm.tm_hour = tm.tm_min = 0;
		}
		tm.tm_isdst = -1;
		pos = strptime(str, formats[i], &tm);
		if (!pos || !is_valid(&tm))
		{
			continue;
		}
		when->tv_usec = parse_fraction(&pos);
		when->tv_sec = *pos == 'Z' ? timegm(&tm) : mktime(&tm);
		pos += *pos == 'Z' ? 1 : 0;
		if (!*pos)
		{
			return when->tv_sec != -1;
		}
	}
	return FALSE;
}

/*
 * Described in header
 */
bool when_parse(char *str, struct timeval *when)
{
	return parse_ago(str, when) || parse_epoch(str, when) || parse_date(str, when);
}
