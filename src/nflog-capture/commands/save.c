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
#include <libgen.h>
#include <stdlib.h>

#include <collections/linked_list.h>

#include "cli/text.h"
#include "client/saver.h"
#include "client/selection.h"
#include "commands.h"

/**
 * Keep a trace until all were received, as copying takes long.
 */
static void keep(void *data, const char *type, json_object *trace)
{
	linked_list_t *traces = data;

	if (*client_get_string(trace, "directory"))
	{
		client_print_interrupted(trace);
		traces->insert_last(traces, json_object_get(trace));
	}
}

/**
 * Check that a directory is not where the plugin removes files.
 */
static bool is_outside(char *target, const char *dir)
{
	char *base = NULL, *copy = strdup(target), *above, *real;
	bool outside = TRUE;

	/* it need not exist */
	above = realpath(target, NULL) ?: realpath(dirname(copy), NULL);
	if (above && asprintf(&base, "%s/..", dir) > 0)
	{
		real = realpath(base, NULL);
		outside = !real || !strpfx(above, real) ||
				  (above[strlen(real)] && above[strlen(real)] != '/');
		free(real);
	}
	free(base);
	free(copy);
	free(above);
	if (!outside)
	{
		text_print(stderr, "%s is in the directory of the captures, in which the plugin "
				   "removes files: choose another one\n", target);
	}
	return outside;
}

/**
 * Check that a directory is not where the plugin removes files of any trace.
 */
static bool is_outside_all(char *target, linked_list_t *traces)
{
	enumerator_t *enumerator;
	json_object *trace;
	bool outside = TRUE;

	enumerator = traces->create_enumerator(traces);
	while (outside && enumerator->enumerate(enumerator, &trace))
	{
		outside = is_outside(target, client_get_string(trace, "directory"));
	}
	enumerator->destroy(enumerator);
	return outside;
}

/**
 * Copy traces, and their keys if desired.
 */
static int copy(linked_list_t *traces, char *target, bool keys)
{
	enumerator_t *enumerator;
	json_object *trace;
	bool success = TRUE;
	saver_t *saver;
	uint64_t bytes;
	u_int files;

	saver = is_outside_all(target, traces) ? saver_create(target) : NULL;
	if (!saver)
	{
		return STATUS_ERROR;
	}
	enumerator = traces->create_enumerator(traces);
	while (enumerator->enumerate(enumerator, &trace))
	{
		success &= saver->save_trace(saver, client_get_string(trace, "directory"),
									 client_get_string(trace, "first_file"),
									 client_get_string(trace, "file"));
	}
	enumerator->destroy(enumerator);
	if (keys)
	{	/* after the packets, so that none lacks its keys */
		success &= saver->save_keys(saver);
	}
	bytes = saver->get_size(saver, &files);
	saver->destroy(saver);
	text_print(stdout, "copied %u files with %" PRIu64 " bytes to %s\n", files, bytes,
			   target);
	return success ? STATUS_GOOD : files ? STATUS_BAD : STATUS_ERROR;
}

/**
 * Save what is selected.
 */
static int save(selection_t *selection, char *target, bool keys)
{
	linked_list_t *traces;
	json_object *end;
	int status = STATUS_ERROR;

	traces = linked_list_create();
	end = selection_call(selection, "flush", keep, traces);
	if (end && !traces->get_count(traces))
	{
		selection_print_none(stderr);
		status = STATUS_BAD;
	}
	else if (end)
	{
		status = copy(traces, target, keys);
	}
	json_object_put(end);
	traces->destroy_function(traces, (void*)json_object_put);
	return status;
}

/**
 * Print a folder.
 */
static void print_folder(void *data, const char *type, json_object *folder)
{
	if (streq(type, "folder"))
	{
		text_print(stdout, "saved to %s\n", client_get_string(folder, "path"));
	}
}

/**
 * Have recorders save what they hold.
 */
static int record(selection_t *selection)
{
	json_object *end;
	int status = STATUS_GOOD;

	end = selection_call(selection, "record", print_folder, NULL);
	if (!end)
	{
		return STATUS_ERROR;
	}
	if (!client_get_number(end, "folders"))
	{
		text_print(stderr, "no recorder has captured anything like this\n");
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
	char *arg, *target = NULL, *state = "running", *reason = NULL;
	selection_t selection;
	bool keys = FALSE, recorder = FALSE;
	int op, status;

	selection_init(&selection);
	while ((op = line->next(line, &arg)))
	{
		switch (op)
		{
			case 'k':
				keys = TRUE;
				break;
			case 'e':
				state = "ended";
				break;
			case 'r':
				recorder = TRUE;
				break;
			case 'R':
				reason = arg;
				break;
			default:
				selection_handle(&selection, op, arg);
				break;
		}
	}
	if (reason)
	{
		selection_add_string(&selection, "reason", reason);
	}
	if (!recorder)
	{
		selection_add_string(&selection, "state", state);
	}
	if (!recorder && line->count)
	{	/* the others are what is selected */
		target = line->operands[0];
		line->operands++;
		line->count--;
	}
	if (reason && !recorder)
	{
		status = line->refuse(line, "--reason requires --recorder");
	}
	else if (recorder && (keys || !streq(state, "running")))
	{
		status = line->refuse(line, "--recorder saves the keys of what it holds by itself, "
							  "leave out --keys and --ended");
	}
	else if (!recorder && !target)
	{
		status = line->refuse(line, "the directory for the copies is missing");
	}
	else if (!selection_complete(&selection, line))
	{
		status = line->refuse(line, "%s", selection.error);
	}
	else if (recorder)
	{
		status = record(&selection);
	}
	else
	{
		status = save(&selection, target, keys);
	}
	selection_clear(&selection);
	return status;
}

/**
 * The verb.
 */
command_t command_save = {
	.name = "save",
	.text = "copy what captures have right now",
	.usage = "[OPTION]... DIR [CONNECTION] | --recorder [CONNECTION]",
	.help = "Copies the files of captures that run to a directory, so that rings and the disk\n"
			"budget do not remove them. DIR gets a directory for each connection. With --recorder,\n"
			"saves what the recorder of a connection holds, or all of them, and what follows.",
	.run = run,
	.options = {
		SELECTION_OPTIONS,
		{"ended", 'e', NULL, "copy captures that ended, not those that run"},
		{"keys", 'k', NULL, "copy the key tables, too"},
		{"recorder", 'r', NULL, "have recorders save what they hold to folders of their own"},
		{"reason", 'R', "TEXT", "with --recorder: a text for the summary"},
		{},
	},
};
