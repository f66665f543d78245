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

#include "pulse.h"

#include <dlfcn.h>
#include <pthread.h>
#include <unistd.h>

#include <threading/condvar.h>
#include <threading/mutex.h>
#include <threading/thread.h>

typedef struct run_t run_t;

/**
 * Pulse of a thread.
 */
struct nflog_pulse_t {

	/** what the thread does */
	const char *duty;

	/** changes with each step, odd while the thread works, changed atomically */
	u_int beats;

	/** beats seen by the last check, and how many checks saw these while it worked */
	u_int seen;
	u_int checks;

	/** other pulses */
	nflog_pulse_t *next, *prev;
};

/**
 * Function that is run for a limited time.
 */
struct run_t {

	/** function, and its argument */
	void (*fn)(void *data);
	void *data;

	/** TRUE once it has returned, and if nobody waits for it anymore */
	bool done;
	bool left;

	/** signals the first, and guards both */
	condvar_t *condvar;
	mutex_t *mutex;
};

/**
 * All pulses, and the lock that guards the list.
 */
static nflog_pulse_t *pulses;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

/**
 * Pulse of the current thread while it works, NULL for none.
 */
static __thread nflog_pulse_t *current;

/**
 * TRUE if nothing is to be captured, and if threads were left behind, changed atomically.
 */
static bool suspended, left_behind;

/*
 * Described in header
 */
nflog_pulse_t *nflog_pulse_create(const char *duty)
{
	nflog_pulse_t *this;

	INIT(this,
		.duty = duty,
	);
	pthread_mutex_lock(&mutex);
	this->next = pulses;
	if (pulses)
	{
		pulses->prev = this;
	}
	pulses = this;
	pthread_mutex_unlock(&mutex);
	return this;
}

/*
 * Described in header
 */
void nflog_pulse_begin(nflog_pulse_t *this)
{
	current = this;
	__atomic_store_n(&this->beats, (this->beats + 1) | 1, __ATOMIC_RELAXED);
}

/*
 * Described in header
 */
void nflog_pulse_beat()
{
	if (current)
	{
		__atomic_store_n(&current->beats, current->beats + 2, __ATOMIC_RELAXED);
	}
}

/*
 * Described in header
 */
void nflog_pulse_end(nflog_pulse_t *this)
{
	current = NULL;
	__atomic_store_n(&this->beats, (this->beats | 1) + 1, __ATOMIC_RELAXED);
	while (__atomic_load_n(&left_behind, __ATOMIC_ACQUIRE))
	{
		pause();
	}
}

/*
 * Described in header
 */
void nflog_pulse_destroy(nflog_pulse_t *this)
{
	pthread_mutex_lock(&mutex);
	if (this->prev)
	{
		this->prev->next = this->next;
	}
	else
	{
		pulses = this->next;
	}
	if (this->next)
	{
		this->next->prev = this->prev;
	}
	pthread_mutex_unlock(&mutex);
	free(this);
}

/*
 * Described in header
 */
const char *nflog_pulse_check(u_int checks)
{
	const char *duty = NULL;
	nflog_pulse_t *pulse;
	u_int beats;

	pthread_mutex_lock(&mutex);
	for (pulse = pulses; pulse; pulse = pulse->next)
	{
		beats = __atomic_load_n(&pulse->beats, __ATOMIC_RELAXED);
		pulse->checks = beats & 1 && beats == pulse->seen ? pulse->checks + 1 : 0;
		pulse->seen = beats;
		if (pulse->checks >= checks)
		{
			duty = pulse->duty;
		}
	}
	pthread_mutex_unlock(&mutex);
	return duty;
}

/*
 * Described in header
 */
void nflog_pulse_suspend(bool suspend)
{
	__atomic_store_n(&suspended, suspend, __ATOMIC_RELAXED);
}

/*
 * Described in header
 */
bool nflog_pulse_is_suspended()
{
	return __atomic_load_n(&suspended, __ATOMIC_RELAXED);
}

/**
 * Keep the code of this plugin in memory until the process ends, for a thread that is left
 * behind.
 */
static void keep_code()
{
	Dl_info info;

	if (dladdr(keep_code, &info))
	{
		dlopen(info.dli_fname, RTLD_NOW | RTLD_NOLOAD | RTLD_NODELETE);
	}
}

/**
 * Thread that runs a function.
 */
static void *run(run_t *this)
{
	bool left;

	this->fn(this->data);

	this->mutex->lock(this->mutex);
	this->done = TRUE;
	left = this->left;
	this->condvar->signal(this->condvar);
	this->mutex->unlock(this->mutex);
	while (left)
	{	/* what ends a thread properly may be gone already */
		pause();
	}
	return NULL;
}

/*
 * Described in header
 */
bool nflog_pulse_run(void (*fn)(void *data), void *data, u_int timeout)
{
	timeval_t deadline, add = { timeout / 1000, timeout % 1000 * 1000 };
	thread_t *thread;
	run_t *this;
	bool done;

	INIT(this,
		.fn = fn,
		.data = data,
		.condvar = condvar_create(CONDVAR_TYPE_DEFAULT),
		.mutex = mutex_create(MUTEX_TYPE_DEFAULT),
	);
	time_monotonic(&deadline);
	timeradd(&deadline, &add, &deadline);
	thread = thread_create((thread_main_t)run, this);
	if (!thread)
	{	/* better late than never */
		fn(data);
		this->done = TRUE;
	}
	this->mutex->lock(this->mutex);
	while (!this->done &&
		   !this->condvar->timed_wait_abs(this->condvar, this->mutex, deadline))
	{
		/* until it has returned, or until the deadline */
	}
	done = this->done;
	this->left = !done;
	this->mutex->unlock(this->mutex);
	if (!done)
	{
		__atomic_store_n(&left_behind, TRUE, __ATOMIC_RELEASE);
		keep_code();
		thread->detach(thread);
		return FALSE;
	}
	if (thread)
	{
		thread->join(thread);
	}
	this->condvar->destroy(this->condvar);
	this->mutex->destroy(this->mutex);
	free(this);
	return TRUE;
}
