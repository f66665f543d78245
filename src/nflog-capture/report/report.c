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

#include "report.h"
#include "captures/ties.h"
#include "ike_timeline.h"
#include "pairing.h"
#include "report_flow.h"
#include "traces/ip_packet.h"

#include <inttypes.h>
#include <netinet/in.h>

#include <collections/array.h>
#include <collections/hashtable.h>

/** ICMP messages that a packet is too big (RFC 1191, RFC 4443) */
#define ICMP_UNREACHABLE 3
#define ICMP_FRAGMENTATION_NEEDED 4
#define ICMPV6_TOO_BIG 2

typedef struct private_report_t private_report_t;

/**
 * Private data.
 */
struct private_report_t {

	/**
	 * Public interface.
	 */
	report_t public;

	/**
	 * Decrypts packets, NULL for none.
	 */
	decrypter_t *decrypter;

	/**
	 * SAs, by SPI, capture point, and who captured, &key => flow_t.
	 */
	hashtable_t *flows;

	/**
	 * The same, in the order of their first packets.
	 */
	array_t *ordered;

	/**
	 * Pairs of packets in ESP and in the clear, NULL once the report is complete.
	 */
	pairing_t *gateway;

	/**
	 * Pairs of ESP packets that were sent and received.
	 */
	pairing_t *network;

	/**
	 * IKE messages.
	 */
	ike_timeline_t *ike;

	/**
	 * Packets of SAs that are too many, and of unknown ones.
	 */
	uint64_t omitted, unknown;
};

/**
 * Hash the SPI of a flow.
 */
static u_int flow_hash(const void *key)
{
	const flow_t *flow = key;

	return flow->spi * 2654435761u + flow->point * 2 + flow->peer;
}

/**
 * Compare flows.
 */
static bool flow_equals(const void *a, const void *b)
{
	const flow_t *x = a, *y = b;

	return x->spi == y->spi && x->point == y->point && x->peer == y->peer;
}

/**
 * Destroy a flow.
 */
static void flow_destroy(flow_t *this)
{
	free(this->conn);
	free(this->child);
	free(this->gateway);
	free(this->network);
	free(this);
}

/**
 * Find a flow, or create it.
 *
 * @param capture	trace that it is from, NULL not to create it
 * @return			flow, NULL if there are too many
 */
static flow_t *get_flow(private_report_t *this, uint32_t spi, capture_point_t point,
						bool peer, capture_t *capture)
{
	flow_t key = { .spi = spi, .point = point, .peer = peer }, *flow;

	flow = this->flows->get(this->flows, &key);
	if (!flow && capture)
	{
		if (array_count(this->ordered) >= REPORT_MAX_SAS)
		{
			this->omitted++;
			return NULL;
		}
		INIT(flow,
			.spi = spi,
			.point = point,
			.peer = peer,
			.conn = strdup(capture->conn),
			.child = strdup(capture->label),
		);
		this->flows->put(this->flows, flow, flow);
		array_insert(this->ordered, ARRAY_TAIL, flow);
	}
	return flow;
}

/**
 * Add a time to a distribution, which is created when needed.
 */
static void add_time(quantiles_t **quantiles, int64_t time)
{
	if (!*quantiles)
	{
		INIT(*quantiles);
	}
	quantiles_add(*quantiles, time);
}

/**
 * Note a message that a packet is too big.
 */
static void check_too_big(too_big_t *this, chunk_t data)
{
	nflog_ip_packet_t ip;
	uint32_t mtu;
	chunk_t icmp;

	if (!nflog_ip_packet_parse(&ip, data) || ip.offset)
	{
		return;
	}
	icmp = chunk_skip(ip.data, ip.payload);
	if (icmp.len < 8)
	{
		return;
	}
	if (ip.proto == IPPROTO_ICMP && icmp.ptr[0] == ICMP_UNREACHABLE &&
		icmp.ptr[1] == ICMP_FRAGMENTATION_NEEDED)
	{
		mtu = untoh16(icmp.ptr + 6);
	}
	else if (ip.proto == IPPROTO_ICMPV6 && icmp.ptr[0] == ICMPV6_TOO_BIG)
	{
		mtu = untoh32(icmp.ptr + 4);
	}
	else
	{
		return;
	}
	this->count++;
	this->mtu = this->mtu ? min(this->mtu, mtu) : mtu;
}

/**
 * A packet that did not leave on the other side, see pairing_cb_t.
 */
static void add_stuck(void *data, copy_t *copy)
{
	flow_t *flow = copy->data;

	/* side 0 is ESP, with which inbound packets begin */
	if (copy->side == (flow->point == POINT_ESP_IN ? 0 : 1))
	{
		flow->stuck++;
	}
}

/**
 * An ESP packet that is in one trace only, see pairing_cb_t.
 */
