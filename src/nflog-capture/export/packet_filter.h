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

/**
 * @defgroup nflog_packet_filter packet_filter
 * @{ @ingroup nflog_capture
 */

#ifndef PACKET_FILTER_H_
#define PACKET_FILTER_H_

#include <library.h>

typedef struct packet_filter_t packet_filter_t;

/**
 * Filter for IP packets, see pcap-filter(7).
 */
struct packet_filter_t {

	/**
	 * Check if a packet matches.
	 *
	 * @param ip		IP packet
	 * @return			TRUE if it matches
	 */
	bool (*matches)(packet_filter_t *this, chunk_t ip);

	/**
	 * Destroy a packet_filter_t.
	 */
	void (*destroy)(packet_filter_t *this);
};

/**
 * Create a packet_filter_t instance.
 *
 * @param expression	filter
 * @return				filter, NULL if the expression is invalid, the reason was printed
 */
packet_filter_t *packet_filter_create(char *expression);

#endif /** PACKET_FILTER_H_ @}*/
