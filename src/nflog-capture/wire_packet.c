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

#include "wire_packet.h"

#include <netinet/in.h>

#define IPV4_LEN 20
#define IPV6_LEN 40
#define UDP_LEN 8
#define IKE_LEN 28
#define NATT_PORT 4500

/**
 * Does this look like an IKE message?  The port doesn't tell.
 */
static bool is_ike(chunk_t data)
{
	uint8_t major;

	if (data.len < IKE_LEN)
	{
		return FALSE;
	}
	major = data.ptr[17] >> 4;
	return (major == 1 || major == 2) && untoh32(data.ptr + 24) == data.len;
}

/**
 * Find out what is in UDP.
 */
static void parse_udp(wire_packet_t *packet)
{
	chunk_t udp = chunk_skip(packet->data, packet->transport), data;
	size_t len;

	if (udp.len < UDP_LEN || (len = untoh16(udp.ptr + 4)) < UDP_LEN ||
		len > udp.len)
	{
		packet->kind = PACKET_MALFORMED;
		return;
	}
	packet->udp = TRUE;
	packet->payload = packet->transport + UDP_LEN;
	packet->data.len = packet->transport + len;
	data = wire_packet_payload(packet);
	if (is_ike(data))
	{
		packet->kind = PACKET_IKE;
	}
	else if (data.len > 4 && untoh32(data.ptr) == 0)
	{	/* non-ESP marker */
		packet->payload += 4;
		packet->kind = is_ike(wire_packet_payload(packet)) ? PACKET_IKE
													  : PACKET_OTHER;
	}
	else if (data.len >= 8)
	{
		packet->kind = PACKET_ESP;
		packet->doubtful = untoh16(udp.ptr) != NATT_PORT &&
						   untoh16(udp.ptr + 2) != NATT_PORT;
	}
}

/**
 * Parse an IPv4 header.
 */
static bool parse_ipv4(wire_packet_t *packet)
{
	chunk_t data = packet->data;
	size_t len, total;

	if (data.len < IPV4_LEN || (len = (data.ptr[0] & 0x0f) * 4) < IPV4_LEN ||
		len > data.len || (total = untoh16(data.ptr + 2)) < len)
	{
		packet->kind = PACKET_MALFORMED;
		return FALSE;
	}
	packet->src = chunk_create(data.ptr + 12, 4);
	packet->dst = chunk_create(data.ptr + 16, 4);
	packet->proto = 9;
	packet->transport = len;
	if (total > data.len || (untoh16(data.ptr + 6) & 0x3fff))
	{
		packet->kind = PACKET_PART;
		return FALSE;
	}
	packet->data.len = total;
	return TRUE;
}

/**
 * Parse an IPv6 header, and those that extend it.
 */
static bool parse_ipv6(wire_packet_t *packet)
{
	chunk_t data = packet->data;
	size_t total, pos = IPV6_LEN;

	if (data.len < IPV6_LEN)
	{
		packet->kind = PACKET_MALFORMED;
		return FALSE;
	}
	packet->src = chunk_create(data.ptr + 8, 16);
	packet->dst = chunk_create(data.ptr + 24, 16);
	packet->proto = 6;
	total = IPV6_LEN + untoh16(data.ptr + 4);
	if (total > data.len)
	{
		packet->kind = PACKET_PART;
		return FALSE;
	}
	packet->data.len = total;
	while (TRUE)
	{
		packet->transport = pos;
		switch (data.ptr[packet->proto])
		{
			case IPPROTO_FRAGMENT:
				packet->kind = PACKET_PART;
				return FALSE;
			case IPPROTO_HOPOPTS:
			case IPPROTO_ROUTING:
			case IPPROTO_DSTOPTS:
				if (pos + 8 > total)
				{
					packet->kind = PACKET_MALFORMED;
					return FALSE;
				}
				packet->proto = pos;
				pos += (data.ptr[pos + 1] + 1) * 8;
				if (pos > total)
				{
					packet->kind = PACKET_MALFORMED;
					return FALSE;
				}
				continue;
			default:
				return TRUE;
		}
	}
}

/*
 * Described in header
 */
void wire_packet_parse(wire_packet_t *packet, chunk_t data)
{
	bool whole = FALSE;

	*packet = (wire_packet_t){ .kind = PACKET_MALFORMED, .data = data };
	if (data.len)
	{
		switch (data.ptr[0] >> 4)
		{
			case 4:
				whole = parse_ipv4(packet);
				break;
			case 6:
				whole = parse_ipv6(packet);
				break;
			default:
				break;
		}
	}
	if (!whole)
	{
		return;
	}
	packet->kind = PACKET_OTHER;
	packet->payload = packet->transport;
	switch (data.ptr[packet->proto])
	{
		case IPPROTO_ESP:
			packet->kind = PACKET_ESP;
			break;
		case IPPROTO_AH:
			packet->kind = PACKET_AH;
			break;
		case IPPROTO_UDP:
			parse_udp(packet);
			break;
		default:
			break;
	}
}

/*
 * Described in header
 */
chunk_t wire_packet_payload(wire_packet_t *packet)
{
	return chunk_skip(packet->data, packet->payload);
}

/**
 * Set the checksum of UDP, over pseudo header and data.
 */
static void set_checksum(wire_packet_t *packet, chunk_t udp)
{
	uint8_t pseudo[8] = {};
	uint16_t sum;

	htoun32(pseudo, udp.len);
	pseudo[7] = IPPROTO_UDP;
	memset(udp.ptr + 6, 0, 2);
	sum = chunk_internet_checksum(packet->src);
	sum = chunk_internet_checksum_inc(packet->dst, sum);
	sum = chunk_internet_checksum_inc(chunk_from_thing(pseudo), sum);
	sum = chunk_internet_checksum_inc(udp, sum) ?: 0xffff;
	memcpy(udp.ptr + 6, &sum, sizeof(sum));
}

/*
 * Described in header
 */
chunk_t wire_packet_replace(wire_packet_t *packet, uint8_t proto,
							chunk_t payload)
{
	chunk_t header = chunk_create(packet->data.ptr, packet->transport), data;
	uint16_t sum;

	data = chunk_cat("cc", header, payload);
	data.ptr[packet->proto] = proto;
	if (packet->src.len == 4)
	{
		htoun16(data.ptr + 2, data.len);
		memset(data.ptr + 10, 0, 2);
		sum = chunk_internet_checksum(chunk_create(data.ptr, header.len));
		memcpy(data.ptr + 10, &sum, sizeof(sum));
	}
	else
	{
		htoun16(data.ptr + 4, data.len - IPV6_LEN);
	}
	if (proto == IPPROTO_UDP && payload.len >= UDP_LEN)
	{
		set_checksum(packet, chunk_skip(data, header.len));
	}
	return data;
}
