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

#include "recorder.h"
#include "recording.h"
#include "results.h"
#include "options/values.h"

#include <collections/hashtable.h>
#include <collections/linked_list.h>
#include <threading/mutex.h>

/** times recorder_interval for triggers that anybody can cause */
#define OPEN_FACTOR 10

typedef struct private_nflog_recorder_t private_nflog_recorder_t;
typedef struct entry_t entry_t;
typedef struct queued_t queued_t;

/**
 * Private data.
 */
struct private_nflog_recorder_t {

	/**
	 * Public interface.
	 */
	nflog_recorder_t public;

	/**
	 * Has the files, not owned.
	 */
	nflog_store_t *store;

	/**
	 * Has the folders.
	 */
	nflog_folders_t *folders;

	/**
	 * Lines that charon logged.
	 */
	nflog_log_lines_t *lines;

	/**
	 * Connections, directory => entry_t.
	 */
	hashtable_t *entries;

	/**
	 * Connections whose folder is filled, entry_t.
	 */
	linked_list_t *recording;

	/**
	 * Called after a trigger was queued, and its data.
	 */
	void (*cb)(void *data);
	void *data;

	/**
	 * Results of requests.
	 */
	nflog_results_t *results;

	/**
	 * Triggers that wait, queued_t, and how many were lost as there were too many.
	 */
	linked_list_t *queued;
	u_int lost;

	/**
	 * Protects both.
	 */
	mutex_t *mutex;
};

/**
 * Connection with a recorder.
 */
struct entry_t {

	/**
	 * Name of the connection, and of its directory.
	 */
	char *conn;
	char dir[NFLOG_NAME_SIZE];

	/**
	 * What is held of it, bytes.
	 */
	nflog_tape_t *tape;
	uint64_t size;

	/**
	 * Seconds after a trigger that are saved as well.
	 */
	u_int after;

	/**
	 * Folder that is filled, NULL if there is none.
	 */
	nflog_recording_t *recording;

	/**
	 * When the last folder began, monotonic, 0 if there was none.
	 */
	time_t begun;

	/**
	 * Triggers since then that were not saved, and when the first one was.
	 */
	u_int skipped;
	time_t skipped_since;

	/**
	 * Requests that wait for the folder, uint64_t* (allocated).
	 */
	linked_list_t *requests;
};

/**
 * Trigger that waits.
 */
struct queued_t {
	/** the trigger, what it points to is owned */
	nflog_trigger_t trigger;
	/** number of the request, 0 if it is none */
	uint64_t number;
};

METHOD(nflog_recorder_t, get_tape, nflog_tape_t*,
	private_nflog_recorder_t *this, char *conn, uint64_t size, u_int after)
{
	char dir[NFLOG_NAME_SIZE];
	entry_t *entry;

	entry = this->entries->get(this->entries, nflog_trace_name_label(conn, dir));
	if (!entry)
	{
		INIT(entry,
			.conn = strdup(conn),
			.tape = nflog_tape_create(this->store, dir, size),
			.requests = linked_list_create(),
		);
		memcpy(entry->dir, dir, sizeof(dir));
		this->entries->put(this->entries, entry->dir, entry);
	}
	entry->tape->set_size(entry->tape, size);
	entry->size = size;
	entry->after = after;
	return entry->tape;
}

/**
 * Destroy a trigger that waited.
 */
static void queued_destroy(queued_t *queued)
{
	free(queued->trigger.conn);
	free(queued->trigger.detail);
	free(queued);
}

/**
 * Queue a trigger.
 *
 * @param number		number of the request, 0 if it is none
 */
static void queue(private_nflog_recorder_t *this, nflog_trigger_t *trigger,
				  uint64_t number)
{
	queued_t *queued;

	INIT(queued,
		.trigger = *trigger,
		.number = number,
	);
	queued->trigger.conn = trigger->conn ? strdup(trigger->conn) : NULL;
	queued->trigger.detail = trigger->detail ? strdup(trigger->detail) : NULL;
	this->mutex->lock(this->mutex);
	if (number || this->queued->get_count(this->queued) < NFLOG_RECORDER_TRIGGERS)
	{
		this->queued->insert_last(this->queued, queued);
		queued = NULL;
	}
	else
	{
		this->lost++;
	}
	this->mutex->unlock(this->mutex);
	if (queued)
	{
		queued_destroy(queued);
	}
	else if (this->cb)
	{
		this->cb(this->data);
	}
}

METHOD(nflog_recorder_t, trigger, void,
	private_nflog_recorder_t *this, nflog_trigger_t *trigger)
{
	queue(this, trigger, 0);
}

METHOD(nflog_recorder_t, request, uint64_t,
	private_nflog_recorder_t *this, char *conn, char *detail)
{
	nflog_trigger_t trigger = {
		.conn = conn,
		.cause = CAUSE_REQUESTED,
		.detail = detail,
	};
	uint64_t number;

	gettimeofday(&trigger.time, NULL);
	number = this->results->add(this->results);
	queue(this, &trigger, number);
	return number;
}

