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

#include "end_lines.h"
#include "cli/text.h"
#include "read/line.h"

#include <collections/hashtable.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>

/** traces whose lines are kept */
#define MAX_TRACES (1024 * 1024)

/** bytes of a line that are kept, the plugin's have some hundred */
#define MAX_LINE 8192

typedef struct private_end_lines_t private_end_lines_t;
typedef struct trace_lines_t trace_lines_t;

/**
 * Private data.
 */
struct private_end_lines_t {

	/**
	 * Public interface.
	 */
	end_lines_t public;

	/**
	 * Lines by the name of the trace, trace_lines_t.
	 */
	hashtable_t *traces;
};

/**
 * What the log says about a trace.
 */
struct trace_lines_t {
	/** name of the trace */
	char *name;
	/** the line from the trace on */
	char *line;
	/** capture points, end_line_t */
	array_t *points;
};

/**
 * Destroy a trace_lines_t.
 */
static void trace_lines_destroy(void *value, const void *key)
{
	trace_lines_t *this = value;

	array_destroy(this->points);
	free(this->name);
	free(this->line);
	free(this);
}

/**
 * Parse what a line says about capture points, separated by semicolons.
 */
static void parse_points(trace_lines_t *lines, char *pos)
{
	uint64_t packets, bytes;
	end_line_t line = {
		.line = lines->line,
	};
	char name[16];

	for (; pos; pos = strchr(pos, ';'))
	{
		pos += strspn(pos, "; ");
		if (sscanf(pos, "%15s %" SCNu64 " packets %" SCNu64 " bytes %" SCNu64 " lost",
				   name, &packets, &bytes, &line.lost) == 4 &&
			enum_from_name(capture_point_names, name, &line.point) &&
			line.point != POINT_UNKNOWN)
		{
			array_insert(lines->points, ARRAY_TAIL, &line);
		}
	}
}

/**
 * Parse a line of the log.
 */
static void parse_line(private_end_lines_t *this, char *line)
{
	trace_lines_t *lines;
	char *begin, *end, *of, *name;

	line[strcspn(line, "\r\n")] = '\0';
	begin = strstr(line, "trace /");
	end = begin ? strstr(begin, " ended: ") : NULL;
	of = end ? strstr(begin, "_SA ") : NULL;
	if (!of || of > end || this->traces->get_count(this->traces) >= MAX_TRACES)
	{
		return;
	}
	/* "trace <path> of CHILD_SA <label> ended: " */
	while (of > begin && !strpfx(of, " of "))
	{
		of--;
	}
	if (of == begin)
	{
		return;
	}
	name = memrchr(begin, '/', of - begin) + 1;
	INIT(lines,
		.name = strndup(name, of - name),
		.line = strdup(begin),
		.points = array_create(sizeof(end_line_t), 2),
	);
	parse_points(lines, end + strlen(" ended: "));
	/* the last one if a log is given twice */
	lines = this->traces->put(this->traces, lines->name, lines);
	if (lines)
	{
		trace_lines_destroy(lines, NULL);
	}
}

METHOD(end_lines_t, read_, bool,
	private_end_lines_t *this, char *path)
{
	bool success, is_stdin = streq(path, "-");
	char buf[MAX_LINE];
	chunk_t line = chunk_create((u_char*)buf, sizeof(buf) - 1);
	struct stat st;
	FILE *file;

	file = is_stdin ? stdin : fopen(path, "re");
	if (!file)
	{
		text_print(stderr, "unable to open %s: %s\n", path, strerror(errno));
		return FALSE;
	}
	if (fstat(fileno(file), &st) == 0 && (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode)))
	{	/* which may have no end */
		text_print(stderr, "unable to read %s: it is a device\n", path);
		if (!is_stdin)
		{
			fclose(file);
		}
		return FALSE;
	}
	while (line_read(file, &line))
	{
		buf[line.len] = '\0';
		parse_line(this, buf);
		line.len = sizeof(buf) - 1;
	}
	success = !ferror(file);
	if (!success)
	{
		text_print(stderr, "unable to read %s: %s\n", path, strerror(errno));
	}
	if (!is_stdin)
	{
		fclose(file);
	}
	return success;
}

METHOD(end_lines_t, create_enumerator, enumerator_t*,
	private_end_lines_t *this, char *name)
{
	trace_lines_t *lines = this->traces->get(this->traces, name);

	return lines ? array_create_enumerator(lines->points) : enumerator_create_empty();
}

METHOD(end_lines_t, destroy, void,
	private_end_lines_t *this)
{
	this->traces->destroy_function(this->traces, trace_lines_destroy);
	free(this);
}

/*
 * Described in header
 */
end_lines_t *end_lines_create()
{
	private_end_lines_t *this;

	INIT(this,
		.public = {
			.read = _read_,
			.create_enumerator = _create_enumerator,
			.destroy = _destroy,
		},
		.traces = hashtable_create(hashtable_hash_str, hashtable_equals_str, 32),
	);
	return &this->public;
}
