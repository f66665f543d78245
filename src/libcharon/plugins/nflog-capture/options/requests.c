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

#include "requests.h"
#include "demand.h"

#include <time.h>

#include <collections/linked_list.h>
#include <processing/jobs/callback_job.h>
#include <threading/condvar.h>
#include <threading/mutex.h>

typedef struct private_nflog_requests_t private_nflog_requests_t;

/**
 * Private data.
 */
struct private_nflog_requests_t {

	/**
	 * Public interface.
	 */
	nflog_requests_t public;

	/**
	 * Called when requests have to be applied, and its data.
	 */
	nflog_requests_cb_t cb;
	void *data;

	/**
	 * Compiles filters.
	 */
	nflog_filters_t *filters;

	/**
	 * Lock for filters, held for as long as compiling one takes.
	 */
	mutex_t *filters_mutex;

	/**
	 * Requests in the order they were added, nflog_demand_t.
	 */
	linked_list_t *entries;

	/**
	 * Stops that were removed, until what they stopped starts again, nflog_demand_t.
	 */
	linked_list_t *lifted;

	/**
	 * When a job removes requests whose time is over, monotonic, 0 if there is none.
	 */
	time_t next;

	/**
	 * Id of the last request.
	 */
	uint32_t last;

	/**
	 * Number of changes of both lists.
	 */
	uint32_t changes;

	/**
	 * Lock for all after filters_mutex.
	 */
	mutex_t *mutex;

	/**
	 * Signaled when requests were applied, or removed.
	 */
	condvar_t *condvar;
};

METHOD(nflog_requests_t, decide, uint32_t,
	private_nflog_requests_t *this, nflog_candidate_t *candidate, nflog_cfg_t *cfg)
{
	uint32_t id = 0;
	nflog_demand_t *entry;

	this->mutex->lock(this->mutex);
	entry = nflog_demand_find(this->entries, candidate, cfg->points);
	if (entry)
	{
		id = entry->request->id;
		cfg->enable = cfg->running = entry->request->start;
		cfg->packets = entry->request->packets;
		/* it selects peers itself */
		free(cfg->identity);
		free(cfg->virtual_ip);
		cfg->identity = cfg->virtual_ip = NULL;
		nflog_values_override(&entry->values, cfg);
	}
	else if (nflog_demand_find(this->lifted, candidate, cfg->points))
	{
		cfg->running = TRUE;
	}
	this->mutex->unlock(this->mutex);
	return id;
}

METHOD(nflog_requests_t, has_point, bool,
	private_nflog_requests_t *this, char *conn, u_int points)
{
	enumerator_t *enumerator;
	nflog_demand_t *entry;
	bool found = FALSE;
	u_int set;

	this->mutex->lock(this->mutex);
	enumerator = this->entries->create_enumerator(this->entries);
	while (!found && enumerator->enumerate(enumerator, &entry))
	{
		/* unless set, the points are those that the options have */
		set = nflog_cfg_get_points(&entry->values.cfg);
		found = entry->request->start && (!set || set & points) &&
				(!conn || !entry->request->criteria.conn ||
				 streq(conn, entry->request->criteria.conn));
	}
	enumerator->destroy(enumerator);
	this->mutex->unlock(this->mutex);
	return found;
}

METHOD(nflog_requests_t, ike_rekeyed, void,
	private_nflog_requests_t *this, uint32_t old, uint32_t new)
{
	enumerator_t *enumerator;
	nflog_demand_t *entry;

	this->mutex->lock(this->mutex);
	enumerator = this->entries->create_enumerator(this->entries);
	while (enumerator->enumerate(enumerator, &entry))
	{
		nflog_demand_ike_rekeyed(entry, old, new);
	}
	enumerator->destroy(enumerator);
	this->mutex->unlock(this->mutex);
}

/**
 * Remove a request, mutex is locked.
 *
 * @param entry			request, removed from the list
 * @param lift			TRUE if what it stopped may start again
 */
