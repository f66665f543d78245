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
#include "ike_quota.h"

#include <sa/ike_sa.h>

/**
 * IKE_SA that failed before its connection was known.
 */
struct nflog_ike_failed_sa_t {
	/** what looks for the connection, internal */
	void *failed;
	/** unique id of the IKE_SA */
	uint32_t id;
	/** its SPIs */
	ike_sa_id_t *spis;
	/** its addresses */
	host_t *me, *other;
	/** version of IKE */
	ike_version_t version;
	/** its keys, NULL if there were none yet */
	nflog_ike_key_set_t *keys;
};

/**
 * Called with each connection that fits the addresses of a failed IKE_SA, the
 * messages of which are known again.
 *
 * @param data		data, as passed to the constructor
 * @param sa		IKE_SA
 * @param peer_cfg	connection
 * @return			TRUE if it is captured with this connection
 */
typedef bool (*nflog_ike_failed_cb_t)(void *data,
									  nflog_ike_failed_sa_t *sa,
									  peer_cfg_t *peer_cfg);

/**
 * Finds connections for IKE_SAs that failed before that was known, a while after
 * it, as the initiator may go on with the same SPI.
 *
 * Up to 100 wait for that at the same time, others are counted by the quota.
 * Thread-safe.
 */
struct nflog_ike_failed_t {

	/**
	 * An IKE_SA is gone, its messages are undecided.
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
 * @param ike_messages	keeps messages, not owned
 * @param quota		bounds traces of failed IKE_SAs, not owned
 * @param cb		called for each connection that may be the one
 * @param data		passed to the callback
 */
nflog_ike_failed_t *nflog_ike_failed_create(
							nflog_ike_messages_t *ike_messages,
							nflog_ike_quota_t *quota,
							nflog_ike_failed_cb_t cb, void *data);

#endif /** NFLOG_IKE_FAILED_H_ @}*/
