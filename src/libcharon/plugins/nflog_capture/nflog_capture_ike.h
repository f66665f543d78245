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
 * @defgroup nflog_capture_ike nflog_capture_ike
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_CAPTURE_IKE_H_
#define NFLOG_CAPTURE_IKE_H_

typedef struct nflog_capture_ike_t nflog_capture_ike_t;

#include "nflog_capture_keys.h"
#include "nflog_capture_messages.h"
#include "nflog_capture_options.h"
#include "nflog_capture_reader.h"
#include "nflog_capture_writer.h"

#include <bus/bus.h>

/**
 * Listener that captures IKE_SAs, and writes their keys, if a child of their
 * connection is captured.
 *
 * As a responder the connection is not known before IKE_AUTH, until then the
 * keys are kept in memory.
 */
struct nflog_capture_ike_t {

	/**
	 * Implements listener_t interface.
	 */
	listener_t listener;

	/**
	 * Begin to capture IKE messages if anything is configured to do so, or end
	 * it if not.
	 */
	void (*reload)(nflog_capture_ike_t *this);

	/**
	 * Destroy a nflog_capture_ike_t, kept keys are wiped.
	 */
	void (*destroy)(nflog_capture_ike_t *this);
};

/**
 * Create a nflog_capture_ike_t instance.
 *
 * @param options	tells what is captured
 * @param store		where traces are created
 * @param keys		key tables
 * @param reader	reads packets
 * @param writer	writes the key tables
 * @param messages	brings messages to traces
 */
nflog_capture_ike_t *nflog_capture_ike_create(nflog_capture_options_t *options,
											  nflog_capture_store_t *store,
											  nflog_capture_keys_t *keys,
											  nflog_capture_reader_t *reader,
											  nflog_capture_writer_t *writer,
											  nflog_capture_messages_t *messages);

#endif /** NFLOG_CAPTURE_IKE_H_ @}*/
