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

#include "options.h"
#include "swanctl.h"
#include "process/pulse.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <threading/condvar.h>
#include <threading/mutex.h>
#include <threading/thread.h>

/** us after which a look-up compares files, for changes the kernel does not report */
#define CHECK_INTERVAL 1000000

typedef struct private_nflog_options_t private_nflog_options_t;

/**
 * Private data.
 */
struct private_nflog_options_t {

	/**
	 * Public interface.
	 */
	nflog_options_t public;

	/**
	 * Requests to start and stop captures, NULL for none.
	 */
	nflog_requests_t *requests;

	/**
	 * Called after options changed, may be NULL, and its data.
	 */
	nflog_options_cb_t cb;
	void *data;

	/**
	 * Reads swanctl.conf, used by the thread only, except for has_events().
	 */
	nflog_swanctl_t *swanctl;

	/**
	 * Lines to log, used by the thread only.
	 */
	nflog_notes_t *notes;

	/**
	 * Settings in strongswan.conf, used by the thread only, empty until it runs.
	 */
	nflog_source_t settings;

	/**
	 * File descriptor of eventfd(2) that wakes up the thread.
	 */
	int wakeup;

	/**
	 * TRUE to stop the thread, set with the gate held, but read without it.
	 */
	bool stop;

	/**
	 * Lock for stop, held by the thread while it uses what strongSwan frees when it
	 * stops.
	 */
	mutex_t *gate;

	/**
	 * Lock for thread, and all that follows.
	 */
	mutex_t *mutex;

	/**
	 * The thread, NULL if not started, or left behind.
	 */
	thread_t *thread;

	/**
	 * When it was logged that it can't be created, monotonic.
	 */
	time_t logged;

	/**
	 * Signaled after changes were read, and to end the thread.
	 */
	condvar_t *condvar;

	/**
	 * Options as they were last read, NULL if they never were.
	 */
	nflog_snapshot_t *snapshot;

	/**
	 * TRUE if options of a CHILD_SA were looked up while snapshot was NULL.
	 */
	bool missed;

	/**
	 * Numbers of the last request to look for changes, and of the last one done.
	 */
	uint64_t requested, done;

	/**
	 * Time of the oldest request that is not done, in us, monotonic.
	 */
	uint64_t since;

	/**
	 * Time from which on a look-up compares files, in us, monotonic.
	 */
	uint64_t next_check;

	/**
	 * TRUE to read files even if they are unchanged.
	 */
	bool reload;
};

static void *run(private_nflog_options_t *this);

/**
 * Get the monotonic time in us.
 */
static uint64_t now()
{
	timeval_t tv;

	time_monotonic(&tv);
	return tv.tv_sec * 1000000ULL + tv.tv_usec;
}

/**
 * Count a request to look for changes, mutex is locked.
 */
static void count_request(private_nflog_options_t *this)
{
	if (this->requested++ == this->done)
	{
		this->since = now();
	}
}

/**
 * Request the thread to look for changes, mutex is locked.
 */
static void request(private_nflog_options_t *this)
{
	uint64_t one = 1;

	count_request(this);
	if (write(this->wakeup, &one, sizeof(one)) == -1)
	{	/* the counter is at its maximum, so the thread wakes up anyway */
		return;
	}
}

/**
 * Start the thread unless it runs, mutex is locked.
 */
static void ensure_running(private_nflog_options_t *this)
{
	if (!this->thread && !this->stop)
	{
		request(this);
		this->since = now();
		this->thread = thread_create((thread_main_t)run, this);
		if (!this->thread && nflog_log_once(&this->logged, NFLOG_LOG_AGAIN))
		{
			DBG1(DBG_CFG, "nflog-capture: unable to create the thread that reads "
				 "swanctl.conf, nothing is captured");
		}
	}
}

/**
 * Wait for a signal, mutex is locked.
 *
 * @param deadline	time until which to wait, in us, monotonic
 * @return			FALSE if it has passed
 */
static bool wait_until(private_nflog_options_t *this, uint64_t deadline)
{
	uint64_t time = now();

	if (time >= deadline)
	{
		return FALSE;
	}
	this->condvar->timed_wait(this->condvar, this->mutex,
							  (deadline - time) / 1000 + 1);
	return TRUE;
}

METHOD(nflog_options_t, update, bool,
	private_nflog_options_t *this, u_int timeout)
{
	uint64_t ticket, deadline;
	bool done;

	this->mutex->lock(this->mutex);
	ensure_running(this);
	if (this->swanctl->has_events(this->swanctl) ||
		(this->requested == this->done && now() >= this->next_check))
	{
		request(this);
	}
	ticket = this->requested;
	deadline = this->since + timeout * 1000ULL;
	while (this->thread && !this->stop && this->done < ticket &&
		   wait_until(this, deadline))
	{
		/* until changes were read */
	}
	done = this->thread && this->done >= ticket;
	this->mutex->unlock(this->mutex);
	return done;
}

/**
 * Get a reference to the current snapshot, NULL if there is none.
 */
