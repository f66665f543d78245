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

#include "selection.h"
#include "cli/text.h"

#include <errno.h>

/*
 * Described in header
 */
void selection_init(selection_t *selection)
{
	memset(selection, 0, sizeof(*selection));
	selection->fields = json_object_new_object();
}

/*
 * Described in header
 */
void selection_refuse_twice(selection_t *selection, char *name)
{
	if (json_object_object_get(selection->fields, name))
	{
		snprintf(selection->error, sizeof(selection->error),
				 "the option for '%s' is given twice", name);
	}
}

/*
 * Described in header
 */
void selection_add_string(selection_t *selection, char *name, char *value)
{
	selection_refuse_twice(selection, name);
	json_object_object_add(selection->fields, name, json_object_new_string(value));
}

/*
 * Described in header
 */
void selection_add_number(selection_t *selection, char *name, char *option, char *value)
{
	unsigned long long number;
	char *end;

	errno = 0;
	number = strtoull(value, &end, 10);
	if (errno || *end || *value < '0' || *value > '9' || !number || number > INT64_MAX)
	{
		snprintf(selection->error, sizeof(selection->error), "--%s requires a number "
				 "above 0, not '%.64s'", option, value);
		return;
	}
	selection_refuse_twice(selection, name);
	json_object_object_add(selection->fields, name, json_object_new_uint64(number));
}

/*
 * Described in header
 */
bool selection_handle(selection_t *selection, int op, char *arg)
{
	switch (op)
	{
		case 'c':
			selection_add_string(selection, "connection", arg);
			break;
		case 'n':
			selection_add_string(selection, "child", arg);
			break;
		case 'i':
			selection_add_number(selection, "ike_id", "ike-id", arg);
			break;
		case 'u':
			selection_add_number(selection, "child_id", "child-id", arg);
			break;
		case 'p':
			selection_add_string(selection, "spi", arg);
			break;
		case 'I':
			selection_add_string(selection, "identity", arg);
			break;
		case 'V':
			selection_add_string(selection, "virtual_ip", arg);
			break;
		case 's':
			selection->socket = arg;
			if (!*arg)
			{
				snprintf(selection->error, sizeof(selection->error),
						 "--socket requires a path");
			}
			break;
		default:
			return FALSE;
	}
	return TRUE;
}

/*
 * Described in header
 */
bool selection_complete(selection_t *selection, command_line_t *line)
{
	if (line->count > 1)
	{
		snprintf(selection->error, sizeof(selection->error),
				 "only one connection can be given");
	}
	else if (line->count && json_object_object_get(selection->fields, "connection"))
	{
		snprintf(selection->error, sizeof(selection->error),
				 "the connection is given twice, as %.64s and with --connection",
				 line->operands[0]);
	}
	else if (line->count)
	{
		selection_add_string(selection, "connection", line->operands[0]);
	}
	return !selection->error[0];
}

/*
 * Described in header
 */
bool selection_is_set(selection_t *selection)
{
	return json_object_object_length(selection->fields) > 0;
}

/*
 * Described in header
 */
bool selection_has_criteria(selection_t *selection)
{
	static char *names[] = {
		"connection", "child", "ike_id", "child_id", "spi", "identity", "virtual_ip",
	};
	int i;

	for (i = 0; i < countof(names); i++)
	{
		if (json_object_object_get(selection->fields, names[i]))
		{
			return TRUE;
		}
	}
	return FALSE;
}

/*
 * Described in header
 */
json_object *selection_call(selection_t *selection, char *name, client_cb_t cb, void *data)
{
	json_object *end = NULL;
	client_t *client;

	client = client_create(selection->socket);
	if (client)
	{
		end = client->call(client, name, selection->fields, cb, data);
		client->destroy(client);
	}
	return end;
}

/*
 * Described in header
 */
void selection_print_none(FILE *file)
{
	text_print(file, "nothing like this is captured\n");
}

/*
 * Described in header
 */
void selection_clear(selection_t *selection)
{
	json_object_put(selection->fields);
}
