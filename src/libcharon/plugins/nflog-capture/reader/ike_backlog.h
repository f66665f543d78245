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
 * @defgroup nflog_ike_backlog nflog_ike_backlog
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_IKE_BACKLOG_H_
#define NFLOG_IKE_BACKLOG_H_

typedef struct nflog_ike_backlog_t nflog_ike_backlog_t;
typedef struct nflog_backlogs_t nflog_backlogs_t;

#include "shares.h"
#include "ike_unknown.h"

/**
 * Messages of an IKE_SA that are kept until its trace begins.
 */
struct nflog_ike_backlog_t {
	/** bounds them, while there are any, has to be first */
	nflog_held_t held;
	/** messages, nflog_kept_t */
	linked_list_t *messages;
	/** bytes of memory they take */
	size_t bytes;
	/** TRUE if all were dropped, others are then too, until it is empty again */
	bool closed;
	/** messages sent and received that were dropped */
	uint64_t dropped[2];
};

/**
 * Bounds backlogs.
 *
 * Each has up to 64 KiB, all together have 8 MiB, those of a single source 4 MiB.
 * How many IKE_SAs there are, and for how long, is up to charon
 * (half_open_timeout, block_threshold, init_limit_half_open).  Not thread-safe.
 */
struct nflog_backlogs_t {

	/**
	 * Add a message to a backlog.  If it does not fit it is dropped, as the first
	 * ones tell most, and if all are too large, the one that exists for the
	 * longest time is emptied.
	 *
	 * @param backlog	backlog of the IKE_SA
	 * @param peer		address of the peer, 4 or 16 bytes
	 * @param kept		message, gets owned
	 */
	void (*add)(nflog_backlogs_t *this, nflog_ike_backlog_t *backlog,
				chunk_t peer, nflog_kept_t *kept);

	/**
	 * Remove the first message of a backlog.
	 *
	 * @param backlog	backlog of the IKE_SA
	 * @return			message, owned by the caller, NULL if it is empty
	 */
	nflog_kept_t *(*remove_first)(nflog_backlogs_t *this,
								  nflog_ike_backlog_t *backlog);

	/**
	 * Drop all messages of a backlog.
	 *
	 * @param backlog	backlog of the IKE_SA
	 */
	void (*empty)(nflog_backlogs_t *this,
				  nflog_ike_backlog_t *backlog);

	/**
	 * Destroy a nflog_backlogs_t, all backlogs are empty.
	 */
	void (*destroy)(nflog_backlogs_t *this);
};

/**
 * Create a nflog_backlogs_t instance.
 */
nflog_backlogs_t *nflog_backlogs_create();

#endif /** NFLOG_IKE_BACKLOG_H_ @}*/
