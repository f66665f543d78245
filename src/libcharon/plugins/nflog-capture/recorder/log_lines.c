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

#include "log_lines.h"

#include <time.h>

#include <daemon.h>
#include <collections/hashtable.h>
#include <collections/linked_list.h>
#include <threading/mutex.h>

/** bytes that a line takes besides its texts */
#define OVERHEAD (sizeof(line_t) + 64)

/** longest line, the rest is cut */
#define MAX_LINE 1024

/** name of an IKE_SA whose connection is not known, get_name() in charon's ike_sa.c */
#define UNNAMED "(unnamed)"

typedef struct private_nflog_log_lines_t private_nflog_log_lines_t;
typedef struct line_t line_t;
typedef struct kept_t kept_t;
typedef struct line_logger_t line_logger_t;

/**
 * Line of the log.
 */
struct line_t {
	/** when it was logged */
	timeval_t time;
	/** group, and unique id of the IKE_SA, 0 if there is none */
	debug_t group;
	uint32_t ike_id;
	/** name of the connection, NULL if it is not known, which is owned */
	char *conn;
	/** the line, with what terminals obey replaced, owned */
	char *text;
};

/**
 * Lines that are kept, and their bounds.
 */
struct kept_t {
	/** lines, line_t, the oldest one first */
	linked_list_t *list;
	/** bytes that they take, and that they may take */
	size_t bytes, max;
};

/**
 * Private data.
 */
struct private_nflog_log_lines_t {

	/**
	 * Public interface.
	 */
	nflog_log_lines_t public;

	/**
	 * Gets lines from the bus, NULL if not enabled.  Accessed by the one thread that calls
	 * enable().
	 */
	line_logger_t *logger;

	/**
	 * Lines of known connections, and others.
	 */
	kept_t known, other;

	/**
	 * Protects both.
	 */
	mutex_t *mutex;
};

/**
 * Gets lines from the bus.
 */
struct line_logger_t {

	/**
	 * Public interface.
	 */
	logger_t public;

	/**
	 * Keeps them.
	 */
	private_nflog_log_lines_t *lines;
};

/**
 * Get the bytes that a line takes.
 */
static size_t get_size(line_t *line)
{
	return OVERHEAD + strlen(line->text) + (line->conn ? strlen(line->conn) : 0);
}

/**
 * Destroy a line.
 */
static void line_destroy(line_t *line)
{
	free(line->conn);
	free(line->text);
	free(line);
}

/**
 * Replace what terminals obey, as peers choose parts of what is logged.
 */
static char *clean(const char *text)
{
	char *copy = strndup(text, MAX_LINE), *pos;

	for (pos = copy; *pos; pos++)
	{
		if ((u_char)*pos < ' ' || *pos == 0x7f)
		{
			*pos = *pos == '\n' ? ' ' : '?';
		}
	}
	return copy;
}

/**
 * Keep a line, and as many of those before it as fit.
 */
static void keep(private_nflog_log_lines_t *this, line_t *line)
{
	kept_t *kept = line->conn ? &this->known : &this->other;
	line_t *oldest;

	this->mutex->lock(this->mutex);
	kept->list->insert_last(kept->list, line);
	kept->bytes += get_size(line);
	while (kept->bytes > kept->max &&
		   kept->list->remove_first(kept->list, (void**)&oldest) == SUCCESS)
	{
		kept->bytes -= get_size(oldest);
		line_destroy(oldest);
	}
	this->mutex->unlock(this->mutex);
}

METHOD(logger_t, log_, void,
	line_logger_t *this, debug_t group, level_t level, int thread, ike_sa_t *ike_sa,
	const char *message)
{
	line_t *line;
	char *conn;

	INIT(line,
		.group = group,
		.text = clean(message),
	);
	gettimeofday(&line->time, NULL);
	if (ike_sa)
	{
		conn = ike_sa->get_name(ike_sa);
		line->conn = streq(conn, UNNAMED) ? NULL : strdup(conn);
		line->ike_id = ike_sa->get_unique_id(ike_sa);
	}
	keep(this->lines, line);
}

METHOD(logger_t, get_level, level_t,
	line_logger_t *this, debug_t group)
{
	return LEVEL_CTRL;
}

/**
 * Forget all lines.
 */
static void flush(kept_t *kept)
{
	line_t *line;

	while (kept->list->remove_first(kept->list, (void**)&line) == SUCCESS)
	{
		line_destroy(line);
	}
	kept->bytes = 0;
}

METHOD(nflog_log_lines_t, enable, void,
	private_nflog_log_lines_t *this, bool enable)
{
	if (enable && !this->logger)
	{
		INIT(this->logger,
			.public = {
				.log = _log_,
				.get_level = _get_level,
			},
			.lines = this,
		);
		charon->bus->add_logger(charon->bus, &this->logger->public);
	}
	else if (!enable && this->logger)
	{
		/* waits for the threads that log */
		charon->bus->remove_logger(charon->bus, &this->logger->public);
		free(this->logger);
		this->logger = NULL;
		this->mutex->lock(this->mutex);
		flush(&this->known);
		flush(&this->other);
		this->mutex->unlock(this->mutex);
	}
}

