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
 * @defgroup nflog_ike_sa nflog_ike_sa
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_IKE_SA_H_
#define NFLOG_IKE_SA_H_

typedef struct nflog_ike_sa_t nflog_ike_sa_t;
typedef struct nflog_ike_backlog_t nflog_ike_backlog_t;
typedef struct nflog_backlogs_t nflog_backlogs_t;

#include "ike_messages.h"
#include "ike_unknown.h"
#include "shares.h"
#include "traces/tap.h"

#include <collections/hashtable.h>

/**
 * Messages of an IKE_SA that are kept until its trace begins.
 */
struct nflog_ike_backlog_t {
	/** bounds the backlog while it has messages, has to be first */
	nflog_held_t held;
	/** messages, nflog_kept_t, owned */
	linked_list_t *messages;
	/** bytes of memory they take */
	size_t bytes;
	/** TRUE if all were dropped, so are later ones, until the backlog is emptied */
	bool closed;
	/** messages dropped, sent and received */
	uint64_t dropped[2];
};

/**
 * Bounds backlogs.
 *
 * A backlog has up to 64 KiB, all together 8 MiB, those of a single source 4 MiB.  charon
 * limits how many IKE_SAs there are, and for how long (half_open_timeout, block_threshold,
 * init_limit_half_open).  Not thread-safe.
 */
struct nflog_backlogs_t {

	/**
	 * Add a message to a backlog.  If the backlog is full, the message is dropped, as the first
	 * ones matter most.  If all are too large together, the oldest one is emptied.
	 *
	 * @param backlog	backlog of the IKE_SA
	 * @param peer		address of the peer, 4 or 16 bytes
	 * @param kept		message, owned by the backlog from now on
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
	 * Destroy a nflog_backlogs_t, all backlogs have to be empty.
	 */
	void (*destroy)(nflog_backlogs_t *this);
};

/**
 * Create a nflog_backlogs_t instance.
 */
nflog_backlogs_t *nflog_backlogs_create();

/**
 * IKE_SA, messages of which are kept, or captured.  Guarded by the mutex of
 * nflog_ike_messages_t.
 */
struct nflog_ike_sa_t {
	/** messages kept until the trace begins, has to be first */
	nflog_ike_backlog_t backlog;
	/** unique id */
	uint32_t id;
	/** key of messages without responder SPI */
	nflog_ike_key_t first;
	/** key of messages with both SPIs, without address */
	nflog_ike_key_t pair;
	/** state */
	nflog_ike_state_t state;
	/** trace, with a reference, NULL if not captured */
	nflog_trace_t *trace;
	/** capture points of sent and received messages */
	nflog_tap_t taps[2];
	/** when the IKE_SA became known, in s since 1970 */
	time_t begin;
	/** TRUE if the trace began before the IKE_SA was established */
	bool early;
	/** TRUE if the trace has begun, but the backlog has not been queued */
	bool pending;
	/** messages sent and received that may have been dropped before it was known */
	uint64_t unidentified[2];
	/** packets dropped before it was known */
	nflog_missed_t missed;
	/** when the trace ends after the IKE_SA was removed, monotonic */
	timeval_t deadline;
	/** if it stays up, time until which messages are of its trace, as they are stamped */
	timeval_t stopped;
};

/**
 * Create an undecided IKE_SA.
 *
 * @param id		unique id of the IKE_SA
 * @param missed	packets dropped so far
 * @return			IKE_SA
 */
nflog_ike_sa_t *nflog_ike_sa_create(uint32_t id,
											nflog_missed_t *missed);

/**
 * Set the key of messages without responder SPI.
 *
 * @param key		key to set
 * @param spi_i		SPI of the initiator, in network order
 * @param peer		peer
 */
void nflog_ike_sa_set_first(nflog_ike_key_t *key, uint64_t spi_i,
							host_t *peer);

