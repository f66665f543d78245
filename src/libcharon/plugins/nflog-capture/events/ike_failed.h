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
 * @defgroup nflog_ike_failed nflog_ike_failed
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_IKE_FAILED_H_
#define NFLOG_IKE_FAILED_H_

typedef struct nflog_ike_failed_t nflog_ike_failed_t;
typedef struct nflog_ike_failed_sa_t nflog_ike_failed_sa_t;

#include "ike_keys.h"
#include "reader/ike_messages.h"

#include <sa/ike_sa.h>

/**
 * IKE_SA that failed before its connection was known.
 */
struct nflog_ike_failed_sa_t {
	/** the nflog_ike_failed_t that looks for the connection */
	void *failed;
	/** unique id of the IKE_SA */
	uint32_t id;
	/** its SPIs, owned */
	ike_sa_id_t *spis;
	/** its addresses, owned */
	host_t *me, *other;
	/** version of IKE */
	ike_version_t version;
	/** its keys, owned, NULL if there were none yet */
	nflog_ike_key_set_t *keys;
	/** TRUE once it was captured or not, which does not happen if charon ends */
	bool handled;
};

/**
 * Called with each connection that matches the addresses of a failed IKE_SA.
 *
 * @param data		data, as passed to the constructor
 * @param sa		IKE_SA, ike_messages has its messages
 * @param peer_cfg	connection
 * @return			TRUE if it is captured with this connection
 */
typedef bool (*nflog_ike_failed_cb_t)(void *data,
									  nflog_ike_failed_sa_t *sa,
									  peer_cfg_t *peer_cfg);

/**
 * Handles IKE_SAs that never get established, which anybody can cause without
 * credentials: bounds their traces, and finds their connection.
 *
 * The quota is ten traces a minute, five of which with peers of the same address, or
 * IPv6 prefix of 64 bits, and a hundred an hour.  How many more IKE_SAs failed is logged
 * once a minute.
 *
 * If the connection was not known yet, it is looked for two seconds later, as the
 * initiator may go on with the same SPI.  A hundred IKE_SAs at most wait for that, more
 * are refused, as are those for which charon ends too early.  Thread-safe.
 */
struct nflog_ike_failed_t {

	/**
	 * Take the quota of an IKE_SA.
	 *
	 * @param peer		its peer
	 * @param now		current time, monotonic
	 * @return			FALSE if the quota is exhausted
	 */
	bool (*take)(nflog_ike_failed_t *this, host_t *peer, time_t now);

	/**
	 * Give back the quota of an IKE_SA that has no trace, or got established.
	 *
	 * @param peer		its peer, as for take()
	 */
	void (*give_back)(nflog_ike_failed_t *this, host_t *peer);

	/**
	 * Count an IKE_SA that failed and is not captured, as the quota is exhausted.
	 */
	void (*refuse)(nflog_ike_failed_t *this);

	/**
	 * Look for the connection of an IKE_SA that is gone, and was not decided on.
	 *
	 * @param ike_sa	IKE_SA
	 * @param keys		its keys, get owned, NULL if there are none
	 */
	void (*add)(nflog_ike_failed_t *this, ike_sa_t *ike_sa,
				nflog_ike_key_set_t *keys);

	/**
	 * Destroy a nflog_ike_failed_t, after no job is left.
	 */
	void (*destroy)(nflog_ike_failed_t *this);
};

/**
 * Create a nflog_ike_failed_t instance.
 *
 * @param ike_messages	has the messages, not owned
 * @param cb			called for each connection that may be the one
 * @param data			passed to the callback
 */
nflog_ike_failed_t *nflog_ike_failed_create(
							nflog_ike_messages_t *ike_messages,
							nflog_ike_failed_cb_t cb, void *data);

#endif /** NFLOG_IKE_FAILED_H_ @}*/
