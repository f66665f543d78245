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

#include "cli/json.h"
#include "cli/text.h"
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
	if (json_object_object_get(trace, "child_id"))
	{
		snprintf(buf, len, "%s{%" PRIu64 "} [%" PRIu64 "]",
				 client_get_string(trace, "child"),
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
	size_t i;

	text_print(list->out, "  %s", client_get_string(trace, "identity"));
	if (json_object_object_get_ex(trace, "virtual_ips", &vips) &&
		json_object_is_type(vips, json_type_array))
	{
		for (i = 0; i < json_object_array_length(vips); i++)
		{
			text_print(list->out, " %s",
					   json_object_get_string(json_object_array_get_idx(vips, i)));
		}
	}
}

/**
 * Print the counters of a capture point.
 */
static void print_counters(list_t *list, json_object *point)
{
	text_print(list->out, "%10" PRIu64 " %14" PRIu64 " %8" PRIu64,
			   client_get_number(point, "packets"), client_get_number(point, "bytes"),
			   client_get_number(point, "lost"));
	if (json_object_object_get(point, "missing"))
	{
		text_print(list->out, " %8" PRIu64, client_get_number(point, "missing"));
	}
	else
	{
		text_print(list->out, " %8s", "-");
	}
}

/**
 * Print the SPIs of an SA, as far as they are known.
 */
static void print_spis(list_t *list, json_object *trace)
{
	static struct {
		char *field, *text;
	} spis[] = {
		{ "spi_in", "in" }, { "spi_out", "out" },
		{ "spi_initiator", "of the initiator" }, { "spi_responder", "of the responder" },
	};
	const char *spi;
	int count = 0, i;

	for (i = 0; i < countof(spis); i++)
	{
		spi = client_get_string(trace, spis[i].field);
		if (*spi)
		{
			text_print(list->out, "%s %s %s", count++ ? "," : "  SPI", spi, spis[i].text);
		}
	}
	text_print(list->out, count ? "\n" : "");
}

/**
 * Print what follows the rows of a trace: its file, whose name has the SPIs, or these, and
 * what there is to say.
 */
static void print_details(list_t *list, json_object *trace)
{
	const char *dir = client_get_string(trace, "directory");
	const char *note = client_get_string(trace, "note");

	if (*dir)
	{
		text_print(list->out, "  %s/%s\n", dir, client_get_string(trace, "file"));
	}
	else
	{
		print_spis(list, trace);
	}
	if (*note)
	{
		text_print(list->out, "  %s: %s\n", client_get_string(trace, "state"), note);
	}
}

/**
 * Print a trace: a row for each capture point.
 */
static void print_trace(list_t *list, json_object *trace)
{
	char sa[512], since[64];
	json_object *points, *point;
	size_t i;

	if (!list->traces)
	{
		text_print(list->out, COLUMNS "%-11s %-19s %10s %14s %8s %8s  %s\n", "CONNECTION",
				   "SA", "POINT", "STATE", "SINCE", "PACKETS", "BYTES", "LOST", "MISSING",
				   "PEER");
	}
	points = json_object_object_get(trace, "points");
	for (i = 0; i < json_object_array_length(points); i++)
	{
		point = json_object_array_get_idx(points, i);
		text_print(list->out, COLUMNS "%-11s %-19s ",
				   i ? "" : client_get_string(trace, "connection"),
				   i ? "" : get_sa(trace, sa, sizeof(sa)),
				   client_get_string(point, "point"),
				   i ? "" : client_get_string(trace, "state"),
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
	char added[64];
	json_object *options;
	bool any = FALSE;
	int i;

	text_print(list->out, "%-7s %-6s since %s, %" PRIu64 " started, %" PRIu64 " ended, %"
			   PRIu64 " failed:", client_get_string(request, "id"),
			   client_get_string(request, "action"),
			   get_time(request, "added", added, sizeof(added)),
			   client_get_number(request, "started"), client_get_number(request, "ended"),
			   client_get_number(request, "failed"));
	for (i = 0; i < countof(names); i++)
	{
		if (json_object_object_get(request, names[i]))
		{
			text_print(list->out, " %s=%s", names[i],
					   client_get_string(request, names[i]));
			any = TRUE;
		}
	}
	options = json_object_object_get(request, "options");
	if (options)
	{
		json_object_object_foreach(options, key, value)
		{
			text_print(list->out, " %s=%s", key, json_object_get_string(value));
		}
	}
	text_print(list->out, "%s\n", any ? "" : " all");
}

/**
 * Print an object as an element of one of two arrays.
 */
static void print_json(list_t *list, bool trace, json_object *object)
{
	json_object_object_del(object, "type");
	if (!trace && !list->requests)
	{
		fputs(list->traces ? "\n],\"requests\":[\n" : "],\"requests\":[\n", list->out);
	}
	fputs((trace ? list->traces : list->requests) ? ",\n" : "", list->out);
	json_print(list->out, object);
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
			text_print(list->out, list->traces ? "\n%-7s ACTION\n" : "%-7s ACTION\n",
					   "REQUEST");
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
		text_print(list->out, "{\"version\":%d,\"traces\":[\n", CLIENT_VERSION);
	}
	end = client->call(client, "list", fields, print, list);
	if (!end)
	{
		return FALSE;
	}
	if (list->json)
	{
		fputs(list->traces + list->requests ? "\n" : "", list->out);
		fputs(list->requests ? "]}\n" : "],\"requests\":[]}\n", list->out);
	}
	else if (!list->traces && !list->requests)
	{
		selection_print_none(list->out == stdout ? stderr : list->out);
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
			fputs(isatty(STDOUT_FILENO) ? CLEAR : "", stdout);
			fputs(now, stdout);
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
