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
#include "traces/ip_packet.h"

#include <netinet/in.h>

#define IPV6_LEN 40
#define UDP_LEN 8
#define IKE_LEN 28
#define NATT_PORT 4500

/**
 * Check for an IKE message, which may use any port.
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
 * Parse a UDP header, and determine what follows it.
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

/*
 * Described in header
 */
void wire_packet_parse(wire_packet_t *packet, chunk_t data)
{
	nflog_ip_packet_t ip;
	bool parsed;

	parsed = nflog_ip_packet_parse(&ip, data);
	*packet = (wire_packet_t){
		.data = ip.data,
		.src = ip.src,
		.dst = ip.dst,
		.proto = ip.proto_pos,
		.transport = ip.payload,
		.payload = ip.payload,
	};
	if (ip.len > ip.data.len)
	{
		packet->kind = PACKET_PART;
		return;
	}
	if (ip.fragment_pos || nflog_ip_packet_is_fragment(&ip))
	{
		packet->kind = PACKET_FRAGMENT;
		return;
	}
	if (!parsed)
	{
		packet->kind = PACKET_MALFORMED;
		return;
	}
	switch (ip.proto)
	{
		case IPPROTO_ESP:
			packet->kind = PACKET_ESP;
			break;
		case IPPROTO_AH:
			packet->kind = PACKET_AH;
			break;
		case IPPROTO_COMP:
			packet->kind = PACKET_IPCOMP;
			break;
		case IPPROTO_UDP:
			parse_udp(packet);
			break;
		default:
			packet->kind = PACKET_OTHER;
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
	if (proto == IPPROTO_UDP)
	{
		nflog_ip_set_checksum(packet->src, packet->dst, proto,
							  chunk_skip(data, header.len));
	}
	return data;
}
