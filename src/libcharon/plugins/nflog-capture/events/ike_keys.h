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
 * @defgroup nflog_ike_keys nflog_ike_keys
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_IKE_KEYS_H_
#define NFLOG_IKE_KEYS_H_

typedef struct nflog_ike_keys_t nflog_ike_keys_t;
typedef struct nflog_ike_key_set_t nflog_ike_key_set_t;

#include <sa/ike_sa.h>

/**
 * Keys of an IKE_SA, all of which it owns.
 */
struct nflog_ike_key_set_t {
	/** SPIs of the IKE_SA */
	ike_sa_id_t *id;
	/** version of IKE */
	ike_version_t version;
	/** negotiated algorithms */
	proposal_t *proposal;
	/** keys */
	chunk_t sk_ei, sk_er, sk_ai, sk_ar;
	/** keys derived before with IKE_INTERMEDIATE exchanges, NULL if none */
	nflog_ike_key_set_t *former;
};

/**
 * Wipe and destroy keys.
 *
 * @param keys			keys, may be NULL
 */
void nflog_ike_key_set_destroy(nflog_ike_key_set_t *keys);

/**
 * Keeps keys of IKE_SAs from when they are derived until their connection is known.
 *
 * Thread-safe.
 */
struct nflog_ike_keys_t {

	/**
	 * Keep keys that the current thread derived until it calls get().
	 *
	 * @param sk_ei		keys, get cloned
	 */
	void (*derive)(nflog_ike_keys_t *this, chunk_t sk_ei, chunk_t sk_er,
				   chunk_t sk_ai, chunk_t sk_ar);

	/**
	 * Get the keys that the current thread derived.
	 *
	 * @param ike_sa	IKE_SA of the keys
	 * @return			keys, owned by the caller, NULL if there are none
	 */
	nflog_ike_key_set_t *(*get)(nflog_ike_keys_t *this,
								ike_sa_t *ike_sa);

	/**
	 * Keep keys until the connection of their IKE_SA is known, for up to 10,000 IKE_SAs,
	 * others are destroyed.
	 *
	 * @param keys		keys, get owned
	 */
	void (*keep)(nflog_ike_keys_t *this, nflog_ike_key_set_t *keys);

	/**
	 * Remove the keys that are kept of an IKE_SA.
	 *
	 * @param id		SPIs of the IKE_SA
	 * @return			keys, owned by the caller, NULL if there are none
	 */
	nflog_ike_key_set_t *(*remove)(nflog_ike_keys_t *this,
								   ike_sa_id_t *id);

	/**
	 * Note that keys of an IKE_SA were written, or that the IKE_SA is gone.
	 *
	 * @param id		SPIs of the IKE_SA
	 * @param written	TRUE if keys were written
	 */
	void (*set_written)(nflog_ike_keys_t *this, ike_sa_id_t *id, bool written);

	/**
	 * Check if keys of an IKE_SA that is up were written.
	 *
	 * @param id		SPIs of the IKE_SA
	 * @return			TRUE if so
	 */
	bool (*is_written)(nflog_ike_keys_t *this, ike_sa_id_t *id);

	/**
	 * Destroy a nflog_ike_keys_t, all keys are wiped.
	 */
	void (*destroy)(nflog_ike_keys_t *this);
};

/**
 * Create a nflog_ike_keys_t instance.
 */
nflog_ike_keys_t *nflog_ike_keys_create();

#endif /** NFLOG_IKE_KEYS_H_ @}*/
