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

#define _GNU_SOURCE

#include "drops.h"
#include "probe.h"
#include "victim_change.h"
#include "options/notes.h"
#include "process/pulse.h"
#include "traces/pcapng.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <threading/mutex.h>
#include <threading/thread.h>

/** time after which loading is tried again, in s */
#define RETRY_AFTER 60

typedef struct private_nflog_drops_t private_nflog_drops_t;

/**
 * Private data.
 */
struct private_nflog_drops_t {

	/**
	 * Public interface.
	 */
	nflog_drops_t public;

	/**
	 * Receives packets, not owned, and the lane for them.
	 */
	nflog_queue_t *queue;
	u_int lane;

	/**
	 * Writes traces, not owned.
	 */
	nflog_writer_t *writer;

	/**
	 * Finds the CHILD_SAs of packets, used by the thread only.
	 */
	nflog_victims_t *victims;

	/**
	 * Programs in the kernel, NULL if they are not loaded, used by the thread only.
	 */
	nflog_probe_t *probe;

	/**
	 * Why they could not be loaded the last time, NULL if they could, and when, monotonic, used
	 * by the thread only.
	 */
	char *error;
	time_t failed;

	/**
	 * Changes of CHILD_SAs that are to be applied, nflog_victim_change_t.
	 */
	linked_list_t *changes;

	/**
	 * TRUE to load programs again at once, and to end.
	 */
	bool again, stop;

	/**
	 * Thread that reads packets, NULL if none was created.
	 */
	thread_t *thread;

	/**
	 * Its progress.
	 */
	nflog_pulse_t *pulse;

	/**
	 * Wakes it up, -1 if it was never created.
	 */
	int wake;

	/**
	 * When it was logged that something can't be created, monotonic.
	 */
	time_t logged;

	/**
	 * Guards all from changes on.
	 */
	mutex_t *mutex;
};

/**
 * Wake up the thread.
 */
static void wake(private_nflog_drops_t *this)
{
	/* fails only if it is awake already */
	eventfd_write(this->wake, 1);
}

/**
 * Get the time of a packet since 1970.
 */
static struct timespec get_time(struct nflog_event_t *event)
{
	struct timespec mono, now;
	int64_t age, time;

	clock_gettime(CLOCK_MONOTONIC, &mono);
	clock_gettime(CLOCK_REALTIME, &now);
	age = mono.tv_sec * 1000000000LL + mono.tv_nsec - (int64_t)event->time;
	time = now.tv_sec * 1000000000LL + now.tv_nsec - max(age, 0);
	return (struct timespec){ time / 1000000000, time % 1000000000 };
}

/**
 * A packet that the kernel dropped.
 */
static void receive(private_nflog_drops_t *this, struct nflog_event_t *event)
{
	nflog_reasons_t *reasons = this->probe->get_reasons(this->probe);
	nflog_described_t described;
	nflog_commented_t packet;
	char comment[512];
	nflog_lost_t lost;
	u_int i;

	this->victims->find(this->victims, event, &lost);
	if (!lost.count)
	{
		return;
	}
	reasons->describe(reasons, event, lost.spi, &described);
	if (lost.spi && !lost.sa && !lost.inner && described.counter &&
		(strpfx(described.counter, "XfrmInState") ||
		 strpfx(described.counter, "XfrmOutState")))
	{	/* there is an SA with this SPI, which is not captured, and what leaves in it may
		 * not have been encrypted yet */
		return;
	}
	snprintf(comment, sizeof(comment), "%s%s%s", described.comment,
			 lost.known[0] ? ", " : "", lost.known);
	packet = (nflog_commented_t){
		.time = get_time(event),
		.data = chunk_create(event->data, event->caplen),
		.len = max(event->len, event->caplen),
		.interface = described.place[0] ? described.place : NFLOG_PCAPNG_OTHER,
		.reason = described.reason,
		.comment = comment,
	};
	for (i = 0; i < lost.count; i++)
	{
		nflog_commented_add(this->queue, this->lane, &lost.victims[i]->tap, &packet);
	}
}

/**
 * Load the programs, and pass on packets of all CHILD_SAs.  If that fails, it is logged once.
 */
static void load(private_nflog_drops_t *this)
{
	char error[192];
	enumerator_t *enumerator;
	nflog_victim_t *victim;
	nflog_probe_t *probe;
	bool known, all = TRUE;
	void *key;

	probe = nflog_probe_create((void*)receive, this, error, sizeof(error));
	/* that takes a while, charon may have stopped meanwhile */
	nflog_pulse_end(this->pulse);
	nflog_pulse_begin(this->pulse);
	known = this->error && !probe && streq(this->error, error);
	free(this->error);
	this->error = probe ? NULL : strdup(error);
	this->failed = time_monotonic(NULL);
	this->probe = probe;
	if (probe)
	{
		all = this->victims->set_probe(this->victims, probe);
	}
	enumerator = this->victims->create_enumerator(this->victims);
	while (enumerator->enumerate(enumerator, &key, &victim))
	{
		if (!probe)
		{
			nflog_victim_note_failure(victim, error);
		}
		else
		{
			nflog_victim_note_success(victim, all);
		}
	}
	enumerator->destroy(enumerator);
	if (probe)
	{
		DBG1(DBG_CHD, "nflog-capture: loaded programs into the kernel that report dropped "
			 "packets");
	}
	else if (!known)
	{
		DBG1(DBG_CHD, "nflog-capture: unable to capture dropped packets, all else is "
			 "captured: %s", error);
	}
}

