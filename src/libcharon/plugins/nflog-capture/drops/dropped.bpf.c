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
 * Programs that run in the kernel where it drops packets (BPF CO-RE: what they access of the
 * kernel's structs is found by its BTF when they are loaded).
 *
 * A dropped packet is freed by kfree_skb(), whose tracepoint has place and reason.  XFRM often
 * gives no reason there.  But it increments a counter before, on the same processor, so the
 * counters that changed since the last drop show it; and it calls a function that writes to
 * the audit log, whose arguments have the SA.
 */

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_tracing.h>
#include <bpf/bpf_core_read.h>

#include <stdbool.h>
#include <stddef.h>

#include "dropped.bpf.h"
#include "event.h"
#include "lost.bpf.h"

/** variable of each processor, by which to find other ones */
struct rq {
	unsigned int nr_running;
} KERNEL;
extern const struct rq runqueues __ksym __weak;

/** set by the plugin before the programs are loaded */
const volatile struct {
	/** number of counters */
	__u32 counters;
	/** reasons with which XFRM drops packets, which may be no reason */
	__u32 not_specified, xfrm_policy;
} constants SEC(".rodata.nflog");

/** network namespace of the plugin */
static __u64 own_net;

/** packets that were dropped */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4 << 20);
} events SEC(".maps");

/** addresses of SAs, and what is not passed on */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, NFLOG_DROP_PAIRS);
	__type(key, struct nflog_pair_t);
	__type(value, struct nflog_limits_t);
} pairs SEC(".maps");

/** subnets of selectors, and what is not passed on, in remote ones */
struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, NFLOG_DROP_SUBNETS);
	__type(key, struct nflog_subnet_t);
	__type(value, struct nflog_limits_t);
} subnets SEC(".maps");

/** limit of all */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct nflog_limits_t);
} total SEC(".maps");

/**
 * What an audit function said of a packet that is about to be dropped.
 */
struct audited {
	/** the packet */
	__u64 skb;
	__u32 audit, spi, seq, top, top_hi, window;
};

/**
 * Memory of each processor.  A packet is dropped on the processor that audited it.
 */
struct scratch {
	/** TRUE while it is used: kernels before 6.0.10 run programs in the midst of another one,
	 * newer ones count it */
	bool busy;
	/** packet that was audited */
	struct audited audited;
	/** address of a variable for any processor, and for this one */
	__u64 any, this;
	/** counters as they were, and as they are */
	__u64 before[NFLOG_DROP_COUNTERS], now[NFLOG_DROP_COUNTERS];
	/** packet to pass on */
	struct nflog_event_t event;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct scratch);
} scratches SEC(".maps");

static __always_inline struct scratch *get_scratch()
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&scratches, &zero);
}

/**
 * Get the network namespace of a packet, NULL if it is not known.
 */
static __always_inline struct net *get_net(struct sk_buff *skb)
{
	struct net_device *dev = BPF_CORE_READ(skb, dev);
	struct sock *sk = BPF_CORE_READ(skb, sk);
	struct dst_entry *dst;

	if (dev)
	{
		return BPF_CORE_READ(dev, nd_net.net);
	}
	if (sk)
	{
		return BPF_CORE_READ(sk, __sk_common.skc_net.net);
	}
	dst = (void*)(BPF_CORE_READ(skb, _skb_refdst) & DST_PTRMASK);
	dev = dst ? BPF_CORE_READ(dst, dev) : NULL;
	return dev ? BPF_CORE_READ(dev, nd_net.net) : NULL;
}

/**
 * Get the address of the counters of this processor, 0 if it is not known.  It differs from
 * the one in the namespace by as much as for any other variable of each processor.
 */
static __always_inline __u64 find_counters(struct scratch *scratch, struct net *net)
{
	__u64 percpu = 0;

	if (bpf_core_field_exists(net->mib.xfrm_statistics))
	{
		percpu = (__u64)BPF_CORE_READ(net, mib.xfrm_statistics);
	}
	return percpu && scratch->any ? percpu + scratch->this - scratch->any : 0;
}

/**
 * Get the counters that were incremented on this processor since the last time.
 */
