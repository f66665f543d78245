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

#include "selectors.h"

#include <selectors/traffic_selector.h>

typedef struct private_nflog_selectors_t private_nflog_selectors_t;

/**
 * Private data.
 */
struct private_nflog_selectors_t {

	/**
	 * Public interface.
	 */
	nflog_selectors_t public;

	/**
	 * Traffic selectors, traffic_selector_t.
	 */
	linked_list_t *src, *dst;
};

/**
 * Does any traffic selector match?
 */
static bool match_any(linked_list_t *list, host_t *host, uint8_t proto)
{
	enumerator_t *enumerator;
	traffic_selector_t *ts;
	uint16_t port = host->get_port(host);
	uint8_t wanted;
	bool match = FALSE;

	enumerator = list->create_enumerator(list);
	while (!match && enumerator->enumerate(enumerator, &ts))
	{
		wanted = ts->get_protocol(ts);
		match = (!wanted || wanted == proto) && ts->includes(ts, host) &&
				port >= ts->get_from_port(ts) && port <= ts->get_to_port(ts);
	}
	enumerator->destroy(enumerator);
	return match;
}

METHOD(nflog_selectors_t, match, bool,
	private_nflog_selectors_t *this, host_t *src, host_t *dst,
	uint8_t proto)
{
	return match_any(this->src, src, proto) && match_any(this->dst, dst, proto);
}

METHOD(nflog_selectors_t, destroy, void,
	private_nflog_selectors_t *this)
{
	this->src->destroy_offset(this->src, offsetof(traffic_selector_t, destroy));
	this->dst->destroy_offset(this->dst, offsetof(traffic_selector_t, destroy));
	free(this);
}

/*
 * Described in header
 */
nflog_selectors_t *nflog_selectors_create(linked_list_t *src,
										  linked_list_t *dst)
{
	private_nflog_selectors_t *this;

	INIT(this,
		.public = {
			.match = _match,
			.destroy = _destroy,
		},
		.src = src->clone_offset(src, offsetof(traffic_selector_t, clone)),
		.dst = dst->clone_offset(dst, offsetof(traffic_selector_t, clone)),
	);
	return &this->public;
}
