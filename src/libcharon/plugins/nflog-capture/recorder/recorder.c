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
#include "pace.h"
#include "recording.h"
#include "results.h"
#include "triggers.h"
#include "options/notes.h"

#include <collections/hashtable.h>
#include <collections/linked_list.h>

/** folders that are filled at the same time for what anybody can cause */
#define MAX_OPEN (NFLOG_RECORDER_FOLDERS / 2)

typedef struct private_nflog_recorder_t private_nflog_recorder_t;
typedef struct entry_t entry_t;

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
	 * Connections with a trigger that waits for a place, entry_t, and when that was logged,
	 * monotonic.
	 */
	linked_list_t *waiting;
	time_t logged;

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
	 * Triggers that wait for the writer's thread.
	 */
	nflog_triggers_t *triggers;
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
	 * How often it gets one.
	 */
	nflog_pace_t pace;

	/**
	 * Trigger that waits until there is a place for a folder, NULL if there is none.
	 */
	nflog_trigger_t *waiting;

	/**
	 * Requests that wait for the folder, uint64_t* (allocated).
	 */
	linked_list_t *requests;
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
 * Queue a trigger.
 *
 * @param number		number of the request, 0 if it is none
 */
static void queue(private_nflog_recorder_t *this, nflog_trigger_t *trigger,
				  uint64_t number)
{
	if (this->triggers->add(this->triggers, trigger, number) && this->cb)
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
 * Check if there is no place for another folder.
 *
 * @param open			TRUE if anybody can cause it
 */
static bool is_full(private_nflog_recorder_t *this, bool open)
{
	enumerator_t *enumerator;
	entry_t *entry;
	u_int count = 0;

	enumerator = this->recording->create_enumerator(this->recording);
	while (enumerator->enumerate(enumerator, &entry))
	{
		count += !open || entry->recording->is_open(entry->recording);
	}
	enumerator->destroy(enumerator);
	return count >= (open ? MAX_OPEN : NFLOG_RECORDER_FOLDERS) ||
		   this->recording->get_count(this->recording) >= NFLOG_RECORDER_FOLDERS;
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
		.skipped = entry->pace.skipped,
		.skipped_since = entry->pace.since,
	};

	entry->recording = nflog_recording_create(&args, trigger, entry->size, entry->after);
	if (entry->recording)
	{
		nflog_pace_begin(&entry->pace, trigger->cause);
		entry->pace.skipped = 0;
		this->recording->insert_last(this->recording, entry);
	}
	else
	{
		nflog_pace_fail(&entry->pace);
	}
}

/**
 * Log now and then that there are too many folders.
 */
static void log_full(private_nflog_recorder_t *this, entry_t *entry, bool open)
{
	if (nflog_log_once(&this->logged, NFLOG_LOG_AGAIN))
	{
		DBG1(DBG_CHD, "nflog-capture: many folders of recorders are being filled, that of "
			 "connection '%s' and others %s", entry->conn, open ? "are left out" : "follow");
	}
}

/**
 * Let a connection wait until there is a place for its folder.
 */
static void wait_for_place(private_nflog_recorder_t *this, entry_t *entry,
						   nflog_trigger_t *trigger)
{
	entry->waiting = nflog_trigger_clone(trigger);
	this->waiting->insert_last(this->waiting, entry);
}

/**
 * Let the requests of a connection know that its folder is complete, or that there is none.
 */
static void answer_requests(private_nflog_recorder_t *this, entry_t *entry, char *path)
{
	uint64_t *number;

	while (entry->requests->remove_first(entry->requests, (void**)&number) == SUCCESS)
	{
		this->results->complete(this->results, *number, path);
		free(number);
	}
}

/**
 * Begin folders for which connections wait.
 */
