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

#include "pcapng.h"
#include "pcapng_block.h"

#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_log.h>

#include <collections/array.h>

/** program that writes the file */
#define PROGRAM "nflog-capture"

/** link type of all interfaces: libpcap refuses several interfaces of LINKTYPE_RAW, as it
 * compares that with DLT_RAW, another number */
#define LINKTYPE_NFLOG 239

/** bytes of the block of a packet before its data, and of its interface's number before that */
#define PACKET_FIXED 28
#define PACKET_INTERFACE 8

/** bytes before the IP packet, LINKTYPE_NFLOG: version and so on, and header of the attribute */
#define NFLOG_LEN (sizeof(struct nfgenmsg) + NLA_HDRLEN)

/** bytes of a name and of a comment, at most */
#define MAX_NAME 64
#define MAX_COMMENT 1024

typedef struct private_nflog_pcapng_t private_nflog_pcapng_t;

/**
 * Private data.
 */
struct private_nflog_pcapng_t {

	/**
	 * Public interface.
	 */
	nflog_pcapng_t public;

	/**
	 * Interfaces of the file, and of the last vector, interface_t.
	 */
	array_t *interfaces;

	/**
	 * Number of those that are in the file, the first ones.
	 */
	u_int in_file;
};

/**
 * Interface of a file.
 */
typedef struct {
	/** block that describes it, owned */
	chunk_t block;
	/** packet of a vector that it is written with */
	u_int packet;
} interface_t;

/**
 * A record consists of the block that describes the interface, and the block of the packet.
 * Get the length of the former.
 */
static size_t interface_len(nflog_packet_t *packet)
{
	uint32_t len;

	memcpy(&len, (uint8_t*)packet->record + sizeof(len), sizeof(len));
	return len;
}

/**
 * Add the description of an interface.
 */
static void add_interface(nflog_pcapng_blocks_t *blocks, char *name)
{
	char buf[MAX_NAME];

	snprintf(buf, sizeof(buf), "%s", name);
	nflog_pcapng_interface(blocks, LINKTYPE_NFLOG, PCAPNG_NANOSECONDS, buf, "");
}

/**
 * Build the data of a packet, allocated.
 */
static chunk_t build_data(chunk_t ip)
{
	struct {
		struct nfgenmsg msg;
		struct nlattr attr;
	} header = {
		.msg = {
			.nfgen_family = ip.len && ip.ptr[0] >> 4 == 6 ? AF_INET6 : AF_INET,
		},
		.attr = {
			.nla_len = NLA_HDRLEN + ip.len,
			.nla_type = NFULA_PAYLOAD,
		},
	};
	static uint8_t zeros[NLA_ALIGNTO];

	return chunk_cat("ccc", chunk_from_thing(header), ip,
					 chunk_create(zeros, NLA_ALIGN(ip.len) - ip.len));
}

/*
 * Described in header
 */
void nflog_commented_add(nflog_queue_t *queue, u_int lane, nflog_tap_t *tap,
					  nflog_commented_t *packet)
{
	nflog_pcapng_blocks_t blocks = {};
	nflog_packet_t *added;
	size_t interface;
	chunk_t data;

	nflog_counters_add(&tap->count->received);
	if (packet->reason)
	{
		tap->count->tally->add(tap->count->tally, packet->reason, 1);
	}
	add_interface(&blocks, packet->interface);
	interface = blocks.used;
	data = build_data(packet->data);
	nflog_pcapng_packet(&blocks, 0, packet->time.tv_sec * 1000000000ULL +
						packet->time.tv_nsec, data,
						data.len + packet->len - packet->data.len);
	free(data.ptr);
	nflog_pcapng_option(&blocks, PCAPNG_COMMENT,
						chunk_create((u_char*)packet->comment,
									 strnlen(packet->comment, MAX_COMMENT)));
	nflog_pcapng_end(&blocks);
	added = queue->add(queue, lane, blocks.used);
	if (added)
	{
		memcpy(added->record, blocks.data.ptr, blocks.used);
		added->caplen = blocks.used - sizeof(nflog_record_t);
		added->order = 0;
		added->sec = packet->time.tv_sec;
		added->usec = packet->time.tv_nsec / 1000;
		added->original = packet->len;
		added->payload = packet->data.len;
		added->offset = interface + PACKET_FIXED + NFLOG_LEN - sizeof(nflog_record_t);
		added->point = tap->point;
		added->stamped = TRUE;
		added->trace = tap->trace;
	}
	else
	{
		nflog_counters_add(&tap->count->overrun);
	}
	free(blocks.data.ptr);
}

/*
 * Described in header
 */
