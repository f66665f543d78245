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

#include "segments.h"

#include "traces/ip_packet.h"

#include <netinet/in.h>

/** connections that are remembered, a power of two, and packets of each */
#define FLOWS 4096
#define PACKETS 8

/** bytes of the header of TCP without options, and positions of fields in there */
#define TCP_LEN 20
#define TCP_SEQ 4
#define TCP_OFFSET 12

typedef struct private_segments_t private_segments_t;
typedef struct flow_t flow_t;
typedef struct segment_t segment_t;

/**
 * Data of a connection.
 */
struct segment_t {
	/** sequence number of the first byte, and number of bytes */
	uint32_t seq, len;
	/** what is known about its packet */
	tie_t tie;
};

/**
 * A connection, in one direction.
 */
struct flow_t {
	/** hash of addresses and ports */
	uint64_t key;
	/** last packets */
	segment_t segments[PACKETS];
	/** place for the next one */
	u_int pos;
};

/**
 * Private data.
 */
struct private_segments_t {

	/**
	 * Public interface.
	 */
	segments_t public;

	/**
	 * Connections by their hash, each replaces another one of the same place.
	 */
	flow_t flows[FLOWS];
};

/**
 * Parse a packet.
 *
 * @param segment	receives sequence number and length
 * @return			hash of its connection, 0 if it is none of TCP, or has no data
 */
static uint64_t parse(chunk_t ip, uint64_t spis[2], segment_t *segment)
{
	nflog_ip_packet_t packet;
	uint8_t buf[36] = {};
	chunk_t tcp;
	size_t header;

	if (!nflog_ip_packet_parse(&packet, ip) || packet.proto != IPPROTO_TCP ||
		nflog_ip_packet_is_fragment(&packet))
	{
		return 0;
	}
	tcp = chunk_skip(packet.data, packet.payload);
	if (tcp.len < TCP_LEN)
	{
		return 0;
	}
	header = (tcp.ptr[TCP_OFFSET] >> 4) * 4;
	if (header < TCP_LEN || header >= tcp.len)
	{
		return 0;
	}
	segment->seq = untoh32(tcp.ptr + TCP_SEQ);
	segment->len = tcp.len - header;
	memcpy(buf, packet.src.ptr, packet.src.len);
	memcpy(buf + 16, packet.dst.ptr, packet.dst.len);
	memcpy(buf + 32, tcp.ptr, 4);
	return ties_hash_bytes(chunk_from_thing(buf), spis) | 1;
}

METHOD(segments_t, add, void,
	private_segments_t *this, chunk_t ip, uint64_t spis[2], tie_t *tie)
{
	segment_t segment = { .tie = *tie };
	uint64_t key = parse(ip, spis, &segment);
	flow_t *flow = &this->flows[(key >> 1) % FLOWS];

	if (!key)
	{
		return;
	}
	if (flow->key != key)
	{
		*flow = (flow_t){ .key = key };
	}
	flow->segments[flow->pos] = segment;
	flow->pos = (flow->pos + 1) % PACKETS;
}

METHOD(segments_t, find, bool,
	private_segments_t *this, chunk_t ip, uint64_t spis[2], tie_t *tie)
{
	segment_t part, *whole;
	uint64_t key = parse(ip, spis, &part);
	flow_t *flow = &this->flows[(key >> 1) % FLOWS];
	u_int i;

	for (i = 0; key && flow->key == key && i < PACKETS; i++)
	{
		whole = &flow->segments[i];
		/* sequence numbers wrap */
		if (whole->len > part.len && part.seq - whole->seq <= whole->len - part.len)
		{
			*tie = whole->tie;
			return TRUE;
		}
	}
	return FALSE;
}

METHOD(segments_t, destroy, void,
	private_segments_t *this)
{
	free(this);
}

/*
 * Described in header
 */
segments_t *segments_create()
{
	private_segments_t *this;

	INIT(this,
		.public = {
			.add = _add,
			.find = _find,
			.destroy = _destroy,
		},
	);
	return &this->public;
}
