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

#include <collections/hashtable.h>

#include "captures/capture_keys.h"
#include "captures/captures.h"
#include "cli/json.h"
#include "client/written.h"
#include "commands.h"
#include "report/astray.h"
#include "report/report.h"

/** option without a short form */
enum {
	OPT_JSON = COMMAND_LONG,
	OPT_DIR,
};

typedef struct request_t request_t;

/**
 * What the verb was called for.
 */
struct request_t {
	/** options and operands */
	command_line_t *line;
	/** key files, char* */
	array_t *keys;
	/** directory or connection with the peer's traces, NULL for none */
	char *peer;
	/** TRUE for JSON */
	bool json;
	/** directory of all connections */
	char *base;
	/** our traces, those of the peer, and both */
	captures_t *ours, *theirs, *all;
};

/**
 * Check if a trace is one of the peer.
 */
static bool is_theirs(request_t *this, capture_t *capture)
{
	enumerator_t *enumerator;
	capture_t *current;
	bool found = FALSE;

	enumerator = this->theirs->create_enumerator(this->theirs);
	while (!found && enumerator->enumerate(enumerator, &current))
	{
		found = streq(current->dir, capture->dir) && streq(current->name, capture->name);
	}
	enumerator->destroy(enumerator);
	return found;
}

CALLBACK(filter_way, bool,
	void *unused, enumerator_t *orig, va_list args)
{
	capture_t *capture, **out;

	VA_ARGS_VGET(args, out);
	while (orig->enumerate(orig, &capture))
	{
		if (capture->kind != CAPTURE_ASTRAY)
		{
			*out = capture;
			return TRUE;
		}
	}
	return FALSE;
}

/**
 * Read all packets, but those that went astray.
 *
 * @return			exit status
 */
static int read_packets(request_t *this, report_t *report)
{
	hashtable_t *peers = hashtable_create(hashtable_hash_ptr, hashtable_equals_ptr, 8);
	enumerator_t *enumerator;
	merged_packet_t merged;
	capture_t *capture;
	merge_t *merge;
	int status;

	enumerator = this->all->create_enumerator(this->all);
	while (enumerator->enumerate(enumerator, &capture))
	{
		if (is_theirs(this, capture))
		{
			peers->put(peers, capture, capture);
		}
	}
	enumerator->destroy(enumerator);
	merge = merge_create(enumerator_create_filter(
						this->all->create_enumerator(this->all), filter_way, NULL, NULL));
	while (merge->read(merge, &merged))
	{
		report->add(report, &merged, peers->get(peers, merged.capture) != NULL);
	}
	status = merge->is_torn(merge) ? STATUS_BAD : STATUS_GOOD;
	merge->destroy(merge);
	peers->destroy(peers);
	return status;
}

/**
 * Print the report of traces.
 */
static int print_report(request_t *this)
{
	decrypter_t *decrypter = NULL;
	json_object *object;
	keyring_t *keys;
	report_t *report;
	int status;

	if (!capture_keys_read(this->keys, captures_filter_dirs(
						this->ours->create_enumerator(this->ours)), FALSE, &keys))
	{
		return STATUS_ERROR;
	}
	if (keys)
	{
		decrypter = capture_keys_create_decrypter(keys,
										this->ours->create_enumerator(this->ours));
	}
	report = report_create(decrypter);
	status = read_packets(this, report);
	object = report->get_json(report);
	json_object_object_add(object, "astray", astray_describe(
						this->ours->create_enumerator(this->ours), &status));
	if (this->json)
	{
		json_print(stdout, object);
		fputc('\n', stdout);
	}
	else
	{
		report_print(object);
	}
	json_object_put(object);
	report->destroy(report);
	DESTROY_IF(decrypter);
	DESTROY_IF(keys);
	return status;
}

/**
 * Find the traces, and report.
 */
static int run_request(request_t *this)
{
	command_line_t *line = this->line;
	bool success = TRUE;
	int i;

	if (!line->count)
	{
		return line->refuse(line, "a trace, directory or connection is missing");
	}
	written_await(this->base, line->operands, line->count);
	for (i = 0; i < line->count && success; i++)
	{
		success = this->ours->add(this->ours, line->operands[i]) &&
				  this->all->add(this->all, line->operands[i]);
	}
	if (this->peer)
	{
		success = success && this->theirs->add(this->theirs, this->peer) &&
				  this->all->add(this->all, this->peer);
	}
	return success ? print_report(this) : STATUS_ERROR;
}

/**
 * Run the verb.
 */
static int run(command_line_t *line)
{
	request_t request = {
		.line = line,
		.keys = array_create(0, 0),
		.base = captures_get_base(),
	};
	int op, status;
	char *arg;

	while ((op = line->next(line, &arg)))
	{
		switch (op)
		{
			case 'k':
				array_insert(request.keys, ARRAY_TAIL, arg);
				break;
			case 'p':
				request.peer = arg;
				break;
			case OPT_JSON:
				request.json = TRUE;
				break;
			case OPT_DIR:
				free(request.base);
				request.base = strdup(arg);
				break;
		}
	}
	request.ours = captures_create(request.base);
	request.theirs = captures_create(request.base);
	request.all = captures_create(request.base);
	status = run_request(&request);
	request.ours->destroy(request.ours);
	request.theirs->destroy(request.theirs);
	request.all->destroy(request.all);
	array_destroy(request.keys);
	free(request.base);
	return status;
}

/**
 * The verb.
 */
command_t command_report = {
	.name = "report",
	.text = "say what traces show: loss, delay, MTU, IKE exchanges",
	.usage = "[OPTION]... TRACE|DIRECTORY|CONNECTION...",
	.help = "Reports on the packets of each SA: rate, loss and reordering by sequence\n"
			"numbers, time through the gateway, packets that never came out, sizes, and a\n"
			"timeline of IKE. With the peer's traces, also loss and delay on the way.",
	.run = run,
	.options = {
		{"key-file", 'k', "KEYS", "key file (default: keys, next to the traces)"},
		{"peer", 'p', "PEER", "trace, directory or connection that the peer captured"},
		{"json", OPT_JSON, NULL, "print a JSON object"},
		{"dir", OPT_DIR, "DIR",
		 "directory of connections (default: the plugin's option dir)"},
		{},
	},
};
