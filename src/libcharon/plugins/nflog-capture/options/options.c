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
#include "includes.h"
#include "parser.h"
#include "snapshot.h"
#include "values.h"

#include <dlfcn.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <threading/condvar.h>
#include <threading/mutex.h>
#include <threading/thread.h>

#ifndef SWANCTLDIR
#define SWANCTLDIR "/etc/swanctl"
#endif

/** us after which files are compared when options are looked up, for changes
 * that the kernel does not report */
#define CHECK_INTERVAL 1000000

/** ms after which reading is tried again that failed, and the most that it gets
 * by doubling it each time */
#define RETRY_MIN 100
#define RETRY_MAX 60000

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
	 * Called after options changed, may be NULL.
	 */
	nflog_options_cb_t cb;

	/**
	 * Data to pass to it.
	 */
	void *data;

	/**
	 * Default path of swanctl.conf.
	 */
	char *def;

	/**
	 * Notices changes.
	 */
	nflog_watch_t *watch;

	/**
	 * Wakes up the thread, a file descriptor of eventfd(2).
	 */
	int wakeup;

	/**
	 * The thread, NULL if not started.
	 */
	thread_t *thread;

	/**
	 * TRUE to stop it, which it may see without the lock.
	 */
	bool stop;

	/**
	 * Lock for all that follows, up to what belongs to the thread.
	 */
	mutex_t *mutex;

	/**
	 * Signaled when changes were read, and when the thread ends.
	 */
	condvar_t *condvar;

	/**
	 * Options as they were read last, NULL if they never were.
	 */
	nflog_snapshot_t *snapshot;

	/**
	 * Number of the last request to look for changes, and of the last one that
	 * is done.
	 */
	uint64_t asked, done;

	/**
	 * Time at which the oldest request began that is not done, in us.
	 */
	uint64_t since;

	/**
	 * Time at which files are to be compared, in us.
	 */
	uint64_t next_check;

	/**
	 * TRUE to read files even if they seem unchanged.
	 */
	bool reload;

	/**
	 * TRUE once the thread has ended.
	 */
	bool ended;

	/**
	 * Path of the file that was read last, NULL if none was, of the thread.
	 */
	char *path;

	/**
	 * Hash of what the snapshot was read from, of the thread.
	 */
	uint64_t hash;

	/**
	 * TRUE if the snapshot is to be replaced even if that is the same, of the
	 * thread.
	 */
	bool stale;

	/**
	 * What failed the last time, NULL if nothing, of the thread.
	 */
	char *error;

	/**
	 * ms after which to try again, 0 if nothing failed, of the thread.
	 */
	u_int retry;
};

static void *run(private_nflog_options_t *this);

/**
 * Get the current time in us.
 */
static uint64_t now()
{
	timeval_t tv;

	time_monotonic(&tv);
	return tv.tv_sec * 1000000ULL + tv.tv_usec;
}

/**
 * Count a request to look for changes, with the lock held.
 */
static void count_request(private_nflog_options_t *this)
{
	if (this->asked++ == this->done)
	{
		this->since = now();
	}
}

/**
 * Ask the thread to look for changes, with the lock held.
 */
static void ask(private_nflog_options_t *this)
{
	uint64_t one = 1;

	count_request(this);
	if (write(this->wakeup, &one, sizeof(one)) == -1)
	{	/* the counter is at its end, which wakes it up as well */
		return;
	}
}

/**
 * Make sure that the thread runs, with the lock held.
 */
static void ensure_running(private_nflog_options_t *this)
{
	if (!this->thread && !this->stop)
	{
		ask(this);
		this->since = now();
		this->thread = thread_create((thread_main_t)run, this);
		if (!this->thread)
		{
			DBG1(DBG_CFG, "unable to start a thread for reading swanctl.conf, "
				 "nothing is captured");
		}
	}
}

METHOD(nflog_options_t, update, bool,
	private_nflog_options_t *this, u_int timeout)
{
	uint64_t ticket, deadline;
	timeval_t tv;
	bool done;

	this->mutex->lock(this->mutex);
	ensure_running(this);
	if (this->watch->has_events(this->watch) ||
		(this->asked == this->done && now() >= this->next_check))
	{
		ask(this);
	}
	ticket = this->asked;
	deadline = this->since + timeout * 1000ULL;
	tv.tv_sec = deadline / 1000000;
	tv.tv_usec = deadline % 1000000;
	while (this->thread && !this->stop && this->done < ticket &&
		   now() < deadline)
	{
		this->condvar->timed_wait_abs(this->condvar, this->mutex, tv);
	}
	done = this->thread && this->done >= ticket;
	this->mutex->unlock(this->mutex);
	return done;
}

/**
 * Get a reference to the current snapshot, NULL if there is none.
 */
