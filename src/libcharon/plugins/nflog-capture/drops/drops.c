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
	 * Finds the CHILD_SAs of packets.
	 */
	nflog_victims_t *victims;

	/**
	 * CHILD_SAs that were removed, whose traces are to be released, nflog_victim_t.
	 */
	linked_list_t *removed;

	/**
	 * Programs in the kernel, NULL if they are not loaded.
	 */
	nflog_probe_t *probe;

	/**
	 * Why they could not be loaded the last time, NULL if they could, and when, monotonic.
	 */
	char *error;
	time_t failed;

	/**
	 * Thread that reads packets, NULL if none was created.
	 */
	thread_t *thread;

	/**
	 * Its progress.
	 */
	nflog_pulse_t *pulse;

	/**
	 * TRUE while it runs, and is not about to end.
	 */
	bool running;

	/**
	 * Wakes it up.
	 */
	int wake;

	/**
	 * When it was logged that something can't be created, or is too much, monotonic.
	 */
	time_t logged;

	/**
	 * Guards all from victims to running.
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
 * A packet that the kernel dropped.  The mutex is locked.
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
	if (lost.spi && !lost.sa && described.counter &&
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
 * Set for a trace what it lacks.
 */
static void set_note(nflog_victim_t *victim, char *note)
{
	victim->tap.count->tally->set_note(victim->tap.count->tally, note);
	victim->registry->set_note(victim->registry, victim->listing, note);
}

/**
 * Note that no dropped packets of a CHILD_SA are captured.
 */
static void note_failure(nflog_victim_t *victim, char *error)
{
	char note[256];

	snprintf(note, sizeof(note), "dropped packets are not captured: %s", error);
	set_note(victim, note);
	victim->failed = TRUE;
}

/**
 * Note that dropped packets of a CHILD_SA are captured from now on.
 *
 * @param all		TRUE if the kernel took the addresses and selectors of all CHILD_SAs
 */
static void note_success(nflog_victim_t *victim, bool all)
{
	if (!all)
	{
		set_note(victim, "maybe some dropped packets are not captured: too many addresses and "
				 "selectors");
	}
	else if (victim->failed)
	{
		set_note(victim, "dropped packets were not captured at first");
	}
	victim->failed = FALSE;
}

/**
 * Load the programs, and pass on packets of all CHILD_SAs.
 *
 * @return			FALSE if they can't be loaded, which is logged once
 */
static bool load(private_nflog_drops_t *this)
{
	char error[192];
	enumerator_t *enumerator;
	nflog_victim_t *victim;
	nflog_probe_t *probe;
	bool known, all = TRUE;
	void *key;

	probe = nflog_probe_create((void*)receive, this, error, sizeof(error));
	this->mutex->lock(this->mutex);
	known = this->error && !probe && streq(this->error, error);
	free(this->error);
	this->error = probe ? NULL : strdup(error);
	this->failed = time_monotonic(NULL);
	this->probe = probe;
	if (probe)
	{
		all = this->victims->set_filter(this->victims, (void*)probe->set_pair,
										(void*)probe->set_subnet, probe);
	}
	enumerator = this->victims->create_enumerator(this->victims);
	while (enumerator->enumerate(enumerator, &key, &victim))
	{
		if (!probe)
		{
			note_failure(victim, error);
		}
		else
		{
			note_success(victim, all);
			probe->get_limits(probe, &victim->since);
		}
	}
	enumerator->destroy(enumerator);
	this->mutex->unlock(this->mutex);
	if (!probe && !known)
	{
		DBG1(DBG_CHD, "nflog-capture: unable to capture dropped packets, all else is "
			 "captured: %s", error);
	}
	return probe != NULL;
}

/**
 * Unload the programs.
 */
static void unload(private_nflog_drops_t *this)
{
	nflog_probe_t *probe;

	this->mutex->lock(this->mutex);
	probe = this->probe;
	this->probe = NULL;
	this->victims->set_filter(this->victims, NULL, NULL, NULL);
	this->mutex->unlock(this->mutex);
	DESTROY_IF(probe);
}