/**
 * Unload the programs.
 */
static void unload(private_nflog_drops_t *this)
{
	this->victims->set_probe(this->victims, NULL);
	DESTROY_IF(this->probe);
	this->probe = NULL;
}

/**
 * Release the trace of a CHILD_SA.
 */
static void release(private_nflog_drops_t *this, nflog_victim_t *victim)
{
	nflog_trace_t *trace = victim->tap.trace;

	if (victim->started)
	{
		this->writer->release(this->writer, trace);
	}
	else if (trace->put_ref(trace))
	{
		trace->destroy(trace);
	}
	nflog_victim_destroy(victim);
}

/**
 * Note what became of a change of a CHILD_SA.
 *
 * @param applied	FALSE if the kernel took no more addresses or selectors
 */
static void note_change(private_nflog_drops_t *this, nflog_victim_t *victim, bool applied)
{
	if (!applied)
	{
		nflog_victim_note_limit(victim);
	}
	if (this->error && !victim->failed)
	{
		nflog_victim_note_failure(victim, this->error);
	}
}

/**
 * Apply changes, except for those that remove CHILD_SAs.
 *
 * @param removals	receives these, nflog_victim_change_t
 * @return			FALSE if these are the last ones
 */
static bool apply(private_nflog_drops_t *this, linked_list_t *removals)
{
	linked_list_t *changes;
	nflog_victim_change_t *change;
	bool stop;

	this->mutex->lock(this->mutex);
	changes = this->changes;
	this->changes = linked_list_create();
	if (this->again)
	{
		this->again = FALSE;
		free(this->error);
		this->error = NULL;
	}
	stop = this->stop;
	this->mutex->unlock(this->mutex);
	while (changes->remove_first(changes, (void**)&change) == SUCCESS)
	{
		nflog_pulse_beat();
		if (change->is_removal(change))
		{
			removals->insert_last(removals, change);
			continue;
		}
		note_change(this, change->get_victim(change), change->apply(change, this->victims));
		change->destroy(change);
	}
	changes->destroy(changes);
	return !stop;
}

/**
 * Remove CHILD_SAs, after packets were read that may be theirs.
 */
static void finish(private_nflog_drops_t *this, linked_list_t *removals)
{
	nflog_victim_change_t *change;
	nflog_victim_t *victim;

	while (removals->remove_first(removals, (void**)&change) == SUCCESS)
	{
		nflog_pulse_beat();
		victim = change->get_victim(change);
		change->apply(change, this->victims);
		change->destroy(change);
		nflog_victim_note_lapses(victim);
		release(this, victim);
	}
	removals->destroy(removals);
}

/**
 * Get how long to wait until programs are to be loaded.
 *
 * @return			time in ms, -1 if they are loaded, or there is nothing to load them for
 */
static int get_delay(private_nflog_drops_t *this)
{
	time_t waited = time_monotonic(NULL) - this->failed;

	if (this->probe || !this->victims->is_ready(this->victims))
	{
		return -1;
	}
	return this->error && waited < RETRY_AFTER ? (RETRY_AFTER - waited) * 1000 : 0;
}

/**
 * Apply changes, load or unload programs, and read packets.
 *
 * @return			FALSE if there is nothing to come
 */
static bool work(private_nflog_drops_t *this)
{
	linked_list_t *removals = linked_list_create();
	bool more;

	more = apply(this, removals);
	if (more && get_delay(this) == 0)
	{
		load(this);
	}
	if (this->probe)
	{
		this->probe->consume(this->probe);
		this->queue->publish(this->queue, this->lane);
	}
	finish(this, removals);
	if (this->probe && !this->victims->get_count(this->victims))
	{
		unload(this);
	}
	return more;
}

/**
 * Thread that reads packets, as charon's may not wait for the kernel.
 */
static void *run(private_nflog_drops_t *this)
{
	struct pollfd fds[] = {
		{ .fd = this->wake, .events = POLLIN },
		{ .events = POLLIN },
	};
	eventfd_t woken;
	bool more = TRUE;

	while (more)
	{
		nflog_pulse_begin(this->pulse);
		more = work(this);
		nflog_pulse_end(this->pulse);
		fds[1].fd = this->probe ? this->probe->get_fd(this->probe) : -1;
		if (more && poll(fds, countof(fds), get_delay(this)) > 0 && fds[0].revents)
		{
			eventfd_read(this->wake, &woken);
		}
	}
	return NULL;
}

