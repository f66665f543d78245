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

#include "queue.h"

#include <stddef.h>
#include <sys/mman.h>

#include <threading/condvar.h>
#include <threading/mutex.h>

/** alignment of packets in memory */
#define ALIGNMENT 8

/** readers on different processors don't share one */
#define CACHE_LINE 64

/** memory that a lane takes at once, more than the largest packet */
#define BLOCK_SIZE (256 * 1024)

typedef struct private_nflog_queue_t private_nflog_queue_t;
typedef struct block_t block_t;
typedef struct lane_t lane_t;

/**
 * Part of the memory.
 */
struct block_t {

	/**
	 * Next block of the lane, or next free block, NULL for the last one.
	 */
	block_t *next;

	/**
	 * Bytes in data that the reader added.
	 */
	size_t added;

	/**
	 * Bytes in data that the writer may look at.
	 */
	size_t published;

	/**
	 * Bytes in data that the writer released.
	 */
	size_t released;

	/**
	 * Packets.
	 */
	uint8_t data[] __attribute__((aligned(ALIGNMENT)));
};

/**
 * Packets between one reader and the writer.
 */
struct lane_t {

	/**
	 * Block that the reader adds to, NULL if there was none yet.
	 */
	block_t *last;

	/**
	 * Oldest block, the writer's.
	 */
	block_t *first;

	/**
	 * Block with the last packet that the writer looks at, and its end in there,
	 * NULL if there was none yet.
	 */
	block_t *peeked;
	size_t peeked_end;

} __attribute__((aligned(CACHE_LINE)));

/**
 * Private data.
 */
struct private_nflog_queue_t {

	/**
	 * Public interface.
	 */
	nflog_queue_t public;

	/**
	 * Memory, and its size.
	 */
	uint8_t *memory;
	size_t size;

	/**
	 * Free blocks, that used last is the first, so that no more memory is touched
	 * than needed.
	 */
	block_t *free;

	/**
	 * Number of blocks, and of those that are free.
	 */
	u_int blocks, free_blocks;

	/**
	 * Lanes.
	 */
	lane_t *lanes;

	/**
	 * Number of lanes, one more than there are readers.
	 */
	u_int count;

	/**
	 * Bytes published that the writer did not peek at, and those it did not
	 * release.
	 */
	uint64_t fresh, waiting;

	/**
	 * How many bytes that the writer did not peek at have to be published until it
	 * wakes up.
	 */
	uint64_t wanted;

	/**
	 * TRUE to keep the writer from waiting for packets.
	 */
	bool awake;

	/**
	 * TRUE to keep the writer from gathering a batch.
	 */
	bool haste;

	/**
	 * Protects free blocks, how blocks follow each other in lanes and what is
	 * published of them, and all from fresh to haste.
	 */
	mutex_t *mutex;

	/**
	 * Signals that there is something to do for the writer.
	 */
	condvar_t *condvar;

	/**
	 * Returns how far the readers got, with its data, and the lock for both, which
	 * no reader takes.
	 */
	nflog_progress_t (*progress_cb)(void *data);
	void *progress_data;
	mutex_t *progress_mutex;

	/**
	 * Packets that the writer peeked at, the writer's.
	 */
	nflog_packet_t **packets;

	/**
	 * Number of packets that fit in packets.
	 */
	u_int capacity;
};

/**
 * Publish what was added to a block, mutex is locked.
 */
static void publish_block(private_nflog_queue_t *this, block_t *block)
{
	this->fresh += block->added - block->published;
	this->waiting += block->added - block->published;
	block->published = block->added;
}

/**
 * Take another block for a lane.
 */
static bool add_block(private_nflog_queue_t *this, lane_t *lane)
{
	block_t *block;

	this->mutex->lock(this->mutex);
	block = this->free;
	if (block)
	{
		this->free = block->next;
		this->free_blocks--;
		block->next = NULL;
		block->added = block->published = block->released = 0;
		if (lane->last)
		{	/* the packets in there are complete */
			publish_block(this, lane->last);
			lane->last->next = block;
		}
		else
		{
			lane->first = block;
		}
		lane->last = block;
	}
	this->mutex->unlock(this->mutex);
	return block != NULL;
}

METHOD(nflog_queue_t, add, nflog_packet_t*,
	private_nflog_queue_t *this, u_int number, size_t len)
{
	lane_t *lane = &this->lanes[number];
	nflog_packet_t *packet;
	size_t size;

	size = round_up(sizeof(*packet) + len, ALIGNMENT);
	if (size > BLOCK_SIZE - sizeof(block_t))
	{
		return NULL;
	}
	if ((!lane->last ||
		 size > BLOCK_SIZE - sizeof(block_t) - lane->last->added) &&
		!add_block(this, lane))
	{
		return NULL;
	}
	packet = (nflog_packet_t*)(lane->last->data + lane->last->added);
	packet->trace = NULL;
	packet->size = size;
	lane->last->added += size;
	return packet;
}

