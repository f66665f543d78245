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

#include "registry.h"

#include <collections/hashtable.h>
#include <collections/linked_list.h>
#include <threading/condvar.h>
#include <threading/mutex.h>

ENUM(nflog_listing_state_names, NFLOG_LISTING_WAITING, NFLOG_LISTING_FAILED,
	"waiting",
	"running",
	"interrupted",
	"ended",
	"failed",
);

typedef struct private_nflog_registry_t private_nflog_registry_t;

/**
 * Private data.
 */
struct private_nflog_registry_t {

	/**
	 * Public interface.
	 */
	nflog_registry_t public;

	/**
	 * Listings of traces that have not ended, nflog_listing_t => itself.
	 */
	hashtable_t *running;

	/**
	 * Those of traces of IKE_SAs, by unique id, => nflog_listing_t.
	 */
	hashtable_t *ike_sas;

	/**
	 * Listings of others, the oldest one first, nflog_listing_t.
	 */
	linked_list_t *history;

	/**
	 * Listings of traces that are to be handled, nflog_listing_t.
	 */
	linked_list_t *marked;

	/**
	 * Identifier of the last listing.
	 */
	uint64_t last;

	/**
	 * Guards all listings.
	 */
	mutex_t *mutex;

	/**
	 * Signaled when a trace begins, ends, or is no longer marked.
	 */
	condvar_t *condvar;
};

/**
 * What is known of a trace.
 */
struct nflog_listing_t {

	/**
	 * What get() returns.
	 */
	nflog_listing_data_t data;

	/**
	 * CHILD_SA or IKE_SA, and if more was known later, the same with that.  One of them owns
	 * what data.subject points to, the other one what it pointed to before.
	 */
	nflog_candidate_t *subject, *completed;

	/**
	 * Why packets can't be written, empty if they can.
	 */
	char error[NFLOG_REGISTRY_NOTE];

	/**
	 * The trace, NULL before it begins, and after it ended.
	 */
	nflog_trace_t *trace;

	/**
	 * TRUE if it is to be handled, and its files to be rotated.
	 */
	bool marked, rotate;

	/**
	 * References.
	 */
	u_int refs;
};

/**
 * Create a listing with one reference.
 */
static nflog_listing_t *listing_create(nflog_candidate_t *subject, nflog_point_t point,
									 nflog_listing_state_t state)
{
	nflog_listing_t *listing;

	INIT(listing,
		.data = {
			.point = point,
			.state = state,
			.since = time(NULL),
		},
		.refs = 1,
	);
	listing->subject = nflog_candidate_clone(subject);
	listing->data.subject = *listing->subject;
	return listing;
}

/**
 * Destroy a listing without references.
 */
static void listing_destroy(nflog_listing_t *listing)
{
	nflog_candidate_destroy(listing->subject);
	nflog_candidate_destroy(listing->completed);
	free(listing);
}

/**
 * Drop a reference, the mutex is locked.
 *
 * @return			listing to destroy without the lock, NULL if it has references
 */
static nflog_listing_t *put_ref(nflog_listing_t *listing)
{
	return --listing->refs ? NULL : listing;
}

/**
 * Do not handle a trace anymore, the mutex is locked.
 */
static void unmark(private_nflog_registry_t *this, nflog_listing_t *listing)
{
	if (listing->marked)
	{
		this->marked->remove(this->marked, listing, NULL);
		listing->marked = listing->rotate = FALSE;
		this->condvar->broadcast(this->condvar);
	}
}

/**
 * Add a listing to the history, which has its reference from then on.  The mutex is locked.
 *
 * @return			listing to destroy without the lock, NULL if there is none
 */
static nflog_listing_t *remember(private_nflog_registry_t *this, nflog_listing_t *listing)
{
	nflog_listing_t *oldest;

	this->history->insert_last(this->history, listing);
	if (this->history->get_count(this->history) > NFLOG_REGISTRY_HISTORY &&
		this->history->remove_first(this->history, (void**)&oldest) == SUCCESS)
	{
		return put_ref(oldest);
	}
	return NULL;
}

