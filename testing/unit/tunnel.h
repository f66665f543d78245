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

/*
 * A CHILD_SA with traces: its packets, in the clear and in ESP.
 */

#ifndef TUNNEL_H_
#define TUNNEL_H_

#include "decrypt.h"
#include "traces.h"

/** SPIs of the CHILD_SA, and the name of its traces */
#define SPI_IN 0xc0000001
#define SPI_OUT 0xc0000002
#define NAME "net.20261124T223527Z.c0000001-c0000002"

/**
 * Create an inner packet.
 */
static inline chunk_t create_inner(uint16_t port)
{
	return add_sum(add_ip(other, other, IPPROTO_UDP,
				   add_udp(port, port, chunk_clone(chunk_from_str(PAYLOAD)))));
}

/**
 * Create an ESP packet of an SA that has a key of its own.
 */
static inline chunk_t create_packet(uint32_t spi, uint32_t seq, chunk_t data)
{
	static test_t gcm = { ENCR_AES_GCM_ICV16, 128, AUTH_UNDEFINED, GOOD, FALSE };

	next_encr_key = chunk_alloc(20);
	memset(next_encr_key.ptr, spi, next_encr_key.len);
	return add_ip(src, dst, IPPROTO_ESP, create_esp(&gcm, spi, seq, MODE_TUNNEL,
													data, IPPROTO_IPIP));
}

#endif /* TUNNEL_H_ */
