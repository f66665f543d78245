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
 * Fills in each packet that is injected, runs in the kernel.
 */

#include <linux/bpf.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "inject.h"

/** times to check if a packet is due, which bounds the wait */
#define MAX_LOOKS 20000

/** state shared with userland, one entry */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, inject_t);
} state SEC(".maps");

/**
 * Check if a packet is due.
 */
static long look(__u32 index, __u64 *due)
{
	return bpf_ktime_get_ns() >= *due;
}

SEC("xdp")
int inject(struct xdp_md *packet)
{
	void *data = (void*)(long)packet->data, *end = (void*)(long)packet->data_end;
	probe_t *probe = data + INJECT_HEADERS;
	inject_t *inject;
	__u32 key = 0;
	__u64 due;

	inject = bpf_map_lookup_elem(&state, &key);
	if (!inject || (void*)(probe + 1) > end)
	{
		return XDP_ABORTED;
	}
	due = inject->due;
	bpf_loop(MAX_LOOKS, look, &due, 0);
	inject->due += inject->interval;
	probe->number = inject->number++;
	probe->seq = bpf_htonl(probe->number + 1);
	probe->time = bpf_ktime_get_ns() + inject->offset;
	return XDP_PASS;
}

/* license required to read that clock */
char gpl[] SEC("license") = "GPL";