/**
 * Complete what is known of the IKE_SA of a CHILD_SA, whose trace began before the peer
 * authenticated itself.  The mutex is locked.
 */
static void identify(private_nflog_registry_t *this, nflog_candidate_t *child)
{
	nflog_candidate_t subject;
	nflog_listing_t *listing;

	listing = this->ike_sas->get(this->ike_sas, (void*)(uintptr_t)child->ike_id);
	if (listing && !listing->completed)
	{
		subject = *listing->subject;
		subject.identity = subject.identity ?: child->identity;
		subject.vips = subject.vips ?: child->vips;
		listing->completed = nflog_candidate_clone(&subject);
		listing->data.subject = *listing->completed;
	}
}

/**
 * Remove a listing from those of traces that have not ended.  The mutex is locked.
 */
static void remove_running(private_nflog_registry_t *this, nflog_listing_t *listing)
{
	void *id = (void*)(uintptr_t)listing->data.subject.ike_id;

	unmark(this, listing);
	this->running->remove(this->running, listing);
	if (this->ike_sas->get(this->ike_sas, id) == listing)
	{
		this->ike_sas->remove(this->ike_sas, id);
	}
}

METHOD(nflog_registry_t, add, nflog_listing_t*,
	private_nflog_registry_t *this, nflog_candidate_t *subject, nflog_point_t point)
{
	nflog_listing_t *listing;

	listing = listing_create(subject, point, NFLOG_LISTING_WAITING);
	this->mutex->lock(this->mutex);
	listing->data.id = ++this->last;
	this->running->put(this->running, listing, listing);
	if (point == POINT_IKE_IN)
	{
		this->ike_sas->put(this->ike_sas, (void*)(uintptr_t)subject->ike_id, listing);
	}
	else
	{
		identify(this, subject);
	}
	this->mutex->unlock(this->mutex);
	return listing;
}

METHOD(nflog_registry_t, refuse, void,
	private_nflog_registry_t *this, nflog_candidate_t *subject, nflog_point_t point,
	char *note)
{
	nflog_listing_t *listing, *old;

	listing = listing_create(subject, point, NFLOG_LISTING_FAILED);
	listing->data.until = listing->data.since;
	snprintf(listing->data.note, sizeof(listing->data.note), "%s", note);
	this->mutex->lock(this->mutex);
	listing->data.id = ++this->last;
	old = remember(this, listing);
	this->mutex->unlock(this->mutex);
	if (old)
	{
		listing_destroy(old);
	}
}

METHOD(nflog_registry_t, set_note, void,
	private_nflog_registry_t *this, nflog_listing_t *listing, char *note)
{
	this->mutex->lock(this->mutex);
	snprintf(listing->data.note, sizeof(listing->data.note), "%s", note);
	this->mutex->unlock(this->mutex);
}

/**
 * Set the name of the current file, the mutex is locked.
 */
static void set_file(nflog_listing_t *listing, char *file)
{
	snprintf(listing->data.file, sizeof(listing->data.file), "%s", file);
}

METHOD(nflog_registry_t, begin, void,
	private_nflog_registry_t *this, nflog_listing_t *listing, nflog_trace_t *trace,
	char *dir, char *file)
{
	this->mutex->lock(this->mutex);
	listing->trace = trace;
	listing->data.state = NFLOG_LISTING_RUNNING;
	snprintf(listing->data.dir, sizeof(listing->data.dir), "%s", dir);
	set_file(listing, file);
	if (nflog_trace_name_parse(listing->data.file, listing->data.spis) &&
		listing->data.point != POINT_IKE_IN)
	{
		listing->data.subject.spi_in = htonl(strtoul(listing->data.spis[0], NULL, 16));
		listing->data.subject.spi_out = htonl(strtoul(listing->data.spis[1], NULL, 16));
	}
	this->condvar->broadcast(this->condvar);
	this->mutex->unlock(this->mutex);
}

/**
 * Copy the counters of a trace that is written: those of the writer, and what the readers
 * count atomically.
 */
