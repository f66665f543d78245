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

#include <collections/hashtable.h>
#include <errno.h>
#include <sys/stat.h>
#include <time.h>

#include "captures/capture_keys.h"
#include "captures/captures.h"
#include "captures/merge.h"
#include "cli/text.h"
#include "cli/when.h"
#include "client/written.h"
#include "commands.h"
#include "export/end_lines.h"
#include "export/exporter.h"
#include "export/inputs.h"
#include "export/output_name.h"
#include "export/secrets.h"
#include "report/astray.h"
#include "write/output.h"

/** options without a short form */
enum {
	OPT_KEYS = COMMAND_LONG,
	OPT_NO_KEYS,
	OPT_SINCE,
	OPT_UNTIL,
	OPT_FORMAT,
	OPT_ONE_PER_TRACE,
	OPT_LOG,
	OPT_DIR,
};

typedef struct export_t export_t;

/**
 * What to export.
 */
struct export_t {
	/** options and operands */
	command_line_t *line;
	/** directory that has those of connections */
	char *base;
	/** file or directory to write to, NULL for the default */
	char *output;
	/** key files, char*, if they were given */
	array_t *key_files;
	/** TRUE to include keys */
	bool keys;
	/** TRUE for traces in the clear only */
	bool plain;
	/** TRUE to write a file per trace */
	bool each;
	/** first and last time */
	struct timeval since, until;
	/** TRUE if there is a last time */
	bool has_until;
	/** traces */
	captures_t *captures;
	/** logs, and these with key files, as they were given, char*, not owned */
	array_t *logs, *named;
	/** what the log says about their ends */
	end_lines_t *lines;
	/** files that are read, or belong to traces, NULL-terminated */
	char **inputs;
	/** keys that are at hand, NULL for none */
	keyring_t *keyring;
	/** how to write a file */
	exporter_options_t options;
};

/**
 * Write to an output, see exporter_write_t.
 */
static bool write_output(void *data, chunk_t bytes)
{
	output_t *output = data;

	return output->write(output, bytes);
}

/**
 * Check if a trace is exported.
 */
CALLBACK(filter_captures, bool,
	export_t *this, enumerator_t *orig, va_list args)
{
	capture_t *capture, **out;

	VA_ARGS_VGET(args, out);
	while (orig->enumerate(orig, &capture))
	{
		if (this->plain ? capture->kind == CAPTURE_PLAIN : capture->kind != CAPTURE_ASTRAY)
		{
			*out = capture;
			return TRUE;
		}
	}
	return FALSE;
}

/**
 * Enumerate the traces that are exported.
 */
static enumerator_t *create_enumerator(void *data)
{
	export_t *this = data;

	return enumerator_create_filter(
						this->captures->create_enumerator(this->captures),
						filter_captures, this, NULL);
}

/**
 * Add what the log says about the ends of traces.
 */
static void add_end_lines(export_t *this, exporter_t *exporter, enumerator_t *captures)
{
	enumerator_t *enumerator;
	capture_t *capture;
	end_line_t *line;

	while (captures->enumerate(captures, &capture))
	{
		enumerator = this->lines->create_enumerator(this->lines, capture->name);
		while (enumerator->enumerate(enumerator, &line))
		{
			exporter->add_lost(exporter, capture, line->point, line->lost, line->line);
		}
		enumerator->destroy(enumerator);
	}
	captures->destroy(captures);
}

/**
 * Write the packets of traces.
 *
 * @param captures	enumerator over capture_t*, gets destroyed
 * @param again		the same
 * @param complete	receives FALSE if something is missing in the file
 * @return			FALSE if writing failed
 */
static bool write_packets(export_t *this, exporter_t *exporter,
						  enumerator_t *captures, enumerator_t *again,
						  bool *complete)
{
	merged_packet_t merged;
	bool success = TRUE;
	merge_t *merge;

	merge = merge_create(captures);
	while (success && merge->read(merge, &merged))
	{
		/* not in order if the clock was set back */
		if (!timercmp(&merged.packet.time, &this->since, <) &&
			!(this->has_until && timercmp(&merged.packet.time, &this->until, >)))
		{
			success = exporter->add(exporter, &merged);
		}
	}
	*complete &= !merge->is_torn(merge);
	merge->destroy(merge);
	add_end_lines(this, exporter, again);
	return success && exporter->finish(exporter);
}

