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
 * What is known about an IKE_SA.
 */
enum nflog_ike_state_t {
	/** nothing */
	NFLOG_IKE_NONE,
	/** not whether it is captured, its messages are kept */
	NFLOG_IKE_UNDECIDED,
	/** it is not captured, its messages are dropped */
	NFLOG_IKE_REFUSED,
	/** it is captured, its messages are kept until its trace begins */
	NFLOG_IKE_WAITING,
	/** its trace began */
	NFLOG_IKE_STARTED,
};

/**
 * Packets that were dropped so far before it was known what they are.
 */
struct nflog_missed_t {
	/** by the kernel, packets that left, and that arrived */
	uint64_t lost[2];
	/** incomplete IPv6 packets that arrived */
	uint64_t incomplete;
	/** time for which there were no rules for messages, in ms */
	uint64_t time;
};

/**
 * Brings IKE messages to the traces of their IKE_SAs.
 *
 * Messages belong to an IKE_SA by both SPIs, and by the initiator's SPI and the
 * address of the peer as long as there is no responder's SPI.
 *
 * To which connection an IKE_SA belongs is known later, so its messages are kept
 * in memory until then: up to 64 KiB of an IKE_SA, 8 MiB of 16,384 IKE_SAs in all,
 * half of which with peers of the same address, or IPv6 prefix of 64 bits.  Where
 * that is exceeded all messages of the oldest one are dropped, which its trace
 * counts.  For messages of IKE_SAs that charon has not read yet see
 * nflog_ike_unknown_t.
 */
struct nflog_ike_messages_t {

	/**
	 * Set the SPIs and the peer of an IKE_SA, which is known from then on.
	 *
	 * @param id		unique id of the IKE_SA
	 * @param spi_i		SPI of the initiator, in network order
	 * @param spi_r		SPI of the responder, in network order, 0 if not known
	 * @param peer		its current peer
	 * @param flush		set to TRUE if kept messages are to be flushed
	 * @return			state of the IKE_SA, UNDECIDED if it was not known
	 */
	nflog_ike_state_t (*update)(nflog_ike_messages_t *this,
								uint32_t id, uint64_t spi_i,
								uint64_t spi_r, host_t *peer,
								bool *flush);

	/**
	 * An undecided IKE_SA is captured, it waits then.
	 *
	 * @param id		unique id of the IKE_SA
	 * @param store		where the trace is created
	 * @param conn		name of the connection
	 * @param label		name of the IKE_SA, for log messages and prefixes
	 * @param cfg		what to capture
	 */
	void (*capture)(nflog_ike_messages_t *this, uint32_t id,
					nflog_store_t *store, char *conn, char *label,
					nflog_cfg_t *cfg);

	/**
	 * An undecided IKE_SA is not captured, until options change.
	 *
	 * @param id		unique id of the IKE_SA
	 */
	void (*refuse)(nflog_ike_messages_t *this, uint32_t id);

	/**
	 * Options changed, refused IKE_SAs are undecided again.
	 */
	void (*reconsider)(nflog_ike_messages_t *this);

	/**
	 * Begin the trace of an IKE_SA that waits for that, kept messages are to be
	 * flushed then.
	 *
	 * @param id		unique id of the IKE_SA
	 * @param early		TRUE if it is not established
	 */
	void (*start)(nflog_ike_messages_t *this, uint32_t id, bool early);

	/**
	 * An IKE_SA is established.
	 *
	 * @param id		unique id of the IKE_SA
	 * @return			TRUE once, if its trace began before
	 */
	bool (*establish)(nflog_ike_messages_t *this, uint32_t id);

	/**
	 * Get the state of an IKE_SA.
	 *
	 * @param id		unique id of the IKE_SA
	 * @return			state, NONE also if it is undecided without any messages
	 */
	nflog_ike_state_t (*get_state)(nflog_ike_messages_t *this,
								   uint32_t id);

	/**
	 * Find the IKE_SA that has messages without responder SPI.
	 *
	 * @param spi_i		SPI of the initiator, in network order
	 * @param peer		its peer
	 * @return			state, NONE if there is no such IKE_SA
	 */
	nflog_ike_state_t (*find)(nflog_ike_messages_t *this,
							  uint64_t spi_i, host_t *peer);

	/**
	 * An undecided IKE_SA is gone, its messages are kept for a while, as another
	 * one may go on with its initiator SPI and peer.
	 *
	 * @param id		unique id of the IKE_SA
	 */
	void (*shelve)(nflog_ike_messages_t *this, uint32_t id);

	/**
	 * An IKE_SA is gone.  If its trace began it ends a little later, as its last
	 * messages may still have to be sent, otherwise its messages are dropped.
	 *
	 * @param id		unique id of the IKE_SA
	 */
	void (*remove)(nflog_ike_messages_t *this, uint32_t id);

	/**
	 * Handle all IKE_SAs as if they were removed, before shutting down, traces
	 * of those that wait begin before.
	 */
	void (*remove_all)(nflog_ike_messages_t *this);

	/**
	 * Handle a logged packet, called by the thread of the first lane.
	 *
	 * @param logged	packet
	 * @param inbound	TRUE if it was received
	 */
	void (*handle)(nflog_ike_messages_t *this,
				   nflog_logged_t *logged, bool inbound);

	/**
	 * Set what gets the packets that were dropped so far, called with nothing locked
	 * here when an IKE_SA becomes known.
	 *
	 * @param cb		callback, with its data, NULL for those of the last flush
	 * @param data		data to pass to cb
	 */
	void (*set_missed_cb)(nflog_ike_messages_t *this,
						  void (*cb)(void *data, nflog_missed_t *missed),
						  void *data);

	/**
	 * Pass on kept messages of traces that have begun, and end traces of
	 * IKE_SAs that are gone.
	 *
	 * All is added to the first lane of the queue, which must be locked.
	 *
	 * @param missed	packets that were dropped so far
	 * @param idle		TRUE if there was nothing left to read, traces end a while later
	 *					if there always is
	 * @return			ms until this has to be called again, -1 if it need not be
	 */
	int (*flush)(nflog_ike_messages_t *this,
				 nflog_missed_t *missed, bool idle);

	/**
	 * Get the number of traces.
	 *
	 * @return			number of captured IKE_SAs
	 */
	u_int (*get_count)(nflog_ike_messages_t *this);

	/**
	 * Destroy a nflog_ike_messages_t, all traces end.
	 */
	void (*destroy)(nflog_ike_messages_t *this);
};

/**
 * Create a nflog_ike_messages_t instance.
 *
 * @param queue		where messages are queued
 * @param writer	writes traces
 */
nflog_ike_messages_t *nflog_ike_messages_create(
							nflog_queue_t *queue,
							nflog_writer_t *writer);

#endif /** NFLOG_IKE_MESSAGES_H_ @}*/
