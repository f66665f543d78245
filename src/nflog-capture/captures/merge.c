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

#include "merge.h"

#include "cli/text.h"
#include "decrypt/wire_packet.h"
#include "heap.h"

#include <sys/resource.h>

/** bytes of all buffers, and of the smallest and largest one */
#define ALL_BUFFERS (64 * 1024 * 1024)
#define MIN_BUFFER 4096
#define MAX_BUFFER (256 * 1024)

typedef struct private_merge_t private_merge_t;
typedef struct source_t source_t;

/**
 * A trace that is read.
 */
struct source_t {
	/** the trace, not owned */
	capture_t *capture;
	/** number of the trace */
	u_int number;
	/** index of the file that is read, or read next */
	u_int file;
	/** reads that, NULL until its first packet is the next one of all */
	tail_t *tail;
	/** its next packet, data is missing without tail */
	merged_packet_t next;
};

/**
 * Private data.
 */
struct private_merge_t {

	/**
	 * Public interface.
	 */
	merge_t public;

	/**
	 * Traces that are not read to their end, source_t.
	 */
	heap_t *sources;

	/**
	 * Bytes that are read at once.
	 */
	size_t buffer;

	/**
	 * TRUE if the first of them has to be read further.
	 */
	bool taken;

	/**
	 * TRUE if a file could not be read to its end.
	 */
	bool torn;
};

/**
 * Find the capture point in a prefix, which follows the label of the SA.
 */
static capture_point_t parse_prefix(chunk_t prefix)
{
	capture_point_t point;
	char *name;
	size_t len;

	for (point = 0; point < POINT_UNKNOWN; point++)
	{
		name = enum_to_name(capture_point_names, point);
		len = strlen(name);
		if (prefix.len >= len &&
			memeq(prefix.ptr + prefix.len - len, name, len) &&
			(prefix.len == len || prefix.ptr[prefix.len - len - 1] == ' '))
		{
			break;
		}
	}
	return point;
}

/*
 * Described in header
 */
void merge_set_point(merged_packet_t *merged)
{
	capture_t *capture = merged->capture;
	wire_packet_t packet;
	chunk_t payload;
	size_t pos;
	uint32_t spi;

	merged->point = parse_prefix(merged->packet.prefix);
	if (merged->point == POINT_UNKNOWN && capture->kind == CAPTURE_ESP)
	{
		wire_packet_parse(&packet, merged->packet.ip);
		pos = packet.kind == PACKET_AH ? 4 : 0;
		payload = packet.kind == PACKET_ESP || packet.kind == PACKET_AH ?
								wire_packet_payload(&packet) : chunk_empty;
		if (payload.len >= pos + sizeof(spi) &&
			capture->spis[0] != capture->spis[1])
		{
			spi = untoh32(payload.ptr + pos);
			merged->point = spi == capture->spis[0] ? POINT_ESP_IN :
							spi == capture->spis[1] ? POINT_ESP_OUT : POINT_UNKNOWN;
		}
	}
}

/*
 * Described in header
 */
int merge_compare(merged_packet_t *a, merged_packet_t *b)
{
	if (timercmp(&a->packet.time, &b->packet.time, !=))
	{
		return timercmp(&a->packet.time, &b->packet.time, <) ? -1 : 1;
	}
	return (int)a->point - (int)b->point;
}

/**
 * Compare the next packets of traces, see heap_compare_t.
 */
static int compare_sources(const void *a, const void *b)
{
	source_t *x = (source_t*)a, *y = (source_t*)b;

	return merge_compare(&x->next, &y->next) ?: (int)x->number - (int)y->number;
}

/**
 * Create the object that reads the current file of a trace.
 */
static tail_t *open_file(private_merge_t *this, source_t *source, size_t buffer)
{
	char *file, *path;
	tail_t *tail;

	array_get(source->capture->files, source->file, &file);
	if (asprintf(&path, "%s/%s", source->capture->dir, file) < 0)
	{
		abort();
	}
	tail = tail_create(path, buffer);
	free(path);
	/* a file that grows while it is read might have no end */
	tail->freeze(tail);
	return tail;
}

