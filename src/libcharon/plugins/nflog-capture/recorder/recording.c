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
#include "key_rows.h"
#include "summary.h"
#include "process/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <unistd.h>

/** triggers that are described in the summary, others are counted */
#define MAX_TRIGGERS 64

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
	 * Bytes that the folder may get, and that it has, or may have with the current files.
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
	 * Cause in the name of the folder.
	 */
	nflog_cause_t cause;
};

/**
 * Note what a file on the tape has, if it is in the folder.
 */
static void update_file(private_nflog_recording_t *this, nflog_tape_file_t *file)
{
	nflog_summary_file_t *saved;

	saved = this->summary.files->get(this->summary.files, file->name);
	if (saved)
	{
		saved->bytes = file->bytes;
		saved->packets = file->packets;
		saved->first = file->first;
		saved->last = file->last;
	}
}

/**
 * Link a file to the folder.
 *
 * @param bytes			bytes that it may get
 */
static void link_file(private_nflog_recording_t *this, nflog_tape_file_t *file,
					  uint64_t bytes)
{
	nflog_summary_file_t *saved;
	int dir, linked = -1;

	if (this->limit && this->bytes + bytes > this->limit)
	{
		this->summary.left_out++;
		return;
	}
	dir = this->args.store->open_dir(this->args.store, this->args.dir, FALSE);
	if (dir >= 0)
	{
		linked = linkat(dir, file->name, this->fd, file->name, 0);
	}
	if (linked == 0)
	{
		this->bytes += bytes;
		INIT(saved,
			.name = strdup(file->name),
		);
		this->summary.files->put(this->summary.files, saved->name, saved);
		update_file(this, file);
	}
	else if (errno != ENOENT && errno != EEXIST)
	{	/* otherwise somebody removed it a moment ago */
		this->summary.error = errno;
	}
	if (dir >= 0)
	{
		close(dir);
	}
}

/**
 * A file was added to the tape, or is about to be removed.
 */
CALLBACK(file_changed, void,
	private_nflog_recording_t *this, nflog_tape_file_t *file, bool added)
{
	if (added)
	{
		link_file(this, file, this->args.tape->get_piece(this->args.tape));
	}
	else
	{
		update_file(this, file);
	}
}

/**
 * Write a file of the folder, which only charon's user and root can read.
 */
static void write_file(private_nflog_recording_t *this, char *name, chunk_t content)
{
	struct iovec iov = {
		.iov_base = content.ptr,
		.iov_len = content.len,
	};
	int fd;

	fd = openat(this->fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0 || (content.len && this->args.store->write(this->args.store, fd, &iov,
														   1) != content.len))
	{
		DBG1(DBG_CFG, "nflog-capture: unable to write %s to folder %s: %s (free some space)",
			 name, this->name, strerror(errno));
	}
	if (fd >= 0)
	{
		close(fd);
	}
}

/**
 * Get the SPIs of the files in the folder.
 *
 * @return				SPIs, char* (owned) => itself
 */
static hashtable_t *get_spis(private_nflog_recording_t *this)
{
	char spis[2][NFLOG_IKE_DIGITS + 1], *spi;
	nflog_summary_file_t *saved;
	enumerator_t *enumerator;
	hashtable_t *table;
	int i;

	table = hashtable_create(hashtable_hash_str, hashtable_equals_str, 8);
	enumerator = this->summary.files->create_enumerator(this->summary.files);
	while (enumerator->enumerate(enumerator, NULL, &saved))
	{
		for (i = 0; i < 2 && nflog_trace_name_parse(saved->name, spis); i++)
		{
			/* that of a responder which did not answer is no SPI */
			if (strspn(spis[i], "0") < strlen(spis[i]) && !table->get(table, spis[i]))
			{
				spi = strdup(spis[i]);
				table->put(table, spi, spi);
			}
		}
	}
	enumerator->destroy(enumerator);
	return table;
}

/**
 * Write the keys of the files, and Wireshark's preferences.
 */
static void write_keys(private_nflog_recording_t *this)
{
	static char *tables[] = {
		"keys", "esp_sa", "ikev1_decryption_table", "ikev2_decryption_table",
	};
	nflog_store_t *store = this->args.store;
	chunk_t content, rows;
	hashtable_t *spis;
	int i;

	spis = get_spis(this);
	for (i = 0; i < countof(tables); i++)
	{
		if (store->read_file(store, this->args.dir, tables[i], &content) && content.len)
		{
			rows = nflog_key_rows_select(content, spis);
			if (rows.len)
			{
				write_file(this, tables[i], rows);
			}
			nflog_secret_clear(&rows);
		}
		nflog_secret_clear(&content);
	}
	spis->destroy_function(spis, (void*)free);
	if (store->read_file(store, this->args.dir, "preferences", &content) && content.len)
	{
		write_file(this, "preferences", content);
	}
	nflog_secret_clear(&content);
}

