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

#include "pending.h"

#include <inttypes.h>
#include <stdarg.h>

#include <daemon.h>
#include <collections/linked_list.h>

/** time after which to try again what failed, it doubles up to the second, in ms */
#define MIN_DELAY 1000
#define MAX_DELAY 60000

typedef struct private_nflog_pending_t private_nflog_pending_t;
typedef struct line_t line_t;

/**
 * Private data.
 */
struct private_nflog_pending_t {

	/**
	 * Public interface.
	 */
	nflog_pending_t public;

	/**
	 * SAs with rules to change, nflog_entry_t.
	 */
	linked_list_t *queue;

	/**
	 * SAs to try again, nflog_entry_t.
	 */
	linked_list_t *failed;

	/**
	 * Time after which to try again, in ms, 0 if nothing failed.
	 */
	u_int delay;

	/**
	 * When that is, monotonic.
	 */
	timeval_t retry_at;

	/**
	 * Why something failed, as it was logged, NULL if nothing did.
	 */
	char *reason;

	/**
	 * Lines to log, line_t.
	 */
	linked_list_t *lines;
};

/**
 * Line to log.
 */
struct line_t {

	/**
	 * Log level.
	 */
	level_t level;

	/**
	 * Text, NULL if there was no memory for it.
	 */
	char *text;
};

/**
 * Add a line to log.
 */
static void add_line(private_nflog_pending_t *this, level_t level,
					 const char *fmt, ...)
{
	line_t *line;
	va_list args;

	INIT(line,
		.level = level,
	);
	va_start(args, fmt);
	if (vasprintf(&line->text, fmt, args) < 0)
	{
		line->text = NULL;
	}
	va_end(args);
	this->lines->insert_last(this->lines, line);
}

/**
 * Destroy a line.
 */
static void line_destroy(line_t *this)
{
	free(this->text);
	free(this);
}

/**
 * Is it time to try again what failed?
 */
static bool is_due(private_nflog_pending_t *this)
{
	timeval_t now;

	time_monotonic(&now);
	return !timercmp(&now, &this->retry_at, <);
}

/**
 * An SA is not one of those that failed anymore.
 */
static void remove_failed(private_nflog_pending_t *this, nflog_entry_t *sa)
{
	if (sa->failed)
	{
		sa->failed = FALSE;
		this->failed->remove(this->failed, sa, NULL);
	}
}

METHOD(nflog_pending_t, remove_, void,
	private_nflog_pending_t *this, nflog_entry_t *sa)
{
	remove_failed(this, sa);
	if (sa->queued)
	{
		sa->queued = FALSE;
		this->queue->remove(this->queue, sa, NULL);
	}
}

METHOD(nflog_pending_t, add, void,
	private_nflog_pending_t *this, nflog_entry_t *sa, bool first)
{
	remove_failed(this, sa);
	if (sa->queued)
	{
		return;
	}
	sa->queued = TRUE;
	if (first)
	{
		this->queue->insert_first(this->queue, sa);
	}
	else
	{
		this->queue->insert_last(this->queue, sa);
	}
}

METHOD(nflog_pending_t, take, nflog_entry_t*,
	private_nflog_pending_t *this)
{
	nflog_entry_t *sa;

	if (this->queue->remove_first(this->queue, (void**)&sa) != SUCCESS)
	{
		return NULL;
	}
	sa->queued = FALSE;
	return sa;
}

METHOD(nflog_pending_t, has_any, bool,
	private_nflog_pending_t *this)
{
	return this->queue->get_count(this->queue) > 0;
}

METHOD(nflog_pending_t, fail, void,
	private_nflog_pending_t *this, nflog_entry_t *sa)
{
	if (!nflog_entry_is_complete(sa))
	{	/* otherwise there are just too many */
		nflog_entry_begin_missing(sa);
	}
	if (sa->removing)
	{	/* now that there's no rule to remove */
		add(this, sa, FALSE);
	}
	else if (!sa->queued && !sa->failed)
	{
		sa->failed = TRUE;
		this->failed->insert_last(this->failed, sa);
	}
}

METHOD(nflog_pending_t, note, void,
	private_nflog_pending_t *this, const char *reason)
{
	if (!this->delay || is_due(this))
	{
		this->delay = this->delay ? min(2 * this->delay, MAX_DELAY) : MIN_DELAY;
		time_monotonic(&this->retry_at);
		timeval_add_ms(&this->retry_at, this->delay);
	}
	if (!this->reason || !streq(reason, this->reason))
	{
		free(this->reason);
		this->reason = strdup(reason);
		add_line(this, LEVEL_CTRL, "unable to add rules, this is tried again until it works: %s",
				 reason);
	}
}

