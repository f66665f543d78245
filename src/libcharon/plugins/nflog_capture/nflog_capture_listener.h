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
 * @defgroup nflog_capture_listener nflog_capture_listener
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_CAPTURE_LISTENER_H_
#define NFLOG_CAPTURE_LISTENER_H_

typedef struct nflog_capture_listener_t nflog_capture_listener_t;

#include "nflog_capture_captures.h"

#include <bus/bus.h>

/**
 * Listener that tells captures of events of their CHILD_SAs.
 */
struct nflog_capture_listener_t {

	/**
	 * Implements listener_t interface.
	 */
	listener_t listener;

	/**
	 * Destroy a nflog_capture_listener_t.
	 */
	void (*destroy)(nflog_capture_listener_t *this);
};

/**
 * Create a nflog_capture_listener_t instance.
 *
 * @param captures	told of events
 */
nflog_capture_listener_t *nflog_capture_listener_create(
										nflog_capture_captures_t *captures);

#endif /** NFLOG_CAPTURE_LISTENER_H_ @}*/
