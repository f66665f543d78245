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

#include <errno.h>
#include <inttypes.h>
#include <time.h>
#include <unistd.h>

#include "client/selection.h"
#include "commands.h"

/** ops of options without a short form */
#define OP_JSON COMMAND_LONG
#define OP_STATE (COMMAND_LONG + 1)

/** time between two looks with --watch, in s */
#define INTERVAL 1

/** clears a terminal: go to the upper left corner, erase what is there (ECMA-48) */
#define CLEAR "\033[H\033[J"

/** columns up to the point: connection, SA, and point */
#define COLUMNS "%-16s %-20s %-9s "

/**
 * How to print, and what was printed.
 */
typedef struct {
	/** TRUE for JSON */
	bool json;
	/** where to print */
	FILE *out;
	/** traces and requests printed */
	u_int traces, requests;
} list_t;

/**
 * Make a string safe to print: peers choose their identities, so replace control characters.
 *
 * @return			buf
 */
static char *printable(const char *str, char *buf, size_t len)
{
	size_t i;

	snprintf(buf, len, "%s", str);
	for (i = 0; buf[i]; i++)
	{
		if ((u_char)buf[i] < ' ' || buf[i] == 0x7f ||
			((u_char)buf[i] == 0xc2 && (u_char)buf[i + 1] < 0xa0))
		{
			buf[i] = '?';
		}
	}
	return buf;
}

/**
 * Get a string that is safe to print.
 */
static char *get_text(json_object *object, char *name, char *buf, size_t len)
{
	return printable(client_get_string(object, name), buf, len);
}

/**
 * Format a time.
 */
static char *get_time(json_object *object, char *name, char *buf, size_t len)
{
	time_t value = client_get_number(object, name);
	struct tm tm;

	localtime_r(&value, &tm);
	strftime(buf, len, "%Y-%m-%d %H:%M:%S", &tm);
	return buf;
}

/**
 * Format the name and the ids of an SA.
 */
static char *get_sa(json_object *trace, char *buf, size_t len)
{
	char child[256];

	if (json_object_object_get(trace, "child_id"))
	{
		snprintf(buf, len, "%s{%" PRIu64 "} [%" PRIu64 "]",
				 get_text(trace, "child", child, sizeof(child)),
				 client_get_number(trace, "child_id"),
				 client_get_number(trace, "ike_id"));
	}
	else
	{
		snprintf(buf, len, "[%" PRIu64 "]", client_get_number(trace, "ike_id"));
	}
	return buf;
}

/**
 * Print the peer of an SA.
 */
static void print_peer(list_t *list, json_object *trace)
{
	json_object *vips;
	char buf[1024];
	size_t i;

	fprintf(list->out, "  %s", get_text(trace, "identity", buf, sizeof(buf)));
	if (json_object_object_get_ex(trace, "virtual_ips", &vips) &&
		json_object_is_type(vips, json_type_array))
	{
		for (i = 0; i < json_object_array_length(vips); i++)
		{
			fprintf(list->out, " %s", printable(json_object_get_string(
							json_object_array_get_idx(vips, i)), buf, sizeof(buf)));
		}
	}
}

/**
 * Print the counters of a capture point.
 */
static void print_counters(list_t *list, json_object *point)
{
	fprintf(list->out, "%10" PRIu64 " %14" PRIu64 " %8" PRIu64,
			client_get_number(point, "packets"), client_get_number(point, "bytes"),
			client_get_number(point, "lost"));
	if (json_object_object_get(point, "missing"))
	{
		fprintf(list->out, " %8" PRIu64, client_get_number(point, "missing"));
	}
	else
	{
		fprintf(list->out, " %8s", "-");
	}
}

/**
 * Print what follows the rows of a trace: its file, and what there is to say.
 */