static void remove_entry(private_nflog_requests_t *this, nflog_demand_t *entry, bool lift)
{
	nflog_demand_t *oldest;

	this->changes++;
	if (entry->request->start || !lift)
	{
		nflog_demand_destroy(entry);
		return;
	}
	entry->end = 0;
	entry->change = this->changes;
	this->lifted->insert_last(this->lifted, entry);
	if (this->lifted->get_count(this->lifted) > NFLOG_MAX_REQUESTS &&
		this->lifted->remove_first(this->lifted, (void**)&oldest) == SUCCESS)
	{
		nflog_demand_destroy(oldest);
	}
}

METHOD(nflog_requests_t, ike_gone, void,
	private_nflog_requests_t *this, uint32_t id)
{
	enumerator_t *enumerator;
	nflog_demand_t *entry;

	this->mutex->lock(this->mutex);
	enumerator = this->entries->create_enumerator(this->entries);
	while (enumerator->enumerate(enumerator, &entry))
	{
		if (nflog_demand_ike_gone(entry, id))
		{	/* there is nothing that it stopped */
			this->entries->remove_at(this->entries, enumerator);
			remove_entry(this, entry, FALSE);
		}
	}
	enumerator->destroy(enumerator);
	this->condvar->broadcast(this->condvar);
	this->mutex->unlock(this->mutex);
}

/**
 * Get when a job for the request whose time is over first is to be scheduled, mutex is
 * locked.  There is one job at a time, unless a later request ends earlier.
 *
 * @return				seconds until then, 0 for no job
 */
static time_t get_delay(private_nflog_requests_t *this, time_t now)
{
	time_t first = nflog_demand_get_end(this->entries);

	if (!first || (this->next && this->next <= first))
	{
		return 0;
	}
	this->next = first;
	return max(first - now, 1);
}

/**
 * Remove the requests whose time is over.
 */
CALLBACK(expire, job_requeue_t,
	private_nflog_requests_t *this)
{
	time_t now = time_monotonic(NULL), delay;
	enumerator_t *enumerator;
	nflog_demand_t *entry;
	bool expired = FALSE;

	this->mutex->lock(this->mutex);
	enumerator = this->entries->create_enumerator(this->entries);
	while (enumerator->enumerate(enumerator, &entry))
	{
		if (nflog_demand_is_over(entry))
		{
			this->entries->remove_at(this->entries, enumerator);
			remove_entry(this, entry, TRUE);
			expired = TRUE;
		}
	}
	enumerator->destroy(enumerator);
	if (this->next && now >= this->next)
	{
		this->next = 0;
	}
	delay = get_delay(this, now);
	this->condvar->broadcast(this->condvar);
	this->mutex->unlock(this->mutex);
	if (expired)
	{
		this->cb(this->data);
	}
	if (delay)
	{
		return JOB_RESCHEDULE(delay);
	}
	return JOB_REQUEUE_NONE;
}

/**
 * Schedule a job that removes requests after their duration, mutex is locked.
 */
static void schedule(private_nflog_requests_t *this)
{
	time_t delay = get_delay(this, time_monotonic(NULL));

	if (delay)
	{
		lib->scheduler->schedule_job(lib->scheduler,
					(job_t*)callback_job_create(expire, this, NULL, NULL), delay);
	}
}

/**
 * Parse a request, compiling a filter takes time.
 *
 * @param values		receives its options
 */
static bool parse(private_nflog_requests_t *this, nflog_request_t *request,
				  nflog_values_t *values, char *error)
{
	bool valid;

	this->filters_mutex->lock(this->filters_mutex);
	valid = nflog_request_parse(request, values, this->filters, error);
	/* the last one stays, captures have references to others */
	this->filters->sweep(this->filters);
	this->filters_mutex->unlock(this->filters_mutex);
	if (!valid)
	{
		nflog_cfg_clear(&values->cfg);
	}
	return valid;
}

/**
 * Remove a request that another one replaces, mutex is locked.
 */
static void replace(private_nflog_requests_t *this, nflog_request_t *request)
{
	enumerator_t *enumerator;
	nflog_demand_t *entry;

	enumerator = this->entries->create_enumerator(this->entries);
	while (enumerator->enumerate(enumerator, &entry))
	{
		if (nflog_request_replaces(request, entry->request))
		{
			this->entries->remove_at(this->entries, enumerator);
			remove_entry(this, entry, FALSE);
		}
	}
	enumerator->destroy(enumerator);
	this->condvar->broadcast(this->condvar);
}

