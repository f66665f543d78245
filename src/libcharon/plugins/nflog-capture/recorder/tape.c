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

#include "tape.h"

#include <ctype.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <collections/array.h>

/** parts of the size that a file may have at most, and bytes that it may have in any case */
#define PIECES 8
#define MIN_PIECE 16384

/** bytes of a block, of which a file takes at least one */
#define BLOCK 4096

typedef struct private_nflog_tape_t private_nflog_tape_t;

/**
 * Private data.
 */
struct private_nflog_tape_t {

	/**
	 * Public interface.
	 */
	nflog_tape_t public;

	/**
	 * Has the files, not owned.
	 */
	nflog_store_t *store;

	/**
	 * Directory of the connection.
	 */
	char *dir;

	/**
	 * Bytes to hold, and bytes in all files.
	 */
	uint64_t size, total;

	/**
	 * Number of files that are written to.
	 */
	u_int current;

	/**
	 * First and last file, NULL if there are none.
	 */
	nflog_tape_file_t *first, *last;

	/**
	 * Called for files that are added or removed, NULL for none, and its data.
	 */
	void (*cb)(void *data, nflog_tape_file_t *file, bool added);
	void *data;
};

/**
 * Enumerator over the files.
 */
typedef struct {
	/** public interface */
	enumerator_t public;
	/** next file */
	nflog_tape_file_t *next;
} file_enumerator_t;

/**
 * Get the bytes that a file takes on the disk.
 */
static uint64_t get_blocks(uint64_t size)
{
	return (max(size, 1) + BLOCK - 1) / BLOCK * BLOCK;
}

/**
 * Put a file behind all others.
 */
static void append(private_nflog_tape_t *this, nflog_tape_file_t *file)
{
	file->next = NULL;
	file->former = this->last;
	if (this->last)
	{
		this->last->next = file;
	}
	else
	{
		this->first = file;
	}
	this->last = file;
}

/**
 * Take a file from among the others.
 */
static void take(private_nflog_tape_t *this, nflog_tape_file_t *file)
{
	if (file->former)
	{
		file->former->next = file->next;
	}
	else
	{
		this->first = file->next;
	}
	if (file->next)
	{
		file->next->former = file->former;
	}
	else
	{
		this->last = file->former;
	}
}

/**
 * Set the size of a file.
 */
static void set_file_size(private_nflog_tape_t *this, nflog_tape_file_t *file,
						  uint64_t size)
{
	this->total -= file->size;
	file->bytes = size;
	file->size = get_blocks(size);
	this->total += file->size;
}

/**
 * Note that a file is complete.
 */
static void set_complete(private_nflog_tape_t *this, nflog_tape_file_t *file)
{
	file->complete_cb = NULL;
	this->current--;
}

/**
 * Have a file completed, if it is written to.
 */
static void complete_file(private_nflog_tape_t *this, nflog_tape_file_t *file)
{
	void (*cb)(void *data) = file->complete_cb;

	if (cb)
	{
		set_complete(this, file);
		cb(file->data);
	}
}

/**
 * Free a file.
 */
static void file_free(nflog_tape_file_t *file)
{
	free(file->name);
	free(file);
}

/**
 * Take a file from the tape.
 */
static void remove_file(private_nflog_tape_t *this, nflog_tape_file_t *file)
{
	if (this->cb)
	{
		this->cb(this->data, file, FALSE);
	}
	take(this, file);
	this->total -= file->size;
	file_free(file);
}

/**
 * Remove the first files until the rest fits, but never the last one, which was written to
 * a moment ago.
 */
static void make_room(private_nflog_tape_t *this)
{
	nflog_tape_file_t *file, *next;

	for (file = this->first; this->total > this->size && file != this->last; file = next)
	{
		next = file->next;
		complete_file(this, file);
		/* otherwise tried again with the next packets, others go instead */
		if (this->store->remove_file(this->store, this->dir, file->name))
		{
			remove_file(this, file);
		}
	}
}

METHOD(nflog_tape_t, set_size, void,
	private_nflog_tape_t *this, uint64_t size)
{
	this->size = size;
}

METHOD(nflog_tape_t, get_piece, uint64_t,
	private_nflog_tape_t *this)
{
	return max(this->size / PIECES / max(this->current, 1), MIN_PIECE);
}

METHOD(nflog_tape_t, add, nflog_tape_file_t*,
	private_nflog_tape_t *this, char *name, void (*cb)(void *data), void *data)
{
	nflog_tape_file_t *file;

	INIT(file,
		.name = strdup(name),
		.complete_cb = cb,
		.data = data,
	);
	append(this, file);
	this->current++;
	set_file_size(this, file, 0);
	if (this->cb)
	{
		this->cb(this->data, file, TRUE);
	}
	return file;
}