/**
 * Ensure that the thread is running.  The mutex is locked.
 *
 * @return			FALSE if it can't be created
 */
static bool ensure_running(private_nflog_drops_t *this)
{
	if (!this->thread)
	{
		if (this->wake < 0)
		{
			this->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		}
		if (this->wake >= 0)
		{
			this->thread = thread_create((thread_main_t)run, this);
		}
		if (!this->thread && nflog_log_once(&this->logged, NFLOG_LOG_AGAIN))
		{
			DBG1(DBG_CHD, "nflog-capture: unable to create the thread that reads dropped "
				 "packets, trying again with the next CHILD_SA");
		}
	}
	return this->thread != NULL;
}

/**
 * Have the thread apply a change.  The mutex is locked.
 */
static void enqueue(private_nflog_drops_t *this, nflog_victim_change_t *change)
{
	this->changes->insert_last(this->changes, change);
	if (this->thread)
	{
		wake(this);
	}
}

/**
 * Have the thread apply a change.
 */
static void add_change(private_nflog_drops_t *this, nflog_victim_change_t *change)
{
	this->mutex->lock(this->mutex);
	enqueue(this, change);
	this->mutex->unlock(this->mutex);
}

METHOD(nflog_drops_t, add, nflog_victim_t*,
	private_nflog_drops_t *this, nflog_trace_t *trace, char *conn, char *label,
	nflog_registry_t *registry, nflog_listing_t *listing)
{
	nflog_victim_t *victim;

	victim = nflog_victim_create(trace, conn, label, registry, listing);
	this->mutex->lock(this->mutex);
	if (!ensure_running(this))
	{
		nflog_victim_note_failure(victim, "there is no thread");
	}
	enqueue(this, nflog_victim_change_create_add(victim));
	this->mutex->unlock(this->mutex);
	return victim;
}

METHOD(nflog_drops_t, set_sa, void,
	private_nflog_drops_t *this, nflog_victim_t *victim, kernel_ipsec_sa_id_t *id,
	kernel_ipsec_add_sa_t *data)
{
	add_change(this, nflog_victim_change_create_sa(victim, id, data));
}

METHOD(nflog_drops_t, update_sa, void,
	private_nflog_drops_t *this, nflog_victim_t *victim, bool inbound,
	kernel_ipsec_update_sa_t *data)
{
	add_change(this, nflog_victim_change_create_addresses(victim, inbound, data));
}

METHOD(nflog_drops_t, remove_, void,
	private_nflog_drops_t *this, nflog_victim_t *victim, bool started)
{
	victim->started = started;
	add_change(this, nflog_victim_change_create_removal(victim));
}

METHOD(nflog_drops_t, retry, void,
	private_nflog_drops_t *this)
{
	this->mutex->lock(this->mutex);
	this->again = TRUE;
	if (this->changes->get_count(this->changes))
	{
		ensure_running(this);
	}
	if (this->thread)
	{
		wake(this);
	}
	this->mutex->unlock(this->mutex);
}

METHOD(nflog_drops_t, destroy, void,
	private_nflog_drops_t *this)
{
	this->mutex->lock(this->mutex);
	this->stop = TRUE;
	if (this->thread)
	{
		wake(this);
	}
	this->mutex->unlock(this->mutex);
	if (this->thread)
	{
		this->thread->join(this->thread);
	}
	else
	{	/* nothing did this */
		work(this);
	}
	nflog_pulse_destroy(this->pulse);
	this->changes->destroy(this->changes);
	this->victims->destroy(this->victims);
	this->mutex->destroy(this->mutex);
	if (this->wake >= 0)
	{
		close(this->wake);
	}
	free(this->error);
	free(this);
}

/*
 * Described in header
 */
void nflog_drops_keep_caps()
{
	/* without them, it is logged when they are needed */
	ignore_result(lib->caps->keep(lib->caps, NFLOG_CAP_BPF));
	ignore_result(lib->caps->keep(lib->caps, NFLOG_CAP_PERFMON));
}

/*
 * Described in header
 */
nflog_drops_t *nflog_drops_create(nflog_queue_t *queue, u_int lane, nflog_writer_t *writer)
{
	private_nflog_drops_t *this;

	INIT(this,
		.public = {
			.add = _add,
			.set_sa = _set_sa,
			.update_sa = _update_sa,
			.remove = _remove_,
			.retry = _retry,
			.destroy = _destroy,
		},
		.queue = queue,
		.lane = lane,
		.writer = writer,
		.victims = nflog_victims_create(),
		.changes = linked_list_create(),
		.pulse = nflog_pulse_create("reads dropped packets"),
		.wake = -1,
		.mutex = mutex_create(MUTEX_TYPE_DEFAULT),
	);
	return &this->public;
}
