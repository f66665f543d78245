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

#include "results.h"

#include <stdio.h>

#include <collections/linked_list.h>
#include <threading/condvar.h>
#include <threading/mutex.h>

typedef struct private_nflog_results_t private_nflog_results_t;
typedef struct result_t result_t;

/**
 * Private data.
 */
struct private_nflog_results_t {

	/**
	 * Public interface.
	 */
	nflog_results_t public;

	/**
	 * Results, result_t, the oldest one first, and the number of the last one.
	 */
	linked_list_t *list;
	uint64_t number;

	/**
	 * Protects both, signaled when a result is there.
	 */
	mutex_t *mutex;
	condvar_t *condvar;
};

/**
 * Result of a request.
 */
struct result_t {
	/** number of the request */
	uint64_t number;
	/** folders that are not complete, and one more until all were begun */
	u_int pending;
	/** paths of folders, separated by newlines */
	char *paths;
};

/**
 * Destroy a result.
 */
static void result_destroy(result_t *result)
{
	free(result->paths);
	free(result);
}

/**
 * Find a result, the mutex is locked.
 */
static result_t *find(private_nflog_results_t *this, uint64_t number)
{
	result_t *result, *found = NULL;
	enumerator_t *enumerator;

	enumerator = this->list->create_enumerator(this->list);
	while (!found && enumerator->enumerate(enumerator, &result))
	{
		found = result->number == number ? result : NULL;
	}
	enumerator->destroy(enumerator);
	return found;
}

METHOD(nflog_results_t, add, uint64_t,
	private_nflog_results_t *this)
{
	result_t *result, *oldest;
	uint64_t number;

	INIT(result,
		.pending = 1,
		.paths = strdup(""),
	);
	this->mutex->lock(this->mutex);
	number = result->number = ++this->number;
	this->list->insert_last(this->list, result);
	if (this->list->get_count(this->list) > NFLOG_RESULTS_MAX)
	{
		this->list->remove_first(this->list, (void**)&oldest);
		result_destroy(oldest);
	}
	this->mutex->unlock(this->mutex);
	return number;
}

METHOD(nflog_results_t, expect, void,
	private_nflog_results_t *this, uint64_t number)
{
	result_t *result;

	this->mutex->lock(this->mutex);
	result = find(this, number);
	if (result)
	{
		result->pending++;
	}
	this->mutex->unlock(this->mutex);
}

METHOD(nflog_results_t, complete, void,
	private_nflog_results_t *this, uint64_t number, char *path)
{
	result_t *result;
	char *paths;

	this->mutex->lock(this->mutex);
	result = find(this, number);
	if (result)
	{
		if (path && asprintf(&paths, "%s%s%s", result->paths, *result->paths ? "\n" : "",
							 path) >= 0)
		{
			free(result->paths);
			result->paths = paths;
		}
		if (!--result->pending)
		{
			this->condvar->broadcast(this->condvar);
		}
	}
	this->mutex->unlock(this->mutex);
}

METHOD(nflog_results_t, wait_, bool,
	private_nflog_results_t *this, uint64_t number, u_int timeout, char **paths)
{
	result_t *result;
	bool done;

	this->mutex->lock(this->mutex);
	result = find(this, number);
	if (result && result->pending)
	{
		this->condvar->timed_wait(this->condvar, this->mutex, timeout);
		result = find(this, number);
	}
	done = !result || !result->pending;
	if (done)
	{
		*paths = strdup(result ? result->paths : "");
	}
	this->mutex->unlock(this->mutex);
	return done;
}

METHOD(nflog_results_t, destroy, void,
	private_nflog_results_t *this)
{
	this->list->destroy_function(this->list, (void*)result_destroy);
	this->condvar->destroy(this->condvar);
	this->mutex->destroy(this->mutex);
	free(this);
}

/*
 * Described in header
 */
nflog_results_t *nflog_results_create()
{
	private_nflog_results_t *this;

	INIT(this,
		.public = {
			.add = _add,
			.expect = _expect,
			.complete = _complete,
			.wait = _wait_,
			.destroy = _destroy,
		},
		.list = linked_list_create(),
		.mutex = mutex_create(MUTEX_TYPE_DEFAULT),
		.condvar = condvar_create(CONDVAR_TYPE_DEFAULT),
	);
	return &this->public;
}
