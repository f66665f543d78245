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


#include "rules.h"
#include "options/values.h"
#include "process/pulse.h"

#include <threading/condvar.h>
#include <threading/mutex.h>
#include <threading/thread.h>

typedef struct private_nflog_rules_t private_nflog_rules_t;

/**
 * Private data.
 */
struct private_nflog_rules_t {

	/**
	 * Public interface.
	 */
	nflog_rules_t public;

	/**
	 * Receives what is logged.
	 */
	nflog_receiver_t receiver;

	/**
	 * Keeps the table in line with the entries.
	 */
	nflog_worker_t *worker;

	/**
	 * Entries with work to do, and lines to log.
	 */
	nflog_pending_t *pending;

	/**
	 * Entry of IKE messages, NULL if there is none, set atomically.
	 */
	nflog_entry_t *ike;

	/**
	 * TRUE if IKE messages are wanted, their rules may stay otherwise.
	 */
	bool want_ike;

	/**
	 * For how long former entries of IKE messages missed these, in ms.
	 */
	uint64_t ike_missed;

	/**
	 * TRUE if the thread did not finish in time for somebody who waited.
	 */
	bool stuck;

	/**
	 * TRUE if the thread is to end.
	 */
	bool stop;

	/**
	 * Thread that changes the rules, NULL if not started.
	 */
	thread_t *thread;

	/**
	 * Its progress.
	 */
	nflog_pulse_t *pulse;

	/**
	 * Wakes the thread, and those that wait for it.
	 */
	condvar_t *work, *done;

	/**
	 * Protects all of the above and the entries, not held during transactions, nor to
	 * log.
	 */
	mutex_t *mutex;
};

/**
 * Unlock the mutex, then log what is to be logged.
 */
static void unlock(private_nflog_rules_t *this)
{
	this->pending->unlock(this->pending, this->mutex);
}

/**
 * Do what is pending, with the mutex locked, unlocks it meanwhile.
 */
static void process(private_nflog_rules_t *this)
{
	linked_list_t *removed = linked_list_create();
	nflog_sa_t *sa;

	this->worker->process(this->worker, removed);
	this->stuck = FALSE;
	this->done->broadcast(this->done);

	unlock(this);
	while (removed->remove_first(removed, (void**)&sa) == SUCCESS)
	{
		if (sa)
		{
			this->receiver.removed(this->receiver.data, sa);
		}
	}
	removed->destroy(removed);
	this->mutex->lock(this->mutex);
}

/**
 * Thread that changes rules.
 */
static void *run(private_nflog_rules_t *this)
{
	timeval_t *retry;

	this->mutex->lock(this->mutex);
	while (TRUE)
	{
		retry = this->pending->check(this->pending);
		if (this->pending->has_any(this->pending))
		{
			nflog_pulse_begin(this->pulse);
			process(this);
			nflog_pulse_end(this->pulse);
		}
		else if (this->pending->has_lines(this->pending))
		{
			unlock(this);
			this->mutex->lock(this->mutex);
		}
		else if (this->worker->close(this->worker))
		{
			continue;
		}
		else if (this->stop)
		{
			break;
		}
		else if (retry)
		{
			this->work->timed_wait_abs(this->work, this->mutex, *retry);
		}
		else
		{
			this->work->wait(this->work, this->mutex);
		}
	}
	unlock(this);
	return NULL;
}

/**
 * Make sure that the thread is running, with the mutex locked.
 */
static bool start_thread(private_nflog_rules_t *this)
{
	if (!this->thread)
	{
		this->thread = thread_create((thread_main_t)run, this);
		if (!this->thread)
		{
			this->pending->set_reason(this->pending, "unable to create a thread");
		}
	}
	return this->thread != NULL;
}

/**
 * Have the thread change the rules of an entry, with the mutex locked.
 *
 * @param first			TRUE if somebody waits for that
 */
static void enqueue(private_nflog_rules_t *this, nflog_entry_t *entry, bool first)
{
	this->pending->add(this->pending, entry, first);
	this->work->signal(this->work);
}

