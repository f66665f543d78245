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

#define _GNU_SOURCE

#include "packet.h"
#include "ip_packet.h"
#include "pcapng.h"

#include <netinet/in.h>
#include <netinet/udp.h>

#include <libmnl/libmnl.h>

/** bytes of AH before the SPI, RFC 4302, section 2 */
#define AH_SPI_OFFSET 4

/** RFC 3948, section 2.2 */
#define NON_ESP_MARKER_LEN 4

/** bytes of an attribute, at most, longer than any that the kernel adds in our groups */
#define MAX_ATTR 64

/** bytes of the header, which begins with the SPIs, RFC 7296, section 3.1 */
#define IKE_HEADER_LEN 28
#define IKE_VERSION_OFFSET 17
#define IKE_LENGTH_OFFSET 24

/**
 * Get the IP packet.
 */
static chunk_t get_payload(nflog_logged_t *logged)
{
	struct nlattr *attr = logged->attrs[NFULA_PAYLOAD];

	return chunk_create(mnl_attr_get_payload(attr),
						mnl_attr_get_payload_len(attr));
}

/**
 * Parse the headers of an IP packet, returns FALSE for fragments, but for the first one of
 * IPv4.
 */
static bool parse_whole(nflog_ip_packet_t *ip, chunk_t packet)
{
	return nflog_ip_packet_parse(ip, packet) &&
		   (ip->src.len == 4 ? !ip->offset : !nflog_ip_packet_is_fragment(ip));
}

/*
 * Described in header
 */
u_int nflog_esp_key_hash(const void *key)
{
	/* SPIs are random */
	return ((nflog_esp_key_t*)key)->spi;
}

/*
 * Described in header
 */
bool nflog_esp_key_equals(const void *a, const void *b)
{
	return memeq(a, b, sizeof(nflog_esp_key_t));
}

/*
 * Described in header
 */
bool nflog_packet_parse(nflog_logged_t *logged,
						bool inbound, nflog_esp_key_t *key)
{
	nflog_ip_packet_t ip;
	size_t pos;

	memset(key, 0, sizeof(*key));
	key->inbound = inbound;
	if (!nflog_ip_packet_parse(&ip, get_payload(logged)))
	{
		return FALSE;
	}
	memcpy(key->dst, ip.dst.ptr, ip.dst.len);
	pos = ip.payload;
	switch (ip.proto)
	{
		case IPPROTO_ESP:
			break;
		case IPPROTO_AH:
			pos += AH_SPI_OFFSET;
			break;
		case IPPROTO_UDP:
			pos += sizeof(struct udphdr);
			break;
		default:
			return FALSE;
	}
	if (pos + sizeof(key->spi) > ip.data.len)
	{
		return FALSE;
	}
	memcpy(&key->spi, ip.data.ptr + pos, sizeof(key->spi));
	if (ip.src.len == 4 ? ip.offset : nflog_ip_packet_is_fragment(&ip))
	{
		logged->fragment = FRAGMENT_FIRST;
	}
	return TRUE;
}

/*
 * Described in header
 */
u_int nflog_ike_key_hash(const void *key)
{
	return chunk_hash(chunk_create((void*)key, sizeof(nflog_ike_key_t)));
}

/*
 * Described in header
 */
bool nflog_ike_key_equals(const void *a, const void *b)
{
	return memeq(a, b, sizeof(nflog_ike_key_t));
}

/**
 * Check if version and length are those of an IKE message.
 */
static bool is_ike(chunk_t message)
{
	uint8_t major = message.ptr[IKE_VERSION_OFFSET] >> 4;

	return (major == 1 || major == 2) &&
		   untoh32(message.ptr + IKE_LENGTH_OFFSET) == message.len;
}

/*
 * Described in header
 */
