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
 * @defgroup nflog_ike_quota nflog_ike_quota
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_IKE_QUOTA_H_
#define NFLOG_IKE_QUOTA_H_

typedef struct nflog_ike_quota_t nflog_ike_quota_t;

#include <networking/host.h>

/**
 * Bounds the number of traces of IKE_SAs that never get established: ten a
 * minute, five of which with peers of the same address, or IPv6 prefix of 64
 * bits, and a hundred an hour.  Anybody can make IKE_SAs fail, also without credentials.
 *
 * How many more failed is logged, once a minute.  Thread-safe.
 */
struct nflog_ike_quota_t {

	/**
	 * Take the quota of an IKE_SA.
	 *
	 * @param peer		its peer
	 * @param now		current time, monotonic
	 * @return			FALSE if it is exhausted
	 */
	bool (*take)(nflog_ike_quota_t *this, host_t *peer, time_t now);

	/**
	 * Give back the quota of an IKE_SA that has no trace, or got established.
	 *
	 * @param peer		its peer, as for take()
	 */
	void (*give_back)(nflog_ike_quota_t *this, host_t *peer);

	/**
	 * An IKE_SA failed that is not captured, as the quota is exhausted.
	 */
	void (*count)(nflog_ike_quota_t *this);

	/**
	 * Destroy a nflog_ike_quota_t.
	 */
	void (*destroy)(nflog_ike_quota_t *this);
};

/**
 * Create a nflog_ike_quota_t instance.
 */
nflog_ike_quota_t *nflog_ike_quota_create();

#endif /** NFLOG_IKE_QUOTA_H_ @}*/