/**
 * Read the next packet of a trace from a file.
 */
static bool read_file(private_merge_t *this, source_t *source, tail_t *tail)
{
	char *file;

	switch (tail->read(tail, &source->next.packet))
	{
		case TAIL_PACKET:
			source->next.capture = source->capture;
			source->next.type = tail->get_link_type(tail);
			source->capture->type = source->next.type;
			merge_set_point(&source->next);
			return TRUE;
		case TAIL_WAIT:
			if (tail->is_torn(tail))
			{
				array_get(source->capture->files, source->file, &file);
				text_print(stderr, "%s/%s ends within a packet\n",
						   source->capture->dir, file);
				this->torn = TRUE;
			}
			return FALSE;
		case TAIL_ERROR:
			break;
	}
	this->torn = TRUE;
	return FALSE;
}

/**
 * Find the first packet of a trace from its current file on, without keeping files open.
 */
static bool peek(private_merge_t *this, source_t *source)
{
	tail_t *tail;
	bool found = FALSE;

	while (!found && source->file < array_count(source->capture->files))
	{
		tail = open_file(this, source, MIN_BUFFER);
		found = read_file(this, source, tail);
		tail->destroy(tail);
		source->file += found ? 0 : 1;
	}
	return found;
}

/**
 * Read the next packet of a trace whose file is open.
 */
static bool advance(private_merge_t *this, source_t *source)
{
	if (read_file(this, source, source->tail))
	{
		return TRUE;
	}
	source->tail->destroy(source->tail);
	source->tail = NULL;
	source->file++;
	return peek(this, source);
}

/**
 * Open the file whose first packet is known, and read that again.
 */
static bool open_peeked(private_merge_t *this, source_t *source)
{
	source->tail = open_file(this, source, this->buffer);
	return read_file(this, source, source->tail) || advance(this, source);
}

/**
 * Destroy a source_t.
 */
static void source_destroy(source_t *this)
{
	DESTROY_IF(this->tail);
	free(this);
}

METHOD(merge_t, read_, bool,
	private_merge_t *this, merged_packet_t *packet)
{
	source_t *source;

	while ((source = this->sources->get_first(this->sources)))
	{
		if (this->taken || !source->tail)
		{
			if (this->taken ? advance(this, source) : open_peeked(this, source))
			{
				this->sources->update_first(this->sources);
			}
			else
			{
				source_destroy(this->sources->remove_first(this->sources));
			}
			this->taken = FALSE;
			continue;
		}
		*packet = source->next;
		this->taken = TRUE;
		return TRUE;
	}
	return FALSE;
}

METHOD(merge_t, is_torn, bool,
	private_merge_t *this)
{
	return this->torn;
}

METHOD(merge_t, destroy, void,
	private_merge_t *this)
{
	source_t *source;

	while ((source = this->sources->remove_first(this->sources)))
	{
		source_destroy(source);
	}
	this->sources->destroy(this->sources);
	free(this);
}

/**
 * Allow as many open files as the system does, as many traces may overlap.
 */
static void raise_limit()
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
	{
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

/*
 * Described in header
 */
merge_t *merge_create(enumerator_t *captures)
{
	private_merge_t *this;
	capture_t *capture;
	source_t *source;
	u_int count = 0;

	INIT(this,
		.public = {
			.read = _read_,
			.is_torn = _is_torn,
			.destroy = _destroy,
		},
		.sources = heap_create(compare_sources),
	);
	raise_limit();
	while (captures->enumerate(captures, &capture))
	{
		INIT(source,
			.capture = capture,
			.number = count++,
		);
		if (peek(this, source))
		{
			this->sources->insert(this->sources, source);
		}
		else
		{
			source_destroy(source);
		}
	}
	captures->destroy(captures);
	this->buffer = min(MAX_BUFFER, max(MIN_BUFFER, ALL_BUFFERS / max(count, 1)));
	return &this->public;
}
