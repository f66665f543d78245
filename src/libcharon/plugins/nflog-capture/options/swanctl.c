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

#include "swanctl.h"
#include "includes.h"
#include "parser.h"

#include <errno.h>
#include <poll.h>
#include <sys/stat.h>
#include <time.h>

/** ms after which a failed read is retried, doubled each time up to the maximum */
#define RETRY_MIN 100
#define RETRY_MAX 60000

/** ms for which an included file has to be missing, as some editors remove files before they
 * write them anew */
#define MISSING_TIME 1000

/** reciprocal of the share of a processor's time that reading may take */
#define SHARE 10

/** us for which unused time is accumulated, to be taken at once */
#define BURST 10000000

typedef struct private_nflog_swanctl_t private_nflog_swanctl_t;

/**
 * Private data.
 */
struct private_nflog_swanctl_t {

	/**
	 * Public interface.
	 */
	nflog_swanctl_t public;

	/**
	 * Finds files, and notices changes.
	 */
	nflog_watch_t *watch;

	/**
	 * Gets lines to log.
	 */
	nflog_notes_t *notes;

	/**
	 * Reading fails once this is TRUE.
	 */
	bool *stop;

	/**
	 * Path of the file that was last read, NULL if none was.
	 */
	char *path;

	/**
	 * Hash of what was last read without an error.
	 */
	uint64_t hash;

	/**
	 * Paths of the files that the options in use are of, char* => itself.
	 */
	hashtable_t *files;

	/**
	 * Time from which on one of these has been missing, in us, monotonic, 0 if none is.
	 */
	uint64_t missing;

	/**
	 * Filters of the children, kept for the next read as compiling is slow.
	 */
	nflog_filters_t *filters;

	/**
	 * Directory of traces in use, "" for the default, NULL if none is.
	 */
	char *dir;

	/**
	 * TRUE if changes have yet to be read.
	 */
	bool changed;

	/**
	 * TRUE to provide a snapshot even if no file changed.
	 */
	bool stale;

	/**
	 * TRUE once a snapshot was provided.
	 */
	bool known;

	/**
	 * ms after which to retry a failed read, 0 if none failed, and when, in us,
	 * monotonic.
	 */
	u_int retry;
	uint64_t retry_at;

	/**
	 * Time from which on changes are read, in us, monotonic.
	 */
	uint64_t due;

	/**
	 * Number of reads during which a file changed, minus that of others, and the last
	 * of these files.
	 */
	u_int changing;
	char *file;
};

/**
 * Get the time of a clock in us.
 */
static uint64_t get_time(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return ts.tv_sec * 1000000ULL + ts.tv_nsec / 1000;
}

/**
 * Get ms until a point in time, at least one.
 */
static int get_timeout(uint64_t at, uint64_t now)
{
	return at > now ? (at - now) / 1000 + 1 : 1;
}

METHOD(nflog_swanctl_t, await, void,
	private_nflog_swanctl_t *this, int fd)
{
	uint64_t now = get_time(CLOCK_MONOTONIC);
	struct pollfd fds[] = {
		{
			.fd = fd,
			.events = POLLIN,
		},
		{	/* processing what the kernel reports takes time as well */
			.fd = now < this->due ? -1 : this->watch->get_fd(this->watch),
			.events = POLLIN,
		},
	};
	int timeout = -1;

	if (now < this->due)
	{
		timeout = get_timeout(this->due, now);
	}
	else if (this->retry)
	{
		timeout = get_timeout(this->retry_at, now);
	}
	poll(fds, countof(fds), timeout);
}

/**
 * Count reads during which a file changed, note if that continues.
 *
 * @return			FALSE if the change may be the reason of an error
 */