static void add_lost(void *data, copy_t *copy)
{
	private_report_t *this = data;
	flow_t *flow = copy->data, *other;
	uint32_t first, highest;

	if (copy->side != 0)
	{
		return;
	}
	/* the receiver's trace may begin later, or end earlier */
	other = get_flow(this, flow->spi, POINT_ESP_IN, !flow->peer, NULL);
	if (other && other->sequence.packets)
	{
		first = other->sequence.first;
		highest = other->sequence.highest;
		flow->lost += copy->number - first <= highest - first;
	}
}

/**
 * Pair a packet in the clear with the one in ESP.
 */
static void pair_gateway(private_report_t *this, flow_t *flow, bool clear,
						 struct timeval *time, chunk_t ip, uint64_t spis[2])
{
	bool inbound = flow->point == POINT_ESP_IN;
	copy_t copy = {
		.key = ties_hash(ip, spis) ^ inbound,
		.time = *time,
		.side = clear,
		.data = flow,
	}, other;

	if (flow->point != POINT_UNKNOWN && this->gateway->add(this->gateway, &copy, &other))
	{
		add_time(&flow->gateway, clear == inbound ? report_flow_distance(&other.time, time)
												  : report_flow_distance(time, &other.time));
	}
}

/**
 * Pair an ESP packet with that of the other trace.
 */
static void pair_network(private_report_t *this, flow_t *flow, uint32_t seq,
						 struct timeval *time)
{
	bool received = flow->point == POINT_ESP_IN;
	copy_t copy = {
		.key = (uint64_t)flow->spi << 32 | seq,
		.time = *time,
		.side = received,
		.number = seq,
		.data = flow,
	}, other;
	flow_t *sender = flow;

	/* what we send, the peer receives, and the other way round */
	copy.key ^= received == flow->peer ? 1ULL << 63 : 0;
	if (flow->point != POINT_UNKNOWN && this->network->add(this->network, &copy, &other))
	{
		sender = received ? other.data : flow;
		add_time(&sender->network, received ? report_flow_distance(&other.time, time)
											: report_flow_distance(time, &other.time));
	}
}

/**
 * Decrypt a packet, and decompress what is in there.
 *
 * @param seq		receives its sequence number
 * @param plain		receives allocated packet, empty if there is none
 * @return			SA, NULL if it was not decrypted
 */
static nflog_key_sa_t *decrypt(private_report_t *this, wire_packet_t *packet,
							   uint32_t *seq, chunk_t *plain)
{
	char comment[DECRYPTER_COMMENT_LEN];
	nflog_key_sa_t *sa;
	wire_packet_t inner;
	chunk_t next;

	this->decrypter->decrypt(this->decrypter, 0, packet, plain, comment);
	sa = this->decrypter->get_sa(this->decrypter, NULL, seq);
	if (sa && plain->len)
	{
		wire_packet_parse(&inner, *plain);
		if (inner.kind == PACKET_IPCOMP)
		{
			this->decrypter->decrypt(this->decrypter, 1, &inner, &next, comment);
			free(plain->ptr);
			*plain = next;
		}
	}
	return sa;
}

/**
 * Add an ESP or AH packet.
 */
static void add_esp(private_report_t *this, merged_packet_t *merged, bool peer)
{
	capture_point_t point = merged->point;
	wire_packet_t packet;
	chunk_t payload, plain = chunk_empty;
	nflog_key_sa_t *sa = NULL;
	nflog_ip_packet_t ip;
	uint32_t spi = 0, seq = 0;
	uint64_t distance;
	flow_t *flow;
	size_t pos;

	wire_packet_parse(&packet, merged->packet.ip);
	payload = wire_packet_payload(&packet);
	pos = packet.kind == PACKET_AH ? 4 : 0;
	if ((packet.kind == PACKET_ESP || packet.kind == PACKET_AH) && payload.len >= pos + 8)
	{
		spi = untoh32(payload.ptr + pos);
		seq = untoh32(payload.ptr + pos + 4);
	}
	if (this->decrypter && !peer)
	{
		sa = decrypt(this, &packet, &seq, &plain);
		spi = sa ? sa->spi : spi;
	}
	if (!spi)
	{	/* a fragment, or cut when it was captured */
		this->unknown++;
		free(plain.ptr);
		return;
	}
	flow = get_flow(this, spi, point, peer, merged->capture);
	if (flow)
	{
		nflog_ip_packet_parse(&ip, merged->packet.ip);
		flow->first = flow->packets ? flow->first : merged->packet.time;
		flow->last = merged->packet.time;
		flow->packets++;
		flow->bytes += ip.len;
		flow->largest = max(flow->largest, ip.len);
		flow->largest_inner = max(flow->largest_inner, plain.len);
		flow->fragments += packet.kind == PACKET_FRAGMENT;
		flow->undecrypted += this->decrypter && !peer && !sa;
		sequence_add(&flow->sequence, seq, &distance);
		pair_network(this, flow, seq, &merged->packet.time);
		if (plain.len)
		{
			check_too_big(&flow->too_big, plain);
			pair_gateway(this, flow, FALSE, &merged->packet.time, plain,
						 merged->capture->spis);
		}
	}
	free(plain.ptr);
}

