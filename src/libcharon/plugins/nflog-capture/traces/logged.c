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

#include "logged.h"

#include <linux/netfilter/nfnetlink.h>

/** length of attributes of fixed size (structs and nla_put_*() in nfnetlink_log.c) */
static const size_t sizes[NFULA_MAX + 1] = {
	[NFULA_PACKET_HDR] = sizeof(struct nfulnl_msg_packet_hdr),
	[NFULA_MARK] = sizeof(uint32_t),
	[NFULA_TIMESTAMP] = sizeof(struct nfulnl_msg_packet_timestamp),
	[NFULA_IFINDEX_INDEV] = sizeof(uint32_t),
	[NFULA_IFINDEX_OUTDEV] = sizeof(uint32_t),
	[NFULA_IFINDEX_PHYSINDEV] = sizeof(uint32_t),
	[NFULA_IFINDEX_PHYSOUTDEV] = sizeof(uint32_t),
	[NFULA_HWADDR] = sizeof(struct nfulnl_msg_packet_hw),
	[NFULA_UID] = sizeof(uint32_t),
	[NFULA_SEQ] = sizeof(uint32_t),
	[NFULA_SEQ_GLOBAL] = sizeof(uint32_t),
	[NFULA_GID] = sizeof(uint32_t),
	[NFULA_HWTYPE] = sizeof(uint16_t),
	[NFULA_HWLEN] = sizeof(uint16_t),
	[NFULA_CT_INFO] = sizeof(uint32_t),
};

/** log prefixes, in the order of nflog_prefix_t */
static char *prefixes[] = {
	"esp-in",
	"esp-out",
	"plain-in",
	"plain-out",
	"vrf-in",
	"vti-in",
	"tun-in",
	"tun-out",
	"frag-in",
	"ike-in",
	"ike-out",
	"missed",
};

/*
 * Described in header
 */
char *nflog_prefix_get(nflog_prefix_t prefix)
{
	return prefixes[prefix];
}

/**
 * Parse a log prefix, returns FALSE if it is none of ours.
 */
static bool parse_prefix(nflog_logged_t *logged, char *text)
{
	nflog_prefix_t prefix;

	for (prefix = 0; prefix < countof(prefixes); prefix++)
	{
		if (streq(text, prefixes[prefix]))
		{
			logged->prefix = prefix;
			return TRUE;
		}
	}
	return FALSE;
}

/**
 * Check if an attribute is as long as its type requires.
 */
static inline bool is_valid(struct nlattr *attr, uint16_t type)
{
	size_t len = attr->nla_len - NLA_HDRLEN;

	if (type == NFULA_PREFIX)
	{
		return len && ((char*)attr)[attr->nla_len - 1] == '\0';
	}
	return len >= sizes[type];
}

/*
 * Described in header
 */
bool nflog_logged_parse(struct nlmsghdr *hdr,
						nflog_logged_t *logged)
{
	uint8_t *pos, *end = (uint8_t*)hdr + hdr->nlmsg_len;
	struct nlattr *attr;
	uint16_t type;

	if (hdr->nlmsg_type != (NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_PACKET) ||
		hdr->nlmsg_len < NLMSG_LENGTH(sizeof(*logged->msg)))
	{
		return FALSE;
	}
	logged->start = (uint8_t*)hdr;
	logged->msg = NLMSG_DATA(hdr);
	memset(logged->attrs, 0, sizeof(logged->attrs));
	logged->fragment = FRAGMENT_NONE;
	/* in place of libmnl's functions, which call one for each attribute, as this is done
	 * for each packet */
	pos = (uint8_t*)(logged->msg + 1);
	while (end - pos >= NLA_HDRLEN)
	{
		attr = (struct nlattr*)pos;
		if (attr->nla_len < NLA_HDRLEN || attr->nla_len > end - pos)
		{
			break;
		}
		type = attr->nla_type & NLA_TYPE_MASK;
		if (type <= NFULA_MAX && is_valid(attr, type))
		{
			logged->attrs[type] = attr;
		}
		pos += NLA_ALIGN(attr->nla_len);
	}
	attr = logged->attrs[NFULA_PREFIX];
	return attr && logged->attrs[NFULA_PAYLOAD] &&
		   logged->attrs[NFULA_PACKET_HDR] &&
		   parse_prefix(logged, (char*)attr + NLA_HDRLEN);
}

/*
 * Described in header
 */
nflog_logged_t *nflog_logged_clone(
							nflog_logged_t *logged, size_t *bytes)
{
	nflog_logged_t *clone;
	uint8_t *pos;
	int i;

	*bytes = sizeof(*clone) + NLA_ALIGN(sizeof(*logged->msg));
	for (i = 1; i <= NFULA_MAX; i++)
	{
		if (logged->attrs[i])
		{
			*bytes += NLA_ALIGN(logged->attrs[i]->nla_len);
		}
	}
	clone = calloc(1, *bytes);
	clone->time = logged->time;
	clone->order = logged->order;
	clone->prefix = logged->prefix;
	clone->fragment = logged->fragment;
	clone->early = logged->early;
	pos = (uint8_t*)(clone + 1);
	clone->msg = memcpy(pos, logged->msg, sizeof(*logged->msg));
	pos += NLA_ALIGN(sizeof(*logged->msg));
	for (i = 1; i <= NFULA_MAX; i++)
	{
		if (logged->attrs[i])
		{
			clone->attrs[i] = memcpy(pos, logged->attrs[i],
									 logged->attrs[i]->nla_len);
			pos += NLA_ALIGN(logged->attrs[i]->nla_len);
		}
	}
	return clone;
}