/**
 * Print why a file has no packets, if options are the reason.
 */
static void print_nothing(export_t *this)
{
	if (timerisset(&this->since) || this->has_until || this->options.filter)
	{
		text_print(stderr, "no packet matches%s%s\n",
				   timerisset(&this->since) || this->has_until ? " --since and --until" : "",
				   this->options.filter ? " --filter" : "");
	}
}

/**
 * Write a file.
 *
 * @param path		path of the file
 * @param create	creates an enumerator over the traces, with data
 * @return			exit status
 */
static int write_file(export_t *this, char *path,
					  enumerator_t *(*create)(void *data), void *data)
{
	decrypter_t *decrypter = NULL;
	secrets_t *secrets;
	exporter_t *exporter;
	output_t *output;
	bool complete = TRUE, success;
	FILE *report = streq(path, "-") ? stderr : stdout;

	output = output_create(path, this->inputs);
	if (!output)
	{
		return STATUS_ERROR;
	}
	if (this->keys)
	{
		secrets = secrets_create(create(data));
		this->options.secrets = secrets->get_esp(secrets);
		secrets->destroy(secrets);
	}
	if (this->keyring)
	{
		decrypter = capture_keys_create_decrypter(this->keyring, create(data));
	}
	this->options.data = output;
	exporter = exporter_create(&this->options);
	exporter->set_keys(exporter, this->keyring, decrypter);
	success = write_packets(this, exporter, create(data), create(data), &complete);
	/* finish() prints why writing failed */
	success = output->finish(output) && success;
	if (success)
	{
		exporter->print(exporter, streq(path, "-") ? "stdout" : path, report);
		if (!exporter->get_count(exporter))
		{
			print_nothing(this);
		}
		if (decrypter && exporter->has_encrypted(exporter))
		{
			if (this->options.filter)
			{
				text_print(report, "all packets that the filter was applied to:\n");
			}
			decrypter->print(decrypter, report);
		}
		complete &= !exporter->get_undecided(exporter);
	}
	exporter->destroy(exporter);
	DESTROY_IF(decrypter);
	chunk_clear(&this->options.secrets);
	output->destroy(output);
	return !success ? STATUS_ERROR : complete ? STATUS_GOOD : STATUS_BAD;
}

/**
 * Create an enumerator over a single trace.
 */
static enumerator_t *create_single(void *data)
{
	return enumerator_create_single(data, NULL);
}

/**
 * Write a file per trace to a directory.
 */
static int write_each(export_t *this, char *dir)
{
	enumerator_t *enumerator;
	hashtable_t *names;
	capture_t *capture;
	struct stat st;
	char *path;
	int status = STATUS_GOOD;

	if (mkdir(dir, 0700) != 0 &&
		(errno != EEXIST || stat(dir, &st) != 0 || !S_ISDIR(st.st_mode)))
	{
		text_print(stderr, "unable to create %s: %s\n", dir, strerror(errno));
		return STATUS_ERROR;
	}
	names = hashtable_create(hashtable_hash_str, hashtable_equals_str, 32);
	enumerator = create_enumerator(this);
	while (status != STATUS_ERROR && enumerator->enumerate(enumerator, &capture))
	{
		if (asprintf(&path, "%s/%s.%s", dir, output_name_choose(names, capture),
					 this->options.pcap ? "raw.pcap" : "pcapng") > 0)
		{
			status = max(status, write_file(this, path, create_single, capture));
			free(path);
		}
	}
	enumerator->destroy(enumerator);
	names->destroy_function(names, output_name_destroy);
	return status;
}

/**
 * Check if an output is no file, so no tables with keys can be next to it.
 */
static bool is_special(char *path)
{
	struct stat st;

	return streq(path, "-") ||
		   (stat(path, &st) == 0 && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode));
}

/**
 * Write what was asked for.
 *
 * @param path		file or directory to write to
 */
static int write_all(export_t *this, char *path)
{
	int status, result;
	char *dir;

	if (is_special(path))
	{
		return write_file(this, path, create_enumerator, this);
	}
	dir = output_name_replace(path, ".wireshark");
	/* even without keys, as those of an earlier export are removed */
	if (!secrets_may_replace(dir, this->inputs))
	{
		free(dir);
		return STATUS_ERROR;
	}
	status = this->each ? write_each(this, path)
						: write_file(this, path, create_enumerator, this);
	if (status != STATUS_ERROR && !secrets_remove(dir))
	{
		status = STATUS_ERROR;
	}
	if (status != STATUS_ERROR && this->keys)
	{
		result = secrets_write(create_enumerator(this), dir);
		status = max(status, result);
	}
	free(dir);
	return status;
}

