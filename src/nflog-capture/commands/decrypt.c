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
#include <libgen.h>
#include <sys/stat.h>

#include <collections/linked_list.h>

#include "commands/commands.h"
#include "decrypter.h"
#include "pcapng.h"
#include "trace.h"
#include "workers.h"

/**
 * Packets of several traces.
 */
typedef struct {
	/** enumerator over trace_t */
	enumerator_t *traces;
	/** the one that is read, NULL for none */
	trace_t *trace;
	/** TRUE if one could not be read to its end */
	bool torn;
} source_t;

/**
 * Read the next packet, see workers_read_t.
 */
static bool read_packet(void *data, trace_packet_t *packet)
{
	source_t *source = data;

	while (!source->trace || !source->trace->read(source->trace, packet))
	{
		source->torn |= source->trace && source->trace->is_torn(source->trace);
		if (!source->traces->enumerate(source->traces, &source->trace))
		{
			source->trace = NULL;
			return FALSE;
		}
		if (!source->trace->rewind(source->trace))
		{
			source->torn = TRUE;
			source->trace = NULL;
		}
	}
	return TRUE;
}

/**
 * Decrypt traces that are open.
 *
 * @return			exit status, STATUS_ERROR if the output is not complete
 */
static int write_traces(linked_list_t *traces, decrypter_t *decrypter,
						output_t *output)
{
	source_t source = {
		.traces = traces->create_enumerator(traces),
	};
	pcapng_t *pcapng;

	pcapng = pcapng_create(output);
	/* finish() prints why writing failed */
	workers_run(read_packet, &source, decrypter, pcapng);
	pcapng->destroy(pcapng);
	source.traces->destroy(source.traces);
	if (!output->finish(output))
	{
		return STATUS_ERROR;
	}
	return decrypter->is_good(decrypter) && !source.torn ? STATUS_GOOD : STATUS_BAD;
}

/**
 * Open all traces, and have the decrypter learn from them.
 *
 * @param traces	receives trace_t
 */
static bool open_traces(char **paths, decrypter_t *decrypter, linked_list_t *traces)
{
	trace_packet_t packet;
	trace_t *trace;
	int i;

	for (i = 0; paths[i]; i++)
	{
		trace = trace_create(paths[i]);
		if (!trace)
		{
			return FALSE;
		}
		traces->insert_last(traces, trace);
		while (trace->read(trace, &packet) &&
			   decrypter->learn(decrypter, packet.ip))
		{
			/* until nothing is left to learn */
		}
		trace->close(trace);
	}
	return TRUE;
}

/**
 * Decrypt traces to one file.
 *
 * @param paths		paths of traces, NULL-terminated
 */
static int decrypt_traces(char **paths, keyring_t *keys, output_t *output,
						  FILE *report)
{
	decrypter_t *decrypter;
	linked_list_t *traces;
	int status = STATUS_ERROR;

	traces = linked_list_create();
	decrypter = decrypter_create(keys);
	if (open_traces(paths, decrypter, traces))
	{
		status = write_traces(traces, decrypter, output);
		if (status != STATUS_ERROR)
		{
			decrypter->print(decrypter, report);
			if (fflush(report) != 0)
			{
				fprintf(stderr, "unable to write to stdout: %s\n",
						strerror(errno));
				status = STATUS_BAD;
			}
		}
		if (status == STATUS_GOOD && keys->get_errors(keys))
		{
			status = STATUS_BAD;
		}
	}
	traces->destroy_offset(traces, offsetof(trace_t, destroy));
	decrypter->destroy(decrypter);
	return status;
}

/**
 * Check if a trace is a file, so that keys and output can be next to it.
 */
static bool has_folder(char *trace)
{
	struct stat st;

	/* one that does not exist is reported when it is opened */
	return !streq(trace, "-") && (stat(trace, &st) != 0 || S_ISREG(st.st_mode) ||
								  S_ISDIR(st.st_mode));
}

/**
 * Get the path of the key file next to a trace, allocated.
 */
static char *get_keys_path(char *trace)
{
	char *copy = strdup(trace), *path;

	if (asprintf(&path, "%s/keys", dirname(copy)) < 0)
	{
		path = NULL;
	}
	free(copy);
	return path;
}

