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

#include "decrypt_job.h"

#include <errno.h>

#include <collections/linked_list.h>

#include "cli/text.h"
#include "decrypt/decrypter.h"
#include "decrypt/sequences.h"
#include "read/trace.h"
#include "workers.h"
#include "write/pcapng.h"

/**
 * Packets of several traces.
 */
typedef struct {
	/** enumerator over trace_t */
	enumerator_t *traces;
	/** the one that is read, NULL for none */
	trace_t *trace;
	/** TRUE if one could not be read to its end */
	bool torn;
} source_t;

/**
 * Read the next packet, see workers_read_t.
 */
static bool read_packet(void *data, trace_packet_t *packet)
{
	source_t *source = data;

	while (!source->trace || !source->trace->read(source->trace, packet))
	{
		source->torn |= source->trace && source->trace->is_torn(source->trace);
		if (!source->traces->enumerate(source->traces, &source->trace))
		{
			source->trace = NULL;
			return FALSE;
		}
		if (!source->trace->rewind(source->trace))
		{
			source->torn = TRUE;
			source->trace = NULL;
		}
	}
	return TRUE;
}

/**
 * Print the summary.
 */
static bool print_summary(decrypt_job_t *job, decrypter_t *decrypter,
						  sequences_t *sequences)
{
	FILE *file = streq(job->output, "-") ? stderr : stdout;

	decrypter->print(decrypter, file);
	sequences->print(sequences, file);
	if (fflush(file) != 0)
	{
		text_print(stderr, "unable to write to stdout: %s\n", strerror(errno));
		return FALSE;
	}
	return TRUE;
}

/**
 * Decrypt traces that are open.
 */
static int write_traces(decrypt_job_t *job, linked_list_t *traces,
						decrypter_t *decrypter, output_t *output)
{
	source_t source = {
		.traces = traces->create_enumerator(traces),
	};
	sequences_t *sequences = sequences_create();
	int status = STATUS_ERROR;
	pcapng_t *pcapng;

	pcapng = pcapng_create(output);
	/* finish() prints why writing failed */
	workers_run(read_packet, &source, decrypter, sequences, job->raw, pcapng);
	pcapng->destroy(pcapng);
	source.traces->destroy(source.traces);
	if (!decrypter->has_work(decrypter))
	{
		if (job->may_be_plain)
		{
			text_print(stdout, "nothing to decrypt\n");
		}
		else
		{
			text_print(stderr, "nothing to decrypt in %s, as it has no ESP, AH, IPComp or "
					   "IKE: it was not written a second time\n", job->traces[0]);
		}
		status = job->may_be_plain && !source.torn ? STATUS_GOOD : STATUS_BAD;
	}
	else if (output->finish(output))
	{
		status = print_summary(job, decrypter, sequences) &&
				 decrypter->is_good(decrypter) && !source.torn ? STATUS_GOOD : STATUS_BAD;
	}
	sequences->destroy(sequences);
	return status;
}

/**
 * Open all traces, and have the decrypter learn from them.
 *
 * @param traces	receives trace_t
 */
static bool open_traces(char **paths, decrypter_t *decrypter, linked_list_t *traces)
{
	trace_packet_t packet;
	trace_t *trace;
	int i;

	for (i = 0; paths[i]; i++)
	{
		trace = trace_create(paths[i]);
		if (!trace)
		{
			return FALSE;
		}
		traces->insert_last(traces, trace);
		while (trace->read(trace, &packet) &&
			   decrypter->learn(decrypter, packet.ip))
		{
			/* until nothing is left to learn */
		}
		trace->close(trace);
	}
	return TRUE;
}

/*
 * Described in header
 */
int decrypt_job_run(decrypt_job_t *job, keyring_t *keys)
{
	decrypter_t *decrypter;
	linked_list_t *traces;
	output_t *output;
	int status = STATUS_ERROR;

	output = output_create(job->output, job->inputs);
	if (!output)
	{
		return STATUS_ERROR;
	}
	traces = linked_list_create();
	decrypter = decrypter_create(keys);
	if (open_traces(job->traces, decrypter, traces))
	{
		status = write_traces(job, traces, decrypter, output);
		if (status == STATUS_GOOD && keys->get_errors(keys))
		{
			status = STATUS_BAD;
		}
	}
	traces->destroy_offset(traces, offsetof(trace_t, destroy));
	decrypter->destroy(decrypter);
	output->destroy(output);
	return status;
}
