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

#include <libgen.h>
#include <sys/stat.h>

#include "captures/captures.h"
#include "cli/text.h"
#include "client/written.h"
#include "commands.h"
#include "jobs/decrypt_job.h"

/** options without a short form */
enum {
	OPT_RAW = COMMAND_LONG,
	OPT_DIR,
};

typedef struct request_t request_t;

/**
 * What the verb was called for.
 */
struct request_t {
	/** options and operands */
	command_line_t *line;
	/** directory of connections, allocated */
	char *base;
	/** paths of key files, NULL-terminated, and their number */
	char **keys;
	int count;
	/** path of the file to write, NULL for none given */
	char *output;
	/** TRUE to write packets without all layers only */
	bool raw;
};

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
 * Check if a path is that of a directory.
 */
static bool is_dir(char *path)
{
	struct stat st;

	return !streq(path, "-") && stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/**
 * Compose a path, allocated.
 */
static char *compose(char *fmt, ...)
{
	va_list args;
	char *path;

	va_start(args, fmt);
	if (vasprintf(&path, fmt, args) < 0)
	{
		abort();
	}
	va_end(args);
	return path;
}

/**
 * Get the path of the key file next to a trace, or in a directory, allocated.
 */
static char *get_keys_path(char *trace)
{
	char *copy, *path;

	if (is_dir(trace))
	{
		return compose("%s/keys", trace);
	}
	copy = strdup(trace);
	path = compose("%s/keys", dirname(copy));
	free(copy);
	return path;
}

/**
 * Get the path of the file to write, allocated.
 */
static char *get_output_path(char *trace)
{
	static char *suffixes[] = { ".gz", ".pcap", ".pcapng" };
	size_t len = strlen(trace);
	int i;

	for (i = 0; i < countof(suffixes); i++)
	{
		if (len > strlen(suffixes[i]) &&
			strpfx(trace + len - strlen(suffixes[i]), suffixes[i]))
		{
			len -= strlen(suffixes[i]);
		}
	}
	return compose("%.*s.decrypted.pcapng", (int)len, trace);
}

/**
 * Read key files.
 *
 * @param next		path of the file next to traces, to use unless others are given
 * @return			keys, NULL if a file can't be read, the reason was printed
 */
static keyring_t *read_keys(request_t *request, char *next)
{
	keyring_t *keys;
	int i;

	if (!request->count && !keyring_may_read(next))
	{
		return NULL;
	}
	keys = keyring_create(request->count ? request->keys[0] : next);
	for (i = 1; keys && i < request->count; i++)
	{
		if (!keys->add(keys, request->keys[i]))
		{
			keys->destroy(keys);
			keys = NULL;
		}
	}
	return keys;
}

/**
 * Decrypt traces to one file.
 *
 * @param paths		paths of traces
 * @param keys		keys, NULL to read those next to the first trace or that are given
 * @param output	path of the file to write
 * @param whole_dir	TRUE for one of all traces in a directory
 */
static int decrypt_paths(request_t *request, array_t *paths, keyring_t *keys,
						 char *output, bool whole_dir)
{
	int count = array_count(paths), status = STATUS_ERROR, i;
	keyring_t *own = NULL;
	char *next, **inputs;
	decrypt_job_t job = {
		.output = output,
		.raw = request->raw,
		.may_be_plain = whole_dir,
	};

	/* key files, then traces, and NULL */
	inputs = calloc(request->count + count + 2, sizeof(char*));
	job.inputs = inputs;
	array_get(paths, 0, &next);
	next = get_keys_path(next);
	for (i = 0; i < request->count; i++)
	{
		*inputs++ = request->keys[i];
	}
	if (!request->count)
	{
		*inputs++ = next;
	}
	job.traces = inputs;
	for (i = 0; i < count; i++)
	{
		array_get(paths, i, inputs++);
	}
	if (!keys)
	{
		keys = own = read_keys(request, next);
	}
	if (keys)
	{
		status = decrypt_job_run(&job, keys);
	}
	DESTROY_IF(own);
	free(job.inputs);
	free(next);
	return status;
}

/**
 * Append the paths of all files of a trace, allocated.
 */
static void add_files(capture_t *capture, array_t *paths)
{
	enumerator_t *enumerator;
	char *file;

	enumerator = array_create_enumerator(capture->files);
	while (enumerator->enumerate(enumerator, &file))
	{
		array_insert(paths, ARRAY_TAIL, compose("%s/%s", capture->dir, file));
	}
	enumerator->destroy(enumerator);
}

CALLBACK(free_path, void,
	char *path, int idx, void *user)
{
	free(path);
}

/**
 * Decrypt each trace in a directory to a file of its own.
 */
static int decrypt_dir(request_t *request, char *dir)
{
	int status = STATUS_GOOD, result;
	enumerator_t *enumerator;
	captures_t *captures;
	capture_t *capture;
	keyring_t *keys;
	array_t *paths;
	char *path;

	path = get_keys_path(dir);
	keys = read_keys(request, path);
	free(path);
	captures = captures_create("");
	if (!keys || !captures->add(captures, dir))
	{
		DESTROY_IF(keys);
		captures->destroy(captures);
		return STATUS_ERROR;
	}
	enumerator = captures->create_enumerator(captures);
	while (enumerator->enumerate(enumerator, &capture))
	{
		text_print(stdout, "%s:\n", capture->name);
		fflush(stdout);
		paths = array_create(0, 0);
		add_files(capture, paths);
		path = compose("%s/%s.decrypted.pcapng", capture->dir, capture->name);
		result = decrypt_paths(request, paths, keys, path, TRUE);
		status = max(status, result);
		free(path);
		array_destroy_function(paths, free_path, NULL);
	}
	enumerator->destroy(enumerator);
	captures->destroy(captures);
	keys->destroy(keys);
	return status;
}

/**
 * Decrypt all traces to one file, those in directories as well.
 *
 * @param output	path of the file to write
 */
static int decrypt_all(request_t *request, char *output)
{
	char **operands = request->line->operands;
	enumerator_t *enumerator;
	captures_t *captures;
	capture_t *capture;
	int status = STATUS_GOOD, i;
	array_t *paths;

	paths = array_create(0, 0);
	for (i = 0; operands[i] && status == STATUS_GOOD; i++)
	{
		if (!is_dir(operands[i]))
		{
			array_insert(paths, ARRAY_TAIL, strdup(operands[i]));
			continue;
		}
		captures = captures_create("");
		if (!captures->add(captures, operands[i]))
		{
			status = STATUS_ERROR;
		}
		enumerator = captures->create_enumerator(captures);
		while (enumerator->enumerate(enumerator, &capture))
		{
			add_files(capture, paths);
		}
		enumerator->destroy(enumerator);
		captures->destroy(captures);
	}
	if (status == STATUS_GOOD)
	{
		status = decrypt_paths(request, paths, NULL, output, FALSE);
	}
	array_destroy_function(paths, free_path, NULL);
	return status;
}

/**
 * Replace the names of connections by their directories.
 *
 * @param dirs		receives the paths of these, allocated, NULL for other operands
 * @return			FALSE if an operand is nothing known, which was printed
 */
static bool find_dirs(request_t *request, char *dirs[])
{
	command_line_t *line = request->line;
	captures_t *captures;
	struct stat st;
	bool found = TRUE;
	int i;

	written_await(request->base, line->operands, line->count);
	for (i = 0; i < line->count; i++)
	{
		dirs[i] = NULL;
		if (!found || streq(line->operands[i], "-") || stat(line->operands[i], &st) == 0)
		{
			continue;
		}
		dirs[i] = captures_get_dir(request->base, line->operands[i]);
		if (dirs[i] && is_dir(dirs[i]))
		{
			line->operands[i] = dirs[i];
			continue;
		}
		captures = captures_create(request->base);
		found = captures->add(captures, line->operands[i]);
		captures->destroy(captures);
	}
	return found;
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
 * Check operands, and decrypt what they name.
 */
static int decrypt(request_t *request)
{
	command_line_t *line = request->line;
	int status = STATUS_GOOD, result, i;
	char *first, *output;
	bool dirs = FALSE;

	if (!line->count)
	{
		return line->refuse(line, "a trace, directory or connection is missing");
	}
	first = line->operands[0];
	if (has_stdin(request->keys) && has_stdin(line->operands))
	{
		return line->refuse(line, "stdin has either keys or a trace");
	}
	if ((!request->count || !request->output) && !has_folder(first))
	{
		return line->refuse(line, "%s is no regular file, give the key file with -k "
							"and the output with -o", first);
	}
	for (i = 0; i < line->count; i++)
	{
		dirs = dirs || is_dir(line->operands[i]);
		if (dirs && !request->output && !is_dir(line->operands[i]))
		{
			return line->refuse(line, "give either traces or directories, or the output "
								"for all of them with -o");
		}
	}
	if (dirs && !request->output && line->count > 1 && has_stdin(request->keys))
	{
		return line->refuse(line, "stdin has the keys of one directory");
	}
	if (!command_load_algorithms())
	{
		return STATUS_ERROR;
	}
	if (!dirs || request->output)
	{
		output = request->output ? strdup(request->output) : get_output_path(first);
		status = decrypt_all(request, output);
		free(output);
		return status;
	}
	for (i = 0; i < line->count; i++)
	{
		result = decrypt_dir(request, line->operands[i]);
		status = max(status, result);
	}
	return status;
}

/**
 * Run the verb.
 */
static int run(command_line_t *line)
{
	request_t request = {
		.line = line,
		.base = captures_get_base(),
	};
	char *arg, *dirs[line->count + 1];
	int op, status, i;

	request.keys = calloc(line->options + 1, sizeof(char*));
	while ((op = line->next(line, &arg)))
	{
		switch (op)
		{
			case 'k':
				request.keys[request.count++] = arg;
				break;
			case 'o':
				request.output = arg;
				break;
			case OPT_RAW:
				request.raw = TRUE;
				break;
			case OPT_DIR:
				free(request.base);
				request.base = strdup(arg);
				break;
		}
	}
	status = find_dirs(&request, dirs) ? decrypt(&request) : STATUS_ERROR;
	for (i = 0; i < line->count; i++)
	{
		free(dirs[i]);
	}
	free(request.keys);
	free(request.base);
	return status;
}

/**
 * The verb.
 */
command_t command_decrypt = {
	.name = "decrypt",
	.text = "decrypt traces, and check their ICVs",
	.usage = "[OPTION]... TRACE|DIRECTORY|CONNECTION...",
	.help = "Decrypts traces to a pcapng file, in which each decrypted packet follows the\n"
			"encrypted one, and checks the ICVs. Several traces are read as one, like\n"
			"those of a ring. Each trace of a directory or connection gets a file of its\n"
			"own, unless --output names one for all.",
	.run = run,
	.options = {
		{"key-file", 'k', "KEYS",
		 "key file, - for stdin (default: keys, next to the first\n"
		 "trace): the plugin's, a table of Wireshark, the output of\n"
		 "'ip xfrm state', or a file for tcpdump -E; may be repeated"},
		{"output", 'o', "FILE",
		 "file to write, - for stdout (default: next to the first\n"
		 "trace, with .decrypted.pcapng instead of .pcap)"},
		{"raw", OPT_RAW, NULL,
		 "write decrypted packets only, and others as they are, all\n"
		 "from the IP header on"},
		{"dir", OPT_DIR, "DIR",
		 "directory of connections (default: the plugin's option dir)"},
		{},
	},
};
