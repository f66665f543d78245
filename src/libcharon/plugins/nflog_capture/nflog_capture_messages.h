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
 * @defgroup nflog_capture_messages nflog_capture_messages
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_CAPTURE_MESSAGES_H_
#define NFLOG_CAPTURE_MESSAGES_H_

typedef struct nflog_capture_messages_t nflog_capture_messages_t;

#include "nflog_capture_group.h"
#include "nflog_capture_queue.h"
#include "nflog_capture_trace.h"
#include "nflog_capture_writer.h"

/**
 * Brings IKE messages to the traces of their IKE_SAs.
 *
 * To which connection a message belongs is known only after it was captured, so
 * recent messages are kept in memory until then: of IKE_SAs that are captured
 * but have no trace yet up to 64 KiB each, and of all others together up to 4
 * MiB, of which the oldest are dropped first.
 */
struct nflog_capture_messages_t {

	/**
	 * An IKE_SA is to be captured.
	 *
	 * @param id		unique id of the IKE_SA
	 * @param store		where the trace is created
	 * @param conn		name of the connection
	 * @param label		name of the IKE_SA, for log messages and prefixes
	 * @param wish		what to capture
	 */
	void (*add)(nflog_capture_messages_t *this, uint32_t id,
				nflog_capture_store_t *store, char *conn, char *label,
				nflog_capture_wish_t *wish);

	/**
	 * Set the SPIs of an IKE_SA.
	 *
	 * Its trace begins once the SPI of the responder is known.
	 *
	 * @param id		unique id of the IKE_SA
	 * @param spi_i		SPI of the initiator, in network order
	 * @param spi_r		SPI of the responder, in network order, 0 if not known
	 * @param flush		set to TRUE if kept messages are to be flushed
	 * @return			FALSE if the IKE_SA was not added
	 */
	bool (*update)(nflog_capture_messages_t *this, uint32_t id, uint64_t spi_i,
				   uint64_t spi_r, bool *flush);

	/**
	 * Check if messages are kept that belong to no captured IKE_SA.
	 *
	 * @param spi_i		SPI of the initiator, in network order
	 * @return			TRUE if there are any with that SPI
	 */
	bool (*has_unknown)(nflog_capture_messages_t *this, uint64_t spi_i);

	/**
	 * An IKE_SA is gone, its trace ends a little later, as its last messages
	 * may still have to be sent.
	 *
	 * @param id		unique id of the IKE_SA
	 * @return			TRUE if it was captured
	 */
	bool (*remove)(nflog_capture_messages_t *this, uint32_t id);

	/**
	 * Handle all IKE_SAs as if they were removed, before shutting down.
	 */
	void (*remove_all)(nflog_capture_messages_t *this);

	/**
	 * Handle a logged packet, called by the reader's thread.
	 *
	 * @param logged	packet
	 * @param inbound	TRUE if it was received
	 */
	void (*handle)(nflog_capture_messages_t *this,
				   nflog_capture_logged_t *logged, bool inbound);

	/**
	 * Pass on kept messages of traces that have begun, and end traces of
	 * IKE_SAs that are gone, called by the reader's thread.
	 *
	 * @return			ms until this has to be called again, -1 if it need not be
	 */
	int (*flush)(nflog_capture_messages_t *this);

	/**
	 * Get the number of traces.
	 *
	 * @return			number of captured IKE_SAs
	 */
	u_int (*get_count)(nflog_capture_messages_t *this);

	/**
	 * Destroy a nflog_capture_messages_t, all traces end.
	 */
	void (*destroy)(nflog_capture_messages_t *this);
};

/**
 * Create a nflog_capture_messages_t instance.
 *
 * @param queue		where messages are queued
 * @param writer	writes traces
 */
nflog_capture_messages_t *nflog_capture_messages_create(
							nflog_capture_queue_t *queue,
							nflog_capture_writer_t *writer);

#endif /** NFLOG_CAPTURE_MESSAGES_H_ @}*/
