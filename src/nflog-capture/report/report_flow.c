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

#include "report_flow.h"
#include "ike_timeline.h"

/*
 * Described in header
 */
int64_t report_flow_distance(struct timeval *from, struct timeval *to)
{
	return ((int64_t)to->tv_sec - from->tv_sec) * 1000000 + to->tv_usec - from->tv_usec;
}

/**
 * Add a number to an object.
 */
static void put(json_object *object, char *name, int64_t value)
{
	json_object_object_add(object, name, json_object_new_int64(value));
}

/**
 * Add a string to an object.
 */
static void put_string(json_object *object, char *name, char *value)
{
	json_object_object_add(object, name, json_object_new_string(value));
}

/**
 * Describe a distribution of times.
 */
static json_object *describe_times(quantiles_t *quantiles)
{
	json_object *object = json_object_new_object();

	put(object, "packets", quantiles->count);
	put(object, "min_us", quantiles->min);
	put(object, "median_us", quantiles_get(quantiles, 0.5));
	put(object, "p90_us", quantiles_get(quantiles, 0.9));
	put(object, "p99_us", quantiles_get(quantiles, 0.99));
	put(object, "max_us", quantiles->max);
	put(object, "negative", quantiles->negative);
	return object;
}

/**
 * Describe the sequence numbers of an SA.
 */
static json_object *describe_sequence(sequence_t *sequence)
{
	json_object *object = json_object_new_object();

	put(object, "first", sequence->first);
	put(object, "highest", sequence->highest);
	put(object, "missing", sequence->missing);
	put(object, "late", sequence->late);
	put(object, "replayed", sequence->replayed);
	return object;
}

/**
 * Describe what happened between the two sides of an SA in the gateway.
 */
static void describe_gateway(flow_t *flow, json_object *object)
{
	/* segments that the kernel merges, or splits later, have no copy of their own */
	bool merged = flow->largest_plain > flow->largest_inner;

	if (flow->plain && flow->packets && flow->gateway)
	{
		json_object_object_add(object, "gateway", describe_times(flow->gateway));
		json_object_object_add(object, "merged", json_object_new_boolean(merged));
		if (!merged)
		{
			put(object, "stuck", flow->stuck);
		}
	}
}

/*
 * Described in header
 */
json_object *report_flow_describe(flow_t *flow, bool decrypted, flow_t *sender)
{
	json_object *object = json_object_new_object();
	int64_t time = report_flow_distance(&flow->first, &flow->last);
	too_big_t *too_big = flow->plain ? &flow->plain_too_big : &flow->too_big;
	char buf[40];

	snprintf(buf, sizeof(buf), "%.8x", flow->spi);
	put_string(object, "spi", buf);
	put_string(object, "direction", flow->point == POINT_ESP_IN ? "in"
								  : flow->point == POINT_ESP_OUT ? "out" : "unknown");
	put_string(object, "connection", flow->conn);
	put_string(object, "child", flow->child);
	put(object, "packets", flow->packets);
	put(object, "plain_packets", flow->plain);
	if (flow->packets)
	{
		put(object, "bytes", flow->bytes);
		put_string(object, "first", ike_timeline_time(&flow->first, buf));
		put_string(object, "last", ike_timeline_time(&flow->last, buf));
		put(object, "bits_per_second", time > 0 ? flow->bytes * 8 * 1000000.0 / time : 0);
		json_object_object_add(object, "sequence", describe_sequence(&flow->sequence));
		put(object, "largest", flow->largest);
		put(object, "fragments", flow->fragments);
	}
	if (decrypted && flow->packets)
	{
		put(object, "undecrypted", flow->undecrypted);
		put(object, "largest_inner", flow->largest_inner);
	}
	if (too_big->count)
	{
		put(object, "too_big", too_big->count);
		put(object, "mtu", too_big->mtu);
	}
	describe_gateway(flow, object);
	if (sender && sender->network)
	{
		json_object_object_add(object, "network", describe_times(sender->network));
		put(object, "lost", sender->lost);
	}
	return object;
}
