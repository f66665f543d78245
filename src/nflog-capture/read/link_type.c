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

#include "link_type.h"

#include <linux/netfilter/nfnetlink_log.h>
#include <net/ethernet.h>

/** protocols of frames that <net/ethernet.h> lacks: tags of VLANs, PPPoE (RFC 2516) */
#define ETHERTYPE_QINQ 0x88a8
#define ETHERTYPE_QINQ_OLD 0x9100
#define ETHERTYPE_PPPOE 0x8864

/** protocols of PPP, see the registry of IANA */
#define PPP_IPV4 0x0021
#define PPP_IPV6 0x0057

/** bytes of headers */
#define ETHERNET_LEN 14
#define SLL_LEN 16
#define SLL2_LEN 20
#define VLAN_LEN 4
#define PPPOE_LEN 6
#define FAMILY_LEN 4
#define NFLOG_LEN 4

/*
 * Described in header
 */
bool link_type_is_known(uint16_t type)
{
	switch (type)
	{
		case LINKTYPE_NULL:
		case LINKTYPE_ETHERNET:
		case LINKTYPE_PPP:
		case LINKTYPE_RAW_BSD:
		case LINKTYPE_RAW_OPENBSD:
		case LINKTYPE_PPP_HDLC:
		case LINKTYPE_PPP_ETHER:
		case LINKTYPE_RAW:
		case LINKTYPE_LOOP:
		case LINKTYPE_LINUX_SLL:
		case LINKTYPE_IPV4:
		case LINKTYPE_IPV6:
		case LINKTYPE_NFLOG:
		case LINKTYPE_LINUX_SLL2:
			return TRUE;
		default:
			return FALSE;
	}
}

/**
 * Find the payload in the attributes of NFLOG, whose headers are in host order.
 */
static chunk_t get_payload(chunk_t data, bool swapped)
{
	uint16_t len, type;
	chunk_t payload = chunk_empty;

	data = chunk_skip(data, NFLOG_LEN);
	while (data.len >= 4)
	{
		memcpy(&len, data.ptr, sizeof(len));
		memcpy(&type, data.ptr + 2, sizeof(type));
		if (swapped)
		{
			len = __builtin_bswap16(len);
			type = __builtin_bswap16(type);
		}
		if (len < 4 || len > data.len)
		{
			break;
		}
		if (type == NFULA_PAYLOAD)
		{
			payload = chunk_create(data.ptr + 4, len - 4);
			break;
		}
		data = chunk_skip(data, min(data.len, (len + 3) & ~3));
	}
	return payload;
}

/**
 * Skip the header of a PPP frame, whose address and control fields may be missing, and
 * whose protocol may be compressed to one byte (RFC 1661, section 6.5).
 */
static chunk_t skip_ppp(chunk_t data)
{
	uint16_t proto;

	if (data.len >= 2 && data.ptr[0] == 0xff && data.ptr[1] == 0x03)
	{
		data = chunk_skip(data, 2);
	}
	if (data.len && (data.ptr[0] & 1))
	{
		proto = data.ptr[0];
		data = chunk_skip(data, 1);
	}
	else if (data.len >= 2)
	{
		proto = untoh16(data.ptr);
		data = chunk_skip(data, 2);
	}
	else
	{
		return chunk_empty;
	}
	return proto == PPP_IPV4 || proto == PPP_IPV6 ? data : chunk_empty;
}

/**
 * Skip what is between the header of a frame and the IP packet.
 *
 * @param proto		protocol of what follows the header
 */
static chunk_t skip_tags(chunk_t data, uint16_t proto)
{
	while (TRUE)
	{
		switch (proto)
		{
			case ETHERTYPE_IP:
			case ETHERTYPE_IPV6:
				return data;
			case ETHERTYPE_VLAN:
			case ETHERTYPE_QINQ:
			case ETHERTYPE_QINQ_OLD:
				if (data.len < VLAN_LEN)
				{
					return chunk_empty;
				}
				proto = untoh16(data.ptr + 2);
				data = chunk_skip(data, VLAN_LEN);
				continue;
			case ETHERTYPE_PPPOE:
				return skip_ppp(chunk_skip(data, PPPOE_LEN));
			default:
				return chunk_empty;
		}
	}
}

/**
 * Skip the header of a frame that contains the protocol of the payload.
 *
 * @param len		bytes of the header
 * @param pos		position of the protocol
 */
static chunk_t skip_header(chunk_t frame, size_t len, size_t pos)
{
	return frame.len < len ? chunk_empty : skip_tags(chunk_skip(frame, len),
													 untoh16(frame.ptr + pos));
}

/**
 * Return a packet if it is one of IP.
 */
static chunk_t check_ip(chunk_t data)
{
	return data.len && (data.ptr[0] >> 4 == 4 || data.ptr[0] >> 4 == 6) ? data
																: chunk_empty;
}

/*
 * Described in header
 */
chunk_t link_type_get_ip(uint16_t type, bool swapped, chunk_t frame)
{
	switch (type)
	{
		case LINKTYPE_NFLOG:
			return get_payload(frame, swapped);
		case LINKTYPE_RAW_BSD:
		case LINKTYPE_RAW_OPENBSD:
		case LINKTYPE_RAW:
		case LINKTYPE_IPV4:
		case LINKTYPE_IPV6:
			return frame;
		case LINKTYPE_ETHERNET:
			return skip_header(frame, ETHERNET_LEN, 12);
		case LINKTYPE_LINUX_SLL:
			return skip_header(frame, SLL_LEN, 14);
		case LINKTYPE_LINUX_SLL2:
			return skip_header(frame, SLL2_LEN, 0);
		case LINKTYPE_PPP:
		case LINKTYPE_PPP_HDLC:
			return skip_ppp(frame);
		case LINKTYPE_PPP_ETHER:
			return skip_ppp(chunk_skip(frame, PPPOE_LEN));
		case LINKTYPE_NULL:
		case LINKTYPE_LOOP:
			/* the family of IPv6 is another one on each system */
			return check_ip(chunk_skip(frame, FAMILY_LEN));
		default:
			return chunk_empty;
	}
}