METHOD(nflog_tape_t, written, void,
	private_nflog_tape_t *this, nflog_tape_file_t *file, uint64_t size, u_int packets,
	time_t first, time_t last)
{
	set_file_size(this, file, size);
	if (packets)
	{
		file->first = file->packets ? min(file->first, first) : first;
		file->last = max(file->last, last);
		file->packets += packets;
		take(this, file);
		append(this, file);
	}
	make_room(this);
}

METHOD(nflog_tape_t, complete, void,
	private_nflog_tape_t *this, nflog_tape_file_t *file)
{
	set_complete(this, file);
}

METHOD(nflog_tape_t, forget, void,
	private_nflog_tape_t *this, nflog_tape_file_t *file)
{
	set_complete(this, file);
	remove_file(this, file);
}

METHOD(nflog_tape_t, complete_all, void,
	private_nflog_tape_t *this)
{
	nflog_tape_file_t *file;

	for (file = this->first; file; file = file->next)
	{
		complete_file(this, file);
	}
}

METHOD(enumerator_t, enumerate_files, bool,
	file_enumerator_t *this, va_list args)
{
	nflog_tape_file_t **file;

	VA_ARGS_VGET(args, file);
	*file = this->next;
	if (!this->next)
	{
		return FALSE;
	}
	this->next = this->next->next;
	return TRUE;
}

METHOD(nflog_tape_t, create_enumerator, enumerator_t*,
	private_nflog_tape_t *this)
{
	file_enumerator_t *enumerator;

	INIT(enumerator,
		.public = {
			.enumerate = enumerator_enumerate_default,
			.venumerate = _enumerate_files,
			.destroy = (void*)free,
		},
		.next = this->first,
	);
	return &enumerator->public;
}

METHOD(nflog_tape_t, get_held, uint64_t,
	private_nflog_tape_t *this)
{
	return this->total;
}

METHOD(nflog_tape_t, set_changed_cb, void,
	private_nflog_tape_t *this, void (*cb)(void *data, nflog_tape_file_t *file, bool added),
	void *data)
{
	this->cb = cb;
	this->data = data;
}

/**
 * Order files by the time they were written to.
 */
static int file_cmp(const void *a, const void *b, void *user)
{
	const nflog_tape_file_t *x = a, *y = b;

	return x->last < y->last ? -1 : x->last > y->last;
}

/**
 * Is a trace in numbered files, as those of a recorder are?
 */
static bool is_numbered(char *name)
{
	/* after the dot */
	return isdigit(name[nflog_trace_name_stem(name, NULL) + 1]);
}

/**
 * Add the files that an earlier process wrote for a ring, a quota or a recorder, as it has
 * to be bounded as well.
 */
static void add_existing(private_nflog_tape_t *this)
{
	nflog_tape_file_t *file;
	enumerator_t *enumerator;
	array_t *files;
	struct stat st;
	char *name;
	int dir;

	dir = this->store->open_dir(this->store, this->dir, FALSE);
	if (dir < 0)
	{
		return;
	}
	files = array_create(0, 0);
	enumerator = this->store->create_trace_enumerator(this->store, this->dir);
	while (enumerator->enumerate(enumerator, &name))
	{
		if (is_numbered(name) && !this->store->is_used(this->store, this->dir, name) &&
			fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode))
		{
			INIT(file,
				.name = strdup(name),
				.last = st.st_mtime,
			);
			set_file_size(this, file, st.st_size);
			array_insert(files, ARRAY_TAIL, file);
		}
	}
	enumerator->destroy(enumerator);
	close(dir);
	array_sort(files, file_cmp, NULL);
	while (array_remove(files, ARRAY_HEAD, &file))
	{
		file->last = 0;
		append(this, file);
	}
	array_destroy(files);
}

METHOD(nflog_tape_t, destroy, void,
	private_nflog_tape_t *this)
{
	nflog_tape_file_t *file;

	while (this->first)
	{
		file = this->first;
		take(this, file);
		file_free(file);
	}
	free(this->dir);
	free(this);
}

/*
 * Described in header
 */
nflog_tape_t *nflog_tape_create(nflog_store_t *store, char *dir, uint64_t size)
{
	private_nflog_tape_t *this;

	INIT(this,
		.public = {
			.set_size = _set_size,
			.get_piece = _get_piece,
			.add = _add,
			.written = _written,
			.complete = _complete,
			.forget = _forget,
			.complete_all = _complete_all,
			.create_enumerator = _create_enumerator,
			.get_held = _get_held,
			.set_changed_cb = _set_changed_cb,
			.destroy = _destroy,
		},
		.store = store,
		.dir = strdup(dir),
		.size = size,
	);
	add_existing(this);
	return &this->public;
}
