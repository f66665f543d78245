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

#include "writer.h"
#include "options/notes.h"

#include <daemon.h>
#include <collections/hashtable.h>
#include <collections/linked_list.h>
#include <threading/mutex.h>
#include <threading/thread.h>

/** how long to gather packets before they are written, in ms */
#define MIN_DELAY 250
#define MAX_DELAY 5000

/** writing shall take at most this fraction of the time, if memory allows it */
#define MAX_SHARE 25

/** bytes of a trace that are worth opening its file */
#define TRACE_BATCH 8192

/**
 * Packets younger than this, in ms, wait for older ones, as stamps are not in the
 * order in which packets are logged if several processors receive them.
 */
#define MIN_DISORDER 20

/**
 * And if it is not known that all that were logged before them have been read,
 * the reader just had nothing left to read, which takes longer to be sure.
 */
#define MAX_DISORDER 200

/**
 * Above this fill level of the memory, in percent, use the shorter reordering window,
 * in ms, which suffices if all processors are on time.
 */
#define MANY_PACKETS 75
#define LITTLE_DISORDER 2

/** when not to wait to be sure about older packets, in percent of the memory */
#define TOO_MANY_PACKETS 90

typedef struct private_nflog_writer_t private_nflog_writer_t;

/**
 * Private data.
 */
struct private_nflog_writer_t {

	/**
	 * Public interface.
	 */
	nflog_writer_t public;

	/**
	 * Packets to write.
	 */
	nflog_queue_t *queue;

	/**
	 * Key tables to write.
	 */
	nflog_keys_t *keys;

	/**
	 * Where traces are.
	 */
	nflog_store_t *store;

	/**
	 * Traces to start, as nflog_trace_t.
	 */
	linked_list_t *starting;

	/**
	 * Traces to end, as nflog_trace_t.
	 */
	linked_list_t *ending;

	/**
	 * Number of traces that were started, but did not end yet.
	 */
	u_int traces;

	/**
	 * Writing thread, NULL if there was none yet.
	 */
	thread_t *thread;

	/**
	 * When it was logged that the thread can't be created, 0 if it can.
	 */
	time_t failed;

	/**
	 * TRUE if the thread is not about to end.
	 */
	bool running;

	/**
	 * TRUE to end it even if there are keys that can't be written.
	 */
	bool stopping;

	/**
	 * Protects all of the above.
	 */
	mutex_t *mutex;
};

/**
 * Compare the times of packets.
 */
static int time_cmp(const nflog_packet_t *a,
					const nflog_packet_t *b)
{
	if (a->sec != b->sec)
	{
		return a->sec < b->sec ? -1 : 1;
	}
	if (a->usec != b->usec)
	{
		return a->usec < b->usec ? -1 : 1;
	}
	return 0;
}

/**
 * Compare the order in which packets were logged.
 */
static int order_cmp(const nflog_packet_t *a,
					 const nflog_packet_t *b)
{
	return nflog_order_cmp(a->order, b->order);
}

/**
 * Compare packets by time, and the order in which they were logged, for qsort().
 */
static int packet_cmp(const void *a, const void *b)
{
	const nflog_packet_t *x = *(nflog_packet_t**)a;
	const nflog_packet_t *y = *(nflog_packet_t**)b;

	return time_cmp(x, y) ?: order_cmp(x, y);
}

/**
 * Merge two lists of packets, each in the order in which they were logged.
 */
static nflog_packet_t *merge(nflog_packet_t *a,
							 nflog_packet_t *b)
{
	nflog_packet_t *list, **end = &list;

	while (a && b)
	{
		if (order_cmp(b, a) < 0)
		{
			*end = b;
			b = b->next;
		}
		else
		{
			*end = a;
			a = a->next;
		}
		end = &(*end)->next;
	}
	*end = a ?: b;
	return list;
}

/**
 * Sort a list of packets by the order in which they were logged.
 *
 * They are in order already, but for a few that were kept back meanwhile.  So
 * this merges the parts of the list that are in order, usually there is one.
 */
static nflog_packet_t *sort(nflog_packet_t *list)
{
	/* each of 2^i parts */
	nflog_packet_t *merged[32] = {}, *part, *last;
	int i;

	while (list)
	{
		part = last = list;
		while (last->next && order_cmp(last, last->next) <= 0)
		{
			last = last->next;
		}
		list = last->next;
		last->next = NULL;
		for (i = 0; merged[i]; i++)
		{
			part = merge(merged[i], part);
			merged[i] = NULL;
		}
		merged[i] = part;
	}
	for (i = 0; i < countof(merged); i++)
	{
		list = merge(merged[i], list);
	}
	return list;
}

/**
 * Correct the times of packets that the kernel did not stamp.
 *
 * They have the time at which they were read, but it can't be after that of any
 * stamped packet that was logged later.  So a request does not get behind its
 * answer, however late it was read.
 */
