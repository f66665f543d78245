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

#include "packet_filter.h"
#include "cli/text.h"

#include <pcap/pcap.h>

/** bytes of a packet that a filter may look at */
#define SNAPLEN 262144

typedef struct private_packet_filter_t private_packet_filter_t;

/**
 * Private data.
 */
struct private_packet_filter_t {

	/**
	 * Public interface.
	 */
	packet_filter_t public;

	/**
	 * Compiled filter.
	 */
	struct bpf_program program;
};

METHOD(packet_filter_t, matches, bool,
	private_packet_filter_t *this, chunk_t ip)
{
	struct pcap_pkthdr header = {
		.caplen = ip.len,
		.len = ip.len,
	};

	return ip.len && pcap_offline_filter(&this->program, &header, ip.ptr);
}

METHOD(packet_filter_t, destroy, void,
	private_packet_filter_t *this)
{
	pcap_freecode(&this->program);
	free(this);
}

/*
 * Described in header
 */
packet_filter_t *packet_filter_create(char *expression)
{
	private_packet_filter_t *this;
	pcap_t *pcap;
	bool success;

	INIT(this,
		.public = {
			.matches = _matches,
			.destroy = _destroy,
		},
	);
	pcap = pcap_open_dead(DLT_RAW, SNAPLEN);
	success = pcap && pcap_compile(pcap, &this->program, expression, TRUE,
								   PCAP_NETMASK_UNKNOWN) == 0;
	if (!success)
	{
		text_print(stderr, "invalid filter '%s': %s\n", expression,
				   pcap ? pcap_geterr(pcap) : "no memory");
	}
	if (pcap)
	{
		pcap_close(pcap);
	}
	if (!success)
	{
		destroy(this);
		return NULL;
	}
	return &this->public;
}