METHOD(nflog_queue_t, add_logged, void,
	private_nflog_queue_t *this, u_int lane, nflog_tap_t *tap,
	nflog_logged_t *logged)
{
	nflog_packet_t *packet;

	if (logged->fragment == FRAGMENT_FIRST)
	{
		nflog_counters_add(&tap->count->fragments);
		return;
	}
	if (logged->fragment == FRAGMENT_WHOLE)
	{
		nflog_counters_add(&tap->count->whole);
	}
	nflog_counters_add(&tap->count->received);
	packet = _add(this, lane, nflog_packet_len(logged, tap->link,
											   tap->prefix));
	if (!packet)
	{
		nflog_counters_add(&tap->count->overrun);
		return;
	}
	nflog_packet_build(packet, logged, tap->link, tap->prefix);
	packet->point = tap->point;
	packet->trace = tap->trace;
}

METHOD(nflog_queue_t, publish, void,
	private_nflog_queue_t *this, u_int number)
{
	lane_t *lane = &this->lanes[number];

	if (lane->last && lane->last->published != lane->last->added)
	{
		this->mutex->lock(this->mutex);
		publish_block(this, lane->last);
		if (this->fresh >= this->wanted)
		{
			this->condvar->signal(this->condvar);
		}
		this->mutex->unlock(this->mutex);
	}
}

METHOD(nflog_queue_t, get_lanes, u_int,
	private_nflog_queue_t *this)
{
	return this->count - 1;
}

METHOD(nflog_queue_t, set_progress_cb, void,
	private_nflog_queue_t *this,
	nflog_progress_t (*cb)(void *data), void *data)
{
	this->progress_mutex->lock(this->progress_mutex);
	this->progress_cb = cb;
	this->progress_data = data;
	this->progress_mutex->unlock(this->progress_mutex);
}

METHOD(nflog_queue_t, get_progress, nflog_progress_t,
	private_nflog_queue_t *this)
{
	nflog_progress_t progress = {
		.idle = TRUE,
	};

	this->progress_mutex->lock(this->progress_mutex);
	if (this->progress_cb)
	{
		progress = this->progress_cb(this->progress_data);
	}
	this->progress_mutex->unlock(this->progress_mutex);
	return progress;
}

/**
 * Get the time that is that many ms ahead.
 */
static timeval_t get_deadline(u_int ms)
{
	timeval_t deadline, add = {
		.tv_sec = ms / 1000,
		.tv_usec = ms % 1000 * 1000,
	};

	time_monotonic(&deadline);
	timeradd(&deadline, &add, &deadline);
	return deadline;
}

METHOD(nflog_queue_t, wait_, void,
	private_nflog_queue_t *this, u_int delay, size_t bytes,
	u_int timeout)
{
	timeval_t deadline = get_deadline(timeout);
	bool expired = FALSE;

	this->mutex->lock(this->mutex);
	/* any packet will do */
	this->wanted = 0;
	while (!this->awake && !this->waiting && !expired)
	{
		if (timeout)
		{
			expired = this->condvar->timed_wait_abs(this->condvar, this->mutex,
													deadline);
		}
		else
		{
			this->condvar->wait(this->condvar, this->mutex);
		}
	}
	deadline = get_deadline(delay);
	this->wanted = max(this->size / 8, min(this->size / 2, bytes));
	while (!this->haste && !expired && this->fresh < this->wanted)
	{
		expired = this->condvar->timed_wait_abs(this->condvar, this->mutex,
												deadline);
	}
	this->awake = this->haste = FALSE;
	this->mutex->unlock(this->mutex);
}

METHOD(nflog_queue_t, wake, void,
	private_nflog_queue_t *this, bool haste)
{
	this->mutex->lock(this->mutex);
	this->awake = TRUE;
	this->haste |= haste;
	this->condvar->signal(this->condvar);
	this->mutex->unlock(this->mutex);
}

/**
 * Get the packet at a position in a block, and go to the next.
 */
static nflog_packet_t *step(block_t *block, size_t *pos)
{
	nflog_packet_t *packet;

	packet = (nflog_packet_t*)(block->data + *pos);
	*pos += packet->size;
	return packet->trace ? packet : NULL;
}

/**
 * Get the end of what the writer looks at in a block of a lane, those up to
 * peeked are full.
 */
