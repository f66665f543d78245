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

#include "pcap.h"
#include "savefile.h"
#include "options/notes.h"

#include <errno.h>
#include <limits.h>

#include <collections/array.h>

/** names to try if other processes use them, before trying again later */
#define MAX_TAKEN 64

typedef struct private_nflog_pcap_t private_nflog_pcap_t;

/**
 * Private data.
 */
struct private_nflog_pcap_t {

	/**
	 * Public interface.
	 */
	nflog_pcap_t public;

	/**
	 * Creates files, not owned.
	 */
	nflog_store_t *store;

	/**
	 * Directory of the connection.
	 */
	char *dir;

	/**
	 * First part of the names of files.
	 */
	char *name;

	/**
	 * Options: link type, and the ring.
	 */
	nflog_link_t link;
	uint64_t file_size;
	u_int files;
	u_int duration;

	/**
	 * Tape of the connection's recorder, which bounds the files instead, not owned, NULL if
	 * there is none.
	 */
	nflog_tape_t *tape;

	/**
	 * The current file on the tape, NULL if it was not created.
	 */
	nflog_tape_file_t *taped;

	/**
	 * Current file, which may not exist yet.
	 */
	nflog_savefile_t *file;

	/**
	 * Number of the current file.
	 */
	u_int number;

	/**
	 * Numbers of the files of a ring that exist, as u_int, the oldest one first.
	 */
	array_t *ring;

	/**
	 * Time of the oldest packet in the file, in seconds, if it has any.
	 */
	uint32_t begin;

	/**
	 * When it was logged that the file was replaced, monotonic.
	 */
	time_t logged;
};

/**
 * Check if this is a ring of files.
 */
static bool is_ring(private_nflog_pcap_t *this)
{
	return this->file_size || this->duration || this->tape;
}

/**
 * Check if the file has packets.
 */
static bool has_packets(private_nflog_pcap_t *this)
{
	return this->file->get_size(this->file) > nflog_savefile_header(this->link);
}

/**
 * Get the name of a file, allocated.
 */
static char *file_name(private_nflog_pcap_t *this, u_int number)
{
	return nflog_trace_name_file(this->name, number, is_ring(this));
}

/**
 * Note that the current file is complete.
 */
static void complete_file(private_nflog_pcap_t *this)
{
	if (this->taped)
	{
		this->tape->complete(this->tape, this->taped);
		this->taped = NULL;
	}
}

/**
 * Note that somebody removed or replaced the current file.
 */
static void forget_file(private_nflog_pcap_t *this)
{
	if (this->taped)
	{
		this->tape->forget(this->tape, this->taped);
		this->taped = NULL;
	}
}

/**
 * Set up the current file, which is created as soon as there are packets, after the former
 * one is complete.
 */
static void set_file(private_nflog_pcap_t *this)
{
	complete_file(this);
	DESTROY_IF(this->file);
	this->file = nflog_savefile_create(this->store, this->dir,
									   file_name(this, this->number), this->link);
}

/**
 * Continue with the next file.
 */
static void next_file(private_nflog_pcap_t *this)
{
	u_int oldest;
	char *name;
	bool removed = TRUE;

	this->number++;
	set_file(this);
	while (removed && this->files && array_count(this->ring) >= this->files)
	{	/* if this fails, it is tried again with the next file */
		array_get(this->ring, ARRAY_HEAD, &oldest);
		name = file_name(this, oldest);
		removed = this->store->remove_file(this->store, this->dir, name);
		if (removed)
		{
			array_remove(this->ring, ARRAY_HEAD, NULL);
		}
		free(name);
	}
}

/**
 * Complete the current file, as the tape needs its space, or it is saved.
 */
CALLBACK(end_file, void,
	private_nflog_pcap_t *this)
{
	this->taped = NULL;
	this->number++;
	set_file(this);
}

/**
 * Create the file, and open it.
 *
 * @return			0, or an errno
 */
static int create_file(private_nflog_pcap_t *this)
{
	u_int last = 0;
	int error, i;

	error = this->file->create(this->file);
	for (i = 0; error == EEXIST && i < MAX_TAKEN; i++)
	{	/* another process uses this name, or used it */
		next_file(this);
		error = this->file->create(this->file);
	}
	if (error == EEXIST)
	{
		errno = error;
		this->store->report(this->store, this->dir, this->file->get_name(this->file),
							FALSE);
	}
	if (!error && this->tape)
	{
		this->taped = this->tape->add(this->tape, this->file->get_name(this->file),
									  end_file, this);
	}
	if (!error && this->files &&
		(!array_get(this->ring, ARRAY_TAIL, &last) || last != this->number))
	{	/* not again if another process removed it */
		array_insert(this->ring, ARRAY_TAIL, &this->number);
	}
	return error;
}

/**
 * Log that another process replaced or cut the file, so its packets are lost.
 */
static void log_replaced(private_nflog_pcap_t *this)
{
	char path[PATH_MAX];

	if (nflog_log_once(&this->logged, NFLOG_LOG_AGAIN))
	{
		DBG1(DBG_CHD, "nflog-capture: trace '%s/%s' was replaced or cut by another "
			 "process, continuing in a new file",
			 this->store->get_path(this->store, this->dir, path, sizeof(path)),
			 this->file->get_name(this->file));
	}
}

/**
 * Open the current file, or create another one if it was replaced.
 *
 * @return			0, or an errno
 */
