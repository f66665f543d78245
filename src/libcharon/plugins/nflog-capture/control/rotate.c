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

#include "rotate.h"

/** time to wait for the writer, and between two looks if the client is still there, in ms */
#define TIMEOUT 30000
#define INTERVAL 500

/**
 * Trace that is handled.
 */
typedef struct {
	/** its listing, with a reference */
	nflog_listing_t *listing;
	/** number of its mark, 0 if it is not to be handled */
	uint64_t mark;
	/** number of rotations before */
	u_int rotations;
	/** name of the file before */
	char file[NAME_MAX + 1];
} handled_t;

/**
 * Check if a trace may be selected once the writer looked at it: one that was created a moment
 * ago has not begun.
 */
static bool may_match(nflog_selection_t *selection, nflog_listing_data_t *data)
{
	return data->state == NFLOG_LISTING_WAITING
				? nflog_criteria_match(&selection->criteria, &data->subject)
				: nflog_selection_match(selection, data);
}

/**
 * Select traces, and mark them.
 *
 * @param count			receives their number
 * @return				allocated array
 */
static handled_t *mark(nflog_registry_t *registry, nflog_selection_t *selection,
					   bool rotate, u_int *count)
{
	nflog_listing_t **listings;
	nflog_listing_data_t data;
	handled_t *handled;
	u_int i, all;

	listings = registry->get_all(registry, &all);
	handled = calloc(all + 1, sizeof(*handled));
	*count = 0;
	for (i = 0; i < all; i++)
	{
		registry->get(registry, listings[i], &data);
		if (may_match(selection, &data))
		{
			handled[*count].listing = listings[i];
			handled[*count].rotations = data.rotations;
			memcpy(handled[*count].file, data.file, sizeof(data.file));
			handled[*count].mark = registry->mark(registry, listings[i], rotate);
			*count += 1;
		}
		else
		{
			registry->release(registry, listings[i]);
		}
	}
	free(listings);
	return handled;
}

/**
 * Wait for a trace to be handled.
 *
 * @param left			time left, in ms, is reduced
 * @return				FALSE if it was not
 */
static bool await(nflog_channel_t *channel, nflog_registry_t *registry,
				  handled_t *handled, u_int *left)
{
	while (!registry->wait_mark(registry, handled->listing, handled->mark,
								min(*left, INTERVAL)))
	{
		if (*left <= INTERVAL || !channel->is_open(channel))
		{
			*left = 0;
			return FALSE;
		}
		*left -= INTERVAL;
	}
	return TRUE;
}

/*
 * Described in header
 */
void nflog_rotate(nflog_channel_t *channel, nflog_pipeline_t *pipeline,
				  nflog_selection_t *selection, bool rotate, json_object *end)
{
	nflog_registry_t *registry = pipeline->registry;
	u_int count, i, traces = 0, rotated = 0, busy = 0, left = TIMEOUT;
	nflog_listing_data_t data;
	json_object *object;
	handled_t *handled;
	bool late;

	handled = mark(registry, selection, rotate, &count);
	pipeline->writer->handle(pipeline->writer);
	for (i = 0; i < count; i++)
	{
		late = !await(channel, registry, &handled[i], &left);
		registry->get(registry, handled[i].listing, &data);
		if (data.state != NFLOG_LISTING_WAITING && data.state != NFLOG_LISTING_FAILED)
		{
			traces++;
			object = nflog_list_describe(&data);
			if (data.rotations != handled[i].rotations)
			{
				rotated++;
				json_object_object_add(object, "former", nflog_channel_string(
								*handled[i].file ? handled[i].file : data.first));
			}
			else if (late)
			{
				busy++;
				json_object_object_add(object, "busy", json_object_new_boolean(TRUE));
			}
			channel->send(channel, object);
		}
		registry->release(registry, handled[i].listing);
	}
	free(handled);
	json_object_object_add(end, "traces", json_object_new_int(traces));
	json_object_object_add(end, "rotated", json_object_new_int(rotated));
	json_object_object_add(end, "busy", json_object_new_int(busy));
}
