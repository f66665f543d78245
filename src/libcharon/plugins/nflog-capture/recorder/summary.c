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

#include "summary.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

#include <collections/array.h>

/** seconds before the oldest packet, or before the first trigger, from which on lines of
 * charon's log are there */
#define LOG_BEFORE 60

/** what follows the name of the child in that of a trace, see nflog_trace_name_child() */
#define FOLLOWS_LABEL ".20261123T202345Z.00000001-00000002"

/**
 * Files of a trace.
 */
typedef struct {
	/** name, without number and extension, and that of one of its files, owned */
	char *name, *file;
	/** number of files, bytes and packets in them */
	u_int files;
	uint64_t bytes, packets;
	/** when the oldest and the newest packet passed, 0 if that is not known */
	time_t first, last;
	/** TRUE if packets of some files were not counted */
	bool uncounted;
} trace_t;

/*
 * Described in header
 */
uint64_t nflog_summary_get_bytes(nflog_summary_t *summary)
{
	nflog_summary_file_t *file;
	enumerator_t *enumerator;
	uint64_t bytes = 0;

	enumerator = summary->files->create_enumerator(summary->files);
	while (enumerator->enumerate(enumerator, NULL, &file))
	{
		bytes += file->bytes;
	}
	enumerator->destroy(enumerator);
	return bytes;
}

/**
 * Write a time.
 */
static char *write_time(time_t time, char *buf, size_t len)
{
	struct tm tm;

	strftime(buf, len, "%Y-%m-%d %H:%M:%S", gmtime_r(&time, &tm));
	return buf;
}

/**
 * Print names that others chose without what terminals obey.
 */
static void print_name(char *name, FILE *out)
{
	for (; *name; name++)
	{
		fputc((u_char)*name < ' ' || *name == 0x7f ? '?' : *name, out);
	}
}

/**
 * Print what happened.
 */
static void print_triggers(nflog_summary_t *summary, FILE *out)
{
	enumerator_t *enumerator;
	nflog_trigger_t *trigger;
	char buf[32];

	fprintf(out, "What happened (times are in UTC):\n");
	if (summary->skipped)
	{
		fprintf(out, "  from %s on %u triggers for which there is no folder, see charon's log "
				"and recorder_interval\n",
				write_time(summary->skipped_since, buf, sizeof(buf)), summary->skipped);
	}
	enumerator = summary->triggers->create_enumerator(summary->triggers);
	while (enumerator->enumerate(enumerator, &trigger))
	{
		fprintf(out, "  %s.%03u %s", write_time(trigger->time.tv_sec, buf, sizeof(buf)),
				(u_int)(trigger->time.tv_usec / 1000), nflog_cause_describe(trigger->cause));
		if (trigger->detail)
		{
			fprintf(out, ": ");
			print_name(trigger->detail, out);
		}
		fprintf(out, "\n");
	}
	enumerator->destroy(enumerator);
	if (summary->more)
	{
		fprintf(out, "  %u more triggers followed\n", summary->more);
	}
}

/**
 * Order traces by the times in their names, and by side.
 */
static int trace_cmp(const void *a, const void *b, void *user)
{
	const trace_t *x = a, *y = b;
	time_t begin = nflog_trace_name_get_start(x->name),
		   other = nflog_trace_name_get_start(y->name);

	return begin != other ? (begin < other ? -1 : 1) : strcmp(x->name, y->name);
}

/**
 * Destroy a trace.
 */
static void trace_destroy(trace_t *trace)
{
	free(trace->name);
	free(trace->file);
	free(trace);
}

/**
 * Get the name of the trace of a file (allocated): that of the file, without the number.
 */
static char *get_trace_name(char *file)
{
	return strndup(file, nflog_trace_name_stem(file, NULL));
}

/**
 * Sort the files by traces.
 *
 * @return				trace_t, in order
 */
static array_t *get_traces(nflog_summary_t *summary)
{
	nflog_summary_file_t *file;
	enumerator_t *enumerator;
	hashtable_t *table;
	array_t *traces;
	trace_t *trace;
	char *name;

	traces = array_create(0, 0);
	table = hashtable_create(hashtable_hash_str, hashtable_equals_str, 8);
	enumerator = summary->files->create_enumerator(summary->files);
	while (enumerator->enumerate(enumerator, NULL, &file))
	{
		name = get_trace_name(file->name);
		trace = table->get(table, name);
		if (!trace)
		{
			INIT(trace,
				.name = strdup(name),
				.file = strdup(file->name),
			);
			table->put(table, trace->name, trace);
			array_insert(traces, ARRAY_TAIL, trace);
		}
		free(name);
		trace->files++;
		trace->bytes += file->bytes;
		trace->packets += file->packets;
		trace->uncounted |= !file->first && file->bytes;
		if (file->first)
		{
			trace->first = trace->first ? min(trace->first, file->first) : file->first;
			trace->last = max(trace->last, file->last);
		}
	}
	enumerator->destroy(enumerator);
	table->destroy(table);
	array_sort(traces, trace_cmp, NULL);
	return traces;
}

