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

#include "interfaces.h"

#include "cli/text.h"
#include "write/pcapng.h"

#include <inttypes.h>

#include <collections/array.h>
#include <collections/hashtable.h>

/** lines of the log that are comments of an interface */
#define MAX_LINES 100

/** interfaces that are found without naming them, a power of two */
#define RECENT 256

typedef struct private_interfaces_t private_interfaces_t;
typedef struct interface_t interface_t;
typedef struct recent_t recent_t;

/**
 * An interface.
 */
struct interface_t {
	/** what it is for, the key of the table */
	char *key;
	/** description, the key of another table */
	char *description;
	/** number in the file */
	uint32_t number;
	/** TRUE if it has packets as they were captured */
	bool captured;
	/** packets in traces, and those that were written */
	uint64_t received, written;
	/** packets that were lost, if known */
	uint64_t lost;
	bool lost_known;
	/** time of the first and the last packet */
	struct timeval first, last;
	/** lines of the log, char* */
	array_t *lines;
};

/**
 * An interface that was used before.
 */
struct recent_t {
	/** what it was for */
	capture_t *capture;
	uint16_t type;
	capture_point_t point;
	u_int layers;
	/** the interface, NULL for none */
	interface_t *interface;
};

/**
 * Private data.
 */
struct private_interfaces_t {

	/**
	 * Public interface.
	 */
	interfaces_t public;

	/**
	 * Interfaces by what they are for, interface_t.
	 */
	hashtable_t *table;

	/**
	 * The same by their descriptions.
	 */
	hashtable_t *described;

	/**
	 * The same in the order of their numbers.
	 */
	array_t *list;

	/**
	 * Those that were used last, by a hash, as printing their names takes longer than all
	 * else that is done with a packet.
	 */
	recent_t recent[RECENT];
};

/**
 * Describe a capture point.
 */
static char *describe_point(capture_point_t point)
{
	switch (point)
	{
		case POINT_IKE_IN:
			return "IKE messages as they arrive";
		case POINT_IKE_OUT:
			return "IKE messages as they leave";
		case POINT_ESP_IN:
			return "ESP as it arrives";
		case POINT_ESP_OUT:
			return "ESP as it leaves";
		case POINT_PLAIN_IN:
			return "in the clear, after decryption";
		case POINT_PLAIN_OUT:
			return "in the clear, before encryption";
		default:
			return "packets, either direction";
	}
}

/**
 * Name the interface of a capture point.
 */
static void print_name(capture_t *capture, capture_point_t point, u_int layers,
					   char *name, size_t len)
{
	char suffix[32] = "";

	if (layers > 1)
	{
		snprintf(suffix, sizeof(suffix), " decrypted %u", layers);
	}
	else if (layers)
	{
		snprintf(suffix, sizeof(suffix), " decrypted");
	}
	snprintf(name, len, "%s %s%s",
			 capture->kind == CAPTURE_IKE ? capture->conn : capture->label,
			 enum_to_name(capture_point_names, point), suffix);
}

/**
 * Add the description of an interface, with names as the user gave them.
 */
static void add_interface(nflog_pcapng_blocks_t *blocks, uint16_t type, char *name,
						  char *description)
{
	name = text_escape(name);
	description = text_escape(description);
	nflog_pcapng_interface(blocks, type, PCAPNG_MICROSECONDS, name, description);
	free(name);
	free(description);
}

/**
 * Get an interface, add its description if it is new.
 */
static interface_t *find_interface(private_interfaces_t *this, capture_t *capture,
						uint16_t type, capture_point_t point, u_int layers,
						nflog_pcapng_blocks_t *blocks)
{
	char name[512], description[1024], *key;
	interface_t *interface;
	size_t pos;

	print_name(capture, point, layers, name, sizeof(name));
	if (asprintf(&key, "%s/%d %d %s", capture->dir, capture->kind, type, name) < 0)
	{
		abort();
	}
	interface = this->table->get(this->table, key);
	if (interface)
	{
		free(key);
		return interface;
	}
	INIT(interface,
		.key = key,
		.number = array_count(this->list),
		.captured = !layers,
	);
	this->table->put(this->table, key, interface);
	array_insert_create(&this->list, ARRAY_TAIL, interface);
	snprintf(description, sizeof(description), "connection %s%s%s: %s%s",
			 capture->conn, capture->kind == CAPTURE_IKE ? "" : ", child ",
			 capture->kind == CAPTURE_IKE ? "" : capture->label,
			 describe_point(point), layers ? ", decrypted" : "");
	if (this->described->get(this->described, description))
	{	/* connections of two gateways may have the same name */
		pos = strlen(description);
		snprintf(description + pos, sizeof(description) - pos, ", in %s", capture->dir);
	}
	interface->description = strdup(description);
	this->described->put(this->described, interface->description, interface);
	add_interface(blocks, layers ? LINKTYPE_RAW : type, name, description);
	return interface;
}

