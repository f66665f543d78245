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

#include "change.h"
#include "cli/text.h"

#include <errno.h>
#include <inttypes.h>

/** longest time, in s, that of the plugin */
#define MAX_TIME (10ULL * 365 * 24 * 3600)

/*
 * Described in header
 */
void change_init(change_t *change)
{
	memset(change, 0, sizeof(*change));
	selection_init(&change->selection);
}

/*
 * Described in header
 */
void change_handle(change_t *change, int op, char *arg)
{
	switch (op)
	{
		case 'a':
			change->all = TRUE;
			break;
		case 'r':
			change->request = arg;
			break;
		default:
			selection_handle(&change->selection, op, arg);
			break;
	}
}

/*
 * Described in header
 */
void change_add_time(change_t *change, char *name, char *option, char *value)
{
	static const struct {
		char suffix;
		u_int seconds;
	} units[] = {
		{ 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 }, { '\0', 1 },
	};
	selection_t *selection = &change->selection;
	unsigned long long number;
	char *end;
	int i;

	errno = 0;
	number = strtoull(value, &end, 10);
	for (i = 0; i < countof(units); i++)
	{
		if (*value >= '0' && *value <= '9' && !errno && number &&
			*end == units[i].suffix && !end[*end ? 1 : 0] &&
			number <= MAX_TIME / units[i].seconds)
		{
			selection_refuse_twice(selection, name);
			json_object_object_add(selection->fields, name,
								   json_object_new_uint64(number * units[i].seconds));
			return;
		}
	}
	snprintf(selection->error, sizeof(selection->error), "--%s requires a time such "
			 "as 90, 90s, 15m, 2h, or 1d, not '%.64s'", option, value);
}

/**
 * Print a trace that began or ended, or could not.
 */
static void print(void *data, const char *type, json_object *trace)
{
	const char *state = client_get_string(trace, "state");
	bool *interrupted = data;
	char *where;

	if (client_print_interrupted(trace))
	{
		*interrupted = TRUE;
		return;
	}
	if (streq(state, "failed"))
	{
		text_print(stderr, "%s{%" PRIu64 "} of connection %s is not captured: %s\n",
				   client_get_string(trace, "child"),
				   client_get_number(trace, "child_id"),
				   client_get_string(trace, "connection"),
				   client_get_string(trace, "note"));
		return;
	}
	where = streq(state, "ended") ? "complete:" : "capturing to";
	text_print(stdout, "%s %s/%s\n", where, client_get_string(trace, "directory"),
			   client_get_string(trace, "file"));
	if (*client_get_string(trace, "note"))
	{
		text_print(stderr, "%s\n", client_get_string(trace, "note"));
	}
}

/**
 * Print what a request did.
 *
 * @param options	TRUE if it has options for captures
 * @return			exit status
 */
static int print_result(json_object *end, bool start, bool options)
{
	uint64_t started = client_get_number(end, "started");
	uint64_t running = client_get_number(end, "running");
	uint64_t ended = client_get_number(end, "ended");
	uint64_t failed = client_get_number(end, "failed");
	uint64_t follows = client_get_number(end, "follows");
	uint64_t without = client_get_number(end, "without_keys");
	bool applied = client_get_number(end, "applied");

	text_print(stdout, "request %" PRIu64 ": ", client_get_number(end, "request"));
	if (start)
	{
		text_print(stdout, "%" PRIu64 " SAs captured from now on, %" PRIu64 " captured "
				   "already\n", started, running);
	}
	else
	{
		text_print(stdout, "%" PRIu64 " SAs captured no longer\n", ended);
	}
	if (applied && !(started + running + ended + failed))
	{
		text_print(stdout, "none is up%s, those that come up are %scaptured\n",
				   start ? "" : " that was captured", start ? "" : "not ");
	}
	if (running && options)
	{
		text_print(stdout, "what is captured already keeps its options, stop it first to "
				   "change them\n");
	}
	if (without)
	{
		text_print(stderr, "the keys of %" PRIu64 " of these SAs are not known until "
				   "they are rekeyed\n", without);
	}
	if (failed)
	{
		text_print(stderr, "%" PRIu64 " SAs could not be captured, charon's log has the "
				   "reason\n", failed);
	}
	if (follows)
	{
		text_print(stderr, "%" PRIu64 " SAs follow once their former capture has ended\n",
				   follows);
	}
	if (!applied && !follows)
	{
		text_print(stderr, "charon is busy with some IKE_SAs, they follow as soon as it "
				   "is not\n");
	}
	return failed || !applied ? STATUS_BAD : STATUS_GOOD;
}

/**
 * Get the name of the command.
 */
static char *get_command(change_t *change, bool start)
{
	if (change->request)
	{
		return streq(change->request, "all") ? "withdraw-all" : "withdraw";
	}
	return start ? "start" : "stop";
}

/**
 * Have the plugin run the command.
 */
static int call(change_t *change, bool start)
{
	bool interrupted = FALSE, options;
	json_object *end;
	int status;

	options = json_object_object_get_ex(change->selection.fields, "options", NULL);
	end = selection_call(&change->selection, get_command(change, start), print,
						 &interrupted);
	if (!end)
	{
		return STATUS_ERROR;
	}
	status = change->request ? STATUS_GOOD : print_result(end, start, options);
	json_object_put(end);
	return interrupted ? STATUS_BAD : status;
}

/*
 * Described in header
 */
int change_run(change_t *change, command_line_t *line, bool start)
{
	selection_t *selection = &change->selection;
	int others, status;

	others = json_object_object_length(selection->fields);
	if (change->request && !streq(change->request, "all"))
	{
		selection_add_number(selection, "request", "request", change->request);
	}
	if (!selection_complete(selection, line))
	{
		status = line->refuse(line, "%s", selection->error);
	}
	else if (change->request && (others || line->count || change->all))
	{
		status = line->refuse(line, "--request can't be combined with other options");
	}
	else if (!change->request && !change->all && !selection_has_criteria(selection))
	{
		status = line->refuse(line, "choose what to %s, or use --all",
							  start ? "capture" : "stop");
	}
	else if (change->all && selection_has_criteria(selection))
	{
		status = line->refuse(line, "--all can't be combined with what selects SAs");
	}
	else
	{
		status = call(change, start);
	}
	selection_clear(selection);
	return status;
}
