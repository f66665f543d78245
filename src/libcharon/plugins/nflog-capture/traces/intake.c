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

#include "intake.h"

#include <netinet/ip.h>
#include <netinet/ip6.h>

typedef struct private_nflog_intake_t private_nflog_intake_t;

/**
 * Private data.
 */
struct private_nflog_intake_t {

	/**
	 * Public interface.
	 */
	nflog_intake_t public;

	/**
	 * Filter of the side of the trace, NULL for none, not owned.
	 */
	nflog_filter_t *filter;

	/**
	 * Which packets to store, by their address on this side of the SA.
	 */
	nflog_local_t local;

	/**
	 * Knows the addresses of the gateway, not owned, NULL if that does not matter.
	 */
	nflog_addresses_t *addresses;

	/**
	 * Packets that were requested, 0 for no limit, and that were taken.
	 */
	uint64_t limit, taken;

	/**
	 * TRUE once these are as many, accessed atomically.
	 */
	bool full;
};

/**
 * Get the address of a packet on this side of the SA, empty if it is cut.
 */
static chunk_t get_address(chunk_t packet, bool arrives)
{
	if (packet.len >= sizeof(struct iphdr) && packet.ptr[0] >> 4 == 4)
	{
		return chunk_create(packet.ptr + (arrives ? offsetof(struct iphdr, daddr)
												  : offsetof(struct iphdr, saddr)), 4);
	}
	if (packet.len >= sizeof(struct ip6_hdr) && packet.ptr[0] >> 4 == 6)
	{
		return chunk_create(packet.ptr + (arrives ? offsetof(struct ip6_hdr, ip6_dst)
												  : offsetof(struct ip6_hdr, ip6_src)), 16);
	}
	return chunk_empty;
}

/**
 * Check if a packet is from or to whom the options want.
 */
static bool is_wanted(private_nflog_intake_t *this, nflog_packet_t *packet, chunk_t data)
{
	chunk_t address;
	bool local;

	if (this->local == NFLOG_LOCAL_ANY)
	{
		return TRUE;
	}
	address = get_address(data, packet->point == POINT_PLAIN_IN);
	local = address.len && this->addresses->is_local(this->addresses, address, packet->sec,
													 packet->usec);
	return local == (this->local == NFLOG_LOCAL_ONLY);
}

/**
 * Take a packet, unless there are as many as requested.
 */
static bool take_one(private_nflog_intake_t *this)
{
	if (this->limit && this->taken == this->limit)
	{
		return FALSE;
	}
	if (this->limit && ++this->taken == this->limit)
	{
		__atomic_store_n(&this->full, TRUE, __ATOMIC_RELAXED);
	}
	return TRUE;
}

METHOD(nflog_intake_t, take, bool,
	private_nflog_intake_t *this, nflog_packet_t *packet, nflog_counters_t *count)
{
	chunk_t data = chunk_create(packet->record->data + packet->offset, packet->payload);

	if ((this->filter && !this->filter->match(this->filter, data, packet->original)) ||
		!is_wanted(this, packet, data))
	{
		count->filtered++;
		return FALSE;
	}
	if (!take_one(this))
	{
		count->beyond++;
		return FALSE;
	}
	return TRUE;
}

METHOD(nflog_intake_t, start, void,
	private_nflog_intake_t *this)
{
	if (this->local != NFLOG_LOCAL_ANY && this->addresses)
	{	/* they may have changed when the first packet is written */
		this->addresses->refresh(this->addresses);
	}
}

METHOD(nflog_intake_t, is_full, bool,
	private_nflog_intake_t *this)
{
	return __atomic_load_n(&this->full, __ATOMIC_RELAXED);
}

METHOD(nflog_intake_t, set_addresses, void,
	private_nflog_intake_t *this, nflog_addresses_t *addresses)
{
	this->addresses = addresses;
}

METHOD(nflog_intake_t, destroy, void,
	private_nflog_intake_t *this)
{
	free(this);
}

/*
 * Described in header
 */
nflog_intake_t *nflog_intake_create(nflog_point_t point, nflog_cfg_t *cfg)
{
	bool clear = point == POINT_PLAIN_IN || point == POINT_MISSED;
	private_nflog_intake_t *this;

	INIT(this,
		.public = {
			.start = _start,
			.take = _take,
			.is_full = _is_full,
			.set_addresses = _set_addresses,
			.destroy = _destroy,
		},
		.filter = point == POINT_ESP_IN ? cfg->filter_esp :
				  point == POINT_IKE_IN ? cfg->filter_ike :
				  clear ? cfg->filter : NULL,
		.local = clear ? cfg->local : NFLOG_LOCAL_ANY,
		.limit = cfg->packets,
	);
	return &this->public;
}
