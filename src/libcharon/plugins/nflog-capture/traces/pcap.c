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
#include "file_end.h"
#include "ring.h"
#include "savefile.h"
#include "options/notes.h"

#include <errno.h>
#include <limits.h>

/** bytes of a file that takes no more than a block */
#define SMALL_FILE 4096

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
	 * Gets complete files unless there is a tape, not owned.
	 */
	nflog_pieces_t *pieces;

	/**
	 * Current file, which may not exist yet, the bytes it may have, and those that the disk
	 * has given to it and the store knows of.
	 */
	nflog_savefile_t *file;
	uint64_t max_size, settled;

	/**
	 * Number of the current file, and TRUE if it continues the one before, so that both are
	 * one file of a ring.
	 */
	u_int number;
	bool continues;

	/**
	 * Packets in the current file, and the time of the last one.
	 */
	uint64_t packets;
	uint32_t until;

	/**
	 * Files of a ring that exist.
	 */
	nflog_ring_t *ring;

	/**
	 * Time of the oldest packet in the current file of the ring, in seconds, and bytes in
	 * files that the current one continues.
	 */
	uint32_t begin;
	uint64_t before;

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
 * Complete the current file.
 */
static void complete(private_nflog_pcap_t *this)
{
	if (this->taped)
	{
		this->tape->complete(this->tape, this->taped);
		this->taped = NULL;
	}
	else if (this->file && this->packets)
	{
		this->pieces->add(this->pieces, this->file->get_name(this->file), this->packets,
						  this->until);
	}
	DESTROY_IF(this->file);
	this->packets = 0;
	this->settled = 0;
}

/**
 * Forget the packets of the current file, which somebody removed or replaced.
 */
static void forget_file(private_nflog_pcap_t *this)
{
	this->packets = 0;
	if (this->taped)
	{
		this->tape->forget(this->tape, this->taped);
		this->taped = NULL;
	}
}

/**
 * Note in the store what the disk has given to the current file.
 *
 * @param reserved	bytes that were reserved for that
 */
static void settle(private_nflog_pcap_t *this, uint64_t reserved)
{
	uint64_t given = this->file->get_given(this->file);

	this->store->settle(this->store, reserved, given - this->settled);
	this->settled = given;
}

/**
 * Set up the current file, which is created as soon as there are packets, after the former
 * one is complete.
 */
static void set_file(private_nflog_pcap_t *this)
{
	complete(this);
	this->max_size = this->store->get_piece(this->store, this->file_size);
	this->file = nflog_savefile_create(this->store, this->dir,
									   file_name(this, this->number), this->link);
}

/**
 * Remove the oldest file of a ring.
 *
 * @return			FALSE on failure
 */
static bool remove_oldest(private_nflog_pcap_t *this)
{
	bool removed;
	char *name;

	name = file_name(this, this->ring->get_oldest(this->ring));
	removed = this->store->remove_file(this->store, this->dir, name);
	if (removed)
	{
		this->pieces->forget(this->pieces, name);
		this->ring->remove_oldest(this->ring);
	}
	free(name);
	return removed;
}

/**
 * Continue with the next file.
 *
 * @param continues	TRUE to continue the current file of a ring
 */
static void next_file(private_nflog_pcap_t *this, bool continues)
{
	bool removed = TRUE;

	this->before = continues ? this->before + this->file->get_size(this->file) : 0;
	this->continues = continues && (this->continues || this->file->get_size(this->file));
	this->number++;
	set_file(this);
	while (!continues && removed && this->files &&
		   this->ring->get_count(this->ring) >= this->files)
	{	/* if this fails, it is tried again with the next file */
		removed = remove_oldest(this);
	}
}

/**
 * Complete the current file, as the tape needs its space, or it is saved.
 */
CALLBACK(end_file, void,
	private_nflog_pcap_t *this)
{
	this->taped = NULL;
	this->packets = 0;
	next_file(this, TRUE);
}

static int create_file(private_nflog_pcap_t *this);

CALLBACK(release, bool,
	private_nflog_pcap_t *this)
{
	if (!has_packets(this))
	{
		return FALSE;
	}
	next_file(this, TRUE);
	/* at once, so that there is always a file, whose keys stay */
	if (create_file(this) == 0)
	{
		settle(this, 0);
		this->file->close(this->file);
	}
	return TRUE;
}

/**
 * Create the file, and open it.
 *
 * @return			0, or an errno
 */
static int create_file(private_nflog_pcap_t *this)
{
	int error, i;

	error = this->file->create(this->file);
	for (i = 0; error == EEXIST && i < MAX_TAKEN; i++)
	{	/* another process uses this name, or used it */
		this->number++;
		set_file(this);
		error = this->file->create(this->file);
	}
	if (error == EEXIST)
	{
		errno = error;
		this->store->report(this->store, this->dir, this->file->get_name(this->file),
							FALSE);
	}
	if (error)
	{
		return error;
	}
	this->store->set_release(this->store, this->dir, this->file->get_name(this->file),
							 (void*)release, this);
	if (this->tape)
	{
		this->taped = this->tape->add(this->tape, this->file->get_name(this->file),
									  end_file, this);
	}
	if (this->files)
	{
		this->ring->add(this->ring, this->number, this->continues);
	}
	return 0;
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
			next_file(this, TRUE);
			return create_file(this);
		default:
			return error;
	}
}

METHOD(nflog_pcap_t, start, int,
	private_nflog_pcap_t *this)
{
	uint64_t reserved;
	int error;

	if (!this->store->reserve(this->store, 0, nflog_savefile_header(this->link), &reserved))
	{
		this->store->set_used(this->store, this->dir, this->file->get_name(this->file),
							  TRACE_WANTED);
		return NFLOG_OVER_BUDGET;
	}
	error = create_file(this);
	settle(this, reserved);
	if (!error)
	{	/* packets may be a long time off */
		this->file->close(this->file);
	}
	return error;
}

