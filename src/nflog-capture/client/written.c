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

#include "written.h"
#include "client.h"
#include "captures/captures.h"

#include <unistd.h>

/**
 * Wait for the packets of a connection.
 *
 * @return			FALSE if the plugin can't be asked
 */
static bool await(char *conn)
{
	json_object *fields, *end;
	client_t *client;

	client = client_create_if_served();
	if (!client)
	{
		return FALSE;
	}
	fields = json_object_new_object();
	json_object_object_add(fields, "connection", json_object_new_string(conn));
	end = client->call(client, "flush", fields, NULL, NULL);
	json_object_put(fields);
	client->destroy(client);
	json_object_put(end);
	return end != NULL;
}

/*
 * Described in header
 */
void written_await(char *base, char *operands[], int count)
{
	char *standard = captures_get_base();
	bool served = streq(base, standard);
	int i;

	for (i = 0; served && i < count; i++)
	{
		if (!streq(operands[i], "-") && access(operands[i], F_OK) != 0)
		{
			served = await(operands[i]);
		}
	}
	free(standard);
}
