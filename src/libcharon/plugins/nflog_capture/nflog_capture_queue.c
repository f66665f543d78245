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

/** readers on different processors don't share one */
#define CACHE_LINE 64

typedef struct private_nflog_capture_queue_t private_nflog_capture_queue_t;
typedef struct lane_t lane_t;

/**
 * Memory between one reader and the writer.
 */
struct lane_t {

	/**
	 * Memory, used as a ring.
	 */
	uint8_t *memory;

	/**
	 * Bytes ever added, the reader's.
	 */
	uint64_t head;

	/**
	 * The reader's copy of tail, updated if there seems to be no space.
	 */
	uint64_t free_up_to;

	/**
	 * Bytes ever published.
	 */
	uint64_t published;

	/**
	 * Bytes ever released.
	 */
	uint64_t tail;

	/**
	 * End of what the writer peeked at.
	 */
	uint64_t peeked;

} __attribute__((aligned(CACHE_LINE)));

/**
 * Private data.
 */
struct private_nflog_capture_queue_t {

	/**
	 * Public interface.
	 */
	nflog_capture_queue_t public;

	/**
	 * Lanes.
	 */
	lane_t *lanes;

	/**
	 * Number of lanes.
	 */
	u_int count;

	/**
	 * Size of the memory of each.
	 */
	size_t size;

	/**
	 * Tells how far the readers got, with its data, and the lock for both, which
	 * no reader takes.
	 */
	nflog_capture_progress_t (*progress_cb)(void *data);
	void *progress_data;
	mutex_t *progress_mutex;

	/**
	 * Packets that the writer peeked at, the writer's.
	 */
	nflog_capture_packet_t **packets;

	/**
	 * Number of packets that fit in packets.
	 */
	u_int capacity;