METHOD(nflog_pending_t, get_reason, const char*,
	private_nflog_pending_t *this)
{
	return this->reason;
}

METHOD(nflog_pending_t, retry, bool,
	private_nflog_pending_t *this)
{
	nflog_entry_t *sa;
	bool found = FALSE;

	while (this->failed->remove_first(this->failed, (void**)&sa) == SUCCESS)
	{
		sa->failed = FALSE;
		sa->queued = TRUE;
		this->queue->insert_last(this->queue, sa);
		found = TRUE;
	}
	return found;
}

METHOD(nflog_pending_t, check, timeval_t*,
	private_nflog_pending_t *this)
{
	if (!this->delay)
	{
		return NULL;
	}
	if (!this->queue->get_count(this->queue) &&
		!this->failed->get_count(this->failed))
	{
		add_line(this, LEVEL_CTRL, "no rules are missing anymore");
		this->delay = 0;
		free(this->reason);
		this->reason = NULL;
		return NULL;
	}
	if (is_due(this))
	{
		retry(this);
	}
	return &this->retry_at;
}

METHOD(nflog_pending_t, log_missing, void,
	private_nflog_pending_t *this, nflog_entry_t *sa, const char *reason)
{
	char name[256];

	if (!nflog_entry_is_spi(sa))
	{
		add_line(this, LEVEL_CTRL, "not capturing %s until rules are in place: %s",
			nflog_entry_name(sa, name, sizeof(name)), reason);
	}
}

/**
 * Add a line on how long the rules of an SA were missing.
 *
 * @param before		what comes before the name of the SA
 * @param after			what comes behind it
 */
static void add_missed(private_nflog_pending_t *this, nflog_entry_t *sa,
					   char *before, char *after)
{
	char name[256];

	if (!nflog_entry_is_spi(sa))
	{
		add_line(this, LEVEL_CTRL, "%s%s%s, rules were missing for %" PRIu64 " ms",
				 before, nflog_entry_name(sa, name, sizeof(name)), after,
				 nflog_entry_get_missed(sa));
	}
}

METHOD(nflog_pending_t, log_complete, void,
	private_nflog_pending_t *this, nflog_entry_t *sa)
{
	add_missed(this, sa, "capturing ", " now");
}

METHOD(nflog_pending_t, log_changed, void,
	private_nflog_pending_t *this, nflog_entry_t *sa)
{
	char name[256];

	add_line(this, LEVEL_DIAG, "%s rules of %s, %u elements are in the table",
			 !sa->next_used ? "removed" : sa->used ? "changed" : "added",
			 nflog_entry_name(sa, name, sizeof(name)), sa->next.count);
}

METHOD(nflog_pending_t, log_ended, void,
	private_nflog_pending_t *this, nflog_entry_t *sa)
{
	add_missed(this, sa, "", " ended");
}

METHOD(nflog_pending_t, has_lines, bool,
	private_nflog_pending_t *this)
{
	return this->lines->get_count(this->lines) > 0;
}

METHOD(nflog_pending_t, unlock, void,
	private_nflog_pending_t *this, mutex_t *mutex)
{
	linked_list_t *lines = NULL;
	line_t *line;

	if (has_lines(this))
	{	/* they are this thread's, others add to a list of their own */
		lines = this->lines;
		this->lines = linked_list_create();
	}
	mutex->unlock(mutex);
	if (lines)
	{
		while (lines->remove_first(lines, (void**)&line) == SUCCESS)
		{
			if (line->text)
			{
				dbg(DBG_KNL, line->level, "nflog-capture: %s", line->text);
			}
			line_destroy(line);
		}
		lines->destroy(lines);
	}
}

METHOD(nflog_pending_t, destroy, void,
	private_nflog_pending_t *this)
{
	this->queue->destroy(this->queue);
	this->failed->destroy(this->failed);
	this->lines->destroy_function(this->lines, (void*)line_destroy);
	free(this->reason);
	free(this);
}

/*
 * Described in header
 */
nflog_pending_t *nflog_pending_create()
{
	private_nflog_pending_t *this;

	INIT(this,
		.public = {
			.add = _add,
			.take = _take,
			.has_any = _has_any,
			.fail = _fail,
			.note = _note,
			.get_reason = _get_reason,
			.retry = _retry,
			.check = _check,
			.remove = _remove_,
			.log_missing = _log_missing,
			.log_complete = _log_complete,
			.log_changed = _log_changed,
			.log_ended = _log_ended,
			.has_lines = _has_lines,
			.unlock = _unlock,
			.destroy = _destroy,
		},
		.queue = linked_list_create(),
		.failed = linked_list_create(),
		.lines = linked_list_create(),
	);
	return &this->public;
}
