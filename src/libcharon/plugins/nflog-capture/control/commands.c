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

#include "commands.h"
#include "change.h"
#include "fields.h"
#include "list.h"
#include "record.h"
#include "rotate.h"

/** how deep a command may be nested: objects in an array in an object */
#define MAX_DEPTH 4

typedef struct private_nflog_commands_t private_nflog_commands_t;

/**
 * Private data.
 */
struct private_nflog_commands_t {

	/**
	 * Public interface.
	 */
	nflog_commands_t public;

	/**
	 * Has the traces, not owned.
	 */
	nflog_pipeline_t *pipeline;

	/**
	 * Has the requests to start and stop captures, not owned.
	 */
	nflog_requests_t *requests;
};

/**
 * Send the last object of an answer.
 *
 * @param end			object to complete, gets owned
 */
static void send_end(nflog_channel_t *channel, json_object *end)
{
	json_object_object_add(end, "type", json_object_new_string("end"));
	json_object_object_add(end, "version", json_object_new_int(NFLOG_CHANNEL_VERSION));
	channel->send(channel, end);
}

/**
 * List traces, and unless a state is given, requests.
 */
static void list(private_nflog_commands_t *this, nflog_channel_t *channel,
				 nflog_fields_t *fields)
{
	nflog_selection_t selection;
	json_object *end;
	u_int count;

	nflog_selection_init(&selection, fields);
	if (!nflog_fields_check(fields))
	{
		channel->send_error(channel, "invalid", "%s", fields->error);
		return;
	}
	count = nflog_list_send(channel, this->pipeline->registry, &selection);
	end = json_object_new_object();
	json_object_object_add(end, "traces", json_object_new_int(count));
	if (!selection.state)
	{
		count = nflog_change_list(channel, this->requests, &selection.criteria);
		json_object_object_add(end, "requests", json_object_new_int(count));
	}
	send_end(channel, end);
}

/**
 * Handle traces.
 */
static void handle(private_nflog_commands_t *this, nflog_channel_t *channel,
				   nflog_fields_t *fields, bool rotate)
{
	nflog_selection_t selection;
	json_object *end;

	nflog_selection_init(&selection, fields);
	/* what they have is wanted in particular */
	selection.interrupted = TRUE;
	if (!nflog_fields_check(fields))
	{
		channel->send_error(channel, "invalid", "%s", fields->error);
		return;
	}
	end = json_object_new_object();
	nflog_rotate(channel, this->pipeline, &selection, rotate, end);
	send_end(channel, end);
}

/**
 * Rotate the files of traces.
 */
static void rotate(private_nflog_commands_t *this, nflog_channel_t *channel,
				   nflog_fields_t *fields)
{
	handle(this, channel, fields, TRUE);
}

/**
 * Write what is in memory to the files of traces.
 */
static void flush(private_nflog_commands_t *this, nflog_channel_t *channel,
				  nflog_fields_t *fields)
{
	handle(this, channel, fields, FALSE);
}

/**
 * Start captures.
 */
static void start(private_nflog_commands_t *this, nflog_channel_t *channel,
				  nflog_fields_t *fields)
{
	json_object *end;

	end = nflog_change(channel, this->pipeline->registry, this->requests, fields, TRUE);
	if (end)
	{
		send_end(channel, end);
	}
}

/**
 * Stop captures.
 */
static void stop(private_nflog_commands_t *this, nflog_channel_t *channel,
				 nflog_fields_t *fields)
{
	json_object *end;

	end = nflog_change(channel, this->pipeline->registry, this->requests, fields, FALSE);
	if (end)
	{
		send_end(channel, end);
	}
}

/**
 * Remove a request.
 */
static void withdraw(private_nflog_commands_t *this, nflog_channel_t *channel,
					 nflog_fields_t *fields)
{
	uint32_t id;

	id = nflog_fields_number(fields, "request", UINT32_MAX);
	if (!nflog_fields_check(fields))
	{
		channel->send_error(channel, "invalid", "%s", fields->error);
	}
	else if (!this->requests->remove(this->requests, id))
	{
		channel->send_error(channel, "unknown-request", "there is no request %u", id);
	}
	else
	{
		send_end(channel, json_object_new_object());
	}
}

/**
 * Withdraw all requests.
 */