static void print_details(list_t *list, json_object *trace)
{
	char dir[PATH_MAX], file[NAME_MAX + 1], note[512], state[64];

	get_text(trace, "directory", dir, sizeof(dir));
	if (*dir)
	{
		fprintf(list->out, "  %s/%s\n", dir, get_text(trace, "file", file, sizeof(file)));
	}
	get_text(trace, "note", note, sizeof(note));
	if (*note)
	{
		fprintf(list->out, "  %s: %s\n",
				get_text(trace, "state", state, sizeof(state)), note);
	}
}

/**
 * Print a trace: a row for each capture point.
 */
static void print_trace(list_t *list, json_object *trace)
{
	char conn[256], sa[512], since[64], name[64], state[64];
	json_object *points, *point;
	size_t i;

	if (!list->traces)
	{
		fprintf(list->out, COLUMNS "%-11s %-19s %10s %14s %8s %8s  %s\n", "CONNECTION",
				"SA", "POINT", "STATE", "SINCE", "PACKETS", "BYTES", "LOST", "MISSING",
				"PEER");
	}
	points = json_object_object_get(trace, "points");
	for (i = 0; i < json_object_array_length(points); i++)
	{
		point = json_object_array_get_idx(points, i);
		fprintf(list->out, COLUMNS "%-11s %-19s ",
				i ? "" : get_text(trace, "connection", conn, sizeof(conn)),
				i ? "" : get_sa(trace, sa, sizeof(sa)),
				get_text(point, "point", name, sizeof(name)),
				i ? "" : get_text(trace, "state", state, sizeof(state)),
				i ? "" : get_time(trace, "since", since, sizeof(since)));
		print_counters(list, point);
		if (!i)
		{
			print_peer(list, trace);
		}
		fputc('\n', list->out);
	}
	print_details(list, trace);
}

/**
 * Print a request, after the traces.
 */
static void print_request(list_t *list, json_object *request)
{
	static char *names[] = {
		"connection", "child", "ike_id", "child_id", "spi", "identity", "virtual_ip",
		"duration", "packets",
	};
	char buf[512], name[64], action[64], added[64];
	json_object *options;
	bool any = FALSE;
	int i;

	fprintf(list->out, "%-7s %-6s since %s, %" PRIu64 " started, %" PRIu64 " ended, %"
			PRIu64 " failed:", get_text(request, "id", buf, sizeof(buf)),
			get_text(request, "action", action, sizeof(action)),
			get_time(request, "added", added, sizeof(added)),
			client_get_number(request, "started"), client_get_number(request, "ended"),
			client_get_number(request, "failed"));
	for (i = 0; i < countof(names); i++)
	{
		if (json_object_object_get(request, names[i]))
		{
			fprintf(list->out, " %s=%s", names[i],
					get_text(request, names[i], buf, sizeof(buf)));
			any = TRUE;
		}
	}
	options = json_object_object_get(request, "options");
	if (options)
	{
		json_object_object_foreach(options, key, value)
		{
			fprintf(list->out, " %s=%s", printable(key, name, sizeof(name)),
					printable(json_object_get_string(value), buf, sizeof(buf)));
		}
	}
	fprintf(list->out, "%s\n", any ? "" : " all");
}

/**
 * Print an object as an element of one of two arrays.
 */
static void print_json(list_t *list, bool trace, json_object *object)
{
	json_object_object_del(object, "type");
	if (!trace && !list->requests)
	{
		fprintf(list->out, "%s],\"requests\":[\n", list->traces ? "\n" : "");
	}
	fprintf(list->out, "%s%s", (trace ? list->traces : list->requests) ? ",\n" : "",
			json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN |
										   JSON_C_TO_STRING_NOSLASHESCAPE));
}

/**
 * Print an object of the answer.
 */
static void print(void *data, const char *type, json_object *object)
{
	list_t *list = data;
	bool trace = streq(type, "trace");

	if (list->json)
	{
		print_json(list, trace, object);
	}
	else if (trace && json_object_is_type(json_object_object_get(object, "points"),
										  json_type_array))
	{
		print_trace(list, object);
	}
	else if (streq(type, "request"))
	{
		if (!list->requests)
		{
			fprintf(list->out, "%s%-7s ACTION\n", list->traces ? "\n" : "", "REQUEST");
		}
		print_request(list, object);
	}
	*(trace ? &list->traces : &list->requests) += 1;
}

