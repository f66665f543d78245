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

#include "cli/text.h"
#include "client/selection.h"
#include "commands.h"

/**
 * Print what became of a trace.
 */
static void print(void *data, const char *type, json_object *trace)
{
	const char *dir = client_get_string(trace, "directory");
	const char *former = client_get_string(trace, "former");
	bool interrupted = client_print_interrupted(trace), *any = data;

	*any |= interrupted;
	if (*former)
	{
		text_print(stdout, "%s/%s is complete, continued in %s\n", dir, former,
				   client_get_string(trace, "file"));
	}
	else if (json_object_object_get(trace, "busy"))
	{
		text_print(stderr, "%s/%s was not rotated yet, as the disk is busy\n", dir,
				   client_get_string(trace, "file"));
	}
	else if (*dir && !interrupted)
	{
		text_print(stdout, "%s/%s %s\n", dir, client_get_string(trace, "file"),
				   streq(client_get_string(trace, "state"), "ended")
						? "is complete already" : "has no packets yet");
	}
}

/**
 * Rotate the files of what is selected.
 */
static int rotate(selection_t *selection)
{
	bool interrupted = FALSE;
	json_object *end;
	int status;

	end = selection_call(selection, "rotate", print, &interrupted);
	if (!end)
	{
		return STATUS_ERROR;
	}
	status = interrupted || client_get_number(end, "busy") ? STATUS_BAD : STATUS_GOOD;
	if (!client_get_number(end, "traces"))
	{
		selection_print_none(stderr);
		status = STATUS_BAD;
	}
	json_object_put(end);
	return status;
}

/**
 * Run the verb.
 */
static int run(command_line_t *line)
{
	selection_t selection;
	int op, status;
	char *arg;

	selection_init(&selection);
	while ((op = line->next(line, &arg)))
	{
		selection_handle(&selection, op, arg);
	}
	selection_add_string(&selection, "state", "running");
	status = selection_complete(&selection, line) ? rotate(&selection)
												  : line->refuse(line, "%s",
																 selection.error);
	selection_clear(&selection);
	return status;
}

/**
 * The verb.
 */
command_t command_rotate = {
	.name = "rotate",
	.text = "complete the files of captures, and continue in new ones",
	.usage = "[OPTION]... [CONNECTION]",
	.help = "Completes the files of captures that run, which nobody writes to from then on, and\n"
			"continues in new ones.",
	.run = run,
	.options = {
		SELECTION_OPTIONS,
		{},
	},
};