/**
 * Print what a trace is of: "<child>.<start>.<SPIs>.<side>", or "ike.<start>.<SPIs>".
 */
static void print_trace(trace_t *trace, FILE *out)
{
	char spis[2][NFLOG_IKE_DIGITS + 1] = {}, first[32], last[32];
	char *side = strrchr(trace->name, '.'), *label;

	nflog_trace_name_parse(trace->file, spis);
	write_time(nflog_trace_name_get_start(trace->name), first, sizeof(first));
	if (strlen(spis[0]) == NFLOG_IKE_DIGITS)
	{
		fprintf(out, "  IKE_SA with SPIs %s and %s", spis[0], spis[1]);
	}
	else
	{
		label = strndup(trace->name, side - trace->name - strlen(FOLLOWS_LABEL));
		fprintf(out, "  CHILD_SA ");
		print_name(label, out);
		free(label);
		fprintf(out, ", SPIs %s in and %s out, %s", spis[0], spis[1],
				streq(side, ".esp") ? "ESP" : streq(side, ".plain") ? "in the clear" : side + 1);
	}
	fprintf(out, ", captured since %s:\n    %u %s with %" PRIu64 " bytes", first,
			trace->files, trace->files == 1 ? "file" : "files", trace->bytes);
	if (trace->first)
	{
		fprintf(out, ", %" PRIu64 " packets from %s to %s", trace->packets,
				write_time(trace->first, first, sizeof(first)),
				write_time(trace->last, last, sizeof(last)));
	}
	fprintf(out, "%s\n", trace->uncounted ? ", and those of before charon was restarted" :
			trace->first ? "" : ", no packet");
}

/**
 * Print what there is of each SA.
 *
 * @return				when the oldest packet passed, 0 if that is not known
 */
static time_t print_traces(nflog_summary_t *summary, FILE *out)
{
	enumerator_t *enumerator;
	array_t *traces;
	trace_t *trace;
	time_t first = 0;

	fprintf(out, "\nWhat there is of each SA:\n");
	traces = get_traces(summary);
	if (!array_count(traces))
	{
		fprintf(out, "  nothing, no packet was captured\n");
	}
	enumerator = array_create_enumerator(traces);
	while (enumerator->enumerate(enumerator, &trace))
	{
		print_trace(trace, out);
		if (trace->first && (!first || trace->first < first))
		{
			first = trace->first;
		}
	}
	enumerator->destroy(enumerator);
	array_destroy_function(traces, (void*)trace_destroy, NULL);
	if (summary->left_out)
	{
		fprintf(out, "  %u files are not here, as there is no more space for this folder\n",
				summary->left_out);
	}
	if (summary->error)
	{
		fprintf(out, "  Some files are not here, as they could not be linked: %s\n",
				strerror(summary->error));
	}
	return first;
}

/**
 * Get the unique ids of the IKE_SAs to which something happened.
 */
static linked_list_t *get_ids(nflog_summary_t *summary)
{
	enumerator_t *enumerator;
	nflog_trigger_t *trigger;
	linked_list_t *ids;

	ids = linked_list_create();
	enumerator = summary->triggers->create_enumerator(summary->triggers);
	while (enumerator->enumerate(enumerator, &trigger))
	{
		if (trigger->ike_id)
		{
			ids->insert_last(ids, (void*)(uintptr_t)trigger->ike_id);
		}
	}
	enumerator->destroy(enumerator);
	return ids;
}

/*
 * Described in header
 */
void nflog_summary_print(nflog_summary_t *summary, char *conn, char *dir,
						 nflog_log_lines_t *lines, FILE *out)
{
	nflog_trigger_t *trigger;
	linked_list_t *ids;
	char text[PATH_MAX];
	time_t first;

	summary->triggers->get_first(summary->triggers, (void**)&trigger);
	fprintf(out, "Connection ");
	print_name(conn, out);
	fprintf(out, ": %s\n\n", nflog_cause_describe(summary->cause));
	if (summary->incomplete)
	{
		fprintf(out, "This folder is being filled: what follows is what there was at first.\n\n");
	}
	print_triggers(summary, out);
	first = print_traces(summary, out);
	if (!first || first > trigger->time.tv_sec)
	{
		first = trigger->time.tv_sec;
	}
	fprintf(out, "\nWhat charon logged about them:\n");
	/* lines about traces have their paths */
	snprintf(text, sizeof(text), "%s/", dir);
	ids = get_ids(summary);
	if (!lines->print(lines, conn, ids, text, first - LOG_BEFORE, summary->max_log, out))
	{
		fprintf(out, "  nothing\n");
	}
	ids->destroy(ids);
	fprintf(out, "\nWhat follows: 'nflog-capture report', 'open' and 'export' of this directory\n");
}