bool nflog_packet_parse_ike(nflog_logged_t *logged,
							bool inbound, nflog_ike_key_t *key)
{
	static const uint8_t marker[NON_ESP_MARKER_LEN] = {};
	nflog_ip_packet_t ip;
	chunk_t message, peer;

	memset(key, 0, sizeof(*key));
	if (!parse_whole(&ip, get_payload(logged)) || ip.proto != IPPROTO_UDP)
	{
		return FALSE;
	}
	message = chunk_skip(ip.data, ip.payload + sizeof(struct udphdr));
	if (message.len >= sizeof(marker) &&
		memeq(message.ptr, marker, sizeof(marker)))
	{
		message = chunk_skip(message, sizeof(marker));
	}
	if (message.len < IKE_HEADER_LEN)
	{
		return FALSE;
	}
	if (logged->fragment == FRAGMENT_WHOLE && !is_ike(message))
	{	/* for other messages a rule checked the ports, but not for reassembled ones */
		return FALSE;
	}
	peer = inbound ? ip.src : ip.dst;
	memcpy(key->peer, peer.ptr, peer.len);
	memcpy(&key->spi_i, message.ptr, sizeof(key->spi_i));
	memcpy(&key->spi_r, message.ptr + sizeof(key->spi_i), sizeof(key->spi_r));
	return TRUE;
}

/*
 * Described in header
 */
bool nflog_packet_parse_plain(nflog_logged_t *logged,
							  host_t **src, host_t **dst,
							  uint8_t *proto)
{
	nflog_ip_packet_t ip;

	if (!nflog_ip_packet_parse(&ip, get_payload(logged)))
	{
		return FALSE;
	}
	nflog_ip_packet_get_hosts(&ip, src, dst);
	*proto = ip.proto;
	return TRUE;
}

/*
 * Described in header
 */
bool nflog_packet_is_tunneled(nflog_logged_t *logged,
							  host_t *dst)
{
	nflog_ip_packet_t ip;

	return parse_whole(&ip, get_payload(logged)) &&
		   (ip.proto == IPPROTO_IPIP || ip.proto == IPPROTO_IPV6) &&
		   chunk_equals(ip.dst, dst->get_address(dst));
}

/**
 * Complete a checksum that was left to the hardware.
 *
 * In its place the kernel puts the sum of the pseudo header, not inverted, and copies that
 * (CHECKSUM_PARTIAL, skbuff.h).  A valid checksum that happens to have that value stays the
 * same.
 *
 * @param ip			packet, whole, with all headers, gets changed
 */
static void finish_checksum(nflog_ip_packet_t *ip)
{
	size_t offset = nflog_ip_checksum_offset(ip->proto);
	chunk_t payload = chunk_skip(ip->data, ip->payload);
	uint16_t pseudo, field;

	if (!offset || offset + sizeof(field) > payload.len)
	{
		return;
	}
	pseudo = nflog_ip_pseudo_checksum(ip->src, ip->dst, ip->proto, payload.len);
	memcpy(&field, payload.ptr + offset, sizeof(field));
	if (field == (uint16_t)~pseudo)
	{
		nflog_ip_set_checksum(ip->src, ip->dst, ip->proto, payload);
	}
}

/**
 * Check if an attribute is passed on to the trace unchanged.
 */
static inline bool is_kept(nflog_logged_t *logged, int type)
{
	return logged->attrs[type] && type != NFULA_PREFIX &&
		   type != NFULA_PAYLOAD && type != NFULA_SEQ &&
		   type != NFULA_SEQ_GLOBAL && logged->attrs[type]->nla_len <= MAX_ATTR;
}

/**
 * Put the header of an attribute.
 */
static uint8_t *put_header(uint8_t *pos, uint16_t type, size_t len)
{
	struct nlattr attr = {
		.nla_len = NLA_HDRLEN + len,
		.nla_type = type,
	};

	return mempcpy(pos, &attr, NLA_HDRLEN);
}

/**
 * Put data, padded with zeros.
 */
static inline uint8_t *put_padded(uint8_t *pos, const void *data, size_t len,
								  size_t padded)
{
	pos = mempcpy(pos, data, len);
	for (; len < padded; len++)
	{	/* a few bytes */
		*pos++ = 0;
	}
	return pos;
}

/*
 * Described in header
 */
