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

#include "astray.h"
#include "cli/command.h"
#include "cli/text.h"
#include "read/trace.h"

#include <ctype.h>

typedef struct counter_t counter_t;

/**
 * Counts the reasons of a trace.
 */
struct counter_t {

	/**
	 * Array of reasons, in the order in which they were found.
	 */
	json_object *reasons;

	/**
	 * Number of packets, and of those with other reasons.
	 */
	int64_t packets, others;
};

/**
 * Skip a number behind a word.
 *
 * @param pos			where the word has to be, moved behind the number if it is there
 */
static void skip_number(chunk_t comment, size_t *pos, char *word)
{
	size_t len = strlen(word);

	if (comment.len - *pos > len && memeq(comment.ptr + *pos, word, len))
	{
		for (*pos += len; *pos < comment.len && isdigit(comment.ptr[*pos]); (*pos)++)
		{
			/* next digit */
		}
	}
}

/**
 * Remove what differs from packet to packet from a comment: its sequence number, and the
 * replay window.
 *
 * @param comment		comment, its bytes are moved
 * @return				what is left
 */
static chunk_t get_reason(chunk_t comment)
{
	static char *begins[] = { ", sequence number ", ": sequence number " };
	size_t begin, end;
	int i;

	for (begin = 0; begin < comment.len; begin++)
	{
		end = begin;
		for (i = 0; i < countof(begins); i++)
		{
			skip_number(comment, &end, begins[i]);
		}
		if (end > begin)
		{
			skip_number(comment, &end, ", window ");
			skip_number(comment, &end, " to ");
			memmove(comment.ptr + begin, comment.ptr + end, comment.len - end);
			comment.len -= end - begin;
		}
	}
	return comment;
}

/**
 * Count a packet.
 */
static void count(counter_t *this, chunk_t comment)
{
	json_object *reason, *text, *packets;
	size_t i, known = json_object_array_length(this->reasons);

	this->packets++;
	for (i = 0; i < known; i++)
	{
		reason = json_object_array_get_idx(this->reasons, i);
		json_object_object_get_ex(reason, "reason", &text);
		if (chunk_equals(comment, chunk_create((void*)json_object_get_string(text),
											   json_object_get_string_len(text))))
		{
			json_object_object_get_ex(reason, "packets", &packets);
			json_object_set_int64(packets, json_object_get_int64(packets) + 1);
			return;
		}
	}
	if (known == ASTRAY_MAX_REASONS)
	{
		this->others++;
		return;
	}
	reason = json_object_new_object();
	json_object_object_add(reason, "reason",
						   json_object_new_string_len((char*)comment.ptr, comment.len));
	json_object_object_add(reason, "packets", json_object_new_int64(1));
	json_object_array_add(this->reasons, reason);
}

/**
 * Count the packets of a file.
 *
 * @return				FALSE if it can't be read to its end, which is printed
 */
static bool read_file(counter_t *this, char *path)
{
	trace_t *trace = trace_create(path);
	trace_packet_t packet;
	chunk_t comment;
	bool torn;

	if (!trace)
	{
		return FALSE;
	}
	while (trace->read(trace, &packet))
	{
		comment = chunk_clone(packet.comment);
		count(this, get_reason(comment));
		free(comment.ptr);
	}
	torn = trace->is_torn(trace);
	trace->destroy(trace);
	return !torn;
}

/**
 * Describe a trace, NULL if it has no packets.
 */
static json_object *describe(capture_t *capture, int *status)
{
	counter_t counter = { .reasons = json_object_new_array() };
	json_object *object;
	char *file, path[PATH_MAX];
	u_int i;

	for (i = 0; i < array_count(capture->files); i++)
	{
		array_get(capture->files, i, &file);
		snprintf(path, sizeof(path), "%s/%s", capture->dir, file);
		if (!read_file(&counter, path))
		{
			*status = STATUS_BAD;
		}
	}
	if (!counter.packets)
	{
		json_object_put(counter.reasons);
		return NULL;
	}
	object = json_object_new_object();
	json_object_object_add(object, "kind",
						   json_object_new_string(strrchr(capture->name, '.') + 1));
	json_object_object_add(object, "connection", json_object_new_string(capture->conn));
	json_object_object_add(object, "child", json_object_new_string(capture->label));
	json_object_object_add(object, "packets", json_object_new_int64(counter.packets));
	json_object_object_add(object, "reasons", counter.reasons);
	json_object_object_add(object, "other_reasons",
						   json_object_new_int64(counter.others));
	return object;
}

/*
 * Described in header
 */
json_object *astray_describe(enumerator_t *captures, int *status)
{
	json_object *array = json_object_new_array(), *object;
	capture_t *capture;

	while (captures->enumerate(captures, &capture))
	{
		object = capture->kind == CAPTURE_ASTRAY ? describe(capture, status) : NULL;
		if (object)
		{
			json_object_array_add(array, object);
		}
	}
	captures->destroy(captures);
	return array;
}

/*
 * Described in header
 */
int astray_leave_out(enumerator_t *captures)
{
	capture_t *capture, *first = NULL;
	u_int astray = 0, all = 0;

	while (captures->enumerate(captures, &capture))
	{
		all++;
		if (capture->kind == CAPTURE_ASTRAY)
		{
			astray++;
			first = first ?: capture;
		}
	}
	captures->destroy(captures);
	if (astray)
	{
		text_print(stderr, "left out %u of the traces, such as %s, as their packets went astray: "
				   "open these with Wireshark, 'nflog-capture report' counts the reasons\n",
				   astray, first->name);
	}
	return astray && astray == all ? STATUS_ERROR : STATUS_GOOD;
}
