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
 * Options of swanctl.conf that have an option here.
 */
enum {
	OP_FIRST = COMMAND_LONG,
	OP_POINTS = OP_FIRST,
	OP_FILTER,
	OP_SNAPLEN,
	OP_LINK_TYPE,
	OP_FILE_SIZE,
	OP_FILE_DURATION,
	OP_FILES,
	OP_ESP_KEYS,
	OP_IKE_KEYS,
	OP_PACKETS,
};

/** their names in swanctl.conf */
static char *names[] = {
	"points", "filter", "snaplen", "link_type", "file_size", "duration", "files",
	"esp_keys", "ike_keys",
};

/**
 * Add an option of swanctl.conf.
 */
static void add_option(selection_t *selection, json_object *options, char *name,
					   char *value)
{
	if (json_object_object_get(options, name))
	{
		snprintf(selection->error, sizeof(selection->error),
				 "the option %.64s is given twice", name);
	}
	json_object_object_add(options, name, json_object_new_string(value));
}

/**
 * Add an option of swanctl.conf that is given as NAME=VALUE.
 */
static void add_pair(selection_t *selection, json_object *options, char *pair)
{
	char *name = strdup(pair), *value = strchr(name, '=');

	if (value && value != name)
	{
		*value++ = '\0';
		add_option(selection, options, name, value);
	}
	else
	{
		snprintf(selection->error, sizeof(selection->error),
				 "--option %.64s is not NAME=VALUE", pair);
	}
	free(name);
}

/**
 * Run the verb.
 */
static int run(command_line_t *line)
{
	json_object *options = json_object_new_object();
	change_t change;
	char *arg;
	int op;

	change_init(&change);
	while ((op = line->next(line, &arg)))
	{
		if (op >= OP_FIRST && op < OP_FIRST + countof(names))
		{
			add_option(&change.selection, options, names[op - OP_FIRST], arg);
			continue;
		}
		switch (op)
		{
			case 'o':
				add_pair(&change.selection, options, arg);
				break;
			case 'd':
				change_add_time(&change, "duration", "duration", arg);
				break;
			case OP_PACKETS:
				selection_add_number(&change.selection, "packets", "packets", arg);
				break;
			default:
				change_handle(&change, op, arg);
				break;
		}
	}
	if (json_object_object_length(options))
	{
		json_object_object_add(change.selection.fields, "options",
							   json_object_get(options));
	}
	json_object_put(options);
	return change_run(&change, line, TRUE);
}

/**
 * The verb.
 */
command_t command_start = {
	.name = "start",
	.text = "capture what is up or comes up, without changing files",
	.usage = "[OPTION]... [CONNECTION]",
	.help = "Captures the SAs that are selected, those that are up and those that come up,\n"
			"until they are stopped, the duration is over, or charon ends.",
	.run = run,
	.options = {
		CHANGE_OPTIONS,
		{"duration", 'd', "TIME", "end the captures after this time, such as 90s or 15m"},
		{"packets", OP_PACKETS, "NUMBER", "end each capture after this number of packets"},
		{"points", OP_POINTS, "LIST", "capture points, such as esp or plain-in,ike"},
		{"filter", OP_FILTER, "EXPRESSION", "store what matches this pcap filter"},
		{"snaplen", OP_SNAPLEN, "BYTES", "bytes of each packet to store"},
		{"link-type", OP_LINK_TYPE, "TYPE", "nflog or raw"},
		{"file-size", OP_FILE_SIZE, "SIZE", "begin a new file after this size"},
		{"file-duration", OP_FILE_DURATION, "TIME", "begin a new file after this time"},
		{"files", OP_FILES, "NUMBER", "keep this number of files of each trace"},
		{"esp-keys", OP_ESP_KEYS, "YES|NO", "store the keys of CHILD_SAs"},
		{"ike-keys", OP_IKE_KEYS, "YES|NO", "store the keys of IKE_SAs"},
		{"option", 'o', "NAME=VALUE", "any option of the section nflog-capture in\n"
		 "swanctl.conf"},
		{},
	},
};
