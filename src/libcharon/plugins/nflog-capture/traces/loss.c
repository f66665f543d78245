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

#include "loss.h"
#include "ip_packet.h"
#include "options/values.h"

#include <inttypes.h>
#include <stdio.h>

/** bytes of a UDP header, and where the sequence number is in ESP and AH (RFC 4303, section
 * 2, and RFC 4302, section 2) */
#define UDP_HEADER 8
#define ESP_SEQUENCE 4
#define AH_SEQUENCE 8

typedef struct private_nflog_loss_t private_nflog_loss_t;

/**
 * Private data.
 */
struct private_nflog_loss_t {

	/**
	 * Public interface.
	 */
	nflog_loss_t public;

	/**
	 * Recorder to trigger, not owned.
	 */
	nflog_recorder_t *recorder;

	/**
	 * Reads the kernel's counters, not owned, NULL if another one does.
	 */
	nflog_xfrm_stat_t *xfrm_stat;

	/**
	 * Name of the connection.
	 */
	char *conn;

	/**
	 * The option recorder_lost, and when it was read, monotonic.
	 */
	u_int lost;
	time_t updated;

	/**
	 * Highest sequence number, valid if there was a packet.
	 */
	uint32_t highest;
	bool any;

	/**
	 * Packets that are missing since then, monotonic.
	 */
	uint64_t missing;
	time_t begin;

	/**
	 * Packets that the kernel had dropped when its counters were read at the begin, and when
	 * they were read last, monotonic, 0 if never.
	 */
	uint64_t dropped;
	time_t read;
};

/**
 * Get the sequence number of a packet.
 */
static bool get_sequence(nflog_packet_t *packet, uint32_t *sequence)
{
	nflog_ip_packet_t ip;
	size_t pos;

	if (!nflog_ip_packet_parse(&ip, chunk_create(packet->record->data + packet->offset,
												 packet->payload)) || ip.offset)
	{
		return FALSE;
	}
	pos = ip.payload + (ip.proto == IPPROTO_AH ? AH_SEQUENCE : ESP_SEQUENCE);
	if (ip.proto == IPPROTO_UDP)
	{
		pos += UDP_HEADER;
	}
	if (pos + sizeof(*sequence) > ip.data.len)
	{
		return FALSE;
	}
	*sequence = untoh32(ip.data.ptr + pos);
	return TRUE;
}

/**
 * Count the packets that are missing before one.
 */
static void take(private_nflog_loss_t *this, nflog_packet_t *packet)
{
	uint32_t sequence;
	int32_t distance;

	if (!get_sequence(packet, &sequence))
	{
		return;
	}
	/* also if extended sequence numbers wrap, of which packets have the lower half */
	distance = sequence - this->highest;
	if (this->any && distance > 1)
	{
		this->missing += distance - 1;
	}
	else if (this->any && distance < 0)
	{
		this->missing -= min(this->missing, 1);
	}
	if (!this->any || distance > 0)
	{
		this->highest = sequence;
		this->any = TRUE;
	}
}

/**
 * Trigger the recorder.
 */
static void trigger(private_nflog_loss_t *this, nflog_cause_t cause, uint64_t packets,
					char *how)
{
	char detail[128];
	nflog_trigger_t trigger = {
		.conn = this->conn,
		.cause = cause,
		.detail = detail,
	};

	snprintf(detail, sizeof(detail), "%" PRIu64 " within %u s, by %s", packets,
			 NFLOG_LOSS_TIME, how);
	gettimeofday(&trigger.time, NULL);
	this->recorder->trigger(this->recorder, &trigger);
}

/**
 * Read the kernel's counters, once a second at most.
 *
 * @param begin		TRUE if packets are counted from now on
 * @param now		current time, monotonic
 * @return			packets dropped since that was so
 */
static uint64_t get_dropped(private_nflog_loss_t *this, bool begin, time_t now)
{
	nflog_dropped_t *counters;
	uint64_t total;

	if (!this->xfrm_stat || (this->read == now && !begin))
	{
		return 0;
	}
	counters = this->xfrm_stat->get(this->xfrm_stat);
	total = this->xfrm_stat->get_total(this->xfrm_stat, counters);
	this->xfrm_stat->put(this->xfrm_stat, counters);
	if (begin || !this->read)
	{
		this->dropped = total;
	}
	this->read = now;
	return total - min(total, this->dropped);
}

METHOD(nflog_loss_t, look, void,
	private_nflog_loss_t *this, nflog_packet_t **packets, u_int count)
{
	time_t now = time_monotonic(NULL);
	uint64_t dropped;
	bool over;
	u_int i;

	if (now != this->updated)
	{
		this->lost = nflog_values_recorder_lost();
		this->updated = now;
	}
	if (!this->lost)
	{
		return;
	}
	for (i = 0; i < count; i++)
	{
		if (packets[i]->point == POINT_ESP_IN)
		{
			take(this, packets[i]);
		}
	}
	dropped = get_dropped(this, FALSE, now);
	over = now - this->begin >= NFLOG_LOSS_TIME;
	if (this->missing >= this->lost)
	{
		trigger(this, CAUSE_MISSING, this->missing, "the sequence numbers that arrived");
		over = TRUE;
	}
	if (dropped >= this->lost)
	{
		trigger(this, CAUSE_DROPPED, dropped, "the kernel's counters, see /proc/net/xfrm_stat");
		over = TRUE;
	}
	if (over)
	{
		this->missing = 0;
		this->begin = now;
		get_dropped(this, TRUE, now);
	}
}

METHOD(nflog_loss_t, destroy, void,
	private_nflog_loss_t *this)
{
	free(this->conn);
	free(this);
}

/*
 * Described in header
 */
nflog_loss_t *nflog_loss_create(nflog_recorder_t *recorder, nflog_xfrm_stat_t *xfrm_stat,
								char *conn)
{
	private_nflog_loss_t *this;

	INIT(this,
		.public = {
			.look = _look,
			.destroy = _destroy,
		},
		.recorder = recorder,
		.xfrm_stat = xfrm_stat,
		.conn = strdup(conn),
		.begin = time_monotonic(NULL),
	);
	return &this->public;
}
