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
#include "barrier.h"
#include "options/notes.h"
#include "process/pulse.h"

#include <daemon.h>
#include <collections/hashtable.h>
#include <collections/linked_list.h>
#include <threading/mutex.h>
#include <threading/thread.h>

/** time to gather packets before they are written, in ms */
#define MIN_DELAY 250
#define MAX_DELAY 5000

/** how many times as long as writing took to wait before writing again, if memory allows:
 * with many traces, each is visited for more packets then */
#define DELAY_FACTOR 50

/** time between two looks if all packets are written that are to be in marked traces, in ms */
#define MARK_INTERVAL 20

/** bytes of a trace that are worth opening its file for */
#define TRACE_BATCH 8192

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
	 * Packets to write, not owned.
	 */
	nflog_queue_t *queue;

	/**
	 * Key tables to write, not owned.
	 */
	nflog_keys_t *keys;

	/**
	 * Contains the traces, not owned.
	 */
	nflog_store_t *store;

	/**
	 * Has listings of the traces, not owned.
	 */
	nflog_registry_t *registry;

	/**
	 * Saves what it holds of connections, not owned.
	 */
	nflog_recorder_t *recorder;

	/**
	 * Finds out when marked traces can be handled.
	 */
	nflog_barrier_t *barrier;

	/**
	 * Traces to start, as nflog_trace_t.
	 */
	linked_list_t *starting;

	/**
	 * Traces to end, as nflog_trace_t.
	 */
	linked_list_t *ending;

	/**
	 * Number of traces that were started, and have not ended yet.
	 */
	u_int traces;

	/**
	 * Thread that writes, NULL if never started.
	 */
	thread_t *thread;

	/**
	 * Its progress.
	 */
	nflog_pulse_t *pulse;

	/**
	 * When it was logged that the thread can't be created, 0 if that did not fail.
	 */
	time_t failed;

	/**
	 * TRUE while the thread runs, and is not about to end.
	 */
	bool running;

	/**
	 * TRUE to end the thread even if there are keys that can't be written.
	 */
	bool stopping;

	/**
	 * Guards all from starting to stopping.
	 */
	mutex_t *mutex;

	/**
	 * Callback for the progress of the readers, its data, and the lock that guards both,
	 * which no reader takes.
	 */
	nflog_progress_t (*progress_cb)(void *data);
	void *progress_data;
	mutex_t *progress_mutex;

	/**
	 * Callback for traces that got full, NULL for none, and its data.
	 */
	void (*full_cb)(void *data);
	void *full_data;
};

/**
 * Get the progress of the readers, what they read up to there is published.
 */
static nflog_progress_t get_progress(private_nflog_writer_t *this)
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

METHOD(nflog_writer_t, set_progress_cb, void,
	private_nflog_writer_t *this, nflog_progress_t (*cb)(void *data), void *data)
{
	this->progress_mutex->lock(this->progress_mutex);
	this->progress_cb = cb;
	this->progress_data = data;
	this->progress_mutex->unlock(this->progress_mutex);
}

METHOD(nflog_writer_t, set_full_cb, void,
	private_nflog_writer_t *this, void (*cb)(void *data), void *data)
{
	this->full_cb = cb;
	this->full_data = data;
}

/**
 * Write packets of a trace.
 *
 * @return			TRUE if that made it full
 */
static bool write_trace(nflog_trace_t *trace, nflog_packet_t **packets, u_int count)
{
	bool full = trace->is_full(trace);

	trace->write(trace, packets, count);
	return !full && trace->is_full(trace);
}

/**
 * Write the packets that are due.
 *
 * @param many		TRUE if there are many packets
 */
