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

/*
 * Writes traces like those of the plugin.
 */

#ifndef TRACES_H_
#define TRACES_H_

#include "common.h"

#include <pcap/pcap.h>
#include <sys/stat.h>

/**
 * File of a trace.
 */
typedef struct {
	pcap_t *pcap;
	pcap_dumper_t *dumper;
	int link;
} trace_file_t;

/**
 * Create a file.
 *
 * @param conn		directory of the connection
 * @param name		name of the file
 * @param link		DLT_NFLOG or DLT_RAW
 */
static inline trace_file_t *trace_file_create(char *conn, char *name, int link)
{
	char path[PATH_MAX];
	trace_file_t *file;

	snprintf(path, sizeof(path), "%s/%s", dir, conn);
	mkdir(path, 0700);
	snprintf(path, sizeof(path), "%s/%s/%s", dir, conn, name);
	INIT(file,
		.pcap = pcap_open_dead(link, 65535),
		.link = link,
	);
	file->dumper = pcap_dump_open(file->pcap, path);
	assert_non_null(file->dumper);
	return file;
}

/**
 * Create a record.
 *
 * @param prefix	label of the SA and capture point
 * @param packet	IP packet
 * @return			data of the record, allocated
 */
static inline chunk_t trace_file_record(int link, char *prefix, chunk_t packet)
{
	uint16_t prefix_tlv[] = { 4 + strlen(prefix) + 1, 10 };
	uint16_t payload_tlv[] = { 4 + packet.len, 9 };
	uint8_t zeros[5] = {};

	if (link == DLT_RAW)
	{
		return chunk_clone(packet);
	}
	return chunk_cat("cccccc", chunk_from_chars(2, 0, 0, 0),
					 chunk_from_thing(prefix_tlv), chunk_from_str(prefix),
					 chunk_create(zeros, 1 + (-prefix_tlv[0] & 3)),
					 chunk_from_thing(payload_tlv), packet);
}

/**
 * Add a packet.
 *
 * @param sec		time, with a microsecond
 * @param packet	IP packet, gets freed
 */
static inline void trace_file_add(trace_file_t *file, time_t sec, char *prefix,
								  chunk_t packet)
{
	chunk_t record = trace_file_record(file->link, prefix, packet);
	struct pcap_pkthdr header = {
		.ts = { .tv_sec = sec, .tv_usec = 1 },
		.caplen = record.len,
		.len = record.len,
	};

	pcap_dump((u_char*)file->dumper, &header, record.ptr);
	free(record.ptr);
	free(packet.ptr);
}

/**
 * Write what was added.
 */
static inline void trace_file_flush(trace_file_t *file)
{
	assert_int_equal(pcap_dump_flush(file->dumper), 0);
}

/**
 * Complete a file.
 */
static inline void trace_file_close(trace_file_t *file)
{
	pcap_dump_close(file->dumper);
	pcap_close(file->pcap);
	free(file);
}

#endif /* TRACES_H_ */
