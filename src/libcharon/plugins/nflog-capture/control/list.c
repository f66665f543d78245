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

#include "list.h"

#include <networking/host.h>

/**
 * Add a string to an object.
 */
static void add_string(json_object *object, char *name, char *value)
{
	json_object_object_add(object, name, nflog_channel_string(value));
}

/**
 * Add a string to an object, unless it is empty.
 */
static void add_known(json_object *object, char *name, char *value)
{
	if (*value)
	{
		add_string(object, name, value);
	}
}

/**
 * Add a number to an object.
 */
static void add_number(json_object *object, char *name, uint64_t value)
{
	json_object_object_add(object, name, json_object_new_uint64(value));
}

/*
 * Described in header
 */
void nflog_selection_init(nflog_selection_t *selection, nflog_fields_t *fields)
{
	nflog_listing_state_t state;

	nflog_fields_criteria(fields, &selection->criteria);
	selection->interrupted = FALSE;
	selection->state = nflog_fields_string(fields, "state");
	if (selection->state && !enum_from_name(nflog_listing_state_names, selection->state,
											&state))
	{
		nflog_fields_refuse(fields, "field 'state' is none of waiting, running, "
							"interrupted, ended, and failed");
	}
}

/*
 * Described in header
 */
bool nflog_selection_match(nflog_selection_t *selection, nflog_listing_data_t *data)
{
	return (!selection->state ||
			streq(selection->state, enum_to_name(nflog_listing_state_names,
												 data->state)) ||
			(selection->interrupted && data->state == NFLOG_LISTING_INTERRUPTED &&
			 streq(selection->state, "running"))) &&
		   nflog_criteria_match(&selection->criteria, &data->subject);
}

/**
 * Describe a capture point.
 */
static json_object *describe_point(nflog_listing_data_t *data, bool outbound)
{
	nflog_counters_t *count = &data->counts[outbound];
	bool ended = data->state == NFLOG_LISTING_ENDED;
	nflog_losses_t losses;
	json_object *object, *by;

	nflog_counters_get_losses(count, data->point + outbound, &losses);
	object = json_object_new_object();
	add_string(object, "point", enum_to_name(nflog_point_names,
											 data->point + outbound));
	add_number(object, "packets", count->packets);
	add_number(object, "bytes", count->bytes);
	add_number(object, "cut", count->cut);
	add_number(object, "filtered", count->filtered);
	add_number(object, "beyond_limit", count->beyond);
	add_number(object, "lost", losses.kernel + losses.memory + losses.budget +
			   losses.disk + losses.early);
	by = json_object_new_object();
	add_number(by, "memory_full", losses.memory);
	add_number(by, "budget_exhausted", losses.budget);
	add_number(by, "not_written", losses.disk);
	if (ended)
	{	/* these are not known before */
		add_number(by, "kernel_queue_full", losses.kernel);
		add_number(by, "before_sa_known", losses.early);
	}
	json_object_object_add(object, "lost_by", by);
	if (count->has_sa)
	{
		add_number(object, "by_sa", losses.sa);
		add_number(object, "missing", losses.unseen);
		add_number(object, "surplus", losses.surplus);
		add_number(object, "begin_or_end", losses.around);
		add_number(object, "segments", losses.segments);
	}
	if (ended)
	{
		add_number(object, "before_installed", losses.uninstalled);
	}
	if (count->missed)
	{
		add_number(object, "without_rules_ms", count->missed);
	}
	return object;
}

/**
 * Describe the virtual IPs of a peer.
 */
static json_object *describe_vips(linked_list_t *vips)
{
	json_object *array = json_object_new_array();
	enumerator_t *enumerator;
	char buf[64];
	host_t *vip;

	if (vips)
	{
		enumerator = vips->create_enumerator(vips);
		while (enumerator->enumerate(enumerator, &vip))
		{
			snprintf(buf, sizeof(buf), "%H", vip);
			json_object_array_add(array, json_object_new_string(buf));
		}
		enumerator->destroy(enumerator);
	}
	return array;
}

/**
 * Get what a trace has, by its capture point of arriving packets.
 */
static char *get_kind(nflog_point_t point)
{
	switch (point)
	{
		case POINT_IKE_IN:
			return "ike";
		case POINT_ESP_IN:
			return NFLOG_NAME_ESP;
		case POINT_DROPPED:
			return NFLOG_NAME_DROPPED;
		case POINT_MISSED:
			return NFLOG_NAME_MISSED;
		default:
			return NFLOG_NAME_PLAIN;
	}
}

/*
 * Described in header
 */
json_object *nflog_list_describe(nflog_listing_data_t *data)
{
	bool ike = data->point == POINT_IKE_IN;
	nflog_candidate_t *subject = &data->subject;
	json_object *object, *points;
	char buf[512];

	object = json_object_new_object();
	add_string(object, "type", "trace");
	add_number(object, "id", data->id);
	add_string(object, "connection", subject->conn);
	add_string(object, "kind", get_kind(data->point));
	if (!ike)
	{
		add_string(object, "child", subject->child);
		add_number(object, "child_id", subject->child_id);
	}
	add_number(object, "ike_id", subject->ike_id);
	add_known(object, ike ? "spi_initiator" : "spi_in", data->spis[0]);
	add_known(object, ike ? "spi_responder" : "spi_out", data->spis[1]);
	if (subject->identity)
	{
		snprintf(buf, sizeof(buf), "%Y", subject->identity);
		add_string(object, "identity", buf);
	}
	json_object_object_add(object, "virtual_ips", describe_vips(subject->vips));
	add_string(object, "state", enum_to_name(nflog_listing_state_names, data->state));
	if (data->interrupted)
	{
		json_object_object_add(object, "interrupted", json_object_new_boolean(TRUE));
	}
	add_known(object, "note", data->note);
	add_number(object, "since", data->since);
	if (data->until)
	{
		add_number(object, "until", data->until);
	}
	add_known(object, "directory", data->dir);
	add_known(object, "first_file", data->first);
	add_known(object, "file", data->file);
	add_number(object, "rotations", data->rotations);
	if (subject->request)
	{
		add_number(object, "request", subject->request);
	}
	points = json_object_new_array();
	json_object_array_add(points, describe_point(data, FALSE));
	if (NFLOG_WAY_POINTS & 1 << data->point)
	{
		json_object_array_add(points, describe_point(data, TRUE));
	}
	json_object_object_add(object, "points", points);
	return object;
}

/*
 * Described in header
 */
u_int nflog_list_send(nflog_channel_t *channel, nflog_registry_t *registry,
					  nflog_selection_t *selection)
{
	nflog_listing_t **listings;
	nflog_listing_data_t data;
	u_int count, i, sent = 0;
	bool open = TRUE;

	listings = registry->get_all(registry, &count);
	for (i = 0; i < count; i++)
	{
		if (open)
		{
			registry->get(registry, listings[i], &data);
			if (nflog_selection_match(selection, &data))
			{
				open = channel->send(channel, nflog_list_describe(&data));
				sent++;
			}
		}
		registry->release(registry, listings[i]);
	}
	free(listings);
	return sent;
}
