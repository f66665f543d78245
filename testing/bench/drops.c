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
 * A flood of packets that the kernel drops, while the plugin's programs report dropped packets
 * to it: those of other addresses, and those that it captures.
 */

#define _GNU_SOURCE

#include "bench.h"
#include "drops/probe.h"
#include "drops/subnet.h"

#include <math.h>
#include <stdio.h>

/** rounds, of which the fastest counts */
#define ROUNDS 5

/** source of packets, see bench_build(), and an address that none has */
#define SOURCE "10.9.0.2"
#define OTHER "10.9.0.3"

/** packets that were received */
static uint64_t received;

static void receive(void *data, struct nflog_event_t *event)
{
	received++;
}

/**
 * Map an address in a string.
 */
static void map(uint8_t to[16], char *from)
{
	host_t *host = host_create_from_string(from, 0);

	nflog_addr_map(to, host->get_address(host));
	host->destroy(host);
}

/**
 * Load programs that report packets from an address.
 */
static nflog_probe_t *load(bench_options_t *options, char *from)
{
	struct nflog_pair_t pair;
	nflog_probe_t *probe;
	char error[192];

	probe = nflog_probe_create(receive, NULL, error, sizeof(error));
	map(pair.local, options->dst);
	map(pair.remote, from);
	if (!probe || !probe->set_pair(probe, &pair, TRUE))
	{
		bench_fail("unable to load programs: %s", probe ? "too many addresses" : error);
	}
	return probe;
}

/**
 * Measure the time of a packet.
 *
 * @param from		address that programs report, NULL for no programs
 * @return			time in ns
 */
static double measure(bench_options_t *options, char *from)
{
	nflog_probe_t *probe = from ? load(options, from) : NULL;
	bench_sent_t sent = bench_inject(options);

	if (probe)
	{
		probe->consume(probe);
		probe->destroy(probe);
	}
	return (double)sent.time / sent.count;
}

/*
 * Described in header
 */
int bench_drops(bench_options_t *options)
{
	double off = INFINITY, other = INFINITY, captured = INFINITY;
	int i;

	bench_init(options);
	bench_prefer(0, FALSE);
	for (i = 0; i < ROUNDS; i++)
	{
		off = min(off, measure(options, NULL));
		other = min(other, measure(options, OTHER));
		if (received)
		{
			bench_fail("packets of other addresses were reported");
		}
		captured = min(captured, measure(options, SOURCE));
		if (!received)
		{
			bench_fail("no packets were reported");
		}
		received = 0;
	}
	printf("off_ns=%.0f other_ns=%.0f captured_ns=%.0f\n", off, other, captured);
	return 0;
}