static __always_inline __u64 get_counters(struct scratch *scratch, struct net *net)
{
	__u64 mine = find_counters(scratch, net), changed = 0;
	__u32 i, bytes = constants.counters * sizeof(__u64);

	if (!mine || bytes > sizeof(scratch->now) ||
		bpf_probe_read_kernel(scratch->now, bytes, (void*)mine))
	{
		return 0;
	}
	for (i = 0; i < NFLOG_DROP_COUNTERS; i++)
	{
		if (i < constants.counters && scratch->now[i] != scratch->before[i])
		{
			changed |= 1ULL << i;
			scratch->before[i] = scratch->now[i];
		}
	}
	return changed;
}

/**
 * Run by the plugin on its own processor first, before the others are attached: learns the
 * namespace.
 */
SEC("raw_tp")
int learn(void *ctx)
{
	struct task_struct *task = (void*)bpf_get_current_task();

	own_net = (__u64)BPF_CORE_READ(task, nsproxy, net_ns);
	return 0;
}

/**
 * Then run on each processor: learns where its variables are, and the values of counters.
 * Kernels without CONFIG_KALLSYMS_ALL refuse it, then the counters are not known.
 */
SEC("raw_tp")
int locate(void *ctx)
{
	struct scratch *scratch = get_scratch();
	void *this;

	if (!&runqueues)
	{
		return 0;
	}
	this = bpf_this_cpu_ptr(&runqueues);
	if (scratch && this)
	{	/* memory makes numbers of them */
		scratch->any = (__u64)&runqueues;
		scratch->this = (__u64)this;
		get_counters(scratch, (void*)own_net);
	}
	return 0;
}

/**
 * Store what an audit function said of a packet.
 */
static __always_inline void audit(struct sk_buff *skb, struct xfrm_state *sa, __u32 audit,
								  __u32 spi, __u32 seq)
{
	struct scratch *scratch = get_scratch();
	struct xfrm_replay_state_esn *esn;
	struct audited *audited;

	if (!scratch)
	{
		return;
	}
	audited = &scratch->audited;
	audited->skb = (__u64)skb;
	audited->audit = audit;
	audited->spi = sa ? BPF_CORE_READ(sa, id.spi) : spi;
	audited->seq = seq;
	audited->top = audited->top_hi = audited->window = 0;
	if (sa)
	{
		esn = BPF_CORE_READ(sa, replay_esn);
		audited->top = esn ? BPF_CORE_READ(esn, seq) : BPF_CORE_READ(sa, replay.seq);
		audited->top_hi = esn ? BPF_CORE_READ(esn, seq_hi) : 0;
		audited->window = esn ? BPF_CORE_READ(esn, replay_window)
							  : BPF_CORE_READ(sa, props.replay_window);
	}
}

SEC("fentry/xfrm_audit_state_notfound")
int BPF_PROG(notfound, struct sk_buff *skb, __u16 family, __be32 spi, __be32 seq)
{
	audit(skb, NULL, NFLOG_AUDIT_NOTFOUND, spi, seq);
	return 0;
}

SEC("fentry/xfrm_audit_state_notfound_simple")
int BPF_PROG(notfound_simple, struct sk_buff *skb, __u16 family)
{
	audit(skb, NULL, NFLOG_AUDIT_NOTFOUND_SIMPLE, 0, 0);
	return 0;
}

SEC("fentry/xfrm_audit_state_replay")
int BPF_PROG(replay, struct xfrm_state *sa, struct sk_buff *skb, __be32 seq)
{
	audit(skb, sa, NFLOG_AUDIT_REPLAY, 0, seq);
	return 0;
}

SEC("fentry/xfrm_audit_state_replay_overflow")
int BPF_PROG(overflow, struct xfrm_state *sa, struct sk_buff *skb)
{
	audit(skb, sa, NFLOG_AUDIT_OVERFLOW, 0, 0);
	return 0;
}

SEC("fentry/xfrm_audit_state_icvfail")
int BPF_PROG(icvfail, struct xfrm_state *sa, struct sk_buff *skb, __u8 proto)
{
	audit(skb, sa, NFLOG_AUDIT_ICV, 0, 0);
	return 0;
}

/**
 * Map an IPv4 address.
 */
static __always_inline void map_addr(__u8 to[16], const __u8 *from, bool ipv6)
{
	if (ipv6)
	{
		__builtin_memcpy(to, from, 16);
	}
	else
	{
		__builtin_memset(to, 0, 10);
		__builtin_memset(to + 10, 0xff, 2);
		__builtin_memcpy(to + 12, from, 4);
	}
}

/**
 * Find the smallest subnet that has an address.
 */