static void withdraw_all(private_nflog_commands_t *this, nflog_channel_t *channel,
						 nflog_fields_t *fields)
{
	json_object *end;

	if (!nflog_fields_check(fields))
	{
		channel->send_error(channel, "invalid", "%s", fields->error);
		return;
	}
	end = json_object_new_object();
	json_object_object_add(end, "requests", json_object_new_int(
									this->requests->remove_all(this->requests)));
	send_end(channel, end);
}

/**
 * Save what recorders hold.
 */
static void record(private_nflog_commands_t *this, nflog_channel_t *channel,
				   nflog_fields_t *fields)
{
	json_object *end;

	end = nflog_record(channel, this->pipeline->recorder, fields);
	if (end)
	{
		send_end(channel, end);
	}
}

/**
 * All commands.
 */
static const struct {
	/** name */
	char *name;
	/** runs it */
	void (*run)(private_nflog_commands_t *this, nflog_channel_t *channel,
				nflog_fields_t *fields);
} commands[] = {
	{ "list", list },
	{ "rotate", rotate },
	{ "flush", flush },
	{ "start", start },
	{ "stop", stop },
	{ "withdraw", withdraw },
	{ "withdraw-all", withdraw_all },
	{ "record", record },
};

/**
 * Run a command that was parsed.
 */
static void dispatch(private_nflog_commands_t *this, nflog_channel_t *channel,
					 nflog_fields_t *fields)
{
	uint64_t version;
	char *name;
	int i;

	version = nflog_fields_number(fields, "version", UINT32_MAX);
	name = nflog_fields_string(fields, "command");
	if (!version || !name)
	{
		channel->send_error(channel, "invalid", "%s", fields->error[0] ? fields->error :
							"fields 'version' and 'command' are required");
		return;
	}
	if (version != NFLOG_CHANNEL_VERSION)
	{
		channel->send_error(channel, "version", "version %u is not supported, the plugin "
				"has version %u, use the nflog-capture that was installed with it",
				(u_int)version, NFLOG_CHANNEL_VERSION);
		return;
	}
	for (i = 0; i < countof(commands); i++)
	{
		if (streq(commands[i].name, name))
		{
			commands[i].run(this, channel, fields);
			return;
		}
	}
	channel->send_error(channel, "unknown-command", "command '%.64s' is unknown", name);
}

/**
 * Check if there are only ASCII characters in a line.
 */
static bool is_ascii(char *line, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
	{
		if (line[i] & 0x80)
		{
			return FALSE;
		}
	}
	return TRUE;
}

METHOD(nflog_commands_t, run, void,
	private_nflog_commands_t *this, nflog_channel_t *channel, char *line, size_t len)
{
	json_tokener *tokener = json_tokener_new_ex(MAX_DEPTH);
	enum json_tokener_error error;
	nflog_fields_t fields;
	json_object *object;

	/* if it is strict, json-c 0.18 takes all others for control characters */
	if (is_ascii(line, len))
	{
		json_tokener_set_flags(tokener, JSON_TOKENER_STRICT);
	}
	/* with the null byte, so that a number in the end is complete */
	object = json_tokener_parse_ex(tokener, line, len + 1);
	error = json_tokener_get_error(tokener);
	if (error != json_tokener_success ||
		json_tokener_get_parse_end(tokener) < len ||
		!json_object_is_type(object, json_type_object))
	{
		channel->send_error(channel, "syntax", "the line is no JSON object%s%s",
							error ? ": " : "", error ? json_tokener_error_desc(error) : "");
		json_object_put(object);
	}
	else
	{
		nflog_fields_init(&fields, object);
		dispatch(this, channel, &fields);
		nflog_fields_clear(&fields);
	}
	json_tokener_free(tokener);
}

METHOD(nflog_commands_t, destroy, void,
	private_nflog_commands_t *this)
{
	free(this);
}

/*
 * Described in header
 */
nflog_commands_t *nflog_commands_create(nflog_pipeline_t *pipeline,
										nflog_requests_t *requests)
{
	private_nflog_commands_t *this;

	INIT(this,
		.public = {
			.run = _run,
			.destroy = _destroy,
		},
		.pipeline = pipeline,
		.requests = requests,
	);
	return &this->public;
}
