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

/**
 * @defgroup nflog_lost nflog_lost
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_LOST_H_
#define NFLOG_LOST_H_

/*
 * Which packets the kernel lost, among those that it frees with kfree_skb(), a part of
 * dropped.bpf.c.
 */

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

#include <stdbool.h>

#include "dropped.bpf.h"

/**
 * Check the begin of the name of a place.
 */
#define IS_PLACE(place, name) ({ \
	static const char begin[] = name; \
	bpf_strncmp(place, sizeof(begin) - 1, begin) == 0; \
})

/**
 * Check if a packet is lost.  Some of the kernel's functions free what is not with kfree_skb():
 *
 * - xfrm_output_gso(), which the compiler may have put into its caller, a large packet after it
 *   was parted into others,
 * - skb_release_data() the parts of a packet that GRO or reassembly put together; if that one
 *   is dropped, it is passed on itself,
 * - packet sockets, as of tcpdump, a copy that they have no room for, or that was not read,
 * - ip_rcv_core() and ip6_rcv_core() what is for other hosts, if the device is promiscuous.
 *
 * @param place			function and offset where it is freed
 * @param unspecified	TRUE if no reason is given
 * @return				FALSE if it is not to be passed on
 */
static __always_inline bool is_lost(const char *place, struct sk_buff *skb, bool unspecified)
{
	struct skb_shared_info *shared;
	struct sock *sk;

	if (IS_PLACE(place, "xfrm_output"))
	{
		shared = (void*)(BPF_CORE_READ(skb, head) + BPF_CORE_READ(skb, end));
		return !unspecified || !BPF_CORE_READ(shared, gso_size);
	}
	if (IS_PLACE(place, "ip_rcv") || IS_PLACE(place, "ip6_rcv"))
	{
		return BPF_CORE_READ_BITFIELD_PROBED(skb, pkt_type) != PACKET_OTHERHOST;
	}
	if (IS_PLACE(place, "skb_queue_purge"))
	{
		sk = BPF_CORE_READ(skb, sk);
		return !sk || BPF_CORE_READ(sk, __sk_common.skc_family) != AF_PACKET;
	}
	return !IS_PLACE(place, "skb_release_data") && !IS_PLACE(place, "packet_rcv") &&
		   !IS_PLACE(place, "tpacket_rcv");
}

#endif /** NFLOG_LOST_H_ @}*/
