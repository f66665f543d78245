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

#include "counters.h"

#include <inttypes.h>
#include <stdarg.h>
#include <linux/if_ether.h>

/**
 * Size of the packets that a large packet was merged from, at least, in bytes without headers:
 * TCP's default MSS (RFC 9293, section 3.7.1), which is about the smallest MTU of IPv4 that
 * matters.  Senders of smaller writes have smaller ones, but few large packets.
 */
#define MIN_SEGMENT 536

/**
 * Append to a string.
 */
static void append(char *buf, size_t len, char *format, ...)
{
	size_t pos = strlen(buf);
	va_list args;

	va_start(args, format);
	vsnprintf(buf + pos, len - pos, format, args);
	va_end(args);
}

/**
 * Get the number of packets that the rule logged, but that were not read.
 */
static uint64_t get_unread(nflog_counters_t *count)
{
	return count->logged > count->received ? count->logged - count->received : 0;
}

/**
 * Get the number of unread packets that are no loss: first fragments that were read, but
 * not reassembled, as they arrived twice, or without the others.
 */
static uint64_t get_incomplete(nflog_counters_t *count)
{
	return count->fragments > count->whole
				? min(count->fragments - count->whole, get_unread(count)) : 0;
}

/**
 * Get the number of packets that netfilter saw: without repetitions and incomplete packets.
 */
static uint64_t get_seen(nflog_counters_t *count)
{
	return max(count->logged, count->received) - count->again -
		   get_incomplete(count);
}

/*
 * Described in header
 */
bool nflog_counters_is_short(nflog_counters_t *count)
{
	return count->has_sa && count->sa > get_seen(count);
}

/**
 * Get the number of packets seen that the SA did not process while it was certainly
 * captured, but may have processed shortly before or after.
 */
static uint64_t get_around(nflog_counters_t *count, uint64_t seen)
{
	return seen > count->sa ? min(count->slack, seen - count->sa) : 0;
}

/**
 * Get the number of packets dropped before their SA was known that are of this SA, by what
 * the SA processed.
 */
static uint64_t unidentified(nflog_counters_t *count)
{
	return nflog_counters_is_short(count)
				? min(count->unidentified, count->sa - get_seen(count)) : 0;
}

/**
 * Get the number of incomplete packets that the kernel reassembled, by what the SA
 * processed: fragments of them were logged, but not read.
 */
static uint64_t lost_fragments(nflog_counters_t *count)
{
	return nflog_counters_is_short(count)
				? min(get_incomplete(count), count->sa - get_seen(count) -
					  unidentified(count)) : 0;
}

/**
 * Get the number of packets that the rule logged, but that were lost before they were read.
 */
static uint64_t kernel_lost(nflog_counters_t *count)
{
	return count->has_logged && !count->uncounted
				? get_unread(count) - get_incomplete(count) +
				  lost_fragments(count) : 0;
}

/**
 * Check if packets are captured in the clear.
 */
static bool is_plain(nflog_point_t point)
{
	return point == POINT_PLAIN_IN || point == POINT_PLAIN_OUT;
}

/**
 * Get how many packets that no rule saw may be segments of those that one did.
 */
static uint64_t get_segments(nflog_counters_t *count, nflog_point_t point,
							 uint64_t unseen)
{
	return is_plain(point) ? min(count->segments, unseen) : 0;
}

/**
 * Describe packets that the SA processed, but that no rule saw.
 */
static void describe_unseen(nflog_counters_t *count,
							nflog_point_t point, uint64_t unseen,
							char *buf, size_t len)
{
	uint64_t segments = get_segments(count, point, unseen);
	bool plain = is_plain(point);
	char *reason = "";

	if (plain && count->flowtable)
	{
		reason = " (maybe forwarded by a flowtable, add no flows of SAs to it)";
	}
	else if (!plain && count->offloaded)
	{
		reason = " (offloaded)";
	}
	if (segments < unseen)
	{
		append(buf, len, ", %" PRIu64 " not seen by netfilter%s",
			   unseen - segments, reason);
		reason = "";
	}
	if (segments)
	{
		append(buf, len, ", %" PRIu64 " counted as segments of %" PRIu64
			   " large packets%s", segments, count->large, reason);
	}
}

/**
 * Describe packets that rules saw, but that the SA did not process.
 */
static void describe_surplus(nflog_point_t point, uint64_t surplus,
							 char *buf, size_t len)
{
	append(buf, len, ", %" PRIu64 " more than the SA processed%s", surplus,
		   point == POINT_ESP_IN ? " (replayed, not authentic, or out of its "
		   "lifetime)" : "");
}

/**
 * Get the number of packets that the kernel dropped as there was only an SPI yet: logged
 * before the SA was installed, and not processed by it, as the last of them may be.
 */
static uint64_t early_dropped(nflog_counters_t *count)
{
	uint64_t seen = get_seen(count);

	if (!count->has_sa)
	{
		return min(count->early, seen);
	}
	return min(count->early, seen - min(seen, count->sa + get_around(count, seen)));
}

/*
 * Described in header
 */
void nflog_counters_add(uint64_t *counter)
{
	__atomic_fetch_add(counter, 1, __ATOMIC_RELAXED);
}

/*
 * Described in header
 */
