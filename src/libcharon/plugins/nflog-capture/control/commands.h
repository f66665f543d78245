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
 * @defgroup nflog_commands nflog_commands
 * @{ @ingroup nflog_capture
 */

#ifndef NFLOG_COMMANDS_H_
#define NFLOG_COMMANDS_H_

typedef struct nflog_commands_t nflog_commands_t;

#include "channel.h"
#include "options/requests.h"
#include "reader/pipeline.h"

/**
 * Runs the commands that clients of the control socket send.
 *
 * A command is an object with the fields "version", which is NFLOG_CHANNEL_VERSION,
 * "command", and what the command knows besides.  It is answered by objects with the field
 * "type", the last one of which is of type "end" or "error".
 *
 * Thread-safe, no lock is held.
 */
struct nflog_commands_t {

	/**
	 * Run a command, and answer it.  May wait for the client, and for what the command does.
	 *
	 * @param channel	connection to the client
	 * @param line		command, NULL-terminated
	 * @param len		its length
	 */
	void (*run)(nflog_commands_t *this, nflog_channel_t *channel, char *line,
				size_t len);

	/**
	 * Destroy a nflog_commands_t.
	 */
	void (*destroy)(nflog_commands_t *this);
};

/**
 * Create a nflog_commands_t instance.
 *
 * @param pipeline	has the traces, not owned
 * @param requests	has the requests to start and stop captures, not owned
 */
nflog_commands_t *nflog_commands_create(nflog_pipeline_t *pipeline,
										nflog_requests_t *requests);

#endif /** NFLOG_COMMANDS_H_ @}*/
