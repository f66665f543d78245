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

#include <limits.h>
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

/** begin of lines of this plugin, and what precedes the name of a connection in them */
#define OURS "nflog-capture: "
#define CONNECTION "connection '"

typedef struct private_nflog_log_lines_t private_nflog_log_lines_t;
typedef struct line_t line_t;
typedef struct conn_t conn_t;
typedef struct kept_t kept_t;
typedef struct line_logger_t line_logger_t;

/**
 * Line that was logged.
 */
struct line_t {
	/** when it was logged */
	timeval_t time;
	/** group, and unique id of the IKE_SA, 0 if there is none */
	debug_t group;
	uint32_t ike_id;
	/** connection, NULL if it is not known */
	conn_t *conn;
	/** the line, with what terminals obey replaced, owned */
	char *text;
	/** lines of all before and after it, and the next one of its connection */
	line_t *former, *newer, *next;
};

/**
 * Connection with lines.
 */
struct conn_t {
	/** its name, owned */
	char *name;
	/** its lines, the oldest one and the newest one, and bytes that they take */
	line_t *first, *last;
	size_t bytes;
	/** when the newest line was logged that is not kept anymore as there are too many */
	time_t dropped;
};

/**
 * Lines that are kept, owned.
 */
struct kept_t {
	/** the oldest line and the newest one */
	line_t *first, *last;
	/** bytes that they take, and that they may take */
	size_t bytes, max;
	/** when the newest line was logged that is not kept anymore as all take too much */
	time_t dropped;
};

/**
 * What belongs to a connection.
 */
typedef struct {
	/** unique ids of its IKE_SAs */
	hashtable_t *ids;
	/** path of its directory, and of the one of all */
	char *path, *all;
	/** its name, as lines of this plugin have it */
	char *name;
} wanted_t;

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
	 * Connections with lines, name => conn_t.
	 */
	hashtable_t *conns;

	/**
	 * Protects these.
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
	return OVERHEAD + strlen(line->text) + (line->conn ? strlen(line->conn->name) : 0);
}

/**
 * Drop the oldest line of its connection, which it may be the last one of.
 */
static void drop_of_conn(private_nflog_log_lines_t *this, line_t *line)
{
	conn_t *conn = line->conn;

	conn->bytes -= get_size(line);
	conn->first = line->next;
	if (!conn->first)
	{
		this->conns->remove(this->conns, conn->name);
		free(conn->name);
		free(conn);
	}
}

/**
 * Drop a line, the oldest one of all or of its connection.
 */
static void drop(private_nflog_log_lines_t *this, kept_t *kept, line_t *line)
{
	kept->bytes -= get_size(line);
	*(line->former ? &line->former->newer : &kept->first) = line->newer;
	*(line->newer ? &line->newer->former : &kept->last) = line->former;
	if (line->conn)
	{
		drop_of_conn(this, line);
	}
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
 * Append a line to those of its connection.
 */
static void append(private_nflog_log_lines_t *this, line_t *line, char *name)
{
	conn_t *conn = this->conns->get(this->conns, name);

	if (!conn)
	{
		INIT(conn,
			.name = strdup(name),
		);
		this->conns->put(this->conns, conn->name, conn);
	}
	line->conn = conn;
	*(conn->first ? &conn->last->next : &conn->first) = line;
	conn->last = line;
	conn->bytes += get_size(line);
}

/**
 * Keep a line, instead of the oldest ones if there are too many.
 *
 * @param name		name of the connection, NULL if it is not known
 */
static void keep(private_nflog_log_lines_t *this, line_t *line, char *name)
{
	kept_t *kept = name ? &this->known : &this->other;

	this->mutex->lock(this->mutex);
	line->former = kept->last;
	*(kept->last ? &kept->last->newer : &kept->first) = line;
	kept->last = line;
	if (name)
	{
		append(this, line, name);
	}
	kept->bytes += get_size(line);
	while (line->conn && line->conn->bytes > NFLOG_LOG_LINES_CONN)
	{	/* not the new one, which is shorter than that */
		line->conn->dropped = line->conn->first->time.tv_sec;
		drop(this, kept, line->conn->first);
	}
	while (kept->bytes > kept->max)
	{
		kept->dropped = kept->first->time.tv_sec;
		drop(this, kept, kept->first);
	}
	this->mutex->unlock(this->mutex);
}

METHOD(logger_t, log_, void,
	line_logger_t *this, debug_t group, level_t level, int thread, ike_sa_t *ike_sa,
	const char *message)
{
	char *conn = NULL;
	line_t *line;

	INIT(line,
		.group = group,
		.text = clean(message),
	);
	gettimeofday(&line->time, NULL);
	if (ike_sa)
	{
		conn = ike_sa->get_name(ike_sa);
		conn = streq(conn, UNNAMED) ? NULL : conn;
		line->ike_id = ike_sa->get_unique_id(ike_sa);
	}
	keep(this->lines, line, conn);
}

METHOD(logger_t, get_level, level_t,
	line_logger_t *this, debug_t group)
{
	return LEVEL_CTRL;
}

/**
 * Drop all lines.
 */
static void flush(private_nflog_log_lines_t *this, kept_t *kept)
{
	while (kept->first)
	{
		drop(this, kept, kept->first);
	}
	kept->dropped = 0;
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
		flush(this, &this->known);
		flush(this, &this->other);
		this->mutex->unlock(this->mutex);
	}
}