static void copy_counters(nflog_counters_t *to, nflog_counters_t *from)
{
	to->packets = from->packets;
	to->bytes = from->bytes;
	to->cut = from->cut;
	to->filtered = from->filtered;
	to->budget = from->budget;
	to->refused = from->refused;
	to->received = nflog_counters_get(&from->received);
	to->overrun = nflog_counters_get(&from->overrun);
}

METHOD(nflog_registry_t, update, void,
	private_nflog_registry_t *this, nflog_listing_t *listing, nflog_counters_t *counts,
	char *file, const char *error)
{
	nflog_listing_data_t *data = &listing->data;

	this->mutex->lock(this->mutex);
	copy_counters(&data->counts[0], &counts[0]);
	copy_counters(&data->counts[1], &counts[1]);
	data->state = error ? NFLOG_LISTING_INTERRUPTED : NFLOG_LISTING_RUNNING;
	snprintf(listing->error, sizeof(listing->error), "%s", error ?: "");
	if (!streq(data->file, file))
	{
		set_file(listing, file);
	}
	this->mutex->unlock(this->mutex);
}

METHOD(nflog_registry_t, end, void,
	private_nflog_registry_t *this, nflog_listing_t *listing, nflog_counters_t *counts)
{
	nflog_listing_t *old;

	this->mutex->lock(this->mutex);
	remove_running(this, listing);
	listing->trace = NULL;
	listing->data.state = NFLOG_LISTING_ENDED;
	listing->data.until = time(NULL);
	listing->data.counts[0] = counts[0];
	listing->data.counts[1] = counts[1];
	old = remember(this, listing);
	this->condvar->broadcast(this->condvar);
	this->mutex->unlock(this->mutex);
	if (old)
	{
		listing_destroy(old);
	}
}

METHOD(nflog_registry_t, release, void,
	private_nflog_registry_t *this, nflog_listing_t *listing)
{
	this->mutex->lock(this->mutex);
	listing = put_ref(listing);
	this->mutex->unlock(this->mutex);
	if (listing)
	{
		listing_destroy(listing);
	}
}

METHOD(nflog_registry_t, drop, void,
	private_nflog_registry_t *this, nflog_listing_t *listing)
{
	this->mutex->lock(this->mutex);
	remove_running(this, listing);
	listing->data.state = NFLOG_LISTING_FAILED;
	listing->data.until = time(NULL);
	this->condvar->broadcast(this->condvar);
	/* there is nothing to say if it was not wanted anymore */
	listing = listing->data.note[0] ? remember(this, listing) : put_ref(listing);
	this->mutex->unlock(this->mutex);
	if (listing)
	{
		listing_destroy(listing);
	}
}

/**
 * Compare listings by the order they were added.
 */
static int compare(const void *a, const void *b)
{
	nflog_listing_t *const *x = a, *const *y = b;

	return (*x)->data.id < (*y)->data.id ? -1 : (*x)->data.id > (*y)->data.id;
}

METHOD(nflog_registry_t, get_all, nflog_listing_t**,
	private_nflog_registry_t *this, u_int *count)
{
	nflog_listing_t **listings, *listing;
	enumerator_t *enumerator;
	u_int i = 0;

	this->mutex->lock(this->mutex);
	listings = calloc(this->running->get_count(this->running) +
					 this->history->get_count(this->history) + 1, sizeof(*listings));
	enumerator = this->running->create_enumerator(this->running);
	while (enumerator->enumerate(enumerator, NULL, &listing))
	{
		listing->refs++;
		listings[i++] = listing;
	}
	enumerator->destroy(enumerator);
	enumerator = this->history->create_enumerator(this->history);
	while (enumerator->enumerate(enumerator, &listing))
	{
		listing->refs++;
		listings[i++] = listing;
	}
	enumerator->destroy(enumerator);
	this->mutex->unlock(this->mutex);

	qsort(listings, i, sizeof(*listings), compare);
	*count = i;
	return listings;
}

