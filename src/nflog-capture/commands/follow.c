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

#include <unistd.h>

#include "commands.h"
#include "follow/live.h"

/** options without a short form */
enum {
	OPT_FORMAT = COMMAND_LONG,
	OPT_DIR,
};

/**
 * Use an option.
 *
 * @return			exit status if it is invalid, STATUS_GOOD otherwise
 */
static int use_option(command_line_t *line, live_options_t *options, int op, char *arg)
{
	switch (op)
	{
		case OPT_FORMAT:
			options->pcap = streq(arg, "pcap");
			if (!options->pcap && !streq(arg, "pcapng"))
			{
				return line->refuse(line, "--format is pcapng or pcap, not '%s'", arg);
			}
			return STATUS_GOOD;
		case OPT_DIR:
			free(options->base);
			options->base = strdup(arg);
			return STATUS_GOOD;
		default:
			return live_options_use(options, op, arg) ? STATUS_GOOD : STATUS_ERROR;
	}
}

/**
 * Run the verb.
 */
static int run(command_line_t *line)
{
	live_options_t options;
	int op, status = STATUS_GOOD;
	char *arg;

	live_options_init(&options);
	options.names = line->operands;
	options.fd = STDOUT_FILENO;
	while (status == STATUS_GOOD && (op = line->next(line, &arg)))
	{
		status = use_option(line, &options, op, arg);
	}
	if (status == STATUS_GOOD && isatty(options.fd))
	{
		status = line->refuse(line, "packets are not written to a terminal, use a pipe "
							  "as in 'nflog-capture follow | wireshark -k -i -'");
	}
	if (status == STATUS_GOOD)
	{
		status = live_run(&options);
	}
	live_options_destroy(&options);
	return status;
}

/**
 * The verb.
 */
command_t command_follow = {
	.name = "follow",
	.text = "write packets to stdout while they are captured",
	.usage = "[OPTION]... [CONNECTION|DIRECTORY]... | wireshark -k -i -",
	.help = "Writes packets to stdout, as pcapng, while they are captured: those of the\n"
			"connections, or of all. Traces that begin later join.",
	.run = run,
	.options = {
		{"begin", 'b', NULL, "begin with the packets that traces have already"},
		{"plain", 'p', NULL, "packets in the clear only"},
		{"decrypt", 'd', NULL, "have each decrypted packet follow the encrypted one"},
		{"filter", 'f', "FILTER",
		 "packets that match in the clear, and the encrypted ones\n"
		 "that these are in, see pcap-filter(7)"},
		{"format", OPT_FORMAT, "FORMAT",
		 "pcapng (default), or pcap with link type raw, as in\n"
		 "nflog-capture follow --format pcap | tcpdump -r -"},
		{"key-file", 'k', "KEYS",
		 "key file to decrypt with (default: keys, next to traces)"},
		{"dir", OPT_DIR, "DIR",
		 "directory of connections (default: the plugin's option dir)"},
		{},
	},
};
