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
 * @defgroup nflog_listener nflog_listener
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_LISTENER_H_
#define NFLOG_LISTENER_H_

typedef struct nflog_listener_t nflog_listener_t;

#include "manager.h"

#include <bus/bus.h>

/**
 * Listener that tells captures of events of their CHILD_SAs.
 */
struct nflog_listener_t {

	/**
	 * Implements listener_t interface.
	 */
	listener_t listener;

	/**
	 * Destroy a nflog_listener_t.
	 */
	void (*destroy)(nflog_listener_t *this);
};

/**
 * Create a nflog_listener_t instance.
 *
 * @param manager	told of events
 */
nflog_listener_t *nflog_listener_create(
										nflog_manager_t *manager);

#endif /** NFLOG_LISTENER_H_ @}*/