static nflog_snapshot_t *get_snapshot(
									private_nflog_options_t *this)
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
	private_nflog_options_t *this, char *conn, char *child, bool quiet)
{
	nflog_snapshot_t *snapshot;
	nflog_cfg_t *cfg = NULL;
	level_t level = quiet ? LEVEL_RAW : LEVEL_CTRL;

	snapshot = get_snapshot(this);
	if (!snapshot)
	{
		dbg(DBG_CFG, level, "not capturing CHILD_SA '%s' of connection '%s', "
			"swanctl.conf could not be read yet", child, conn);
		return NULL;
	}
	if (strlen(conn) > NFLOG_MAX_NAME ||
		strlen(child) > NFLOG_MAX_NAME)
	{
		dbg(DBG_CFG, level, "not capturing CHILD_SA '%s' of connection "
			"'%s', names longer than %d characters are not supported", child,
			conn, NFLOG_MAX_NAME);
	}
	else
	{
		cfg = snapshot->get(snapshot, conn, child, quiet);
	}
	snapshot->destroy(snapshot);
	return cfg;
}

/**
 * Get the capture points of the children of a connection, or of all.
 */
static u_int get_points(private_nflog_options_t *this, char *conn)
{
	nflog_snapshot_t *snapshot;
	u_int points = 0;

	snapshot = get_snapshot(this);
	if (snapshot)
	{
		points = snapshot->get_points(snapshot, conn);
		snapshot->destroy(snapshot);
	}
	return points;
}

METHOD(nflog_options_t, has_point, bool,
	private_nflog_options_t *this, u_int points)
{
	return (get_points(this, NULL) & points) != 0;
}

METHOD(nflog_options_t, has_point_conn, bool,
	private_nflog_options_t *this, char *conn, u_int points)
{
	return (get_points(this, conn) & points) != 0;
}

METHOD(nflog_options_t, has_running, bool,
	private_nflog_options_t *this)
{
	nflog_snapshot_t *snapshot;
	bool running = FALSE;

	snapshot = get_snapshot(this);
	if (snapshot)
	{
		running = snapshot->has_running(snapshot);
		snapshot->destroy(snapshot);
	}
	return running;
}

METHOD(nflog_options_t, reload, void,
	private_nflog_options_t *this)
{
	this->mutex->lock(this->mutex);
	this->reload = TRUE;
	ask(this);
	this->mutex->unlock(this->mutex);
}

/**
 * Read all files.
 *
 * @param hash		receives the hash of what was read
 * @param error		receives what failed, NULL if nothing or if stopped
 * @return			NULL if reading failed
 */
static nflog_snapshot_t *read_files(
									private_nflog_options_t *this,
									uint64_t *hash, char **error)
{
	nflog_snapshot_t *snapshot = NULL;
	nflog_sections_t *sections;
	nflog_includes_t *includes;
	bool passing;

	sections = nflog_sections_create();
	includes = nflog_includes_create(this->watch, &this->stop);
	/* the value of an option that is not valid is told when it is looked up */
	if ((!path_absolute(this->path) ||
		 includes->include(includes, this->path)) &&
		nflog_parse(includes, sections, &this->stop))
	{
		snapshot = nflog_snapshot_create(sections, this->path,
										 &this->stop);
		if (!snapshot)
		{
			includes->fail(includes, "sections have circular or too many "
						   "references");
		}
	}
	*hash = includes->get_hash(includes);
	*error = strdupnull(includes->get_error(includes, &passing));
	this->retry = !*error || !passing ? 0 :
					min(max(this->retry * 2, RETRY_MIN), RETRY_MAX);
	includes->destroy(includes);
	sections->destroy(sections);
	return snapshot;
}

/**
 * Log what failed, unless it is what failed before.
 */
static void log_error(private_nflog_options_t *this, char *error)
{
	if (error && !streq(error, this->error))
	{
		DBG1(DBG_CFG, "reading '%s' failed: %s, %s", this->path, error,
			 this->snapshot ? "keeping the nflog-capture options as they were"
							: "there will be no captures until it can be read");
	}
	free(this->error);
	this->error = error;
}

/**
 * Read all files, and replace the snapshot if they have changed.
 */
static void read_options(private_nflog_options_t *this)
{
	nflog_snapshot_t *snapshot, *old;
	uint64_t hash;
	char *error;

	this->watch->reset(this->watch);
	snapshot = read_files(this, &hash, &error);
	if (this->stop)
	{	/* nothing of strongSwan might be there anymore */
		DESTROY_IF(snapshot);
		free(error);
		return;
	}
	log_error(this, error);
	if (!snapshot || (!this->stale && hash == this->hash))
	{
		DESTROY_IF(snapshot);
		return;
	}
	this->mutex->lock(this->mutex);
	old = this->snapshot;
	this->snapshot = snapshot;
	this->mutex->unlock(this->mutex);

	this->hash = hash;
	this->stale = FALSE;
	DESTROY_IF(old);
	DBG2(DBG_CFG, "read nflog-capture options from '%s'", this->path);
	if (this->cb)
	{
		this->cb(this->data);
	}
}

/**
 * Look for changes, and read files if there are any.
 */
