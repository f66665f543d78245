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

#include "packet.h"

#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/ip_icmp.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <stddef.h>

#include <libmnl/libmnl.h>

/** the shortest extension header of IPv6, and the unit of their length */
#define MIN_EXTENSION_LEN 8

/** bytes of AH before the SPI, RFC 4302, section 2 */
#define AH_SPI_OFFSET 4

/** RFC 3948, section 2.2 */
#define NON_ESP_MARKER_LEN 4

/** RFC 7296, section 3.1, it begins with the SPIs */
#define IKE_HEADER_LEN 28

/**
 * Find the protocol behind the extension headers of an IPv6 packet.
 *
 * @param proto			first header, set to the protocol
 * @param fragment		set to TRUE if it is a fragment
 * @return				offset of the protocol's header, 0 if there is none
 */
static size_t skip_extensions(chunk_t packet, uint8_t *proto, bool *fragment)
{
	size_t offset = sizeof(struct ip6_hdr);
	struct ip6_frag *frag;

	while (TRUE)
	{
		switch (*proto)
		{
			case IPPROTO_HOPOPTS:
			case IPPROTO_ROUTING:
			case IPPROTO_DSTOPTS:
			case IPPROTO_FRAGMENT:
				break;
			default:
				return offset;
		}
		if (offset + MIN_EXTENSION_LEN > packet.len)
		{
			return 0;
		}
		if (*proto == IPPROTO_FRAGMENT)
		{
			frag = (struct ip6_frag*)(packet.ptr + offset);
			*fragment = (frag->ip6f_offlg &
						 (IP6F_OFF_MASK | IP6F_MORE_FRAG)) != 0;
			*proto = frag->ip6f_nxt;
			offset += sizeof(*frag);
		}
		else
		{
			*proto = packet.ptr[offset];
			offset += (packet.ptr[offset + 1] + 1) * MIN_EXTENSION_LEN;
		}
	}
}

/**
 * Get the packet itself.
 */
static chunk_t get_payload(nflog_logged_t *logged)
{
	struct nlattr *attr = logged->attrs[NFULA_PAYLOAD];

	return chunk_create(mnl_attr_get_payload(attr),
						mnl_attr_get_payload_len(attr));
}

/*
 * Described in header
 */
size_t nflog_packet_find_payload(chunk_t packet, uint8_t *dst,
								 uint8_t *proto, bool *fragment)
{
	struct ip6_hdr *ip6;
	struct iphdr *ip;

	*fragment = FALSE;
	if (packet.len >= sizeof(*ip) && packet.ptr[0] >> 4 == 4)
	{
		ip = (struct iphdr*)packet.ptr;
		if (dst)
		{
			memcpy(dst, &ip->daddr, sizeof(ip->daddr));
		}
		*proto = ip->protocol;
		*fragment = (ip->frag_off & htons(IP_OFFMASK)) != 0;
		return ip->ihl * 4;
	}
	if (packet.len >= sizeof(*ip6) && packet.ptr[0] >> 4 == 6)
	{
		ip6 = (struct ip6_hdr*)packet.ptr;
		if (dst)
		{
			memcpy(dst, &ip6->ip6_dst, sizeof(ip6->ip6_dst));
		}
		*proto = ip6->ip6_nxt;
		return skip_extensions(packet, proto, fragment);
	}
	return 0;
}

/**
 * Find the header behind the IP header.
 *
 * @param dst			set to the destination address, 16 bytes, may be NULL
 * @param proto			set to the protocol of the header
 * @return				offset of the header, 0 if there is none
 */
