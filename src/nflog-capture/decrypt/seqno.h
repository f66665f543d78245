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
 * @defgroup decrypt_seqno seqno
 * @{ @ingroup nflog_capture
 */

#ifndef SEQNO_H_
#define SEQNO_H_

#include <library.h>

typedef struct seqno_t seqno_t;

/** high bits that are tried at the begin of a trace */
#define SEQNO_FIRST 16

/**
 * Extended sequence numbers (RFC 4303, section 2.2.1), of which packets have
 * the low 32 bits only.
 */
struct seqno_t {
	/** TRUE if the SA has extended sequence numbers */
	bool esn;
	/** TRUE if any packet was authenticated */
	bool known;
	/** highest sequence number that was authenticated */
	uint64_t highest;
};

/**
 * Try the high bits that a packet may have, the most likely ones first.
 *
 * @param low		sequence number in the packet
 * @param try		called until it returns TRUE, with data and the high bits
 * @param data		data to pass
 * @return			TRUE if the callback did so
 */
bool seqno_try(seqno_t *this, uint32_t low,
			   bool (*try)(void *data, uint32_t high), void *data);

#endif /** SEQNO_H_ @}*/
