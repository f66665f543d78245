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
 * @defgroup nflog_ike_messages nflog_ike_messages
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_IKE_MESSAGES_H_
#define NFLOG_IKE_MESSAGES_H_

typedef struct nflog_ike_messages_t nflog_ike_messages_t;
typedef struct nflog_missed_t nflog_missed_t;
typedef enum nflog_ike_state_t nflog_ike_state_t;

#include "group.h"
#include "traces/queue.h"
#include "traces/trace.h"
#include "traces/writer.h"

#include <networking/host.h>

/**
 * State of an IKE_SA.
 */
enum nflog_ike_state_t {
	/** unknown */
	NFLOG_IKE_NONE,
	/** undecided whether it is captured, messages are kept */
	NFLOG_IKE_UNDECIDED,
	/** not captured, messages are dropped */
	NFLOG_IKE_REFUSED,
	/** captured, messages are kept until the trace begins */
	NFLOG_IKE_WAITING,
	/** captured, the trace has begun */
	NFLOG_IKE_STARTED,
	/** the same, but the trace has as many packets as requested, get_state() only */
	NFLOG_IKE_FULL,
};

/**
 * Packets dropped so far before their IKE_SA or SA was known.
 */
struct nflog_missed_t {
	/** dropped by the kernel: packets that left, and packets that arrived */
	uint64_t lost[2];
	/** incomplete IPv6 packets that arrived, dropped for exceeding a bound */
	uint64_t incomplete;
	/** time without rules for IKE messages, in ms */
	uint64_t time;
};

/**
 * Passes IKE messages to the traces of their IKE_SAs.
 *
 * Messages are found by both SPIs, or as long as there is no responder SPI, by the
 * initiator SPI and the address of the peer.
 *
 * As the connection of an IKE_SA becomes known later, its messages are kept in memory until
 * then: up to 64 KiB for an IKE_SA, 8 MiB and 16,384 IKE_SAs in all, half of that for peers
 * with the same address, or IPv6 prefix of 64 bits.  Beyond that, all messages of the oldest
 * IKE_SA are dropped, and counted by its trace.  For messages of IKE_SAs that charon has not
 * created yet, see nflog_ike_unknown_t.
 *
 * All methods but destroy() are thread-safe.
 */
struct nflog_ike_messages_t {

	/**
	 * Set the SPIs and the peer of an IKE_SA, creates it if it is unknown.
	 *
	 * @param id		unique id of the IKE_SA
	 * @param spi_i		SPI of the initiator, in network order
	 * @param spi_r		SPI of the responder, in network order, 0 if not known
	 * @param peer		current peer
	 * @param flush		set to TRUE if flush() has to be called
	 * @return			state of the IKE_SA, UNDECIDED if it was unknown
	 */
	nflog_ike_state_t (*update)(nflog_ike_messages_t *this,
								uint32_t id, uint64_t spi_i,
								uint64_t spi_r, host_t *peer,
								bool *flush);

	/**
	 * Capture an undecided IKE_SA, which waits for start() then.
	 *
	 * @param id		unique id of the IKE_SA
	 * @param trace		its trace, gets owned
	 * @param label		name of the IKE_SA, for prefixes
	 * @param points	capture points, a bit (1 << nflog_point_t) for each
	 */
	void (*capture)(nflog_ike_messages_t *this, uint32_t id, nflog_trace_t *trace,
					char *label, u_int points);

	/**
	 * Don't capture an undecided IKE_SA, until options change.
	 *
	 * @param id		unique id of the IKE_SA
	 */
	void (*refuse)(nflog_ike_messages_t *this, uint32_t id);

	/**
	 * Make refused IKE_SAs undecided again, as options changed.
	 */
	void (*reconsider)(nflog_ike_messages_t *this);

