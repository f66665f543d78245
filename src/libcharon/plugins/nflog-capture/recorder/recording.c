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

#include "recording.h"
#include "folder.h"
#include "summary.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

/** triggers that are described in the summary, and up to which those are that anybody can
 * cause, others are counted */
#define MAX_TRIGGERS 64
#define MAX_OPEN 32

/** seconds after which completing a folder is tried again, and how often that is tried */
#define RETRY 30
#define MAX_ATTEMPTS 20

/** bytes for key tables and summary, and part of the bytes of a folder that they get at most,
 * half of it is for the lines of the log */
#define RESERVED (256 << 10)
#define RESERVED_PART 4

typedef struct private_nflog_recording_t private_nflog_recording_t;

/**
 * Private data.
 */
struct private_nflog_recording_t {

	/**
	 * Public interface.
	 */
	nflog_recording_t public;

	/**
	 * What is needed.
	 */
	nflog_recording_args_t args;

	/**
	 * Name of the folder, and the folder.
	 */
	char *name;
	int fd;

	/**
	 * Bytes that files in the folder may get, and that they have, or may have with the current files.
	 */
	uint64_t limit, bytes;

	/**
	 * When the recording has to be completed, monotonic.
	 */
	timeval_t end;

	/**
	 * What to say in the summary, owns what it points to.
	 */
	nflog_summary_t summary;

	/**
	 * SPIs of the files in the folder, char* (owned) => itself, and when their keys were
	 * copied, monotonic.
	 */
	hashtable_t *spis;
	time_t taken;

	/**
	 * How often it was tried to complete the folder.
	 */
	u_int attempts;
};

/**
 * Note what a file on the tape has, if it is in the folder, and the bytes it may get.
 */
static void update_file(private_nflog_recording_t *this, nflog_tape_file_t *file)
{
	nflog_tape_t *tape = this->args.tape;
	nflog_summary_file_t *saved;

	saved = this->summary.files->get(this->summary.files, file->name);
	if (saved)
	{
		saved->bytes = file->bytes;
		saved->packets = file->packets;
		saved->first = file->first;
		saved->last = file->last;
		this->bytes -= saved->reserved;
		saved->reserved = file->complete_cb ? max(file->size, tape->get_piece(tape))
											: file->size;
		this->bytes += saved->reserved;
	}
}

/**
 * Note what all files on the tape have that are in the folder.
 */
static void update_files(private_nflog_recording_t *this)
{
	enumerator_t *enumerator;
	nflog_tape_file_t *file;

	enumerator = this->args.tape->create_enumerator(this->args.tape);
	while (enumerator->enumerate(enumerator, &file))
	{
		update_file(this, file);
	}
	enumerator->destroy(enumerator);
}

/**
 * Copy the keys of the files.
 */
static bool take_keys(private_nflog_recording_t *this)
{
	this->taken = time_monotonic(NULL);
	return nflog_folder_write_keys(this->args.store, this->args.dir, this->fd, this->spis);
}

/**
 * Link a file to the folder.
 *
 * @param bytes			bytes that it may get
 * @return				TRUE if it is of an SA of which there was none
 */
static bool link_file(private_nflog_recording_t *this, nflog_tape_file_t *file,
					  uint64_t bytes)
{
	nflog_pins_t *pins = this->args.store->get_pins(this->args.store);
	nflog_summary_file_t *saved;
	bool new = FALSE;
	int dir, linked = -1;

	if (this->bytes + bytes > this->limit)
	{	/* complete files have less than was reserved for them */
		update_files(this);
	}
	if (this->bytes + bytes > this->limit)
	{
		this->summary.left_out++;
		return FALSE;
	}
	dir = this->args.store->open_dir(this->args.store, this->args.dir, FALSE);
	if (dir >= 0)
	{
		linked = linkat(dir, file->name, this->fd, file->name, 0);
	}
	if (linked == 0)
	{
		INIT(saved,
			.name = strdup(file->name),
		);
		this->summary.files->put(this->summary.files, saved->name, saved);
		update_file(this, file);
		pins->add(pins, this->args.dir, file->name);
		new = nflog_folder_add_spis(this->spis, file->name);
	}
	else if (errno != ENOENT && errno != EEXIST)
	{	/* otherwise somebody removed it a moment ago */
		this->summary.error = errno;
	}
	if (dir >= 0)
	{
		close(dir);
	}
	return new;
}

