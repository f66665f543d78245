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
 * What is known of a trace, as nflog_listing_data_t, but in less memory.
 */
struct nflog_listing_t {

	/**
	 * Identifies the trace.
	 */
	uint64_t id;

	/**
	 * CHILD_SA or IKE_SA, owned.  And if more was known later, the same with that, NULL
	 * before.
	 */
	nflog_candidate_t *subject, *completed;

	/**
	 * Capture point of arriving packets, and state of the trace.
	 */
	nflog_point_t point;
	nflog_listing_state_t state;

	/**
	 * What the trace lacks, and why packets can't be written, NULL if there is nothing to
	 * say.
	 */
	char *note, *error;

	/**
	 * When it was created, and when it ended.
	 */
	time_t since, until;

	/**
	 * Directory of its files, the first and the current one, NULL before it begins.
	 */
	char *dir, *first, *file;

	/**
	 * SPIs as in the name of the file.
	 */
	char spis[2][NFLOG_IKE_DIGITS + 1];

	/**
	 * How often its files were rotated, and its counters.
	 */
	u_int rotations;
	nflog_counters_t counts[2];

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
		.subject = nflog_candidate_clone(subject),
		.point = point,
		.state = state,
		.since = time(NULL),
		.refs = 1,
	);
	return listing;
}

/**
 * Destroy a listing without references.
 */
static void listing_destroy(nflog_listing_t *listing)
{
	nflog_candidate_destroy(listing->subject);
	nflog_candidate_destroy(listing->completed);
	free(listing->note);
	free(listing->error);
	free(listing->dir);
	free(listing->first);
	free(listing->file);
	free(listing);
}

/**
 * Replace a string, unless it is the same.
 *
 * @param to		string to replace, NULL for none
 * @param from		new one, cloned, NULL for none
 */
static void set_string(char **to, const char *from)
{
	if (from ? !*to || !streq(*to, from) : *to != NULL)
	{
		free(*to);
		*to = from ? strdup(from) : NULL;
	}
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

	listing = listing_create(subject, point, NFLOG_LISTING_WAITING);
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

	listing = listing_create(subject, point, NFLOG_LISTING_FAILED);
	listing->until = listing->since;
	set_string(&listing->note, note);
	this->mutex->lock(this->mutex);
	listing->id = ++this->last;
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
	set_string(&listing->note, note);
	this->mutex->unlock(this->mutex);
}

/**
 * Set the state of a trace that has not ended, the mutex is locked.
 */
static void set_state(nflog_listing_t *listing)
{
	if (listing->dir)
	{
		listing->state = listing->error ? NFLOG_LISTING_INTERRUPTED
										: NFLOG_LISTING_RUNNING;
	}
}

METHOD(nflog_registry_t, begin, void,
	private_nflog_registry_t *this, nflog_listing_t *listing, nflog_trace_t *trace,
	char *dir, char *file)
{
	this->mutex->lock(this->mutex);
	listing->trace = trace;
	set_string(&listing->dir, dir);
	set_string(&listing->first, file);
	set_state(listing);
	set_string(&listing->file, file);
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
	set_string(&listing->error, error);
	set_state(listing);
	set_string(&listing->file, file);
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
	listing->state = NFLOG_LISTING_FAILED;
	listing->until = time(NULL);
	this->condvar->broadcast(this->condvar);
	/* there is nothing to say if it was not wanted anymore */
	listing = listing->note ? remember(this, listing) : put_ref(listing);
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
	char *note;

	this->mutex->lock(this->mutex);
	note = listing->error ?: listing->note;
	*data = (nflog_listing_data_t){
		.id = listing->id,
		.subject = *(listing->completed ?: listing->subject),
		.point = listing->point,
		.state = listing->state == NFLOG_LISTING_WAITING && listing->note
						? NFLOG_LISTING_FAILED : listing->state,
		.since = listing->since,
		.until = listing->until,
		.interrupted = listing->error != NULL,
		.dir = listing->dir ?: "",
		.first = listing->first ?: "",
		.rotations = listing->rotations,
	};
	snprintf(data->note, sizeof(data->note), "%s", note ?: "");
	snprintf(data->file, sizeof(data->file), "%s", listing->file ?: "");
	memcpy(data->spis, listing->spis, sizeof(data->spis));
	memcpy(data->counts, listing->counts, sizeof(data->counts));
	this->mutex->unlock(this->mutex);
	if (data->point != POINT_IKE_IN && data->spis[0][0])
	{
		data->subject.spi_in = htonl(strtoul(data->spis[0], NULL, 16));
		data->subject.spi_out = htonl(strtoul(data->spis[1], NULL, 16));
	}
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
			listing->rotations += rotated;
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
			return listing->state != NFLOG_LISTING_WAITING;
		default:
			return listing->state >= NFLOG_LISTING_ENDED;
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