uint64_t nflog_counters_get(uint64_t *counter)
{
	return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

/*
 * Described in header
 */
void nflog_counters_copy(nflog_counters_t *to, nflog_counters_t *from)
{
	to->packets = from->packets;
	to->bytes = from->bytes;
	to->cut = from->cut;
	to->filtered = from->filtered;
	to->beyond = from->beyond;
	to->budget = from->budget;
	to->refused = from->refused;
	to->received = nflog_counters_get(&from->received);
	to->overrun = nflog_counters_get(&from->overrun);
}

/*
 * Described in header
 */
void nflog_counters_large(nflog_counters_t *count, uint32_t len)
{
	if (len > ETH_DATA_LEN)
	{
		count->large++;
		count->segments += (len - 1) / MIN_SEGMENT;
	}
}

/**
 * Get the number of packets of the SA that netfilter saw, read or not.
 */
static uint64_t get_processed(nflog_counters_t *count)
{
	return get_seen(count) + unidentified(count) + lost_fragments(count) -
		   early_dropped(count);
}

/*
 * Described in header
 */
void nflog_counters_get_losses(nflog_counters_t *count, nflog_point_t point,
							   nflog_losses_t *losses)
{
	uint64_t seen = get_processed(count), around = get_around(count, seen);

	*losses = (nflog_losses_t){
		.kernel = kernel_lost(count),
		.memory = count->overrun,
		.budget = count->budget,
		.disk = count->refused,
		.early = unidentified(count),
		.sa = count->sa,
		.uninstalled = early_dropped(count),
	};
	if (!count->has_sa)
	{
		return;
	}
	if (count->sa > seen)
	{
		losses->unseen = count->sa - seen;
		losses->segments = get_segments(count, point, losses->unseen);
		losses->unseen -= losses->segments;
	}
	else
	{
		losses->around = around;
		losses->surplus = seen - count->sa - around;
	}
}

/*
 * Described in header
 */
void nflog_counters_describe(nflog_counters_t *count,
							 nflog_point_t point, char *buf,
							 size_t len)
{
	uint64_t kernel = kernel_lost(count), early = unidentified(count), lost;
	uint64_t uninstalled = early_dropped(count);
	uint64_t fragments = lost_fragments(count);
	uint64_t seen = get_processed(count), around = get_around(count, seen);

	lost = kernel + early + count->overrun + count->budget + count->refused;
	snprintf(buf, len, "%N %" PRIu64 " packets %" PRIu64 " bytes %" PRIu64
			 " lost", nflog_point_names, point, count->packets,
			 count->bytes, lost);
	if (lost)
	{
		append(buf, len, " (%" PRIu64 " kernel queue full, %" PRIu64 " memory "
			   "full, %" PRIu64 " disk budget exhausted, %" PRIu64 " not "
			   "written", kernel, count->overrun, count->budget,
			   count->refused);
		if (early)
		{
			append(buf, len, ", %" PRIu64 " dropped before their SA was known",
				   early);
		}
		append(buf, len, ")");
	}
	if (count->filtered)
	{
		append(buf, len, " %" PRIu64 " filtered", count->filtered);
	}
	if (count->beyond)
	{
		append(buf, len, " %" PRIu64 " beyond the limit", count->beyond);
	}
	if (count->has_sa)
	{
		append(buf, len, " of %" PRIu64 " by the SA", count->sa);
		if (count->sa > seen)
		{
			describe_unseen(count, point, count->sa - seen, buf, len);
		}
		if (around)
		{
			append(buf, len, ", %" PRIu64 " more that it may have processed as the "
				   "capture began or ended", around);
		}
		if (count->sa + around < seen)
		{
			describe_surplus(point, seen - count->sa - around, buf, len);
		}
	}
	else if (count->unidentified)
	{
		append(buf, len, ", maybe some of %" PRIu64 " dropped before their SA "
			   "was known", count->unidentified);
	}
	if (count->left)
	{
		append(buf, len, ", %" PRIu64 " of its selectors left without it (first: %s)",
			   count->left, count->left_for);
	}
	if (count->crowded)
	{
		append(buf, len, ", maybe some of %" PRIu64 " that were not compared with it, as too "
			   "many SAs have its subnets", count->crowded);
	}
	if (get_incomplete(count) > fragments)
	{
		append(buf, len, ", %" PRIu64 " first fragments repeated or without the "
			   "others", get_incomplete(count) - fragments);
	}
	if (count->cut)
	{
		append(buf, len, ", %" PRIu64 " packets cut", count->cut);
	}
	if (count->gone)
	{
		append(buf, len, ", count of the SA not known, it was gone from the "
			   "kernel");
	}
	if (count->absent)
	{
		append(buf, len, ", the SA was never installed");
	}
	if (uninstalled)
	{
		append(buf, len, ", %" PRIu64 " arrived before the SA was installed and "
			   "were dropped", uninstalled);
	}
	if (count->missed)
	{
		append(buf, len, ", rules were missing for %" PRIu64 ".%.3u s",
			   count->missed / 1000, (u_int)(count->missed % 1000));
	}
	if (count->gave_up &&
		(!count->has_logged || kernel || nflog_counters_is_short(count)))
	{
		append(buf, len, ", gave up waiting for the rest");
	}
	if (count->uncounted)
	{
		append(buf, len, ", losses in the kernel are not known");
	}
	if (count->tally)
	{
		count->tally->describe(count->tally, buf + strlen(buf), len - strlen(buf));
	}
}