/**
 * Wait until the thread did what is to be done for an entry, with the mutex locked,
 * unlocks it meanwhile.  Once somebody waited in vain, nobody waits until the thread goes on.
 *
 * @return				FALSE if the entry was removed meanwhile, so neither it nor its
 *						SA may be used anymore
 */
static bool wait_for(private_nflog_rules_t *this, nflog_entry_t *entry)
{
	timeval_t deadline;
	bool removed;

	entry->refs++;
	time_monotonic(&deadline);
	timeval_add_ms(&deadline, nflog_values_max_wait());
	while (!this->stuck && (entry->state == ENTRY_QUEUED || entry->busy))
	{
		this->stuck = this->done->timed_wait_abs(this->done, this->mutex,
												 deadline);
	}
	removed = entry->removing;
	nflog_entry_put_ref(entry);
	return !removed;
}

/**
 * Change the rules of an entry to what is wanted, and wait for that, with the mutex locked,
 * unlocks it meanwhile.
 *
 * @return				TRUE if they are in place, FALSE if not, which is logged, or if
 *						the entry was removed meanwhile
 */
static bool apply(private_nflog_rules_t *this, nflog_entry_t *entry)
{
	if (!start_thread(this))
	{
		this->pending->fail(this->pending, entry);
	}
	else
	{
		enqueue(this, entry, TRUE);
		if (!wait_for(this, entry))
		{
			return FALSE;
		}
	}
	if (!nflog_entry_get_incomplete(entry))
	{
		return TRUE;
	}
	nflog_entry_begin_missing(entry);
	this->pending->log_missing(this->pending, entry);
	return FALSE;
}

/**
 * Add an entry, and apply its rules, with the mutex locked, unlocks it meanwhile.
 *
 * @return				as by apply()
 */
static bool add_entry(private_nflog_rules_t *this, nflog_entry_t *entry)
{
	this->worker->add(this->worker, entry);
	return apply(this, entry);
}

/**
 * Remove an entry, with the mutex locked.
 *
 * @return				TRUE if it is gone, FALSE if the thread removes it
 */
static bool remove_entry(private_nflog_rules_t *this, nflog_entry_t *entry)
{
	entry->removing = TRUE;
	if (nflog_entry_end_missing(entry))
	{
		this->pending->log_missed(this->pending, entry);
	}
	if (this->thread)
	{
		enqueue(this, entry, FALSE);
		return FALSE;
	}
	this->worker->remove(this->worker, entry);
	return TRUE;
}

METHOD(nflog_rules_t, add_, bool,
	private_nflog_rules_t *this, nflog_sa_t *sa)
{
	bool complete;

	this->mutex->lock(this->mutex);
	complete = add_entry(this, nflog_entry_create(sa));
	unlock(this);
	return complete;
}

METHOD(nflog_rules_t, take_over, bool,
	private_nflog_rules_t *this, nflog_sa_t *spi,
	nflog_sa_t *sa)
{
	bool complete;

	this->mutex->lock(this->mutex);
	nflog_entry_set_sa(spi->entry, sa);
	spi->entry = NULL;
	complete = apply(this, sa->entry);
	unlock(this);
	return complete;
}

METHOD(nflog_rules_t, count_early, void,
	private_nflog_rules_t *this, nflog_sa_t *sa)
{
	this->mutex->lock(this->mutex);
	sa->entry->count_early = TRUE;
	if (start_thread(this))
	{
		enqueue(this, sa->entry, TRUE);
		wait_for(this, sa->entry);
	}
	unlock(this);
}

METHOD(nflog_rules_t, extend, bool,
	private_nflog_rules_t *this, nflog_sa_t *sa,
	nflog_match_t *next)
{
	bool complete;

	this->mutex->lock(this->mutex);
	nflog_entry_want(sa->entry, &sa->match, next);
	complete = apply(this, sa->entry);
	unlock(this);
	return complete;
}

METHOD(nflog_rules_t, reduce, void,
	private_nflog_rules_t *this, nflog_sa_t *sa,
	nflog_match_t *keep)
{
	this->mutex->lock(this->mutex);
	nflog_entry_want(sa->entry, keep, NULL);
	enqueue(this, sa->entry, FALSE);
	unlock(this);
}

