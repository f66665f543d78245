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
 * @defgroup nflog_dropped nflog_dropped
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_DROPPED_H_
#define NFLOG_DROPPED_H_

/*
 * Structs of the kernel that the programs in it access.
 */

/** struct in the kernel, of which only some members matter */
#define KERNEL __attribute__((preserve_access_index))

/** values in the headers of packets */
#define ETH_P_IP 0x0800
#define ETH_P_IPV6 0x86dd
#define PROTO_HOPOPTS 0
#define PROTO_IPIP 4
#define PROTO_UDP 17
#define PROTO_IPV6 41
#define PROTO_ROUTING 43
#define PROTO_FRAGMENT 44
#define PROTO_ESP 50
#define PROTO_AH 51
#define PROTO_DSTOPTS 60
#define PACKET_OTHERHOST 3
#define AF_PACKET 17
#define IPV4_LEN 20
#define IPV6_LEN 40

/** bits of _skb_refdst that are the pointer to a dst_entry, SKB_DST_PTRMASK */
#define DST_PTRMASK ~1UL

struct linux_xfrm_mib {
	unsigned long mibs[1];
} KERNEL;

struct netns_mib {
	struct linux_xfrm_mib *xfrm_statistics;
} KERNEL;

struct net {
	struct netns_mib mib;
} KERNEL;

struct nsproxy {
	struct net *net_ns;
} KERNEL;

struct task_struct {
	struct nsproxy *nsproxy;
} KERNEL;

typedef struct {
	struct net *net;
} possible_net_t;

struct net_device {
	possible_net_t nd_net;
} KERNEL;

struct sock_common {
	unsigned short skc_family;
	possible_net_t skc_net;
} KERNEL;

struct sock {
	struct sock_common __sk_common;
} KERNEL;

struct dst_entry {
	struct net_device *dev;
} KERNEL;

struct sk_buff {
	struct net_device *dev;
	struct sock *sk;
	unsigned long _skb_refdst;
	unsigned int len, data_len;
	__u8 pkt_type:3;
	__be16 protocol;
	__u16 network_header, inner_network_header;
	unsigned char *head, *data;
	unsigned int tail, end;
} KERNEL;

/* at the end of a packet's linear memory */
struct skb_shared_info {
	unsigned short gso_size;
} KERNEL;

struct xfrm_id {
	__be32 spi;
} KERNEL;

struct xfrm_replay_state {
	__u32 seq;
} KERNEL;

struct xfrm_replay_state_esn {
	__u32 seq, seq_hi, replay_window;
} KERNEL;

/* its member props has no type with a name */
struct xfrm_state {
	struct xfrm_id id;
	struct {
		__u8 replay_window;
	} props;
	struct xfrm_replay_state replay;
	struct xfrm_replay_state_esn *replay_esn;
} KERNEL;

#endif /** NFLOG_DROPPED_H_ @}*/
