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

/** size of a block, in bytes */
#define NFLOG_BLOCK_SIZE (1024 * 1024)

/** size of a cache line, in bytes: the unit in which processors share memory */
#define NFLOG_CACHE_LINE 64

/**
 * Memory for packets: records, and from the end of the block downwards the entries that
 * describe them (nflog_packet_t).
 *
 * The reader that owns the block adds to it, the queue's mutex guards the other fields.
 */
struct nflog_block_t {
	/** next block in the list of the owner, NULL for the last one */
	nflog_block_t *next;
	/** bytes of records in data, the reader's */
	size_t used;
	/** packets added, the reader's */
	u_int added;
	/** packets published to the writer, and packets that it released, from the first on */
	u_int published, released;
	/** records */
	uint8_t data[] __attribute__((aligned(NFLOG_CACHE_LINE)));
};

/**
 * Get an entry of a block.
 *
 * @param block		block
 * @param i			number of the packet, in the order of addition
 * @return			entry
 */
static inline nflog_packet_t *nflog_block_get(nflog_block_t *block, u_int i)
{
	return (nflog_packet_t*)((uint8_t*)block + NFLOG_BLOCK_SIZE) - 1 - i;
}

/**
 * Check if a block has space.
 *
 * @param block		block
 * @param bytes		bytes of records to add
 * @param packets	number of entries to add, at least one
 * @return			TRUE if they fit
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
 * Bounded pool of blocks.  All methods but destroy() are thread-safe.
 */
struct nflog_blocks_t {

	/**
	 * Take an empty block.
	 *
	 * @return			block, owned by the caller until put(), NULL if all are in use
	 */
	nflog_block_t *(*get)(nflog_blocks_t *this);

	/**
	 * Return a block.
	 *
	 * @param block		block
	 */
	void (*put)(nflog_blocks_t *this, nflog_block_t *block);

	/**
	 * Get the share of blocks in use.
	 *
	 * @return			share, in percent
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
 * @param count		number of blocks, the system provides the memory as it is used
 * @return			pool, NULL if there is no memory
 */
nflog_blocks_t *nflog_blocks_create(u_int count);

#endif /** NFLOG_BLOCKS_H_ @}*/