/**
 * Write the summary.
 */
static void write_summary(private_nflog_recording_t *this)
{
	char path[PATH_MAX];
	size_t len = 0;
	char *text = NULL;
	FILE *out;

	out = open_memstream(&text, &len);
	if (!out)
	{
		return;
	}
	this->args.store->get_path(this->args.store, this->args.dir, path, sizeof(path));
	nflog_summary_print(&this->summary, this->args.conn, path, this->args.lines, out);
	fclose(out);
	write_file(this, "summary.txt", chunk_create((u_char*)text, len));
	free(text);
}

METHOD(nflog_recording_t, add, void,
	private_nflog_recording_t *this, nflog_trigger_t *trigger)
{
	linked_list_t *triggers = this->summary.triggers;
	nflog_trigger_t *copy;

	if (nflog_cause_is_open(this->cause) && !nflog_cause_is_open(trigger->cause))
	{
		this->cause = trigger->cause;
	}
	if (triggers->get_count(triggers) >= MAX_TRIGGERS)
	{
		this->summary.more++;
		return;
	}
	copy = malloc_thing(nflog_trigger_t);
	*copy = *trigger;
	copy->conn = NULL;
	copy->detail = trigger->detail ? strdup(trigger->detail) : NULL;
	triggers->insert_last(triggers, copy);
}

METHOD(nflog_recording_t, get_end, void,
	private_nflog_recording_t *this, timeval_t *end)
{
	*end = this->end;
}

METHOD(nflog_recording_t, complete, char*,
	private_nflog_recording_t *this)
{
	nflog_tape_t *tape = this->args.tape;
	enumerator_t *enumerator;
	nflog_tape_file_t *file;
	char path[PATH_MAX];
	uint64_t bytes;

	tape->set_changed_cb(tape, NULL, NULL);
	/* what follows must not be added to files in the folder */
	tape->complete_all(tape);
	enumerator = tape->create_enumerator(tape);
	while (enumerator->enumerate(enumerator, &file))
	{
		update_file(this, file);
	}
	enumerator->destroy(enumerator);
	write_keys(this);
	write_summary(this);
	close(this->fd);
	this->fd = -1;
	this->name = this->args.folders->complete(this->args.folders, this->name, this->cause);
	this->args.folders->get_path(this->args.folders, this->name, path, sizeof(path));
	bytes = nflog_summary_get_bytes(&this->summary);
	DBG1(DBG_CHD, "nflog-capture: saved %u files of %" PRIu64 " bytes of the recorder of "
		 "connection '%s' to %s", this->summary.files->get_count(this->summary.files), bytes,
		 this->args.conn, path);
	return strdup(path);
}

/**
 * Destroy a trigger.
 */
static void trigger_destroy(nflog_trigger_t *trigger)
{
	free(trigger->detail);
	free(trigger);
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
	this->summary.triggers->destroy_function(this->summary.triggers,
											 (void*)trigger_destroy);
	this->summary.files->destroy_function(this->summary.files, (void*)file_destroy);
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
	enumerator_t *enumerator;
	nflog_tape_file_t *file;

	INIT(this,
		.public = {
			.add = _add,
			.get_end = _get_end,
			.complete = _complete,
			.destroy = _destroy,
		},
		.args = *args,
		.limit = tape->get_held(tape) + size,
		.cause = trigger->cause,
		.summary = {
			.triggers = linked_list_create(),
			.files = hashtable_create(hashtable_hash_str, hashtable_equals_str, 32),
			.skipped = args->skipped,
			.skipped_since = args->skipped_since,
			.after = after,
		},
	);
	this->fd = args->folders->create(args->folders, args->dir, trigger->cause,
									 trigger->time.tv_sec, &this->limit, &this->name);
	if (this->fd < 0)
	{
		destroy(this);
		return NULL;
	}
	time_monotonic(&this->end);
	this->end.tv_sec += after;
	add(this, trigger);
	enumerator = tape->create_enumerator(tape);
	while (enumerator->enumerate(enumerator, &file))
	{
		link_file(this, file, file->size);
	}
	enumerator->destroy(enumerator);
	tape->set_changed_cb(tape, file_changed, this);
	/* again when it is complete, but charon may be killed before */
	write_keys(this);
	write_summary(this);
	DBG1(DBG_CHD, "nflog-capture: %s, saving what the recorder of connection '%s' holds, "
		 "and what follows for %u s", nflog_cause_describe(trigger->cause), args->conn, after);
	return &this->public;
}
