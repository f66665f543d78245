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

#include "bench.h"
#include "inject.h"

#include <errno.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <time.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

/** packets that the device gets at once */
#define BATCH 64

/** length of the longest packet that fits in the page that the kernel has for each */
#define MAX_SIZE 3000

/**
 * Load the part in the kernel.
 *
 * @param state		receives the file descriptor of its state
 * @return			file descriptor of the program
 */
static int load(int *state)
{
	struct bpf_program *program;
	struct bpf_object *object;

	object = bpf_object__open(INJECT_OBJECT);
	if (!object || bpf_object__load(object) != 0)
	{
		bench_fail("unable to load %s: %s", INJECT_OBJECT, strerror(errno));
	}
	program = bpf_object__find_program_by_name(object, "inject");
	*state = bpf_object__find_map_fd_by_name(object, "state");
	return bpf_program__fd(program);
}

/*
 * Described in header
 */
bench_sent_t bench_inject(bench_options_t *options)
{
	struct ether_header ether = {
		.ether_dhost = BENCH_MAC,
		.ether_type = htons(ETHERTYPE_IP),
	};
	uint8_t frame[sizeof(ether) + MAX_SIZE];
	struct xdp_md context = {
		.data_end = sizeof(ether) + options->size,
		.ingress_ifindex = if_nametoindex(BENCH_PEER),
	};
	LIBBPF_OPTS(bpf_test_run_opts, run,
		.data_in = frame,
		.data_size_in = sizeof(ether) + options->size,
		.ctx_in = &context,
		.ctx_size_in = sizeof(context),
		.flags = BPF_F_TEST_XDP_LIVE_FRAMES,
		.batch_size = BATCH,
		.repeat = options->count,
	);
	inject_t inject = {
		.interval = options->rate ? 1000000000 / options->rate : 0,
		.number = options->first,
	};
	bench_sent_t sent = {
		.count = options->count,
	};
	uint32_t key = 0;
	int program, state;

	if (options->size > MAX_SIZE || options->sas != 1)
	{
		bench_fail("unable to inject packets of several SAs, or of more than %u bytes", MAX_SIZE);
	}
	memcpy(frame, &ether, sizeof(ether));
	bench_build(options, frame + sizeof(ether));
	program = load(&state);

	inject.due = bench_time(CLOCK_MONOTONIC);
	inject.offset = bench_time(CLOCK_REALTIME) - inject.due;
	if (bpf_map_update_elem(state, &key, &inject, BPF_ANY) != 0 ||
		bpf_prog_test_run_opts(program, &run) != 0)
	{
		bench_fail("unable to inject packets: %s", strerror(errno));
	}
	sent.time = bench_time(CLOCK_MONOTONIC) - inject.due;
	return sent;
}