static nflog_snapshot_t *get_snapshot(private_nflog_options_t *this)
{
	nflog_snapshot_t *snapshot;

	update(this, nflog_values_max_wait());
	this->mutex->lock(this->mutex);
	snapshot = this->snapshot;
	if (snapshot)
	{
		snapshot->get_ref(snapshot);
	}
	this->mutex->unlock(this->mutex);
	return snapshot;
}

METHOD(nflog_options_t, get, nflog_cfg_t*,
	private_nflog_options_t *this, nflog_candidate_t *candidate, bool captured,
	bool quiet)
{
	char *conn = candidate->conn, *child = candidate->child, *reason = NULL;
	nflog_snapshot_t *snapshot;
	nflog_cfg_t *cfg = NULL;

	candidate->request = candidate->unsure = FALSE;
	snapshot = get_snapshot(this);
	if (!snapshot || nflog_pulse_is_suspended())
	{
		this->mutex->lock(this->mutex);
		this->missed |= !quiet || snapshot;
		this->mutex->unlock(this->mutex);
		reason = snapshot ? "a thread makes no progress"
						  : "swanctl.conf could not be read yet";
	}
	else if (strlen(conn) > NFLOG_MAX_NAME || strlen(child) > NFLOG_MAX_NAME)
	{
		reason = "names longer than 127 characters are not supported";
	}
	else
	{
		cfg = snapshot->get(snapshot, conn, child);
		candidate->request = !this->requests ? 0 :
				this->requests->decide(this->requests, candidate, cfg);
		if (!cfg->enable || (cfg->invalid && !captured) ||
			!nflog_candidate_is_peer(candidate, cfg->identity, cfg->virtual_ip))
		{
			nflog_cfg_destroy(cfg);
			cfg = NULL;
		}
		DBG2(DBG_CFG, "nflog-capture: %scapturing CHILD_SA '%s' of connection '%s' "
			 "according to %s", cfg ? "" : "not ", child, conn,
			 candidate->request ? "a request" : "its options");
	}
	if (reason)
	{
		dbg(DBG_CFG, quiet ? LEVEL_RAW : LEVEL_CTRL, "nflog-capture: not capturing "
			"CHILD_SA '%s' of connection '%s', %s", child, conn, reason);
	}
	DESTROY_IF(snapshot);
	return cfg;
}

METHOD(nflog_options_t, has_point, bool,
	private_nflog_options_t *this, char *conn, u_int points)
{
	nflog_snapshot_t *snapshot;
	bool found = FALSE;

	snapshot = get_snapshot(this);
	if (snapshot)
	{
		found = (snapshot->get_points(snapshot, conn) & points) ||
				(this->requests &&
				 this->requests->has_point(this->requests, conn, points));
		snapshot->destroy(snapshot);
	}
	return found;
}

METHOD(nflog_options_t, get_missed, bool,
	private_nflog_options_t *this)
{
	bool missed;

	this->mutex->lock(this->mutex);
	missed = this->missed;
	this->missed = FALSE;
	this->mutex->unlock(this->mutex);
	return missed;
}

METHOD(nflog_options_t, reload, void,
	private_nflog_options_t *this)
{
	this->mutex->lock(this->mutex);
	this->reload = TRUE;
	request(this);
	this->mutex->unlock(this->mutex);
}

/**
 * Lock the gate, to use what strongSwan frees when it stops.
 *
 * @return			FALSE, with the gate unlocked, if it may be gone already
 */
static bool enter(private_nflog_options_t *this)
{
	this->gate->lock(this->gate);
	if (this->stop)
	{
		this->gate->unlock(this->gate);
		return FALSE;
	}
	return TRUE;
}

/**
 * Wait until there may be changes.
 *
 * @param ticket	receives the number of the last request
 * @param compare	receives TRUE to look for changes the kernel does not report
 * @param reload	receives TRUE to read all files even if they are unchanged
 */
static void await(private_nflog_options_t *this, uint64_t *ticket, bool *compare,
				  bool *reload)
{
	uint64_t count;

	this->swanctl->await(this->swanctl, this->wakeup);

	this->mutex->lock(this->mutex);
	if (read(this->wakeup, &count, sizeof(count)) == -1 &&
		this->requested == this->done)
	{	/* woken up by a file, or by time */
		count_request(this);
	}
	*ticket = this->requested;
	*compare = now() >= this->next_check;
	*reload = this->reload;
	this->reload = FALSE;
	this->mutex->unlock(this->mutex);
}

/**
 * Copy the path of swanctl.conf, and the settings in strongswan.conf.
 *
 * @param reload	TRUE to renew the copy of the settings
 * @return			path (allocated), NULL to stop
 */
static char *get_settings(private_nflog_options_t *this, bool reload)
{
	char *path;

	if (!enter(this))
	{
		return NULL;
	}
	path = nflog_values_swanctl_conf();
	if (reload || !this->settings.sections)
	{
		DESTROY_IF(this->settings.sections);
		this->settings.sections = nflog_sections_create_copy();
		this->notes->forget(this->notes);
	}
	this->gate->unlock(this->gate);
	return path;
}