/**
 * Let a request wait for the folder of a connection.
 */
static void add_request(private_nflog_recorder_t *this, entry_t *entry, uint64_t number)
{
	uint64_t *copy;

	if (number)
	{
		copy = malloc_thing(uint64_t);
		*copy = number;
		entry->requests->insert_last(entry->requests, copy);
		this->results->expect(this->results, number);
	}
}

METHOD(nflog_recorder_t, wait_, bool,
	private_nflog_recorder_t *this, uint64_t number, u_int timeout, char **paths)
{
	return this->results->wait(this->results, number, timeout, paths);
}

METHOD(nflog_recorder_t, set_cb, void,
	private_nflog_recorder_t *this, void (*cb)(void *data), void *data)
{
	this->cb = cb;
	this->data = data;
}

METHOD(nflog_recorder_t, get_lines, nflog_log_lines_t*,
	private_nflog_recorder_t *this)
{
	return this->lines;
}

/**
 * Check if it is too soon for another folder of a connection.
 */
static bool is_too_soon(entry_t *entry, nflog_trigger_t *trigger)
{
	uint64_t interval = nflog_values_recorder_interval();

	if (nflog_cause_is_open(trigger->cause))
	{
		interval *= OPEN_FACTOR;
	}
	return trigger->cause != CAUSE_REQUESTED && entry->begun &&
		   time_monotonic(NULL) - entry->begun < interval;
}

/**
 * Begin to save what the recorder of a connection holds.
 */
static void begin(private_nflog_recorder_t *this, entry_t *entry,
				  nflog_trigger_t *trigger)
{
	nflog_recording_args_t args = {
		.store = this->store,
		.folders = this->folders,
		.lines = this->lines,
		.conn = entry->conn,
		.dir = entry->dir,
		.tape = entry->tape,
		.skipped = entry->skipped,
		.skipped_since = entry->skipped_since,
	};

	if (trigger->cause != CAUSE_REQUESTED)
	{	/* also if it fails, not to try that too often */
		entry->begun = time_monotonic(NULL);
	}
	entry->recording = nflog_recording_create(&args, trigger, entry->size, entry->after);
	if (entry->recording)
	{
		entry->skipped = 0;
		this->recording->insert_last(this->recording, entry);
	}
}

/**
 * Count a trigger for which there is no folder, which is logged the first time.
 */
static void skip(entry_t *entry, nflog_trigger_t *trigger, char *reason)
{
	if (!entry->skipped++)
	{
		entry->skipped_since = trigger->time.tv_sec;
		DBG1(DBG_CHD, "nflog-capture: %s, not saving what the recorder of connection '%s' "
			 "holds, %s", nflog_cause_describe(trigger->cause), entry->conn, reason);
	}
}

/**
 * Handle a trigger of a connection with a recorder.
 *
 * @param number		number of the request, 0 if it is none
 */
static void handle_trigger(private_nflog_recorder_t *this, entry_t *entry,
						   nflog_trigger_t *trigger, uint64_t number)
{
	if (entry->recording)
	{
		entry->recording->add(entry->recording, trigger);
	}
	else if (is_too_soon(entry, trigger))
	{
		skip(entry, trigger, "the last folder is too recent, see recorder_interval");
	}
	else if (this->recording->get_count(this->recording) >= NFLOG_RECORDER_FOLDERS)
	{
		skip(entry, trigger, "others are being saved, trying again with the next trigger");
	}
	else
	{
		begin(this, entry, trigger);
	}
	if (entry->recording)
	{
		add_request(this, entry, number);
	}
}

/**
 * Handle a trigger.
 */
static void handle_queued(private_nflog_recorder_t *this, queued_t *queued)
{
	nflog_trigger_t *trigger = &queued->trigger;
	char dir[NFLOG_NAME_SIZE];
	enumerator_t *enumerator;
	entry_t *entry;

	if (trigger->conn && trigger->size)
	{	/* it may be that nothing was captured so far */
		get_tape(this, trigger->conn, trigger->size, trigger->after);
	}
	if (trigger->conn)
	{
		entry = this->entries->get(this->entries,
								   nflog_trace_name_label(trigger->conn, dir));
		if (entry)
		{
			handle_trigger(this, entry, trigger, queued->number);
		}
	}
	else
	{
		enumerator = this->entries->create_enumerator(this->entries);
		while (enumerator->enumerate(enumerator, NULL, &entry))
		{
			handle_trigger(this, entry, trigger, queued->number);
		}
		enumerator->destroy(enumerator);
	}
	if (queued->number)
	{
		this->results->complete(this->results, queued->number, NULL);
	}
}