METHOD(nflog_requests_t, add, uint32_t,
	private_nflog_requests_t *this, nflog_request_t *request,
	char error[NFLOG_REQUEST_ERROR])
{
	nflog_values_t values;
	nflog_demand_t *entry;
	uint32_t id;

	if (!parse(this, request, &values, error))
	{
		return 0;
	}
	entry = nflog_demand_create(request, &values);
	this->mutex->lock(this->mutex);
	replace(this, request);
	if (this->entries->get_count(this->entries) >= NFLOG_MAX_REQUESTS &&
		!nflog_request_is_all(request))
	{
		this->mutex->unlock(this->mutex);
		snprintf(error, NFLOG_REQUEST_ERROR, "there are %d requests already, withdraw "
				 "some with --request ID, or all with --request all", NFLOG_MAX_REQUESTS);
		nflog_demand_destroy(entry);
		return 0;
	}
	id = entry->request->id = ++this->last;
	entry->change = ++this->changes;
	this->entries->insert_last(this->entries, entry);
	schedule(this);
	this->mutex->unlock(this->mutex);

	this->cb(this->data);
	return id;
}

/**
 * Find a request, mutex is locked.
 */
static nflog_demand_t *find(private_nflog_requests_t *this, uint32_t id)
{
	enumerator_t *enumerator;
	nflog_demand_t *entry, *found = NULL;

	enumerator = this->entries->create_enumerator(this->entries);
	while (!found && enumerator->enumerate(enumerator, &entry))
	{
		found = entry->request->id == id ? entry : NULL;
	}
	enumerator->destroy(enumerator);
	return found;
}

METHOD(nflog_requests_t, remove_, bool,
	private_nflog_requests_t *this, uint32_t id)
{
	nflog_demand_t *entry;

	this->mutex->lock(this->mutex);
	entry = find(this, id);
	if (entry)
	{
		this->entries->remove(this->entries, entry, NULL);
		remove_entry(this, entry, TRUE);
		this->condvar->broadcast(this->condvar);
	}
	this->mutex->unlock(this->mutex);
	if (entry)
	{
		this->cb(this->data);
	}
	return entry != NULL;
}

METHOD(nflog_requests_t, remove_all, u_int,
	private_nflog_requests_t *this)
{
	nflog_demand_t *entry;
	u_int count = 0;

	this->mutex->lock(this->mutex);
	while (this->entries->remove_first(this->entries, (void**)&entry) == SUCCESS)
	{
		remove_entry(this, entry, TRUE);
		count++;
	}
	this->condvar->broadcast(this->condvar);
	this->mutex->unlock(this->mutex);
	if (count)
	{
		this->cb(this->data);
	}
	return count;
}

/**
 * Destroy a list of requests.
 */
static void destroy_list(void *list)
{
	((linked_list_t*)list)->destroy_function(list, (void*)nflog_request_destroy);
}

METHOD(nflog_requests_t, create_enumerator, enumerator_t*,
	private_nflog_requests_t *this)
{
	linked_list_t *list = linked_list_create();
	enumerator_t *enumerator;
	nflog_demand_t *entry;

	this->mutex->lock(this->mutex);
	enumerator = this->entries->create_enumerator(this->entries);
	while (enumerator->enumerate(enumerator, &entry))
	{
		list->insert_last(list, nflog_request_clone(entry->request));
	}
	enumerator->destroy(enumerator);
	this->mutex->unlock(this->mutex);
	return enumerator_create_cleaner(list->create_enumerator(list), destroy_list, list);
}

METHOD(nflog_requests_t, wait_, bool,
	private_nflog_requests_t *this, uint32_t id, u_int timeout)
{
	timeval_t deadline;
	nflog_demand_t *entry;
	bool timed_out = FALSE, applied;

	time_monotonic(&deadline);
	timeval_add_ms(&deadline, timeout);
	this->mutex->lock(this->mutex);
	entry = find(this, id);
	while (entry && !entry->request->applied && !timed_out)
	{
		timed_out = this->condvar->timed_wait_abs(this->condvar, this->mutex, deadline);
		entry = find(this, id);
	}
	applied = !entry || entry->request->applied;
	this->mutex->unlock(this->mutex);
	return applied;
}