/**
 * Get the path of the file to write, allocated.
 */
static char *get_output_path(char *trace)
{
	static char suffix[] = ".pcap";
	size_t len = strlen(trace);
	char *path;

	if (len > strlen(suffix) && streq(trace + len - strlen(suffix), suffix))
	{
		len -= strlen(suffix);
	}
	if (asprintf(&path, "%.*s.decrypted.pcapng", (int)len, trace) < 0)
	{
		path = NULL;
	}
	return path;
}

/**
 * Decrypt traces with key files.
 *
 * @param inputs	paths of key files, followed by those of traces, NULL-terminated
 * @param count		number of key files
 * @param path		path of the file to write
 */
static int decrypt_files(char **inputs, int count, char *path)
{
	int i, status = STATUS_ERROR;
	output_t *output = NULL;
	keyring_t *keys;
	bool success;

	keys = keyring_create(inputs[0]);
	success = keys != NULL;
	for (i = 1; success && i < count; i++)
	{
		success = keys->add(keys, inputs[i]);
	}
	if (success)
	{
		output = output_create(path, inputs);
	}
	if (output)
	{
		status = decrypt_traces(inputs + count, keys, output,
								streq(path, "-") ? stderr : stdout);
		output->destroy(output);
	}
	DESTROY_IF(keys);
	return status;
}

/**
 * Check if stdin is among some paths.
 */
static bool has_stdin(char *paths[])
{
	int i;

	for (i = 0; paths[i]; i++)
	{
		if (streq(paths[i], "-"))
		{
			return TRUE;
		}
	}
	return FALSE;
}

/**
 * Decrypt traces with the files that are next to the first one, unless others are given.
 *
 * @param inputs	key files, NULL-terminated, with place for as many traces as there are
 * @param output	path of the file to write, NULL for none given
 */
static int decrypt(command_line_t *line, char *inputs[], int count, char *output)
{
	char *keys = NULL, *path = NULL, *first = line->operands[0];
	int status;

	if (has_stdin(inputs) && has_stdin(line->operands))
	{
		return line->refuse(line, "stdin has either keys or a trace");
	}
	if ((!count || !output) && !has_folder(first))
	{
		return line->refuse(line, "%s is no regular file, give the key file with -k "
							"and the output with -o", first);
	}
	if (!command_load_algorithms())
	{
		return STATUS_ERROR;
	}
	if (!count)
	{
		inputs[count++] = keys = get_keys_path(first);
	}
	if (!output)
	{
		output = path = get_output_path(first);
	}
	memcpy(inputs + count, line->operands, line->count * sizeof(char*));
	status = decrypt_files(inputs, count, output);
	free(keys);
	free(path);
	return status;
}

/**
 * Run the verb.
 */
static int run(command_line_t *line)
{
	char *arg, *output = NULL, **inputs;
	int op, count = 0, status;

	/* one more for the default key file, and one for NULL */
	inputs = calloc(line->options + line->count + 2, sizeof(char*));
	while ((op = line->next(line, &arg)))
	{
		switch (op)
		{
			case 'k':
				inputs[count++] = arg;
				break;
			case 'o':
				output = arg;
				break;
		}
	}
	if (line->count)
	{
		status = decrypt(line, inputs, count, output);
	}
	else
	{
		status = line->refuse(line, "a trace is missing");
	}
	free(inputs);
	return status;
}

/**
 * The verb.
 */
command_t command_decrypt = {
	.name = "decrypt",
	.text = "decrypt traces, and check their ICVs",
	.usage = "[-k KEYS]... [-o FILE] TRACE...",
	.help = "Decrypts traces to a pcapng file, in which each decrypted packet follows the\n"
			"encrypted one, and checks the ICVs. Several traces are read as one, like\n"
			"those of a ring.",
	.run = run,
	.options = {
		{"keys", 'k', "KEYS",
		 "key file (default: keys, next to the first trace), - for\n"
		 "stdin, a table of Wireshark, output of 'ip xfrm state', or\n"
		 "a file for tcpdump -E; give several for tunnels in tunnels\n"
		 "of other connections"},
		{"output", 'o', "FILE",
		 "file to write, - for stdout (default: next to the first\n"
		 "trace, with .decrypted.pcapng instead of .pcap)"},
		{},
	},
};
