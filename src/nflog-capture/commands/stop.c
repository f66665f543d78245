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

#include "client/change.h"
#include "commands.h"

/**
 * Run the verb.
 */
static int run(command_line_t *line)
{
	change_t change;
	char *arg;
	int op;

	change_init(&change);
	while ((op = line->next(line, &arg)))
	{
		if (op == 'd')
		{
			change_add_time(&change, "duration", "duration", arg);
		}
		else
		{
			change_handle(&change, op, arg);
		}
	}
	return change_run(&change, line, FALSE);
}

/**
 * The verb.
 */
command_t command_stop = {
	.name = "stop",
	.text = "end captures, without changing files",
	.usage = "[OPTION]... [CONNECTION]",
	.help = "Ends the captures of the SAs that are selected, and does not capture those that\n"
			"come up, until they are started again, the duration is over, or charon ends.\n"
			"SAs stay up.",
	.run = run,
	.options = {
		CHANGE_OPTIONS,
		{"duration", 'd', "TIME", "only for this time, such as 90s or 15m"},
		{},
	},
};
