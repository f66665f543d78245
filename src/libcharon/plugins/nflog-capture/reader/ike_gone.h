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
 * @defgroup nflog_ike_gone nflog_ike_gone
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_IKE_GONE_H_
#define NFLOG_IKE_GONE_H_

typedef struct nflog_ike_gone_t nflog_ike_gone_t;

#include "ike_sa.h"

/**
 * IKE_SAs whose trace is about to end, as they are gone, or are not captured anymore.
 *
 * The trace of one that is gone ends a little later, as last messages may still have to be
 * sent.  That of one that stays up ends once all messages were read that were logged before.
 *
 * Guarded by the mutex of nflog_ike_messages_t.
 */
struct nflog_ike_gone_t {

	/**
	 * Add an IKE_SA whose trace has begun.
	 *
	 * @param sa		IKE_SA, gets owned
	 * @param up		TRUE if it stays up
	 */
	void (*add)(nflog_ike_gone_t *this, nflog_ike_sa_t *sa, bool up);

	/**
	 * Find the IKE_SA, one that stays up, whose trace a message still belongs to, as it was
	 * logged before.  If it is not stamped, that is assumed until the trace ends.
	 *
	 * @param id		unique id of the IKE_SA that has the message
	 * @param logged	message
	 * @return			IKE_SA, NULL if there is none
	 */
	nflog_ike_sa_t *(*find)(nflog_ike_gone_t *this, uint32_t id, nflog_logged_t *logged);

	/**
	 * Remove an IKE_SA whose trace may end now.
	 *
	 * @param idle		TRUE if nothing was left to read, else traces end a while later
	 * @param timeout	receives the time until the next one may end, in ms, -1 for never, if
	 *					none may now
	 * @return			IKE_SA, owned by the caller, NULL if there is none
	 */
	nflog_ike_sa_t *(*remove_due)(nflog_ike_gone_t *this, bool idle, int *timeout);

	/**
	 * Remove any IKE_SA.
	 *
	 * @return			IKE_SA, owned by the caller, NULL if there is none
	 */
	nflog_ike_sa_t *(*remove_first)(nflog_ike_gone_t *this);

	/**
	 * Get the number of IKE_SAs.
	 *
	 * @return			number
	 */
	u_int (*get_count)(nflog_ike_gone_t *this);

	/**
	 * Destroy a nflog_ike_gone_t, which has no IKE_SAs.
	 */
	void (*destroy)(nflog_ike_gone_t *this);
};

/**
 * Create a nflog_ike_gone_t instance.
 */
nflog_ike_gone_t *nflog_ike_gone_create();

#endif /** NFLOG_IKE_GONE_H_ @}*/
