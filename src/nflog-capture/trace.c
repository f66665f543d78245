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

#include "trace.h"

#include <linux/netfilter/nfnetlink_log.h>
#include <pcap/pcap.h>

/** link types, as they are in files */
#define LINKTYPE_RAW 101
#define LINKTYPE_NFLOG 239

/** bytes before the attributes of a packet with link type NFLOG */
#define NFLOG_LEN 4

typedef struct private_trace_t private_trace_t;

/**
 * Private data.
 */
struct private_trace_t {

	/**
	 * Public interface.
	 */
	trace_t public;

	/**
	 * Path of the file.
	 */
	char *path;

	/**
	 * The file.
	 */
	pcap_t *pcap;

	/**
	 * Link type.
	 */
	uint16_t type;

	/**
	 * TRUE if it can't be read any further.
	 */
	bool torn;
};

/**
 * Find the payload in attributes, with lengths in host order.
 */
static chunk_t get_payload(chunk_t data)
{
	uint16_t len, type;
	chunk_t payload = chunk_empty;

	data = chunk_skip(data, NFLOG_LEN);
	while (data.len >= 4)
	{
		memcpy(&len, data.ptr, sizeof(len));
		memcpy(&type, data.ptr + 2, sizeof(type));
		if (len < 4 || len > data.len)
		{
			break;
		}
		if (type == NFULA_PAYLOAD)
		{
			payload = chunk_create(data.ptr + 4, len - 4);
			break;
		}
		data = chunk_skip(data, min(data.len, (len + 3) & ~3));
	}
	return payload;
}

METHOD(trace_t, read_, bool,
	private_trace_t *this, trace_packet_t *packet)
{
	struct pcap_pkthdr *header;
	const u_char *data;

	switch (pcap_next_ex(this->pcap, &header, &data))
	{
		case 1:
			break;
		case PCAP_ERROR_BREAK:
			return FALSE;
		default:
			this->torn = TRUE;
			return FALSE;
	}
	packet->time = header->ts;
	packet->data = chunk_create((u_char*)data, header->caplen);
	packet->len = header->len;
	packet->ip = this->type == LINKTYPE_RAW ? packet->data
											: get_payload(packet->data);
	return TRUE;
}

METHOD(trace_t, get_link_type, uint16_t,
	private_trace_t *this)
{
	return this->type;
}

METHOD(trace_t, is_torn, bool,
	private_trace_t *this)
{
	if (this->torn)
	{
		fprintf(stderr, "reading %s failed: %s\n", this->path,
				pcap_geterr(this->pcap));
	}
	return this->torn;
}

METHOD(trace_t, destroy, void,
	private_trace_t *this)
{
	pcap_close(this->pcap);
	free(this);
}

/*
 * Described in header
 */
trace_t *trace_create(char *path)
{
	private_trace_t *this;
	char errors[PCAP_ERRBUF_SIZE];
	pcap_t *pcap;
	uint16_t type;

	pcap = pcap_open_offline(path, errors);
	if (!pcap)
	{
		fprintf(stderr, "opening %s failed: %s\n", path, errors);
		return NULL;
	}
	switch (pcap_datalink(pcap))
	{
		case DLT_RAW:
			type = LINKTYPE_RAW;
			break;
		case DLT_NFLOG:
			type = LINKTYPE_NFLOG;
			break;
		default:
			fprintf(stderr, "%s has link type %s, neither NFLOG nor raw\n",
					path, pcap_datalink_val_to_name(pcap_datalink(pcap)) ?: "?");
			pcap_close(pcap);
			return NULL;
	}
	INIT(this,
		.public = {
			.read = _read_,
			.get_link_type = _get_link_type,
			.is_torn = _is_torn,
			.destroy = _destroy,
		},
		.path = path,
		.pcap = pcap,
		.type = type,
	);
	return &this->public;
}