	/**
	 * Begin the trace of a waiting IKE_SA.  flush() has to be called then, for its kept
	 * messages.
	 *
	 * @param id		unique id of the IKE_SA
	 * @param early		TRUE if the IKE_SA is not established
	 */
	void (*start)(nflog_ike_messages_t *this, uint32_t id, bool early);

	/**
	 * Note that an IKE_SA is established.
	 *
	 * @param id		unique id of the IKE_SA
	 * @return			TRUE the first time, if its trace began before
	 */
	bool (*establish)(nflog_ike_messages_t *this, uint32_t id);

	/**
	 * Get the state of an IKE_SA.
	 *
	 * @param id		unique id of the IKE_SA
	 * @return			state, NONE if it is unknown, or undecided without messages
	 */
	nflog_ike_state_t (*get_state)(nflog_ike_messages_t *this,
								   uint32_t id);

	/**
	 * Find an IKE_SA by its messages without responder SPI.
	 *
	 * @param spi_i		SPI of the initiator, in network order
	 * @param peer		peer
	 * @return			state, NONE if there is no such IKE_SA
	 */
	nflog_ike_state_t (*find)(nflog_ike_messages_t *this,
							  uint64_t spi_i, host_t *peer);

	/**
	 * Remove an undecided IKE_SA, but keep its messages for a while, as another one may
	 * continue with its initiator SPI and peer.
	 *
	 * @param id		unique id of the IKE_SA
	 */
	void (*shelve)(nflog_ike_messages_t *this, uint32_t id);

	/**
	 * Remove an IKE_SA.  If its trace has begun, it ends a little later, as last messages may
	 * still have to be sent, or be read, otherwise kept messages are dropped.
	 *
	 * @param id		unique id of the IKE_SA
	 * @param up		TRUE if it stays up, and just its capture ends: its trace gets the
	 *					messages that were logged before
	 */
	void (*remove)(nflog_ike_messages_t *this, uint32_t id, bool up);

	/**
	 * Remove all IKE_SAs, before shutting down.  Traces of waiting ones begin before.
	 */
	void (*remove_all)(nflog_ike_messages_t *this);

	/**
	 * Handle a logged packet.  Called by the thread of the first lane.
	 *
	 * @param logged	packet
	 * @param inbound	TRUE if it was received
	 */
	void (*handle)(nflog_ike_messages_t *this,
				   nflog_logged_t *logged, bool inbound);

	/**
	 * Set a callback that gets the packets dropped so far.  Called when an IKE_SA becomes
	 * known, with nothing locked here.
	 *
	 * @param cb		callback, NULL to use what the last flush() got
	 * @param data		data to pass to cb
	 */
	void (*set_missed_cb)(nflog_ike_messages_t *this,
						  void (*cb)(void *data, nflog_missed_t *missed),
						  void *data);

	/**
	 * Queue the kept messages of traces that have begun, and end the traces of removed
	 * IKE_SAs.
	 *
	 * All are added to the first lane of the queue, which has to be locked.
	 *
	 * @param missed	packets dropped so far
	 * @param idle		TRUE if nothing was left to read, else traces end a while later
	 * @return			time until this has to be called again, in ms, -1 for never
	 */
	int (*flush)(nflog_ike_messages_t *this,
				 nflog_missed_t *missed, bool idle);

	/**
	 * Get the number of traces.
	 *
	 * @return			number of captured IKE_SAs, including removed ones whose trace has not
	 *					ended yet
	 */
	u_int (*get_count)(nflog_ike_messages_t *this);

	/**
	 * Destroy a nflog_ike_messages_t, ends all traces.
	 */
	void (*destroy)(nflog_ike_messages_t *this);
};

/**
 * Create a nflog_ike_messages_t instance.
 *
 * @param queue		where messages are queued, not owned
 * @param writer	writes traces, not owned
 */
nflog_ike_messages_t *nflog_ike_messages_create(
							nflog_queue_t *queue,
							nflog_writer_t *writer);

#endif /** NFLOG_IKE_MESSAGES_H_ @}*/
