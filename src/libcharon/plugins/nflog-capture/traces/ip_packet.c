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


#include "ip_packet.h"

#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <stddef.h>

/** length of the shortest IPv6 extension header, and unit of their length, in bytes */
#define MIN_EXTENSION_LEN 8

/**
 * Set the length by the header, and remove what follows the end.
 */
static void set_len(nflog_ip_packet_t *packet, size_t len)
{
	packet->len = len;
	packet->data.len = min(packet->data.len, len);
}

/**
 * Parse an IPv4 header.
 */
static bool parse_ipv4(nflog_ip_packet_t *packet)
{
	chunk_t data = packet->data;
	struct iphdr ip;
	size_t len;

	if (data.len < sizeof(ip))
	{
		return FALSE;
	}
	memcpy(&ip, data.ptr, sizeof(ip));
	len = ip.ihl * 4;
	/* 0 if the kernel merged more than fits in the field (BIG TCP, iph_totlen() in
	 * include/linux/ip.h) */
	set_len(packet, ntohs(ip.tot_len) ?: data.len);
	packet->src = chunk_create(data.ptr + offsetof(struct iphdr, saddr), 4);
	packet->dst = chunk_create(data.ptr + offsetof(struct iphdr, daddr), 4);
	packet->proto = ip.protocol;
	packet->proto_pos = offsetof(struct iphdr, protocol);
	packet->id = ip.id;
	packet->offset = (ntohs(ip.frag_off) & IP_OFFMASK) * 8;
	packet->more = (ntohs(ip.frag_off) & IP_MF) != 0;
	if (len < sizeof(ip) || len > packet->data.len)
	{
		return FALSE;
	}
	packet->payload = len;
	return TRUE;
}

/**
 * Parse the IPv6 fragment header, which is complete.
 */
static void parse_fragment(nflog_ip_packet_t *packet, size_t pos)
{
	struct ip6_frag frag;

	memcpy(&frag, packet->data.ptr + pos, sizeof(frag));
	packet->fragment_pos = pos;
	packet->fragment_proto_pos = packet->proto_pos;
	packet->id = frag.ip6f_ident;
	packet->offset = ntohs(frag.ip6f_offlg & IP6F_OFF_MASK);
	packet->more = (frag.ip6f_offlg & IP6F_MORE_FRAG) != 0;
}

/**
 * Parse the extension headers of an IPv6 packet.
 *
 * @param pos			position of the first one
 */
static bool parse_extensions(nflog_ip_packet_t *packet, size_t pos)
{
	chunk_t data = packet->data;
	size_t len;

	while (!packet->offset)
	{
		switch (packet->proto)
		{
			case IPPROTO_HOPOPTS:
			case IPPROTO_ROUTING:
			case IPPROTO_DSTOPTS:
			case IPPROTO_FRAGMENT:
				break;
			default:
				packet->payload = pos;
				return TRUE;
		}
		if (pos + MIN_EXTENSION_LEN > data.len)
		{
			return FALSE;
		}
		len = MIN_EXTENSION_LEN;
		if (packet->proto == IPPROTO_FRAGMENT)
		{
			if (packet->fragment_pos)
			{	/* a fragment of a fragment, which the kernel does not reassemble either */
				return FALSE;
			}
			parse_fragment(packet, pos);
		}
		else
		{
			len *= data.ptr[pos + 1] + 1;
		}
		packet->proto = data.ptr[pos];
		packet->proto_pos = pos;
		pos += len;
		if (pos > data.len)
		{
			return FALSE;
		}
	}
	packet->payload = pos;
	return TRUE;
}

/**
 * Parse an IPv6 header, and its extension headers.
 */
static bool parse_ipv6(nflog_ip_packet_t *packet)
{
	chunk_t data = packet->data;
	struct ip6_hdr ip;

	if (data.len < sizeof(ip))
	{
		return FALSE;
	}
	memcpy(&ip, data.ptr, sizeof(ip));
	if (ip.ip6_plen || ip.ip6_nxt != IPPROTO_HOPOPTS)
	{	/* else it has a jumbo payload option, as with BIG TCP (ip6_rcv_core() in the
		 * kernel's net/ipv6/ip6_input.c) */
		set_len(packet, sizeof(ip) + ntohs(ip.ip6_plen));
	}
	packet->src = chunk_create(data.ptr + offsetof(struct ip6_hdr, ip6_src), 16);
	packet->dst = chunk_create(data.ptr + offsetof(struct ip6_hdr, ip6_dst), 16);
	packet->proto = ip.ip6_nxt;
	packet->proto_pos = offsetof(struct ip6_hdr, ip6_nxt);
	return parse_extensions(packet, sizeof(ip));
}

