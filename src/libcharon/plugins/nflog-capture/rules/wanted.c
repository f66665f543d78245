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

#include "wanted.h"

/*
 * Described in header
 */
nflog_wanted_t *nflog_wanted_create(nflog_trace_t *trace, char *child, uint32_t id,
									linked_list_t *src, linked_list_t *dst, mark_t mark,
									uint32_t if_id)
{
	nflog_wanted_t *this;
	char label[256];

	INIT(this,
		.selectors = nflog_selectors_create(src, dst),
		.nets = nflog_nets_create(src, dst),
		.mark = mark,
		.if_id = if_id,
	);
	snprintf(label, sizeof(label), "%s{%u}", child, id);
	nflog_tap_init(&this->tap, trace, POINT_MISSED, label);
	return this;
}

/*
 * Described in header
 */
void nflog_wanted_destroy(nflog_wanted_t *this)
{
	this->selectors->destroy(this->selectors);
	free(this->nets);
	free(this);
}
