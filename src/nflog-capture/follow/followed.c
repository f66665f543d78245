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

#include "followed.h"

#include "files/trace_name.h"

/** bytes that are read at once */
#define BUFFER (32 * 1024)

typedef struct private_followed_t private_followed_t;

/**
 * Private data.
 */
struct private_followed_t {

	/**
	 * Public interface.
	 */
	followed_t public;

	/**
	 * The trace, not owned.
	 */
	capture_t *capture;

	/**
	 * Name of the file that is read.
	 */
	char *file;

	/**
	 * Reads that.
	 */
	tail_t *tail;

	/**
	 * Names of files that follow, char*.
	 */
	array_t *newer;
};

/**
 * Begin to read a file.
 *
 * @param file		name of the file, gets owned
 */
static void begin_file(private_followed_t *this, char *file)
{
	char *path;

	free(this->file);
	DESTROY_IF(this->tail);
	this->file = file;
	if (asprintf(&path, "%s/%s", this->capture->dir, file) < 0)
	{
		abort();
	}
	this->tail = tail_create(path, BUFFER);
	free(path);
}

METHOD(followed_t, add, void,
	private_followed_t *this, char *file, bool created)
{
	char *newest;

	if (!array_get(this->newer, ARRAY_TAIL, &newest))
	{
		newest = this->file;
	}
	/* a file that follows is opened by its name later, so it does not matter if another one
	 * has it by then */
	if (captures_get_number(file) > captures_get_number(newest) ||
		(created && newest == this->file && streq(file, newest) &&
		 this->tail->is_replaced(this->tail)))
	{
		array_insert(this->newer, ARRAY_TAIL, strdup(file));
	}
}

METHOD(followed_t, skip, void,
	private_followed_t *this)
{
	char *file;

	while (array_remove(this->newer, ARRAY_HEAD, &file))
	{
		begin_file(this, file);
	}
	this->tail->skip(this->tail);
}

METHOD(followed_t, read_, bool,
	private_followed_t *this)
{
	merged_packet_t *next = &this->public.next;
	char *file;

	/* the plugin does not write to a file anymore once there is a newer one */
	while (this->tail->read(this->tail, &next->packet) != TAIL_PACKET)
	{
		if (!array_remove(this->newer, ARRAY_HEAD, &file))
		{
			return FALSE;
		}
		begin_file(this, file);
	}
	next->capture = this->capture;
	next->type = this->capture->type = this->tail->get_link_type(this->tail);
	merge_set_point(next);
	return TRUE;
}

METHOD(followed_t, close_, void,
	private_followed_t *this)
{
	this->tail->close(this->tail);
}

METHOD(followed_t, destroy, void,
	private_followed_t *this)
{
	char *file;

	while (array_remove(this->newer, ARRAY_HEAD, &file))
	{
		free(file);
	}
	array_destroy(this->newer);
	this->tail->destroy(this->tail);
	free(this->file);
	free(this);
}

/**
 * Check if a directory's entry is a trace.
 */
static int is_trace(const struct dirent *entry)
{
	return nflog_trace_name_parse((char*)entry->d_name, NULL);
}

/**
 * Compare files by their numbers.
 */
static int compare_numbers(const struct dirent **a, const struct dirent **b)
{
	u_int x = captures_get_number((char*)(*a)->d_name);
	u_int y = captures_get_number((char*)(*b)->d_name);

	return x == y ? 0 : x < y ? -1 : 1;
}

/*
 * Described in header
 */
int followed_scan(char *dir, struct dirent ***entries)
{
	return scandir(dir, entries, is_trace, compare_numbers);
}

/*
 * Described in header
 */
followed_t *followed_create(capture_t *capture, char *file)
{
	private_followed_t *this;

	INIT(this,
		.public = {
			.add = _add,
			.skip = _skip,
			.read = _read_,
			.close = _close_,
			.destroy = _destroy,
		},
		.capture = capture,
		.newer = array_create(0, 0),
	);
	begin_file(this, strdup(file));
	return &this->public;
}
