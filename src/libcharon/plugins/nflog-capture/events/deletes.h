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
 * @defgroup nflog_deletes nflog_deletes
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_DELETES_H_
#define NFLOG_DELETES_H_

typedef struct nflog_deletes_t nflog_deletes_t;

#include "recorder/cause.h"

#include <encoding/message.h>
#include <kernel/kernel_listener.h>
#include <sa/child_sa.h>
#include <sa/ike_sa.h>

/** SPIs of expired SAs, and in a request of the peer, that are remembered */
#define NFLOG_DELETES_SPIS 32

/**
 * Knows why a CHILD_SA goes down, if it does although nobody asked charon for that.
 *
 * charon does not say: it raises the same event if a user terminates a CHILD_SA.  So this
 * remembers what precedes it: a DELETE payload of the peer that the same thread is
 * handling, a message of another IKE_SA, or that the kernel removed an SA at the end of its
 * lifetime.  Thread-safe, the lock is held for moments.
 */
struct nflog_deletes_t {

	/**
	 * Learns of SAs that the kernel removed at the end of their lifetime: implements
	 * kernel_listener_t interface.
	 */
	kernel_listener_t listener;

	/**
	 * Note a message that was parsed, or that is about to be sent.
	 *
	 * @param ike_sa	its IKE_SA
	 * @param message	message
	 * @param incoming	TRUE if it arrived
	 */
	void (*message)(nflog_deletes_t *this, ike_sa_t *ike_sa, message_t *message,
					bool incoming);

	/**
	 * Get why a CHILD_SA goes down.
	 *
	 * @param ike_sa	its IKE_SA
	 * @param child_sa	CHILD_SA
	 * @param cause		receives the cause
	 * @return			FALSE if somebody may have asked for it, or the cause had an alert
	 */
	bool (*get_cause)(nflog_deletes_t *this, ike_sa_t *ike_sa, child_sa_t *child_sa,
					  nflog_cause_t *cause);

	/**
	 * Check if the current thread handles a message that deletes an IKE_SA.
	 *
	 * @return			TRUE if so
	 */
	bool (*is_ike)(nflog_deletes_t *this);

	/**
	 * Destroy a nflog_deletes_t.
	 */
	void (*destroy)(nflog_deletes_t *this);
};

/**
 * Create a nflog_deletes_t instance.
 */
nflog_deletes_t *nflog_deletes_create();

#endif /** NFLOG_DELETES_H_ @}*/
