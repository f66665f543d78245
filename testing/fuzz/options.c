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
 * Options: lines with a name, = and a value, as in a section of a child, and a last one with
 * a pattern of an identity, and of a virtual IP behind a blank.
 */

#include "lib/fuzz.h"

#include "options/criteria.h"
#include "options/values.h"

#include <networking/host.h>

/**
 * Match patterns with a peer.
 */
static void match(char *patterns)
{
	nflog_criteria_t criteria = {};
	nflog_candidate_t peer = {
		.conn = "gw",
		.child = "net",
		.identity = identification_create_from_string("C=CH, O=strongSwan, CN=carol"),
		.vips = linked_list_create_with_items(
							host_create_from_string("10.3.0.1", 0),
							host_create_from_string("fec3::1", 0), NULL),
	};

	criteria.identity = strsep(&patterns, " ");
	criteria.virtual_ip = patterns;
	if (strlen(criteria.identity) <= NFLOG_MAX_PATTERN)
	{
		nflog_criteria_may_match(&criteria, &peer);
		nflog_criteria_match(&criteria, &peer);
	}
	peer.identity->destroy(peer.identity);
	peer.vips->destroy_offset(peer.vips, offsetof(host_t, destroy));
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	fuzz_init();
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	nflog_section_t section = { .path = "connections.gw.children.net.nflog-capture" };
	char *text = strndup((char*)data, size), *rest = text, *line, *key;
	nflog_values_t values = {
		.filters = nflog_filters_create(),
		.notes = nflog_notes_create(),
	};
	nflog_cfg_t cfg = {};

	while ((line = strsep(&rest, "\n")))
	{
		key = strsep(&line, "=");
		if (!rest && !line)
		{
			match(key);
		}
		else
		{
			nflog_values_is_request(key);
			nflog_values_apply(&values, &section, key, line);
		}
	}
	nflog_values_check(&values);
	nflog_values_override(&values, &cfg);
	DESTROY_IF(cfg.filter);
	DESTROY_IF(values.cfg.filter);
	values.notes->destroy(values.notes);
	values.filters->destroy(values.filters);
	free(text);
	return 0;
}
