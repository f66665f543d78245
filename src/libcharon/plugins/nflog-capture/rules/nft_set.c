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

#include "nft_set.h"
#include "nft_rule.h"

#include <net/if.h>

#include <libnftnl/expr.h>
#include <libnftnl/set.h>
#include <libnftnl/udata.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include <networking/tun_device.h>

/**
 * nft's numbers of data types (include/datatype.h), each has six bits in a
 * concatenation.
 */
#define TYPE_INTEGER 4
#define TYPE_IPV4_ADDR 7
#define TYPE_IPV6_ADDR 8
#define TYPE_IFNAME 41
#define CONCAT(a, b) ((a) << 6 | (b))

/** nft's number of the byte order of device names (include/datatype.h) */
#define HOST_ENDIAN 1

/** nft's numbers of kinds of expressions (include/expression.h), higher ones differ
 * between its releases */
#define EXPR_PAYLOAD 7
#define EXPR_META 9
#define EXPR_CONCAT 13

/**
 * nft's attributes that describe an expression (src/expression.c), a payload
 * (src/payload.c) and a property of a packet (src/meta.c).
 */
#define UDATA_SUB_KIND 0
#define UDATA_SUB_DATA 1
#define UDATA_PAYLOAD_DESC 0
#define UDATA_PAYLOAD_TYPE 1
#define UDATA_PAYLOAD_BASE 2
#define UDATA_PAYLOAD_OFFSET 3
#define UDATA_PAYLOAD_LEN 4
#define UDATA_META_KEY 0

/** nft's numbers of headers and their fields (include/proto.h) */
#define PROTO_UNKNOWN 0
#define PROTO_IP 12
#define PROTO_IP_SADDR 11
#define PROTO_IP_DADDR 12
#define PROTO_IP6 13
#define PROTO_IP6_SADDR 8
#define PROTO_IP6_DADDR 9
#define PROTO_BASE_TRANSPORT 3

/**
 * Add an expression to a concatenation, and numeric attributes that describe it.
 *
 * @param number		position in the concatenation
 * @param kind			kind of expression, EXPR_*
 * @param values		values of the attributes from 0 on
 */
static void put_part(struct nftnl_udata_buf *udata, uint8_t number, uint32_t kind,
					 uint32_t *values, u_int count)
{
	struct nftnl_udata *part, *data;
	u_int i;

	part = nftnl_udata_nest_start(udata, number);
	nftnl_udata_put_u32(udata, UDATA_SUB_KIND, kind);
	data = nftnl_udata_nest_start(udata, UDATA_SUB_DATA);
	for (i = 0; i < count; i++)
	{
		nftnl_udata_put_u32(udata, i, values[i]);
	}
	nftnl_udata_nest_end(udata, data);
	nftnl_udata_nest_end(udata, part);
}

/**
 * Describe a field of a header.
 */
static void put_field(struct nftnl_udata_buf *udata, uint8_t number, uint32_t proto,
					  uint32_t field)
{
	uint32_t values[] = {
		[UDATA_PAYLOAD_DESC] = proto,
		[UDATA_PAYLOAD_TYPE] = field,
	};

	put_part(udata, number, EXPR_PAYLOAD, values, countof(values));
}

/**
 * Add the reqid of an SA to a concatenation.
 *
 * Described as the length of a packet, a number in host byte order as well: nft 1.1.7 has
 * another number for the kind of expression of the reqid itself than 1.1.3, and aborts when
 * it lists the former one.
 */
static void put_reqid(struct nftnl_udata_buf *udata)
{
	uint32_t values[] = {
		[UDATA_META_KEY] = NFT_META_LEN,
	};

	put_part(udata, 0, EXPR_META, values, countof(values));
}

/**
 * Describe an SPI, as @th,0,32.
 */
static void put_spi(struct nftnl_udata_buf *udata)
{
	uint32_t values[] = {
		[UDATA_PAYLOAD_DESC] = PROTO_UNKNOWN,
		[UDATA_PAYLOAD_TYPE] = 0,
		[UDATA_PAYLOAD_BASE] = PROTO_BASE_TRANSPORT,
		[UDATA_PAYLOAD_OFFSET] = 0,
		[UDATA_PAYLOAD_LEN] = 32,
	};

	put_part(udata, 1, EXPR_PAYLOAD, values, countof(values));
}

/**
 * Set the type of keys, for the kernel and for nft.
 */