METHOD(nflog_registry_t, get, void,
	private_nflog_registry_t *this, nflog_listing_t *listing, nflog_listing_data_t *data)
{
	this->mutex->lock(this->mutex);
	*data = listing->data;
	if (data->state == NFLOG_LISTING_WAITING && data->note[0])
	{
		data->state = NFLOG_LISTING_FAILED;
	}
	if (listing->error[0] && data->state == NFLOG_LISTING_INTERRUPTED)
	{
		memcpy(data->note, listing->error, sizeof(data->note));
	}
	this->mutex->unlock(this->mutex);
}

METHOD(nflog_registry_t, mark, bool,
	private_nflog_registry_t *this, nflog_listing_t *listing, bool rotate)
{
	bool marked;

	this->mutex->lock(this->mutex);
	if (listing->trace && !listing->marked)
	{
		listing->marked = TRUE;
		this->marked->insert_last(this->marked, listing);
	}
	listing->rotate |= rotate && listing->marked;
	marked = listing->marked;
	this->mutex->unlock(this->mutex);
	return marked;
}

METHOD(nflog_registry_t, handle, void,
	private_nflog_registry_t *this)
{
	time_t now = time(NULL);
	nflog_listing_t *listing;
	nflog_trace_t *trace;
	bool rotated;

	this->mutex->lock(this->mutex);
	while (this->marked->get_first(this->marked, (void**)&listing) == SUCCESS)
	{
		if (listing->rotate)
		{
			/* it remains valid, as this thread is the one that ends it */
			trace = listing->trace;
			this->mutex->unlock(this->mutex);
			/* calls update() with the new file */
			rotated = trace->rotate(trace, now);
			this->mutex->lock(this->mutex);
			listing->data.rotations += rotated;
		}
		unmark(this, listing);
	}
	this->mutex->unlock(this->mutex);
}

/**
 * Check if what is awaited has happened, the mutex is locked.
 */
static bool has_happened(nflog_listing_t *listing, nflog_listing_wait_t what)
{
	switch (what)
	{
		case NFLOG_LISTING_HANDLED:
			return !listing->marked;
		case NFLOG_LISTING_BEGUN:
			return listing->data.state != NFLOG_LISTING_WAITING;
		default:
			return listing->data.state >= NFLOG_LISTING_ENDED;
	}
}

METHOD(nflog_registry_t, wait_, bool,
	private_nflog_registry_t *this, nflog_listing_t *listing, nflog_listing_wait_t what,
	u_int timeout)
{
	timeval_t deadline;
	bool done;

	time_monotonic(&deadline);
	timeval_add_ms(&deadline, timeout);
	this->mutex->lock(this->mutex);
	while (!has_happened(listing, what) &&
		   !this->condvar->timed_wait_abs(this->condvar, this->mutex, deadline));
	done = has_happened(listing, what);
	this->mutex->unlock(this->mutex);
	return done;
}

METHOD(nflog_registry_t, destroy, void,
	private_nflog_registry_t *this)
{
	this->history->destroy_function(this->history, (void*)listing_destroy);
	this->marked->destroy(this->marked);
	this->ike_sas->destroy(this->ike_sas);
	this->running->destroy(this->running);
	this->condvar->destroy(this->condvar);
	this->mutex->destroy(this->mutex);
	free(this);
}

/*
 * Described in header
 */
nflog_registry_t *nflog_registry_create()
{
	private_nflog_registry_t *this;

	INIT(this,
		.public = {
			.add = _add,
			.refuse = _refuse,
			.set_note = _set_note,
			.begin = _begin,
			.update = _update,
			.end = _end,
			.drop = _drop,
			.get_all = _get_all,
			.get = _get,
			.release = _release,
			.mark = _mark,
			.handle = _handle,
			.wait = _wait_,
			.destroy = _destroy,
		},
		.running = hashtable_create(hashtable_hash_ptr, hashtable_equals_ptr, 32),
		.ike_sas = hashtable_create(hashtable_hash_ptr, hashtable_equals_ptr, 32),
		.history = linked_list_create(),
		.marked = linked_list_create(),
		.mutex = mutex_create(MUTEX_TYPE_DEFAULT),
		.condvar = condvar_create(CONDVAR_TYPE_DEFAULT),
	);
	return &this->public;
}
