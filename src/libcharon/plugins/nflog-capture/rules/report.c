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

#include "report.h"

#include <inttypes.h>
#include <stdarg.h>

#include <daemon.h>
#include <collections/linked_list.h>

typedef struct private_nflog_report_t private_nflog_report_t;

/**
 * Private data.
 */
struct private_nflog_report_t {

	/**
	 * Public interface.
	 */
	nflog_report_t public;

	/**
	 * Lines to log, char*.
	 */
	linked_list_t *lines;
};

/**
 * Add a line.
 */
static void add(private_nflog_report_t *this, const char *fmt, ...)
{
	char *line = NULL;
	va_list args;

	va_start(args, fmt);
	if (vasprintf(&line, fmt, args) >= 0)
	{
		this->lines->insert_last(this->lines, line);
	}
	va_end(args);
}

METHOD(nflog_report_t, missing, void,
	private_nflog_report_t *this, nflog_ruled_t *sa, const char *reason)
{
	char name[256];

	if (!nflog_ruled_is_spi(sa))
	{
		add(this, "not capturing %s until rules are in place: %s",
			nflog_ruled_name(sa, name, sizeof(name)), reason);
	}
}

METHOD(nflog_report_t, complete, void,
	private_nflog_report_t *this, nflog_ruled_t *sa)
{
	char name[256];

	if (!nflog_ruled_is_spi(sa))
	{
		add(this, "capturing %s now, rules were missing for %" PRIu64 " ms",
			nflog_ruled_name(sa, name, sizeof(name)),
			nflog_ruled_get_missed(sa));
	}
}

METHOD(nflog_report_t, ended, void,
	private_nflog_report_t *this, nflog_ruled_t *sa)
{
	char name[256];

	if (!nflog_ruled_is_spi(sa))
	{
		add(this, "%s ended, rules were missing for %" PRIu64 " ms",
			nflog_ruled_name(sa, name, sizeof(name)),
			nflog_ruled_get_missed(sa));
	}
}

METHOD(nflog_report_t, failed, void,
	private_nflog_report_t *this, const char *reason)
{
	add(this, "adding rules failed, trying again until it works: %s", reason);
}

METHOD(nflog_report_t, recovered, void,
	private_nflog_report_t *this)
{
	add(this, "no rules are missing anymore");
}

METHOD(nflog_report_t, has_any, bool,
	private_nflog_report_t *this)
{
	return this->lines->get_count(this->lines) > 0;
}

METHOD(nflog_report_t, unlock, void,
	private_nflog_report_t *this, mutex_t *mutex)
{
	linked_list_t *lines = NULL;
	char *line;

	if (has_any(this))
	{	/* they are this thread's, others add to a list of their own */
		lines = this->lines;
		this->lines = linked_list_create();
	}
	mutex->unlock(mutex);
	if (lines)
	{
		while (lines->remove_first(lines, (void**)&line) == SUCCESS)
		{
			DBG1(DBG_KNL, "%s", line);
			free(line);
		}
		lines->destroy(lines);
	}
}

METHOD(nflog_report_t, destroy, void,
	private_nflog_report_t *this)
{
	this->lines->destroy_function(this->lines, free);
	free(this);
}

/*
 * Described in header
 */
nflog_report_t *nflog_report_create()
{
	private_nflog_report_t *this;

	INIT(this,
		.public = {
			.missing = _missing,
			.complete = _complete,
			.ended = _ended,
			.failed = _failed,
			.recovered = _recovered,
			.has_any = _has_any,
			.unlock = _unlock,
			.destroy = _destroy,
		},
		.lines = linked_list_create(),
	);
	return &this->public;
}