static void correct_times(nflog_packet_t **packets, u_int count)
{
	nflog_packet_t *packet, *next = NULL;
	u_int i;

	for (i = count; i > 0; i--)
	{
		packet = packets[i - 1];
		if (packet->stamped)
		{
			if (!next || time_cmp(packet, next) < 0)
			{
				next = packet;
			}
		}
		else if (next && time_cmp(packet, next) > 0)
		{
			packet->sec = packet->record->sec = next->sec;
			packet->usec = packet->record->usec = next->usec;
		}
	}
}

/**
 * Get the packets of a trace in the order of their times.
 *
 * @param packets	filled with the packets
 * @return			number of packets
 */
static u_int get_packets(nflog_trace_t *trace,
						 nflog_packet_t **packets)
{
	nflog_packet_t *stamped, *others;
	bool sorted = TRUE;
	u_int i, count = 0;

	trace->collect(trace, &stamped, &others);
	stamped = merge(sort(others), sort(stamped));
	for (; stamped; stamped = stamped->next)
	{
		packets[count++] = stamped;
	}
	correct_times(packets, count);
	for (i = 1; sorted && i < count; i++)
	{
		sorted = time_cmp(packets[i - 1], packets[i]) <= 0;
	}
	if (!sorted)
	{
		qsort(packets, count, sizeof(*packets), packet_cmp);
	}
	return count;
}

/**
 * Was a packet logged at least that many ms ago?
 */
static bool is_older(nflog_packet_t *packet, timeval_t *now, u_int ms)
{
	timeval_t limit, age = { .tv_usec = ms * 1000 };

	timersub(now, &age, &limit);
	/* the clock may have been set back */
	return packet->sec < limit.tv_sec || packet->sec > now->tv_sec ||
		   (packet->sec == limit.tv_sec &&
			packet->usec <= limit.tv_usec);
}

/**
 * Is a packet to be written now, or may an older one come?
 *
 * @param progress	how far the readers got
 * @param used		how much of the memory is used, in percent
 */
static bool is_due(nflog_packet_t *packet, timeval_t *now,
				   nflog_progress_t *progress, u_int used)
{
	if (progress->is_known &&
		nflog_order_cmp(packet->order, progress->order) <= 0)
	{
		return is_older(packet, now,
						used > MANY_PACKETS ? LITTLE_DISORDER : MIN_DISORDER);
	}
	if (used > TOO_MANY_PACKETS)
	{
		return is_older(packet, now, MIN_DISORDER);
	}
	return progress->idle && is_older(packet, now, MAX_DISORDER);
}

/**
 * Get the packets that are due first, in the order of their times.
 *
 * @return			number of packets that are due
 */
static u_int get_due(nflog_packet_t **packets, u_int count,
					 nflog_progress_t *progress, u_int used)
{
	timeval_t now;
	u_int due = 0;

	gettimeofday(&now, NULL);
	while (due < count && is_due(packets[due], &now, progress, used))
	{
		due++;
	}
	return due;
}

/**
 * Write the packets that are due.
 */
static void write_packets(private_nflog_writer_t *this,
						  hashtable_t *ending)
{
	nflog_progress_t progress;
	nflog_packet_t **packets;
	nflog_trace_t *trace;
	linked_list_t *traces;
	u_int i, count, used;

	traces = linked_list_create();
	progress = this->queue->get_progress(this->queue);
	count = this->queue->peek(this->queue, &packets, &used);
	for (i = 0; i < count; i++)
	{
		trace = packets[i]->trace;
		if (trace->is_started(trace) && trace->keep(trace, packets[i]))
		{
			traces->insert_last(traces, trace);
		}
	}
	this->store->keep_dir(this->store, TRUE);
	while (traces->remove_first(traces, (void**)&trace) == SUCCESS)
	{	/* all packets are in lists now, so this memory can be used again */
		count = get_packets(trace, packets);
		if (!ending->get(ending, trace))
		{
			count = get_due(packets, count, &progress, used);
		}
		if (count)
		{
			trace->write(trace, packets, count);
		}
		for (i = 0; i < count; i++)
		{
			packets[i]->trace = NULL;
		}
	}
	this->store->keep_dir(this->store, FALSE);
	traces->destroy(traces);
	this->queue->release(this->queue);
}

/**
 * Start and end traces, and write what is between.
 *
 * @return			how long writing took, in ms
 */