METHOD(nflog_recorder_t, work, void,
	private_nflog_recorder_t *this)
{
	queued_t *queued;
	u_int lost;

	do
	{
		this->mutex->lock(this->mutex);
		if (this->queued->remove_first(this->queued, (void**)&queued) != SUCCESS)
		{
			queued = NULL;
		}
		lost = queued ? 0 : this->lost;
		this->lost -= lost;
		this->mutex->unlock(this->mutex);
		if (queued)
		{
			handle_queued(this, queued);
			queued_destroy(queued);
		}
	}
	while (queued);
	if (lost)
	{
		DBG1(DBG_CHD, "nflog-capture: %u triggers of recorders were ignored, as there were "
			 "too many", lost);
	}
}

/**
 * Get the connection whose folder has to be completed first.
 *
 * @param end			receives the time, monotonic
 * @return				NULL if there is none
 */
static entry_t *get_first(private_nflog_recorder_t *this, timeval_t *end)
{
	entry_t *entry, *first = NULL;
	enumerator_t *enumerator;
	timeval_t other;

	enumerator = this->recording->create_enumerator(this->recording);
	while (enumerator->enumerate(enumerator, &entry))
	{
		entry->recording->get_end(entry->recording, &other);
		if (!first || timercmp(&other, end, <))
		{
			first = entry;
			*end = other;
		}
	}
	enumerator->destroy(enumerator);
	return first;
}

METHOD(nflog_recorder_t, get_mark, bool,
	private_nflog_recorder_t *this, timeval_t *until)
{
	timeval_t now;

	time_monotonic(&now);
	return get_first(this, until) && !timercmp(until, &now, >);
}

/**
 * Complete the folder of a connection.
 */
static void complete(private_nflog_recorder_t *this, entry_t *entry)
{
	uint64_t *number;
	char *path;

	this->recording->remove(this->recording, entry, NULL);
	path = entry->recording->complete(entry->recording);
	entry->recording->destroy(entry->recording);
	entry->recording = NULL;
	while (entry->requests->remove_first(entry->requests, (void**)&number) == SUCCESS)
	{
		this->results->complete(this->results, *number, path);
		free(number);
	}
	free(path);
}

METHOD(nflog_recorder_t, handle, void,
	private_nflog_recorder_t *this, timeval_t *until)
{
	timeval_t end;
	entry_t *entry;

	while ((entry = get_first(this, &end)) && !timercmp(&end, until, >))
	{
		complete(this, entry);
	}
}

METHOD(nflog_recorder_t, get_delay, u_int,
	private_nflog_recorder_t *this)
{
	timeval_t end, now;

	if (!get_first(this, &end))
	{
		return 0;
	}
	time_monotonic(&now);
	if (!timercmp(&now, &end, <))
	{
		return 1;
	}
	timersub(&end, &now, &end);
	return end.tv_sec * 1000 + end.tv_usec / 1000 + 1;
}

METHOD(nflog_recorder_t, is_busy, bool,
	private_nflog_recorder_t *this)
{
	bool busy;

	this->mutex->lock(this->mutex);
	busy = this->queued->get_count(this->queued) > 0;
	this->mutex->unlock(this->mutex);
	return busy || this->recording->get_count(this->recording);
}

/**
 * Destroy a connection.
 */
static void entry_destroy(entry_t *entry, const void *key)
{
	entry->tape->destroy(entry->tape);
	entry->requests->destroy_function(entry->requests, free);
	free(entry->conn);
	free(entry);
}

METHOD(nflog_recorder_t, destroy, void,
	private_nflog_recorder_t *this)
{
	entry_t *entry;

	work(this);
	while (this->recording->get_first(this->recording, (void**)&entry) == SUCCESS)
	{
		complete(this, entry);
	}
	this->entries->destroy_function(this->entries, (void*)entry_destroy);
	this->recording->destroy(this->recording);
	this->queued->destroy(this->queued);
	this->results->destroy(this->results);
	this->folders->destroy(this->folders);
	this->lines->destroy(this->lines);
	this->mutex->destroy(this->mutex);
	free(this);
}

/*
 * Described in header
 */
nflog_recorder_t *nflog_recorder_create(nflog_store_t *store)
{
	private_nflog_recorder_t *this;

	INIT(this,
		.public = {
			.trigger = _trigger,
			.request = _request,
			.wait = _wait_,
			.set_cb = _set_cb,
			.get_lines = _get_lines,
			.get_tape = _get_tape,
			.work = _work,
			.get_mark = _get_mark,
			.handle = _handle,
			.get_delay = _get_delay,
			.is_busy = _is_busy,
			.destroy = _destroy,
		},
		.store = store,
		.folders = nflog_folders_create(store),
		.lines = nflog_log_lines_create(),
		.entries = hashtable_create(hashtable_hash_str, hashtable_equals_str, 8),
		.recording = linked_list_create(),
		.queued = linked_list_create(),
		.results = nflog_results_create(),
		.mutex = mutex_create(MUTEX_TYPE_DEFAULT),
	);
	return &this->public;
}
