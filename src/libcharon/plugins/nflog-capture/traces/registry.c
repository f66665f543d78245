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

#include <time.h>

#include <collections/hashtable.h>
#include <collections/linked_list.h>
#include <threading/condvar.h>
#include <threading/mutex.h>

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
	 * Traces that are to be handled, in the order they were marked, mark_t.
	 */
	linked_list_t *marks;

	/**
	 * Number of the last mark, and of the last one that was handled.
	 */
	uint64_t last_mark, handled;

	/**
	 * Identifier of the last listing.
	 */
	uint64_t last;

	/**
	 * Guards all listings.
	 */
	mutex_t *mutex;

	/**
	 * Signaled when a trace begins, ends, or was handled.
	 */
	condvar_t *condvar;
};

/**
 * Trace that is to be handled.
 */
typedef struct {

	/**
	 * Its listing, which has not ended.
	 */
	nflog_listing_t *listing;

	/**
	 * Number of the mark.
	 */
	uint64_t number;

	/**
	 * When it was marked, monotonic time.
	 */
	timeval_t time;

	/**
	 * TRUE to rotate its files.
	 */
	bool rotate;
} mark_t;

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
	enumerator_t *enumerator;
	mark_t *mark;

	enumerator = this->marks->create_enumerator(this->marks);
	while (enumerator->enumerate(enumerator, &mark))
	{
		if (mark->listing == listing)
		{
			this->marks->remove_at(this->marks, enumerator);
			free(mark);
		}
	}
	enumerator->destroy(enumerator);
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
	}
}

/**
 * Remove a listing from those of traces that have not ended.  The mutex is locked.
 */
static void remove_running(private_nflog_registry_t *this, nflog_listing_t *listing)
{
	void *id = (void*)(uintptr_t)listing->subject->ike_id;

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

	listing = nflog_listing_create(subject, point, NFLOG_LISTING_WAITING);
	this->mutex->lock(this->mutex);
	listing->id = ++this->last;
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

	listing = nflog_listing_create(subject, point, NFLOG_LISTING_FAILED);
	listing->until = listing->since;
	nflog_listing_set(&listing->note, note);
	this->mutex->lock(this->mutex);
	listing->id = ++this->last;
	old = remember(this, listing);
	this->mutex->unlock(this->mutex);
	if (old)
	{
		nflog_listing_destroy(old);
	}
}

METHOD(nflog_registry_t, set_note, void,
	private_nflog_registry_t *this, nflog_listing_t *listing, char *note)
{
	this->mutex->lock(this->mutex);
	nflog_listing_set(&listing->note, note);
	this->mutex->unlock(this->mutex);
}

METHOD(nflog_registry_t, begin, void,
	private_nflog_registry_t *this, nflog_listing_t *listing, nflog_trace_t *trace,
	char *dir, char *file)
{
	this->mutex->lock(this->mutex);
	listing->trace = trace;
	nflog_listing_set(&listing->dir, dir);
	nflog_listing_set(&listing->first, file);
	nflog_listing_set_state(listing);
	nflog_listing_set(&listing->file, file);
	nflog_trace_name_parse(file, listing->spis);
	this->condvar->broadcast(this->condvar);
	this->mutex->unlock(this->mutex);
}

METHOD(nflog_registry_t, update, void,
	private_nflog_registry_t *this, nflog_listing_t *listing, nflog_counters_t *counts,
	char *file, const char *error)
{
	this->mutex->lock(this->mutex);
	nflog_counters_copy(&listing->counts[0], &counts[0]);
	nflog_counters_copy(&listing->counts[1], &counts[1]);
	nflog_listing_set(&listing->error, error);
	nflog_listing_set_state(listing);
	nflog_listing_set(&listing->file, file);
	this->mutex->unlock(this->mutex);
}

METHOD(nflog_registry_t, end, void,
	private_nflog_registry_t *this, nflog_listing_t *listing, nflog_counters_t *counts)
{
	nflog_listing_t *old;

	this->mutex->lock(this->mutex);
	remove_running(this, listing);
	listing->trace = NULL;
	listing->state = NFLOG_LISTING_ENDED;
	listing->until = time(NULL);
	listing->counts[0] = counts[0];
	listing->counts[1] = counts[1];
	old = remember(this, listing);
	this->condvar->broadcast(this->condvar);
	this->mutex->unlock(this->mutex);
	if (old)
	{
		nflog_listing_destroy(old);
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
		nflog_listing_destroy(listing);
	}
}

METHOD(nflog_registry_t, drop, void,
	private_nflog_registry_t *this, nflog_listing_t *listing)
{
	this->mutex->lock(this->mutex);
	remove_running(this, listing);
	listing->state = NFLOG_LISTING_FAILED;
	listing->until = time(NULL);
	this->condvar->broadcast(this->condvar);
	/* there is nothing to say if it was not wanted anymore */
	listing = listing->note ? remember(this, listing) : put_ref(listing);
	this->mutex->unlock(this->mutex);
	if (listing)
	{
		nflog_listing_destroy(listing);
	}
}

/**
 * Compare listings by the order they were added.
 */
static int compare(const void *a, const void *b)
{
	nflog_listing_t *const *x = a, *const *y = b;

	return (*x)->id < (*y)->id ? -1 : (*x)->id > (*y)->id;
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
	nflog_listing_get(listing, data);
	this->mutex->unlock(this->mutex);
}