static __always_inline struct nflog_limits_t *find_subnet(const __u8 addr[16], __u8 remote)
{
	struct nflog_subnet_t subnet = {
		.bits = NFLOG_SUBNET_BITS + 128,
		.remote = remote,
	};

	__builtin_memcpy(subnet.addr, addr, 16);
	return bpf_map_lookup_elem(&subnets, &subnet);
}

/**
 * Check if a packet may be IKE, ESP or AH: other headers of IPv6 may be before these.
 */
static __always_inline bool may_have_sa(__u8 proto, bool ipv6)
{
	switch (proto)
	{
		case PROTO_UDP:
		case PROTO_ESP:
		case PROTO_AH:
			return true;
		case PROTO_HOPOPTS:
		case PROTO_ROUTING:
		case PROTO_FRAGMENT:
		case PROTO_DSTOPTS:
			return ipv6;
		default:
			return false;
	}
}

/**
 * Find out if a packet may be of a connection.
 *
 * @param header	first bytes of the packet
 * @param sa		TRUE if it has an SA, or looked for one, which the protocol need not show yet
 * @return			limit of its addresses or remote subnet, NULL if it is of none
 */
static __always_inline struct nflog_limits_t *find(const __u8 *header, bool ipv6, bool sa)
{
	struct nflog_limits_t *limit;
	struct nflog_pair_t pair, other;

	if (ipv6)
	{
		map_addr(pair.local, header + 8, true);
		map_addr(pair.remote, header + 24, true);
	}
	else
	{
		map_addr(pair.local, header + 12, false);
		map_addr(pair.remote, header + 16, false);
	}
	if (sa || may_have_sa(header[ipv6 ? 6 : 9], ipv6))
	{
		__builtin_memcpy(other.local, pair.remote, 16);
		__builtin_memcpy(other.remote, pair.local, 16);
		limit = bpf_map_lookup_elem(&pairs, &pair) ?: bpf_map_lookup_elem(&pairs, &other);
		if (limit)
		{
			return limit;
		}
	}
	limit = find_subnet(pair.remote, 1);
	if (limit && find_subnet(pair.local, 0))
	{
		return limit;
	}
	limit = find_subnet(pair.local, 1);
	return limit && find_subnet(pair.remote, 0) ? limit : NULL;
}

/**
 * Read an IP header.
 *
 * @return			FALSE if it is none
 */
static __always_inline bool read_header(__u8 to[IPV6_LEN], const unsigned char *header,
										bool ipv6)
{
	return bpf_probe_read_kernel(to, ipv6 ? IPV6_LEN : IPV4_LEN, header) == 0 &&
		   to[0] >> 4 == (ipv6 ? 6 : 4);
}

/**
 * Find out if a packet that XFRM put into a tunnel may be of a connection.  Until it is
 * encrypted, data begins at its header.
 *
 * @param header	header of the tunnel
 * @param proto		protocol in there
 * @param inner		receives where the packet begins behind that header, unless it is none
 * @return			limit of its remote subnet, NULL if it is of none
 */
static __always_inline struct nflog_limits_t *find_inner(struct sk_buff *skb,
											unsigned char *header, __u8 proto, __u32 *inner)
{
	unsigned char *data = BPF_CORE_READ(skb, data);
	__u8 ip[IPV6_LEN] = {};

	if ((proto != PROTO_IPIP && proto != PROTO_IPV6) || data <= header ||
		data != BPF_CORE_READ(skb, head) + BPF_CORE_READ(skb, inner_network_header) ||
		!read_header(ip, data, proto == PROTO_IPV6))
	{
		return NULL;
	}
	*inner = data - header;
	return find(ip, proto == PROTO_IPV6, false);
}

/**
 * Count a packet.
 *
 * @param time		in ns
 * @param rate		packets in a second, at most
 * @return			FALSE if there are too many
 */
static __always_inline bool count(struct nflog_limits_t *limit, __u64 time, __u64 rate)
{
	__u64 second = time / 1000000000;

	if (limit->second != second)
	{	/* two processors may do so at once, which lets some packets more pass */
		limit->second = second;
		limit->packets = 0;
	}
	if (limit->packets >= rate)
	{
		return false;
	}
	__sync_fetch_and_add(&limit->packets, 1);
	return true;
}

/**
 * Copy as much as possible of a packet.
 */