static u_int work(private_nflog_writer_t *this)
{
	linked_list_t *starting, *ending;
	nflog_trace_t *trace;
	enumerator_t *enumerator;
	hashtable_t *ends;
	timeval_t begin, end;

	this->mutex->lock(this->mutex);
	starting = this->starting;
	ending = this->ending;
	this->starting = linked_list_create();
	this->ending = linked_list_create();
	this->mutex->unlock(this->mutex);

	while (starting->remove_first(starting, (void**)&trace) == SUCCESS)
	{
		trace->start(trace);
	}
	starting->destroy(starting);

	if (this->keys->is_due(this->keys))
	{	/* before the packets, so that whoever reads these can decrypt them */
		this->keys->flush(this->keys);
	}

	ends = hashtable_create(hashtable_hash_ptr, hashtable_equals_ptr, 8);
	enumerator = ending->create_enumerator(ending);
	while (enumerator->enumerate(enumerator, &trace))
	{
		ends->put(ends, trace, trace);
	}
	enumerator->destroy(enumerator);
	time_monotonic(&begin);
	write_packets(this, ends);
	time_monotonic(&end);
	timersub(&end, &begin, &end);
	ends->destroy(ends);

	this->mutex->lock(this->mutex);
	this->traces -= ending->get_count(ending);
	this->mutex->unlock(this->mutex);
	while (ending->remove_first(ending, (void**)&trace) == SUCCESS)
	{
		trace->end(trace);
		trace->destroy(trace);
	}
	ending->destroy(ending);
	return end.tv_sec * 1000 + end.tv_usec / 1000;
}

/**
 * Thread that writes until there is nothing left to do.
 */
static void *run(private_nflog_writer_t *this)
{
	u_int delay = MIN_DELAY, took;
	size_t batch = 0;
	bool running = TRUE;

	while (running)
	{
		this->queue->wait(this->queue, delay, batch,
						  this->keys->get_delay(this->keys));
		/* starting and ending traces is not less work if it waits */
		took = work(this);
		delay = min(MAX_DELAY, max(MIN_DELAY, took * MAX_SHARE));

		this->mutex->lock(this->mutex);
		batch = (size_t)this->traces * TRACE_BATCH;
		if (!this->traces &&
			(this->stopping || !this->keys->pending(this->keys)))
		{
			running = this->running = FALSE;
		}
		this->mutex->unlock(this->mutex);
	}
	return NULL;
}

/**
 * Make sure that the thread is running, mutex is locked.
 */
static void ensure_running(private_nflog_writer_t *this)
{
	if (!this->running)
	{
		if (this->thread)
		{
			this->thread->join(this->thread);
		}
		this->thread = thread_create((thread_main_t)run, this);
		if (!this->thread)
		{
			if (nflog_log_once(&this->failed, 0))
			{
				DBG1(DBG_CHD, "nflog-capture: unable to create a thread to write traces, "
					 "trying again when the next one starts or ends");
			}
			return;
		}
		this->failed = 0;
		this->running = TRUE;
	}
}

METHOD(nflog_writer_t, start, void,
	private_nflog_writer_t *this, nflog_trace_t *trace)
{
	this->mutex->lock(this->mutex);
	this->traces++;
	this->starting->insert_last(this->starting, trace);
	ensure_running(this);
	this->mutex->unlock(this->mutex);
	this->queue->wake(this->queue, FALSE);
}

METHOD(nflog_writer_t, release, void,
	private_nflog_writer_t *this, nflog_trace_t *trace)
{
	if (trace && trace->put_ref(trace))
	{
		this->mutex->lock(this->mutex);
		this->ending->insert_last(this->ending, trace);
		ensure_running(this);
		this->mutex->unlock(this->mutex);
		this->queue->wake(this->queue, FALSE);
	}
}

METHOD(nflog_writer_t, write_keys, void,
	private_nflog_writer_t *this)
{
	this->mutex->lock(this->mutex);
	ensure_running(this);
	this->mutex->unlock(this->mutex);
	this->queue->wake(this->queue, FALSE);
}

METHOD(nflog_writer_t, destroy, void,
	private_nflog_writer_t *this)
{
	this->mutex->lock(this->mutex);
	this->stopping = TRUE;
	this->mutex->unlock(this->mutex);
	this->keys->retry(this->keys);
	if (this->thread)
	{
		this->queue->wake(this->queue, TRUE);
		this->thread->join(this->thread);
	}
	if (this->traces)
	{	/* as there was no thread */
		work(this);
	}
	if (this->keys->pending(this->keys))
	{	/* what the end of the traces changed */
		this->keys->flush(this->keys);
	}
	this->starting->destroy(this->starting);
	this->ending->destroy(this->ending);
	this->mutex->destroy(this->mutex);
	free(this);
}

/*
 * Described in header
 */
nflog_writer_t *nflog_writer_create(
							nflog_queue_t *queue,
							nflog_keys_t *keys,
							nflog_store_t *store)
{
	private_nflog_writer_t *this;

	INIT(this,
		.public = {
			.start = _start,
			.release = _release,
			.write_keys = _write_keys,
			.destroy = _destroy,
		},
		.queue = queue,
		.keys = keys,
		.store = store,
		.starting = linked_list_create(),
		.ending = linked_list_create(),
		.mutex = mutex_create(MUTEX_TYPE_DEFAULT),
	);
	return &this->public;
}
