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

#include "change.h"

/** time to wait until a request was applied, and between two looks if the client is still
 * there, in ms */
#define APPLY_TIMEOUT 60000
#define INTERVAL 500

/** time to wait for traces to begin or end, in ms */
#define TRACE_TIMEOUT 5000

/** longest duration, in s */
#define MAX_DURATION (10 * 365 * 24 * 3600)

/**
 * Add a number to an object.
 */
static void add_number(json_object *object, char *name, uint64_t value)
{
	json_object_object_add(object, name, json_object_new_uint64(value));
}

/**
 * Add a number to an object, unless it is 0.
 */
static void add_set(json_object *object, char *name, uint64_t value)
{
	if (value)
	{
		add_number(object, name, value);
	}
}

/**
 * Add a string to an object, unless it is not set.
 */
static void add_string(json_object *object, char *name, char *value)
{
	if (value)
	{
		json_object_object_add(object, name, nflog_channel_string(value));
	}
}

/**
 * Get the options of a request.
 *
 * @param options		receives up to NFLOG_MAX_REQUEST_OPTIONS of them
 * @return				number of options
 */
static u_int get_options(nflog_fields_t *fields, nflog_request_option_t *options)
{
	json_object *object;
	u_int count = 0;

	object = nflog_fields_object(fields, "options");
	if (object && json_object_object_length(object) > NFLOG_MAX_REQUEST_OPTIONS)
	{
		nflog_fields_refuse(fields, "there are more than %d options",
							NFLOG_MAX_REQUEST_OPTIONS);
	}
	else if (object)
	{
		json_object_object_foreach(object, key, value)
		{
			options[count].name = key;
			options[count].value = (char*)json_object_get_string(value);
			if (!json_object_is_type(value, json_type_string) ||
				strlen(options[count].value) != json_object_get_string_len(value))
			{
				nflog_fields_refuse(fields, "option '%.64s' is no string", key);
			}
			count++;
		}
	}
	return count;
}

/**
 * Get what is known of a request.
 *
 * @param id			its id
 * @param copy			receives its state, nothing it points to
 * @return				FALSE if there is none with this id
 */
static bool get_request(nflog_requests_t *requests, uint32_t id, nflog_request_t *copy)
{
	enumerator_t *enumerator;
	nflog_request_t *request;
	bool found = FALSE;

	enumerator = requests->create_enumerator(requests);
	while (!found && enumerator->enumerate(enumerator, &request))
	{
		found = request->id == id;
		if (found)
		{
			*copy = *request;
		}
	}
	enumerator->destroy(enumerator);
	return found;
}

/**
 * Wait until a request was applied, as long as the client is there.
 */
static void await_request(nflog_channel_t *channel, nflog_requests_t *requests, uint32_t id)
{
	u_int waited = 0;

	while (!requests->wait(requests, id, INTERVAL) && waited < APPLY_TIMEOUT &&
		   channel->is_open(channel))
	{
		waited += INTERVAL;
	}
}

/**
 * Wait for a trace, as long as the client is there.
 *
 * @param left			time left, in ms, is reduced
 */
static void await_trace(nflog_channel_t *channel, nflog_registry_t *registry,
						nflog_listing_t *listing, nflog_listing_wait_t what, u_int *left)
{
	while (!registry->wait(registry, listing, what, min(*left, INTERVAL)) && *left)
	{
		*left -= channel->is_open(channel) ? min(*left, INTERVAL) : *left;
	}
}

/**
 * Check if a trace runs, and matches.
 */
static bool is_running(nflog_listing_data_t *data, nflog_criteria_t *criteria)
{
	return data->state < NFLOG_LISTING_ENDED &&
		   nflog_criteria_match(criteria, &data->subject);
}

/**
 * Get the traces that a stop may end.
 *
 * @param count			receives their number
 * @return				allocated array of listings, each is to be released
 */
static nflog_listing_t **get_running(nflog_registry_t *registry,
									 nflog_criteria_t *criteria, u_int *count)
{
	nflog_listing_t **listings;
	nflog_listing_data_t data;
	u_int i, all;

	*count = 0;
	listings = registry->get_all(registry, &all);
	for (i = 0; i < all; i++)
	{
		registry->get(registry, listings[i], &data);
		if (is_running(&data, criteria))
		{
			listings[(*count)++] = listings[i];
		}
		else
		{
			registry->release(registry, listings[i]);
		}
	}
	return listings;
}

/**
 * Release listings.
 */
static void release_all(nflog_registry_t *registry, nflog_listing_t **listings,
						u_int count)
{
	u_int i;

	for (i = 0; i < count; i++)
	{
		registry->release(registry, listings[i]);
	}
	free(listings);
}

/**
 * Send the traces that a request started, or ended.
 *
 * @param listings		traces that may be among them, get released
 * @param id			id of a request that started some, 0 for one that ended them
 * @param wait			TRUE if there are any
 */
