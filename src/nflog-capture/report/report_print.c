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

#include "cli/text.h"
#include "report.h"

#include <inttypes.h>

/**
 * Get a field of an object.
 */
static json_object *get(json_object *object, char *name)
{
	json_object *value = NULL;

	json_object_object_get_ex(object, name, &value);
	return value;
}

/**
 * Get a number.
 */
static int64_t number(json_object *object, char *name)
{
	return json_object_get_int64(get(object, name));
}

/**
 * Get a string, empty if it is missing.
 */
static const char *string(json_object *object, char *name)
{
	return json_object_get_string(get(object, name)) ?: "";
}

/**
 * Print a time in a unit that fits.
 */
static char *format_time(int64_t us, char *buf, size_t len)
{
	if (us > -10000 && us < 10000)
	{
		snprintf(buf, len, "%" PRId64 " us", us);
	}
	else if (us > -10000000 && us < 10000000)
	{
		snprintf(buf, len, "%.1f ms", us / 1000.0);
	}
	else
	{
		snprintf(buf, len, "%.1f s", us / 1000000.0);
	}
	return buf;
}

/**
 * Print a distribution of times.
 *
 * @param remark	why times may be negative
 */
static void print_times(json_object *times, char *what, char *remark)
{
	char a[32], b[32], c[32], d[32];

	text_print(stdout, "  %s: %" PRId64 " packets, median %s, 90 %% within %s, 99 %% "
			   "within %s, longest %s\n", what, number(times, "packets"),
			   format_time(number(times, "median_us"), a, sizeof(a)),
			   format_time(number(times, "p90_us"), b, sizeof(b)),
			   format_time(number(times, "p99_us"), c, sizeof(c)),
			   format_time(number(times, "max_us"), d, sizeof(d)));
	if (number(times, "negative"))
	{
		text_print(stdout, "  %" PRId64 " of these have times in the wrong order, the "
				   "shortest is %s: %s\n", number(times, "negative"),
				   format_time(number(times, "min_us"), a, sizeof(a)), remark);
	}
}

/**
 * Print the sequence numbers of an SA.
 */
static void print_sequence(json_object *sequence)
{
	int64_t missing = number(sequence, "missing");
	int64_t all = number(sequence, "highest") - number(sequence, "first") + 1;

	text_print(stdout, "  sequence numbers %" PRId64 " to %" PRId64 ": %" PRId64 " "
			   "missing (%.2f %%), %" PRId64 " late, %" PRId64 " replayed\n",
			   number(sequence, "first"), number(sequence, "highest"), missing,
			   all > 0 ? missing * 100.0 / all : 0, number(sequence, "late"),
			   number(sequence, "replayed"));
}

/**
 * Print the packets of an SA.
 */
static void print_packets(json_object *sa)
{
	text_print(stdout, "  %s to %s\n", string(sa, "first"), string(sa, "last"));
	print_sequence(get(sa, "sequence"));
	text_print(stdout, "  largest packet %" PRId64 " bytes", number(sa, "largest"));
	if (number(sa, "largest_inner"))
	{
		text_print(stdout, ", in the clear %" PRId64, number(sa, "largest_inner"));
	}
	text_print(stdout, ", last fragments %" PRId64 "\n", number(sa, "fragments"));
	if (number(sa, "undecrypted"))
	{
		text_print(stdout, "  %" PRId64 " packets can't be decrypted\n",
				   number(sa, "undecrypted"));
	}
}

/**
 * Print an SA.
 */
