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

/** delay after which to try again what failed, which doubles up to the second, in ms */
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
	 * Entries by their state, nflog_entry_t, NULL for those that are idle.
	 */
	linked_list_t *lists[NFLOG_ENTRY_STATES];

	/**
	 * Delay after which to try again, in ms, 0 if nothing failed.
	 */
	u_int delay;

	/**
	 * When that is, monotonic.
	 */
	timeval_t retry_at;

	/**
	 * Why something failed, as logged, NULL if nothing did.
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
 * Destroy a line.
 */
static void line_destroy(line_t *this)
{
	free(this->text);
	free(this);
}

METHOD(nflog_pending_t, log_, void,
	private_nflog_pending_t *this, level_t level, const char *fmt, ...)
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
 * Change the state of an entry.
 *
 * @param first			TRUE to insert it before others
 */
static void set_state(private_nflog_pending_t *this, nflog_entry_t *entry,
					  nflog_entry_state_t state, bool first)
{
	linked_list_t *list;

	list = this->lists[entry->state];
	if (list)
	{
		list->remove(list, entry, NULL);
	}
	entry->state = state;
	list = this->lists[state];
	if (list && first)
	{
		list->insert_first(list, entry);
	}
	else if (list)
	{
		list->insert_last(list, entry);
	}
}

METHOD(nflog_pending_t, add, void,
	private_nflog_pending_t *this, nflog_entry_t *entry, bool first)
{
	if (entry->state != ENTRY_QUEUED)
	{
		set_state(this, entry, ENTRY_QUEUED, first);
	}
}

METHOD(nflog_pending_t, take, nflog_entry_t*,
	private_nflog_pending_t *this)
{
	linked_list_t *queue = this->lists[ENTRY_QUEUED];
	nflog_entry_t *entry;

	if (queue->remove_first(queue, (void**)&entry) != SUCCESS)
	{
		return NULL;
	}
	entry->state = ENTRY_IDLE;
	return entry;
}

/**
 * Are there entries in a state?
 */
static bool has(private_nflog_pending_t *this, nflog_entry_state_t state)
{
	return this->lists[state]->get_count(this->lists[state]) > 0;
}

METHOD(nflog_pending_t, has_any, bool,
	private_nflog_pending_t *this)
{
	return has(this, ENTRY_QUEUED);
}

METHOD(nflog_pending_t, fail, void,
	private_nflog_pending_t *this, nflog_entry_t *entry)
{
	/* a complete one just has too many rules */
	nflog_entry_begin_missing(entry);
	if (entry->removing)
	{	/* now that there's no rule to remove */
		add(this, entry, FALSE);
	}
	else if (entry->state != ENTRY_QUEUED)
	{
		set_state(this, entry, nflog_entry_is_blocked(entry) ? ENTRY_BLOCKED
															 : ENTRY_FAILED, FALSE);
	}
}

METHOD(nflog_pending_t, unblock, void,
	private_nflog_pending_t *this, nflog_entry_t *entry)
{
	linked_list_t *blocked = this->lists[ENTRY_BLOCKED];
	enumerator_t *enumerator;
	nflog_entry_t *other;

	enumerator = blocked->create_enumerator(blocked);
	while (enumerator->enumerate(enumerator, &other))
	{
		if (nflog_entry_unblocks(entry, other))
		{
			blocked->remove_at(blocked, enumerator);
			other->state = ENTRY_IDLE;
			add(this, other, FALSE);
		}
	}
	enumerator->destroy(enumerator);
}

METHOD(nflog_pending_t, retry, bool,
	private_nflog_pending_t *this)
{
	nflog_entry_state_t state;
	nflog_entry_t *entry;
	bool found = FALSE;

	for (state = ENTRY_FAILED; state <= ENTRY_BLOCKED; state++)
	{
		while (this->lists[state]->get_first(this->lists[state],
											 (void**)&entry) == SUCCESS)
		{
			add(this, entry, FALSE);
			found = TRUE;
		}
	}
	return found;
}

METHOD(nflog_pending_t, remove_, void,
	private_nflog_pending_t *this, nflog_entry_t *entry)
{
	set_state(this, entry, ENTRY_IDLE, FALSE);
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

METHOD(nflog_pending_t, set_reason, void,
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
		log_(this, LEVEL_CTRL, "unable to add rules, trying again until it works: %s",
			 reason);
	}
}

METHOD(nflog_pending_t, check, timeval_t*,
	private_nflog_pending_t *this)
{
	if (!this->delay)
	{
		return NULL;
	}
	if (!has(this, ENTRY_QUEUED) && !has(this, ENTRY_FAILED))
	{
		log_(this, LEVEL_CTRL, "adding rules works again");
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
	private_nflog_pending_t *this, nflog_entry_t *entry)
{
	u_int sides = nflog_entry_get_incomplete(entry), logged;
	bool blocked = nflog_entry_is_blocked(entry);
	const char *reason;
	char name[256];

	logged = sides | (blocked ? 1 << NFLOG_SIDES : 0);
	if (logged == entry->logged || nflog_entry_is_spi(entry))
	{
		return;
	}
	reason = blocked
				? "another SA has its SPI and destination, or its SPI and reqid"
				: this->reason ?: "nf_tables is busy";
	log_(this, LEVEL_CTRL, entry->logged ? "still not capturing %s: %s"
										 : "not capturing %s until rules are in place: %s",
		 nflog_entry_name(entry, sides, name, sizeof(name)), reason);
	entry->logged = logged;
}

METHOD(nflog_pending_t, log_missed, void,
	private_nflog_pending_t *this, nflog_entry_t *entry)
{
	char name[256];

	if (!nflog_entry_is_spi(entry))
	{
		log_(this, LEVEL_CTRL, entry->removing
				? "%s ended, rules were missing for %" PRIu64 " ms"
				: "capturing %s now, rules were missing for %" PRIu64 " ms",
			 nflog_entry_name(entry, NFLOG_ALL_SIDES, name, sizeof(name)),
			 nflog_entry_get_missed(entry));
	}
	entry->logged = 0;
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
	{	/* these are this thread's, others add to a list of their own */
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
	nflog_entry_state_t state;

	for (state = 0; state < NFLOG_ENTRY_STATES; state++)
	{
		DESTROY_IF(this->lists[state]);
	}
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
			.unblock = _unblock,
			.retry = _retry,
			.remove = _remove_,
			.set_reason = _set_reason,
			.check = _check,
			.log = _log_,
			.log_missing = _log_missing,
			.log_missed = _log_missed,
			.has_lines = _has_lines,
			.unlock = _unlock,
			.destroy = _destroy,
		},
		.lists = {
			[ENTRY_QUEUED] = linked_list_create(),
			[ENTRY_FAILED] = linked_list_create(),
			[ENTRY_BLOCKED] = linked_list_create(),
		},
		.lines = linked_list_create(),
	);
	return &this->public;
}