static void set_type(struct nftnl_set *set, nflog_nft_set_kind_t kind)
{
	struct nftnl_udata_buf *udata;
	struct nftnl_udata *key, *parts;
	uint32_t type = CONCAT(TYPE_INTEGER, TYPE_INTEGER), len = 8;

	udata = nftnl_udata_buf_alloc(NFT_USERDATA_MAXLEN);
	/* concatenations have no byte order */
	nftnl_udata_put_u32(udata, NFTNL_UDATA_SET_KEYBYTEORDER, 0);
	key = nftnl_udata_nest_start(udata, NFTNL_UDATA_SET_KEY_TYPEOF);
	nftnl_udata_put_u32(udata, NFTNL_UDATA_SET_TYPEOF_EXPR, EXPR_CONCAT);
	parts = nftnl_udata_nest_start(udata, NFTNL_UDATA_SET_TYPEOF_DATA);
	switch (kind)
	{
		case SET_ESP_IPV4:
			type = CONCAT(TYPE_IPV4_ADDR, TYPE_INTEGER);
			put_field(udata, 0, PROTO_IP, PROTO_IP_DADDR);
			put_spi(udata);
			break;
		case SET_ESP_IPV6:
			type = CONCAT(TYPE_IPV6_ADDR, TYPE_INTEGER);
			len = 20;
			put_field(udata, 0, PROTO_IP6, PROTO_IP6_DADDR);
			put_spi(udata);
			break;
		case SET_PLAIN_IN:
		case SET_PLAIN_OUT:
			put_reqid(udata);
			put_spi(udata);
			break;
		case SET_NETS_IPV4:
			type = CONCAT(TYPE_IPV4_ADDR, TYPE_IPV4_ADDR);
			put_field(udata, 0, PROTO_IP, PROTO_IP_SADDR);
			put_field(udata, 1, PROTO_IP, PROTO_IP_DADDR);
			break;
		case SET_NETS_IPV6:
			type = CONCAT(TYPE_IPV6_ADDR, TYPE_IPV6_ADDR);
			len = 32;
			put_field(udata, 0, PROTO_IP6, PROTO_IP6_SADDR);
			put_field(udata, 1, PROTO_IP6, PROTO_IP6_DADDR);
			break;
		case SET_DEVICE:
			break;
	}
	nftnl_udata_nest_end(udata, parts);
	nftnl_udata_nest_end(udata, key);

	nftnl_set_set_u32(set, NFTNL_SET_KEY_TYPE, type);
	nftnl_set_set_u32(set, NFTNL_SET_KEY_LEN, len);
	nftnl_set_set_data(set, NFTNL_SET_USERDATA, nftnl_udata_buf_data(udata),
					   nftnl_udata_buf_len(udata));
	nftnl_udata_buf_free(udata);
}

/**
 * Set the type of keys that are device names.
 */
static void set_device_type(struct nftnl_set *set)
{
	struct nftnl_udata_buf *udata;

	udata = nftnl_udata_buf_alloc(NFT_USERDATA_MAXLEN);
	nftnl_udata_put_u32(udata, NFTNL_UDATA_SET_KEYBYTEORDER, HOST_ENDIAN);
	nftnl_set_set_data(set, NFTNL_SET_USERDATA, nftnl_udata_buf_data(udata),
					   nftnl_udata_buf_len(udata));
	nftnl_udata_buf_free(udata);
	nftnl_set_set_u32(set, NFTNL_SET_KEY_TYPE, TYPE_IFNAME);
	nftnl_set_set_u32(set, NFTNL_SET_KEY_LEN, IFNAMSIZ);
}

/**
 * Create the description of a set.
 */
static struct nftnl_set *create_set(char *name)
{
	struct nftnl_set *set;

	set = nftnl_set_alloc();
	nftnl_set_set_u32(set, NFTNL_SET_FAMILY, NFPROTO_INET);
	nftnl_set_set_str(set, NFTNL_SET_TABLE, NFLOG_NFT_TABLE_NAME);
	nftnl_set_set_str(set, NFTNL_SET_NAME, name);
	return set;
}

/*
 * Described in header
 */
void nflog_nft_set_add(nflog_nft_socket_t *nft, char *name, uint32_t id,
					   nflog_nft_set_kind_t kind)
{
	struct nftnl_set *set;

	set = create_set(name);
	nftnl_set_set_u32(set, NFTNL_SET_ID, id);
	if (kind == SET_DEVICE)
	{
		set_device_type(set);
	}
	else
	{
		set_type(set, kind);
	}
	nftnl_set_add_expr(set, nftnl_expr_alloc("counter"));
	nftnl_set_nlmsg_build_payload(nft->add(nft, NFT_MSG_NEWSET, NLM_F_CREATE),
								  set);
	nftnl_set_free(set);
}

/*
 * Described in header
 */
void nflog_nft_set_remove(nflog_nft_socket_t *nft, char *name)
{
	struct nftnl_set *set;

	set = create_set(name);
	nftnl_set_nlmsg_build_payload(nft->add(nft, NFT_MSG_DELSET, 0), set);
	nftnl_set_free(set);
}

/*
 * Described in header
 */
nflog_element_t nflog_element_esp(nflog_sa_t *sa, nflog_match_t *match)
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
nflog_element_t nflog_element_plain(nflog_sa_t *sa, nflog_match_t *match)
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
void nflog_nft_set_build(struct nlmsghdr *hdr, void *data)
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
int nflog_nft_set_parse(const struct nlmsghdr *hdr, void *data)
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