static void write_packets(private_nflog_writer_t *this, bool many,
						  hashtable_t *ending)
{
	nflog_progress_t progress;
	nflog_packet_t **packets;
	nflog_trace_t *trace;
	linked_list_t *traces;
	u_int i, count, all, used;
	bool full = FALSE;

	traces = linked_list_create();
	progress = get_progress(this);
	count = this->queue->peek(this->queue, &packets, &used);
	this->barrier->read(this->barrier, &progress, packets, count);
	for (i = 0; i < count; i++)
	{
		trace = packets[i]->trace;
		if (trace->keep(trace, packets[i]))
		{
			traces->insert_last(traces, trace);
		}
	}
	this->store->keep_dir(this->store, TRUE);
	while (traces->remove_first(traces, (void**)&trace) == SUCCESS)
	{
		nflog_pulse_beat();
		/* all packets are in lists now, so reuse the array */
		count = all = nflog_order_collect(trace, packets);
		/* what went astray is not among what the readers read */
		if (!ending->get(ending, trace) && trace->get_link(trace) != LINK_PCAPNG)
		{
			count = nflog_order_get_due(packets, count, &progress, many, used);
		}
		if (count)
		{
			full |= write_trace(trace, packets, count);
		}
		if (count < all)
		{
			this->barrier->hold(this->barrier, packets[count]);
		}
		for (i = 0; i < count; i++)
		{
			packets[i]->trace = NULL;
		}
	}
	this->store->keep_dir(this->store, FALSE);
	traces->destroy(traces);
	this->queue->release(this->queue);
	if (full && this->full_cb)
	{
		this->full_cb(this->full_data);
	}
}

/**
 * Get the time up to which all packets have to be written first: that of a marked trace, or
 * the end of what a recorder saves.
 */
static bool get_mark(private_nflog_writer_t *this, timeval_t *until)
{
	timeval_t saved;
	bool marked, due;

	marked = this->registry->get_mark(this->registry, until);
	due = this->recorder->get_mark(this->recorder, &saved);
	if (due && (!marked || timercmp(&saved, until, <)))
	{
		*until = saved;
	}
	return marked || due;
}

/**
 * Write the packets that are due, then handle the traces that are marked, once they have
 * all packets logged before.
 *
 * @param many		TRUE if there are many packets
 * @param ending	traces that end
 * @return			how long writing took, in ms
 */
static u_int write_and_handle(private_nflog_writer_t *this, bool many,
							  hashtable_t *ending)
{
	timeval_t begin, end, until;
	bool marked;

	marked = get_mark(this, &until);
	this->barrier->begin(this->barrier, marked ? &until : NULL);
	time_monotonic(&begin);
	write_packets(this, many, ending);
	time_monotonic(&end);
	timersub(&end, &begin, &end);
	if (this->barrier->end(this->barrier, &until))
	{
		this->registry->handle(this->registry, &until);
		this->recorder->handle(this->recorder, &until);
	}
	return end.tv_sec * 1000 + end.tv_usec / 1000;
}

/**
 * Start and end traces, and write packets in between.
 *
 * @param many		TRUE if there are many packets
 * @return			how long writing took, in ms
 */
static u_int work(private_nflog_writer_t *this, bool many)
{
	linked_list_t *starting, *ending;
	nflog_trace_t *trace;
	enumerator_t *enumerator;
	hashtable_t *ends;
	u_int took;

	this->mutex->lock(this->mutex);
	starting = this->starting;
	ending = this->ending;
	this->starting = linked_list_create();
	this->ending = linked_list_create();
	this->mutex->unlock(this->mutex);

	while (starting->remove_first(starting, (void**)&trace) == SUCCESS)
	{
		nflog_pulse_beat();
		trace->start(trace);
	}
	starting->destroy(starting);

	this->recorder->work(this->recorder);
	if (this->keys->is_due(this->keys))
	{	/* before packets, so whoever reads these can decrypt them */
		this->keys->flush(this->keys);
	}

	ends = hashtable_create(hashtable_hash_ptr, hashtable_equals_ptr, 8);
	enumerator = ending->create_enumerator(ending);
	while (enumerator->enumerate(enumerator, &trace))
	{
		ends->put(ends, trace, trace);
	}
	enumerator->destroy(enumerator);
	took = write_and_handle(this, many, ends);
	ends->destroy(ends);
	if (this->keys->is_due(this->keys))
	{	/* those of files that were removed to make room go as well */
		this->keys->flush(this->keys);
	}

	this->mutex->lock(this->mutex);
	this->traces -= ending->get_count(ending);
	this->mutex->unlock(this->mutex);
	while (ending->remove_first(ending, (void**)&trace) == SUCCESS)
	{
		nflog_pulse_beat();
		trace->end(trace);
		trace->destroy(trace);
	}
	ending->destroy(ending);
	return took;
}

