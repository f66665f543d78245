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

#include "batch.h"
#include "workers.h"

#include <sched.h>

#include <threading/condvar.h>
#include <threading/mutex.h>
#include <threading/thread.h>

/** threads that decrypt, more would only wait for the one that writes */
#define MAX_WORKERS 32

/** batches for each of them: one to decrypt, one to wait, and as many to be written
 * or read */
#define BATCHES_EACH 4

typedef struct private_workers_t private_workers_t;
typedef struct worker_t worker_t;
typedef struct slot_t slot_t;

/**
 * Place of a batch, which it keeps.
 */
struct slot_t {
	/** packets */
	batch_t *batch;
	/** TRUE if they are decrypted, to be written */
	bool decrypted;
};

/**
 * A thread that decrypts.
 */
struct worker_t {
	/** the workers */
	private_workers_t *workers;
	/** decrypts */
	decrypter_t *decrypter;
	/** the thread, NULL if it was not created */
	thread_t *thread;
};

/**
 * Private data.
 */
struct private_workers_t {

	/**
	 * Public interface.
	 */
	workers_t public;

	/**
	 * Decrypts in order.
	 */
	decrypter_t *decrypter;

	/**
	 * File to write to.
	 */
	pcapng_t *pcapng;

	/**
	 * Threads that decrypt.
	 */
	worker_t *workers;

	/**
	 * Number of these threads.
	 */
	u_int worker_count;

	/**
	 * Thread that writes.
	 */
	thread_t *writer;

	/**
	 * Batches.  The batch of number n is in slot n % slot_count.
	 */
	slot_t *slots;

	/**
	 * Number of these slots.
	 */
	u_int slot_count;

	/**
	 * Number of batches that were added, that were taken by threads to decrypt them,
	 * and that were written.
	 */
	uint64_t added, taken, written;

	/**
	 * TRUE if no batch follows.
	 */
	bool finished;

	/**
	 * TRUE if the output can't be written to anymore.
	 */
	bool failed;

	/**
	 * Guards numbers, flags, and those of slots.  A batch is used without by the
	 * thread whose turn it is.
	 */
	mutex_t *mutex;

	/**
	 * Signaled if there is a batch to decrypt, to write, or to add packets to.
	 */
	condvar_t *to_decrypt, *to_write, *to_add;
};

/**
 * Get the slot of a batch.
 */
static slot_t *get_slot(private_workers_t *this, uint64_t number)
{
	return &this->slots[number % this->slot_count];
}

/**
 * Decrypt batches, until no more follow.
 */
static void *decrypt_batches(worker_t *worker)
{
	private_workers_t *this = worker->workers;
	slot_t *slot;

	this->mutex->lock(this->mutex);
	while (TRUE)
	{
		while (this->taken == this->added && !this->finished)
		{
			this->to_decrypt->wait(this->to_decrypt, this->mutex);
		}
		if (this->taken == this->added)
		{
			break;
		}
		slot = get_slot(this, this->taken++);
		this->mutex->unlock(this->mutex);

		slot->batch->decrypt(slot->batch, worker->decrypter);

		this->mutex->lock(this->mutex);
		slot->decrypted = TRUE;
		this->to_write->signal(this->to_write);
	}
	this->mutex->unlock(this->mutex);
	return NULL;
}

/**
 * Write batches in order, until no more follow.
 */
static void *write_batches(private_workers_t *this)
{
	slot_t *slot;
	bool success;

	this->mutex->lock(this->mutex);
	while (TRUE)
	{
		slot = get_slot(this, this->written);
		while (!slot->decrypted && !(this->finished && this->written == this->added))
		{
			this->to_write->wait(this->to_write, this->mutex);
		}
		if (!slot->decrypted)
		{
			break;
		}
		this->mutex->unlock(this->mutex);

		success = slot->batch->write(slot->batch, this->decrypter, this->pcapng);

		this->mutex->lock(this->mutex);
		slot->decrypted = FALSE;
		this->written++;
		this->failed |= !success;
		this->to_add->signal(this->to_add);
	}
	this->mutex->unlock(this->mutex);
	return NULL;
}

/**
 * Hand on the batch that packets are added to, and wait for another one.
 */
static bool hand_on(private_workers_t *this)
{
	bool success;

	this->mutex->lock(this->mutex);
	this->added++;
	this->to_decrypt->signal(this->to_decrypt);
	while (this->added - this->written == this->slot_count)
	{
		this->to_add->wait(this->to_add, this->mutex);
	}
	success = !this->failed;
	this->mutex->unlock(this->mutex);
	return success;
}