/**
 * The same, without a look-up if it was used before.
 */
static interface_t *get_interface(private_interfaces_t *this, capture_t *capture,
						uint16_t type, capture_point_t point, u_int layers,
						nflog_pcapng_blocks_t *blocks)
{
	size_t pos = ((uintptr_t)capture / sizeof(capture_t) * 8 + point * 4 + layers);
	recent_t *recent = &this->recent[pos % RECENT];

	if (!recent->interface || recent->capture != capture || recent->type != type ||
		recent->point != point || recent->layers != layers)
	{
		*recent = (recent_t){ capture, type, point, layers,
			find_interface(this, capture, type, point, layers, blocks),
		};
	}
	return recent->interface;
}

METHOD(interfaces_t, get, uint32_t,
	private_interfaces_t *this, merged_packet_t *merged, u_int layers,
	nflog_pcapng_blocks_t *blocks)
{
	interface_t *interface;

	interface = get_interface(this, merged->capture, merged->type, merged->point,
							  layers, blocks);
	return interface->number;
}

METHOD(interfaces_t, count, void,
	private_interfaces_t *this, merged_packet_t *merged, bool written,
	nflog_pcapng_blocks_t *blocks)
{
	struct timeval *time = &merged->packet.time;
	interface_t *interface;

	interface = get_interface(this, merged->capture, merged->type, merged->point,
							  0, blocks);
	if (!interface->received++ || timercmp(time, &interface->first, <))
	{
		interface->first = *time;
	}
	if (timercmp(time, &interface->last, >))
	{
		interface->last = *time;
	}
	interface->written += written;
}

METHOD(interfaces_t, add_lost, void,
	private_interfaces_t *this, capture_t *capture, capture_point_t point,
	uint64_t lost, char *line, nflog_pcapng_blocks_t *blocks)
{
	interface_t *interface;

	interface = get_interface(this, capture, capture->type ?: LINKTYPE_NFLOG, point, 0,
							  blocks);
	interface->lost += lost;
	interface->lost_known = TRUE;
	if (array_count(interface->lines) < MAX_LINES)
	{
		array_insert_create(&interface->lines, ARRAY_TAIL, strdup(line));
	}
}

METHOD(interfaces_t, add_statistics, void,
	private_interfaces_t *this, nflog_pcapng_blocks_t *blocks)
{
	enumerator_t *interfaces, *lines;
	interface_t *interface;
	uint64_t usec;
	char *line;

	interfaces = array_create_enumerator(this->list);
	while (interfaces->enumerate(interfaces, &interface))
	{
		if (!interface->captured)
		{
			continue;
		}
		usec = interface->last.tv_sec * 1000000ULL + interface->last.tv_usec;
		nflog_pcapng_begin(blocks, PCAPNG_INTERFACE_STATISTICS);
		nflog_pcapng_add(blocks, chunk_from_thing(((uint32_t[]){ interface->number,
											usec >> 32, usec })));
		if (interface->received)
		{
			nflog_pcapng_option_time(blocks, PCAPNG_ISB_STARTTIME, &interface->first);
			nflog_pcapng_option_time(blocks, PCAPNG_ISB_ENDTIME, &interface->last);
		}
		nflog_pcapng_option(blocks, PCAPNG_ISB_IFRECV,
					  chunk_from_thing(interface->received));
		if (interface->lost_known)
		{
			nflog_pcapng_option(blocks, PCAPNG_ISB_IFDROP,
						  chunk_from_thing(interface->lost));
		}
		nflog_pcapng_option(blocks, PCAPNG_ISB_USRDELIV,
					  chunk_from_thing(interface->written));
		lines = array_create_enumerator(interface->lines);
		while (lines->enumerate(lines, &line))
		{
			pcapng_option_text(blocks, PCAPNG_COMMENT, line);
		}
		lines->destroy(lines);
		nflog_pcapng_end(blocks);
	}
	interfaces->destroy(interfaces);
}

METHOD(interfaces_t, destroy, void,
	private_interfaces_t *this)
{
	interface_t *interface;
	char *line;

	while (array_remove(this->list, ARRAY_HEAD, &interface))
	{
		while (array_remove(interface->lines, ARRAY_HEAD, &line))
		{
			free(line);
		}
		array_destroy(interface->lines);
		free(interface->key);
		free(interface->description);
		free(interface);
	}
	array_destroy(this->list);
	this->table->destroy(this->table);
	this->described->destroy(this->described);
	free(this);
}

/*
 * Described in header
 */
interfaces_t *interfaces_create()
{
	private_interfaces_t *this;

	INIT(this,
		.public = {
			.get = _get,
			.count = _count,
			.add_lost = _add_lost,
			.add_statistics = _add_statistics,
			.destroy = _destroy,
		},
		.table = hashtable_create(hashtable_hash_str, hashtable_equals_str, 16),
		.described = hashtable_create(hashtable_hash_str, hashtable_equals_str, 16),
	);
	return &this->public;
}
