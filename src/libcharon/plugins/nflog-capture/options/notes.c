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
	 * Lines that were added since begin() was called, char*.
	 */
	array_t *lines;

	/**
	 * Lines that were added before, char*.
	 */
	array_t *former;

	/**
	 * Lines that were too many, since and before.
	 */
	u_int more, former_more;

	/**
	 * Lines that are logged last, since and before, NULL if none.
	 */
	char *error, *former_error;
};

/**
 * Is a line one of some others?
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
 * Destroy lines.
 */
static void destroy_lines(array_t *lines)
{
	array_destroy_function(lines, (void*)free, NULL);
}

METHOD(nflog_notes_t, add, void,
	private_nflog_notes_t *this, const char *fmt, ...)
{
	va_list args;
	char *line;
	int len;

	if (array_count(this->lines) == NFLOG_MAX_NOTES)
	{
		this->more++;
		return;
	}
	va_start(args, fmt);
	len = vasprintf(&line, fmt, args);
	va_end(args);
	if (len >= 0 && !contains(this->lines, line))
	{
		array_insert(this->lines, ARRAY_TAIL, line);
	}
	else if (len >= 0)
	{
		free(line);
	}
}

METHOD(nflog_notes_t, fail, void,
	private_nflog_notes_t *this, const char *fmt, ...)
{
	va_list args;

	free(this->error);
	va_start(args, fmt);
	if (vasprintf(&this->error, fmt, args) < 0)
	{
		this->error = strdup(fmt);
	}
	va_end(args);
}

METHOD(nflog_notes_t, begin, void,
	private_nflog_notes_t *this)
{
	destroy_lines(this->former);
	this->former = this->lines;
	this->lines = array_create(0, 0);
	this->former_more = this->more;
	this->more = 0;
	free(this->former_error);
	this->former_error = this->error;
	this->error = NULL;
}

METHOD(nflog_notes_t, log_, void,
	private_nflog_notes_t *this)
{
	char *line;
	int i;

	for (i = 0; i < array_count(this->lines); i++)
	{
		array_get(this->lines, i, &line);
		if (!contains(this->former, line))
		{
			DBG1(DBG_CFG, "nflog-capture: %s", line);
		}
	}
	if (this->more && this->more != this->former_more)
	{
		DBG1(DBG_CFG, "nflog-capture: %u more errors were found in the options",
			 this->more);
	}
	if (this->error && !streq(this->error, this->former_error))
	{
		DBG1(DBG_CFG, "nflog-capture: %s", this->error);
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
	destroy_lines(this->lines);
	destroy_lines(this->former);
	free(this->error);
	free(this->former_error);
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