/**
 * Export with options that are valid.
 */
static int export(export_t *this)
{
	char *path, *copy = NULL, comment[256];
	int status;

	if (!capture_keys_read(this->key_files, captures_filter_dirs(create_enumerator(this)),
						   this->keys, &this->keyring))
	{
		return STATUS_ERROR;
	}
	snprintf(comment, sizeof(comment), "%u traces of %s, %s keys",
			 this->captures->get_count(this->captures), this->line->operands[0],
			 this->keys ? "with" : "without");
	this->options.comment = comment;
	path = this->output ?:
		(copy = output_name_create(this->line->operands[0], this->each ? ".export" :
						this->options.pcap ? ".export.pcap" : ".export.pcapng"));
	status = write_all(this, path);
	free(copy);
	return status;
}

/**
 * Use an option.
 *
 * @return			exit status if it is invalid, STATUS_GOOD otherwise
 */
static int use_option(export_t *this, int op, char *arg)
{
	command_line_t *line = this->line;

	switch (op)
	{
		case 'o':
			this->output = arg;
			break;
		case 'k':
			array_insert(this->key_files, ARRAY_TAIL, strdup(arg));
			array_insert(this->named, ARRAY_TAIL, arg);
			break;
		case 'f':
			DESTROY_IF(this->options.filter);
			this->options.filter = packet_filter_create(arg);
			return this->options.filter ? STATUS_GOOD : STATUS_ERROR;
		case 'p':
			this->plain = TRUE;
			break;
		case OPT_KEYS:
			this->keys = TRUE;
			break;
		case OPT_NO_KEYS:
			this->keys = FALSE;
			break;
		case OPT_SINCE:
		case OPT_UNTIL:
			if (!when_parse(arg, op == OPT_SINCE ? &this->since : &this->until))
			{
				return line->refuse(line, "--%s requires a time such as "
									"'2026-11-24 22:35', 22:35, or 10m, not '%s'",
									op == OPT_SINCE ? "since" : "until", arg);
			}
			this->has_until |= op == OPT_UNTIL;
			if (op == OPT_SINCE && this->since.tv_sec > time(NULL))
			{
				text_print(stderr, "--since is in the future: %T\n", &this->since.tv_sec,
						   FALSE);
			}
			break;
		case OPT_FORMAT:
			this->options.pcap = streq(arg, "pcap");
			if (!this->options.pcap && !streq(arg, "pcapng"))
			{
				return line->refuse(line, "--format is pcapng or pcap, not '%s'", arg);
			}
			break;
		case OPT_ONE_PER_TRACE:
			this->each = TRUE;
			break;
		case OPT_LOG:
			array_insert(this->logs, ARRAY_TAIL, arg);
			array_insert(this->named, ARRAY_TAIL, arg);
			break;
		case OPT_DIR:
			free(this->base);
			this->base = strdup(arg);
			break;
	}
	return STATUS_GOOD;
}

/**
 * Check that options fit together.
 *
 * @return			exit status if they don't, STATUS_GOOD otherwise
 */
static int check_options(export_t *this)
{
	command_line_t *line = this->line;
	enumerator_t *enumerator;
	int stdin_count = 0;
	char *path;

	if (!line->count)
	{
		return line->refuse(line, "a connection, directory or trace is missing");
	}
	if (this->output && is_special(this->output) && (this->keys || this->each))
	{
		return line->refuse(line, "%s needs a file or directory, not stdout, a device or "
							"FIFO", this->keys ? "--keys" : "--one-per-trace");
	}
	if (this->has_until && timercmp(&this->until, &this->since, <))
	{
		return line->refuse(line, "--until is before --since, there can't be packets "
							"between them");
	}
	enumerator = array_create_enumerator(this->named);
	while (enumerator->enumerate(enumerator, &path))
	{
		stdin_count += streq(path, "-");
	}
	enumerator->destroy(enumerator);
	return stdin_count < 2 ? STATUS_GOOD :
						line->refuse(line, "stdin can be read only once");
}