static void begin_waiting(private_nflog_recorder_t *this)
{
	nflog_trigger_t *trigger;
	entry_t *entry;

	while (!is_full(this, FALSE) &&
		   this->waiting->remove_first(this->waiting, (void**)&entry) == SUCCESS)
	{
		trigger = entry->waiting;
		entry->waiting = NULL;
		begin(this, entry, trigger);
		nflog_trigger_destroy(trigger);
		if (!entry->recording)
		{
			answer_requests(this, entry, NULL);
		}
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
	bool open = nflog_cause_is_open(trigger->cause);
	char *reason = nflog_pace_check(&entry->pace, trigger->cause);

	if (entry->recording && !entry->recording->is_closed(entry->recording))
	{
		if (entry->recording->is_open(entry->recording))
		{
			nflog_pace_begin(&entry->pace, trigger->cause);
		}
		entry->recording->add(entry->recording, trigger);
	}
	else if (entry->recording || entry->waiting || reason)
	{
		nflog_pace_skip(&entry->pace, trigger, entry->conn,
						entry->recording ? "its last folder could not be completed yet" :
						entry->waiting ? "its folder has to wait for others" : reason);
	}
	else if (!is_full(this, open))
	{
		begin(this, entry, trigger);
	}
	else if (open)
	{
		log_full(this, entry, TRUE);
		nflog_pace_skip(&entry->pace, trigger, entry->conn, NULL);
	}
	else
	{
		log_full(this, entry, FALSE);
		wait_for_place(this, entry, trigger);
	}
	if (entry->recording || entry->waiting)
	{
		add_request(this, entry, number);
	}
}

/**
 * Handle a trigger.
 *
 * @param number		number of the request, 0 if it is none
 */
static void handle_queued(private_nflog_recorder_t *this, nflog_trigger_t *trigger,
						  uint64_t number)
{
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
			handle_trigger(this, entry, trigger, number);
		}
	}
	else
	{
		enumerator = this->entries->create_enumerator(this->entries);
		while (enumerator->enumerate(enumerator, NULL, &entry))
		{
			handle_trigger(this, entry, trigger, number);
		}
		enumerator->destroy(enumerator);
	}
	if (number)
	{
		this->results->complete(this->results, number, NULL);
	}
}

METHOD(nflog_recorder_t, work, void,
	private_nflog_recorder_t *this)
{
	nflog_trigger_t *trigger;
	uint64_t number;
	u_int lost;

	this->folders->repair(this->folders);
	while ((trigger = this->triggers->take(this->triggers, &number, &lost)))
	{
		handle_queued(this, trigger, number);
		nflog_trigger_destroy(trigger);
	}
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
 *
 * @param last			TRUE if that is not tried again, charon ends
 */
static void complete(private_nflog_recorder_t *this, entry_t *entry, bool last)
{
	char *path;

	if (entry->recording->complete(entry->recording, last, &path))
	{
		this->recording->remove(this->recording, entry, NULL);
		entry->recording->destroy(entry->recording);
		entry->recording = NULL;
		answer_requests(this, entry, path);
		free(path);
	}
}

METHOD(nflog_recorder_t, handle, void,
	private_nflog_recorder_t *this, timeval_t *until)
{
	timeval_t end;
	entry_t *entry;

	while ((entry = get_first(this, &end)) && !timercmp(&end, until, >))
	{
		complete(this, entry, FALSE);
	}
	begin_waiting(this);
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
	return this->triggers->pending(this->triggers) ||
		   this->recording->get_count(this->recording);
}

/**
 * Destroy a connection.
 */
static void entry_destroy(entry_t *entry, const void *key)
{
	entry->tape->destroy(entry->tape);
	nflog_trigger_destroy(entry->waiting);
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
		complete(this, entry, TRUE);
		begin_waiting(this);
	}
	this->entries->destroy_function(this->entries, (void*)entry_destroy);
	this->recording->destroy(this->recording);
	this->waiting->destroy(this->waiting);
	this->triggers->destroy(this->triggers);
	this->results->destroy(this->results);
	this->folders->destroy(this->folders);
	this->lines->destroy(this->lines);
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
		.waiting = linked_list_create(),
		.triggers = nflog_triggers_create(),
		.results = nflog_results_create(),
	);
	return &this->public;
}
