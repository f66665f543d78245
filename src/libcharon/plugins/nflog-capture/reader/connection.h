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
 * @defgroup nflog_connection nflog_connection
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_CONNECTION_H_
#define NFLOG_CONNECTION_H_

typedef struct nflog_connection_t nflog_connection_t;

#include "traces/logged.h"

#include <networking/host.h>

/**
 * Packet as it was before NAT, by the connection that the kernel tracks.
 */
struct nflog_connection_t {
	/** addresses and ports, owned */
	host_t *src, *dst;
	/** protocol */
	uint8_t proto;
	/** TRUE for a packet against the direction in which the connection began */
	bool reply;
};

/**
 * Have the kernel load what a group needs to receive connections, which may take long, as the
 * kernel starts a program for that.  A failure shows when the group requests connections.
 */
void nflog_connection_load();

/**
 * Parse the connection of a packet, logged to a group that receives connections.
 *
 * @param logged		packet
 * @param connection	receives the connection
 * @return				FALSE if there is none, nothing is allocated then: the packet is not
 *						tracked, is an ICMP error about another one, or the kernel lacks that
 */
bool nflog_connection_parse(nflog_logged_t *logged, nflog_connection_t *connection);

/**
 * Release what a connection owns.
 *
 * @param connection	connection as parsed
 */
void nflog_connection_clear(nflog_connection_t *connection);

#endif /** NFLOG_CONNECTION_H_ @}*/