/**
 * Add a packet in the clear, which has the SPI of its trace.
 */
static void add_plain(private_report_t *this, merged_packet_t *merged)
{
	bool inbound = merged->point == POINT_PLAIN_IN;
	nflog_ip_packet_t ip;
	flow_t *flow;

	if (!inbound && merged->point != POINT_PLAIN_OUT)
	{
		this->unknown++;
		return;
	}
	flow = get_flow(this, merged->capture->spis[inbound ? 0 : 1],
					inbound ? POINT_ESP_IN : POINT_ESP_OUT, FALSE, merged->capture);
	if (flow)
	{
		nflog_ip_packet_parse(&ip, merged->packet.ip);
		flow->plain++;
		flow->largest_plain = max(flow->largest_plain, ip.len);
		check_too_big(&flow->plain_too_big, merged->packet.ip);
		if (this->decrypter)
		{
			pair_gateway(this, flow, TRUE, &merged->packet.time, merged->packet.ip,
						 merged->capture->spis);
		}
	}
}

/**
 * Add an IKE message.
 */
static void add_ike(private_report_t *this, merged_packet_t *merged)
{
	char comment[DECRYPTER_COMMENT_LEN];
	chunk_t plain = chunk_empty, message = chunk_empty;
	wire_packet_t packet, inner;

	wire_packet_parse(&packet, merged->packet.ip);
	if (packet.kind != PACKET_IKE)
	{
		this->unknown++;
		return;
	}
	if (this->decrypter)
	{
		this->decrypter->decrypt(this->decrypter, 0, &packet, &plain, comment);
	}
	if (plain.len)
	{
		wire_packet_parse(&inner, plain);
		message = inner.kind == PACKET_IKE ? wire_packet_payload(&inner) : chunk_empty;
	}
	this->ike->add(this->ike, &merged->packet.time, merged->point == POINT_IKE_OUT,
				   wire_packet_payload(&packet), message);
	chunk_clear(&plain);
}

METHOD(report_t, add, void,
	private_report_t *this, merged_packet_t *merged, bool peer)
{
	switch (merged->capture->kind)
	{
		case CAPTURE_ESP:
			add_esp(this, merged, peer);
			break;
		case CAPTURE_PLAIN:
			if (!peer)
			{
				add_plain(this, merged);
			}
			break;
		case CAPTURE_IKE:
			if (!peer)
			{
				add_ike(this, merged);
			}
			break;
		case CAPTURE_ASTRAY:
			break;
		case CAPTURE_OTHER:
			this->unknown++;
			break;
	}
}

METHOD(report_t, get_json, json_object*,
	private_report_t *this)
{
	json_object *report = json_object_new_object(), *sas = json_object_new_array();
	flow_t *flow, *sender;
	u_int i;

	/* what waits for its other copy is given up */
	this->gateway->destroy(this->gateway);
	this->network->destroy(this->network);
	this->gateway = this->network = NULL;
	for (i = 0; i < array_count(this->ordered); i++)
	{
		array_get(this->ordered, i, &flow);
		if (!flow->peer)
		{
			sender = flow->point == POINT_ESP_IN
					? get_flow(this, flow->spi, POINT_ESP_OUT, TRUE, NULL) : flow;
			json_object_array_add(sas, report_flow_describe(flow, this->decrypter != NULL,
															sender));
		}
	}
	json_object_object_add(report, "sas", sas);
	json_object_object_add(report, "ike", this->ike->get_json(this->ike));
	json_object_object_add(report, "ike_omitted",
				json_object_new_int64(this->ike->get_omitted(this->ike)));
	json_object_object_add(report, "omitted", json_object_new_int64(this->omitted));
	json_object_object_add(report, "unknown", json_object_new_int64(this->unknown));
	json_object_object_add(report, "decrypted",
						   json_object_new_boolean(this->decrypter != NULL));
	return report;
}

METHOD(report_t, destroy, void,
	private_report_t *this)
{
	flow_t *flow;

	DESTROY_IF(this->gateway);
	DESTROY_IF(this->network);
	this->ike->destroy(this->ike);
	while (array_remove(this->ordered, ARRAY_HEAD, &flow))
	{
		flow_destroy(flow);
	}
	array_destroy(this->ordered);
	this->flows->destroy(this->flows);
	free(this);
}

/*
 * Described in header
 */
report_t *report_create(decrypter_t *decrypter)
{
	private_report_t *this;

	INIT(this,
		.public = {
			.add = _add,
			.get_json = _get_json,
			.destroy = _destroy,
		},
		.decrypter = decrypter,
		.flows = hashtable_create(flow_hash, flow_equals, 64),
		.ordered = array_create(0, 0),
		.gateway = pairing_create(add_stuck, NULL),
		.ike = ike_timeline_create(),
	);
	this->network = pairing_create(add_lost, this);
	return &this->public;
}
