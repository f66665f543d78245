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
 * @defgroup nflog_event nflog_event
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_EVENT_H_
#define NFLOG_EVENT_H_

/*
 * What the programs in the kernel (dropped.bpf.c) and the plugin have in common, with the
 * kernel's types only.
 */

#include <linux/types.h>

/** bytes of a packet that are passed on, at most */
#define NFLOG_DROP_BYTES 1536

/** bytes of the name of a place, with the null byte */
#define NFLOG_DROP_PLACE 64

/** packets of the same addresses or remote subnet, and of all, that are passed on in a second, at
 * most */
#define NFLOG_DROP_RATE 1000
#define NFLOG_DROP_RATE_ALL 10000

/** kernel's counters of drops, at most; it has about 32 */
#define NFLOG_DROP_COUNTERS 64

/** pairs of addresses, and subnets of selectors, at most */
#define NFLOG_DROP_PAIRS 65536
#define NFLOG_DROP_SUBNETS 131072

/**
 * Functions of the kernel that state why a packet of an SA is dropped.
 */
enum nflog_audit_t {
	/** none did */
	NFLOG_AUDIT_NONE = 0,
	/** there is no SA with this SPI */
	NFLOG_AUDIT_NOTFOUND,
	/** there is no SA for these addresses, in IPv6 without ESP or AH */
	NFLOG_AUDIT_NOTFOUND_SIMPLE,
	/** the sequence number was seen, or is older than the replay window */
	NFLOG_AUDIT_REPLAY,
	/** the sequence numbers of an outbound SA are used up */
	NFLOG_AUDIT_OVERFLOW,
	/** the integrity check failed */
	NFLOG_AUDIT_ICV,
};

/**
 * A packet that the kernel dropped.
 */
struct nflog_event_t {
	/** when, in ns, CLOCK_MONOTONIC */
	__u64 time;
	/** counters of XFRM that were incremented on the processor before, a bit for each */
	__u64 counters;
	/** enum skb_drop_reason, which differs between kernels */
	__u32 reason;
	/** length of the packet, from its IP header on, and bytes of it in data */
	__u32 len, caplen;
	/** enum nflog_audit_t */
	__u32 audit;
	/** SPI and sequence number, in network order, if audit is set, 0 if not known */
	__u32 spi, seq;
	/** highest sequence number of the SA, and size of its replay window, in packets, if audit
	 * is NFLOG_AUDIT_REPLAY; sequence numbers may have 64 bits then */
	__u32 top, top_hi, window;
	/** where the packet begins in data that XFRM put into a tunnel, but did not encrypt, 0 if it
	 * is none: what is between the headers is not set yet */
	__u32 inner;
	/** place in the kernel, function and offset */
	char place[NFLOG_DROP_PLACE];
	/** packet from its IP header on */
	__u8 data[NFLOG_DROP_BYTES];
};

/**
 * Pair of addresses of an SA, IPv4 addresses are mapped (RFC 4291, section 2.5.5.2).
 */
struct nflog_pair_t {
	__u8 local[16];
	__u8 remote[16];
};

/**
 * Subnet of a selector, for a trie.
 */
struct nflog_subnet_t {
	/** bits of what follows */
	__u32 bits;
	/** 0 if local, 1 if remote */
	__u8 remote;
	/** address, IPv4 is mapped */
	__u8 addr[16];
	__u8 pad[3];
};

/** bits of a subnet before its address */
#define NFLOG_SUBNET_BITS 8

/**
 * What is counted in the kernel, for a pair of addresses, a subnet, or all.
 */
struct nflog_limits_t {
	/** second, and packets in it */
	__u64 second, packets;
	/** packets that were not passed on, as there were too many, or the ring buffer was full,
	 * not for all */
	__u64 beyond, full;
};

#endif /** NFLOG_EVENT_H_ @}*/
