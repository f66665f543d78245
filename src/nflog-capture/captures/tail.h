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
 * @defgroup nflog_tail tail
 * @{ @ingroup nflog_capture
 */

#ifndef TAIL_H_
#define TAIL_H_

#include <sys/time.h>

#include "read/link_type.h"

typedef struct tail_t tail_t;
typedef struct tail_packet_t tail_packet_t;
typedef enum tail_status_t tail_status_t;

/**
 * Result of reading.
 */
enum tail_status_t {
	/** there was a packet */
	TAIL_PACKET,
	/** there is no whole packet, but one may follow if the file grows */
	TAIL_WAIT,
	/** nothing can be read anymore, the reason was printed */
	TAIL_ERROR,
};

/**
 * Packet of a file.
 */
struct tail_packet_t {
	/** time of the packet */
	struct timeval time;
	/** captured bytes, valid until the next packet is read */
	chunk_t data;
	/** length of these when they were captured */
	size_t len;
	/** IP packet in there, empty if there is none */
	chunk_t ip;
	/** label of the SA and capture point that the plugin gave it, empty for link type raw */
	chunk_t prefix;
};

/**
 * Reads a file of a trace, as the plugin writes it, which may grow meanwhile.
 *
 * A record that is not whole yet is read once it is.
 */
struct tail_t {

	/**
	 * Read the next packet.
	 *
	 * @param packet	receives the packet
	 * @return			status
	 */
	tail_status_t (*read)(tail_t *this, tail_packet_t *packet);

	/**
	 * Skip the packets that the file has now, before the first one is read.
	 */
	void (*skip)(tail_t *this);

	/**
	 * Read nothing that is added to the file from now on.
	 */
	void (*freeze)(tail_t *this);

	/**
	 * Check if the file that is read has another name meanwhile, or none.
	 *
	 * @return			TRUE if its name is that of another file
	 */
	bool (*is_replaced)(tail_t *this);

	/**
	 * Get the link type of the file.
	 *
	 * @return			link type, 0 until the first packet was read
	 */
	uint16_t (*get_link_type)(tail_t *this);

	/**
	 * Check if the file ends within its header or a record, after TAIL_WAIT.
	 *
	 * @return			TRUE if so
	 */
	bool (*is_torn)(tail_t *this);

	/**
	 * Close the file, and release memory, until a packet is read again.
	 */
	void (*close)(tail_t *this);

	/**
	 * Destroy a tail_t.
	 */
	void (*destroy)(tail_t *this);
};

/**
 * Create a tail_t instance.  The file is opened with the first packet that is read, and
 * has to exist then.
 *
 * @param path			path of the file, copied
 * @param buffer		bytes that are read at once, more if a packet is longer
 */
tail_t *tail_create(char *path, size_t buffer);

#endif /** TAIL_H_ @}*/