METHOD(workers_t, add, bool,
	private_workers_t *this, trace_packet_t *packet)
{
	slot_t *slot = get_slot(this, this->added);

	if (slot->batch->add(slot->batch, packet))
	{
		return TRUE;
	}
	if (!hand_on(this))
	{
		return FALSE;
	}
	slot = get_slot(this, this->added);
	return slot->batch->add(slot->batch, packet);
}

/**
 * Have all threads end, after what was added.
 */
static void join_threads(private_workers_t *this)
{
	u_int i;

	this->mutex->lock(this->mutex);
	this->finished = TRUE;
	this->to_decrypt->broadcast(this->to_decrypt);
	this->to_write->signal(this->to_write);
	this->mutex->unlock(this->mutex);

	for (i = 0; i < this->worker_count; i++)
	{
		if (this->workers[i].thread)
		{
			this->workers[i].thread->join(this->workers[i].thread);
			this->workers[i].thread = NULL;
		}
	}
	/* it waits for batches that were decrypted when the last of these ended */
	this->mutex->lock(this->mutex);
	this->to_write->signal(this->to_write);
	this->mutex->unlock(this->mutex);
	if (this->writer)
	{
		this->writer->join(this->writer);
		this->writer = NULL;
	}
}

METHOD(workers_t, finish, bool,
	private_workers_t *this)
{
	u_int i;

	/* empty if nothing was added */
	this->mutex->lock(this->mutex);
	this->added++;
	this->mutex->unlock(this->mutex);
	join_threads(this);
	for (i = 0; i < this->worker_count; i++)
	{
		this->decrypter->add(this->decrypter, this->workers[i].decrypter);
	}
	return !this->failed;
}

METHOD(workers_t, destroy, void,
	private_workers_t *this)
{
	u_int i;

	join_threads(this);
	for (i = 0; i < this->worker_count; i++)
	{
		this->workers[i].decrypter->destroy(this->workers[i].decrypter);
	}
	for (i = 0; i < this->slot_count; i++)
	{
		this->slots[i].batch->destroy(this->slots[i].batch);
	}
	this->to_decrypt->destroy(this->to_decrypt);
	this->to_write->destroy(this->to_write);
	this->to_add->destroy(this->to_add);
	this->mutex->destroy(this->mutex);
	free(this->workers);
	free(this->slots);
	free(this);
}

/**
 * Number of processors that this process may use.
 */
static u_int count_processors()
{
	cpu_set_t set;

	return sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;
}

/**
 * Create the threads.
 */
static bool create_threads(private_workers_t *this)
{
	worker_t *worker;
	u_int i;

	this->writer = thread_create((void*)write_batches, this);
	for (i = 0; this->writer && i < this->worker_count; i++)
	{
		worker = &this->workers[i];
		worker->thread = thread_create((void*)decrypt_batches, worker);
	}
	/* a single one will do */
	return this->writer && this->workers[0].thread;
}

/*
 * Described in header
 */
workers_t *workers_create(decrypter_t *decrypter, pcapng_t *pcapng)
{
	private_workers_t *this;
	u_int count, i;

	count = max(1, min(count_processors(), MAX_WORKERS));
	INIT(this,
		.public = {
			.add = _add,
			.finish = _finish,
			.destroy = _destroy,
		},
		.decrypter = decrypter,
		.pcapng = pcapng,
		.worker_count = count,
		.workers = calloc(count, sizeof(worker_t)),
		.slot_count = count * BATCHES_EACH,
		.slots = calloc(count * BATCHES_EACH, sizeof(slot_t)),
		.mutex = mutex_create(MUTEX_TYPE_DEFAULT),
		.to_decrypt = condvar_create(CONDVAR_TYPE_DEFAULT),
		.to_write = condvar_create(CONDVAR_TYPE_DEFAULT),
		.to_add = condvar_create(CONDVAR_TYPE_DEFAULT),
	);
	for (i = 0; i < count; i++)
	{
		this->workers[i].workers = this;
		this->workers[i].decrypter = decrypter->clone(decrypter);
	}
	for (i = 0; i < this->slot_count; i++)
	{
		this->slots[i].batch = batch_create();
	}
	if (!create_threads(this))
	{
		fprintf(stderr, "unable to create threads\n");
		destroy(this);
		return NULL;
	}
	return &this->public;
}
