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


#include "triggers.h"

#include <collections/linked_list.h>
#include <threading/mutex.h>

typedef struct private_nflog_triggers_t private_nflog_triggers_t;
typedef struct queued_t queued_t;

/**
 * Private data.
 */
struct private_nflog_triggers_t {

	/**
	 * Public interface.
	 */
	nflog_triggers_t public;

	/**
	 * Triggers, queued_t, and how many of them anybody can cause.
	 */
	linked_list_t *queued;
	u_int open;

	/**
	 * Number of triggers that were only counted.
	 */
	u_int lost;

	/**
	 * Protects these.
	 */
	mutex_t *mutex;
};

/**
 * Trigger that waits.
 */
struct queued_t {
	/** the trigger, owned */
	nflog_trigger_t *trigger;
	/** number of the request, 0 if it is none */
	uint64_t number;
};

METHOD(nflog_triggers_t, add, bool,
	private_nflog_triggers_t *this, nflog_trigger_t *trigger, uint64_t number)
{
	bool open = nflog_cause_is_open(trigger->cause), fits;
	queued_t *queued;

	INIT(queued,
		.trigger = nflog_trigger_clone(trigger),
		.number = number,
	);
	this->mutex->lock(this->mutex);
	fits = number || (this->queued->get_count(this->queued) < NFLOG_TRIGGERS_MAX &&
					  (!open || this->open < NFLOG_TRIGGERS_OPEN));
	if (fits)
	{
		this->queued->insert_last(this->queued, queued);
		this->open += open;
	}
	else
	{
		this->lost++;
	}
	this->mutex->unlock(this->mutex);
	if (!fits)
	{
		nflog_trigger_destroy(queued->trigger);
		free(queued);
	}
	return fits;
}

METHOD(nflog_triggers_t, take, nflog_trigger_t*,
	private_nflog_triggers_t *this, uint64_t *number, u_int *lost)
{
	nflog_trigger_t *trigger = NULL;
	queued_t *queued;

	*lost = 0;
	this->mutex->lock(this->mutex);
	if (this->queued->remove_first(this->queued, (void**)&queued) == SUCCESS)
	{
		trigger = queued->trigger;
		*number = queued->number;
		free(queued);
		this->open -= nflog_cause_is_open(trigger->cause);
	}
	else
	{
		*lost = this->lost;
		this->lost = 0;
	}
	this->mutex->unlock(this->mutex);
	return trigger;
}

METHOD(nflog_triggers_t, pending, bool,
	private_nflog_triggers_t *this)
{
	bool pending;

	this->mutex->lock(this->mutex);
	pending = this->queued->get_count(this->queued) > 0;
	this->mutex->unlock(this->mutex);
	return pending;
}

METHOD(nflog_triggers_t, destroy, void,
	private_nflog_triggers_t *this)
{
	queued_t *queued;

	while (this->queued->remove_first(this->queued, (void**)&queued) == SUCCESS)
	{
		nflog_trigger_destroy(queued->trigger);
		free(queued);
	}
	this->queued->destroy(this->queued);
	this->mutex->destroy(this->mutex);
	free(this);
}

/*
 * Described in header
 */
nflog_triggers_t *nflog_triggers_create()
{
	private_nflog_triggers_t *this;

	INIT(this,
		.public = {
			.add = _add,
			.take = _take,
			.pending = _pending,
			.destroy = _destroy,
		},
		.queued = linked_list_create(),
		.mutex = mutex_create(MUTEX_TYPE_DEFAULT),
	);
	return &this->public;
}
