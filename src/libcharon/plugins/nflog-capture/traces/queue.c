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
#include "blocks.h"

#include <threading/condvar.h>
#include <threading/mutex.h>

/** packets added of one message, at most, the kernel's threshold is lower */
#define MAX_ADDED 256

/** lanes without reader: for packets that were kept, and for those that were dropped */
#define OTHER_LANES 2

/** memory in use from which on the writer does not wait for more packets, in percent */
#define HASTE_USED 75

typedef struct private_nflog_queue_t private_nflog_queue_t;
typedef struct part_t part_t;

/**
 * Blocks of packets between one reader and the writer.
 *
 * Each lane has two parts: one for received messages, and one for records that don't fit in
 * there, or come from elsewhere.
 */
struct part_t {

	/**
	 * Block that the reader adds to, the reader's, NULL if there was none yet.
	 */
	nflog_block_t *last;

	/**
	 * End of the memory to receive messages, the reader's, NULL if there is none.
	 */
	uint8_t *space_end;

	/**
	 * Bytes of records that were not published yet, the reader's.
	 */
	size_t fresh;

	/**
	 * Oldest block, the writer's.
	 */
	nflog_block_t *first;

	/**
	 * Block with the last packet that the writer peeked at, and the number of packets in it
	 * up to that one, NULL if there was none yet.
	 */
	nflog_block_t *peeked;
	u_int peeked_end;

} __attribute__((aligned(NFLOG_CACHE_LINE)));

/**
 * Private data.
 */
struct private_nflog_queue_t {

	/**
	 * Public interface.
	 */
	nflog_queue_t public;

	/**
	 * Memory of all parts.
	 */
	nflog_blocks_t *blocks;

	/**
	 * Parts of all lanes: first those for received messages, then the others.
	 */
	part_t *parts;

	/**
	 * Number of lanes, including those without reader.
	 */
	u_int count;

	/**
	 * Bytes of published records that the writer did not peek at yet.
	 */
	uint64_t fresh;

	/**
	 * Published packets that the writer did not release yet.
	 */
	u_int waiting;

	/**
	 * Bytes of published records that wake up the writer, not counting those that it
	 * peeked at.
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
	 * Guards the lists of blocks in parts, what is published and released of blocks, and
	 * all from fresh to haste.
	 */
	mutex_t *mutex;

	/**
	 * Signals that the writer has something to do.
	 */
	condvar_t *condvar;

	/**
	 * Array of packets that the writer peeked at, the writer's.
	 */
	nflog_packet_t **packets;

	/**
	 * Number of packets that fit in the array.
	 */
	u_int capacity;
};

/**
 * Get a part of a lane: for received messages, or for other records.
 */
static inline part_t *get_part(private_nflog_queue_t *this, u_int lane, bool received)
{
	return &this->parts[received ? lane : this->count + lane];
}

/**
 * Publish what was added to the last block of a part, the mutex is locked.
 */
static void publish_part(private_nflog_queue_t *this, part_t *part)
{
	this->fresh += part->fresh;
	this->waiting += part->last->added - part->last->published;
	part->last->published = part->last->added;
	part->fresh = 0;
}

/**
 * Take another block for a part, and hurry the writer if there are few left.
 */
static bool add_block(private_nflog_queue_t *this, part_t *part)
{
	nflog_block_t *block;

	block = this->blocks->get(this->blocks);
	this->mutex->lock(this->mutex);
	if (block && part->last)
	{	/* the packets in the previous block are complete */
		publish_part(this, part);
		part->last->next = block;
	}
	else if (block)
	{
		part->first = block;
	}
	part->last = block ?: part->last;
	if (this->blocks->get_used(this->blocks) >= HASTE_USED)
	{
		this->haste = TRUE;
		this->condvar->signal(this->condvar);
	}
	this->mutex->unlock(this->mutex);
	return block != NULL;
}

/**
 * Ensure space in the last block of a part.
 *
 * Memory that the writer released is reused at once, as it is in the processor's caches.
 */
static bool ensure_space(private_nflog_queue_t *this, part_t *part, size_t bytes,
						 u_int packets)
{
	nflog_block_t *block = part->last;

	if (block && block->added)
	{
		this->mutex->lock(this->mutex);
		if (block->released == block->added)
		{
			nflog_block_clear(block);
		}
		this->mutex->unlock(this->mutex);
	}
	return (block && nflog_block_has_space(block, bytes, packets)) || add_block(this, part);
}

METHOD(nflog_queue_t, get_space, uint8_t*,
	private_nflog_queue_t *this, u_int lane)
{
	part_t *part = get_part(this, lane, TRUE);
	uint8_t *space = NULL;

	part->space_end = NULL;
	if (ensure_space(this, part, NFLOG_QUEUE_SPACE, MAX_ADDED))
	{
		space = part->last->data + part->last->used;
		part->space_end = space + NFLOG_QUEUE_SPACE;
	}
	return space;
}

