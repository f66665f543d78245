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
 * @defgroup nflog_report_flow report_flow
 * @{ @ingroup nflog_capture
 */

#ifndef REPORT_FLOW_H_
#define REPORT_FLOW_H_

#include <sys/time.h>
#include <json-c/json.h>

#include "captures/captures.h"
#include "decrypt/sequences.h"
#include "quantiles.h"

typedef struct flow_t flow_t;
typedef struct too_big_t too_big_t;

/**
 * Messages that packets are too big.
 */
struct too_big_t {
	/** their number */
	uint64_t count;
	/** lowest MTU of these, 0 for none */
	uint32_t mtu;
};

/**
 * Packets of an SA, captured here or by the peer.
 */
struct flow_t {
	/** SPI, in host order */
	uint32_t spi;
	/** POINT_ESP_IN, POINT_ESP_OUT or POINT_UNKNOWN */
	capture_point_t point;
	/** TRUE if captured by the peer */
	bool peer;
	/** names of connection and CHILD_SA, owned */
	char *conn, *child;
	/** ESP packets, and their bytes from the IP header on */
	uint64_t packets, bytes;
	/** times of the first and the last one */
	struct timeval first, last;
	/** bytes of the largest one, and of the largest packet in them */
	size_t largest, largest_inner;
	/** those that came in fragments, and those that were not decrypted */
	uint64_t fragments, undecrypted;
	/** sequence numbers */
	sequence_t sequence;
	/** packets in the clear, and the largest one */
	uint64_t plain;
	size_t largest_plain;
	/** messages in ESP, and in the clear */
	too_big_t too_big, plain_too_big;
	/** time from ESP to the packet in the clear, or back, in microseconds, NULL for none */
	quantiles_t *gateway;
	/** packets that came in on one side, and did not leave on the other */
	uint64_t stuck;
	/** time to the peer, NULL for none; packets that it did not receive */
	quantiles_t *network;
	uint64_t lost;
};

/**
 * Get the time between two packets.
 *
 * @return			time, in microseconds
 */
int64_t report_flow_distance(struct timeval *from, struct timeval *to);

/**
 * Describe an SA.
 *
 * @param decrypted	TRUE if there were keys
 * @param sender	who sent the packets, if they were captured on both ends, or NULL
 * @return			object, to be freed
 */
json_object *report_flow_describe(flow_t *this, bool decrypted, flow_t *sender);

#endif /** REPORT_FLOW_H_ @}*/
