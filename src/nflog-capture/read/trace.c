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


#include "trace.h"
#include "capture_format.h"
#include "cli/text.h"
#include "input.h"
#include "link_type.h"

#include <stdio.h>

/** link types that are reported for a trace */
#define MAX_REPORTED 8

typedef struct private_trace_t private_trace_t;

/**
 * Private data.
 */
struct private_trace_t {

	/**
	 * Public interface.
	 */
	trace_t public;

	/**
	 * Path of the file.
	 */
	char *path;

	/**
	 * Bytes of the file.
	 */
	input_t *input;

	/**
	 * Reads packets, NULL while the file is closed.
	 */
	capture_format_t *format;

	/**
	 * Error that ended reading, NULL for none.
	 */
	const char *error;

	/**
	 * Unknown link types that were reported, and their number.
	 */
	uint16_t reported[MAX_REPORTED];
	u_int reported_count;
};

METHOD(trace_t, close_, void,
	private_trace_t *this)
{
	this->input->close(this->input);
	DESTROY_IF(this->format);
	this->format = NULL;
}

/**
 * Print, once, that packets have an unknown link type.
 */
static void report_link(private_trace_t *this, uint16_t link)
{
	u_int i;

	for (i = 0; i < this->reported_count; i++)
	{
		if (this->reported[i] == link)
		{
			return;
		}
	}
	if (this->reported_count < MAX_REPORTED)
	{
		this->reported[this->reported_count++] = link;
		text_print(stderr, "%s has packets of link type %u, in which IP packets can't be "
				   "found\n", streq(this->path, "-") ? "stdin" : this->path, link);
	}
}

METHOD(trace_t, read_, bool,
	private_trace_t *this, trace_packet_t *packet)
{
	const char *error;

	if (!this->format)
	{
		return FALSE;
	}
	if (!this->format->read(this->format, this->input, packet, &error))
	{
		this->error = this->input->get_error(this->input) ?: error;
		close_(this);
		return FALSE;
	}
	if (!packet->ip.len && !link_type_is_known(packet->link))
	{
		report_link(this, packet->link);
	}
	return TRUE;
}

/**
 * Read the header of the file.
 */
static bool open_format(private_trace_t *this)
{
	const char *reason;

	this->format = capture_format_create(this->input, &reason);
	if (!this->format)
	{
		return input_refuse(this->path,
							 this->input->get_error(this->input) ?: reason);
	}
	return TRUE;
}

METHOD(trace_t, rewind_, bool,
	private_trace_t *this)
{
	close_(this);
	this->error = NULL;
	return this->input->rewind(this->input) && open_format(this);
}

METHOD(trace_t, is_torn, bool,
	private_trace_t *this)
{
	if (this->error)
	{
		text_print(stderr, "unable to read %s: %s\n",
				   streq(this->path, "-") ? "stdin" : this->path, this->error);
	}
	return this->error != NULL;
}

METHOD(trace_t, destroy, void,
	private_trace_t *this)
{
	if (this->input)
	{
		close_(this);
		this->input->destroy(this->input);
	}
	free(this);
}

/*
 * Described in header
 */
trace_t *trace_create(char *path)
{
	private_trace_t *this;

	INIT(this,
		.public = {
			.read = _read_,
			.rewind = _rewind_,
			.close = _close_,
			.is_torn = _is_torn,
			.destroy = _destroy,
		},
		.path = path,
		.input = input_create(path),
	);
	if (!this->input || !open_format(this))
	{
		destroy(this);
		return NULL;
	}
	return &this->public;
}
