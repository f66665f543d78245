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

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "captures/capture_keys.h"
#include "captures/captures.h"
#include "cli/text.h"
#include "commands.h"
#include "files/trace_name.h"
#include "follow/live.h"

#include "keys/key_file.h"

/** name of the interface of all connections, others have that of the connection appended
 * after a colon */
#define INTERFACE "nflog-capture"

/** options, all of them without a short form but those of live_options_use() */
enum {
	OPT_INTERFACES = COMMAND_LONG,
	OPT_VERSION,
	OPT_INTERFACE,
	OPT_DLTS,
	OPT_CONFIG,
	OPT_FILTER,
	OPT_CAPTURE,
	OPT_FIFO,
	OPT_DIR,
	OPT_IGNORED,
};

typedef struct extcap_t extcap_t;

/**
 * What Wireshark asks for.
 */
struct extcap_t {
	/** what to do, one of the options, 0 for none */
	int action;
	/** interface, FIFO and capture filter, NULL for none */
	char *interface, *fifo, *filter;
	/** how to capture */
	live_options_t live;
};

/**
 * Check if Wireshark can have a name in a sentence of extcap, which has no escapes.
 */
static int is_connection(const struct dirent *entry)
{
	return entry->d_name[0] != '.' && !streq(entry->d_name, NFLOG_SAVED_DIR) &&
		   text_is_plain(entry->d_name) &&
		   !strpbrk(entry->d_name, "{}\"") &&
		   (entry->d_type == DT_DIR || entry->d_type == DT_UNKNOWN);
}

/**
 * Print the interfaces: one for all connections, and one for each that has traces.
 */