static size_t skip_ip(chunk_t packet, uint8_t *dst, uint8_t *proto)
{
	bool fragment;
	size_t offset;

	offset = nflog_packet_find_payload(packet, dst, proto, &fragment);
	return fragment ? 0 : offset;
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
	chunk_t packet = get_payload(logged);
	bool fragment;
	uint8_t proto;
	size_t offset;

	memset(key, 0, sizeof(*key));
	key->inbound = inbound;
	offset = nflog_packet_find_payload(packet, key->dst, &proto, &fragment);
	if (!offset)
	{
		return FALSE;
	}
	switch (proto)
	{
		case IPPROTO_ESP:
			break;
		case IPPROTO_AH:
			offset += AH_SPI_OFFSET;
			break;
		case IPPROTO_UDP:
			offset += sizeof(struct udphdr);
			break;
		default:
			return FALSE;
	}
	if (offset + sizeof(key->spi) > packet.len)
	{
		return FALSE;
	}
	memcpy(&key->spi, packet.ptr + offset, sizeof(key->spi));
	if (fragment)
	{
		logged->fragment = FRAGMENT_FIRST;
	}
	return TRUE;
}

/**
 * Get the address of the peer of a packet that has an IP header.
 */
static void get_peer(chunk_t packet, bool inbound, uint8_t *peer)
{
	struct iphdr *ip = (struct iphdr*)packet.ptr;
	struct ip6_hdr *ip6 = (struct ip6_hdr*)packet.ptr;

	if (ip->version == 4)
	{
		memcpy(peer, inbound ? &ip->saddr : &ip->daddr, sizeof(ip->saddr));
	}
	else
	{
		memcpy(peer, inbound ? &ip6->ip6_src : &ip6->ip6_dst,
			   sizeof(ip6->ip6_src));
	}
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

/*
 * Described in header
 */
bool nflog_packet_parse_ike(nflog_logged_t *logged,
							bool inbound, nflog_ike_key_t *key)
{
	static const uint8_t marker[NON_ESP_MARKER_LEN] = {};
	chunk_t packet = get_payload(logged);
	uint8_t proto;
	size_t offset;

	memset(key, 0, sizeof(*key));
	offset = skip_ip(packet, NULL, &proto);
	if (!offset || proto != IPPROTO_UDP)
	{
		return FALSE;
	}
	offset += sizeof(struct udphdr);
	if (offset + sizeof(marker) <= packet.len &&
		memeq(packet.ptr + offset, marker, sizeof(marker)))
	{
		offset += sizeof(marker);
	}
	if (offset + IKE_HEADER_LEN > packet.len)
	{
		return FALSE;
	}
	get_peer(packet, inbound, key->peer);
	memcpy(&key->spi_i, packet.ptr + offset, sizeof(key->spi_i));
	memcpy(&key->spi_r, packet.ptr + offset + sizeof(key->spi_i),
		   sizeof(key->spi_r));
	return TRUE;
}

/*
 * Described in header
 */
bool nflog_packet_parse_plain(nflog_logged_t *logged,
							  host_t **src, host_t **dst,
							  uint8_t *proto)
{
	chunk_t packet = get_payload(logged), from, to;
	uint16_t ports[2] = {};
	bool fragment;
	size_t offset;
	int family;

	offset = nflog_packet_find_payload(packet, NULL, proto, &fragment);
	if (!offset)
	{
		return FALSE;
	}
	if (packet.ptr[0] >> 4 == 4)
	{
		family = AF_INET;
		from = chunk_create(packet.ptr + offsetof(struct iphdr, saddr), 4);
		to = chunk_create(packet.ptr + offsetof(struct iphdr, daddr), 4);
	}
	else
	{
		family = AF_INET6;
		from = chunk_create(packet.ptr + offsetof(struct ip6_hdr, ip6_src), 16);
		to = chunk_create(packet.ptr + offsetof(struct ip6_hdr, ip6_dst), 16);
	}
	if (!fragment && (*proto == IPPROTO_TCP || *proto == IPPROTO_UDP) &&
		offset + sizeof(ports) <= packet.len)
	{
		memcpy(ports, packet.ptr + offset, sizeof(ports));
	}
	*src = host_create_from_chunk(family, from, ntohs(ports[0]));
	*dst = host_create_from_chunk(family, to, ntohs(ports[1]));
	return TRUE;
}

/*
 * Described in header
 */
bool nflog_packet_is_tunneled(nflog_logged_t *logged,
							  host_t *dst)
{
	chunk_t address = dst->get_address(dst);
	uint8_t proto, buf[sizeof(struct in6_addr)];

	return skip_ip(get_payload(logged), buf, &proto) &&
		   (proto == IPPROTO_IPIP || proto == IPPROTO_IPV6) &&
		   memeq(buf, address.ptr, address.len);
}

/**
 * Get the length that an IP packet claims to have, as the kernel does not tell
 * how long it was before it got copied.
 */
static uint32_t original_len(chunk_t packet)
{
	uint32_t len = 0;

	if (packet.len >= sizeof(struct iphdr) && packet.ptr[0] >> 4 == 4)
	{
		len = ntohs(((struct iphdr*)packet.ptr)->tot_len);
	}
	else if (packet.len >= sizeof(struct ip6_hdr) && packet.ptr[0] >> 4 == 6)
	{
		len = sizeof(struct ip6_hdr) +
			  ntohs(((struct ip6_hdr*)packet.ptr)->ip6_plen);
	}
	return max(len, packet.len);
}

/**
 * Calculate the checksum of the pseudo header of TCP and UDP.
 *
 * @param packet		IP packet
 * @param len			bytes behind the IP header
 * @param proto			protocol of these
 * @return				checksum, as chunk_internet_checksum() returns it
 */
static uint16_t pseudo_checksum(chunk_t packet, uint32_t len, uint8_t proto)
{
	uint32_t last[] = { htonl(len), htonl(proto) };
	uint16_t sum;

	if (packet.ptr[0] >> 4 == 4)
	{
		sum = chunk_internet_checksum(chunk_create(packet.ptr +
									offsetof(struct iphdr, saddr), 2 * 4));
	}
	else
	{
		sum = chunk_internet_checksum(chunk_create(packet.ptr +
									offsetof(struct ip6_hdr, ip6_src), 2 * 16));
	}
	return chunk_internet_checksum_inc(chunk_from_thing(last), sum);
}

/**
 * Finish a checksum that is left to the hardware.
 *
 * The kernel then puts the sum of the pseudo header into the field, not
 * inverted (CHECKSUM_PARTIAL, skbuff.h), and copies it as it is.  If a checksum
 * that is right happens to have that value, this does not change it.
 *
 * @param packet		whole IP packet
 */
static void finish_checksum(chunk_t packet)
{
	uint16_t pseudo, sum, field;
	uint8_t proto, *pos;
	size_t offset;
	struct iphdr *ip = (struct iphdr*)packet.ptr;

	offset = skip_ip(packet, NULL, &proto);
	if (!offset || (ip->version == 4 && ip->frag_off & htons(0x3fff)))
	{
		return;
	}
	switch (proto)
	{
		case IPPROTO_TCP:
			pos = packet.ptr + offset + offsetof(struct tcphdr, check);
			break;
		case IPPROTO_UDP:
			pos = packet.ptr + offset + offsetof(struct udphdr, check);
			break;
		default:
			return;
	}
	if (pos + sizeof(field) > packet.ptr + packet.len)
	{
		return;
	}
	pseudo = pseudo_checksum(packet, packet.len - offset, proto);
	memcpy(&field, pos, sizeof(field));
	if (field == (uint16_t)~pseudo)
	{
		memset(pos, 0, sizeof(field));
		sum = chunk_internet_checksum_inc(chunk_skip(packet, offset), pseudo);
		if (!sum && proto == IPPROTO_UDP)
		{	/* 0 means that there is none, RFC 768 */
			sum = 0xffff;
		}
		memcpy(pos, &sum, sizeof(sum));
	}
}

/**
 * Is an attribute passed on to the trace as it is?
 */
static bool is_kept(nflog_logged_t *logged, int type)
{
	return logged->attrs[type] && type != NFULA_PREFIX &&
		   type != NFULA_PAYLOAD && type != NFULA_SEQ &&
		   type != NFULA_SEQ_GLOBAL;
}

/**
 * Append an attribute, padded with zeros.
 */
static uint8_t *append(uint8_t *pos, uint16_t type, const void *data, size_t len)
{
	struct nlattr attr = {
		.nla_len = NLA_HDRLEN + len,
		.nla_type = type,
	};

	memcpy(pos, &attr, NLA_HDRLEN);
	memcpy(pos + NLA_HDRLEN, data, len);
	memset(pos + attr.nla_len, 0, NLA_ALIGN(attr.nla_len) - attr.nla_len);
	return pos + NLA_ALIGN(attr.nla_len);
}

/*
 * Described in header
 */
size_t nflog_packet_len(nflog_logged_t *logged,
						nflog_link_t link, char *prefix)
{
	size_t len = get_payload(logged).len;
	int i;

	if (link == LINK_NFLOG)
	{
		len = sizeof(*logged->msg) + NLA_HDRLEN + NLA_ALIGN(strlen(prefix) + 1) +
			  NLA_HDRLEN + NLA_ALIGN(len);
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

/*
 * Described in header
 */
void nflog_packet_build(nflog_packet_t *packet,
						nflog_logged_t *logged,
						nflog_link_t link, char *prefix)
{
	chunk_t payload = get_payload(logged);
	uint8_t *pos = packet->data;
	int i;

	packet->offset = 0;
	packet->payload = payload.len;
	packet->original = original_len(payload);
	if (link == LINK_NFLOG)
	{
		memcpy(pos, logged->msg, sizeof(*logged->msg));
		pos += sizeof(*logged->msg);
		for (i = 1; i <= NFULA_MAX; i++)
		{
			if (is_kept(logged, i))
			{
				pos = append(pos, i, mnl_attr_get_payload(logged->attrs[i]),
							 mnl_attr_get_payload_len(logged->attrs[i]));
			}
		}
		pos = append(pos, NFULA_PREFIX, prefix, strlen(prefix) + 1);
		packet->offset = pos + NLA_HDRLEN - packet->data;
		pos = append(pos, NFULA_PAYLOAD, payload.ptr, payload.len);
	}
	else
	{
		memcpy(pos, payload.ptr, payload.len);
		pos += payload.len;
	}
	if (packet->payload == packet->original)
	{
		finish_checksum(chunk_create(packet->data + packet->offset,
									 packet->payload));
	}
	packet->order = logged->order;
	packet->stamped = logged->attrs[NFULA_TIMESTAMP] != NULL;
	packet->pcap.sec = logged->time.tv_sec;
	packet->pcap.usec = logged->time.tv_usec;
	packet->pcap.caplen = pos - packet->data;
	packet->pcap.len = packet->pcap.caplen + packet->original - packet->payload;
}

/*
 * Described in header
 */
void nflog_packet_cut(nflog_packet_t *packet, uint32_t snaplen)
{
	struct nlattr *attr;
	uint32_t len = snaplen;

	if (packet->payload <= snaplen)
	{
		return;
	}
	if (packet->offset)
	{	/* the packet is the last attribute, and padded as all of them are */
		attr = (struct nlattr*)(packet->data + packet->offset - NLA_HDRLEN);
		attr->nla_len = NLA_HDRLEN + snaplen;
		len = NLA_ALIGN(snaplen);
		memset(packet->data + packet->offset + snaplen, 0, len - snaplen);
	}
	packet->payload = snaplen;
	packet->pcap.caplen = packet->offset + len;
}

/*
 * Described in header
 */
nflog_progress_t nflog_progress_both(nflog_progress_t a,
									 nflog_progress_t b)
{
	bool a_is_later = nflog_order_cmp(a.order, b.order) > 0;

	return (nflog_progress_t){
		.order = a_is_later ? b.order : a.order,
		.is_known = a.is_known && b.is_known,
		.idle = a.idle && b.idle,
	};
}

/*
 * Described in header
 */
uint32_t nflog_later(uint32_t a, uint32_t b)
{
	return nflog_order_cmp(a, b) > 0 ? a : b;
}