/**
 * A file was added to the tape, or is about to be removed.
 */
CALLBACK(file_changed, void,
	private_nflog_recording_t *this, nflog_tape_file_t *file, bool added)
{
	if (!added)
	{
		update_file(this, file);
	}
	else if (link_file(this, file, this->args.tape->get_piece(this->args.tape)) &&
			 this->taken != time_monotonic(NULL))
	{	/* again when it is complete, but charon may be killed before.  SAs may come in
		 * quickly, so not more than once a second */
		ignore_result(take_keys(this));
	}
}

/**
 * Link the files that the tape has: the newest ones, if not all fit.
 *
 * @param held			bytes in them
 * @param fit			bytes that may be linked
 */
static void link_held(private_nflog_recording_t *this, uint64_t held, uint64_t fit)
{
	enumerator_t *enumerator;
	nflog_tape_file_t *file;

	enumerator = this->args.tape->create_enumerator(this->args.tape);
	while (enumerator->enumerate(enumerator, &file))
	{
		if (held > fit)
		{
			held -= file->size;
			this->summary.left_out++;
		}
		else
		{
			link_file(this, file, file->size);
		}
	}
	enumerator->destroy(enumerator);
}

/**
 * Write the summary.
 */
static bool write_summary(private_nflog_recording_t *this)
{
	char path[PATH_MAX];
	size_t len = 0;
	char *text = NULL;
	bool success;
	FILE *out;

	out = open_memstream(&text, &len);
	if (!out)
	{
		return FALSE;
	}
	this->args.store->get_path(this->args.store, this->args.dir, path, sizeof(path));
	nflog_summary_print(&this->summary, this->args.conn, path, this->args.lines, out);
	success = fclose(out) == 0 &&
			  nflog_folder_write(this->args.store, this->fd, NFLOG_FOLDER_SUMMARY,
								 chunk_create((u_char*)text, len));
	free(text);
	return success;
}

/**
 * Set when the recording has to be completed.
 */
static void set_end(private_nflog_recording_t *this, u_int seconds)
{
	time_monotonic(&this->end);
	this->end.tv_sec += seconds;
}

METHOD(nflog_recording_t, is_open, bool,
	private_nflog_recording_t *this)
{
	return nflog_cause_is_open(this->summary.cause);
}

METHOD(nflog_recording_t, is_closed, bool,
	private_nflog_recording_t *this)
{
	return this->attempts > 0;
}

METHOD(nflog_recording_t, add, void,
	private_nflog_recording_t *this, nflog_trigger_t *trigger)
{
	linked_list_t *triggers = this->summary.triggers;
	bool open = nflog_cause_is_open(trigger->cause);

	if (!open && is_open(this))
	{
		this->summary.cause = trigger->cause;
		set_end(this, this->summary.after);
	}
	if (triggers->get_count(triggers) >= (open ? MAX_OPEN : MAX_TRIGGERS))
	{
		this->summary.more++;
		return;
	}
	triggers->insert_last(triggers, nflog_trigger_clone(trigger));
}

METHOD(nflog_recording_t, get_end, void,
	private_nflog_recording_t *this, timeval_t *end)
{
	*end = this->end;
}

/**
 * Write what the folder needs to be complete.
 */
static bool write_all(private_nflog_recording_t *this)
{
	this->summary.incomplete = FALSE;
	return take_keys(this) && write_summary(this) &&
		   (unlinkat(this->fd, NFLOG_FOLDER_INCOMPLETE, 0) == 0 || errno == ENOENT);
}

/**
 * Did somebody remove the folder?
 */
static bool is_gone(private_nflog_recording_t *this, int error)
{
	struct stat st;

	return error == ENOENT || (fstat(this->fd, &st) == 0 && !st.st_nlink);
}

