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

#include "probe.h"

/*
 * Described in header
 */
nflog_probe_t *nflog_probe_create(void (*cb)(void *data, struct nflog_event_t *event),
								  void *data, char *error, size_t len)
{
	snprintf(error, len, "the plugin was built without libbpf");
	return NULL;
}