static void print_sa(json_object *sa)
{
	bool inbound = streq(string(sa, "direction"), "in");

	text_print(stdout, "SA %s %s (%s, %s): %" PRId64 " packets, %" PRId64 " bytes, %"
			   PRId64 " bit/s, %" PRId64 " packets in the clear\n", string(sa, "spi"),
			   string(sa, "direction"), string(sa, "connection"), string(sa, "child"),
			   number(sa, "packets"), number(sa, "bytes"), number(sa, "bits_per_second"),
			   number(sa, "plain_packets"));
	if (number(sa, "packets"))
	{
		print_packets(sa);
	}
	if (number(sa, "too_big"))
	{
		text_print(stdout, "  MTU: %" PRId64 " messages that packets are too big, lowest "
				   "MTU %" PRId64 "\n", number(sa, "too_big"), number(sa, "mtu"));
	}
	if (get(sa, "gateway"))
	{
		print_times(get(sa, "gateway"), "through the gateway",
					"packets that leave have the time of logging");
	}
	if (number(sa, "stuck"))
	{
		text_print(stdout, "  %" PRId64 " packets %s\n", number(sa, "stuck"),
				   inbound ? "arrived, and never came out of the SA"
						   : "came to the SA, and never left");
	}
	if (json_object_get_boolean(get(sa, "merged")))
	{
		text_print(stdout, "  packets in the clear are larger than those in ESP: the "
				   "kernel merges or splits them,\n  so which of them never left is not "
				   "known\n");
	}
	if (get(sa, "network"))
	{
		print_times(get(sa, "network"), inbound ? "from the peer" : "to the peer",
					"the clocks differ, or the sender logs packets late");
		text_print(stdout, "  %" PRId64 " packets were lost on the way\n",
				   number(sa, "lost"));
	}
}

/**
 * Print an IKE message.
 */
static void print_message(json_object *message)
{
	text_print(stdout, "  %s %-3s %s %s %s %" PRId64, string(message, "time"),
			   string(message, "direction"), string(message, "ike_sa"),
			   string(message, "exchange"), string(message, "kind"),
			   number(message, "message_id"));
	if (json_object_get_boolean(get(message, "encrypted")))
	{
		text_print(stdout, " (encrypted)");
	}
	if (*string(message, "text"))
	{
		text_print(stdout, ": %s", string(message, "text"));
	}
	if (number(message, "retransmits"))
	{
		text_print(stdout, ", retransmitted %" PRId64 " times until %s",
				   number(message, "retransmits"), string(message, "last"));
	}
	text_print(stdout, "\n");
}

/**
 * Print why packets of a trace went astray.
 */
static void print_astray(json_object *astray)
{
	json_object *reasons = get(astray, "reasons"), *reason;
	size_t i;

	text_print(stdout, "%s (%s, %s): %" PRId64 " packets\n", string(astray, "kind"),
			   string(astray, "connection"), string(astray, "child"),
			   number(astray, "packets"));
	for (i = 0; i < json_object_array_length(reasons); i++)
	{
		reason = json_object_array_get_idx(reasons, i);
		text_print(stdout, "  %" PRId64 " %s\n", number(reason, "packets"),
				   string(reason, "reason"));
	}
	if (number(astray, "other_reasons"))
	{
		text_print(stdout, "  %" PRId64 " for other reasons\n",
				   number(astray, "other_reasons"));
	}
}

/*
 * Described in header
 */
void report_print(json_object *report)
{
	json_object *sas = get(report, "sas"), *ike = get(report, "ike");
	json_object *astray = get(report, "astray");
	size_t i;

	for (i = 0; i < json_object_array_length(sas); i++)
	{
		print_sa(json_object_array_get_idx(sas, i));
	}
	for (i = 0; i < json_object_array_length(astray); i++)
	{
		print_astray(json_object_array_get_idx(astray, i));
	}
	if (json_object_array_length(ike))
	{
		text_print(stdout, "IKE:\n");
	}
	for (i = 0; i < json_object_array_length(ike); i++)
	{
		print_message(json_object_array_get_idx(ike, i));
	}
	if (number(report, "ike_omitted"))
	{
		text_print(stdout, "  and %" PRId64 " messages more\n",
				   number(report, "ike_omitted"));
	}
	if (number(report, "omitted"))
	{
		text_print(stdout, "packets of other SAs: %" PRId64 "\n",
				   number(report, "omitted"));
	}
	if (number(report, "unknown"))
	{
		text_print(stdout, "packets of no known SA: %" PRId64 "\n",
				   number(report, "unknown"));
	}
	if (!json_object_get_boolean(get(report, "decrypted")))
	{
		text_print(stdout, "There are no keys, so what needs decrypting is missing: give "
				   "them with -k\n");
	}
}