static __always_inline void copy(struct nflog_event_t *event, struct sk_buff *skb,
								 unsigned char *header)
{
	unsigned char *data = BPF_CORE_READ(skb, data);
	__u32 len = BPF_CORE_READ(skb, len), paged = BPF_CORE_READ(skb, data_len);
	__u32 before = data - header;
	__u64 bytes = (__u32)(len + before - paged);

	/* data begins at a header behind that of IP, or before */
	event->len = len + before;
	event->caplen = 0;
	/* the verifier has to see the bounds of what is used below */
	asm volatile("" : "+r"(bytes));
	if (bytes > NFLOG_DROP_BYTES)
	{
		bytes = NFLOG_DROP_BYTES;
	}
	if (!bpf_probe_read_kernel(event->data, bytes, header))
	{
		event->caplen = bytes;
	}
}

/**
 * Pass on a packet.
 *
 * @param event		packet, of which time and place are set
 * @param limit		limit of its addresses or remote subnet
 */
static __always_inline void pass(struct nflog_event_t *event, struct nflog_limits_t *limit,
								 struct sk_buff *skb, unsigned char *header)
{
	__u64 len;

	copy(event, skb, header);
	len = __builtin_offsetof(struct nflog_event_t, data) + event->caplen;
	asm volatile("" : "+r"(len));
	if (len > sizeof(*event))
	{
		len = sizeof(*event);
	}
	if (bpf_ringbuf_output(&events, event, len, 0))
	{
		__sync_fetch_and_add(&limit->full, 1);
	}
}

/**
 * Find out what is known of a packet, and pass it on if it may be of a connection.
 */
static __always_inline void drop(struct scratch *scratch, struct net *net, struct sk_buff *skb,
								 void *location, __u32 reason)
{
	static const char format[] = "%pS";
	__u64 args[1] = { (__u64)location };
	struct nflog_limits_t *limit, *all;
	struct nflog_event_t *event = &scratch->event;
	struct audited audited = {};
	unsigned char *header;
	__u32 inner = 0, zero = 0;
	__u64 changed = 0;
	__u16 protocol;
	__u8 ip[IPV6_LEN] = {};
	bool ipv6;

	if (reason == constants.not_specified || reason == constants.xfrm_policy)
	{	/* also for packets that are of no interest, as later ones do not have what they
		 * counted */
		changed = get_counters(scratch, net);
	}
	if (scratch->audited.skb == (__u64)skb)
	{
		audited = scratch->audited;
	}
	/* whatever was audited before was not dropped on this processor, or was elsewhere */
	scratch->audited.skb = 0;
	protocol = bpf_ntohs(BPF_CORE_READ(skb, protocol));
	ipv6 = protocol == ETH_P_IPV6;
	header = BPF_CORE_READ(skb, head) + BPF_CORE_READ(skb, network_header);
	if ((!ipv6 && protocol != ETH_P_IP) || !read_header(ip, header, ipv6))
	{
		return;
	}
	limit = find_inner(skb, header, ip[ipv6 ? 6 : 9], &inner) ?:
			find(ip, ipv6, audited.skb);
	all = bpf_map_lookup_elem(&total, &zero);
	if (!limit || !all)
	{
		return;
	}
	bpf_snprintf(event->place, sizeof(event->place), format, args, sizeof(args));
	if (!is_lost(event->place, skb, reason == constants.not_specified))
	{
		return;
	}
	event->time = bpf_ktime_get_ns();
	if (!count(limit, event->time, NFLOG_DROP_RATE) ||
		!count(all, event->time, NFLOG_DROP_RATE_ALL))
	{
		__sync_fetch_and_add(&limit->beyond, 1);
		return;
	}
	event->audit = audited.audit;
	event->spi = audited.spi;
	event->seq = audited.seq;
	event->top = audited.top;
	event->top_hi = audited.top_hi;
	event->window = audited.window;
	event->inner = inner;
	event->counters = changed;
	event->reason = reason;
	pass(event, limit, skb, header);
}

SEC("tp_btf/kfree_skb")
int BPF_PROG(dropped, struct sk_buff *skb, void *location, __u32 reason)
{
	struct scratch *scratch = get_scratch();
	struct net *net = get_net(skb);

	if (scratch && net && (__u64)net == own_net && !scratch->busy)
	{
		*(volatile bool*)&scratch->busy = true;
		drop(scratch, net, skb, location, reason);
		*(volatile bool*)&scratch->busy = false;
	}
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