void nflog_commented_cut(nflog_packet_t *packet, uint32_t snaplen)
{
	uint8_t *block = (uint8_t*)packet->record + interface_len(packet);
	uint8_t *data = block + PACKET_FIXED + NFLOG_LEN;
	uint8_t *attr = block + PACKET_FIXED + sizeof(struct nfgenmsg);
	uint16_t attr_len = NLA_HDRLEN + snaplen;
	size_t old = NLA_ALIGN(packet->payload), new = NLA_ALIGN(snaplen);
	uint32_t len, lens[2] = { NFLOG_LEN + new };

	memset(data + snaplen, 0, new - snaplen);
	/* options, and the length behind them */
	memcpy(&len, block + sizeof(len), sizeof(len));
	memmove(data + new, data + old, len - PACKET_FIXED - NFLOG_LEN - old);
	len -= old - new;
	memcpy(block + sizeof(len), &len, sizeof(len));
	memcpy(block + len - sizeof(len), &len, sizeof(len));
	/* captured, and as it was, as if it had been cut then */
	lens[1] = lens[0] + packet->original - snaplen;
	memcpy(block + PACKET_FIXED - sizeof(lens), lens, sizeof(lens));
	memcpy(attr, &attr_len, sizeof(attr_len));
	packet->payload = snaplen;
	packet->caplen -= old - new;
}

/*
 * Described in header
 */
void nflog_pcapng_header(uint8_t buf[NFLOG_PCAPNG_HEADER])
{
	nflog_pcapng_blocks_t blocks = {};

	nflog_pcapng_section(&blocks, PROGRAM, "");
	add_interface(&blocks, NFLOG_PCAPNG_OTHER);
	memcpy(buf, blocks.data.ptr, min(blocks.used, NFLOG_PCAPNG_HEADER));
	free(blocks.data.ptr);
}

/**
 * Get the number of an interface, and add it if it is new.
 *
 * @param packet	number of the packet that has it, in the vector
 * @param number	receives its number
 * @return			TRUE if it is new
 */
static bool add(private_nflog_pcapng_t *this, chunk_t block, u_int packet,
				uint32_t *number)
{
	interface_t interface = {
		.packet = packet,
	}, other;

	for (*number = 0; array_get(this->interfaces, *number, &other); (*number)++)
	{
		if (chunk_equals(other.block, block))
		{
			return FALSE;
		}
	}
	interface.block = chunk_clone(block);
	array_insert(this->interfaces, ARRAY_TAIL, &interface);
	return TRUE;
}

METHOD(nflog_pcapng_t, get_vector, void,
	private_nflog_pcapng_t *this, nflog_packet_t **packets, u_int count,
	struct iovec *iov)
{
	uint32_t number;
	uint8_t *record;
	size_t interface, skip;
	u_int i;

	for (i = 0; i < count; i++)
	{
		record = (uint8_t*)packets[i]->record;
		interface = interface_len(packets[i]);
		skip = add(this, chunk_create(record, interface), i, &number) ? 0 : interface;
		memcpy(record + interface + PACKET_INTERFACE, &number, sizeof(number));
		iov[i] = (struct iovec){
			.iov_base = record + skip,
			.iov_len = sizeof(nflog_record_t) + packets[i]->caplen - skip,
		};
	}
}

METHOD(nflog_pcapng_t, written, void,
	private_nflog_pcapng_t *this, u_int count)
{
	interface_t interface;

	/* they are in the order of the packets that they were added with */
	while (array_get(this->interfaces, ARRAY_TAIL, &interface) &&
		   array_count(this->interfaces) > this->in_file && interface.packet >= count)
	{
		array_remove(this->interfaces, ARRAY_TAIL, NULL);
		free(interface.block.ptr);
	}
	this->in_file = array_count(this->interfaces);
}

METHOD(nflog_pcapng_t, destroy, void,
	private_nflog_pcapng_t *this)
{
	interface_t interface;

	while (array_remove(this->interfaces, ARRAY_HEAD, &interface))
	{
		free(interface.block.ptr);
	}
	array_destroy(this->interfaces);
	free(this);
}

/*
 * Described in header
 */
nflog_pcapng_t *nflog_pcapng_create()
{
	private_nflog_pcapng_t *this;
	nflog_pcapng_blocks_t blocks = {};
	uint32_t number;

	INIT(this,
		.public = {
			.get_vector = _get_vector,
			.written = _written,
			.destroy = _destroy,
		},
		.interfaces = array_create(sizeof(interface_t), 0),
		.in_file = 1,
	);
	add_interface(&blocks, NFLOG_PCAPNG_OTHER);
	add(this, chunk_create(blocks.data.ptr, blocks.used), 0, &number);
	free(blocks.data.ptr);
	return &this->public;
}
