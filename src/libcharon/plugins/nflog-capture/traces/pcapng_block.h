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
 * @defgroup nflog_pcapng_block nflog_pcapng_block
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_PCAPNG_BLOCK_H_
#define NFLOG_PCAPNG_BLOCK_H_

#include <sys/time.h>

#include <library.h>

/** types of blocks (draft-ietf-opsawg-pcapng) */
#define PCAPNG_SECTION_HEADER 0x0a0d0d0a
#define PCAPNG_INTERFACE_DESCRIPTION 1
#define PCAPNG_INTERFACE_STATISTICS 5
#define PCAPNG_ENHANCED_PACKET 6
#define PCAPNG_DECRYPTION_SECRETS 10

/** types of options */
#define PCAPNG_COMMENT 1
#define PCAPNG_SHB_USERAPPL 4
#define PCAPNG_IF_NAME 2
#define PCAPNG_IF_DESCRIPTION 3
#define PCAPNG_IF_TSRESOL 9
#define PCAPNG_EPB_FLAGS 2
#define PCAPNG_EPB_PACKETID 5
#define PCAPNG_ISB_STARTTIME 2
#define PCAPNG_ISB_ENDTIME 3
#define PCAPNG_ISB_IFRECV 4
#define PCAPNG_ISB_IFDROP 5
#define PCAPNG_ISB_USRDELIV 8

/** type of secrets: rows of Wireshark's table of ESP SAs, with all columns, read by
 * Wireshark 5 (draft-ietf-opsawg-pcap, pull request 184) */
#define PCAPNG_SECRETS_ESP 0x45535053

/** resolution of time stamps, as negative powers of ten, in PCAPNG_IF_TSRESOL */
#define PCAPNG_MICROSECONDS 6
#define PCAPNG_NANOSECONDS 9

/** direction in PCAPNG_EPB_FLAGS */
#define PCAPNG_INBOUND 1
#define PCAPNG_OUTBOUND 2

typedef struct nflog_pcapng_blocks_t nflog_pcapng_blocks_t;

/**
 * Blocks of a pcapng file, in host order.
 */
struct nflog_pcapng_blocks_t {
	/** memory for blocks, owned */
	chunk_t data;
	/** bytes used of that */
	size_t used;
	/** position of the block that is not complete yet */
	size_t begin;
	/** TRUE if that has options */
	bool options;
};

/**
 * Begin a block.
 *
 * @param blocks	blocks, all zero at first
 * @param type		type of the block
 */
void nflog_pcapng_begin(nflog_pcapng_blocks_t *blocks, uint32_t type);

/**
 * Add a field, or data.
 *
 * @param blocks	blocks
 * @param data		data, gets padded to 32 bits
 */
void nflog_pcapng_add(nflog_pcapng_blocks_t *blocks, chunk_t data);

/**
 * Add bytes as they are.
 *
 * @param blocks	blocks
 * @param data		data
 */
void nflog_pcapng_append(nflog_pcapng_blocks_t *blocks, chunk_t data);

/**
 * Add an option, after all fields.
 *
 * @param blocks	blocks
 * @param code		type of the option
 * @param value		value, nothing is added if it is empty, 65535 bytes at most
 */
void nflog_pcapng_option(nflog_pcapng_blocks_t *blocks, uint16_t code, chunk_t value);

/**
 * Add an option whose value is a time.
 *
 * @param blocks	blocks
 * @param code		type of the option
 * @param time		time
 */
void nflog_pcapng_option_time(nflog_pcapng_blocks_t *blocks, uint16_t code,
						struct timeval *time);

/**
 * Complete a block.
 *
 * @param blocks	blocks
 */
void nflog_pcapng_end(nflog_pcapng_blocks_t *blocks);

/**
 * Add the header of a section.
 *
 * @param blocks	blocks
 * @param program	program that writes the file
 * @param comment	comment, empty for none
 */
void nflog_pcapng_section(nflog_pcapng_blocks_t *blocks, char *program, char *comment);

/**
 * Add the description of an interface.
 *
 * @param blocks		blocks
 * @param type			link type
 * @param resolution	of the time stamps of its packets, PCAPNG_MICROSECONDS or
 *						PCAPNG_NANOSECONDS
 * @param name			name
 * @param description	description, empty for none
 */
void nflog_pcapng_interface(nflog_pcapng_blocks_t *blocks, uint16_t type,
							uint8_t resolution, char *name, char *description);

/**
 * Begin the block of a packet, options may follow.
 *
 * @param blocks	blocks
 * @param interface	number of the interface
 * @param time		time of the packet since 1970, in the resolution of the interface
 * @param data		bytes of the packet
 * @param len		length of the packet when it was captured
 */
void nflog_pcapng_packet(nflog_pcapng_blocks_t *blocks, uint32_t interface,
						 uint64_t time, chunk_t data, size_t len);

/**
 * Get a time in microseconds, the resolution of interfaces that have no other.
 */
static inline uint64_t nflog_pcapng_usec(struct timeval *time)
{
	return time->tv_sec * 1000000ULL + time->tv_usec;
}

/**
 * Remove all blocks, but keep the memory.
 *
 * @param blocks	blocks
 */
void nflog_pcapng_clear(nflog_pcapng_blocks_t *blocks);

#endif /** NFLOG_PCAPNG_BLOCK_H_ @}*/