/**
 * Add a packet to the last block of a part, which has space.
 */
static nflog_packet_t *add_packet(part_t *part)
{
	nflog_packet_t *packet = nflog_block_get(part->last, part->last->added++);

	packet->trace = NULL;
	return packet;
}

METHOD(nflog_queue_t, add, nflog_packet_t*,
	private_nflog_queue_t *this, u_int lane, size_t len)
{
	part_t *part = get_part(this, lane, FALSE);
	nflog_packet_t *packet;

	len = round_up(len, sizeof(uint64_t));
	if (len > NFLOG_BLOCK_SIZE / 2 || !ensure_space(this, part, len, 1))
	{
		return NULL;
	}
	packet = add_packet(part);
	packet->record = (nflog_record_t*)(part->last->data + part->last->used);
	part->last->used += len;
	part->fresh += len;
	return packet;
}

/**
 * Add a packet where it was received, returns NULL if that is not possible.
 *
 * @param needed	bytes that the record needs before the IP packet
 */
static nflog_packet_t *add_in_place(private_nflog_queue_t *this, u_int lane,
									nflog_tap_t *tap, nflog_logged_t *logged,
									size_t needed)
{
	struct nlattr *attr = logged->attrs[NFULA_PAYLOAD];
	part_t *part = get_part(this, lane, TRUE);
	uint8_t *payload = (uint8_t*)attr + NLA_HDRLEN;
	nflog_packet_t *packet;
	size_t header = payload - logged->start;

	if (!part->space_end || logged->start >= part->space_end ||
		logged->start < part->last->data + part->last->used ||
		payload < logged->start || payload >= part->space_end ||
		header < needed || header > NFLOG_HEADER_SIZE ||
		(uint8_t*)nflog_block_get(part->last, part->last->added) < part->space_end)
	{
		return NULL;
	}
	if (tap->link == LINK_RAW)
	{	/* padding goes to the prefix, so no other attribute grows */
		header = needed;
	}
	packet = add_packet(part);
	part->last->used = (uint8_t*)attr + NLA_ALIGN(attr->nla_len) - part->last->data;
	nflog_packet_build(packet, logged, tap->link, tap->prefix, payload - header, header);
	part->fresh += sizeof(nflog_record_t) + packet->caplen;
	return packet;
}

/**
 * Add a copy of a packet.
 */
static nflog_packet_t *add_copy(private_nflog_queue_t *this, u_int lane, nflog_tap_t *tap,
								nflog_logged_t *logged, size_t needed)
{
	size_t len = NLA_ALIGN(logged->attrs[NFULA_PAYLOAD]->nla_len);
	nflog_packet_t *packet;

	packet = _add(this, lane, needed + len);
	if (packet)
	{
		nflog_packet_build(packet, logged, tap->link, tap->prefix, packet->record, needed);
	}
	return packet;
}

METHOD(nflog_queue_t, add_logged, void,
	private_nflog_queue_t *this, u_int lane, nflog_tap_t *tap,
	nflog_logged_t *logged)
{
	nflog_packet_t *packet;
	size_t needed;

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
	needed = nflog_packet_header_len(logged, tap->link, tap->prefix);
	packet = add_in_place(this, lane, tap, logged, needed) ?:
			 add_copy(this, lane, tap, logged, needed);
	if (!packet)
	{
		nflog_counters_add(&tap->count->overrun);
		return;
	}
	packet->point = tap->point;
	packet->trace = tap->trace;
}

METHOD(nflog_queue_t, publish, void,
	private_nflog_queue_t *this, u_int lane)
{
	part_t *parts[] = {
		get_part(this, lane, TRUE),
		get_part(this, lane, FALSE),
	};
	int i;

	for (i = 0; i < countof(parts); i++)
	{
		if (parts[i]->fresh)
		{
			this->mutex->lock(this->mutex);
			publish_part(this, parts[i]);
			if (this->fresh >= this->wanted)
			{
				this->condvar->signal(this->condvar);
			}
			this->mutex->unlock(this->mutex);
		}
	}
}

METHOD(nflog_queue_t, get_lanes, u_int,
	private_nflog_queue_t *this)
{
	return this->count - OTHER_LANES;
}

/**
 * Get the time in that many ms.
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

METHOD(nflog_queue_t, wait_, bool,
	private_nflog_queue_t *this, u_int delay, size_t bytes,
	u_int timeout)
{
	timeval_t deadline = get_deadline(timeout);
	bool expired = FALSE, is_batch;

	this->mutex->lock(this->mutex);
	/* any packet wakes up the writer */
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
	this->wanted = max(NFLOG_QUEUE_BATCH, bytes);
	while (!this->haste && !expired && this->fresh < this->wanted)
	{
		expired = this->condvar->timed_wait_abs(this->condvar, this->mutex,
												deadline);
	}
	is_batch = this->haste || this->fresh >= this->wanted;
	this->awake = this->haste = FALSE;
	this->mutex->unlock(this->mutex);
	return is_batch;
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
 * Add packets of a block to the array that the writer peeks at.
 */
