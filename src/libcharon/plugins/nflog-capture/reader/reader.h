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
 * @defgroup nflog_reader nflog_reader
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_READER_H_
#define NFLOG_READER_H_

typedef struct nflog_reader_t nflog_reader_t;

#include "awaiting.h"
#include "ike_messages.h"
#include "policies.h"
#include "traces/queue.h"
#include "rules/sa.h"
#include "traces/writer.h"

/**
 * Reads packets from the NFLOG groups, finds their SA, and queues them for its trace.
 *
 * Each lane of the queue has a thread.  Another thread, started with the first SA, ends SAs and
 * the traces of IKE_SAs.  Lanes and rules exist only while there are SAs, or IKE messages are
 * captured.
 *
 * Threads and sockets inherit the capabilities of the thread that first adds an SA, or enables
 * IKE messages, which needs CAP_NET_ADMIN.
 *
 * All methods but destroy() are thread-safe.
 */
struct nflog_reader_t {

	/**
	 * Begin to keep packets that arrive for an SPI that has no SA yet.
	 *
	 * They are kept in memory until settle() is called, see nflog_early_t.  On failure, packets
	 * are captured from add() on only.
	 *
	 * @param conn		name of the connection
	 * @param dst		destination address
	 * @param spi		SPI, in network order
	 */
	void (*expect)(nflog_reader_t *this, char *conn, host_t *dst,
				   uint32_t spi);

	/**
	 * End an SPI, as the kernel has its SA, or there will be none.  If the SA was added, it
	 * gets the number of packets that arrived before, otherwise kept packets are dropped.
	 *
	 * @param dst		destination address
	 * @param spi		SPI, in network order, need not be expected
	 */
	void (*settle)(nflog_reader_t *this, host_t *dst, uint32_t spi);

	/**
	 * Capture the packets of an SA, called before the kernel has it.
	 *
	 * Also captures the packets kept for its SPI.  If rules can't be added, which is logged,
	 * that is tried again later.  Waits for nflog_values_max_wait() ms at most, as does
	 * update().
	 *
	 * @param sa		SA, owned by the reader on success, the caller may then read its
	 *					description until it calls remove()
	 * @return			FALSE on failure, which is logged
	 */
	bool (*add)(nflog_reader_t *this, nflog_sa_t *sa);

	/**
	 * Prepare an SA for another address or reqid.
	 *
	 * Until updated() is called, packets are captured with old and new ones.
	 *
	 * @param sa		SA as added
	 * @param dst		new destination address
	 * @param reqid		new reqid
	 */
	void (*update)(nflog_reader_t *this, nflog_sa_t *sa,
				   host_t *dst, uint32_t reqid);

	/**
	 * Note that the kernel changed the address or reqid of an SA, or refused to.
	 *
	 * @param sa		SA as added
	 * @param success	TRUE if the kernel changed them
	 */
	void (*updated)(nflog_reader_t *this, nflog_sa_t *sa,
					bool success);

	/**
	 * End the capture of an SA, after all packets logged so far are read.  Returns at once,
	 * the SA must not be used anymore.
	 *
	 * @param sa		SA as added
	 */
	void (*remove)(nflog_reader_t *this, nflog_sa_t *sa);

	/**
	 * Keep the packets of an SA that is not captured out of traces of SAs with similar traffic
	 * selectors.  Needed only if charon does ESP itself.
	 *
	 * @param sa		SA with selectors, without traces, owned by the reader from now on
	 */
	void (*exclude)(nflog_reader_t *this, nflog_sa_t *sa);

	/**
	 * Remove an excluded SA.
	 *
	 * @param dst		destination address
	 * @param spi		SPI, in network order, need not be excluded
	 */
	void (*include)(nflog_reader_t *this, host_t *dst, uint32_t spi);

	/**
	 * Get the policies that charon installed, which explain why packets leave without their
	 * SA.
	 *
	 * @return			policies, owned by the reader, to be kept up to date
	 */
	nflog_policies_t *(*get_policies)(nflog_reader_t *this);

	/**
	 * Get what keeps packets that leave while the SA that they miss is negotiated.  The SA
	 * adopts them when it is added.
	 *
	 * @return			object, owned by the reader
	 */
	nflog_awaiting_t *(*get_awaiting)(nflog_reader_t *this);

	/**
	 * Begin or end to capture IKE messages.  IKE_SAs that have a trace are captured to the
	 * end.
	 *
	 * Waits for nflog_values_max_wait() ms at most, tries again after that.
	 *
	 * @param enable	TRUE to capture them
	 */
	void (*capture_ike)(nflog_reader_t *this, bool enable);

	/**
	 * Check if IKE messages are captured.
	 *
	 * @return			TRUE if so
	 */
	bool (*captures_ike)(nflog_reader_t *this);

	/**
	 * Retry what failed, as the cause may be gone.
	 */
	void (*retry)(nflog_reader_t *this);

	/**
	 * Wake up the thread that ends SAs, as kept IKE messages have to be flushed, or traces of
	 * IKE_SAs have to end.
	 */
	void (*flush_ike)(nflog_reader_t *this);

	/**
	 * Destroy a nflog_reader_t, after all SAs were removed.
	 */
	void (*destroy)(nflog_reader_t *this);
};

/**
 * Create a nflog_reader_t instance.
 *
 * Reads the option "group" whenever sockets are opened.
 *
 * @param queue		where packets are queued, not owned
 * @param writer	releases traces, not owned
 * @param ike_messages	gets IKE messages, not owned
 */
nflog_reader_t *nflog_reader_create(
							nflog_queue_t *queue,
							nflog_writer_t *writer,
							nflog_ike_messages_t *ike_messages);

#endif /** NFLOG_READER_H_ @}*/
