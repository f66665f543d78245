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

/*
 * swanctl.conf, and files that it includes: they follow each other, with a null byte
 * between them, and are swanctl.conf, 1.conf, and so on.
 */

#define _GNU_SOURCE

#include "lib/fuzz.h"

#include "options/includes.h"
#include "options/parser.h"
#include "options/snapshot.h"

#include <unistd.h>

/** files */
#define COUNT 4

static char dir[] = "/dev/shm/fuzz.XXXXXX";

/**
 * Remove the directory at exit.
 */
static void remove_dir()
{
	char path[64];
	u_int i;

	for (i = 0; i < COUNT; i++)
	{
		snprintf(path, sizeof(path), "%s/%u.conf", dir, i);
		unlink(path);
	}
	rmdir(dir);
}

/**
 * Check if there are no files of others in an include statement, which would be found all
 * over the machine.
 */
static bool is_inside(chunk_t text)
{
	char *pos, *end = (char*)text.ptr + text.len;

	for (pos = (char*)text.ptr; pos; pos = memmem(pos, end - pos, "include", 7))
	{
		pos += min(7, end - pos);
		if (memchr(pos, '/', min(end - pos, 256)))
		{
			return FALSE;
		}
	}
	return TRUE;
}

/**
 * Write the files.
 */
static void write_files(chunk_t input)
{
	char path[64];
	chunk_t text;
	u_char *end;
	u_int i;

	for (i = 0; i < COUNT; i++)
	{
		end = input.len ? memchr(input.ptr, '\0', input.len) : NULL;
		text = end && i < COUNT - 1 ? chunk_create(input.ptr, end - input.ptr) : input;
		input = chunk_skip(input, text.len + 1);
		snprintf(path, sizeof(path), "%s/%u.conf", dir, i);
		if (!chunk_write(text, path, 0600, TRUE))
		{
			abort();
		}
	}
}

/**
 * Parse the files, as the plugin does.
 */
static void parse(nflog_notes_t *notes, nflog_filters_t *filters)
{
	nflog_sections_t *sections = nflog_sections_create(), *settings;
	nflog_snapshot_t *snapshot = NULL;
	nflog_source_t sources[2];
	nflog_includes_t *includes;
	nflog_watch_t *watch;
	char path[64], *used = NULL;
	bool stop = FALSE;

	watch = nflog_watch_create(notes, &stop);
	includes = nflog_includes_create(watch, notes, FALSE, &stop);
	settings = nflog_sections_create();
	snprintf(path, sizeof(path), "%s/0.conf", dir);
	if (includes->include(includes, path) && nflog_parse(includes, sections, &stop))
	{
		sources[0] = (nflog_source_t){ "strongswan.conf", settings };
		sources[1] = (nflog_source_t){ path, sections };
		snapshot = nflog_snapshot_create(&sources[0], &sources[1], filters, &used, notes,
										 &stop);
	}
	if (snapshot)
	{
		nflog_cfg_destroy(snapshot->get(snapshot, "gw", "net"));
		snapshot->get_points(snapshot, NULL);
		snapshot->destroy(snapshot);
	}
	notes->begin(notes);
	free(used);
	settings->destroy(settings);
	sections->destroy(sections);
	includes->destroy(includes);
	watch->destroy(watch);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	fuzz_init();
	return !mkdtemp(dir) || atexit(remove_dir) != 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	chunk_t input = chunk_create((u_char*)data, size);
	nflog_filters_t *filters;
	nflog_notes_t *notes;

	if (size && is_inside(input))
	{
		filters = nflog_filters_create();
		notes = nflog_notes_create();
		write_files(input);
		parse(notes, filters);
		notes->destroy(notes);
		filters->destroy(filters);
	}
	return 0;
}