static size_t get_end(lane_t *lane, block_t *block)
{
	return block == lane->peeked ? lane->peeked_end : block->published;
}

/**
 * Append packets of a block to those that the writer peeks at.
 */
static u_int peek_block(private_nflog_queue_t *this, block_t *block,
						size_t end, u_int count)
{
	nflog_packet_t *packet;
	size_t pos = block->released;

	while (pos < end)
	{
		packet = step(block, &pos);
		if (packet)
		{
			if (count == this->capacity)
			{
				this->capacity = max(1024, this->capacity * 2);
				this->packets = realloc(this->packets,
									this->capacity * sizeof(*this->packets));
			}
			this->packets[count++] = packet;
		}
	}
	return count;
}

METHOD(nflog_queue_t, peek, u_int,
	private_nflog_queue_t *this, nflog_packet_t ***packets,
	u_int *used)
{
	u_int i, count = 0;
	block_t *block;
	lane_t *lane;

	this->mutex->lock(this->mutex);
	for (i = 0; i < this->count; i++)
	{
		lane = &this->lanes[i];
		lane->peeked = lane->last;
		lane->peeked_end = lane->last ? lane->last->published : 0;
	}
	this->fresh = 0;
	*used = (this->blocks - this->free_blocks) * 100 / this->blocks;
	this->mutex->unlock(this->mutex);

	for (i = 0; i < this->count; i++)
	{
		lane = &this->lanes[i];
		block = NULL;
		while (block != lane->peeked)
		{
			block = block ? block->next : lane->first;
			count = peek_block(this, block, get_end(lane, block), count);
		}
	}
	*packets = this->packets;
	return count;
}

/**
 * Release packets of a block.
 *
 * @return			TRUE if there are none left that the writer looks at
 */
static bool release_packets(private_nflog_queue_t *this, block_t *block,
							size_t end)
{
	size_t pos, next;

	pos = next = block->released;
	while (pos < end && !step(block, &next))
	{
		pos = next;
	}
	this->mutex->lock(this->mutex);
	this->waiting -= pos - block->released;
	block->released = pos;
	this->mutex->unlock(this->mutex);
	return pos == end;
}

METHOD(nflog_queue_t, release, void,
	private_nflog_queue_t *this)
{
	block_t *block;
	lane_t *lane;
	u_int i;

	for (i = 0; i < this->count; i++)
	{
		lane = &this->lanes[i];
		while (lane->peeked &&
			   release_packets(this, lane->first, get_end(lane, lane->first)) &&
			   lane->first != lane->peeked)
		{
			block = lane->first;
			this->mutex->lock(this->mutex);
			lane->first = block->next;
			block->next = this->free;
			this->free = block;
			this->free_blocks++;
			this->mutex->unlock(this->mutex);
		}
	}
}

METHOD(nflog_queue_t, destroy, void,
	private_nflog_queue_t *this)
{
	munmap(this->memory, this->size);
	this->progress_mutex->destroy(this->progress_mutex);
	this->condvar->destroy(this->condvar);
	this->mutex->destroy(this->mutex);
	free_align(this->lanes);
	free(this->packets);
	free(this);
}

/*
 * Described in header
 */
nflog_queue_t *nflog_queue_create(u_int lanes, size_t size)
{
	private_nflog_queue_t *this;
	block_t *block;
	void *memory;

	/* each lane keeps the block that it adds to */
	size = max(round_up(size, BLOCK_SIZE), 2 * lanes * BLOCK_SIZE);
	memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (memory == MAP_FAILED)
	{
		return NULL;
	}

	INIT(this,
		.public = {
			.add = _add,
			.add_logged = _add_logged,
			.publish = _publish,
			.get_lanes = _get_lanes,
			.set_progress_cb = _set_progress_cb,
			.get_progress = _get_progress,
			.wait = _wait_,
			.wake = _wake,
			.peek = _peek,
			.release = _release,
			.destroy = _destroy,
		},
		.memory = memory,
		.size = size,
		.lanes = malloc_align((lanes + 1) * sizeof(lane_t), CACHE_LINE),
		.count = lanes + 1,
		.mutex = mutex_create(MUTEX_TYPE_DEFAULT),
		.condvar = condvar_create(CONDVAR_TYPE_DEFAULT),
		.progress_mutex = mutex_create(MUTEX_TYPE_DEFAULT),
	);
	memset(this->lanes, 0, this->count * sizeof(lane_t));
	while (size)
	{
		size -= BLOCK_SIZE;
		block = (block_t*)(this->memory + size);
		block->next = this->free;
		this->free = block;
		this->blocks++;
	}
	this->free_blocks = this->blocks;
	return &this->public;
}
