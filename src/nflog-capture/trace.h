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
 * @defgroup decrypt_trace trace
 * @{ @ingroup nflog_capture
 */

#ifndef TRACE_H_
#define TRACE_H_

#include <sys/time.h>

#include <library.h>

typedef struct trace_t trace_t;
typedef struct trace_packet_t trace_packet_t;

/**
 * Packet as it is in a trace.
 */
struct trace_packet_t {
	/** time of the packet */
	struct timeval time;
	/** captured bytes, valid until the next one is read */
	chunk_t data;
	/** bytes of the packet when it was captured */
	size_t len;
	/** the IP packet in there, empty if there is none */
	chunk_t ip;
};

/**
 * Reads a trace, with link type NFLOG or raw.
 */
struct trace_t {

	/**
	 * Read the next packet.
	 *
	 * @param packet	receives the packet
	 * @return			FALSE if there are no more
	 */
	bool (*read)(trace_t *this, trace_packet_t *packet);

	/**
	 * Get the link type, as it is in files.
	 */
	uint16_t (*get_link_type)(trace_t *this);

	/**
	 * Check if the file ends within a packet, or can't be read any further.
	 *
	 * @return			TRUE if so, it gets told
	 */
	bool (*is_torn)(trace_t *this);

	/**
	 * Destroy a trace_t.
	 */
	void (*destroy)(trace_t *this);
};

/**
 * Open a trace.
 *
 * @param path		path of the file
 * @return			trace, NULL if it can't be read, which was told
 */
trace_t *trace_create(char *path);

#endif /** TRACE_H_ @}*/