/**
 * Set the keys by which messages of an IKE_SA are found, replacing former ones.
 *
 * @param sa		IKE_SA
 * @param keys		table of all keys, nflog_ike_key_t =>
 *					nflog_ike_sa_t
 * @param spi_i		SPI of the initiator, in network order
 * @param spi_r		SPI of the responder, in network order, 0 if not known
 * @param peer		peer
 * @return			TRUE if they changed
 */
bool nflog_ike_sa_set_keys(nflog_ike_sa_t *sa, hashtable_t *keys,
						   uint64_t spi_i, uint64_t spi_r, host_t *peer);

/**
 * Remove the keys by which messages of an IKE_SA are found.
 *
 * @param sa		IKE_SA
 * @param keys		table of all keys
 */
void nflog_ike_sa_remove_keys(nflog_ike_sa_t *sa,
							  hashtable_t *keys);

/**
 * Find the IKE_SA of a message.
 *
 * @param keys		table of all keys
 * @param key		key of the message
 * @return			IKE_SA, NULL if there is none
 */
nflog_ike_sa_t *nflog_ike_sa_find(hashtable_t *keys,
								  nflog_ike_key_t *key);

/**
 * Set the trace of an IKE_SA, which waits then.
 *
 * @param sa		IKE_SA
 * @param trace		trace, owned by the IKE_SA from now on
 * @param label		name of the IKE_SA, for prefixes
 * @param points	capture points, a bit (1 << nflog_point_t) for each
 */
void nflog_ike_sa_set_trace(nflog_ike_sa_t *sa,
							nflog_trace_t *trace, char *label,
							u_int points);

/**
 * Set the name of the trace by the SPIs, has to be done before it begins.  It starts when
 * the IKE_SA was met, if messages were kept since, otherwise now.
 *
 * @param sa		IKE_SA
 */
void nflog_ike_sa_set_name(nflog_ike_sa_t *sa);

/**
 * Queue a message for the trace of an IKE_SA, unless its direction is not captured.
 *
 * @param sa		IKE_SA with a trace
 * @param queue		where it is added to the first lane, which is locked
 * @param logged	message
 * @param inbound	TRUE if it was received
 */
void nflog_ike_sa_queue(nflog_ike_sa_t *sa, nflog_queue_t *queue,
						nflog_logged_t *logged, bool inbound);

/**
 * Set when the trace of a removed IKE_SA ends: a little later, as last messages may still
 * have to be sent, or if it stays up, once the kernel has passed on what was logged.
 *
 * @param sa		IKE_SA
 * @param up		TRUE if it stays up
 */
void nflog_ike_sa_set_gone(nflog_ike_sa_t *sa, bool up);

/**
 * Get the time until the trace of a removed IKE_SA ends.
 *
 * If it ends with messages possibly unread, counters of the trace state it (gave_up).
 *
 * @param sa		IKE_SA
 * @param idle		TRUE if nothing was left to read
 * @return			time in ms, 0 if it can end now
 */
int nflog_ike_sa_get_rest(nflog_ike_sa_t *sa, bool idle);

/**
 * Count what the trace misses.
 *
 * @param sa		IKE_SA
 * @param missed	packets dropped so far
 */
void nflog_ike_sa_count(nflog_ike_sa_t *sa,
						nflog_missed_t *missed);

/**
 * Release all references to the trace.
 *
 * @param sa		IKE_SA
 * @param writer	writer that ends it
 */
void nflog_ike_sa_release(nflog_ike_sa_t *sa, nflog_writer_t *writer);

/**
 * Destroy the trace if it never began, so it does not have to end.
 *
 * @param sa		IKE_SA
 */
void nflog_ike_sa_drop_trace(nflog_ike_sa_t *sa);

/**
 * Destroy an IKE_SA with an empty backlog, whose trace was released.
 */
void nflog_ike_sa_destroy(nflog_ike_sa_t *sa);

#endif /** NFLOG_IKE_SA_H_ @}*/
