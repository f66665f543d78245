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

#include "workers.h"
#include "batch.h"

#include <sched.h>

#include <threading/condvar.h>
#include <threading/mutex.h>
#include <threading/thread.h>

/** threads, more would wait for their turn to read or write */
#define MAX_WORKERS 32

/** batches per thread: one that it decrypts, others wait to be written */
#define BATCHES_EACH 3

typedef struct workers_t workers_t;
typedef struct worker_t worker_t;
typedef struct slot_t slot_t;

/**
 * A batch.
 */
struct slot_t {
	/** packets, owned */
	batch_t *batch;
	/** TRUE if they are decrypted, but not written yet */
	bool decrypted;
};

/**
 * A thread.
 */
struct worker_t {
	/** all of them */
	workers_t *workers;
	/** decrypts all but IKE messages and IP fragments, owned */
	decrypter_t *decrypter;
	/** the thread, NULL for the caller's, or if it could not be created */
	thread_t *thread;
};

/**
 * Data that threads share.
 */
struct workers_t {

	/**
	 * Reads packets, for the thread that reads.
	 */
	workers_read_t read;

	/**
	 * Data to pass to it.
	 */
	void *data;

	/**
	 * Decrypts IKE messages and IP fragments, for the thread that writes.
	 */
	decrypter_t *decrypter;

	/**
	 * Gets sequence numbers, from the thread that writes.
	 */
	sequences_t *sequences;

	/**
	 * File to write to, for the thread that writes.
	 */
	pcapng_t *pcapng;

	/**
	 * Threads.
	 */
	worker_t workers[MAX_WORKERS];

	/**
	 * Batches.  The batch of number n is in slot n % slot_count.
	 */
	slot_t slots[MAX_WORKERS * BATCHES_EACH];

	/**
	 * Number of these slots.
	 */
	u_int slot_count;

	/**
	 * Number of batches that were read, and written.
	 */
	uint64_t read_count, written_count;

	/**
	 * TRUE while a thread reads, and while one writes.
	 */
	bool reading, writing;

	/**
	 * TRUE if there is nothing left to be read, or writing failed.
	 */
	bool finished, failed;

	/**
	 * Guards numbers and flags, including those of slots.  A batch needs no lock: one
	 * thread reads, decrypts and marks it as decrypted, after that one writes it.
	 */
	mutex_t *mutex;

	/**
	 * Signaled when a batch was read or written, and when a thread ends.
	 */
	condvar_t *condvar;
};

/**
 * Get the slot of a batch.
 */
static slot_t *get_slot(workers_t *this, uint64_t number)
{
	return &this->slots[number % this->slot_count];
}

/**
 * Write the next batch, if it is decrypted and no other thread writes.  Mutex is
 * locked.
 *
 * @return			TRUE if there was one
 */
static bool write_next(workers_t *this)
{
	slot_t *slot = get_slot(this, this->written_count);
	bool success;

	if (this->writing || !slot->decrypted)
	{
		return FALSE;
	}
	this->writing = TRUE;
	this->mutex->unlock(this->mutex);

	success = slot->batch->write(slot->batch, this->decrypter, this->sequences,
								 this->pcapng);

	this->mutex->lock(this->mutex);
	this->writing = FALSE;
	slot->decrypted = FALSE;
	this->written_count++;
	this->failed |= !success;
	this->condvar->signal(this->condvar);
	return TRUE;
}

/**
 * Read packets until a batch is full.
 *
 * @return			FALSE if there are no more packets
 */
static bool fill(workers_t *this, batch_t *batch)
{
	trace_packet_t packet;

	while (this->read(this->data, &packet))
	{
		if (!batch->add(batch, &packet))
		{
			return TRUE;
		}
	}
	return FALSE;
}

/**
 * Read and decrypt the next batch, if no other thread reads, and a slot is free.  Mutex
 * is locked.
 *
 * @return			TRUE if there was one, which may be empty
 */
static bool decrypt_next(worker_t *worker)
{
	workers_t *this = worker->workers;
	slot_t *slot = get_slot(this, this->read_count);
	bool more;

	if (this->reading || this->finished || this->failed ||
		this->read_count - this->written_count == this->slot_count)
	{
		return FALSE;
	}
	this->reading = TRUE;
	this->mutex->unlock(this->mutex);

	more = fill(this, slot->batch);

	this->mutex->lock(this->mutex);
	this->reading = FALSE;
	this->finished = !more;
	this->read_count++;
	this->condvar->signal(this->condvar);
	this->mutex->unlock(this->mutex);

	slot->batch->decrypt(slot->batch, worker->decrypter);

	this->mutex->lock(this->mutex);
	slot->decrypted = TRUE;
	return TRUE;
}

/**
 * Wait until there may be something to do.  Mutex is locked.
 *
 * @return			FALSE if all that is left is done by other threads
 */
static bool wait_next(workers_t *this)
{
	if (this->finished || this->failed)
	{
		return FALSE;
	}
	this->condvar->wait(this->condvar, this->mutex);
	return TRUE;
}

/**
 * Read, decrypt and write batches, until there are no more.
 *
 * Threads may end while others decrypt or write: the last one of these writes all that
 * is left.
 */
static void *work(worker_t *worker)
{
	workers_t *this = worker->workers;

	this->mutex->lock(this->mutex);
	while (write_next(this) || decrypt_next(worker) || wait_next(this))
	{
		/* go on */
	}
	/* have the next thread that waits end, too */
	this->condvar->signal(this->condvar);
	this->mutex->unlock(this->mutex);
	return NULL;
}

/**
 * Number of processors that this process may use.
 */
static u_int count_processors()
{
	cpu_set_t set;

	return sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;
}

/*
 * Described in header
 */
bool workers_run(workers_read_t read, void *data, decrypter_t *decrypter,
				 sequences_t *sequences, bool raw, pcapng_t *pcapng)
{
	u_int count = max(1, min(count_processors(), MAX_WORKERS)), i;
	worker_t *worker;
	workers_t *this;
	bool success;

	INIT(this,
		.read = read,
		.data = data,
		.decrypter = decrypter,
		.sequences = sequences,
		.pcapng = pcapng,
		.slot_count = count * BATCHES_EACH,
		.mutex = mutex_create(MUTEX_TYPE_DEFAULT),
		.condvar = condvar_create(CONDVAR_TYPE_DEFAULT),
	);
	for (i = 0; i < this->slot_count; i++)
	{
		this->slots[i].batch = batch_create(raw);
	}
	for (i = 0; i < count; i++)
	{
		this->workers[i].workers = this;
		this->workers[i].decrypter = decrypter->clone(decrypter);
	}
	for (i = 1; i < count; i++)
	{	/* without it the others take longer */
		worker = &this->workers[i];
		worker->thread = thread_create((void*)work, worker);
	}
	work(&this->workers[0]);
	for (i = 1; i < count; i++)
	{
		if (this->workers[i].thread)
		{
			this->workers[i].thread->join(this->workers[i].thread);
		}
	}
	success = !this->failed;
	for (i = 0; i < count; i++)
	{
		decrypter->add(decrypter, this->workers[i].decrypter);
		this->workers[i].decrypter->destroy(this->workers[i].decrypter);
	}
	for (i = 0; i < this->slot_count; i++)
	{
		this->slots[i].batch->destroy(this->slots[i].batch);
	}
	this->condvar->destroy(this->condvar);
	this->mutex->destroy(this->mutex);
	free(this);
	return success;
}