/**
 * Count the packets that were not passed on while a CHILD_SA was captured, which may be its.
 */
static void count_limits(nflog_victim_t *victim, struct nflog_limits_t *limits)
{
	nflog_tally_t *tally = victim->tap.count->tally;
	char note[128];

	if (limits->beyond > victim->since.beyond || limits->full > victim->since.full)
	{
		snprintf(note, sizeof(note), "maybe some of %llu beyond the limit of a second, and "
				 "of %llu that did not fit into the ring buffer, of all connections",
				 (unsigned long long)(limits->beyond - victim->since.beyond),
				 (unsigned long long)(limits->full - victim->since.full));
		tally->set_note(tally, note);
	}
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
	free(victim->conn);
	free(victim->label);
	free(victim);
}

/**
 * Read packets, and release the traces of CHILD_SAs that were removed before.
 */
static void work(private_nflog_drops_t *this)
{
	struct nflog_limits_t limits = {};
	enumerator_t *enumerator;
	nflog_victim_t *victim;
	linked_list_t *removed;

	this->mutex->lock(this->mutex);
	removed = this->removed;
	this->removed = linked_list_create();
	if (this->probe)
	{
		this->probe->consume(this->probe);
		this->probe->get_limits(this->probe, &limits);
	}
	enumerator = removed->create_enumerator(removed);
	while (enumerator->enumerate(enumerator, &victim))
	{
		this->victims->remove(this->victims, victim);
	}
	enumerator->destroy(enumerator);
	this->mutex->unlock(this->mutex);
	this->queue->publish(this->queue, this->lane);
	while (removed->remove_first(removed, (void**)&victim) == SUCCESS)
	{
		count_limits(victim, &limits);
		release(this, victim);
	}
	removed->destroy(removed);
}

/**
 * Read packets until there are no CHILD_SAs left.
 */
static void serve(private_nflog_drops_t *this)
{
	struct pollfd fds[] = {
		{ .fd = this->wake, .events = POLLIN },
		{ .fd = this->probe->get_fd(this->probe), .events = POLLIN },
	};
	eventfd_t woken;
	bool idle = FALSE;

	while (!idle)
	{
		nflog_pulse_end(this->pulse);
		if (poll(fds, countof(fds), -1) > 0 && fds[0].revents)
		{
			eventfd_read(this->wake, &woken);
		}
		nflog_pulse_begin(this->pulse);
		work(this);
		this->mutex->lock(this->mutex);
		idle = !this->victims->get_count(this->victims);
		this->mutex->unlock(this->mutex);
	}
}

/**
 * Check if there are CHILD_SAs again, otherwise the thread is about to end.
 */
static bool is_needed(private_nflog_drops_t *this)
{
	bool needed;

	this->mutex->lock(this->mutex);
	while (this->removed->get_count(this->removed))
	{
		this->mutex->unlock(this->mutex);
		work(this);
		this->mutex->lock(this->mutex);
	}
	needed = !this->error && this->victims->get_count(this->victims);
	this->running = needed;
	this->mutex->unlock(this->mutex);
	return needed;
}

/**
 * Thread that loads the programs and reads packets.  It is not joined before it is about to
 * end, as unloading takes a while.
 */
static void *run(private_nflog_drops_t *this)
{
	nflog_pulse_begin(this->pulse);
	do
	{
		if (load(this))
		{
			serve(this);
		}
		unload(this);
	}
	while (is_needed(this));
	nflog_pulse_end(this->pulse);
	return NULL;
}

/**
 * Ensure that the thread is running, if programs may be loaded.  The mutex is locked.
 */