/**
 * Print the list once.
 *
 * @return			FALSE if there is none, the reason was printed
 */
static bool print_list(list_t *list, client_t *client, json_object *fields)
{
	json_object *end;

	list->traces = list->requests = 0;
	if (list->json)
	{
		fprintf(list->out, "{\"version\":%d,\"traces\":[\n", CLIENT_VERSION);
	}
	end = client->call(client, "list", fields, print, list);
	if (!end)
	{
		return FALSE;
	}
	if (list->json)
	{
		fprintf(list->out, "%s%s]}\n",
				list->traces + list->requests ? "\n" : "",
				list->requests ? "" : "],\"requests\":[");
	}
	else if (!list->traces && !list->requests)
	{
		fprintf(list->out == stdout ? stderr : list->out, "nothing like this is captured\n");
	}
	json_object_put(end);
	return TRUE;
}

/**
 * Print the list whenever it changes, until the plugin is gone, or this is killed.
 */
static int watch(list_t *list, client_t *client, json_object *fields)
{
	char *before = NULL, *now = NULL;
	bool success;
	size_t len;

	while (TRUE)
	{
		list->out = open_memstream(&now, &len);
		success = list->out && print_list(list, client, fields);
		if (list->out)
		{
			fclose(list->out);
		}
		if (success && (!before || !streq(before, now)))
		{
			printf("%s%s", isatty(STDOUT_FILENO) ? CLEAR : "", now);
			success = fflush(stdout) == 0;
		}
		free(before);
		before = now;
		now = NULL;
		if (!success)
		{
			free(before);
			return STATUS_ERROR;
		}
		sleep(INTERVAL);
	}
}

/**
 * List what is selected.
 */
static int list(selection_t *selection, list_t *list, bool watching)
{
	client_t *client;
	int status = STATUS_ERROR;

	client = client_create(selection->socket);
	if (!client)
	{
		return STATUS_ERROR;
	}
	if (watching)
	{
		status = watch(list, client, selection->fields);
	}
	else if (print_list(list, client, selection->fields))
	{
		status = selection_is_set(selection) && !list->traces ? STATUS_BAD : STATUS_GOOD;
	}
	client->destroy(client);
	return status;
}

/**
 * Run the verb.
 */
static int run(command_line_t *line)
{
	list_t how = { .out = stdout };
	selection_t selection;
	bool watching = FALSE;
	int op, status;
	char *arg;

	selection_init(&selection);
	while ((op = line->next(line, &arg)))
	{
		switch (op)
		{
			case OP_JSON:
				how.json = TRUE;
				break;
			case OP_STATE:
				selection_add_string(&selection, "state", arg);
				break;
			case 'w':
				watching = TRUE;
				break;
			default:
				selection_handle(&selection, op, arg);
				break;
		}
	}
	status = selection_complete(&selection, line)
				? list(&selection, &how, watching)
				: line->refuse(line, "%s", selection.error);
	selection_clear(&selection);
	return status;
}

/**
 * The verb.
 */
command_t command_list = {
	.name = "list",
	.text = "list captures, those that run and those that ended",
	.usage = "[OPTION]... [CONNECTION]",
	.help = "Lists the traces that charon writes, and the last ones that it wrote, with their\n"
			"SAs, files and counters.",
	.run = run,
	.options = {
		SELECTION_OPTIONS,
		{"state", OP_STATE, "STATE",
		 "in this state: waiting, running, interrupted, ended, or\n"
		 "failed"},
		{"watch", 'w', NULL, "list them again whenever something changes"},
		{"json", OP_JSON, NULL, "print JSON"},
		{},
	},
};
