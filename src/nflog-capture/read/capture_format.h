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
 * @defgroup decrypt_capture_format capture_format
 * @{ @ingroup nflog_capture
 */

#ifndef CAPTURE_FORMAT_H_
#define CAPTURE_FORMAT_H_

#include "input.h"
#include "trace.h"

typedef struct capture_format_t capture_format_t;

/** most captured bytes of a packet: packets that the kernel merged (BIG TCP) have some
 * hundred KiB */
#define CAPTURE_FORMAT_MAX_LEN (16 * 1024 * 1024)

/**
 * Reads the packets in a file of a certain format.
 */
struct capture_format_t {

	/**
	 * Read the next packet.
	 *
	 * @param input	the file, which this object read up to here
	 * @param packet	receives the packet, valid until the input is used
	 * @param error		receives the reason if there are no more, NULL at the end of the
	 *					file, begins with "truncated" if that is within a packet
	 * @return			FALSE if there are no more
	 */
	bool (*read)(capture_format_t *this, input_t *input, trace_packet_t *packet,
				 const char **error);

	/**
	 * Destroy a capture_format_t.
	 */
	void (*destroy)(capture_format_t *this);
};

/**
 * Get a field of 16 bits.
 *
 * @param swapped	TRUE if the file has the other byte order
 * @param pos		the field, of any alignment
 * @return			value
 */
static inline uint16_t capture_format_get16(bool swapped, const void *pos)
{
	uint16_t value;

	memcpy(&value, pos, sizeof(value));
	return swapped ? __builtin_bswap16(value) : value;
}

/**
 * Get a field of 32 bits, see capture_format_get16().
 */
static inline uint32_t capture_format_get32(bool swapped, const void *pos)
{
	uint32_t value;

	memcpy(&value, pos, sizeof(value));
	return swapped ? __builtin_bswap32(value) : value;
}

/**
 * Recognize the format of a file, and read its header.
 *
 * @param input		the file, at its begin
 * @param reason	receives the reason on failure
 * @return			reader, NULL on failure
 */
capture_format_t *capture_format_create(input_t *input, const char **reason);

/**
 * Read the header of a pcap file.
 *
 * @param input	the file, at its begin
 * @param reason	receives the reason on failure
 * @return			reader, NULL on failure
 */
capture_format_t *pcap_format_create(input_t *input, const char **reason);

/**
 * Read the header of a pcapng file.
 *
 * @param input	the file, at its begin
 * @param reason	receives the reason on failure
 * @return			reader, NULL on failure
 */
capture_format_t *pcapng_format_create(input_t *input, const char **reason);

#endif /** CAPTURE_FORMAT_H_ @}*/