static bool count_changing(private_nflog_swanctl_t *this, nflog_includes_t *includes)
{
	bool accepted = this->changing >= NFLOG_MAX_CHANGING;

	if (includes->changing)
	{
		free(this->file);
		this->file = strdup(includes->changing);
		this->changing = min(this->changing + 1, 2 * NFLOG_MAX_CHANGING);
	}
	else if (this->changing)
	{
		this->changing--;
	}
	if (this->changing > NFLOG_MAX_CHANGING)
	{
		this->notes->add(this->notes, "'%s' changes whenever it is read, using its "
						 "complete lines, check if it has to be included", this->file);
	}
	return !includes->changing || accepted;
}

/**
 * Note an error, and set when to retry.
 *
 * @param log		FALSE not to log the error
 */
static void handle_error(private_nflog_swanctl_t *this, nflog_includes_t *includes,
						 bool log)
{
	if (includes->error && log)
	{
		this->notes->fail(this->notes, "unable to load '%s': %s, %s", this->path,
						  includes->error, this->known ? "keeping the previous options"
								: "nothing is captured until it can be read");
	}
	this->retry = !includes->transient ? 0 :
					min(max(this->retry * 2, RETRY_MIN), RETRY_MAX);
	this->retry_at = get_time(CLOCK_MONOTONIC) + this->retry * 1000ULL;
}

/**
 * Check if a file was read before, but does not exist now.
 */
static bool is_missing(private_nflog_swanctl_t *this, char *path)
{
	struct stat st;

	return this->files->get(this->files, path) && stat(path, &st) == -1 &&
		   (errno == ENOENT || errno == ENOTDIR);
}

/**
 * Check if one of the files that were read before does not exist anymore.
 *
 * @param files		files that were read now
 */
static bool has_missing(private_nflog_swanctl_t *this, hashtable_t *files)
{
	enumerator_t *enumerator;
	bool missing = FALSE;
	char *path;

	enumerator = this->files->create_enumerator(this->files);
	while (!missing && !*this->stop && enumerator->enumerate(enumerator, NULL, &path))
	{
		missing = !files->get(files, path) && is_missing(this, path);
	}
	enumerator->destroy(enumerator);
	return missing;
}

/**
 * Check if files were removed that may be on their way back, as they are not written in
 * place.  What they enable must not end meanwhile.
 */
static bool may_return(private_nflog_swanctl_t *this, nflog_includes_t *includes)
{
	uint64_t now = get_time(CLOCK_MONOTONIC);

	if (!has_missing(this, includes->files))
	{
		this->missing = 0;
		return FALSE;
	}
	this->missing = this->missing ?: now;
	return now < this->missing + MISSING_TIME * 1000ULL;
}

/**
 * Include the outermost file, it does not have to exist unless it did.
 */
static bool include(private_nflog_swanctl_t *this, nflog_includes_t *includes)
{
	if (is_missing(this, this->path))
	{
		this->watch->add(this->watch, this->path);
		return includes->fail(includes, "it was removed, write an empty file to use no "
							  "options of children");
	}
	return includes->include(includes, this->path);
}

/**
 * Read all files.
 *
 * @return			options, NULL if they could not be read, or did not change
 */
static nflog_snapshot_t *read_files(private_nflog_swanctl_t *this,
									nflog_source_t *settings)
{
	nflog_snapshot_t *snapshot = NULL;
	nflog_sections_t *sections;
	nflog_includes_t *includes;
	nflog_source_t swanctl;
	hashtable_t *files;

	this->notes->begin(this->notes);
	this->watch->reset(this->watch);
	sections = nflog_sections_create();
	includes = nflog_includes_create(this->watch, this->notes,
							this->changing >= NFLOG_MAX_CHANGING, this->stop);
	/* a relative path is logged as an invalid option */
	if ((!path_absolute(this->path) ||
		 include(this, includes)) &&
		nflog_parse(includes, sections, this->stop))
	{
		swanctl = (nflog_source_t){
			.file = this->path,
			.sections = sections,
		};
		snapshot = nflog_snapshot_create(settings, &swanctl, this->filters,
										 &this->dir, this->notes, this->stop);
		this->filters->sweep(this->filters);
		if (!snapshot)
		{
			includes->fail(includes, "circular references, or too many of them");
		}
	}
	if (snapshot && may_return(this, includes))
	{
		includes->transient = TRUE;
		snapshot->destroy(snapshot);
		snapshot = NULL;
	}
	if (snapshot)
	{
		files = this->files;
		this->files = includes->files;
		includes->files = files;
		this->missing = 0;
	}
	handle_error(this, includes, count_changing(this, includes));
	if (snapshot && this->known && !this->stale && includes->hash == this->hash)
	{
		snapshot->destroy(snapshot);
		snapshot = NULL;
	}
	if (snapshot)
	{
		this->hash = includes->hash;
		this->stale = FALSE;
		this->known = TRUE;
	}
	includes->destroy(includes);
	sections->destroy(sections);
	return snapshot;
}