METHOD(nflog_rules_t, remove_, void,
	private_nflog_rules_t *this, nflog_sa_t *sa)
{
	bool gone;

	this->mutex->lock(this->mutex);
	gone = remove_entry(this, sa->entry);
	unlock(this);
	if (gone)
	{
		this->receiver.removed(this->receiver.data, sa);
	}
}

/**
 * Set the entry of IKE messages, NULL for none, with the mutex locked.
 */
static void set_ike(private_nflog_rules_t *this, nflog_entry_t *ike)
{
	__atomic_store_n(&this->ike, ike, __ATOMIC_RELAXED);
}

METHOD(nflog_rules_t, log_ike, void,
	private_nflog_rules_t *this, bool enable)
{
	this->mutex->lock(this->mutex);
	this->want_ike = enable;
	if (enable && !this->ike)
	{
		set_ike(this, nflog_entry_create(NULL));
		add_entry(this, this->ike);
	}
	unlock(this);
}

METHOD(nflog_rules_t, end_ike, void,
	private_nflog_rules_t *this)
{
	this->mutex->lock(this->mutex);
	if (this->ike && !this->want_ike)
	{
		this->ike_missed += nflog_entry_get_missed(this->ike);
		remove_entry(this, this->ike);
		set_ike(this, NULL);
	}
	unlock(this);
}

METHOD(nflog_rules_t, wants_ike, bool,
	private_nflog_rules_t *this)
{
	bool wants;

	this->mutex->lock(this->mutex);
	wants = this->want_ike;
	unlock(this);
	return wants;
}

METHOD(nflog_rules_t, has_ike, bool,
	private_nflog_rules_t *this)
{
	/* lanes call this for packets, so it must not wait for a lock */
	return __atomic_load_n(&this->ike, __ATOMIC_RELAXED) != NULL;
}

METHOD(nflog_rules_t, get_ike_missed, uint64_t,
	private_nflog_rules_t *this)
{
	uint64_t ms;

	this->mutex->lock(this->mutex);
	ms = this->ike_missed + (this->ike ? nflog_entry_get_missed(this->ike) : 0);
	unlock(this);
	return ms;
}

METHOD(nflog_rules_t, retry, void,
	private_nflog_rules_t *this)
{
	this->mutex->lock(this->mutex);
	if (this->pending->retry(this->pending) && start_thread(this))
	{
		this->work->signal(this->work);
	}
	unlock(this);
}

METHOD(nflog_rules_t, destroy, void,
	private_nflog_rules_t *this)
{
	log_ike(this, FALSE);
	end_ike(this);
	this->mutex->lock(this->mutex);
	this->stop = TRUE;
	this->work->signal(this->work);
	unlock(this);
	if (this->thread)
	{
		this->thread->join(this->thread);
	}
	nflog_pulse_destroy(this->pulse);
	this->worker->destroy(this->worker);
	this->pending->destroy(this->pending);
	this->work->destroy(this->work);
	this->done->destroy(this->done);
	this->mutex->destroy(this->mutex);
	free(this);
}

/*
 * Described in header
 */
nflog_rules_t *nflog_rules_create(nflog_receiver_t *receiver)
{
	private_nflog_rules_t *this;

	INIT(this,
		.public = {
			.add = _add_,
			.take_over = _take_over,
			.count_early = _count_early,
			.extend = _extend,
			.reduce = _reduce,
			.remove = _remove_,
			.log_ike = _log_ike,
			.end_ike = _end_ike,
			.wants_ike = _wants_ike,
			.has_ike = _has_ike,
			.get_ike_missed = _get_ike_missed,
			.retry = _retry,
			.destroy = _destroy,
		},
		.receiver = *receiver,
		.pulse = nflog_pulse_create("changes rules"),
		.pending = nflog_pending_create(),
		.work = condvar_create(CONDVAR_TYPE_DEFAULT),
		.done = condvar_create(CONDVAR_TYPE_DEFAULT),
		.mutex = mutex_create(MUTEX_TYPE_DEFAULT),
	);
	this->worker = nflog_worker_create(receiver, this->pending, this->mutex);
	return &this->public;
}
