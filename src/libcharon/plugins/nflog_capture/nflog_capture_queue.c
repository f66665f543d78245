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

#include "nflog_capture_queue.h"

#include <stddef.h>
#include <sys/mman.h>

#include <threading/condvar.h>
#include <threading/mutex.h>

/** alignment of packets in memory */
#define ALIGNMENT 8

typedef struct private_nflog_capture_queue_t private_nflog_capture_queue_t;

/**
 * Private data.
 */
struct private_nflog_capture_queue_t {

	/**
	 * Public interface.
	 */
	nflog_capture_queue_t public;

	/**
	 * Memory, used as a ring.
	 */
	uint8_t *memory;

	/**
	 * Size of memory.
	 */
	size_t size;

	/**
	 * Bytes ever added, the reader's.
	 */
	uint64_t head;

	/**
	 * The reader's copy of tail, updated if there seems to be no space.
	 */
	uint64_t free_up_to;

	/**
	 * How far the reader got.
	 */
	nflog_capture_progress_t progress;

	/**
	 * Bytes ever published.
	 */
	uint64_t published;

	/**
	 * Bytes ever released.
	 */
	uint64_t tail;

	/**
	 * End of what the writer peeked at, the writer's.
	 */
	uint64_t peeked;

	/**
	 * Packets that the writer peeked at, the writer's.
	 */
	nflog_capture_packet_t **packets;

	/**
	 * Number of packets that fit in packets.
	 */
	u_int capacity;

	/**
	 * How many bytes have to be published until the writer wakes up.
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
	 * Protects progress, published, tail, wanted, awake, and haste.
	 */
	mutex_t *mutex;

	/**
	 * Signals that there is something to do for the writer.
	 */
	condvar_t *condvar;
};

/**
 * Get the packet at a position.
 */
static nflog_capture_packet_t *at(private_nflog_capture_queue_t *this,
								  uint64_t pos)
{
	return (nflog_capture_packet_t*)(this->memory + pos % this->size);
}

/**
 * Check if the reader has space for the given number of bytes.
 */
static bool has_space(private_nflog_capture_queue_t *this, size_t len)
{
	if (this->head + len <= this->free_up_to + this->size)
	{
		return TRUE;
	}
	this->mutex->lock(this->mutex);
	this->free_up_to = this->tail;
	this->mutex->unlock(this->mutex);
	return this->head + len <= this->free_up_to + this->size;
}

METHOD(nflog_capture_queue_t, add, nflog_capture_packet_t*,
	private_nflog_capture_queue_t *this, size_t len)
{
	nflog_capture_packet_t *packet;
	size_t size, rest, fill = 0;

	size = round_up(sizeof(*packet) + len, ALIGNMENT);
	rest = this->size - this->head % this->size;
	if (rest < size)
	{	/* packets are contiguous, skip the rest of the memory */
		fill = rest;
	}
	if (!has_space(this, fill + size))
	{
		return NULL;
	}
	if (fill)
	{
		/* the rest may be too small for more than the first members, and both
		 * of them are looked at */
		packet = at(this, this->head);
		if (fill >= sizeof(*packet))
		{
			packet->trace = NULL;
			packet->size = fill;
		}
		this->head += fill;
	}
	packet = at(this, this->head);
	packet->trace = NULL;
	packet->size = size;
	this->head += size;
	return packet;
}

METHOD(nflog_capture_queue_t, add_logged, void,
	private_nflog_capture_queue_t *this, nflog_capture_trace_t *trace,
	nflog_capture_point_t point, char *prefix, nflog_capture_logged_t *logged)
{
	nflog_capture_link_t link = trace->get_link(trace);
	nflog_capture_count_t *count = trace->get_count(trace, point);
	nflog_capture_packet_t *packet;

	count->received++;
	packet = _add(this, nflog_capture_packet_len(logged, link, prefix));
	if (!packet)
	{
		count->overrun++;
		return;
	}
	nflog_capture_packet_build(packet, logged, link, prefix);
	packet->point = point;
	packet->trace = trace;
}

METHOD(nflog_capture_queue_t, publish, void,
	private_nflog_capture_queue_t *this)
{
	this->mutex->lock(this->mutex);
	if (this->published != this->head)
	{
		this->published = this->head;
		if (this->published >= this->wanted)
		{
			this->condvar->signal(this->condvar);
		}
	}
	this->mutex->unlock(this->mutex);
}

/**
 * Bytes that wait to be written, mutex is locked.
 */
