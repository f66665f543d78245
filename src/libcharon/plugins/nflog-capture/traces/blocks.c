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

#include "blocks.h"

#include <sys/mman.h>

#include <threading/mutex.h>

typedef struct private_nflog_blocks_t private_nflog_blocks_t;

/**
 * Private data.
 */
struct private_nflog_blocks_t {

	/**
	 * Public interface.
	 */
	nflog_blocks_t public;

	/**
	 * Memory of all blocks.
	 */
	uint8_t *memory;

	/**
	 * Number of all blocks, and of free ones.
	 */
	u_int count, free_count;

	/**
	 * Free blocks.  The last one returned is taken first, so no more memory is touched than
	 * needed.
	 */
	nflog_block_t *free;

	/**
	 * Guards free and free_count.
	 */
	mutex_t *mutex;
};

METHOD(nflog_blocks_t, get, nflog_block_t*,
	private_nflog_blocks_t *this)
{
	nflog_block_t *block;

	this->mutex->lock(this->mutex);
	block = this->free;
	if (block)
	{
		this->free = block->next;
		this->free_count--;
	}
	this->mutex->unlock(this->mutex);
	if (block)
	{
		block->next = NULL;
		nflog_block_clear(block);
	}
	return block;
}

METHOD(nflog_blocks_t, put, void,
	private_nflog_blocks_t *this, nflog_block_t *block)
{
	this->mutex->lock(this->mutex);
	block->next = this->free;
	this->free = block;
	this->free_count++;
	this->mutex->unlock(this->mutex);
}

METHOD(nflog_blocks_t, get_used, u_int,
	private_nflog_blocks_t *this)
{
	u_int used;

	this->mutex->lock(this->mutex);
	used = (this->count - this->free_count) * 100 / this->count;
	this->mutex->unlock(this->mutex);
	return used;
}

METHOD(nflog_blocks_t, destroy, void,
	private_nflog_blocks_t *this)
{
	munmap(this->memory, (size_t)this->count * NFLOG_BLOCK_SIZE);
	this->mutex->destroy(this->mutex);
	free(this);
}

/*
 * Described in header
 */
nflog_blocks_t *nflog_blocks_create(u_int count)
{
	private_nflog_blocks_t *this;
	void *memory;
	u_int i;

	memory = mmap(NULL, (size_t)count * NFLOG_BLOCK_SIZE, PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (memory == MAP_FAILED)
	{
		return NULL;
	}
	INIT(this,
		.public = {
			.get = _get,
			.put = _put,
			.get_used = _get_used,
			.destroy = _destroy,
		},
		.memory = memory,
		.count = count,
		.mutex = mutex_create(MUTEX_TYPE_DEFAULT),
	);
	for (i = count; i > 0; i--)
	{
		put(this, (nflog_block_t*)(this->memory + (size_t)(i - 1) * NFLOG_BLOCK_SIZE));
	}
	return &this->public;
}