METHOD(nflog_requests_t, begin, uint32_t,
	private_nflog_requests_t *this)
{
	enumerator_t *enumerator;
	nflog_demand_t *entry;
	uint32_t begun;

	this->mutex->lock(this->mutex);
	begun = this->changes;
	enumerator = this->entries->create_enumerator(this->entries);
	while (enumerator->enumerate(enumerator, &entry))
	{
		if (!entry->settled)
		{	/* these are tried again now */
			entry->request->failed = entry->request->follows = 0;
		}
	}
	enumerator->destroy(enumerator);
	this->mutex->unlock(this->mutex);
	return begun;
}

METHOD(nflog_requests_t, count, void,
	private_nflog_requests_t *this, uint32_t id, nflog_request_event_t event)
{
	nflog_request_t *request;
	nflog_demand_t *entry;

	this->mutex->lock(this->mutex);
	entry = find(this, id);
	if (entry && !entry->settled)
	{
		request = entry->request;
		switch (event)
		{
			case NFLOG_REQUEST_STARTED_WITHOUT_KEYS:
				request->without_keys++;
				/* fall-through */
			case NFLOG_REQUEST_STARTED:
				request->started++;
				break;
			case NFLOG_REQUEST_RUNNING:
				/* later, these are those that it started */
				request->running += !entry->tried;
				break;
			case NFLOG_REQUEST_ENDED:
				request->ended++;
				break;
			case NFLOG_REQUEST_FAILED:
				request->failed++;
				break;
			case NFLOG_REQUEST_FOLLOWS:
				request->follows++;
				entry->waits = TRUE;
				break;
		}
	}
	this->mutex->unlock(this->mutex);
}

METHOD(nflog_requests_t, done, void,
	private_nflog_requests_t *this, uint32_t begun, bool success)
{
	enumerator_t *enumerator;
	nflog_demand_t *entry;

	this->mutex->lock(this->mutex);
	enumerator = this->entries->create_enumerator(this->entries);
	while (enumerator->enumerate(enumerator, &entry))
	{
		/* the number of changes may wrap around */
		if ((int32_t)(begun - entry->change) >= 0)
		{
			nflog_demand_set_applied(entry, success);
		}
	}
	enumerator->destroy(enumerator);
	schedule(this);
	enumerator = this->lifted->create_enumerator(this->lifted);
	while (enumerator->enumerate(enumerator, &entry))
	{
		if (success && (int32_t)(begun - entry->change) >= 0)
		{
			this->lifted->remove_at(this->lifted, enumerator);
			nflog_demand_destroy(entry);
		}
	}
	enumerator->destroy(enumerator);
	this->condvar->broadcast(this->condvar);
	this->mutex->unlock(this->mutex);
}

METHOD(nflog_requests_t, destroy, void,
	private_nflog_requests_t *this)
{
	this->entries->destroy_function(this->entries, (void*)nflog_demand_destroy);
	this->lifted->destroy_function(this->lifted, (void*)nflog_demand_destroy);
	this->filters->destroy(this->filters);
	this->filters_mutex->destroy(this->filters_mutex);
	this->condvar->destroy(this->condvar);
	this->mutex->destroy(this->mutex);
	free(this);
}

/*
 * Described in header
 */
nflog_requests_t *nflog_requests_create(nflog_requests_cb_t cb, void *data)
{
	private_nflog_requests_t *this;

	INIT(this,
		.public = {
			.add = _add,
			.remove = _remove_,
			.remove_all = _remove_all,
			.create_enumerator = _create_enumerator,
			.wait = _wait_,
			.decide = _decide,
			.has_point = _has_point,
			.ike_rekeyed = _ike_rekeyed,
			.ike_gone = _ike_gone,
			.begin = _begin,
			.count = _count,
			.done = _done,
			.destroy = _destroy,
		},
		.cb = cb,
		.data = data,
		.filters = nflog_filters_create(),
		.filters_mutex = mutex_create(MUTEX_TYPE_DEFAULT),
		.entries = linked_list_create(),
		.lifted = linked_list_create(),
		.mutex = mutex_create(MUTEX_TYPE_DEFAULT),
		.condvar = condvar_create(CONDVAR_TYPE_DEFAULT),
	);
	return &this->public;
}