/**
 * Use all options and operands.
 *
 * @return			exit status if they are invalid, STATUS_GOOD otherwise
 */
static int use_line(export_t *this)
{
	command_line_t *line = this->line;
	int op, i, status = STATUS_GOOD;
	enumerator_t *enumerator;
	char *arg;

	while (status == STATUS_GOOD && (op = line->next(line, &arg)))
	{
		status = use_option(this, op, arg);
	}
	if (status == STATUS_GOOD)
	{
		status = check_options(this);
	}
	enumerator = array_create_enumerator(this->logs);
	while (status == STATUS_GOOD && enumerator->enumerate(enumerator, &arg))
	{
		status = this->lines->read(this->lines, arg) ? STATUS_GOOD : STATUS_ERROR;
	}
	enumerator->destroy(enumerator);
	if (status == STATUS_GOOD)
	{
		written_await(this->base, line->operands, line->count);
	}
	this->captures = captures_create(this->base);
	for (i = 0; status == STATUS_GOOD && i < line->count; i++)
	{
		if (!this->captures->add(this->captures, line->operands[i]))
		{
			status = STATUS_ERROR;
		}
	}
	this->inputs = inputs_create(this->captures, this->named);
	return status;
}

/**
 * Run the verb.
 */
static int run(command_line_t *line)
{
	export_t this = {
		.line = line,
		.base = captures_get_base(),
		.key_files = array_create(0, 0),
		.logs = array_create(0, 0),
		.named = array_create(0, 0),
		.lines = end_lines_create(),
		.options = {
			.program = "nflog-capture export " NFLOG_CAPTURE_VERSION,
			.write = write_output,
		},
	};
	char *path;
	int status;

	status = use_line(&this) ?:
			 astray_leave_out(this.captures->create_enumerator(this.captures)) ?:
			 export(&this);
	while (array_remove(this.key_files, ARRAY_HEAD, &path))
	{
		free(path);
	}
	array_destroy(this.key_files);
	array_destroy(this.logs);
	array_destroy(this.named);
	inputs_destroy(this.inputs);
	DESTROY_IF(this.options.filter);
	DESTROY_IF(this.keyring);
	this.captures->destroy(this.captures);
	this.lines->destroy(this.lines);
	free(this.base);
	return status;
}

/**
 * The verb.
 */
command_t command_export = {
	.name = "export",
	.text = "write traces to one file, to hand it over",
	.usage = "[OPTION]... CONNECTION|DIRECTORY|TRACE...",
	.help = "Writes the packets of all traces, ordered by time, to a pcapng file, with an\n"
			"interface per capture point, comments, directions, and an id that the copies\n"
			"of a packet in ESP and in the clear share. Keys are left out.",
	.run = run,
	.options = {
		{"output", 'o', "FILE",
		 "file to write, - for stdout (default: the name of the first\n"
		 "operand with .export.pcapng, in the current directory)"},
		{"keys", OPT_KEYS, NULL,
		 "include keys: in the file, for Wireshark 5, and as\n"
		 "Wireshark's tables in a directory with .wireshark"},
		{"no-keys", OPT_NO_KEYS, NULL, "leave out keys (default)"},
		{"plain-only", 'p', NULL, "traces in the clear only"},
		{"since", OPT_SINCE, "TIME",
		 "first time, as in '2026-11-24 22:35', 22:35:27, 10m (ago)"},
		{"until", OPT_UNTIL, "TIME", "last time"},
		{"filter", 'f', "FILTER",
		 "packets that match in the clear, and the encrypted ones\n"
		 "that these are in, see pcap-filter(7)"},
		{"one-per-trace", OPT_ONE_PER_TRACE, NULL,
		 "write a file per trace, --output is their directory"},
		{"format", OPT_FORMAT, "FORMAT",
		 "pcapng (default), or pcap with link type raw, as any tool\n"
		 "reads it, without the rest"},
		{"log", OPT_LOG, "FILE",
		 "log of charon, - for stdin, for the lines about lost\n"
		 "packets when traces end"},
		{"key-file", 'k', "KEYS",
		 "key file to decrypt with, for comments, ids and the filter\n"
		 "(default: keys, next to traces)"},
		{"dir", OPT_DIR, "DIR",
		 "directory of connections (default: the plugin's option dir)"},
		{},
	},
};
