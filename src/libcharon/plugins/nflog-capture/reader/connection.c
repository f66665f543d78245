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

#include "connection.h"
#include "rules/netlink.h"

#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

/**
 * Find a nested attribute, NULL if there is none.
 */
static struct nlattr *find(struct nlattr *nest, uint16_t type)
{
	struct nlattr *attr;

	mnl_attr_for_each_nested(attr, nest)
	{
		if (mnl_attr_get_type(attr) == type)
		{
			return attr;
		}
	}
	return NULL;
}

/**
 * Get the port in a tuple, in host order, 0 if there is none.
 */
static uint16_t get_port(struct nlattr *proto, uint16_t type)
{
	struct nlattr *attr = find(proto, type);

	return attr && mnl_attr_validate(attr, MNL_TYPE_U16) == 0
				? ntohs(mnl_attr_get_u16(attr)) : 0;
}

/**
 * Get an address in a tuple.
 *
 * @param ipv4, ipv6	types of the attribute
 * @return				host, NULL if there is none
 */
static host_t *get_host(struct nlattr *ip, uint16_t ipv4, uint16_t ipv6, uint16_t port)
{
	struct nlattr *attr = find(ip, ipv4) ?: find(ip, ipv6);
	int family;

	if (!attr)
	{
		return NULL;
	}
	family = mnl_attr_get_type(attr) == ipv4 ? AF_INET : AF_INET6;
	/* checks the length */
	return host_create_from_chunk(family, chunk_create(mnl_attr_get_payload(attr),
													   mnl_attr_get_payload_len(attr)),
								  port);
}

/**
 * Parse the tuple of one direction.
 */
static bool parse_tuple(struct nlattr *tuple, nflog_connection_t *connection)
{
	struct nlattr *ip = find(tuple, CTA_TUPLE_IP);
	struct nlattr *proto = find(tuple, CTA_TUPLE_PROTO), *number;

	number = proto ? find(proto, CTA_PROTO_NUM) : NULL;
	if (!ip || !number || mnl_attr_validate(number, MNL_TYPE_U8) != 0)
	{
		return FALSE;
	}
	connection->proto = mnl_attr_get_u8(number);
	connection->src = get_host(ip, CTA_IP_V4_SRC, CTA_IP_V6_SRC,
							   get_port(proto, CTA_PROTO_SRC_PORT));
	connection->dst = get_host(ip, CTA_IP_V4_DST, CTA_IP_V6_DST,
							   get_port(proto, CTA_PROTO_DST_PORT));
	if (!connection->src || !connection->dst)
	{
		nflog_connection_clear(connection);
		return FALSE;
	}
	return TRUE;
}

/*
 * Described in header
 */
void nflog_connection_load()
{
	char buf[MNL_SOCKET_BUFFER_SIZE];
	struct mnl_socket *socket;
	struct nlmsghdr *hdr;

	hdr = mnl_nlmsg_put_header(buf);
	hdr->nlmsg_type = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET_STATS;
	hdr->nlmsg_flags = NLM_F_REQUEST;
	mnl_nlmsg_put_extra_header(hdr, sizeof(struct nfgenmsg));
	socket = nflog_netlink_open();
	if (socket)
	{	/* the module is loaded before this returns, or it shows when it is used */
		mnl_socket_sendto(socket, hdr, hdr->nlmsg_len);
		mnl_socket_close(socket);
	}
}

/*
 * Described in header
 */
bool nflog_connection_parse(nflog_logged_t *logged, nflog_connection_t *connection)
{
	struct nlattr *tuple;
	uint32_t info;

	*connection = (nflog_connection_t){};
	if (!logged->attrs[NFULA_CT] || !logged->attrs[NFULA_CT_INFO])
	{
		return FALSE;
	}
	info = ntohl(mnl_attr_get_u32(logged->attrs[NFULA_CT_INFO]));
	if (info == IP_CT_RELATED || info == IP_CT_RELATED_REPLY)
	{	/* the connection is that of the packet which caused an ICMP error */
		return FALSE;
	}
	connection->reply = info >= IP_CT_IS_REPLY;
	tuple = find(logged->attrs[NFULA_CT],
				 connection->reply ? CTA_TUPLE_REPLY : CTA_TUPLE_ORIG);
	return tuple && parse_tuple(tuple, connection);
}

/*
 * Described in header
 */
void nflog_connection_clear(nflog_connection_t *connection)
{
	DESTROY_IF(connection->src);
	DESTROY_IF(connection->dst);
	*connection = (nflog_connection_t){};
}
