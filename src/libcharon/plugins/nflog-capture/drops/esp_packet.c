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

#include "esp_packet.h"

#include <netinet/in.h>
#include <netinet/udp.h>

/** RFC 3948, section 2.2 */
#define NON_ESP_MARKER_LEN 4

/** bytes of AH before the SPI, RFC 4302, section 2 */
#define AH_SPI_OFFSET 4

/*
 * Described in header
 */
void nflog_esp_packet_restore(struct nflog_event_t *event)
{
	struct udphdr udp;
	uint16_t total;
	size_t header;

	header = (event->data[0] & 0xf) * 4;
	if (event->data[0] >> 4 != 4 || event->caplen < header + sizeof(udp) ||
		event->data[9] != IPPROTO_UDP)
	{
		return;
	}
	memcpy(&udp, event->data + header, sizeof(udp));
	total = header + ntohs(udp.len);
	if (untoh16(event->data + 2) + sizeof(udp) == total)
	{
		htoun16(event->data + 2, total);
	}
}

/*
 * Described in header
 */
bool nflog_esp_packet_unwrap(struct nflog_event_t *event)
{
	if (!event->inner || event->inner > event->caplen || event->inner > event->len)
	{
		return FALSE;
	}
	event->caplen -= event->inner;
	event->len -= event->inner;
	memmove(event->data, event->data + event->inner, event->caplen);
	event->inner = 0;
	return TRUE;
}

/**
 * Check if a packet is of a port of IKE.
 *
 * @param first		0 for those without a marker before messages, 1 for others
 */
static bool has_port(uint16_t *ports, struct udphdr *udp, u_int first)
{
	u_int i;

	for (i = first; i < NFLOG_ESP_PACKET_PORTS; i += 2)
	{
		if (ntohs(udp->source) == ports[i] || ntohs(udp->dest) == ports[i])
		{
			return TRUE;
		}
	}
	return FALSE;
}

/*
 * Described in header
 */
uint32_t nflog_esp_packet_get_spi(nflog_ip_packet_t *ip, uint16_t *ports, bool *ike)
{
	chunk_t payload = chunk_skip(ip->data, ip->payload);
	struct udphdr udp;
	bool marked;

	*ike = FALSE;
	if (ip->offset)
	{
		return 0;
	}
	switch (ip->proto)
	{
		case IPPROTO_ESP:
			break;
		case IPPROTO_AH:
			payload = chunk_skip(payload, AH_SPI_OFFSET);
			break;
		case IPPROTO_UDP:
			if (payload.len < sizeof(udp) + NON_ESP_MARKER_LEN)
			{
				return 0;
			}
			memcpy(&udp, payload.ptr, sizeof(udp));
			payload = chunk_skip(payload, sizeof(udp));
			marked = has_port(ports, &udp, 1);
			*ike = (marked && !untoh32(payload.ptr)) || has_port(ports, &udp, 0);
			if (*ike || !marked)
			{
				return 0;
			}
			break;
		default:
			return 0;
	}
	return payload.len >= 4 ? untoh32(payload.ptr) : 0;
}