static int print_interfaces(extcap_t *this)
{
	struct dirent **entries;
	int count, i;

	text_print(stdout, "extcap {version=" NFLOG_CAPTURE_VERSION
			   "}{display=nflog-capture}\n");
	count = scandir(this->live.base, &entries, is_connection, alphasort);
	if (count < 0)
	{
		/* shown by none of Wireshark's windows, but on its console */
		text_print(stderr, "unable to open %s: %s\n", this->live.base, strerror(errno));
		return STATUS_GOOD;
	}
	text_print(stdout, "interface {value=" INTERFACE "}{display=IPsec, all "
			   "connections}\n");
	for (i = 0; i < count; i++)
	{
		text_print(stdout, "interface {value=" INTERFACE ":%s}{display=IPsec connection "
				   "%s}\n", entries[i]->d_name, entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
	return STATUS_GOOD;
}

/**
 * Check if the user may decrypt the packets of all connections of an interface.
 */
static bool may_decrypt(extcap_t *this)
{
	struct dirent **entries;
	char *conn = this->interface + strlen(INTERFACE), *path;
	bool may = TRUE;
	int count, i;

	count = scandir(this->live.base, &entries, is_connection, alphasort);
	for (i = 0; i < count; i++)
	{
		if (may && (!*conn || streq(conn + 1, entries[i]->d_name)) &&
			asprintf(&path, "%s/%s/" NFLOG_KEY_FILE, this->live.base,
					 entries[i]->d_name) > 0)
		{
			may = !capture_keys_are_secret(path);
			free(path);
		}
		free(entries[i]);
	}
	if (count >= 0)
	{
		free(entries);
	}
	return may;
}

/**
 * Print the options of an interface.
 */
static int print_config(extcap_t *this)
{
	text_print(stdout, "arg {number=0}{call=--decrypt}{display=Decrypted packets as well}"
			   "{tooltip=Have each decrypted packet follow the encrypted one}"
			   "{type=boolflag}{default=%s}\n"
			   "arg {number=1}{call=--plain}{display=Packets in the clear only}"
			   "{tooltip=Leave out ESP, AH and IKE as they are on the wire}"
			   "{type=boolflag}{default=false}\n"
			   "arg {number=2}{call=--begin}{display=Packets captured before}"
			   "{tooltip=Begin with the packets that traces have already}"
			   "{type=boolflag}{default=false}\n",
			   may_decrypt(this) ? "true" : "false");
	return STATUS_GOOD;
}

/**
 * Check a capture filter, Wireshark takes any output for an error.
 */
static int check_filter(extcap_t *this)
{
	packet_filter_t *filter = packet_filter_create(this->filter);

	if (!filter)
	{
		text_print(stdout, "invalid filter\n");
		return STATUS_ERROR;
	}
	filter->destroy(filter);
	return STATUS_GOOD;
}

/**
 * Capture to Wireshark's FIFO.
 */
static int capture(extcap_t *this)
{
	char *names[2] = {}, *conn = this->interface + strlen(INTERFACE);
	int status = STATUS_ERROR;

	if (*conn && asprintf(&names[0], "%s/%s", this->live.base, conn + 1) < 0)
	{
		return STATUS_ERROR;
	}
	this->live.names = names;
	this->live.quiet = TRUE;
	this->live.fd = open(this->fifo, O_WRONLY | O_CLOEXEC);
	if (this->live.fd < 0)
	{
		text_print(stderr, "unable to open %s: %s\n", this->fifo, strerror(errno));
	}
	else
	{
		if (!this->filter || !*this->filter ||
			live_options_use(&this->live, 'f', this->filter))
		{
			status = live_run(&this->live);
		}
		close(this->live.fd);
	}
	free(names[0]);
	return status;
}

/**
 * Do what Wireshark asks for.
 */
static int act(command_line_t *line, extcap_t *this)
{
	if (this->action == OPT_INTERFACES)
	{
		return print_interfaces(this);
	}
	if (!this->interface || !strpfx(this->interface, INTERFACE) ||
		!strchr(":", this->interface[strlen(INTERFACE)]))
	{
		return line->refuse(line, "this is for Wireshark, with an interface that "
							"--extcap-interfaces lists");
	}
	switch (this->action)
	{
		case OPT_DLTS:
			text_print(stdout, "dlt {number=239}{name=NFLOG}{display=Linux netfilter log "
					   "messages}\n");
			return STATUS_GOOD;
		case OPT_CONFIG:
			return print_config(this);
		case OPT_CAPTURE:
			return this->fifo ? capture(this)
							  : line->refuse(line, "--fifo is missing");
		default:
			return this->filter ? check_filter(this)
								: line->refuse(line, "nothing is asked for");
	}
}

/**
 * Run the verb.
 */
static int run(command_line_t *line)
{
	extcap_t this = {};
	int op, status = STATUS_GOOD;
	char *arg;

	live_options_init(&this.live);
	while (status == STATUS_GOOD && (op = line->next(line, &arg)))
	{
		switch (op)
		{
			case OPT_INTERFACES:
			case OPT_DLTS:
			case OPT_CONFIG:
			case OPT_CAPTURE:
				this.action = op;
				break;
			case OPT_INTERFACE:
				this.interface = arg;
				break;
			case OPT_FILTER:
				this.filter = arg;
				break;
			case OPT_FIFO:
				this.fifo = arg;
				break;
			case OPT_DIR:
				free(this.live.base);
				this.live.base = strdup(arg);
				break;
			case OPT_VERSION:
			case OPT_IGNORED:
				break;
			default:
				status = live_options_use(&this.live, op, arg) ? STATUS_GOOD
															   : STATUS_ERROR;
				break;
		}
	}
	if (status == STATUS_GOOD)
	{
		status = act(line, &this);
	}
	live_options_destroy(&this.live);
	return status;
}

/**
 * The verb.
 */
command_t command_extcap = {
	.name = "extcap",
	.text = "serve Wireshark, which runs it as an extcap program",
	.usage = "OPTION...",
	.help = "Wireshark runs this, if the program, or a link to it, is in its folder for\n"
			"extcap programs. Connections that have traces are interfaces then.",
	.run = run,
	.options = {
		{"extcap-interfaces", OPT_INTERFACES, NULL, "list interfaces"},
		{"extcap-version", OPT_VERSION, "VERSION", "version of Wireshark"},
		{"extcap-interface", OPT_INTERFACE, "NAME", "interface for other options"},
		{"extcap-dlts", OPT_DLTS, NULL, "list link types"},
		{"extcap-config", OPT_CONFIG, NULL, "list options of the interface"},
		{"extcap-capture-filter", OPT_FILTER, "FILTER",
		 "filter for packets in the clear, without others: check it"},
		{"capture", OPT_CAPTURE, NULL, "capture to a FIFO"},
		{"fifo", OPT_FIFO, "FIFO", "the FIFO"},
		{"extcap-control-in", OPT_IGNORED, "FIFO", "not used"},
		{"extcap-control-out", OPT_IGNORED, "FIFO", "not used"},
		{"decrypt", 'd', NULL, "have each decrypted packet follow the encrypted one"},
		{"plain", 'p', NULL, "packets in the clear only"},
		{"begin", 'b', NULL, "begin with the packets that traces have already"},
		{"dir", OPT_DIR, "DIR",
		 "directory of connections (default: the plugin's option dir)"},
		{},
	},
};
