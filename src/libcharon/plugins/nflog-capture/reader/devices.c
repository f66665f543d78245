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


#include "device_list.h"
#include "passage.h"

#include <errno.h>

#include <threading/condvar.h>
#include <threading/mutex.h>
#include <threading/thread.h>

/** tries to list devices that change meanwhile */
#define MAX_TRIES 5

/** time after which the kernel is asked again about devices that packets leave by, in ms */
#define MAX_AGE 1000

typedef struct private_nflog_devices_t private_nflog_devices_t;

/**
 * Private data.
 */
struct private_nflog_devices_t {

	/**
	 * Public interface.
	 */
	nflog_devices_t public;

	/**
	 * Devices by interface index, nflog_listed_t, owned.
	 */
	hashtable_t *devices;

	/**
	 * Number of requests to list devices, and of those that the thread has completed.
	 */
	u_int wanted, done;

	/**
	 * TRUE if packets that were logged have to be sent before.
	 */
	bool settle;

	/**
	 * Called after each request, and its data, TRUE while it is.
	 */
	nflog_devices_cb_t cb;
	void *data;
	bool calling;

	/**
	 * When the last request was made, monotonic.
	 */
	timeval_t asked;

	/**
	 * Packets from devices whose key was not known yet.
	 */
	uint64_t unknown;

	/**
	 * Thread that asks the kernel, NULL if not started.
	 */
	thread_t *thread;

	/**
	 * TRUE if the thread is to end.
	 */
	bool stop;

	/**
	 * Signal a request to the thread, and to those that wait that it or the callback is
	 * completed.
	 */
	condvar_t *work, *ready;

	/**
	 * Guards all of the above, not held while asking the kernel.
	 */
	mutex_t *mutex;
};

/**
 * Replace the known devices by those of the kernel, the mutex is locked.
 */
static void replace(private_nflog_devices_t *this, hashtable_t *devices)
{
	enumerator_t *enumerator;
	nflog_listed_t *device;

	enumerator = this->devices->create_enumerator(this->devices);
	while (enumerator->enumerate(enumerator, NULL, &device))
	{
		if (device->pending)
		{	/* a device that is gone has no key, and is not asked for again */
			nflog_device_list_put(devices, device->index);
		}
	}
	enumerator->destroy(enumerator);
	nflog_device_list_destroy(this->devices);
	this->devices = devices;
}

/**
 * Call the callback, if there is one, the mutex is locked, but not meanwhile.
 */
static void call(private_nflog_devices_t *this)
{
	nflog_devices_cb_t cb = this->cb;
	void *data = this->data;

	if (cb)
	{
		this->calling = TRUE;
		this->mutex->unlock(this->mutex);
		cb(data);
		this->mutex->lock(this->mutex);
		this->calling = FALSE;
		this->ready->broadcast(this->ready);
	}
}

/**
 * Thread that asks the kernel.
 */
static void *run(private_nflog_devices_t *this)
{
	hashtable_t *devices;
	u_int wanted;
	bool settle;
	int err, tries = 0;

	this->mutex->lock(this->mutex);
	while (!this->stop)
	{
		if (this->done == this->wanted)
		{
			this->work->wait(this->work, this->mutex);
			continue;
		}
		wanted = this->wanted;
		settle = this->settle;
		this->settle = FALSE;
		this->mutex->unlock(this->mutex);

		if (settle)
		{
			nflog_passage_wait();
		}
		devices = nflog_device_list_create();
		err = nflog_device_list_fill(devices);
		if (err == EINTR && ++tries < MAX_TRIES)
		{
			nflog_device_list_destroy(devices);
			this->mutex->lock(this->mutex);
			continue;
		}
		tries = 0;
		if (err)
		{
			DBG1(DBG_KNL, "nflog-capture: unable to list devices, packets of VTI "
				 "devices and XFRM interfaces may be missing: %s", strerror(err));
		}
		this->mutex->lock(this->mutex);
		if (err)
		{
			nflog_device_list_destroy(devices);
		}
		else
		{
			replace(this, devices);
		}
		this->done = wanted;
		this->ready->broadcast(this->ready);
		call(this);
	}
	this->mutex->unlock(this->mutex);
	return NULL;
}

/**
 * Let the thread ask the kernel, the mutex is locked.
 */
static void refresh_locked(private_nflog_devices_t *this)
{
	this->wanted++;
	time_monotonic(&this->asked);
	if (!this->thread)
	{
		this->thread = thread_create((thread_main_t)run, this);
	}
	this->work->signal(this->work);
}

