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
 * @defgroup nflog_logged nflog_logged
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_LOGGED_H_
#define NFLOG_LOGGED_H_

typedef struct nflog_logged_t nflog_logged_t;
typedef enum nflog_prefix_t nflog_prefix_t;
typedef enum nflog_fragment_t nflog_fragment_t;

#include <library.h>

#include <linux/netfilter/nfnetlink_log.h>
#include <linux/netlink.h>

/**
 * Log prefixes of the rules, which state the capture point and how to find the SA.
 */
enum nflog_prefix_t {
	/** ESP, AH, or ESP in UDP, as it arrives and leaves */
	PREFIX_ESP_IN,
	PREFIX_ESP_OUT,
	/** packet after decapsulation, and before encapsulation, the number of its SA replaces
	 *  its mark */
	PREFIX_PLAIN_IN,
	PREFIX_PLAIN_OUT,
	/** packet after decapsulation, its device is a VRF */
	PREFIX_VRF_IN,
	/** packet after decapsulation, on a VTI device */
	PREFIX_VTI_IN,
	/** packet on a TUN device, that charon decapsulated, or is going to encapsulate */
	PREFIX_TUN_IN,
	PREFIX_TUN_OUT,
	/** fragment of an IPv6 packet that arrives */
	PREFIX_FRAG_IN,
	/** IKE message as it arrives and leaves */
	PREFIX_IKE_IN,
	PREFIX_IKE_OUT,
	/** packet that leaves without SA */
	PREFIX_MISSED,
};

/**
 * Get the text of a log prefix, which is the name of its chain too.
 *
 * @param prefix	log prefix
 * @return			text
 */
char *nflog_prefix_get(nflog_prefix_t prefix);

/**
 * Relation of a logged packet to IPv6 fragments.
 */
enum nflog_fragment_t {
	/** none */
	FRAGMENT_NONE = 0,
	/** first fragment, logged and counted by the rule of an SA; the rule for fragments
	 *  logs it again, to reassemble the packet */
	FRAGMENT_FIRST,
	/** reassembled packet */
	FRAGMENT_WHOLE,
};

/**
 * Packet as the kernel logged it, valid during the callback only.
 */
struct nflog_logged_t {
	/** begin of its message, NULL if it is a clone */
	uint8_t *start;
	/** family and group, which precede the attributes */
	struct nfgenmsg *msg;
	/** attributes by type, NULL if absent, or too short for their type */
	struct nlattr *attrs[NFULA_MAX + 1];
	/** log prefix */
	nflog_prefix_t prefix;
	/** time stamp of the kernel, or time of reception */
	timeval_t time;
	/** order in which packets were logged, across all groups, may wrap */
	uint32_t order;
	/** FRAGMENT_NONE until the packet is parsed */
	nflog_fragment_t fragment;
	/** TRUE if it left while the SA that it missed was negotiated */
	bool early;
};

/**
 * Parse a logged packet.
 *
 * Nothing is copied.  Attributes that are too short for their type are ignored, as is a
 * prefix without terminator.
 *
 * @param hdr		message, complete by its length
 * @param logged	receives message, attributes and prefix, time and order are not set
 * @return			FALSE if it is no message about a packet with a prefix of ours
 */
bool nflog_logged_parse(struct nlmsghdr *hdr,
						nflog_logged_t *logged);

/**
 * Clone a logged packet, to keep it beyond the callback.
 *
 * @param logged	packet
 * @param bytes		receives the bytes of memory that the clone takes
 * @return			clone, owned by the caller, destroyed with free()
 */
nflog_logged_t *nflog_logged_clone(
							nflog_logged_t *logged, size_t *bytes);

#endif /** NFLOG_LOGGED_H_ @}*/
