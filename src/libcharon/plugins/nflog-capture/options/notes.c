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

#include "notes.h"

#include <stdarg.h>
#include <stdio.h>

#include <collections/array.h>

typedef struct private_nflog_notes_t private_nflog_notes_t;

/**
 * Private data.
 */
struct private_nflog_notes_t {

	/**
	 * Public interface.
	 */
	nflog_notes_t public;

	/**
	 * Lines added since begin() was called, and before, char*.
	 */
	array_t *lines, *former;

	/**
	 * Number of lines in excess of the limit that were not added.
	 */
	u_int excess;
};

/*
 * Described in header
 */
bool nflog_log_once(time_t *logged, u_int again)
{
	time_t now = time_monotonic(NULL);

	if (*logged && (!again || now - *logged < again))
	{
		return FALSE;
	}
	*logged = max(now, 1);
	return TRUE;
}

/**
 * Check if a line is among others.
 */
static bool contains(array_t *lines, char *line)
{
	char *other;
	int i;

	for (i = 0; i < array_count(lines); i++)
	{
		array_get(lines, i, &other);
		if (streq(line, other))
		{
			return TRUE;
		}
	}
	return FALSE;
}

/**
 * Add a line, unless it is there already.
 */
static void add_line(private_nflog_notes_t *this, char *line)
{
	if (contains(this->lines, line))
	{
		free(line);
		return;
	}
	array_insert(this->lines, ARRAY_TAIL, line);
}

/**
 * Add the number of lines in excess of the limit, if any.
 */
static void add_excess(private_nflog_notes_t *this)
{
	char *line;

	if (this->excess && asprintf(&line, "found %u more errors in the options",
								 this->excess) >= 0)
	{
		add_line(this, line);
	}
	this->excess = 0;
}

METHOD(nflog_notes_t, add, void,
	private_nflog_notes_t *this, const char *fmt, ...)
{
	va_list args;
	char *line;

	if (array_count(this->lines) >= NFLOG_MAX_NOTES)
	{
		this->excess++;
		return;
	}
	va_start(args, fmt);
	if (vasprintf(&line, fmt, args) >= 0)
	{
		add_line(this, line);
	}
	va_end(args);
}

METHOD(nflog_notes_t, fail, void,
	private_nflog_notes_t *this, const char *fmt, ...)
{
	va_list args;
	char *line;

	add_excess(this);
	va_start(args, fmt);
	if (vasprintf(&line, fmt, args) >= 0)
	{
		add_line(this, line);
	}
	va_end(args);
}

METHOD(nflog_notes_t, begin, void,
	private_nflog_notes_t *this)
{
	array_destroy_function(this->former, (void*)free, NULL);
	this->former = this->lines;
	this->lines = array_create(0, 0);
	this->excess = 0;
}

METHOD(nflog_notes_t, log_, void,
	private_nflog_notes_t *this)
{
	char *line;
	int i;

	add_excess(this);
	for (i = 0; i < array_count(this->lines); i++)
	{
		array_get(this->lines, i, &line);
		if (!contains(this->former, line))
		{
			DBG1(DBG_CFG, "nflog-capture: %s", line);
		}
	}
}

METHOD(nflog_notes_t, forget, void,
	private_nflog_notes_t *this)
{
	begin(this);
	begin(this);
}

METHOD(nflog_notes_t, destroy, void,
	private_nflog_notes_t *this)
{
	array_destroy_function(this->lines, (void*)free, NULL);
	array_destroy_function(this->former, (void*)free, NULL);
	free(this);
}

/*
 * Described in header
 */
nflog_notes_t *nflog_notes_create()
{
	private_nflog_notes_t *this;

	INIT(this,
		.public = {
			.add = _add,
			.fail = _fail,
			.begin = _begin,
			.log = _log_,
			.forget = _forget,
			.destroy = _destroy,
		},
		.lines = array_create(0, 0),
		.former = array_create(0, 0),
	);
	return &this->public;
}