static uint64_t waiting(private_nflog_capture_queue_t *this)
{
	return this->published - this->tail;
}

METHOD(nflog_capture_queue_t, wait_, void,
	private_nflog_capture_queue_t *this, u_int delay, size_t bytes)
{
	timeval_t deadline, add = {
		.tv_sec = delay / 1000,
		.tv_usec = delay % 1000 * 1000,
	};
	bool timeout = FALSE;

	this->mutex->lock(this->mutex);
	/* any packet will do */
	this->wanted = 0;
	while (!this->awake && !waiting(this))
	{
		this->condvar->wait(this->condvar, this->mutex);
	}
	time_monotonic(&deadline);
	timeradd(&deadline, &add, &deadline);
	this->wanted = this->peeked + max(this->size / 8, min(this->size / 2, bytes));
	while (!this->haste && !timeout && this->published < this->wanted)
	{
		timeout = this->condvar->timed_wait_abs(this->condvar, this->mutex,
												deadline);
	}
	this->awake = this->haste = FALSE;
	this->mutex->unlock(this->mutex);
}

METHOD(nflog_capture_queue_t, wake, void,
	private_nflog_capture_queue_t *this, bool haste)
{
	this->mutex->lock(this->mutex);
	this->awake = TRUE;
	this->haste |= haste;
	this->condvar->signal(this->condvar);
	this->mutex->unlock(this->mutex);
}

/**
 * Get the packet at a position that the writer looks at, and go to the next.
 */
static nflog_capture_packet_t *step(private_nflog_capture_queue_t *this,
									uint64_t *pos)
{
	nflog_capture_packet_t *packet;
	size_t rest;

	rest = this->size - *pos % this->size;
	if (rest < sizeof(*packet))
	{
		*pos += rest;
		return NULL;
	}
	packet = at(this, *pos);
	*pos += packet->size;
	return packet->trace ? packet : NULL;
}

METHOD(nflog_capture_queue_t, set_progress, void,
	private_nflog_capture_queue_t *this, nflog_capture_progress_t progress)
{
	this->mutex->lock(this->mutex);
	this->progress = progress;
	this->mutex->unlock(this->mutex);
}

METHOD(nflog_capture_queue_t, get_progress, nflog_capture_progress_t,
	private_nflog_capture_queue_t *this)
{
	nflog_capture_progress_t progress;

	this->mutex->lock(this->mutex);
	progress = this->progress;
	this->mutex->unlock(this->mutex);
	return progress;
}

METHOD(nflog_capture_queue_t, peek, u_int,
	private_nflog_capture_queue_t *this, nflog_capture_packet_t ***packets,
	u_int *used)
{
	nflog_capture_packet_t *packet;
	uint64_t pos;
	u_int count = 0;

	this->mutex->lock(this->mutex);
	pos = this->tail;
	this->peeked = this->published;
	this->mutex->unlock(this->mutex);

	*used = (this->peeked - pos) * 100 / this->size;
	while (pos < this->peeked)
	{
		packet = step(this, &pos);
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
	*packets = this->packets;
	return count;
}

METHOD(nflog_capture_queue_t, release, void,
	private_nflog_capture_queue_t *this)
{
	uint64_t pos, next;

	/* only the writer changes tail, so there is no need to lock to read it */
	pos = next = this->tail;
	while (pos < this->peeked && !step(this, &next))
	{
		pos = next;
	}
	this->mutex->lock(this->mutex);
	this->tail = pos;
	this->mutex->unlock(this->mutex);
}

METHOD(nflog_capture_queue_t, destroy, void,
	private_nflog_capture_queue_t *this)
{
	this->condvar->destroy(this->condvar);
	this->mutex->destroy(this->mutex);
	munmap(this->memory, this->size);
	free(this->packets);
	free(this);
}

/*
 * Described in header
 */
nflog_capture_queue_t *nflog_capture_queue_create(size_t size)
{
	private_nflog_capture_queue_t *this;
	void *memory;

	size = round_up(size, ALIGNMENT);
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
			.set_progress = _set_progress,
			.get_progress = _get_progress,
			.wait = _wait_,
			.wake = _wake,
			.peek = _peek,
			.release = _release,
			.destroy = _destroy,
		},
		.memory = memory,
		.size = size,
		.mutex = mutex_create(MUTEX_TYPE_DEFAULT),
		.condvar = condvar_create(CONDVAR_TYPE_DEFAULT),
	);
	return &this->public;
}
