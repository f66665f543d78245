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

#include "nflog_capture_sa.h"

/**
 * Initialize a tap.
 */
static void init_tap(nflog_capture_tap_t *tap, nflog_capture_trace_t *trace,
					 nflog_capture_point_t point, char *child, uint32_t id)
{
	char suffix[32];
	int len;

	tap->point = point;
	if (trace)
	{
		tap->trace = trace->get_ref(trace);
		tap->count = trace->get_count(trace, point);
		/* a long name is cut, the unique id tells CHILD_SAs apart */
		len = snprintf(suffix, sizeof(suffix), "{%u} %N", id,
					   nflog_capture_point_names, point);
		snprintf(tap->prefix, sizeof(tap->prefix), "%.*s%s",
				 (int)sizeof(tap->prefix) - 1 - len, child, suffix);
	}
}

/*
 * Described in header
 */
nflog_capture_sa_t *nflog_capture_sa_create(char *conn, char *child,
						uint32_t id, bool inbound, host_t *dst, uint32_t spi,
						uint32_t reqid, nflog_capture_trace_t *wire,
						nflog_capture_trace_t *plain)
{
	nflog_capture_sa_t *this;

	INIT(this,
		.conn = strdup(conn),
		.inbound = inbound,
		.spi = spi,
		.match = {
			.dst = dst->clone(dst),
			.reqid = reqid,
		},
	);
	nflog_capture_sa_set_key(&this->key, inbound, dst, spi);
	init_tap(&this->wire, wire, inbound ? POINT_ESP_IN : POINT_ESP_OUT, child,
			 id);
	init_tap(&this->plain, plain, inbound ? POINT_PLAIN_IN : POINT_PLAIN_OUT,
			 child, id);
	return this;
}

/*
 * Described in header
 */
void nflog_capture_sa_set_key(nflog_capture_wire_key_t *key, bool inbound,
							  host_t *dst, uint32_t spi)
{
	chunk_t addr = dst->get_address(dst);

	memset(key, 0, sizeof(*key));
	key->spi = spi;
	key->inbound = inbound;
	memcpy(key->dst, addr.ptr, min(addr.len, sizeof(key->dst)));
}

/*
 * Described in header
 */
void nflog_capture_sa_destroy(nflog_capture_sa_t *this)
{
	this->match.dst->destroy(this->match.dst);
	DESTROY_IF(this->next.dst);
	DESTROY_IF(this->selectors);
	free(this->conn);
	free(this);
}
