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
 * Log prefixes of our rules, which say where a packet was seen.
 */
enum nflog_prefix_t {
	/** ESP, AH, or ESP in UDP, as it arrives and leaves */
	PREFIX_ESP_IN,
	PREFIX_ESP_OUT,
	/** packet after decapsulation, and before encapsulation, the mark has the number of
	 *  its SA */
	PREFIX_PLAIN_IN,
	PREFIX_PLAIN_OUT,
	/** packet after decapsulation, with a VRF for its device */
	PREFIX_VRF_IN,
	/** packet after decapsulation, on a VTI device */
	PREFIX_VTI_IN,
	/** packet that charon decapsulated itself, or is going to encapsulate */
	PREFIX_TUN_IN,
	PREFIX_TUN_OUT,
	/** fragment of an IPv6 packet that arrives */
	PREFIX_FRAG_IN,
	/** IKE message as it arrives and leaves */
	PREFIX_IKE_IN,
	PREFIX_IKE_OUT,
};

/**
 * Get the text of a log prefix, which is the name of its chain, too.
 *
 * @param prefix	log prefix
 * @return			text
 */
char *nflog_prefix_get(nflog_prefix_t prefix);

/**
 * What IPv6 fragments have to do with a logged packet.
 */
enum nflog_fragment_t {
	/** nothing */
	FRAGMENT_NONE = 0,
	/** it is the first one of a packet, logged and counted by the rule of an SA, and
	 *  logged once more by that for fragments, from which packets are put together */
	FRAGMENT_FIRST,
	/** it was put together */
	FRAGMENT_WHOLE,
};

/**
 * A packet as the kernel logged it, all is valid during the callback only.
 */
struct nflog_logged_t {
	/** where its message begins, NULL if it is a clone */
	uint8_t *start;
	/** family and group, as they precede the attributes */
	struct nfgenmsg *msg;
	/** the attributes, indexed by their type, NULL if not there, or too short */
	struct nlattr *attrs[NFULA_MAX + 1];
	/** log prefix */
	nflog_prefix_t prefix;
	/** time stamp of the kernel, or the time at which it was received */
	timeval_t time;
	/** order in which packets were logged, whatever their group, it may wrap */
	uint32_t order;
	/** FRAGMENT_NONE until it is looked at */
	nflog_fragment_t fragment;
};

/**
 * Parse a logged packet.
 *
 * What is in the message is not copied.  Attributes that are too short for their
 * type are ignored, so is a prefix that is not terminated.
 *
 * @param hdr		message, complete as by its length
 * @param logged	receives message and attributes, time and order are not changed
 * @return			FALSE if that is no message about a packet with a prefix of ours
 */
bool nflog_logged_parse(struct nlmsghdr *hdr,
						nflog_logged_t *logged);

/**
 * Clone a logged packet, to keep it beyond the callback.
 *
 * @param logged	packet
 * @param bytes		set to the bytes of memory that the clone takes
 * @return			clone, to be freed with free()
 */
nflog_logged_t *nflog_logged_clone(
							nflog_logged_t *logged, size_t *bytes);

#endif /** NFLOG_LOGGED_H_ @}*/