static void ensure_running(private_nflog_drops_t *this)
{
	if (this->running ||
		(this->error && time_monotonic(NULL) - this->failed < RETRY_AFTER))
	{
		return;
	}
	if (this->thread)
	{
		this->thread->join(this->thread);
	}
	this->thread = thread_create((thread_main_t)run, this);
	this->running = this->thread != NULL;
	if (!this->running && nflog_log_once(&this->logged, NFLOG_LOG_AGAIN))
	{
		DBG1(DBG_CHD, "nflog-capture: unable to create the thread that reads dropped "
			 "packets, trying again with the next CHILD_SA");
	}
}

METHOD(nflog_drops_t, add, nflog_victim_t*,
	private_nflog_drops_t *this, nflog_trace_t *trace, char *conn, char *label,
	nflog_registry_t *registry, nflog_listing_t *listing)
{
	nflog_victim_t *victim;

	INIT(victim,
		.conn = strdup(conn),
		.label = strdup(label),
		.registry = registry,
		.listing = listing,
	);
	nflog_tap_init(&victim->tap, trace, POINT_DROPPED, label);
	this->mutex->lock(this->mutex);
	this->victims->add(this->victims, victim);
	if (this->probe)
	{
		this->probe->get_limits(this->probe, &victim->since);
	}
	ensure_running(this);
	if (!this->running || (this->error && !this->probe))
	{
		note_failure(victim, this->error ?: "there is no thread");
	}
	this->mutex->unlock(this->mutex);
	return victim;
}

/**
 * Note that packets of a CHILD_SA are not passed on, as the kernel took no more addresses or
 * selectors.
 */
static void note_limit(private_nflog_drops_t *this, nflog_victim_t *victim, bool set)
{
	if (!set)
	{
		set_note(victim, "some dropped packets are not captured: too many addresses and "
				 "selectors");
	}
}

METHOD(nflog_drops_t, set_sa, void,
	private_nflog_drops_t *this, nflog_victim_t *victim, kernel_ipsec_sa_id_t *id,
	kernel_ipsec_add_sa_t *data)
{
	this->mutex->lock(this->mutex);
	note_limit(this, victim, this->victims->set_sa(this->victims, victim, data->inbound, id,
												   data->src_ts, data->dst_ts));
	this->mutex->unlock(this->mutex);
}

METHOD(nflog_drops_t, update_sa, void,
	private_nflog_drops_t *this, nflog_victim_t *victim, bool inbound,
	kernel_ipsec_update_sa_t *data)
{
	this->mutex->lock(this->mutex);
	note_limit(this, victim, this->victims->set_addresses(this->victims, victim, inbound,
														  data->new_src, data->new_dst));
	this->mutex->unlock(this->mutex);
}

METHOD(nflog_drops_t, remove_, void,
	private_nflog_drops_t *this, nflog_victim_t *victim, bool started)
{
	bool running;

	this->mutex->lock(this->mutex);
	victim->started = started;
	running = this->running;
	if (running)
	{	/* packets of it may be in the ring buffer */
		this->removed->insert_last(this->removed, victim);
	}
	else
	{
		this->victims->remove(this->victims, victim);
	}
	this->mutex->unlock(this->mutex);
	if (running)
	{
		wake(this);
	}
	else
	{
		release(this, victim);
	}
}

METHOD(nflog_drops_t, retry, void,
	private_nflog_drops_t *this)
{
	this->mutex->lock(this->mutex);
	free(this->error);
	this->error = NULL;
	if (this->victims->get_count(this->victims))
	{
		ensure_running(this);
	}
	this->mutex->unlock(this->mutex);
}

METHOD(nflog_drops_t, destroy, void,
	private_nflog_drops_t *this)
{
	if (this->thread)
	{
		wake(this);
		this->thread->join(this->thread);
	}
	nflog_pulse_destroy(this->pulse);
	this->removed->destroy(this->removed);
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
		.removed = linked_list_create(),
		.pulse = nflog_pulse_create("reads dropped packets"),
		.wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
		.mutex = mutex_create(MUTEX_TYPE_DEFAULT),
	);
	return &this->public;
}
