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
 * Logs of charon, whose end lines are read, times that a user gave, and text that is
 * escaped for a terminal.
 */

#include "lib/fuzz.h"

#include "cli/text.h"
#include "cli/when.h"
#include "export/end_lines.h"

#include <unistd.h>

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	fuzz_init();
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	end_lines_t *lines = end_lines_create();
	enumerator_t *enumerator;
	char path[FUZZ_PATH], *text;
	struct timeval when;
	end_line_t *line;
	int fd;

	fd = fuzz_file(chunk_create((u_char*)data, size), path);
	lines->read(lines, path);
	enumerator = lines->create_enumerator(lines,
							"net-net.20261124T223527Z.c91b9dfe-c24e50ed.esp");
	while (enumerator->enumerate(enumerator, &line))
	{
		if (!line->line)
		{
			abort();
		}
	}
	enumerator->destroy(enumerator);
	lines->destroy(lines);
	close(fd);

	text = strndup((char*)data, size);
	when_parse(text, &when);
	free(text_escape(text));
	free(text);
	return 0;
}