/**
 * Log the notes, and replace the snapshot if there is a new one.
 */
static void publish(private_nflog_options_t *this, char *path,
					nflog_snapshot_t *snapshot)
{
	nflog_snapshot_t *old;

	if (enter(this))
	{
		this->notes->log(this->notes);
		if (snapshot)
		{
			this->mutex->lock(this->mutex);
			old = this->snapshot;
			this->snapshot = snapshot;
			this->mutex->unlock(this->mutex);
			snapshot = old;

			DBG2(DBG_CFG, "nflog-capture: applied options in '%s'", path);
			if (this->cb)
			{
				this->cb(this->data);
			}
		}
		this->gate->unlock(this->gate);
	}
	DESTROY_IF(snapshot);
}

/**
 * Main function of the thread, reads files when they change.
 */
static void *run(private_nflog_options_t *this)
{
	nflog_snapshot_t *snapshot;
	nflog_read_t result;
	uint64_t ticket, start;
	bool compare, reload, left;
	char *path;

	while (TRUE)
	{
		await(this, &ticket, &compare, &reload);
		path = get_settings(this, reload);
		if (!path)
		{
			break;
		}
		start = now();
		result = this->swanctl->read(this->swanctl, path, &this->settings, compare,
									 reload, &snapshot);
		if (result == READ_DONE)
		{
			publish(this, path, snapshot);
		}
		free(path);

		this->mutex->lock(this->mutex);
		if (result != READ_LATER)
		{
			this->done = ticket;
			this->since = now();
			this->condvar->broadcast(this->condvar);
		}
		if (compare)
		{	/* takes a tenth of the time at most */
			this->next_check = now() + max(10 * (now() - start),
						this->swanctl->is_complete(this->swanctl) ? CHECK_INTERVAL
																  : 0);
		}
		this->mutex->unlock(this->mutex);
	}
	this->mutex->lock(this->mutex);
	left = this->thread == NULL;
	this->mutex->unlock(this->mutex);
	while (left)
	{	/* what ends a thread properly may be gone already */
		pause();
	}
	return NULL;
}

METHOD(nflog_options_t, start, void,
	private_nflog_options_t *this)
{
	this->mutex->lock(this->mutex);
	ensure_running(this);
	this->mutex->unlock(this->mutex);
}

/**
 * Wait until a thread has ended.
 */
CALLBACK(join, void,
	thread_t *thread)
{
	thread->join(thread);
}

/**
 * Stop the thread.
 *
 * @return			FALSE if it was left behind, together with our data
 */
static bool stop(private_nflog_options_t *this)
{
	thread_t *thread;

	this->gate->lock(this->gate);
	this->stop = TRUE;
	this->gate->unlock(this->gate);

	this->mutex->lock(this->mutex);
	request(this);
	this->condvar->broadcast(this->condvar);
	thread = this->thread;
	this->mutex->unlock(this->mutex);
	if (thread && !nflog_pulse_run(join, thread, NFLOG_OPTIONS_STOP))
	{
		this->mutex->lock(this->mutex);
		this->thread = NULL;
		this->mutex->unlock(this->mutex);
		DBG1(DBG_CFG, "nflog-capture: unable to stop the thread that reads "
			 "swanctl.conf, check the file systems of that file and of those it "
			 "includes");
		return FALSE;
	}
	return TRUE;
}

METHOD(nflog_options_t, destroy, void,
	private_nflog_options_t *this)
{
	if (stop(this))
	{
		DESTROY_IF(this->snapshot);
		DESTROY_IF(this->settings.sections);
		this->swanctl->destroy(this->swanctl);
		this->notes->destroy(this->notes);
		this->condvar->destroy(this->condvar);
		this->mutex->destroy(this->mutex);
		this->gate->destroy(this->gate);
		close(this->wakeup);
		free(this->settings.file);
		free(this);
	}
}

/*
 * Described in header
 */
nflog_options_t *nflog_options_create(nflog_requests_t *requests,
									  nflog_options_cb_t cb, void *data)
{
	private_nflog_options_t *this;

	INIT(this,
		.public = {
			.start = _start,
			.get = _get,
			.has_point = _has_point,
			.get_missed = _get_missed,
			.reload = _reload,
			.update = _update,
			.destroy = _destroy,
		},
		.requests = requests,
		.cb = cb,
		.data = data,
		.wakeup = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
		.settings = {
			.file = strdup(lib->conf ?: "strongswan.conf"),
		},
		.notes = nflog_notes_create(),
		.gate = mutex_create(MUTEX_TYPE_DEFAULT),
		.mutex = mutex_create(MUTEX_TYPE_DEFAULT),
		.condvar = condvar_create(CONDVAR_TYPE_DEFAULT),
	);
	this->swanctl = nflog_swanctl_create(this->notes, &this->stop);
	return &this->public;
}