METHOD(nflog_recording_t, complete, bool,
	private_nflog_recording_t *this, bool last, char **path)
{
	nflog_tape_t *tape = this->args.tape;
	char buf[PATH_MAX];
	bool success;
	int error;

	*path = NULL;
	if (!this->attempts++)
	{
		tape->set_changed_cb(tape, NULL, NULL);
		/* what follows must not be added to files in the folder */
		tape->complete_all(tape);
		update_files(this);
	}
	success = write_all(this);
	error = errno;
	if (!success && !is_gone(this, error) && !last && this->attempts < MAX_ATTEMPTS)
	{
		if (this->attempts == 1)
		{
			DBG1(DBG_CFG, "nflog-capture: unable to complete folder %s: %s (free some "
				 "space), trying again every %u s", this->name, strerror(error), RETRY);
		}
		set_end(this, RETRY);
		return FALSE;
	}
	this->name = this->args.folders->complete(this->args.folders, this->name,
											  this->summary.cause);
	this->args.folders->get_path(this->args.folders, this->name, buf, sizeof(buf));
	if (success)
	{
		DBG1(DBG_CHD, "nflog-capture: saved %u files of %" PRIu64 " bytes of the recorder of "
			 "connection '%s' to %s", this->summary.files->get_count(this->summary.files),
			 nflog_summary_get_bytes(&this->summary), this->args.conn, buf);
		*path = strdup(buf);
	}
	else
	{
		DBG1(DBG_CHD, "nflog-capture: folder %s stays incomplete: %s", buf,
			 is_gone(this, error) ? "it was removed" : strerror(error));
	}
	return TRUE;
}

/**
 * Destroy a file of the summary.
 */
static void file_destroy(nflog_summary_file_t *file, const void *key)
{
	free(file->name);
	free(file);
}

METHOD(nflog_recording_t, destroy, void,
	private_nflog_recording_t *this)
{
	nflog_pins_t *pins = this->args.store->get_pins(this->args.store);
	nflog_summary_file_t *saved;
	enumerator_t *enumerator;

	enumerator = this->summary.files->create_enumerator(this->summary.files);
	while (enumerator->enumerate(enumerator, NULL, &saved))
	{
		pins->remove(pins, this->args.dir, saved->name);
	}
	enumerator->destroy(enumerator);
	if (this->fd >= 0)
	{
		close(this->fd);
	}
	this->summary.triggers->destroy_function(this->summary.triggers,
											 (void*)nflog_trigger_destroy);
	this->summary.files->destroy_function(this->summary.files, (void*)file_destroy);
	this->spis->destroy_function(this->spis, (void*)free);
	free(this->name);
	free(this);
}

/*
 * Described in header
 */
nflog_recording_t *nflog_recording_create(nflog_recording_args_t *args,
										  nflog_trigger_t *trigger, uint64_t size,
										  u_int after)
{
	private_nflog_recording_t *this;
	nflog_tape_t *tape = args->tape;
	uint64_t held = tape->get_held(tape), reserved;

	INIT(this,
		.public = {
			.add = _add,
			.get_end = _get_end,
			.complete = _complete,
			.is_closed = _is_closed,
			.is_open = _is_open,
			.destroy = _destroy,
		},
		.args = *args,
		.limit = held + size + RESERVED,
		.spis = hashtable_create(hashtable_hash_str, hashtable_equals_str, 8),
		.summary = {
			.triggers = linked_list_create(),
			.files = hashtable_create(hashtable_hash_str, hashtable_equals_str, 32),
			.skipped = args->skipped,
			.skipped_since = args->skipped_since,
			.after = after,
			.cause = trigger->cause,
			.incomplete = TRUE,
		},
	);
	this->fd = args->folders->create(args->folders, args->dir, trigger->cause,
									 trigger->time.tv_sec, &this->limit, &this->name);
	if (this->fd < 0)
	{
		destroy(this);
		return NULL;
	}
	set_end(this, after);
	add(this, trigger);
	reserved = min(RESERVED, this->limit / RESERVED_PART);
	this->summary.max_log = reserved / 2;
	this->limit -= reserved;
	/* the same part of what it holds, and of what follows, if there is no space for all */
	link_held(this, held, min(held, (double)this->limit / (held + size) * held));
	tape->set_changed_cb(tape, file_changed, this);
	/* again when it is complete, but charon may be killed before */
	if (!take_keys(this) || !write_summary(this))
	{
		DBG1(DBG_CFG, "nflog-capture: unable to write keys and summary to folder %s: %s "
			 "(free some space), trying again when it is complete", this->name,
			 strerror(errno));
	}
	DBG1(DBG_CHD, "nflog-capture: %s, saving what the recorder of connection '%s' holds, "
		 "and what follows for %u s", nflog_cause_describe(trigger->cause), args->conn, after);
	return &this->public;
}