static u_int peek_block(private_nflog_queue_t *this, nflog_block_t *block, u_int end,
						u_int count)
{
	nflog_packet_t *packet;
	u_int i;

	for (i = block->released; i < end; i++)
	{
		packet = nflog_block_get(block, i);
		if (packet->trace)
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

/**
 * Get the number of packets in a block that the writer peeked at: all published ones,
 * but up to peeked_end in the last block that it peeked at.
 */
static u_int get_end(part_t *part, nflog_block_t *block)
{
	return block == part->peeked ? part->peeked_end : block->published;
}

/**
 * Check if the writer may peek at packets of a part, the mutex is locked.  Otherwise the
 * reader may reuse its block at any time.
 */
static bool has_packets(part_t *part)
{
	return part->last &&
		   (part->first != part->last || part->last->released < part->last->published);
}

METHOD(nflog_queue_t, peek, u_int,
	private_nflog_queue_t *this, nflog_packet_t ***packets,
	u_int *used)
{
	u_int i, count = 0;
	nflog_block_t *block;
	part_t *part;

	this->mutex->lock(this->mutex);
	for (i = 0; i < 2 * this->count; i++)
	{
		part = &this->parts[i];
		part->peeked = has_packets(part) ? part->last : NULL;
		part->peeked_end = part->peeked ? part->peeked->published : 0;
	}
	this->fresh = 0;
	this->mutex->unlock(this->mutex);
	*used = this->blocks->get_used(this->blocks);

	for (i = 0; i < 2 * this->count; i++)
	{
		part = &this->parts[i];
		block = NULL;
		while (block != part->peeked)
		{
			block = block ? block->next : part->first;
			count = peek_block(this, block, get_end(part, block), count);
		}
	}
	*packets = this->packets;
	return count;
}

/**
 * Release packets of a block.
 *
 * @return			TRUE if the writer peeks at none of them anymore
 */
static bool release_packets(private_nflog_queue_t *this, nflog_block_t *block, u_int end)
{
	u_int i = block->released;

	while (i < end && !nflog_block_get(block, i)->trace)
	{
		i++;
	}
	this->mutex->lock(this->mutex);
	this->waiting -= i - block->released;
	block->released = i;
	this->mutex->unlock(this->mutex);
	return i == end;
}

METHOD(nflog_queue_t, release, void,
	private_nflog_queue_t *this)
{
	nflog_block_t *block;
	part_t *part;
	u_int i;

	for (i = 0; i < 2 * this->count; i++)
	{
		part = &this->parts[i];
		while (part->peeked &&
			   release_packets(this, part->first, get_end(part, part->first)))
		{
			if (part->first == part->peeked)
			{	/* the reader may reuse it at once */
				part->peeked = NULL;
				break;
			}
			block = part->first;
			this->mutex->lock(this->mutex);
			part->first = block->next;
			this->mutex->unlock(this->mutex);
			this->blocks->put(this->blocks, block);
		}
	}
}

METHOD(nflog_queue_t, destroy, void,
	private_nflog_queue_t *this)
{
	this->blocks->destroy(this->blocks);
	this->condvar->destroy(this->condvar);
	this->mutex->destroy(this->mutex);
	free_align(this->parts);
	free(this->packets);
	free(this);
}

/*
 * Described in header
 */
nflog_queue_t *nflog_queue_create(u_int lanes, size_t size)
{
	private_nflog_queue_t *this;
	nflog_blocks_t *blocks;
	u_int count;

	/* each part may hold a block that it adds to */
	lanes += OTHER_LANES;
	count = max((size + NFLOG_BLOCK_SIZE - 1) / NFLOG_BLOCK_SIZE, 2 * lanes);
	blocks = nflog_blocks_create(count);
	if (!blocks)
	{
		return NULL;
	}
	INIT(this,
		.public = {
			.get_space = _get_space,
			.add = _add,
			.add_logged = _add_logged,
			.publish = _publish,
			.get_lanes = _get_lanes,
			.wait = _wait_,
			.wake = _wake,
			.peek = _peek,
			.release = _release,
			.destroy = _destroy,
		},
		.blocks = blocks,
		.parts = malloc_align(2 * lanes * sizeof(part_t), NFLOG_CACHE_LINE),
		.count = lanes,
		.mutex = mutex_create(MUTEX_TYPE_DEFAULT),
		.condvar = condvar_create(CONDVAR_TYPE_DEFAULT),
	);
	memset(this->parts, 0, 2 * lanes * sizeof(part_t));
	return &this->public;
}