/**
 * Reserve space for records in the current file, which may be another one after that.
 *
 * @param total		bytes of the records
 * @param reserved	receives the bytes that are reserved
 * @return			FALSE if the limits do not allow it
 */
static bool reserve(private_nflog_pcap_t *this, size_t total, uint64_t *reserved)
{
	uint64_t size;
	u_int number;

	do
	{
		number = this->number;
		size = this->file->get_size(this->file) ?: nflog_savefile_header(this->link);
		if (!this->store->reserve(this->store, this->file->get_given(this->file),
								  size + total, reserved))
		{
			return FALSE;
		}
		if (number != this->number)
		{	/* its file was released to make room */
			this->store->settle(this->store, *reserved, 0);
		}
	}
	while (number != this->number);
	return TRUE;
}

/**
 * Append packets to the current file, for which space is reserved.
 *
 * @param reserved	bytes that are reserved
 * @param error		receives an errno if not all were written
 * @return			number of packets written
 */
static u_int append(private_nflog_pcap_t *this, nflog_packet_t **packets, u_int count,
					uint64_t reserved, int *error)
{
	u_int done;

	*error = open_file(this);
	if (*error)
	{
		settle(this, reserved);
		return 0;
	}
	done = this->file->append(this->file, packets, count, error);
	settle(this, reserved);
	if (done)
	{
		this->packets += done;
		this->until = packets[done - 1]->sec;
	}
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
 * Write packets that belong to the same file.
 *
 * @param error		receives an errno, or NFLOG_OVER_BUDGET, if not all were written
 * @return			number of packets written
 */
static u_int write_run(private_nflog_pcap_t *this,
					   nflog_packet_t **packets, u_int count, int *error)
{
	size_t total = nflog_savefile_records(packets, count);
	uint64_t reserved;
	u_int done, fit = count;

	while (!reserve(this, total, &reserved))
	{
		if (has_packets(this) && this->file->get_size(this->file) <= SMALL_FILE)
		{	/* the store gains nothing by releasing it, but this trace does */
			next_file(this, TRUE);
			continue;
		}
		fit /= 2;
		if (!fit)
		{
			*error = NFLOG_OVER_BUDGET;
			return 0;
		}
		total = nflog_savefile_records(packets, fit);
	}
	done = append(this, packets, fit, reserved, error);
	if (done < fit && (*error == ENOSPC || *error == EDQUOT) &&
		this->store->make_room(this->store, total) && reserve(this, total, &reserved))
	{
		done += append(this, packets + done, fit - done, reserved, error);
	}
	if (done == fit && fit < count)
	{
		*error = NFLOG_OVER_BUDGET;
	}
	return done;
}

/**
 * Get the packets to write to the current file next, with one system call.
 *
 * @param end		receives how the file ends after them
 * @return			number of packets, 0 if the file is complete
 */
static u_int get_run(private_nflog_pcap_t *this,
					 nflog_packet_t **packets, u_int count, nflog_file_end_t *end)
{
	*end = (nflog_file_end_t){
		.file_size = this->file_size,
		.duration = this->duration,
		.limit = this->max_size,
		.used = this->file->get_size(this->file) ?: nflog_savefile_header(this->link),
		.before = this->before,
		.any = has_packets(this),
		.in_ring = has_packets(this) || this->continues,
		.begin = this->begin,
	};
	if (this->tape)
	{
		end->limit = min(end->limit, this->tape->get_piece(this->tape));
	}
	return nflog_file_end_get(end, packets, min(NFLOG_SAVEFILE_MAX, count));
}

METHOD(nflog_pcap_t, write_, u_int,
	private_nflog_pcap_t *this, nflog_packet_t **packets,
	u_int count, int *error)
{
	u_int run, written = 0, done;
	nflog_file_end_t end;

	while (written < count)
	{
		run = get_run(this, packets + written, count - written, &end);
		if (!run)
		{
			next_file(this, end.continues);
			continue;
		}
		done = write_run(this, packets + written, run, error);
		written += done;
		if (done)
		{
			this->begin = end.begin;
		}
		if (done < run)
		{
			if (*error != EFBIG || !has_packets(this))
			{
				break;
			}
			/* this file has reached a limit on its size, another one may have space */
			next_file(this, TRUE);
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
	nflog_pins_t *pins = this->store->get_pins(this->store);

	complete(this);
	pins->remove(pins, this->dir, this->name);
	this->ring->destroy(this->ring);
	free(this->name);
	free(this->dir);
	free(this);
}

/*
 * Described in header
 */
nflog_pcap_t *nflog_pcap_create(nflog_store_t *store,
								char *dir, char *name, nflog_cfg_t *cfg,
								nflog_tape_t *tape,
								nflog_pieces_t *pieces)
{
	nflog_pins_t *pins = store->get_pins(store);
	private_nflog_pcap_t *this;

	INIT(this,
		.public = {
			.start = _start,
			.write = _write_,
			.get_file = _get_file,
			.destroy = _destroy,
		},
		.store = store,
		.pieces = pieces,
		.tape = tape,
		.ring = nflog_ring_create(),
		.dir = strdup(dir),
		.name = strdup(name),
		.link = cfg->link,
		.file_size = cfg->file_size,
		.files = cfg->files,
		.duration = cfg->duration,
	);
	set_file(this);
	pins->add(pins, dir, name);
	return &this->public;
}