/**
 * Get the time after which there is something to do without packets, in ms, 0 if there is
 * not.
 */
static u_int get_timeout(private_nflog_writer_t *this)
{
	u_int delays[4], timeout = 0, i;
	timeval_t mark;

	if (get_mark(this, &mark))
	{
		return MARK_INTERVAL;
	}
	/* may queue changes, which get_delay() knows then */
	delays[3] = this->keys->expire(this->keys) * 1000;
	delays[0] = this->keys->get_delay(this->keys);
	delays[1] = this->store->get_delay(this->store);
	delays[2] = this->recorder->get_delay(this->recorder);
	for (i = 0; i < countof(delays); i++)
	{
		if (delays[i] && (!timeout || delays[i] < timeout))
		{
			timeout = delays[i];
		}
	}
	return timeout;
}

/**
 * Thread that writes until there is nothing left to do.
 */
static void *run(private_nflog_writer_t *this)
{
	u_int delay = MIN_DELAY, took;
	size_t batch = 0;
	bool running = TRUE, many, waiting;
	timeval_t mark;

	while (running)
	{
		many = this->queue->wait(this->queue, delay, batch, get_timeout(this));
		/* waiting would not make starting and ending traces less work */
		nflog_pulse_begin(this->pulse);
		took = work(this, many);
		nflog_pulse_end(this->pulse);
		delay = get_mark(this, &mark) ? MARK_INTERVAL :
					min(MAX_DELAY, max(MIN_DELAY, took * DELAY_FACTOR));

		waiting = this->keys->expire(this->keys) > 0;
		this->mutex->lock(this->mutex);
		batch = (size_t)this->traces * TRACE_BATCH;
		if (!this->traces &&
			(this->stopping || (!waiting && !this->keys->pending(this->keys) &&
								!get_mark(this, &mark) &&
								!this->recorder->is_busy(this->recorder))))
		{
			running = this->running = FALSE;
		}
		this->mutex->unlock(this->mutex);
	}
	return NULL;
}

/**
 * Ensure that the thread is running, the mutex is locked.
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
				DBG1(DBG_CHD, "nflog-capture: unable to create the thread that writes "
					 "traces, trying again when the next one starts or ends");
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

METHOD(nflog_writer_t, handle, void,
	private_nflog_writer_t *this)
{
	this->mutex->lock(this->mutex);
	ensure_running(this);
	this->mutex->unlock(this->mutex);
	this->queue->wake(this->queue, TRUE);
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
	{	/* there was no thread */
		work(this, FALSE);
	}
	if (this->keys->pending(this->keys))
	{	/* the end of traces changed key tables */
		this->keys->flush(this->keys);
	}
	nflog_pulse_destroy(this->pulse);
	this->barrier->destroy(this->barrier);
	this->starting->destroy(this->starting);
	this->ending->destroy(this->ending);
	this->progress_mutex->destroy(this->progress_mutex);
	this->mutex->destroy(this->mutex);
	free(this);
}

/*
 * Described in header
 */
nflog_writer_t *nflog_writer_create(
							nflog_queue_t *queue,
							nflog_keys_t *keys,
							nflog_store_t *store,
							nflog_registry_t *registry,
							nflog_recorder_t *recorder)
{
	private_nflog_writer_t *this;

	INIT(this,
		.public = {
			.set_progress_cb = _set_progress_cb,
			.set_full_cb = _set_full_cb,
			.start = _start,
			.release = _release,
			.write_keys = _write_keys,
			.handle = _handle,
			.destroy = _destroy,
		},
		.queue = queue,
		.keys = keys,
		.store = store,
		.registry = registry,
		.recorder = recorder,
		.pulse = nflog_pulse_create("writes traces and keys"),
		.barrier = nflog_barrier_create(),
		.starting = linked_list_create(),
		.ending = linked_list_create(),
		.mutex = mutex_create(MUTEX_TYPE_DEFAULT),
		.progress_mutex = mutex_create(MUTEX_TYPE_DEFAULT),
	);
	return &this->public;
}
