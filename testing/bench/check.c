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

#define _GNU_SOURCE

#include "bench.h"

#include <errno.h>
#include <fts.h>
#include <stdlib.h>

#include <linux/netfilter/nfnetlink_log.h>
#include <linux/netlink.h>
#include <pcap/pcap.h>

/** length of the header of a packet in a trace with link type NFLOG */
#define NFLOG_HEADER_LEN 4

/**
 * State of a check.
 */
typedef struct {
	/** result */
	bench_found_t found;
	/** number of packets sent */
	uint64_t count;
	/** which of them were found */
	bool *seen;
	/** errors of time stamps, in us */
	double *errors;
} check_t;

/**
 * Find the IP packet in a record.
 */
static chunk_t find_ip(chunk_t data, int link)
{
	struct nlattr attr;

	if (link == DLT_RAW)
	{
		return data;
	}
	data = chunk_skip(data, NFLOG_HEADER_LEN);
	while (data.len >= sizeof(attr))
	{
		memcpy(&attr, data.ptr, sizeof(attr));
		if (attr.nla_len < sizeof(attr) || attr.nla_len > data.len)
		{
			break;
		}
		if (attr.nla_type == NFULA_PAYLOAD)
		{
			return chunk_create(data.ptr + sizeof(attr),
								attr.nla_len - sizeof(attr));
		}
		data = chunk_skip(data, NLA_ALIGN(attr.nla_len));
	}
	return chunk_empty;
}

/**
 * Check a packet.
 */
static void check_packet(check_t *this, struct timeval *time, chunk_t ip)
{
	probe_t probe;

	if (ip.len < 20 + sizeof(probe))
	{
		return;
	}
	memcpy(&probe, ip.ptr + (ip.ptr[0] & 0x0f) * 4, sizeof(probe));
	if (probe.magic != PROBE_MAGIC || probe.number >= this->count)
	{
		return;
	}
	if (this->seen[probe.number])
	{
		this->found.twice++;
		return;
	}
	this->seen[probe.number] = TRUE;
	this->errors[this->found.count++] = time->tv_sec * 1e6 + time->tv_usec -
										probe.time / 1000.0;
}

/**
 * Check a trace.
 */
static void check_trace(check_t *this, char *path)
{
	char err[PCAP_ERRBUF_SIZE];
	struct timeval last = {};
	struct pcap_pkthdr *hdr;
	const u_char *data;
	pcap_t *pcap;
	int ret;

	pcap = pcap_open_offline(path, err);
	if (!pcap)
	{
		bench_fail("%s", err);
	}
	while ((ret = pcap_next_ex(pcap, &hdr, &data)) == 1)
	{
		this->found.disorder += timercmp(&hdr->ts, &last, <) != 0;
		last = hdr->ts;
		check_packet(this, &hdr->ts,
					 find_ip(chunk_create((u_char*)data, hdr->caplen),
							 pcap_datalink(pcap)));
	}
	if (ret != PCAP_ERROR_BREAK)
	{
		bench_fail("%s: %s", path, pcap_geterr(pcap));
	}
	pcap_close(pcap);
}

/*
 * Described in header
 */
bench_found_t bench_check(char *dir, uint64_t count)
{
	check_t this = {
		.count = count,
		.seen = calloc(count + 1, sizeof(bool)),
		.errors = calloc(count + 1, sizeof(double)),
	};
	char *paths[] = { dir, NULL };
	bench_found_t *found = &this.found;
	FTSENT *file;
	size_t len;
	FTS *fts;

	fts = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	while (fts && (file = fts_read(fts)))
	{
		len = strlen(file->fts_name);
		if (file->fts_info == FTS_F && len > 5 &&
			streq(file->fts_name + len - 5, ".pcap"))
		{
			check_trace(&this, file->fts_path);
		}
	}
	if (!fts || errno)
	{
		bench_fail("unable to read %s: %s", dir, strerror(errno));
	}
	fts_close(fts);
	if (found->count)
	{
		qsort(this.errors, found->count, sizeof(double), bench_double_cmp);
		found->p50 = this.errors[found->count / 2];
		found->p99 = this.errors[found->count * 99 / 100];
		found->max = this.errors[found->count - 1];
	}
	free(this.seen);
	free(this.errors);
	return *found;
}