static void look_for_changes(private_nflog_options_t *this)
{
	char *path;

	path = lib->settings->get_str(lib->settings,
								  "%s.plugins.nflog-capture.swanctl_conf",
								  this->def, lib->ns);
	if (!streq(path, this->path))
	{
		free(this->path);
		this->path = strdup(path);
		this->stale = TRUE;
	}
	if (this->stale || this->retry || this->watch->has_changed(this->watch))
	{
		read_options(this);
	}
}

/**
 * Wait until there might be changes.
 *
 * @param ticket	receives the number of requests
 * @return			FALSE to end
 */
static bool await_changes(private_nflog_options_t *this,
						  uint64_t *ticket)
{
	struct pollfd fds[] = {
		{
			.fd = this->wakeup,
			.events = POLLIN,
		},
		{
			.fd = this->watch->get_fd(this->watch),
			.events = POLLIN,
		},
	};
	uint64_t count;

	poll(fds, countof(fds), this->retry ?: -1);

	this->mutex->lock(this->mutex);
	if (read(this->wakeup, &count, sizeof(count)) == -1)
	{	/* not a request, but the files, or the time to try again */
		count_request(this);
	}
	this->watch->drain(this->watch);
	*ticket = this->asked;
	this->stale |= this->reload;
	this->reload = FALSE;
	this->mutex->unlock(this->mutex);
	return !this->stop;
}

/**
 * Read files when they change.
 */
static void *run(private_nflog_options_t *this)
{
	uint64_t ticket, start;
	bool left;

	while (await_changes(this, &ticket))
	{
		start = now();
		look_for_changes(this);

		this->mutex->lock(this->mutex);
		this->done = ticket;
		this->since = now();
		/* that takes a tenth of the time at most */
		this->next_check = this->since + max(10 * (this->since - start),
					this->watch->is_complete(this->watch) ? CHECK_INTERVAL : 0);
		this->condvar->broadcast(this->condvar);
		this->mutex->unlock(this->mutex);
	}
	this->mutex->lock(this->mutex);
	this->ended = TRUE;
	left = this->thread == NULL;
	this->condvar->broadcast(this->condvar);
	this->mutex->unlock(this->mutex);
	while (left)
	{	/* of what is needed to end a thread, all might be gone already */
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
 * Stop the thread.
 *
 * @return			FALSE if it had to be left behind, with all that it uses
 */
static bool stop(private_nflog_options_t *this)
{
	thread_t *thread;
	uint64_t deadline;
	timeval_t tv;
	Dl_info info;

	this->mutex->lock(this->mutex);
	this->stop = TRUE;
	ask(this);
	deadline = now() + NFLOG_OPTIONS_STOP * 1000ULL;
	tv.tv_sec = deadline / 1000000;
	tv.tv_usec = deadline % 1000000;
	while (this->thread && !this->ended && now() < deadline)
	{
		this->condvar->timed_wait_abs(this->condvar, this->mutex, tv);
	}
	thread = this->thread;
	if (thread && !this->ended)
	{
		this->thread = NULL;
		this->mutex->unlock(this->mutex);
		DBG1(DBG_CFG, "reading '%s', or what it includes, does not end, stopping "
			 "without, check the file system that these files are on",
			 this->path);
		/* its code must not be unloaded before the process ends */
		if (dladdr(stop, &info))
		{
			dlopen(info.dli_fname, RTLD_NOW | RTLD_NOLOAD | RTLD_NODELETE);
		}
		thread->detach(thread);
		return FALSE;
	}
	this->mutex->unlock(this->mutex);
	if (thread)
	{
		thread->join(thread);
	}
	return TRUE;
}

METHOD(nflog_options_t, destroy, void,
	private_nflog_options_t *this)
{
	if (stop(this))
	{
		DESTROY_IF(this->snapshot);
		this->watch->destroy(this->watch);
		this->condvar->destroy(this->condvar);
		this->mutex->destroy(this->mutex);
		close(this->wakeup);
		free(this->error);
		free(this->path);
		free(this->def);
		free(this);
	}
}

/*
 * Described in header
 */
nflog_options_t *nflog_options_create(
									nflog_options_cb_t cb, void *data)
{
	private_nflog_options_t *this;
	char *dir;

	INIT(this,
		.public = {
			.start = _start,
			.get = _get,
			.has_point = _has_point,
			.has_point_conn = _has_point_conn,
			.has_running = _has_running,
			.reload = _reload,
			.update = _update,
			.destroy = _destroy,
		},
		.cb = cb,
		.data = data,
		.wakeup = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
		.mutex = mutex_create(MUTEX_TYPE_DEFAULT),
		.condvar = condvar_create(CONDVAR_TYPE_DEFAULT),
	);
	this->watch = nflog_watch_create(&this->stop);

	/* as swanctl does */
	dir = getenv("SWANCTL_DIR");
	if (asprintf(&this->def, "%s/swanctl.conf", dir ?: SWANCTLDIR) < 0)
	{
		this->def = strdup(SWANCTLDIR "/swanctl.conf");
	}
	return &this->public;
}