static int open_file(private_nflog_pcap_t *this)
{
	int error;

	if (!this->file->get_size(this->file))
	{
		return create_file(this);
	}
	error = this->file->open(this->file);
	switch (error)
	{
		case ENOENT:
			/* removed by another process, so the name is free again */
			forget_file(this);
			set_file(this);
			return create_file(this);
		case ESTALE:
			log_replaced(this);
			/* fall-through */
		case ELOOP:
			forget_file(this);
			next_file(this);
			return create_file(this);
		default:
			return error;
	}
}

METHOD(nflog_pcap_t, start, int,
	private_nflog_pcap_t *this)
{
	int error;

	if (!this->store->reserve(this->store, nflog_savefile_header(this->link)))
	{
		this->store->set_used(this->store, this->dir, this->file->get_name(this->file),
							  TRACE_WANTED);
		return NFLOG_OVER_BUDGET;
	}
	error = create_file(this);
	if (error)
	{
		this->store->unreserve(this->store, nflog_savefile_header(this->link));
		return error;
	}
	/* packets may be a long time off */
	this->file->close(this->file);
	return 0;
}

/**
 * Write packets that belong to the same file.
 *
 * @param total		bytes of all records
 * @param error		receives an errno, or NFLOG_OVER_BUDGET, if not all were written
 * @return			number of packets written
 */
static u_int write_run(private_nflog_pcap_t *this,
					   nflog_packet_t **packets, u_int count, size_t total,
					   int *error)
{
	size_t header = 0;
	uint64_t before;
	u_int done;

	if (!this->file->get_size(this->file))
	{
		header = nflog_savefile_header(this->link);
	}
	if (!this->store->reserve(this->store, header + total))
	{
		*error = NFLOG_OVER_BUDGET;
		return 0;
	}
	*error = open_file(this);
	if (*error)
	{
		this->store->unreserve(this->store, header + total);
		return 0;
	}
	before = this->file->get_size(this->file);
	done = this->file->append(this->file, packets, count, error);
	this->store->unreserve(this->store,
						   total - (this->file->get_size(this->file) - before));
	if (this->taped)
	{
		this->tape->written(this->tape, this->taped, this->file->get_size(this->file), done,
							packets[0]->sec, done ? packets[done - 1]->sec : 0);
	}
	errno = *error;
	this->store->report(this->store, this->dir, this->file->get_name(this->file),
						done == count);
	return done;
}

/**
 * Get the packets to write to the current file next, with one system call.
 *
 * @param begin		receives the time of the oldest packet in the file after that
 * @param total		receives the bytes of their records
 * @return			number of packets, 0 if the file is complete
 */
static u_int get_run(private_nflog_pcap_t *this,
					 nflog_packet_t **packets, u_int count, uint32_t *begin,
					 size_t *total)
{
	uint64_t used = this->file->get_size(this->file) ?: nflog_savefile_header(this->link);
	uint64_t limit = this->tape ? this->tape->get_piece(this->tape) : this->file_size;
	uint32_t oldest, sec;
	size_t size;
	u_int run;

	*total = 0;
	*begin = has_packets(this) ? this->begin : packets[0]->sec;
	for (run = 0; run < min(NFLOG_SAVEFILE_MAX, count); run++)
	{
		size = nflog_savefile_record(packets[run]);
		sec = packets[run]->sec;
		/* if the clock was set back, the duration begins anew */
		oldest = min(*begin, sec);
		if ((run || has_packets(this)) &&
			((limit && used + *total + size > limit) ||
			 (this->duration && sec - oldest >= this->duration)))
		{
			break;
		}
		*begin = oldest;
		*total += size;
	}
	return run;
}

METHOD(nflog_pcap_t, write_, u_int,
	private_nflog_pcap_t *this, nflog_packet_t **packets,
	u_int count, int *error)
{
	u_int run, written = 0, done;
	uint32_t begin;
	size_t total;

	while (written < count)
	{
		run = get_run(this, packets + written, count - written, &begin, &total);
		if (!run)
		{
			next_file(this);
			continue;
		}
		done = write_run(this, packets + written, run, total, error);
		written += done;
		if (done)
		{
			this->begin = begin;
		}
		if (done < run)
		{
			if (*error != EFBIG || !has_packets(this))
			{
				break;
			}
			/* this file has reached a limit on its size, another one may have space */
			next_file(this);
		}
	}
	return written;
}

METHOD(nflog_pcap_t, get_file, char*,
	private_nflog_pcap_t *this)
{
	return this->file->get_name(this->file);
}

METHOD(nflog_pcap_t, destroy, void,
	private_nflog_pcap_t *this)
{
	complete_file(this);
	this->file->destroy(this->file);
	array_destroy(this->ring);
	free(this->name);
	free(this->dir);
	free(this);
}

/*
 * Described in header
 */
nflog_pcap_t *nflog_pcap_create(nflog_store_t *store,
								char *dir, char *name,
								nflog_cfg_t *cfg, nflog_tape_t *tape)
{
	private_nflog_pcap_t *this;

	INIT(this,
		.public = {
			.start = _start,
			.write = _write_,
			.get_file = _get_file,
			.destroy = _destroy,
		},
		.store = store,
		.ring = array_create(sizeof(u_int), 0),
		.dir = strdup(dir),
		.name = strdup(name),
		.link = cfg->link,
		.file_size = cfg->file_size,
		.files = cfg->files,
		.duration = cfg->duration,
		.tape = tape,
	);
	set_file(this);
	return &this->public;
}