/**
 * Does a line belong to a connection?
 *
 * @param ids		unique ids of its IKE_SAs
 */
static bool belongs(line_t *line, char *conn, char *text, hashtable_t *ids)
{
	if (line->conn)
	{
		return streq(line->conn, conn);
	}
	return (line->ike_id && ids->get(ids, (void*)(uintptr_t)line->ike_id)) ||
		   strstr(line->text, text);
}

/**
 * Get the unique ids of the IKE_SAs of a connection.
 *
 * @param others		others, which are added
 */
static hashtable_t *get_ids(private_nflog_log_lines_t *this, char *conn,
							linked_list_t *others)
{
	enumerator_t *enumerator;
	hashtable_t *ids;
	line_t *line;
	void *id;

	ids = hashtable_create(hashtable_hash_ptr, hashtable_equals_ptr, 8);
	enumerator = others->create_enumerator(others);
	while (enumerator->enumerate(enumerator, &id))
	{
		ids->put(ids, id, id);
	}
	enumerator->destroy(enumerator);
	enumerator = this->known.list->create_enumerator(this->known.list);
	while (enumerator->enumerate(enumerator, &line))
	{
		if (streq(line->conn, conn))
		{
			id = (void*)(uintptr_t)line->ike_id;
			ids->put(ids, id, id);
		}
	}
	enumerator->destroy(enumerator);
	return ids;
}

/**
 * Print a line.
 */
static void print_line(line_t *line, FILE *out)
{
	char ike_id[16] = "", buf[32];
	struct tm tm;

	strftime(buf, sizeof(buf), "%Y-%m-%d %H:%M:%S", gmtime_r(&line->time.tv_sec, &tm));
	if (line->ike_id)
	{
		snprintf(ike_id, sizeof(ike_id), "<%u> ", line->ike_id);
	}
	fprintf(out, "  %s.%03u [%s] %s%s\n", buf, (u_int)(line->time.tv_usec / 1000),
			enum_to_name(debug_names, line->group), ike_id, line->text);
}

/**
 * Get the next line of a list that belongs to a connection, NULL if there is none.
 */
static line_t *get_next(enumerator_t *enumerator, char *conn, char *text, time_t since,
						hashtable_t *ids)
{
	line_t *line;

	while (enumerator->enumerate(enumerator, &line))
	{
		if (line->time.tv_sec >= since && belongs(line, conn, text, ids))
		{
			return line;
		}
	}
	return NULL;
}

/**
 * Go through the lines of a connection.
 *
 * @param skip		bytes to leave out
 * @param count		receives the number of lines, but for those left out, NULL for nothing
 * @param out		receives the lines, NULL for nothing
 * @return			bytes in all lines
 */
static size_t go_through(private_nflog_log_lines_t *this, char *conn, char *text,
						 time_t since, hashtable_t *ids, size_t skip, u_int *count,
						 FILE *out)
{
	enumerator_t *known, *other;
	line_t *a, *b, **line;
	size_t bytes = 0;

	known = this->known.list->create_enumerator(this->known.list);
	other = this->other.list->create_enumerator(this->other.list);
	a = get_next(known, conn, text, since, ids);
	b = get_next(other, conn, text, since, ids);
	while (a || b)
	{
		line = !b || (a && !timercmp(&a->time, &b->time, >)) ? &a : &b;
		if (out && bytes >= skip)
		{
			print_line(*line, out);
			*count += 1;
		}
		bytes += get_size(*line);
		*line = get_next(line == &a ? known : other, conn, text, since, ids);
	}
	known->destroy(known);
	other->destroy(other);
	return bytes;
}

METHOD(nflog_log_lines_t, print, u_int,
	private_nflog_log_lines_t *this, char *conn, linked_list_t *ike_ids, char *text,
	time_t since, size_t max, FILE *out)
{
	hashtable_t *ids;
	size_t bytes;
	u_int count = 0;

	this->mutex->lock(this->mutex);
	ids = get_ids(this, conn, ike_ids);
	bytes = go_through(this, conn, text, since, ids, 0, NULL, NULL);
	if (bytes > max)
	{
		fprintf(out, "  older lines are left out, as there are too many\n");
	}
	go_through(this, conn, text, since, ids, bytes > max ? bytes - max : 0, &count, out);
	ids->destroy(ids);
	this->mutex->unlock(this->mutex);
	return count;
}

METHOD(nflog_log_lines_t, destroy, void,
	private_nflog_log_lines_t *this)
{
	enable(this, FALSE);
	this->known.list->destroy(this->known.list);
	this->other.list->destroy(this->other.list);
	this->mutex->destroy(this->mutex);
	free(this);
}

/*
 * Described in header
 */
nflog_log_lines_t *nflog_log_lines_create()
{
	private_nflog_log_lines_t *this;

	INIT(this,
		.public = {
			.enable = _enable,
			.print = _print,
			.destroy = _destroy,
		},
		.known = {
			.list = linked_list_create(),
			.max = NFLOG_LOG_LINES_KNOWN,
		},
		.other = {
			.list = linked_list_create(),
			.max = NFLOG_LOG_LINES_OTHER,
		},
		.mutex = mutex_create(MUTEX_TYPE_DEFAULT),
	);
	return &this->public;
}
