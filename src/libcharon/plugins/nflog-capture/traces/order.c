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

#include "order.h"

/**
 * Time for which packets wait for older ones, in ms, as time stamps are not in the order
 * of logging if several processors receive packets.
 */
#define MIN_DISORDER 20

/**
 * The same if it is unknown that all packets logged before were read.  The readers just had
 * nothing left to read, which takes longer to be sure.
 */
#define MAX_DISORDER 200

/**
 * The same if there are many packets: a shorter window, which suffices if no processor is
 * late, so packets are written before they leave the caches.
 */
#define LITTLE_DISORDER 2

/** memory in use above which not to wait for older packets, in percent */
#define TOO_MANY_PACKETS 90

/**
 * Compare the times of packets.
 */
static int time_cmp(const nflog_packet_t *a,
					const nflog_packet_t *b)
{
	if (a->sec != b->sec)
	{
		return a->sec < b->sec ? -1 : 1;
	}
	if (a->usec != b->usec)
	{
		return a->usec < b->usec ? -1 : 1;
	}
	return 0;
}

/**
 * Compare the order in which packets were logged.
 */
static int order_cmp(const nflog_packet_t *a,
					 const nflog_packet_t *b)
{
	return nflog_order_cmp(a->order, b->order);
}

/**
 * Compare packets by time, then by the order in which they were logged, for qsort().
 */
static int packet_cmp(const void *a, const void *b)
{
	const nflog_packet_t *x = *(nflog_packet_t**)a;
	const nflog_packet_t *y = *(nflog_packet_t**)b;

	return time_cmp(x, y) ?: order_cmp(x, y);
}

/**
 * Merge two lists of packets, each in the order of logging.
 */
static nflog_packet_t *merge(nflog_packet_t *a,
							 nflog_packet_t *b)
{
	nflog_packet_t *list, **end = &list;

	while (a && b)
	{
		if (order_cmp(b, a) < 0)
		{
			*end = b;
			b = b->next;
		}
		else
		{
			*end = a;
			a = a->next;
		}
		end = &(*end)->next;
	}
	*end = a ?: b;
	return list;
}

/**
 * Sort a list of packets by the order in which they were logged.
 *
 * All are in order but a few that were kept meanwhile.  So this merges the runs that are in
 * order, usually a single one.
 */
static nflog_packet_t *sort(nflog_packet_t *list)
{
	/* each the merge of 2^i runs */
	nflog_packet_t *merged[32] = {}, *part, *last;
	int i, used = 0;

	while (list)
	{
		part = last = list;
		while (last->next && order_cmp(last, last->next) <= 0)
		{
			last = last->next;
		}
		list = last->next;
		last->next = NULL;
		for (i = 0; merged[i]; i++)
		{
			part = merge(merged[i], part);
			merged[i] = NULL;
		}
		merged[i] = part;
		used = max(used, i + 1);
	}
	for (i = 0; i < used; i++)
	{
		list = merge(merged[i], list);
	}
	return list;
}

/**
 * Correct the times of packets that the kernel did not stamp.
 *
 * They have the time of reception, but were logged before any stamped packet of later order,
 * so their time must not exceed its time.  So a request comes before its answer, however
 * late it was read.
 */
static void correct_times(nflog_packet_t **packets, u_int count)
{
	nflog_packet_t *packet, *next = NULL;
	u_int i;

	for (i = count; i > 0; i--)
	{
		packet = packets[i - 1];
		if (packet->stamped)
		{
			if (!next || time_cmp(packet, next) < 0)
			{
				next = packet;
			}
		}
		else if (next && time_cmp(packet, next) > 0)
		{
			packet->sec = packet->record->sec = next->sec;
			packet->usec = packet->record->usec = next->usec;
		}
	}
}

/*
 * Described in header
 */
u_int nflog_order_collect(nflog_trace_t *trace, nflog_packet_t **packets)
{
	nflog_packet_t *stamped, *others, *packet;
	bool sorted;
	u_int i, count = 0;

	sorted = trace->collect(trace, &stamped, &others);
	packet = sorted ? stamped ?: others : merge(sort(others), sort(stamped));
	for (; packet; packet = packet->next)
	{
		packets[count++] = packet;
	}
	if (sorted)
	{	/* the usual case */
		return count;
	}
	correct_times(packets, count);
	sorted = TRUE;
	for (i = 1; sorted && i < count; i++)
	{
		sorted = time_cmp(packets[i - 1], packets[i]) <= 0;
	}
	if (!sorted)
	{
		qsort(packets, count, sizeof(*packets), packet_cmp);
	}
	return count;
}

/**
 * Check if a packet was logged at least that many ms ago.
 */
static bool is_older(nflog_packet_t *packet, timeval_t *now, u_int ms)
{
	timeval_t limit, age = { .tv_usec = ms * 1000 };

	timersub(now, &age, &limit);
	/* the clock may have been set back */
	return packet->sec < limit.tv_sec || packet->sec > now->tv_sec ||
		   (packet->sec == limit.tv_sec &&
			packet->usec <= limit.tv_usec);
}

/**
 * Check if a packet is due, i.e. no older one can arrive anymore.
 *
 * @param progress	progress of the readers
 * @param many		TRUE if there are many packets
 * @param used		memory in use, in percent
 */
static bool is_due(nflog_packet_t *packet, timeval_t *now,
				   nflog_progress_t *progress, bool many, u_int used)
{
	if (progress->is_known &&
		nflog_order_cmp(packet->order, progress->order) <= 0)
	{
		return is_older(packet, now,
						many ? LITTLE_DISORDER : MIN_DISORDER);
	}
	if (used > TOO_MANY_PACKETS)
	{
		return is_older(packet, now, MIN_DISORDER);
	}
	return progress->idle && is_older(packet, now, MAX_DISORDER);
}

/*
 * Described in header
 */
u_int nflog_order_get_due(nflog_packet_t **packets, u_int count,
						  nflog_progress_t *progress, bool many, u_int used)
{
	timeval_t now;
	u_int due = 0;

	gettimeofday(&now, NULL);
	while (due < count && is_due(packets[due], &now, progress, many, used))
	{
		due++;
	}
	return due;
}

/*
 * Described in header
 */
nflog_progress_t nflog_progress_both(nflog_progress_t a,
									 nflog_progress_t b)
{
	bool a_is_later = nflog_order_cmp(a.order, b.order) > 0;

	return (nflog_progress_t){
		.order = a_is_later ? b.order : a.order,
		.is_known = a.is_known && b.is_known,
		.idle = a.idle && b.idle,
	};
}

/*
 * Described in header
 */
uint32_t nflog_later(uint32_t a, uint32_t b)
{
	return nflog_order_cmp(a, b) > 0 ? a : b;
}
