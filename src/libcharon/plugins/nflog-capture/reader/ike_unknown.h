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
 * @defgroup nflog_ike_unknown nflog_ike_unknown
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_IKE_UNKNOWN_H_
#define NFLOG_IKE_UNKNOWN_H_

typedef struct nflog_ike_unknown_t nflog_ike_unknown_t;
typedef struct nflog_kept_t nflog_kept_t;

#include "traces/packet.h"

#include <collections/linked_list.h>

/**
 * Kept IKE message.
 */
struct nflog_kept_t {
	/** TRUE if it was received */
	bool inbound;
	/** message, owned */
	nflog_logged_t *logged;
	/** bytes of memory it takes, including the element of a list */
	size_t bytes;
};

/**
 * Keep a message.
 *
 * @param logged	message, gets cloned
 * @param inbound	TRUE if it was received
 * @return			kept message
 */
nflog_kept_t *nflog_kept_create(nflog_logged_t *logged,
								bool inbound);

/**
 * Destroy a kept message.
 */
void nflog_kept_destroy(nflog_kept_t *kept);

/**
 * Keeps IKE messages until charon creates their IKE_SA.
 *
 * charon does that as soon as it reads the first message, so the first few are enough.  For
 * up to 30 s, this keeps up to 8 KiB of messages with the same initiator SPI and peer
 * (a conversation), 4 MiB of 8,192 conversations in all, and 1 MiB of 1,024 conversations
 * with peers of a single address, or IPv6 prefix of 64 bits.  Beyond that, the oldest
 * conversations are dropped.
 *
 * All takes constant time.  Not thread-safe.
 */
struct nflog_ike_unknown_t {

	/**
	 * Keep a message.
	 *
	 * @param key		key of the message
	 * @param logged	message, gets cloned
	 * @param inbound	TRUE if it was received
	 * @param now		current time, monotonic
	 */
	void (*add)(nflog_ike_unknown_t *this, nflog_ike_key_t *key,
				nflog_logged_t *logged, bool inbound, time_t now);

	/**
	 * Keep the messages of a failed IKE_SA, as the next one may continue with the same
	 * initiator SPI (INVALID_KE_PAYLOAD, RFC 7296, section 1.3).
	 *
	 * @param key		initiator SPI and address of the peer
	 * @param list		messages, nflog_kept_t, gets emptied
	 * @param now		current time, monotonic
	 */
	void (*put)(nflog_ike_unknown_t *this, nflog_ike_key_t *key,
				linked_list_t *list, time_t now);

	/**
	 * Take the messages of an IKE_SA that charon has created.
	 *
	 * @param key		initiator SPI and address of the peer
	 * @param list		messages get added, nflog_kept_t, owned by the caller
	 * @param dropped	receives the number of messages sent and received that were
	 *					dropped lately, any may have been of this IKE_SA
	 * @param now		current time, monotonic
	 */
	void (*take)(nflog_ike_unknown_t *this, nflog_ike_key_t *key,
				 linked_list_t *list, uint64_t dropped[2], time_t now);

	/**
	 * Destroy a nflog_ike_unknown_t.
	 */
	void (*destroy)(nflog_ike_unknown_t *this);
};

/**
 * Create a nflog_ike_unknown_t instance.
 */
nflog_ike_unknown_t *nflog_ike_unknown_create();

#endif /** NFLOG_IKE_UNKNOWN_H_ @}*/