size_t nflog_packet_header_len(nflog_logged_t *logged, nflog_link_t link, char *prefix)
{
	size_t len = sizeof(nflog_record_t);
	int i;

	if (link == LINK_NFLOG)
	{
		len += sizeof(*logged->msg) + NLA_HDRLEN + NLA_ALIGN(strlen(prefix) + 1) +
			   NLA_HDRLEN;
		for (i = 1; i <= NFULA_MAX; i++)
		{
			if (is_kept(logged, i))
			{
				len += NLA_ALIGN(logged->attrs[i]->nla_len);
			}
		}
	}
	return len;
}

/**
 * Build the attributes of LINKTYPE_NFLOG before the IP packet.
 *
 * Space beyond what is needed is added to the prefix, as zeros behind its terminator.
 */
static void build_attributes(nflog_logged_t *logged, char *prefix, size_t payload,
							 uint8_t *pos, uint8_t *end)
{
	struct nlattr *attr;
	size_t len;
	int i;

	pos = mempcpy(pos, logged->msg, sizeof(*logged->msg));
	for (i = 1; i <= NFULA_MAX; i++)
	{
		if (is_kept(logged, i))
		{
			attr = logged->attrs[i];
			pos = put_padded(pos, attr, attr->nla_len, NLA_ALIGN(attr->nla_len));
		}
	}
	len = end - pos - 2 * NLA_HDRLEN;
	pos = put_header(pos, NFULA_PREFIX, len);
	pos = put_padded(pos, prefix, strlen(prefix) + 1, len);
	put_header(pos, NFULA_PAYLOAD, payload);
}

/*
 * Described in header
 */
void nflog_packet_build(nflog_packet_t *packet, nflog_logged_t *logged,
						nflog_link_t link, char *prefix, void *record, size_t header)
{
	/* the source may be in the memory of the record */
	uint8_t buf[NFLOG_HEADER_SIZE] __attribute__((aligned(sizeof(uint32_t))));
	nflog_record_t *built = (nflog_record_t*)buf;
	chunk_t payload = get_payload(logged);
	uint8_t *data = (uint8_t*)record + header;
	nflog_ip_packet_t ip;
	bool parsed;

	if (data != payload.ptr)
	{
		memcpy(data, payload.ptr, payload.len);
		payload.ptr = data;
	}
	/* the kernel does not report the length before the packet was copied */
	parsed = nflog_ip_packet_parse(&ip, payload);
	*packet = (nflog_packet_t){
		.record = record,
		.order = logged->order,
		.sec = logged->time.tv_sec,
		.usec = logged->time.tv_usec,
		.offset = header - sizeof(*built),
		.payload = payload.len,
		.original = max(ip.len, payload.len),
		.stamped = logged->attrs[NFULA_TIMESTAMP] != NULL,
	};
	packet->caplen = packet->offset + payload.len;
	if (link == LINK_NFLOG)
	{
		build_attributes(logged, prefix, payload.len, built->data, buf + header);
		memset(data + payload.len, 0, NLA_ALIGN(payload.len) - payload.len);
		packet->caplen = packet->offset + NLA_ALIGN(payload.len);
	}
	built->sec = packet->sec;
	built->usec = packet->usec;
	built->caplen = packet->caplen;
	built->len = packet->caplen + packet->original - packet->payload;
	memcpy(record, buf, header);
	if (parsed && packet->payload == packet->original &&
		!nflog_ip_packet_is_fragment(&ip))
	{
		finish_checksum(&ip);
	}
}

/*
 * Described in header
 */
void nflog_packet_cut(nflog_packet_t *packet, nflog_link_t link, uint32_t snaplen)
{
	nflog_record_t *record = packet->record;
	struct nlattr *attr;
	uint32_t len = snaplen;

	if (packet->payload <= snaplen)
	{
		return;
	}
	if (link == LINK_PCAPNG)
	{
		nflog_commented_cut(packet, snaplen);
		return;
	}
	if (packet->offset)
	{	/* the packet is the last attribute, and padded like any other */
		attr = (struct nlattr*)(record->data + packet->offset - NLA_HDRLEN);
		attr->nla_len = NLA_HDRLEN + snaplen;
		len = NLA_ALIGN(snaplen);
		memset(record->data + packet->offset + snaplen, 0, len - snaplen);
	}
	packet->payload = snaplen;
	packet->caplen = record->caplen = packet->offset + len;
	record->len = packet->caplen + packet->original - snaplen;
}
