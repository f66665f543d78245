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
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "captures/captures.h"
#include "cli/text.h"
#include "client/written.h"
#include "commands.h"

/** options without a short form */
enum {
	OPT_DIR = COMMAND_LONG,
};

/** bytes of a file without packets, which has the header of the format pcap only */
#define PCAP_HEADER 24

/**
 * Get the path of the newest file of the traces, allocated: one with packets, and of ESP,
 * if there are any, as Wireshark decrypts these.
 */
static char *get_newest(captures_t *captures)
{
	capture_kind_t kind = CAPTURE_OTHER;
	enumerator_t *enumerator;
	capture_t *capture;
	struct stat st;
	bool better, empty = TRUE;
	char *path, *file, *found = NULL;
	time_t newest = 0;

	enumerator = captures->create_enumerator(captures);
	while (enumerator->enumerate(enumerator, &capture))
	{
		if (!array_get(capture->files, ARRAY_TAIL, &file) ||
			asprintf(&path, "%s/%s", capture->dir, file) < 0)
		{
			continue;
		}
		better = FALSE;
		if (stat(path, &st) == 0)
		{
			better = !found || (empty && st.st_size > PCAP_HEADER);
			if (!better && (empty || st.st_size > PCAP_HEADER))
			{
				better = (capture->kind == CAPTURE_ESP && kind != CAPTURE_ESP) ||
						 (capture->kind == kind && st.st_mtime >= newest);
			}
		}
		if (better)
		{
			free(found);
			found = path;
			kind = capture->kind;
			newest = st.st_mtime;
			empty = st.st_size <= PCAP_HEADER;
		}
		else
		{
			free(path);
		}
	}
	enumerator->destroy(enumerator);
	return found;
}

/**
 * Get the directory that is Wireshark's configuration for a file, allocated: that of its
 * keys if it was exported with these, or the one that it is in.
 */
static char *get_config(char *path)
{
	char *copy = strdup(path), *dot, *config;
	struct stat st;

	dot = strrchr(copy, '.');
	if (dot && (streq(dot, ".pcapng") || streq(dot, ".pcap")))
	{
		*dot = '\0';
	}
	if (asprintf(&config, "%s.wireshark", copy) >= 0 && stat(config, &st) == 0 &&
		S_ISDIR(st.st_mode))
	{
		free(copy);
		return config;
	}
	free(config);
	free(copy);
	copy = strdup(path);
	config = strdup(dirname(copy));
	free(copy);
	return config;
}

/**
 * Print a word of a command line, quoted for a shell if it has to be.
 */
static void print_word(char *word)
{
	static char safe[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
						 "%+,-./:=@_";
	size_t len;

	if (*word && !word[strspn(word, safe)])
	{
		text_print(stderr, "%s", word);
		return;
	}
	text_print(stderr, "'");
	while (*word)
	{
		len = strcspn(word, "'");
		text_print(stderr, "%.*s%s", (int)len, word, word[len] ? "'\\''" : "");
		word += len + !!word[len];
	}
	text_print(stderr, "'");
}

/**
 * Replace this program by Wireshark.
 *
 * @param args		what the user has for it, NULL-terminated
 */
static int execute(char *program, char *path, char *args[], int count)
{
	char *config = get_config(path), **argv;
	int i;

	argv = calloc(count + 4, sizeof(char*));
	argv[0] = program;
	argv[1] = "-r";
	argv[2] = path;
	for (i = 0; i < count; i++)
	{
		argv[3 + i] = args[i];
	}
	text_print(stderr, "WIRESHARK_CONFIG_DIR=");
	print_word(config);
	for (i = 0; argv[i]; i++)
	{
		text_print(stderr, " ");
		print_word(argv[i]);
	}
	text_print(stderr, "\n");
	setenv("WIRESHARK_CONFIG_DIR", config, TRUE);
	/* ignored signals would stay ignored */
	signal(SIGPIPE, SIG_DFL);
	signal(SIGXFSZ, SIG_DFL);
	execvp(program, argv);
	text_print(stderr, "unable to run %s: %s\n", program, strerror(errno));
	free(argv);
	free(config);
	return STATUS_ERROR;
}

/**
 * Open a trace.
 */
static int open_trace(char *base, char *program, char *operands[], int count)
{
	captures_t *captures;
	char *path = NULL;
	int status = STATUS_ERROR;

	written_await(base, operands, 1);
	captures = captures_create(base);
	if (captures->add(captures, operands[0]))
	{
		path = get_newest(captures);
		if (!path)
		{
			text_print(stderr, "%s has no traces\n", operands[0]);
		}
	}
	captures->destroy(captures);
	if (path)
	{
		status = execute(program, path, operands + 1, count - 1);
	}
	free(path);
	return status;
}

/**
 * Run the verb.
 */
static int run(command_line_t *line)
{
	char *base = captures_get_base(), *program = "wireshark", *arg;
	int op, status;

	while ((op = line->next(line, &arg)))
	{
		switch (op)
		{
			case 't':
				program = "tshark";
				break;
			case OPT_DIR:
				free(base);
				base = strdup(arg);
				break;
		}
	}
	if (line->count)
	{
		status = open_trace(base, program, line->operands, line->count);
	}
	else
	{
		status = line->refuse(line, "a trace, connection or directory is missing");
	}
	free(base);
	return status;
}

/**
 * The verb.
 */
command_t command_open = {
	.name = "open",
	.text = "open a trace in Wireshark, with its keys",
	.usage = "[OPTION]... TRACE|CONNECTION|DIRECTORY [-- ARGUMENT...]",
	.help = "Runs Wireshark with the keys and settings next to the trace. Of a connection\n"
			"or directory it opens the newest trace with packets, of ESP if there is one.\n"
			"Arguments after -- are passed to Wireshark.",
	.run = run,
	.options = {
		{"tshark", 't', NULL, "run tshark instead"},
		{"dir", OPT_DIR, "DIR",
		 "directory of connections (default: the plugin's option dir)"},
		{},
	},
};