static void send_traces(nflog_channel_t *channel, nflog_registry_t *registry,
						nflog_listing_t **listings, u_int count, uint32_t id, bool wait)
{
	u_int i, left = wait ? TRACE_TIMEOUT : 0;
	nflog_listing_data_t data;

	for (i = 0; i < count; i++)
	{
		registry->get(registry, listings[i], &data);
		if (!id || data.subject.request == id)
		{
			await_trace(channel, registry, listings[i],
						id ? NFLOG_LISTING_BEGUN : NFLOG_LISTING_COMPLETE, &left);
			registry->get(registry, listings[i], &data);
			if (id || data.state >= NFLOG_LISTING_ENDED)
			{
				channel->send(channel, nflog_list_describe(&data));
			}
		}
	}
	release_all(registry, listings, count);
}

/**
 * Add what a request did.
 */
static void add_result(json_object *object, nflog_request_t *request)
{
	json_object_object_add(object, "applied",
						   json_object_new_boolean(request->applied));
	add_number(object, "started", request->started);
	add_number(object, "running", request->running);
	add_number(object, "ended", request->ended);
	add_number(object, "failed", request->failed);
	add_number(object, "follows", request->follows);
	add_number(object, "without_keys", request->without_keys);
}

/*
 * Described in header
 */
json_object *nflog_change(nflog_channel_t *channel, nflog_registry_t *registry,
						  nflog_requests_t *requests, nflog_fields_t *fields, bool start)
{
	nflog_request_option_t options[NFLOG_MAX_REQUEST_OPTIONS];
	nflog_request_t request = { .start = start, .options = options };
	nflog_listing_t **listings = NULL;
	char error[NFLOG_REQUEST_ERROR];
	u_int count = 0;
	json_object *end;
	uint32_t id;

	nflog_fields_criteria(fields, &request.criteria);
	request.duration = nflog_fields_number(fields, "duration", MAX_DURATION);
	if (start)
	{
		request.packets = nflog_fields_number(fields, "packets", INT64_MAX);
		request.count = get_options(fields, options);
	}
	if (!nflog_fields_check(fields))
	{
		channel->send_error(channel, "invalid", "%s", fields->error);
		return NULL;
	}
	if (!start)
	{
		listings = get_running(registry, &request.criteria, &count);
	}
	id = requests->add(requests, &request, error);
	if (!id)
	{
		release_all(registry, listings, count);
		channel->send_error(channel, "refused", "%s", error);
		return NULL;
	}
	await_request(channel, requests, id);
	if (!get_request(requests, id, &request))
	{	/* another one replaced it, or its duration is over */
		request.applied = TRUE;
	}
	if (start)
	{
		listings = registry->get_all(registry, &count);
	}
	send_traces(channel, registry, listings, count, start ? id : 0,
				start ? request.started : request.ended);
	end = json_object_new_object();
	add_number(end, "request", id);
	add_result(end, &request);
	return end;
}

/**
 * Describe a request.
 */
static json_object *describe(nflog_request_t *request)
{
	nflog_criteria_t *criteria = &request->criteria;
	json_object *object, *options;
	char spi[16];
	u_int i;

	object = json_object_new_object();
	add_string(object, "type", "request");
	add_number(object, "id", request->id);
	add_string(object, "action", request->start ? "start" : "stop");
	add_string(object, "connection", criteria->conn);
	add_string(object, "child", criteria->child);
	add_set(object, "ike_id", criteria->ike_id);
	add_set(object, "child_id", criteria->child_id);
	if (criteria->spi)
	{
		snprintf(spi, sizeof(spi), "%.8x", ntohl(criteria->spi));
		add_string(object, "spi", spi);
	}
	add_string(object, "identity", criteria->identity);
	add_string(object, "virtual_ip", criteria->virtual_ip);
	if (request->count)
	{
		options = json_object_new_object();
		for (i = 0; i < request->count; i++)
		{
			add_string(options, request->options[i].name, request->options[i].value);
		}
		json_object_object_add(object, "options", options);
	}
	add_set(object, "duration", request->duration);
	add_set(object, "packets", request->packets);
	add_number(object, "added", request->added);
	add_result(object, request);
	return object;
}

/*
 * Described in header
 */
u_int nflog_change_list(nflog_channel_t *channel, nflog_requests_t *requests,
						nflog_criteria_t *criteria)
{
	json_object *objects = json_object_new_array();
	enumerator_t *enumerator;
	nflog_request_t *request;
	u_int i, count;

	/* without waiting for the client meanwhile */
	enumerator = requests->create_enumerator(requests);
	while (enumerator->enumerate(enumerator, &request))
	{
		if (!criteria->conn || !request->criteria.conn ||
			streq(criteria->conn, request->criteria.conn))
		{
			json_object_array_add(objects, describe(request));
		}
	}
	enumerator->destroy(enumerator);
	count = json_object_array_length(objects);
	for (i = 0; i < count; i++)
	{
		channel->send(channel, json_object_get(json_object_array_get_idx(objects, i)));
	}
	json_object_put(objects);
	return count;
}
