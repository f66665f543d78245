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

#include "ike_messages.h"
#include "traces/queue.h"
#include "rules/sa.h"
#include "traces/writer.h"

/**
 * Reads packets from the NFLOG groups, finds their SA, and queues them for the SA's
 * trace.
 *
 * There are as many lanes as the queue has, each with a thread.  Another thread ends
 * SAs, and the traces of IKE_SAs, it starts with the first SA.  Lanes and rules exist
 * only while there are SAs.
 *
 * Threads and sockets get the capabilities of the thread that adds an SA, or enables
 * IKE messages first, so that must have CAP_NET_ADMIN.
 */
struct nflog_reader_t {

	/**
	 * Begin to keep packets that arrive for an SPI, before there is an SA.
	 *
	 * Until settle() is called they are kept in memory, see nflog_early_t.
	 * If that is not possible, the SA's packets are captured from add() on only.
	 *
	 * @param conn		name of the connection
	 * @param dst		destination address
	 * @param spi		SPI, in network order
	 */
	void (*expect)(nflog_reader_t *this, char *conn, host_t *dst,
				   uint32_t spi);

	/**
	 * The kernel has the SA with an SPI, or there will be none.  If it was added,
	 * this gets the number of packets that arrived before, otherwise those that
	 * were kept are dropped.
	 *
	 * @param dst		destination address
	 * @param spi		SPI, in network order, need not be expected
	 */
	void (*settle)(nflog_reader_t *this, host_t *dst, uint32_t spi);

	/**
	 * Begin to capture the packets of an SA, before the kernel has it.
	 *
	 * It gets the packets that were kept for its SPI, if any.
	 * If its rules can't be added, which is logged, that is tried again later.
	 * Waits for nflog_values_max_wait() at most, as does update().
	 *
	 * @param sa		SA, owned by the reader if successful, the caller may read
	 *					what describes it until it calls remove()
	 * @return			FALSE if not possible, which is logged
	 */
	bool (*add)(nflog_reader_t *this, nflog_sa_t *sa);

	/**
	 * Go on with an SA that is about to get another address or reqid.
	 *
	 * Until updated() is called its packets are captured with either.
	 *
	 * @param sa		SA as added
	 * @param dst		new destination address
	 * @param reqid		new reqid
	 */
	void (*update)(nflog_reader_t *this, nflog_sa_t *sa,
				   host_t *dst, uint32_t reqid);

	/**
	 * The kernel changed the address or reqid of an SA, or refused to.
	 *
	 * @param sa		SA as added
	 * @param success	TRUE if they changed
	 */
	void (*updated)(nflog_reader_t *this, nflog_sa_t *sa,
					bool success);

	/**
	 * End the capture of an SA, once all packets that the kernel logged so far
	 * are read.  This returns at once, the SA must not be used anymore.
	 *
	 * @param sa		SA as added
	 */
	void (*remove)(nflog_reader_t *this, nflog_sa_t *sa);

	/**
	 * Keep the packets of an SA that is not captured out of the traces of others, whose
	 * traffic selectors they may match, if charon does ESP itself.
	 *
	 * @param sa		SA with selectors, without traces, gets owned
	 */
	void (*exclude)(nflog_reader_t *this, nflog_sa_t *sa);

	/**
	 * An SA that is excluded is gone.
	 *
	 * @param dst		destination address
	 * @param spi		SPI, in network order, need not be excluded
	 */
	void (*include)(nflog_reader_t *this, host_t *dst, uint32_t spi);

	/**
	 * Begin or end to capture IKE messages, of IKE_SAs with a trace they are
	 * captured to the end.
	 *
	 * Waits for nflog_values_max_wait() at most, and goes on to try after that.
	 *
	 * @param enable	TRUE to capture them
	 */
	void (*capture_ike)(nflog_reader_t *this, bool enable);

	/**
	 * Check if IKE messages are to be captured.
	 *
	 * @return			TRUE if so
	 */
	bool (*captures_ike)(nflog_reader_t *this);

	/**
	 * Retry what failed, as its cause may be gone.
	 */
	void (*retry)(nflog_reader_t *this);

	/**
	 * Wake up the thread, as there are kept IKE messages to flush, or traces
	 * of IKE_SAs to end.
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
 * @param writer	to which traces are released, not owned
 * @param ike_messages	where IKE messages are brought to, not owned
 */
nflog_reader_t *nflog_reader_create(
							nflog_queue_t *queue,
							nflog_writer_t *writer,
							nflog_ike_messages_t *ike_messages);

#endif /** NFLOG_READER_H_ @}*/
