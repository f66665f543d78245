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

#include "element.h"
#include "nft_rule.h"

#include <net/if.h>
#include <networking/tun_device.h>

#include <libmnl/libmnl.h>
#include <libnftnl/expr.h>
#include <libnftnl/set.h>
#include <linux/netfilter/nf_tables.h>

/*
 * Described in header
 */
nflog_element_t nflog_element_wire(nflog_sa_t *sa,
												nflog_match_t *match)
{
	host_t *dst = match->dst;
	chunk_t addr = dst->get_address(dst);
	nflog_element_t element = {};

	if (dst->get_family(dst) == AF_INET)
	{
		element.set = sa->inbound ? "esp-in-ipv4" : "esp-out-ipv4";
	}
	else
	{
		element.set = sa->inbound ? "esp-in-ipv6" : "esp-out-ipv6";
	}
	memcpy(element.key, addr.ptr, addr.len);
	element.key[addr.len / sizeof(uint32_t)] = sa->spi;
	element.len = addr.len + sizeof(uint32_t);
	return element;
}

/*
 * Described in header
 */
nflog_element_t nflog_element_plain(nflog_sa_t *sa,
												nflog_match_t *match)
{
	nflog_element_t element = {
		.set = sa->inbound ? "plain-in-sas" : "plain-out-sas",
		.key = { match->reqid, sa->spi },
		.len = 2 * sizeof(uint32_t),
	};
	return element;
}

/*
 * Described in header
 */
nflog_element_t nflog_element_tun(bool inbound)
{
	/* provided by kernel-libipsec */
	tun_device_t *tun = lib->get(lib, "kernel-libipsec-tun");
	nflog_element_t element = {
		.set = inbound ? "tun-in-devices" : "tun-out-devices",
		.len = IFNAMSIZ,
	};

	snprintf((char*)element.key, IFNAMSIZ, "%s", tun->get_name(tun));
	return element;
}

/*
 * Described in header
 */
void nflog_element_build(struct nlmsghdr *hdr, void *data)
{
	nflog_element_t *element = data;
	struct nftnl_set_elem *elem;
	struct nftnl_set *set;

	set = nftnl_set_alloc();
	nftnl_set_set_str(set, NFTNL_SET_TABLE, NFLOG_NFT_TABLE_NAME);
	nftnl_set_set_str(set, NFTNL_SET_NAME, element->set);
	elem = nftnl_set_elem_alloc();
	nftnl_set_elem_set(elem, NFTNL_SET_ELEM_KEY, element->key, element->len);
	nftnl_set_elem_add(set, elem);
	nftnl_set_elems_nlmsg_build_payload(hdr, set);
	nftnl_set_free(set);
}

/*
 * Described in header
 */
int nflog_element_parse(const struct nlmsghdr *hdr, void *data)
{
	nflog_element_t *element = data;
	struct nftnl_set_elems_iter *iter;
	struct nftnl_set_elem *elem;
	const struct nftnl_expr *expr;
	struct nftnl_set *set;

	set = nftnl_set_alloc();
	if (nftnl_set_elems_nlmsg_parse(hdr, set) == 0)
	{
		iter = nftnl_set_elems_iter_create(set);
		elem = nftnl_set_elems_iter_next(iter);
		expr = elem ? nftnl_set_elem_get(elem, NFTNL_SET_ELEM_EXPR,
										 &(uint32_t){0}) : NULL;
		if (expr)
		{
			element->packets = nftnl_expr_get_u64(expr, NFTNL_EXPR_CTR_PACKETS);
		}
		nftnl_set_elems_iter_destroy(iter);
	}
	nftnl_set_free(set);
	return MNL_CB_OK;
}
