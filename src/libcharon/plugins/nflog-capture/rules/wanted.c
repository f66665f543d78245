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
		.kept = linked_list_create(),
	);
	snprintf(label, sizeof(label), "%s{%u}", child, id);
	nflog_tap_init(&this->tap, trace, POINT_MISSED, label);
	this->tap.count = this->tap.count ?: &this->unused;
	return this;
}

/*
 * Described in header
 */
bool nflog_wanted_is_early(nflog_wanted_t *this)
{
	return !this->tap.trace;
}

/*
 * Described in header
 */
void nflog_wanted_keep(nflog_wanted_t *this, nflog_logged_t *logged)
{
	nflog_logged_t *clone;
	size_t bytes;

	if (this->kept->get_count(this->kept) < NFLOG_WANTED_PACKETS &&
		this->bytes < NFLOG_WANTED_BYTES)
	{
		clone = nflog_logged_clone(logged, &bytes);
		this->bytes += bytes;
		this->kept->insert_last(this->kept, clone);
	}
	else
	{
		nflog_counters_add(&this->tap.count->received);
		nflog_counters_add(&this->tap.count->overrun);
	}
}

/*
 * Described in header
 */
nflog_logged_t *nflog_wanted_take(nflog_wanted_t *this)
{
	nflog_logged_t *logged = NULL;

	if (this->kept->remove_first(this->kept, (void**)&logged) == SUCCESS &&
		!this->kept->get_count(this->kept))
	{
		this->bytes = 0;
	}
	return logged;
}

/*
 * Described in header
 */
void nflog_wanted_destroy(nflog_wanted_t *this)
{
	this->selectors->destroy(this->selectors);
	this->kept->destroy_function(this->kept, free);
	free(this->nets);
	free(this);
}