/**
 * Charge the time that reading took, to delay the next one.
 *
 * @param began		when it began, in us, monotonic
 * @param cpu		CPU time of the thread when it began, in us
 */
static void charge(private_nflog_swanctl_t *this, uint64_t began, uint64_t cpu)
{
	uint64_t now = get_time(CLOCK_MONOTONIC);

	cpu = get_time(CLOCK_THREAD_CPUTIME_ID) - cpu;
	this->due = max(this->due, now - min(now, BURST)) +
				max(now - began, SHARE * cpu);
}

METHOD(nflog_swanctl_t, read_, nflog_read_t,
	private_nflog_swanctl_t *this, char *path, nflog_source_t *settings,
	bool compare, bool force, nflog_snapshot_t **snapshot)
{
	uint64_t began = get_time(CLOCK_MONOTONIC);
	uint64_t cpu = get_time(CLOCK_THREAD_CPUTIME_ID);
	nflog_read_t result = READ_UNCHANGED;
	bool due = began >= this->due;

	*snapshot = NULL;
	if (!streq(path, this->path))
	{
		free(this->path);
		this->path = strdup(path);
		force = TRUE;
	}
	this->stale |= force;
	this->changed |= force || (this->retry && (compare ||
											   began >= this->retry_at));
	this->changed = this->changed || this->watch->take_events(this->watch) ||
					(compare && this->watch->has_changed(this->watch));
	if (this->changed)
	{
		result = READ_LATER;
	}
	if (this->changed && (due || force))
	{
		this->changed = FALSE;
		*snapshot = read_files(this, settings);
		result = READ_DONE;
	}
	if (due && !force)
	{	/* requests must not delay it any further */
		charge(this, began, cpu);
	}
	return result;
}

METHOD(nflog_swanctl_t, has_events, bool,
	private_nflog_swanctl_t *this)
{
	return this->watch->has_events(this->watch);
}

METHOD(nflog_swanctl_t, is_complete, bool,
	private_nflog_swanctl_t *this)
{
	return this->watch->is_complete(this->watch);
}

METHOD(nflog_swanctl_t, destroy, void,
	private_nflog_swanctl_t *this)
{
	this->watch->destroy(this->watch);
	this->filters->destroy(this->filters);
	this->files->destroy_function(this->files, (void*)free);
	free(this->path);
	free(this->dir);
	free(this->file);
	free(this);
}

/*
 * Described in header
 */
nflog_swanctl_t *nflog_swanctl_create(nflog_notes_t *notes, bool *stop)
{
	private_nflog_swanctl_t *this;

	INIT(this,
		.public = {
			.await = _await,
			.read = _read_,
			.has_events = _has_events,
			.is_complete = _is_complete,
			.destroy = _destroy,
		},
		.watch = nflog_watch_create(notes, stop),
		.notes = notes,
		.files = hashtable_create(hashtable_hash_str, hashtable_equals_str, 8),
		.filters = nflog_filters_create(),
		.stop = stop,
	);
	return &this->public;
}