METHOD(nflog_registry_t, mark_, uint64_t,
	private_nflog_registry_t *this, nflog_listing_t *listing, bool rotate)
{
	uint64_t number = 0;
	mark_t *mark;

	this->mutex->lock(this->mutex);
	if (listing->state < NFLOG_LISTING_ENDED)
	{
		number = ++this->last_mark;
		INIT(mark,
			.listing = listing,
			.number = number,
			.rotate = rotate,
		);
		time_monotonic(&mark->time);
		this->marks->insert_last(this->marks, mark);
	}
	this->mutex->unlock(this->mutex);
	return number;
}

METHOD(nflog_registry_t, get_mark, bool,
	private_nflog_registry_t *this, timeval_t *time)
{
	mark_t *mark = NULL;

	this->mutex->lock(this->mutex);
	if (this->marks->get_first(this->marks, (void**)&mark) == SUCCESS)
	{
		*time = mark->time;
	}
	this->mutex->unlock(this->mutex);
	return mark != NULL;
}

/**
 * Remove the next mark, if it was set up to some time.  The mutex is locked.
 */
static mark_t *next_mark(private_nflog_registry_t *this, timeval_t *until)
{
	mark_t *mark;

	if (this->marks->get_first(this->marks, (void**)&mark) != SUCCESS ||
		timercmp(&mark->time, until, >))
	{
		return NULL;
	}
	this->marks->remove_first(this->marks, (void**)&mark);
	return mark;
}

METHOD(nflog_registry_t, handle, void,
	private_nflog_registry_t *this, timeval_t *until)
{
	time_t now = time(NULL);
	nflog_trace_t *trace;
	mark_t *mark;
	bool rotated;

	this->mutex->lock(this->mutex);
	while ((mark = next_mark(this, until)))
	{
		trace = mark->listing->trace;
		if (mark->rotate && trace)
		{
			/* both remain valid, as this thread is the one that ends the trace */
			this->mutex->unlock(this->mutex);
			/* calls update() with the new file */
			rotated = trace->rotate(trace, now);
			this->mutex->lock(this->mutex);
			mark->listing->rotations += rotated;
		}
		this->handled = mark->number;
		free(mark);
		this->condvar->broadcast(this->condvar);
	}
	this->mutex->unlock(this->mutex);
}

/**
 * Check if a trace was handled up to a mark, or ended, the mutex is locked.
 */
static bool is_handled(private_nflog_registry_t *this, nflog_listing_t *listing,
					   uint64_t mark)
{
	return listing->state >= NFLOG_LISTING_ENDED || this->handled >= mark;
}

/**
 * Check if what is awaited has happened, the mutex is locked.
 */
static bool has_happened(private_nflog_registry_t *this, nflog_listing_t *listing,
						 uint64_t what)
{
	return what == NFLOG_LISTING_BEGUN ? listing->state != NFLOG_LISTING_WAITING
									   : listing->state >= NFLOG_LISTING_ENDED;
}

/**
 * Wait until something is so.
 *
 * @param check			checks if it is so, the mutex is locked
 * @param arg			argument to check
 * @param timeout		ms to wait at most
 * @return				FALSE if it is not
 */
static bool await(private_nflog_registry_t *this, nflog_listing_t *listing,
				  bool (*check)(private_nflog_registry_t*, nflog_listing_t*, uint64_t),
				  uint64_t arg, u_int timeout)
{
	timeval_t deadline;
	bool done;

	time_monotonic(&deadline);
	timeval_add_ms(&deadline, timeout);
	this->mutex->lock(this->mutex);
	while (!check(this, listing, arg) &&
		   !this->condvar->timed_wait_abs(this->condvar, this->mutex, deadline));
	done = check(this, listing, arg);
	this->mutex->unlock(this->mutex);
	return done;
}

METHOD(nflog_registry_t, wait_mark, bool,
	private_nflog_registry_t *this, nflog_listing_t *listing, uint64_t mark,
	u_int timeout)
{
	return await(this, listing, is_handled, mark, timeout);
}

METHOD(nflog_registry_t, wait_, bool,
	private_nflog_registry_t *this, nflog_listing_t *listing, nflog_listing_wait_t what,
	u_int timeout)
{
	return await(this, listing, has_happened, what, timeout);
}

METHOD(nflog_registry_t, destroy, void,
	private_nflog_registry_t *this)
{
	this->history->destroy_function(this->history, (void*)nflog_listing_destroy);
	this->marks->destroy(this->marks);
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
			.mark = _mark_,
			.get_mark = _get_mark,
			.handle = _handle,
			.wait_mark = _wait_mark,
			.wait = _wait_,
			.destroy = _destroy,
		},
		.running = hashtable_create(hashtable_hash_ptr, hashtable_equals_ptr, 32),
		.ike_sas = hashtable_create(hashtable_hash_ptr, hashtable_equals_ptr, 32),
		.history = linked_list_create(),
		.marks = linked_list_create(),
		.mutex = mutex_create(MUTEX_TYPE_DEFAULT),
		.condvar = condvar_create(CONDVAR_TYPE_DEFAULT),
	);
	return &this->public;
}
