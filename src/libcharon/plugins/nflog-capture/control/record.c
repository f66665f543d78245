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

#include "record.h"

/** time to wait for folders, which the client waits for as well, and between two looks if it
 * is still there, in ms */
#define TIMEOUT 75000
#define INTERVAL 500

/*
 * Described in header
 */
json_object *nflog_record(nflog_channel_t *channel, nflog_recorder_t *recorder,
						  nflog_fields_t *fields)
{
	char *conn, *reason, *paths = NULL, *path, *next = NULL;
	u_int left = TIMEOUT, folders = 0;
	json_object *object;
	uint64_t number;

	conn = nflog_fields_string(fields, "connection");
	reason = nflog_fields_string(fields, "reason");
	if (!nflog_fields_check(fields))
	{
		channel->send_error(channel, "invalid", "%s", fields->error);
		return NULL;
	}
	number = recorder->request(recorder, conn, reason);
	while (!recorder->wait(recorder, number, INTERVAL, &paths))
	{
		left -= min(left, INTERVAL);
		if (!left || !channel->is_open(channel))
		{
			channel->send_error(channel, "pending", "the folders are being filled, "
								"recorder_after is long, charon's log will have their paths");
			return NULL;
		}
	}
	for (path = strtok_r(paths, "\n", &next); path; path = strtok_r(NULL, "\n", &next))
	{
		folders++;
		object = json_object_new_object();
		json_object_object_add(object, "type", json_object_new_string("folder"));
		json_object_object_add(object, "path", nflog_channel_string(path));
		channel->send(channel, object);
	}
	free(paths);
	object = json_object_new_object();
	json_object_object_add(object, "folders", json_object_new_int(folders));
	return object;
}