/*
 * Described in header
 */
bool nflog_ip_packet_parse(nflog_ip_packet_t *packet, chunk_t data)
{
	*packet = (nflog_ip_packet_t){
		.data = data,
		.len = data.len,
	};
	switch (data.len ? data.ptr[0] >> 4 : 0)
	{
		case 4:
			return parse_ipv4(packet);
		case 6:
			return parse_ipv6(packet);
		default:
			return FALSE;
	}
}

/**
 * Get what policies match as ports (xfrm_flowi_sport() in include/net/xfrm.h), types and
 * codes of ICMP as traffic selectors have them (RFC 7296, section 3.13.1).
 *
 * @param ports			receives that of the source and of the destination, in host order
 */
static void get_ports(uint8_t proto, chunk_t data, uint16_t ports[2])
{
	size_t key;

	switch (data.len < 4 ? IPPROTO_NONE : proto)
	{
		case IPPROTO_TCP:
		case IPPROTO_UDP:
		case IPPROTO_UDPLITE:
		case IPPROTO_SCTP:
		case IPPROTO_DCCP:
			ports[0] = untoh16(data.ptr);
			ports[1] = untoh16(data.ptr + 2);
			break;
		case IPPROTO_ICMP:
		case IPPROTO_ICMPV6:
			/* both selectors may have them */
			ports[0] = ports[1] = untoh16(data.ptr);
			break;
		case IPPROTO_MH:
			ports[0] = data.ptr[2];
			break;
		case IPPROTO_GRE:
			/* flags for checksum and key, RFC 2890 */
			key = data.ptr[0] & 0x80 ? 8 : 4;
			if (data.ptr[0] & 0x20 && data.len >= key + 4)
			{
				ports[0] = untoh16(data.ptr + key);
				ports[1] = untoh16(data.ptr + key + 2);
			}
			break;
	}
}

/*
 * Described in header
 */
void nflog_ip_packet_get_hosts(nflog_ip_packet_t *packet, host_t **src,
							   host_t **dst)
{
	int family = packet->src.len == 4 ? AF_INET : AF_INET6;
	uint16_t ports[2] = {};

	if (!packet->offset)
	{
		get_ports(packet->proto, chunk_skip(packet->data, packet->payload), ports);
	}
	*src = host_create_from_chunk(family, packet->src, ports[0]);
	*dst = host_create_from_chunk(family, packet->dst, ports[1]);
}

/*
 * Described in header
 */
size_t nflog_ip_checksum_offset(uint8_t proto)
{
	switch (proto)
	{
		case IPPROTO_TCP:
			return offsetof(struct tcphdr, check);
		case IPPROTO_UDP:
			return offsetof(struct udphdr, check);
		default:
			return 0;
	}
}

/*
 * Described in header
 */
uint16_t nflog_ip_pseudo_checksum(chunk_t src, chunk_t dst, uint8_t proto,
								  size_t len)
{
	uint32_t last[] = { htonl(len), htonl(proto) };
	uint16_t sum;

	sum = chunk_internet_checksum(src);
	sum = chunk_internet_checksum_inc(dst, sum);
	return chunk_internet_checksum_inc(chunk_from_thing(last), sum);
}

/*
 * Described in header
 */
void nflog_ip_set_checksum(chunk_t src, chunk_t dst, uint8_t proto,
						   chunk_t payload)
{
	size_t offset = nflog_ip_checksum_offset(proto);
	uint16_t sum;

	if (!offset || offset + sizeof(sum) > payload.len)
	{
		return;
	}
	memset(payload.ptr + offset, 0, sizeof(sum));
	sum = chunk_internet_checksum_inc(payload,
				nflog_ip_pseudo_checksum(src, dst, proto, payload.len));
	if (!sum && proto == IPPROTO_UDP)
	{	/* 0 stands for no checksum, RFC 768 */
		sum = 0xffff;
	}
	memcpy(payload.ptr + offset, &sum, sizeof(sum));
}