/**
 * Check if a line of this plugin concerns a connection, or all: it names neither another one
 * nor a file of one then.
 */
static bool concerns(line_t *line, wanted_t *wanted)
{
	return strpfx(line->text, OURS) &&
		   (strstr(line->text, wanted->path) || strstr(line->text, wanted->name) ||
			(!strstr(line->text, CONNECTION) && !strstr(line->text, wanted->all)));
}

/**
 * Check if a line whose connection is not known belongs to one.  Strangers can have lines
 * with any text logged for their IKE_SAs.
 */
static bool belongs(line_t *line, wanted_t *wanted)
{
	return line->ike_id ? wanted->ids->get(wanted->ids, (void*)(uintptr_t)line->ike_id) != NULL
						: concerns(line, wanted);
}

/**
 * Get the unique ids of the IKE_SAs of a connection.
 */
static hashtable_t *get_ids(conn_t *conn, linked_list_t *others)
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
	for (line = conn ? conn->first : NULL; line; line = line->next)
	{
		id = (void*)(uintptr_t)line->ike_id;
		ids->put(ids, id, id);
	}
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
 * Get a line of a connection that is new enough, from one on.
 */
static line_t *get_known(line_t *line, time_t since)
{
	while (line && line->time.tv_sec < since)
	{
		line = line->next;
	}
	return line;
}

/**
 * Get another line that is new enough and belongs to a connection, from one on.
 */
static line_t *get_other(line_t *line, time_t since, wanted_t *wanted)
{
	while (line && (line->time.tv_sec < since || !belongs(line, wanted)))
	{
		line = line->newer;
	}
	return line;
}

/**
 * Go through the lines that belong to a connection, in the order of time.
 *
 * @param conn		connection, NULL if it has no lines
 * @param skip		bytes of them not to print
 * @param count		receives the number of lines printed
 * @param out		receives them, NULL to print none
 * @return			bytes of all lines
 */
static size_t go_through(private_nflog_log_lines_t *this, conn_t *conn,
						 wanted_t *wanted, time_t since, size_t skip, u_int *count,
						 FILE *out)
{
	line_t *a, *b, *line;
	size_t bytes = 0;

	a = get_known(conn ? conn->first : NULL, since);
	b = get_other(this->other.first, since, wanted);
	while (a || b)
	{
		line = !b || (a && !timercmp(&a->time, &b->time, >)) ? a : b;
		if (out && bytes >= skip)
		{
			print_line(line, out);
			*count += 1;
		}
		bytes += get_size(line);
		if (line == a)
		{
			a = get_known(a->next, since);
		}
		else
		{
			b = get_other(b->newer, since, wanted);
		}
	}
	return bytes;
}

METHOD(nflog_log_lines_t, print, u_int,
	private_nflog_log_lines_t *this, char *name, linked_list_t *ike_ids, char *path,
	time_t since, size_t max, FILE *out)
{
	char all[PATH_MAX], named[PATH_MAX];
	wanted_t wanted = {
		.path = path,
		.all = all,
		.name = named,
	};
	size_t bytes;
	conn_t *conn;
	u_int count = 0;

	snprintf(all, sizeof(all), "%.*s", (int)strlen(path) - 1, path);
	strrchr(all, '/')[1] = '\0';
	snprintf(named, sizeof(named), CONNECTION "%s'", name);
	this->mutex->lock(this->mutex);
	conn = this->conns->get(this->conns, name);
	wanted.ids = get_ids(conn, ike_ids);
	bytes = go_through(this, conn, &wanted, since, 0, NULL, NULL);
	if (bytes > max || (conn && conn->dropped >= since))
	{
		fprintf(out, "  older lines are left out, as there are too many\n");
	}
	else if (max(this->known.dropped, this->other.dropped) >= since)
	{
		fprintf(out, "  older lines may be missing, as there are too many of others\n");
	}
	go_through(this, conn, &wanted, since, bytes > max ? bytes - max : 0, &count, out);
	wanted.ids->destroy(wanted.ids);
	this->mutex->unlock(this->mutex);
	return count;
}

METHOD(nflog_log_lines_t, destroy, void,
	private_nflog_log_lines_t *this)
{
	enable(this, FALSE);
	this->conns->destroy(this->conns);
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
			.max = NFLOG_LOG_LINES_KNOWN,
		},
		.other = {
			.max = NFLOG_LOG_LINES_OTHER,
		},
		.conns = hashtable_create(hashtable_hash_str, hashtable_equals_str, 8),
		.mutex = mutex_create(MUTEX_TYPE_DEFAULT),
	);
	return &this->public;
}
