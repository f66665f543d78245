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
#include "wanted.h"

#include <daemon.h>
#include <selectors/traffic_selector.h>

typedef struct private_nflog_selectors_t private_nflog_selectors_t;
typedef struct selector_t selector_t;

/**
 * Private data.
 */
struct private_nflog_selectors_t {

	/**
	 * Public interface.
	 */
	nflog_selectors_t public;

	/**
	 * Traffic selectors, selector_t.
	 */
	linked_list_t *src, *dst;
};

/**
 * Traffic selector.
 */
struct selector_t {

	/**
	 * The selector itself.
	 */
	traffic_selector_t *ts;

	/**
	 * Bits of the prefix of the smallest subnet around it.
	 */
	uint8_t prefix;

	/**
	 * Protocol, 0 for any.
	 */
	uint8_t proto;

	/**
	 * TRUE if it is a single port.
	 */
	bool port;
};

/**
 * Clone traffic selectors.
 */
static linked_list_t *clone_selectors(linked_list_t *list)
{
	linked_list_t *clones = linked_list_create();
	enumerator_t *enumerator;
	traffic_selector_t *ts;
	selector_t *selector;
	host_t *net;

	enumerator = list->create_enumerator(list);
	while (enumerator->enumerate(enumerator, &ts))
	{
		INIT(selector,
			.ts = ts->clone(ts),
			.proto = ts->get_protocol(ts),
		);
		ts->to_subnet(ts, &net, &selector->prefix);
		selector->port = net->get_port(net) != 0;
		net->destroy(net);
		clones->insert_last(clones, selector);
	}
	enumerator->destroy(enumerator);
	return clones;
}

/**
 * Destroy a traffic selector.
 */
static void selector_destroy(selector_t *this)
{
	this->ts->destroy(this->ts);
	free(this);
}

/**
 * Does a traffic selector include a port, or type and code of ICMP?
 *
 * As with policies that kernel-netlink installs, code 0 and type 0 stand for any, and opaque
 * ports do (RFC 7296, section 3.13.1).
 */
static bool includes_port(selector_t *this, uint16_t port)
{
	uint16_t from = this->ts->get_from_port(this->ts), to = this->ts->get_to_port(this->ts);

	if (from > to)
	{
		return TRUE;
	}
	if (from == to && (this->proto == IPPROTO_ICMP || this->proto == IPPROTO_ICMPV6))
	{
		return (!traffic_selector_icmp_type(from) ||
				traffic_selector_icmp_type(from) == traffic_selector_icmp_type(port)) &&
			   (!traffic_selector_icmp_code(from) ||
				traffic_selector_icmp_code(from) == traffic_selector_icmp_code(port));
	}
	return port >= from && port <= to;
}

/**
 * Does a traffic selector include an address and port?
 */
static bool includes(selector_t *this, host_t *host)
{
	return this->ts->includes(this->ts, host) &&
		   includes_port(this, host->get_port(host));
}

/**
 * Check how closely a packet matches, if its source address is included.
 */
static u_int match_dst(private_nflog_selectors_t *this, selector_t *src,
					   host_t *host, uint8_t proto)
{
	enumerator_t *enumerator;
	u_int closest = 0, close;
	uint8_t wanted;
	selector_t *dst;

	enumerator = this->dst->create_enumerator(this->dst);
	while (enumerator->enumerate(enumerator, &dst))
	{
		wanted = max(src->proto, dst->proto);
		if ((!wanted || wanted == proto) && includes(dst, host))
		{
			close = (src->prefix + dst->prefix) << 2 |
					(src->port || dst->port) << 1 | (wanted != 0);
			closest = max(closest, close + 1);
		}
	}
	enumerator->destroy(enumerator);
	return closest;
}

METHOD(nflog_selectors_t, match, u_int,
	private_nflog_selectors_t *this, host_t *src, host_t *dst,
	uint8_t proto)
{
	enumerator_t *enumerator;
	u_int closest = 0, close;
	selector_t *selector;

	enumerator = this->src->create_enumerator(this->src);
	while (enumerator->enumerate(enumerator, &selector))
	{
		if (includes(selector, src))
		{
			close = match_dst(this, selector, dst, proto);
			closest = max(closest, close);
		}
	}
	enumerator->destroy(enumerator);
	return closest;
}

METHOD(nflog_selectors_t, destroy, void,
	private_nflog_selectors_t *this)
{
	this->src->destroy_function(this->src, (void*)selector_destroy);
	this->dst->destroy_function(this->dst, (void*)selector_destroy);
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
		.src = clone_selectors(src),
		.dst = clone_selectors(dst),
	);
	return &this->public;
}

/*
 * Described in header
 */
nflog_sa_t *nflog_sa_create(char *conn, char *child, uint32_t id, bool inbound,
							host_t *dst, uint32_t spi, uint32_t reqid,
							nflog_trace_t *esp, nflog_trace_t *plain)
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
bool nflog_sa_is_userland()
{
	return (charon->kernel->get_features(charon->kernel) &
			KERNEL_REQUIRE_UDP_ENCAPSULATION) &&
		   lib->get(lib, "kernel-libipsec-tun");
}

/*
 * Described in header
 */
void nflog_sa_set_key(nflog_esp_key_t *key, bool inbound, host_t *dst,
					  uint32_t spi)
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
	if (this->wanted)
	{
		nflog_wanted_destroy(this->wanted);
	}
	free(this->conn);
	free(this);
}
