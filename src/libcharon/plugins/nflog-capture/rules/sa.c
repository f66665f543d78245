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

#include "sa.h"

/*
 * Described in header
 */
nflog_sa_t *nflog_sa_create(char *conn, char *child,
						uint32_t id, bool inbound, host_t *dst, uint32_t spi,
						uint32_t reqid, nflog_trace_t *esp,
						nflog_trace_t *plain)
{
	nflog_sa_t *this;
	char label[256];

	INIT(this,
		.conn = strdup(conn),
		.inbound = inbound,
		.spi = spi,
		.match = {
			.dst = dst->clone(dst),
			.reqid = reqid,
		},
	);
	nflog_sa_set_key(&this->key, inbound, dst, spi);
	snprintf(label, sizeof(label), "%s{%u}", child, id);
	nflog_tap_init(&this->esp, esp,
				   inbound ? POINT_ESP_IN : POINT_ESP_OUT, label);
	nflog_tap_init(&this->plain, plain,
				   inbound ? POINT_PLAIN_IN : POINT_PLAIN_OUT, label);
	return this;
}

/*
 * Described in header
 */
void nflog_sa_set_key(nflog_esp_key_t *key, bool inbound,
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
void nflog_sa_destroy(nflog_sa_t *this)
{
	this->match.dst->destroy(this->match.dst);
	DESTROY_IF(this->next.dst);
	DESTROY_IF(this->selectors);
	free(this->conn);
	free(this);
}