/**
 * Find a device, ask the kernel if it is not known, the mutex is locked.
 */
static nflog_listed_t *find(private_nflog_devices_t *this, uint32_t index)
{
	nflog_listed_t *device = nflog_device_list_get(this->devices, index);

	if (!device)
	{
		device = nflog_device_list_put(this->devices, index);
		device->pending = TRUE;
		refresh_locked(this);
	}
	return device;
}

METHOD(nflog_devices_t, get_key, uint32_t,
	private_nflog_devices_t *this, uint32_t index)
{
	nflog_listed_t *device;
	uint32_t key;

	if (!index)
	{
		return 0;
	}
	this->mutex->lock(this->mutex);
	device = find(this, index);
	this->unknown += device->pending;
	key = device->key;
	this->mutex->unlock(this->mutex);
	return key;
}

METHOD(nflog_devices_t, get, bool,
	private_nflog_devices_t *this, uint32_t index, nflog_device_t *out)
{
	nflog_listed_t *device;
	timeval_t now, due;
	bool known;

	if (!index)
	{
		return FALSE;
	}
	this->mutex->lock(this->mutex);
	device = find(this, index);
	time_monotonic(&now);
	due = this->asked;
	timeval_add_ms(&due, MAX_AGE);
	if (timercmp(&now, &due, >))
	{
		refresh_locked(this);
	}
	*out = device->out;
	known = *device->out.name != '\0';
	this->mutex->unlock(this->mutex);
	return known;
}

METHOD(nflog_devices_t, refresh, u_int,
	private_nflog_devices_t *this, bool settle)
{
	u_int request;

	this->mutex->lock(this->mutex);
	this->settle |= settle;
	refresh_locked(this);
	request = this->wanted;
	this->mutex->unlock(this->mutex);
	return request;
}

METHOD(nflog_devices_t, set_cb, void,
	private_nflog_devices_t *this, nflog_devices_cb_t cb, void *data)
{
	this->mutex->lock(this->mutex);
	while (this->calling)
	{
		this->ready->wait(this->ready, this->mutex);
	}
	this->cb = cb;
	this->data = data;
	this->mutex->unlock(this->mutex);
}

METHOD(nflog_devices_t, is_done, bool,
	private_nflog_devices_t *this, u_int request)
{
	bool done;

	this->mutex->lock(this->mutex);
	done = (int)(this->done - request) >= 0;
	this->mutex->unlock(this->mutex);
	return done;
}

METHOD(nflog_devices_t, wait_, void,
	private_nflog_devices_t *this, timeval_t *deadline)
{
	bool timeout = FALSE;
	u_int wanted;

	this->mutex->lock(this->mutex);
	wanted = this->wanted;
	while (this->thread && !timeout && (int)(wanted - this->done) > 0)
	{
		timeout = this->ready->timed_wait_abs(this->ready, this->mutex, *deadline);
	}
	this->mutex->unlock(this->mutex);
}

METHOD(nflog_devices_t, get_unknown, uint64_t,
	private_nflog_devices_t *this)
{
	uint64_t unknown;

	this->mutex->lock(this->mutex);
	unknown = this->unknown;
	this->mutex->unlock(this->mutex);
	return unknown;
}

METHOD(nflog_devices_t, destroy, void,
	private_nflog_devices_t *this)
{
	this->mutex->lock(this->mutex);
	this->stop = TRUE;
	this->work->signal(this->work);
	this->mutex->unlock(this->mutex);
	if (this->thread)
	{
		this->thread->join(this->thread);
	}
	nflog_device_list_destroy(this->devices);
	this->work->destroy(this->work);
	this->ready->destroy(this->ready);
	this->mutex->destroy(this->mutex);
	free(this);
}

/*
 * Described in header
 */
nflog_devices_t *nflog_devices_create()
{
	private_nflog_devices_t *this;

	INIT(this,
		.public = {
			.get_key = _get_key,
			.get = _get,
			.refresh = _refresh,
			.set_cb = _set_cb,
			.is_done = _is_done,
			.wait = _wait_,
			.get_unknown = _get_unknown,
			.destroy = _destroy,
		},
		.devices = nflog_device_list_create(),
		.work = condvar_create(CONDVAR_TYPE_DEFAULT),
		.ready = condvar_create(CONDVAR_TYPE_DEFAULT),
		.mutex = mutex_create(MUTEX_TYPE_DEFAULT),
	);
	return &this->public;
}
