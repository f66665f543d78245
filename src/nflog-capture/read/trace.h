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
 * Packet of a trace.
 */
struct trace_packet_t {
	/** time of the packet */
	struct timeval time;
	/** captured bytes, valid until the next one is read */
	chunk_t data;
	/** length of the packet when it was captured */
	size_t len;
	/** IP packet in there, empty if there is none */
	chunk_t ip;
	/** link type, as it is in files */
	uint16_t link;
	/** its comment in a pcapng file, valid as long as data, empty if there is none */
	chunk_t comment;
};

/**
 * Reads a file of the formats pcap or pcapng, which may be compressed by gzip, several
 * times if needed.
 *
 * Bytes that are appended to the file after the trace was created are not read.  A pipe
 * is copied to a temporary file without a name first.
 */
struct trace_t {

	/**
	 * Read the next packet.
	 *
	 * @param packet	receives the packet
	 * @return			FALSE if there are no more, the file is closed then
	 */
	bool (*read)(trace_t *this, trace_packet_t *packet);

	/**
	 * Go back to the first packet.
	 *
	 * @return			FALSE on errors, the reason was printed
	 */
	bool (*rewind)(trace_t *this);

	/**
	 * Close the file until rewind() is called, as the traces of a ring are many.
	 */
	void (*close)(trace_t *this);

	/**
	 * Check if the file ends within a packet, or could not be read to its end, and print
	 * the reason.
	 *
	 * @return			TRUE if so
	 */
	bool (*is_torn)(trace_t *this);

	/**
	 * Destroy a trace_t.
	 */
	void (*destroy)(trace_t *this);
};

/**
 * Open a trace, to read from its first packet on.
 *
 * @param path		path of the file, a FIFO or another pipe, "-" for stdin, not
 *					owned
 * @return			trace, NULL if it can't be read, the reason was printed
 */
trace_t *trace_create(char *path);

#endif /** TRACE_H_ @}*/
