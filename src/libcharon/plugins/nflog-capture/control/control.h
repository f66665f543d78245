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
 * @defgroup nflog_control nflog_control
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_CONTROL_H_
#define NFLOG_CONTROL_H_

typedef struct nflog_control_t nflog_control_t;

#include "commands.h"

/** clients at a time, others are refused */
#define NFLOG_CONTROL_CLIENTS 16

/**
 * Accepts clients on the control socket, the stream service of the option "socket".
 *
 * The socket belongs to the user and group of charon, as those of its other plugins do, and
 * nobody else may use it.  Each client has a thread of its own, which reads commands and
 * answers them.  So whatever a client does, or does not do, holds up no other thread.
 *
 * The lock guards the list of clients, and is held for moments only.
 */
struct nflog_control_t {

	/**
	 * Destroy a nflog_control_t, disconnects all clients.
	 */
	void (*destroy)(nflog_control_t *this);
};

/**
 * Create a nflog_control_t instance.
 *
 * @param commands	runs the commands, gets owned
 * @return			NULL if the socket can't be opened, which is logged
 */
nflog_control_t *nflog_control_create(nflog_commands_t *commands);

#endif /** NFLOG_CONTROL_H_ @}*/
