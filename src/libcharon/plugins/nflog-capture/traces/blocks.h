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
 * @defgroup nflog_blocks nflog_blocks
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_BLOCKS_H_
#define NFLOG_BLOCKS_H_

typedef struct nflog_block_t nflog_block_t;
typedef struct nflog_blocks_t nflog_blocks_t;

#include "packet.h"

/** bytes of a block */
#define NFLOG_BLOCK_SIZE (1024 * 1024)

/** processors share memory in units of this many bytes */
#define NFLOG_CACHE_LINE 64

/**
 * Memory for packets: their records, and from its end downwards what describes them.
 */
struct nflog_block_t {
	/** next block of an owner's list, NULL for the last one */
	nflog_block_t *next;
	/** bytes of records in data */
	size_t used;
	/** packets that the reader added */
	u_int added;
	/** packets that the writer may look at, and those that it released */
	u_int published, released;
	/** records */
	uint8_t data[] __attribute__((aligned(NFLOG_CACHE_LINE)));
};

/**
 * Get a packet of a block.
 *
 * @param block		block
 * @param i			number of the packet, in the order in which they were added
 * @return			packet
 */
static inline nflog_packet_t *nflog_block_get(nflog_block_t *block, u_int i)
{
	return (nflog_packet_t*)((uint8_t*)block + NFLOG_BLOCK_SIZE) - 1 - i;
}

/**
 * Check if there is space in a block.
 *
 * @param block		block
 * @param bytes		bytes of records to add
 * @param packets	number of packets to add, at least one
 * @return			TRUE if there is
 */
static inline bool nflog_block_has_space(nflog_block_t *block, size_t bytes,
										 u_int packets)
{
	uint8_t *end = (uint8_t*)nflog_block_get(block, block->added + packets - 1);

	return block->data + block->used + bytes <= end;
}

/**
 * Empty a block.
 *
 * @param block		block
 */
static inline void nflog_block_clear(nflog_block_t *block)
{
	block->used = 0;
	block->added = block->published = block->released = 0;
}

/**
 * Bounded number of blocks, thread-safe.
 */
struct nflog_blocks_t {

	/**
	 * Get an empty block.
	 *
	 * @return			block, NULL if all are in use
	 */
	nflog_block_t *(*get)(nflog_blocks_t *this);

	/**
	 * Give a block back.
	 *
	 * @param block		block
	 */
	void (*put)(nflog_blocks_t *this, nflog_block_t *block);

	/**
	 * Get how much of the memory is in use.
	 *
	 * @return			percent
	 */
	u_int (*get_used)(nflog_blocks_t *this);

	/**
	 * Destroy a nflog_blocks_t, with all blocks.
	 */
	void (*destroy)(nflog_blocks_t *this);
};

/**
 * Create a nflog_blocks_t instance.
 *
 * @param count		number of blocks, memory is taken from the system as it is used
 * @return			NULL if there is no memory
 */
nflog_blocks_t *nflog_blocks_create(u_int count);

#endif /** NFLOG_BLOCKS_H_ @}*/