	/**
	 * How many bytes that the writer did not peek at have to be published in a
	 * lane until it wakes up.
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
	 * Protects published, tail and peeked of all lanes, wanted, awake, and
	 * haste.
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
								  lane_t *lane, uint64_t pos)
{
	return (nflog_capture_packet_t*)(lane->memory + pos % this->size);
}

/**
 * Check if the reader has space for the given number of bytes.
 */
static bool has_space(private_nflog_capture_queue_t *this, lane_t *lane,
					  size_t len)
{
	if (lane->head + len <= lane->free_up_to + this->size)
	{
		return TRUE;
	}
	this->mutex->lock(this->mutex);
	lane->free_up_to = lane->tail;
	this->mutex->unlock(this->mutex);
	return lane->head + len <= lane->free_up_to + this->size;
}

METHOD(nflog_capture_queue_t, add, nflog_capture_packet_t*,
	private_nflog_capture_queue_t *this, u_int number, size_t len)
{
	lane_t *lane = &this->lanes[number];
	nflog_capture_packet_t *packet;
	size_t size, rest, fill = 0;

	size = round_up(sizeof(*packet) + len, ALIGNMENT);
	rest = this->size - lane->head % this->size;
	if (rest < size)
	{	/* packets are contiguous, skip the rest of the memory */
		fill = rest;
	}
	if (!has_space(this, lane, fill + size))
	{
		return NULL;
	}
	if (fill)
	{
		/* the rest may be too small for more than the first members, and both
		 * of them are looked at */
		packet = at(this, lane, lane->head);
		if (fill >= sizeof(*packet))
		{
			packet->trace = NULL;
			packet->size = fill;
		}
		lane->head += fill;
	}
	packet = at(this, lane, lane->head);
	packet->trace = NULL;
	packet->size = size;
	lane->head += size;
	return packet;
}

METHOD(nflog_capture_queue_t, add_logged, void,
	private_nflog_capture_queue_t *this, u_int lane,
	nflog_capture_trace_t *trace, nflog_capture_point_t point, char *prefix,
	nflog_capture_logged_t *logged)
{
	nflog_capture_link_t link = trace->get_link(trace);
	nflog_capture_count_t *count = trace->get_count(trace, point);
	nflog_capture_packet_t *packet;

	nflog_capture_count_add(&count->received);
	packet = _add(this, lane, nflog_capture_packet_len(logged, link, prefix));
	if (!packet)
	{
		nflog_capture_count_add(&count->overrun);
		return;
	}
	nflog_capture_packet_build(packet, logged, link, prefix);
	packet->point = point;
	packet->trace = trace;
}

/**
 * Has a lane so many bytes that the writer did not peek at? Mutex is locked.
 */
static bool has_wanted(private_nflog_capture_queue_t *this, lane_t *lane)
{
	return lane->published - lane->peeked >= this->wanted;
}

METHOD(nflog_capture_queue_t, publish, void,
	private_nflog_capture_queue_t *this, u_int number)
{
	lane_t *lane = &this->lanes[number];

	this->mutex->lock(this->mutex);
	if (lane->published != lane->head)
	{
		lane->published = lane->head;
		if (has_wanted(this, lane))
		{
			this->condvar->signal(this->condvar);
		}
	}
	this->mutex->unlock(this->mutex);
}

METHOD(nflog_capture_queue_t, get_lanes, u_int,
	private_nflog_capture_queue_t *this)
{
	return this->count;
}

METHOD(nflog_capture_queue_t, set_progress_cb, void,
	private_nflog_capture_queue_t *this,
	nflog_capture_progress_t (*cb)(void *data), void *data)
{
	this->progress_mutex->lock(this->progress_mutex);
	this->progress_cb = cb;
	this->progress_data = data;
	this->progress_mutex->unlock(this->progress_mutex);
}

METHOD(nflog_capture_queue_t, get_progress, nflog_capture_progress_t,
	private_nflog_capture_queue_t *this)
{
	nflog_capture_progress_t progress = {
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
 * Do packets wait to be written? Mutex is locked.
 */
static bool is_waiting(private_nflog_capture_queue_t *this)
{
	u_int i;

	for (i = 0; i < this->count; i++)
	{
		if (this->lanes[i].published != this->lanes[i].tail)
		{
			return TRUE;
		}
	}
	return FALSE;
}

/**
 * Is there a batch that is worth writing? Mutex is locked.
 */
static bool has_batch(private_nflog_capture_queue_t *this)
{
	u_int i;

	for (i = 0; i < this->count; i++)
	{
		if (has_wanted(this, &this->lanes[i]))
		{
			return TRUE;
		}
	}
	return FALSE;
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
	while (!this->awake && !is_waiting(this))
	{
		this->condvar->wait(this->condvar, this->mutex);
	}
	time_monotonic(&deadline);
	timeradd(&deadline, &add, &deadline);
	this->wanted = max(this->size / 8, min(this->size / 2, bytes));
	while (!this->haste && !timeout && !has_batch(this))
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
									lane_t *lane, uint64_t *pos)
{
	nflog_capture_packet_t *packet;
	size_t rest;

	rest = this->size - *pos % this->size;
	if (rest < sizeof(*packet))
	{
		*pos += rest;
		return NULL;
	}
	packet = at(this, lane, *pos);
	*pos += packet->size;
	return packet->trace ? packet : NULL;
}

/**
 * Append the published packets of a lane to those that the writer peeks at.
 */
static u_int peek_lane(private_nflog_capture_queue_t *this, lane_t *lane,
					   u_int count)
{
	nflog_capture_packet_t *packet;
	uint64_t pos = lane->tail;

	while (pos < lane->peeked)
	{
		packet = step(this, lane, &pos);
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

METHOD(nflog_capture_queue_t, peek, u_int,
	private_nflog_capture_queue_t *this, nflog_capture_packet_t ***packets,
	u_int *used)
{
	lane_t *lane;
	u_int i, count = 0;

	this->mutex->lock(this->mutex);
	for (i = 0; i < this->count; i++)
	{
		this->lanes[i].peeked = this->lanes[i].published;
	}
	this->mutex->unlock(this->mutex);

	/* only the writer changes tail, so there is no need to lock to read it */
	*used = 0;
	for (i = 0; i < this->count; i++)
	{
		lane = &this->lanes[i];
		*used = max(*used, (lane->peeked - lane->tail) * 100 / this->size);
		count = peek_lane(this, lane, count);
	}
	*packets = this->packets;
	return count;
}

METHOD(nflog_capture_queue_t, release, void,
	private_nflog_capture_queue_t *this)
{
	uint64_t pos, next;
	lane_t *lane;
	u_int i;

	for (i = 0; i < this->count; i++)
	{
		lane = &this->lanes[i];
		pos = next = lane->tail;
		while (pos < lane->peeked && !step(this, lane, &next))
		{
			pos = next;
		}
		this->mutex->lock(this->mutex);
		lane->tail = pos;
		this->mutex->unlock(this->mutex);
	}
}

METHOD(nflog_capture_queue_t, destroy, void,
	private_nflog_capture_queue_t *this)
{
	u_int i;

	for (i = 0; i < this->count; i++)
	{
		munmap(this->lanes[i].memory, this->size);
	}
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
nflog_capture_queue_t *nflog_capture_queue_create(u_int lanes, size_t size)
{
	private_nflog_capture_queue_t *this;
	void *memory;

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
		.lanes = malloc_align(lanes * sizeof(lane_t), CACHE_LINE),
		.size = round_up(size, ALIGNMENT),
		.mutex = mutex_create(MUTEX_TYPE_DEFAULT),
		.condvar = condvar_create(CONDVAR_TYPE_DEFAULT),
		.progress_mutex = mutex_create(MUTEX_TYPE_DEFAULT),
	);
	memset(this->lanes, 0, lanes * sizeof(lane_t));
	while (this->count < lanes)
	{
		memory = mmap(NULL, this->size, PROT_READ | PROT_WRITE,
					  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		if (memory == MAP_FAILED)
		{
			_destroy(this);
			return NULL;
		}
		this->lanes[this->count++].memory = memory;
	}
	return &this->public;
}
