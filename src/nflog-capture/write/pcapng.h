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
 * @defgroup decrypt_pcapng pcapng
 * @{ @ingroup nflog_capture
 */

#ifndef PCAPNG_H_
#define PCAPNG_H_

#include <sys/time.h>

#include "output.h"
#include "traces/pcapng_block.h"

typedef struct pcapng_t pcapng_t;

/** number of layers that may have an interface */
#define PCAPNG_MAX_LAYERS 16

/**
 * Add an option whose value is text, escaped as by text_print(), as programs print it.
 *
 * @param blocks	blocks
 * @param code		type of the option
 * @param text		text, nothing is added if it is empty
 */
void pcapng_option_text(nflog_pcapng_blocks_t *blocks, uint16_t code, const char *text);

/**
 * Add the block of a packet.
 *
 * @param blocks	blocks to add to, all zero at first
 * @param layers	layers that were removed, 0 for a packet of the trace, data is an IP
 *					packet otherwise, less than PCAPNG_MAX_LAYERS
 * @param link		link type of a packet of the trace
 * @param time		time of the packet
 * @param data		bytes of the packet
 * @param len		length of the packet when it was captured
 * @param comment	comment, empty for none
 */
void blocks_add_packet(nflog_pcapng_blocks_t *blocks, u_int layers, uint16_t link,
					   struct timeval *time, chunk_t data, size_t len, char *comment);

/**
 * Add a copy of a packet's block, with a longer comment.
 *
 * @param blocks	blocks to add to
 * @param from		blocks with the packet, not written yet
 * @param pos		position of its block in there
 * @param text		text to append to its comment
 * @return			length of the block that was copied
 */
size_t blocks_copy_packet(nflog_pcapng_blocks_t *blocks, nflog_pcapng_blocks_t *from,
						  size_t pos, const char *text);

/**
 * Writes a pcapng file, with an interface for the packets of the trace of each link type,
 * and one for each number of layers that were removed, from its first packet on.
 */
struct pcapng_t {

	/**
	 * Write blocks.
	 *
	 * @param blocks	blocks of packets, get the numbers of their interfaces
	 * @param begin		position of the first block to write
	 * @param end		position after the last one
	 * @return			FALSE if writing failed
	 */
	bool (*write)(pcapng_t *this, nflog_pcapng_blocks_t *blocks, size_t begin, size_t end);

	/**
	 * Destroy a pcapng_t, but not the output.
	 */
	void (*destroy)(pcapng_t *this);
};

/**
 * Create a pcapng_t instance, and write the header of the file.
 *
 * @param output	output to write to, not owned
 */
pcapng_t *pcapng_create(output_t *output);

#endif /** PCAPNG_H_ @}*/
